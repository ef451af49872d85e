from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_leuk.models.backbones import BACKBONES
from keras_leuk.papers.library import paper, papers
from keras_leuk.papers.replicate_adapted import adapted
from keras_leuk.papers.replicate_budget import FEWEST, Cut, apply, cuts, fewest, fit, work
from keras_leuk.papers.replicate_data import DataFacts
from keras_leuk.papers.replicate_request import BACKBONE, SEED, Study, Wanted, studies, touches
from keras_leuk.training.preflight import check

EPOCHS = "training.epochs"
SHAPING = ("model", "images.size", "split", "training.augment.views")
ARMS = [
    (one.key, arm.name)
    for one in papers()
    for arm in one.arms
    if arm.default or any(touches(key, section) for key in arm.keys for section in SHAPING)
]
"""The default arms, and those that change what cuts change, too."""


@cache
def data(key: str) -> DataFacts:
    """The paper's own data, C-NMC with both labelled parts."""
    if key == "badruzzaman2024":
        counts = dict(paper(key).facts.data.images)
        return DataFacts("bone marrow", False, counts, None, None, (), {}, {"": counts})
    parts = {"training": {"HEM": 3389, "ALL": 7272}, "preliminary": {"HEM": 648, "ALL": 1219}}
    return DataFacts("C-NMC 2019", False, {"HEM": 4037, "ALL": 8491}, "ALL", 101, (), {}, parts)


@cache
def asked(key: str, arm: str | None = None) -> tuple[Study, ...]:
    found = studies(paper(key), Wanted("demo", arm=arm))[0]
    return tuple(adapted(study, data(key))[0] for study in found)


def is_trained(study: Study) -> bool:
    return study.recipe.model.fine_tune != "none"


def rungs(study: Study, key: str) -> list[Cut]:
    return list(cuts(data(key).images, is_trained(study)))


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("images", [150, 600, 12_528, 170_000])
def test_every_rung_leaves_less_than_the_one_before(images: int, trained: bool) -> None:
    found = list(cuts(images, trained))
    assert found[0] == Cut()
    assert len(set(found)) == len(found)
    for before, after in pairwise(found):
        for name in ("views", "epochs", "images", "size"):
            old, new = getattr(before, name), getattr(after, name)
            assert old is None or (new is not None and new <= old)
        assert after.one_seed >= before.one_seed
        assert after.frozen >= before.frozen
    assert found[-1].images == FEWEST
    assert found[-1].frozen is trained


@pytest.mark.parametrize(("key", "arm"), ARMS)
def test_every_cut_is_a_recipe_that_can_be_trained(key: str, arm: str) -> None:
    known = data(key)
    for study in asked(key, arm):
        for cut in rungs(study, key):
            left, _ = apply(paper(key), study, cut, known)
            recipe = left.recipe
            for name in left.backbones:
                parts = check(recipe.model_copy(update={"model": recipe.model.model_copy(update={"backbone": name})}))
                assert parts.size >= BACKBONES[name].minimum_size
            assert recipe.data.sample is None or recipe.data.sample >= fewest(recipe, known) >= FEWEST
            assert all(left.lists.values())
            assert left.lists.keys() == study.lists.keys()


@pytest.mark.parametrize(("key", "arm"), ARMS)
def test_what_published_rows_name_stays_within_reach(key: str, arm: str) -> None:
    """Whatever is cut, a run is left for every value of every key that a row names."""
    rows = [cell.ours for table in paper(key).tables for cell in table.cells if cell.ours]
    for study in asked(key, arm):
        named = [ours for ours in rows if all(value in study.lists.get(name, (value,)) for name, value in ours.items())]
        for cut in rungs(study, key):
            left, _ = apply(paper(key), study, cut, data(key))
            assert left.lists.get(BACKBONE) == study.lists.get(BACKBONE)
            for ours in named:
                assert SEED not in ours or ours[SEED] in left.lists.get(SEED, (0,))
                if EPOCHS in ours:
                    assert min(ours[EPOCHS], left.most_epochs or ours[EPOCHS]) in left.lists[EPOCHS]


def test_mulya2023_keeps_the_three_seeds_of_its_folds_and_others_keep_one() -> None:
    for study in asked("mulya2023"):
        left, lines = apply(paper("mulya2023"), study, Cut(one_seed=True), data("mulya2023"))
        assert (left.lists[SEED], lines) == ((0, 1, 2), [])
    honest = asked("fata2023")[1]
    left, lines = apply(paper("fata2023"), honest, Cut(one_seed=True), data("fata2023"))
    assert (left.lists[SEED], lines) == ((0,), ["1 of 5 seeds"])


def test_a_training_that_ends_earlier_stands_for_every_longer_one() -> None:
    study = asked("fata2023", "fine-tuned")[0]
    left, lines = apply(paper("fata2023"), study, Cut(epochs=30), data("fata2023"))
    assert left.lists[EPOCHS] == (10, 20, 30)
    assert (left.most_epochs, lines) == (30, ["at most 30 of 100 epochs"])
    # A frozen backbone's epochs cost nearly nothing.
    frozen = asked("fata2023")[0]
    assert apply(paper("fata2023"), frozen, Cut(epochs=30), data("fata2023")) == (frozen, [])


def test_images_are_counted_of_the_parts_that_a_recipe_takes() -> None:
    both = asked("fata2023")
    told = [apply(paper("fata2023"), study, Cut(images=6264), data("fata2023")) for study in both]
    assert [lines for _, lines in told] == [["6,264 of 10,661 images"], ["6,264 of 12,528 images"]]
    assert [apply(paper("fata2023"), study, Cut(images=11_000), data("fata2023"))[1] for study in both] == [
        [],
        ["11,000 of 12,528 images"],
    ]


def test_a_cut_never_takes_back_what_the_user_set() -> None:
    study = studies(paper("mulya2023"), Wanted("demo", sets=("data.sample=300", "images.size=90")))[0][0]
    left, lines = apply(paper("mulya2023"), study, Cut(images=5000, size=96), data("mulya2023"))
    assert (left, lines) == (study, [])
    left, lines = apply(paper("mulya2023"), study, Cut(images=200, size=80), data("mulya2023"))
    assert (left.recipe.data.sample, left.recipe.images.size) == (200, 80)
    assert lines == ["200 of 300 images", "80 of 90 pixels"]


def test_rare_classes_keep_images_for_every_side() -> None:
    study, known = asked("badruzzaman2024")[0], data("badruzzaman2024")
    least = fewest(study.recipe, known)
    assert least > FEWEST  # 117,615 images, of which 409 of the rarest class
    left, lines = apply(paper("badruzzaman2024"), study, Cut(images=FEWEST), known)
    assert left.recipe.data.sample == least
    assert least * min(known.classes.values()) / known.images - 1 >= 5
    assert lines == [f"{least:,} of {known.images:,} images"]


def test_a_backbone_is_frozen_last_and_without_what_only_a_trained_one_takes() -> None:
    sets = (
        "training.head_first.epochs=2",
        "training.learning_rate.backbone_factor=0.1",
        "training.learning_rate.block_decay=0.5",
    )
    for study in studies(paper("mantri2024"), Wanted("demo", sets=(*sets, "model.batch_norm=train")))[0]:
        left, lines = apply(paper("mantri2024"), study, Cut(frozen=True, views=0), data("mantri2024"))
        check(left.recipe)
        assert left.recipe.model.fine_tune == "none"
        assert lines == ["only the heads are trained: the backbones are left as they are", "no augmentation"]


@pytest.mark.parametrize(
    ("views", "after", "words"),
    [(1, 1, ["1 of 4 augmented views of each training image"]), (0, None, ["no augmentation"]), (4, 4, []), (None, 4, [])],
)
def test_views_of_a_frozen_backbone(views: int | None, after: int | None, words: list[str]) -> None:
    study = asked("vijesh2024")[0]
    left, lines = apply(paper("vijesh2024"), study, Cut(views=views), data("vijesh2024"))
    assert (left.recipe.training.augment.views, lines) == (after, words)


def test_paths_of_a_study() -> None:
    paper_, honest = (list(work(study, data("fata2023"))) for study in asked("fata2023"))
    assert (len(paper_), len(honest)) == (4, 20)  # budgets of one training are one path
    assert {(one.cells, one.epochs, one.images, one.training) for one in paper_} == {(8, 100, 10_661, 8529)}
    assert {one.features for one in paper_} == {one.features for one in honest}  # the very same pictures
    views = list(work(asked("vijesh2024")[1], data("vijesh2024")))
    assert len({one.views_of for one in views}) == 7 * 5  # each seed draws its own
    assert len(list(work(asked("mulya2023", "three-folds")[0], data("mulya2023")))) == 3 * 3
    assert all(one.features is None for one in work(asked("mulya2023")[0], data("mulya2023")))


def _fitted(key: str, arm: str | None, budget: float, factor: float, jobs: int) -> tuple[list[Study], list[list[str]], float]:
    return fit(paper(key), asked(key, arm), data(key), budget, factor, jobs)


@settings(max_examples=20, deadline=None)
@given(
    case=st.sampled_from([("fata2023", None), ("fata2023", "fine-tuned"), ("mulya2023", None)]),
    budgets=st.tuples(st.floats(1, 1e6), st.floats(1, 1e6)),
    factor=st.floats(0.1, 20),
    jobs=st.integers(1, 4),
)
def test_a_smaller_budget_never_has_a_larger_estimate(
    case: tuple[str, Any], budgets: tuple[float, float], factor: float, jobs: int
) -> None:
    small, large = (_fitted(*case, budget, factor, jobs)[2] for budget in sorted(budgets))
    assert small <= large


@pytest.mark.parametrize("key", ["fata2023", "mulya2023"])
def test_a_budget_that_fits_cuts_nothing_and_one_that_cannot_be_met_cuts_all(key: str) -> None:
    studies_, told, whole = _fitted(key, None, float("inf"), 1.0, 2)
    assert studies_ == list(asked(key))
    assert told == [[] for _ in studies_]
    least_studies, told, least = _fitted(key, None, 1e-9, 1.0, 2)
    assert least < whole
    assert all(study.recipe.data.sample == FEWEST and study.recipe.images.size == 80 for study in least_studies)
    assert all(any("images" in line for line in lines) for lines in told)


def test_the_first_cut_that_fits_is_taken() -> None:
    whole = _fitted("fata2023", None, float("inf"), 1.0, 2)[2]
    _, told, estimate = _fitted("fata2023", None, whole - 1e-6, 1.0, 2)
    assert estimate < whole
    assert told[1] == ["1 of 5 seeds"]
    assert told[0] == []
