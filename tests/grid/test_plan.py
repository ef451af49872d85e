"""Cells, addresses and paths, before anything is trained."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_leuk.errors import LeukError, RecipeError, UsageError
from keras_leuk.grid.plan import EPOCHS, Axis, Plan, Route, facts, make_plan, of_share
from keras_leuk.progress import Progress, Recorder

OPTIMIZER = "training.optimizer.name"


def planned(data: Path, cache: Path, axes: Sequence[Axis], progress: Progress | None = None, **settings: Any) -> Plan:
    flags = {"data.path": str(data), "images.size": 32, "model.backbone": "mobilenet", "model.weights": "random"}
    independent = settings.pop("independent", False)
    given = {key.replace("__", "."): value for key, value in settings.items()}
    return make_plan(
        None,
        axes,
        flags={**flags, **given},
        sets=(),
        cache=cache,
        progress=progress or Progress(),
        independent=independent,
    )


def test_cells_that_differ_in_epochs_alone_lie_on_one_path(tiny: Path, cache: Path) -> None:
    axes = [Axis("model.backbone", ("mobilenet", "mobilenetv2")), Axis(OPTIMIZER, ("adam", "sgd")), Axis(EPOCHS, (30, 10, 20))]
    plan = planned(tiny, cache, axes)
    assert len(plan.cells) == 12
    assert [len(route.cells) for route in plan.routes] == [3] * 4
    assert [cell.epochs for cell in plan.routes[0].cells] == [10, 20, 30]
    assert plan.routes[0].recipe.training.epochs == plan.routes[0].epochs == 30
    assert [route.title for route in plan.routes] == ["mobilenet adam", "mobilenet sgd", "mobilenetv2 adam", "mobilenetv2 sgd"]
    assert [route.features == plan.routes[0].features for route in plan.routes] == [True, True, False, False]
    assert len({cell.address for cell in plan.cells}) == len({cell.name for cell in plan.cells}) == 12
    assert plan.cells[0].name == f"mobilenet-adam-e030-{plan.cells[0].address[:10]}"
    assert not plan.notes


def test_data_are_looked_at_once_for_all_cells(tiny: Path, cache: Path) -> None:
    heard = Recorder()
    axes = [Axis(OPTIMIZER, ("adam", "sgd", "rmsprop")), Axis("training.learning_rate.initial", (0.1, 0.01))]
    planned(tiny, cache, axes, heard)
    for begin in ("data:", "images:", "split:"):
        assert sum(line.startswith(begin) for line in heard.lines) == 1, begin
    assert len(heard.warnings) == len(set(heard.warnings)) == 1


def test_an_address_is_of_what_shapes_the_numbers(tiny: Path, cache: Path, tmp_path: Path) -> None:
    def only(data: Path = tiny, **settings: Any) -> str:
        (cell,) = planned(data, cache, [], **settings).cells
        return cell.address

    first = only()
    moved = shutil.copytree(tiny, tmp_path / "elsewhere")
    assert only(moved) == first
    assert only(name="a-name") == only(resources__cpus=3) == only(split__strategy="subject") == first
    others = [
        only(seed=1),
        only(training__epochs=3),
        only(training__optimizer__name="sgd"),
        only(images__size=40),
        only(split__strategy="random"),
        only(split__seed=5),
        only(model__weights_seed=3),
        only(evaluation__resamples=100),
        only(data__parts=["training"]),
    ]
    assert len({first, *others}) == 1 + len(others)
    next((moved).rglob("*.bmp")).unlink()
    assert only(moved) != first


def test_an_engine_is_in_an_address_but_the_first_one_keeps_what_it_had(tiny: Path, cache: Path) -> None:
    def only(**settings: Any) -> tuple[str, str | None, dict[str, Any]]:
        plan = planned(tiny, cache, [], **settings)
        return plan.cells[0].address, plan.routes[0].features, facts(plan.cells[0].recipe, plan.ground)

    first, features, described = only(model__engine="tensorflow")
    assert not {"model.engine", "model.features_dtype"} & described["recipe"].keys()
    assert "engine" not in described
    others = [only(model__engine="xla"), only(model__engine="openvino"), only(model__features_dtype="float16")]
    assert len({first, *(address for address, _, _ in others)}) == 4
    assert len({features, *(features for _, features, _ in others)}) == 4
    # What is left open is what it becomes; a network that is fine-tuned, or computed in another type, is TensorFlow's.
    assert only()[0] == others[1][0]
    tuned = [only(model__fine_tune="all", **given)[0] for given in ({}, {"model__engine": "tensorflow"})]
    mixed = [only(training__mixed_precision="bfloat16", **given)[0] for given in ({}, {"model__engine": "tensorflow"})]
    assert tuned[0] == tuned[1]
    assert mixed[0] == mixed[1]


def test_what_depends_on_the_number_of_epochs_is_trained_alone_and_says_so(tiny: Path, cache: Path) -> None:
    axes = [Axis(EPOCHS, (2, 4))]
    cosine = planned(tiny, cache, axes, training__learning_rate__schedule="cosine")
    assert [len(route.cells) for route in cosine.routes] == [1, 1]
    assert cosine.notes == ("each number of epochs is trained on its own: a cosine schedule depends on the number of epochs",)
    classical = planned(tiny, cache, axes, model__head="sklearn:logistic")
    assert len(classical.routes) == 2
    assert "has no epochs" in classical.notes[0]
    assert not planned(tiny, cache, [], training__learning_rate__schedule="cosine").notes


def test_independent_cells_have_their_own_seed_and_one_split(tiny: Path, cache: Path) -> None:
    axes = [Axis("seed", (0, 1)), Axis(EPOCHS, (2, 4))]
    plan = planned(tiny, cache, axes, independent=True)
    assert len(plan.routes) == 4
    assert len({cell.recipe.seed for cell in plan.cells}) == 4
    assert [cell.recipe.split.seed for cell in plan.cells] == [0, 0, 1, 1]
    assert "--independent" in plan.notes[0]
    again = planned(tiny, cache, axes, independent=True)
    assert [cell.address for cell in again.cells] == [cell.address for cell in plan.cells]
    sides = [tuple(plan.ground.splits(cell.recipe)[0].rows["split"]) for cell in plan.cells]
    assert sides[0] == sides[1] != sides[2]


def test_a_split_may_be_that_of_another_run(tiny: Path, cache: Path, tmp_path: Path) -> None:
    from keras_leuk.data.splits import write_split

    plan = planned(tiny, cache, [], seed=7)
    (tmp_path / "that-run").mkdir()
    file = tmp_path / "that-run" / "split.csv"
    write_split(file, plan.ground.splits(plan.cells[0].recipe)[0].rows)
    axes = [Axis("split.strategy", ("subject", str(file)))]
    both = planned(tiny, cache, axes)
    assert [cell.recipe.split.file for cell in both.cells] == [None, str(file)]
    assert [route.title for route in both.routes] == ["subject", "that-run"]


def test_wrong_grids_are_refused_before_anything_is_trained(tiny: Path, cache: Path) -> None:
    with pytest.raises(RecipeError, match=r"model\.backbone: 'mobilnet'.*'mobilenet'"):
        planned(tiny, cache, [Axis("model.backbone", ("vgg16", "mobilnet"))])
    with pytest.raises(RecipeError, match=r"training\.optimizer\.name"):
        planned(tiny, cache, [Axis(OPTIMIZER, ("adam", "adan"))])
    with pytest.raises(RecipeError, match="no such key"):
        planned(tiny, cache, [Axis("training.epoch", (1, 2))])
    with pytest.raises(UsageError, match="varied twice"):
        planned(tiny, cache, [Axis("seed", (1, 2)), Axis("seed", (3, 4))])
    with pytest.raises(UsageError, match="11,000 cells"):
        planned(tiny, cache, [Axis("seed", tuple(range(110))), Axis(EPOCHS, tuple(range(1, 101)))])
    with pytest.raises(LeukError, match="nowhere"):
        planned(Path("nowhere"), cache, [])


@given(st.lists(st.sampled_from(["a", "b", "c", None]), max_size=30), st.integers(1, 9))
def test_shares_are_a_partition_in_equal_parts(features: list[str | None], shares: int) -> None:
    routes = [Route((), str(number), name) for number, name in enumerate(features)]
    parts = [of_share(routes, (number, shares)) for number in range(1, shares + 1)]
    assert sorted(int(route.address) for part in parts for route in part) == list(range(len(routes)))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_warning_of_the_data_is_given_once_whatever_is_varied(tiny: Path, cache: Path) -> None:
    heard = Recorder()
    axes = [Axis("model.backbone", ("mobilenet", "mobilenetv2")), Axis("split.strategy", ("random", "subject"))]
    planned(tiny, cache, axes, heard)
    assert len(heard.warnings) == len(set(heard.warnings))
    assert sum("RANDOM WEIGHTS" in line for line in heard.warnings) == 2
    assert sum("more than one side" in line for line in heard.warnings) == 1
