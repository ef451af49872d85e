from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from keras_leuk.errors import RecipeError, UsageError
from keras_leuk.papers.library import Paper, paper, papers
from keras_leuk.papers.protocol import Grid
from keras_leuk.papers.replicate_request import Study, Wanted, studies, touches

BACKBONE, OPTIMIZER, EPOCHS = "model.backbone", "training.optimizer.name", "training.epochs"


def asked(key: str, *protocols: str, **settings: Any) -> list[Study]:
    return studies(paper(key), Wanted("demo", protocols or ("paper", "honest"), **settings))[0]


def names(found: list[Study]) -> list[str]:
    return [study.name for study in found]


@pytest.mark.parametrize("one", papers(), ids=lambda one: one.key)
def test_without_further_words_every_grid_is_run_whole(one: Paper) -> None:
    found, notes = studies(one, Wanted("demo"))
    assert names(found) == [grid.name for protocol in one.protocols for grid in protocol.grids]
    assert all(study.lists == dict(study.grid.lists) for study in found)
    assert notes == []


@pytest.mark.parametrize("one", papers(), ids=lambda one: one.key)
def test_recipes_are_the_papers_but_for_what_the_cache_would_decide(one: Paper) -> None:
    for study in asked(one.key):
        plain = study.protocol.recipe()
        assert study.plain == plain
        assert study.recipe.split.link_subjects != "auto"
        assert study.all_sets == (("split.link_subjects=known",) if plain.split.link_subjects == "auto" else ())
        assert study.recipe.model_copy(update={"split": plain.split}) == plain


def test_one_protocol_alone_leaves_the_other_out() -> None:
    assert names(asked("fata2023", "honest")) == ["honest"]
    with pytest.raises(UsageError, match="no such protocol of fata2023: 'papers'; did you mean 'paper'"):
        asked("fata2023", "papers")


@pytest.mark.parametrize(
    "words",
    [
        ("VGG16", "Adam", "epochs=100"),
        ("vgg-16", "ADAM", "training.epochs=100"),
        ("vgg 16", "optimizer=adam", "epoch=100.0"),
        ("backbone=VGG16", "optimizers=adam", "epochs= 100"),
        ("model.backbone=vgg16", "adam", "epochs=100"),
    ],
)
def test_words_name_values_however_they_are_spelt(words: tuple[str, ...]) -> None:
    for study in asked("fata2023", only=words):
        assert [study.lists[key] for key in (BACKBONE, OPTIMIZER, EPOCHS)] == [("vgg16",), ("adam",), (100,)]


def test_words_of_one_axis_are_alternatives_and_of_several_hold_together() -> None:
    found = asked("fata2023", only=("epochs=100", "epochs=10", "rmsprop"))
    assert [study.lists[EPOCHS] for study in found] == [(10, 100)] * 2  # in the paper's order
    assert [study.lists[OPTIMIZER] for study in found] == [("rmsprop",)] * 2
    assert [study.lists[BACKBONE] for study in found] == [("vgg16", "resnet50")] * 2
    assert found[1].lists["seed"] == (0, 1, 2, 3, 4)


def test_what_a_grid_does_not_vary_counts_with_its_recipe() -> None:
    # fata2023's paper protocol varies no seed; its recipe has seed 0.
    assert names(asked("fata2023", only=("seed=0",))) == ["paper", "honest"]
    assert names(asked("fata2023", only=("seed=3",))) == ["honest"]
    # mulya2023 has one network, which no list names.
    assert names(asked("mulya2023", only=("InceptionV3",))) == ["paper", "honest"]
    # mantri2024's grid of modified networks has its head in the recipe, the plain networks in a list.
    assert names(asked("mantri2024", only=("mantri2024",))) == ["paper", "honest"]
    assert names(asked("mantri2024", only=("linear",))) == ["paper-plain"]
    assert names(asked("mantri2024", only=("linear", "mantri2024-plain"))) == ["paper-ablation", "paper-plain", "honest-ablation"]


def test_a_protocol_that_has_none_of_it_is_told_of() -> None:
    found, notes = studies(paper("mantri2024"), Wanted("demo", only=("linear",)))
    assert {study.protocol.name for study in found} == {"paper"}
    assert notes == ["protocol honest is left out: no grid of it has linear all at once"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("vgg61",), "--only 'vgg61' matches no value of the paper's grids; did you mean 'vgg16'"),
        (("100",), "--only '100' matches no value"),  # a number needs its axis
        (("epochs=15",), "--only 'epochs=15' matches no value"),
        (("epochs=ten",), "--only 'epochs=ten' matches no value"),
        (("depth=10",), "--only 'depth=10' matches no value"),
        (("vgg16", "adamax"), "--only 'adamax' matches no value"),
    ],
)
def test_a_word_that_fits_nothing_is_refused(words: tuple[str, ...], line: str) -> None:
    with pytest.raises(UsageError) as caught:
        asked("fata2023", only=words)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_words_that_exclude_each_other_are_refused() -> None:
    with pytest.raises(UsageError, match="--only densenet121,mantri2024-plain: no setting of the paper has all of these"):
        asked("mantri2024", only=("densenet121", "mantri2024-plain"))


def test_an_arm_sets_its_keys_in_every_protocol_that_has_it() -> None:
    found, notes = studies(paper("fata2023"), Wanted("demo", arm="preprocessed"))
    assert [study.recipe.images.rescale for study in found] == ["backbone", "backbone"]
    assert notes == []


def test_a_protocol_without_the_arm_is_run_as_it_stands() -> None:
    found, notes = studies(paper("fata2023"), Wanted("demo", arm="test-curves"))
    assert [study.recipe.training.monitor for study in found] == ["test", "validation"]
    assert notes == ["protocol honest has no arm 'test-curves'; it is run as it stands"]
    with pytest.raises(UsageError, match="no such arm of protocol honest: 'test-curves'"):
        asked("fata2023", "honest", arm="test-curves")


def test_an_unknown_arm_is_refused_with_the_nearest() -> None:
    for protocols in (("paper",), ("paper", "honest")):
        with pytest.raises(UsageError, match="no such arm of fata2023: 'flatened'; did you mean 'flattened'"):
            asked("fata2023", *protocols, arm="flatened")


def test_an_arm_leaves_out_the_grids_that_vary_what_it_sets() -> None:
    found, notes = studies(paper("mantri2024"), Wanted("demo", arm="average-pooling"))
    assert names(found) == ["paper", "honest"]
    assert notes == [
        f"grid {name} is left out: arm 'average-pooling' sets model.head, which it varies"
        for name in ("paper-ablation", "paper-plain", "honest-ablation")
    ]


def test_an_arm_that_leaves_no_grid_is_refused() -> None:
    one = paper("mantri2024")
    ablation = tuple(
        replace(protocol, grids=tuple(grid for grid in protocol.grids if grid.name != protocol.name))
        for protocol in one.protocols
    )
    with pytest.raises(UsageError, match="arm 'average-pooling' leaves no grid of mantri2024: grid paper-ablation is left out"):
        studies(replace(one, protocols=ablation), Wanted("demo", arm="average-pooling"))


@pytest.mark.parametrize(
    "text", ["training.epochs=3", "training={epochs: 3}", "training.optimizer={name: sgd}", "model.backbone=xception"]
)
def test_a_setting_of_what_a_grid_varies_is_refused(text: str) -> None:
    # Settings come last: every cell would be the same, under different names.
    with pytest.raises(UsageError, match=r"grid paper varies .*; choose among its values with --only"):
        asked("fata2023", sets=(text,))


def test_other_settings_reach_every_recipe() -> None:
    found = asked("mulya2023", arm="frozen", sets=("images.size=96", "training.augment.views=2"))
    assert {(study.recipe.images.size, study.recipe.training.augment.views) for study in found} == {(96, 2)}


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("model.head", "model.head", True),
        ("training.learning_rate", "training.learning_rate.initial", True),
        ("training.learning_rate.initial", "training.learning_rate", True),
        ("model.head", "model.heads", False),
        ("seed", "split.seed", False),
    ],
)
def test_sections_touch_what_they_hold(one: str, other: str, both: bool) -> None:
    assert touches(one, other) is touches(other, one) is both


def test_another_backbone_takes_the_place_of_the_papers() -> None:
    found = asked("fata2023", instead={"resnet50": "mobilenet"})
    assert [study.lists[BACKBONE] for study in found] == [("vgg16", "mobilenet")] * 2
    assert [dict(study.instead) for study in found] == [{"resnet50": "mobilenet"}] * 2


def test_two_backbones_may_have_one_substitute_or_change_places() -> None:
    assert asked("fata2023", instead={"vgg16": "mobilenet", "resnet50": "mobilenet"})[0].lists[BACKBONE] == ("mobilenet",)
    assert asked("fata2023", instead={"vgg16": "resnet50", "resnet50": "vgg16"})[0].lists[BACKBONE] == ("resnet50", "vgg16")


def test_a_substitute_is_a_setting_where_the_paper_varies_no_backbone() -> None:
    found = asked("mulya2023", instead={"inceptionv3": "mobilenet"})
    assert [study.recipe.model.backbone for study in found] == ["mobilenet", "mobilenet"]
    assert all(BACKBONE not in study.lists and study.backbones == ("mobilenet",) for study in found)


def test_a_backbone_of_one_protocol_alone_can_be_replaced() -> None:
    found = asked("mantri2024", instead={"densenet121": "mobilenet"})
    assert {study.name for study in found if study.instead} == {"paper-plain"}


def test_only_speaks_of_the_papers_backbones_and_instead_of_what_is_run() -> None:
    found = asked("fata2023", only=("vgg16",), instead={"vgg16": "mobilenet"})
    assert [study.lists[BACKBONE] for study in found] == [("mobilenet",)] * 2
    # What --only left out may still be named.
    assert asked("fata2023", only=("vgg16",), instead={"resnet50": "mobilenet"})[0].lists[BACKBONE] == ("vgg16",)


def test_unknown_backbones_are_refused_on_either_side() -> None:
    with pytest.raises(UsageError, match="--instead 'resnet5' is no backbone of the paper; did you mean 'resnet50'"):
        asked("fata2023", instead={"resnet5": "mobilenet"})
    with pytest.raises(RecipeError, match="did you mean 'mobilenet'"):
        asked("fata2023", instead={"vgg16": "mobilnet"})


def test_random_weights_have_a_folder_and_a_setting_of_their_own() -> None:
    study = replace(asked("fata2023", "paper")[0], weights="random")
    assert (study.name, study.all_sets[-1]) == ("paper-random-weights", "model.weights=random")
    assert "model.weights" not in study.set_keys  # no arm stands behind it
    assert study.recipe.model.weights == "random"
    assert isinstance(study.grid, Grid)
