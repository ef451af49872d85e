"""One path and its cells against trainings of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_leuk.progress import Progress
from keras_leuk.runs.folder import RunFolder
from keras_leuk.training.run import train
from keras_leuk.training.trajectory import shares_epochs, train_trajectory, with_epochs

HEAD = {"layers": [{"type": "standardize"}, {"type": "dense", "units": 8}, {"type": "dropout", "rate": 0.3}]}
PATHS: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    # Watched for so short a time that the largest budget is not used up.
    "frozen": ({"model__head": HEAD, "training__early_stopping": {"patience": 1}, "training__learning_rate": 0.05}, (1, 3, 9)),
    "fine-tuned": (
        {
            "model__fine_tune": "blocks:1",
            "model__head": {"layers": [{"type": "dropout", "rate": 0.3}]},
            "training__augment": {"rotation_range": 40, "mixup": 0.2},
            "training__learning_rate": {"initial": 0.01, "schedule": "exponential", "decay_steps": 5, "decay_rate": 0.9},
            "training__early_stopping": {"patience": 1},
        },
        (1, 3),
    ),
}


def weights(run: Path) -> list[np.ndarray]:
    """All arrays of model.weights.h5; the file itself may hold times."""
    import h5py

    found: list[np.ndarray] = []
    with h5py.File(RunFolder(run).weights) as file:
        file.visititems(lambda _, item: found.append(item[()]) if isinstance(item, h5py.Dataset) else None)
    return found


def assert_same_run(a: Path, b: Path) -> None:
    names = {path.relative_to(a) for path in a.rglob("*") if path.is_file()}
    assert names == {path.relative_to(b) for path in b.rglob("*") if path.is_file() and path.name != ".lock"}
    apart = {"timing.json", "environment.json", "report.md", "model.weights.h5"}
    for name in sorted(names):
        if name.name not in apart:
            assert (a / name).read_bytes() == (b / name).read_bytes(), name
    assert all((x == y).all() for x, y in zip(weights(a), weights(b), strict=True))


@pytest.mark.parametrize("regime", PATHS)
def test_every_cell_of_a_path_is_the_run_that_train_makes(regime: str, tiny_recipe, cache: Path, tmp_path: Path) -> None:
    settings, budgets = PATHS[regime]
    recipe = tiny_recipe(**settings)
    assert shares_epochs(recipe)
    cells = {epochs: tmp_path / "cells" / str(epochs) for epochs in budgets}
    train_trajectory(recipe, cells, state=tmp_path / "state", cache=cache)
    assert {path.name for path in (tmp_path / "state").iterdir()} == {"checkpoint"}
    for epochs, cell in cells.items():
        train(with_epochs(recipe, epochs), tmp_path / "alone" / str(epochs), cache=cache)
        assert_same_run(cell, tmp_path / "alone" / str(epochs))
    if regime == "frozen":
        assert RunFolder(cells[9]).read_json(RunFolder(cells[9]).mark)["stopped_early"]


def test_the_cells_of_a_cross_validation_are_pooled(tiny_recipe, cache: Path, tmp_path: Path) -> None:
    recipe = tiny_recipe(model__head=HEAD, split__strategy="folds", split__folds=2, training__learning_rate=0.05)
    cells = {epochs: tmp_path / "cells" / str(epochs) for epochs in (1, 2)}
    train_trajectory(recipe, cells, state=tmp_path / "state", cache=cache)
    train(with_epochs(recipe, 2), tmp_path / "alone", cache=cache)
    for name in ("history.csv", "predictions.csv", "metrics.json", "split.csv", "recipe.yaml"):
        assert (cells[2] / name).read_bytes() == (tmp_path / "alone" / name).read_bytes(), name
    assert (cells[1] / "folds").is_dir()


def test_a_path_that_was_stopped_goes_on_and_a_longer_one_begins_where_it_ended(tiny_recipe, cache: Path, tmp_path: Path) -> None:
    recipe = tiny_recipe(model__head=HEAD, training__early_stopping={"enabled": False})
    said: list[str] = []

    class Heard(Progress):
        def say(self, line: str) -> None:
            said.append(line)

    def cells(*budgets: int) -> dict[int, Path]:
        return {epochs: tmp_path / "cells" / str(epochs) for epochs in budgets}

    train_trajectory(recipe, cells(2, 3), state=tmp_path / "state", cache=cache)
    before = (tmp_path / "cells" / "2" / "complete.json").stat().st_mtime_ns
    train_trajectory(recipe, cells(2, 3, 5), state=tmp_path / "state", cache=cache, progress=Heard())
    assert "resumed after epoch 3" in said
    assert (tmp_path / "cells" / "2" / "complete.json").stat().st_mtime_ns == before
    # A smaller budget than what is kept is trained from the start.
    said.clear()
    train_trajectory(recipe, cells(1), state=tmp_path / "state", cache=cache, progress=Heard())
    assert not any("resumed" in line for line in said)
    for epochs in (1, 5):
        train(with_epochs(recipe, epochs), tmp_path / "alone" / str(epochs), cache=cache)
        assert_same_run(tmp_path / "cells" / str(epochs), tmp_path / "alone" / str(epochs))


def test_what_knows_its_end_or_has_no_epochs_shares_none(tiny_recipe, cache: Path, tmp_path: Path) -> None:
    assert not shares_epochs(tiny_recipe(training__learning_rate={"schedule": "cosine"}))
    classical = tiny_recipe(model__head="sklearn:logistic")
    assert not shares_epochs(classical)
    train_trajectory(classical, {4: tmp_path / "cell"}, state=tmp_path / "state", cache=cache)
    train(classical, tmp_path / "alone", cache=cache)
    assert (tmp_path / "cell" / "predictions.csv").read_bytes() == (tmp_path / "alone" / "predictions.csv").read_bytes()


def test_a_path_goes_on_where_its_data_were_moved(tiny_recipe, tiny: Path, cache: Path, tmp_path: Path) -> None:
    def trained(data: Path, budgets: tuple[int, ...], name: str) -> dict[int, Path]:
        cells = {epochs: tmp_path / name / str(epochs) for epochs in budgets}
        train_trajectory(tiny_recipe(data__path=str(data)), cells, state=tmp_path / "state", cache=cache, checkpoint_seconds=0)
        return cells

    trained(tiny, (1,), "before")
    moved = tmp_path / "moved"
    moved.symlink_to(tiny, target_is_directory=True)
    late = trained(moved, (3,), "after")
    plain = tmp_path / "plain"
    train(tiny_recipe(training__epochs=3), plain, cache=cache)
    assert (RunFolder(late[3]).history).read_bytes() == (RunFolder(plain).history).read_bytes()
