from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from keras_leuk.data.splits import split
from keras_leuk.papers.library import paper
from keras_leuk.papers.replicate_adapted import adapted
from keras_leuk.papers.replicate_data import DataFacts
from keras_leuk.papers.replicate_request import Study, Wanted, studies
from keras_leuk.training.preflight import split_seed

TWO, TWELVE = {"HEM": 40, "ALL": 80}, {f"K{i:02}": 30 for i in range(12)}


def facts(in_parts: Mapping[str, Mapping[str, int]], subjects: int | None = 30) -> DataFacts:
    classes: dict[str, int] = {}
    for counts in in_parts.values():
        for name, number in counts.items():
            classes[name] = classes.get(name, 0) + number
    return DataFacts("made up", False, classes, None, subjects, (), {}, in_parts)


def one(key: str, protocol: str, arm: str | None = None, **settings: object) -> Study:
    return studies(paper(key), Wanted("demo", (protocol,), arm, **settings))[0][0]  # type: ignore[arg-type]


def drawn(study: Study, data: DataFacts) -> pd.Series:
    """Side of each of made-up images, as the adapted recipe draws it: no error is part of the promise."""
    rows = [(part or None, name) for part, counts in data.in_parts.items() for name, n in counts.items() for _ in range(n)]
    table = pd.DataFrame(
        {
            "image": [f"{i}.png" for i in range(len(rows))],
            "label": [name for _, name in rows],
            "subject": [f"{part} {name} {i % 10}" for i, (part, name) in enumerate(rows)]
            if data.subjects
            else [None] * len(rows),
            "fold": [None] * len(rows),
            "part": [part for part, _ in rows],
            "pixels": [f"hash{i}" for i in range(len(rows))],
        },
        dtype=object,
    )
    recipe = study.recipe
    if recipe.data.parts is not None:
        table = table[table["part"].isin(recipe.data.parts)].reset_index(drop=True)
    settings = recipe.split.model_copy(update={"link_subjects": "equal"})  # a search for cells needs real pictures
    return split(table, settings, split_seed(recipe), list(data.classes)).rows["split"]


WHOLE = facts({"training": TWO, "preliminary": TWO})


@pytest.mark.parametrize("protocol", ["paper", "honest"])
@pytest.mark.parametrize("key", ["fata2023", "mantri2024", "mulya2023", "vijesh2024"])
def test_data_like_the_papers_change_nothing(key: str, protocol: str) -> None:
    study = one(key, protocol)
    assert adapted(study, WHOLE) == (study, [])


DATA = {
    "plain": facts({"": TWO}),
    "without subjects": facts({"": TWO}, None),
    "train and test": facts({"training": TWO, "test": TWO}),
    "train and test without subjects": facts({"training": TWO, "test": TWO}, None),
    "training part only": facts({"training": TWO}),
    "twelve classes": facts({"": TWELVE}),
    "twelve classes without subjects": facts({"": TWELVE}, None),
    "one rare class": facts({"": {"HEM": 21, "ALL": 379}}),
}


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("protocol", ["paper", "honest"])
@pytest.mark.parametrize("key", ["badruzzaman2024", "fata2023", "mantri2024", "mulya2023", "vijesh2024"])
def test_after_adapting_any_data_can_be_split(key: str, protocol: str, name: str) -> None:
    data = DATA[name]
    study, lines = adapted(one(key, protocol), data)
    sides = drawn(study, data)
    assert (sides == "train").any()
    assert (sides == "test").any()
    assert all(line and "\n" not in line for line in lines)
    # Adapted once is adapted for good.
    assert adapted(study, data)[0] == study


def test_a_part_that_is_missing_is_read_as_all_images() -> None:
    study, lines = adapted(one("fata2023", "paper"), DATA["plain"])
    assert study.recipe.data.parts is None
    assert lines == ["all labelled images, because the data have no part 'training'"]
    study, lines = adapted(one("mulya2023", "paper"), DATA["training part only"])
    assert lines == ["all labelled images, because the data have no part 'preliminary'"]


@pytest.mark.parametrize(
    ("name", "strategy", "words"),
    [
        ("plain", "subject", "by subject"),
        ("training part only", "subject", "by subject"),
        ("train and test", "subject", "by subject"),
        ("without subjects", "random", "subjects are unknown"),
        ("train and test without subjects", "table", "own training and test parts"),
    ],
)
def test_the_official_split_gives_way_to_the_most_honest_there_is(name: str, strategy: str, words: str) -> None:
    study, lines = adapted(one("fata2023", "honest"), DATA[name])
    assert study.recipe.split.strategy == strategy
    assert study.recipe.split.drop_linked is (strategy == "table")
    assert any(words in line and "no preliminary part" in line for line in lines)


def test_a_split_by_subject_needs_subjects() -> None:
    study, lines = adapted(one("mulya2023", "paper", "by-subject"), DATA["without subjects"])
    assert study.recipe.split.strategy == "random"
    assert "a split at random by image, because subjects are unknown" in lines


def test_balanced_sides_give_way_where_they_would_take_too_much_of_a_class() -> None:
    study, lines = adapted(one("mantri2024", "paper"), DATA["one rare class"])
    assert study.recipe.split.balanced is False
    assert "sides with the shares of the data, because a class is too small for balanced ones" in lines
    # C-NMC's own shares leave enough.
    assert adapted(one("mantri2024", "paper"), facts({"training": {"HEM": 3389, "ALL": 7272}}))[0].recipe.split.balanced
    # An official split is not drawn, and not balanced.
    assert not any("balanced" in line for line in adapted(one("mantri2024", "honest"), DATA["one rare class"])[1])


def test_what_the_user_sets_comes_first_and_is_not_adapted_away() -> None:
    study, lines = adapted(one("fata2023", "honest", sets=("split.strategy=random", "split.drop_linked=false")), DATA["plain"])
    assert study.recipe.split.strategy == "random"
    assert lines == []


def test_another_backbone_is_told() -> None:
    study = one("fata2023", "paper", instead={"vgg16": "mobilenet"})
    assert adapted(study, WHOLE) == (study, ["mobilenet in the place of vgg16"])


def test_the_random_split_of_the_paper_keeps_its_exact_counts() -> None:
    counts = drawn(one("fata2023", "paper"), facts({"training": {"HEM": 3389, "ALL": 7272}})).value_counts()
    assert (int(counts["train"]), int(counts["test"])) == (8528, 2133)
    assert np.isnan(counts.get("validation", np.nan))
