"""Whole grids on a tiny set, trained for real."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from test_plan import planned
from training_here import Here

from keras_leuk.errors import RunError, UsageError
from keras_leuk.grid.collect import TIMING
from keras_leuk.grid.executors import Executor, Processes
from keras_leuk.grid.layout import PathFolder
from keras_leuk.grid.plan import EPOCHS, Axis
from keras_leuk.grid.run import GridOutcome, claim, run_grid
from keras_leuk.recipe import load, resolved_yaml
from keras_leuk.training.run import train

RATES = Axis("training.learning_rate.initial", (0.001, 0.01))
HEAD = {"layers": [{"type": "standardize"}, {"type": "dropout", "rate": 0.3}]}
SETTINGS = {"training__batch_size": 8, "evaluation__resamples": 100, "model__head": HEAD}


@pytest.fixture
def grid(tiny: Path, cache: Path, tmp_path: Path) -> Callable[..., tuple[GridOutcome, Here]]:
    def run(*axes: Axis, out: Path = tmp_path / "grid", retry: bool = False, share: Any = None, **settings: Any) -> Any:
        executor = Here()
        plan = planned(tiny, cache, axes, **{**SETTINGS, **settings})
        found = run_grid(plan, out, executor=lambda waiting: executor, cache=cache, retry_failed=retry, share=share)
        return found, executor

    return run


@pytest.fixture
def plain_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The grid's own figures take seconds, too."""
    monkeypatch.setattr("keras_leuk.reporting.grid_report._draw", lambda grid, choices, progress: [])


def untimed(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "grid.csv", dtype=str).drop(columns=list(TIMING))


def test_a_grid_trains_each_path_once_and_grows(grid, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "grid"
    found, executor = grid(RATES, Axis(EPOCHS, (1, 3)))
    assert len(executor.begun) == 2
    assert list(found.table["state"]) == ["finished"] * 4
    assert not found.failed
    assert {"grid.csv", "grid.json", "grid.md", "grid.tex", "grid.html", "figures"} <= {p.name for p in out.iterdir()}
    assert not [p for p in (out / "cells").iterdir() if not (p / "complete.json").is_file()]

    # A cell is the run that `train` makes of its recipe, and grid.csv says what that run's metrics.json says.
    row = found.table.iloc[1]
    cell = out / row["run"]
    train(load(str(cell / "recipe.yaml")), tmp_path / "alone", cache=cache)
    for name in ("history.csv", "predictions.csv", "metrics.json", "split.csv", "recipe.yaml"):
        assert (cell / name).read_bytes() == (tmp_path / "alone" / name).read_bytes(), name
    measured = json.loads((cell / "metrics.json").read_text())
    for side in ("train", "validation", "test"):
        assert row[f"{side}_n"] == measured[side]["n"]
        for measure in ("accuracy", "macro_f1", "roc_auc"):
            assert row[f"{side}_{measure}"] == measured[side][measure]["value"]
            assert row[f"{side}_{measure}_high"] == measured[side][measure]["high"]
    history = pd.read_csv(cell / "history.csv")
    best = history[history["epoch"] == row["best_epoch"]].iloc[0]
    assert row["validation_log_loss"] == pytest.approx(best["val_loss"], rel=1e-5)

    before, drawn = untimed(out), (out / "figures" / "accuracy.png").stat().st_mtime_ns
    again, executor = grid(RATES, Axis(EPOCHS, (1, 3)))
    assert executor.begun == []
    assert again.summary == found.summary
    assert (out / "figures" / "accuracy.png").stat().st_mtime_ns == drawn
    pd.testing.assert_frame_equal(untimed(out), before)

    monkeypatch.setattr("keras_leuk.reporting.grid_report._draw", lambda grid, choices, progress: [])
    larger, executor = grid(Axis("training.optimizer.name", ("adam",)), RATES, Axis(EPOCHS, (1, 3, 5)))
    assert [list(task["cells"]) for task in executor.begun] == [["5"], ["5"]]
    assert len(larger.table) == 6


def test_shares_make_one_grid(grid, tmp_path: Path, plain_pages: None) -> None:
    axes = (RATES, Axis(EPOCHS, (1, 2)))
    whole, _ = grid(*axes, out=tmp_path / "whole")
    first, executor = grid(*axes, share=(1, 2))
    assert len(executor.begun) == 1
    assert sorted(first.table["state"]) == ["finished", "finished", "missing", "missing"]
    both, executor = grid(*axes, share=(2, 2))
    assert len(executor.begun) == 1
    assert list(both.table["state"]) == ["finished"] * 4
    pd.testing.assert_frame_equal(untimed(tmp_path / "grid"), untimed(tmp_path / "whole"))
    assert len(whole.paths) == 2


def test_a_cell_that_fails_is_recorded_and_can_be_tried_again(grid, plain_pages: None) -> None:
    axes = (Axis("training.learning_rate.initial", (1e38, 0.01)), Axis(EPOCHS, (1, 2)))
    sgd = {"training__optimizer__name": "sgd"}
    found, _ = grid(*axes, **sgd)
    assert list(found.table["state"]) == ["failed", "failed", "finished", "finished"]
    assert "the loss became" in found.failed[0].error
    assert found.table["error"].iloc[0] == found.failed[0].error
    assert pd.isna(found.table["run"].iloc[0])
    again, executor = grid(*axes, **sgd)
    assert executor.begun == []
    assert len(again.failed) == 1
    retried, executor = grid(*axes, retry=True, **sgd)
    assert len(executor.begun) == len(retried.failed) == 1


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").write_text("dear")
    with pytest.raises(RunError, match=r"not a grid's: a\.txt"):
        claim(tmp_path / "letters")
    with pytest.raises(UsageError, match="is a file"):
        claim(tmp_path / "letters" / "a.txt")


def test_processes_leave_cells_or_a_reason(tiny: Path, cache: Path, tmp_path: Path) -> None:
    """Two real processes: one trains, the other is killed."""
    plan = planned(tiny, cache, [], **SETTINGS, training__epochs=1)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(resolved_yaml(plan.cells[0].recipe))

    def task(name: str) -> dict[str, Any]:
        cells = {"1": str(tmp_path / "cells" / name)}
        places = {"path": str(tmp_path / name), "recipe": str(recipe), "cells": cells, "cache": str(cache)}
        return {**places, "command": [], "figures": False, "backbones": str(tmp_path / "backbones")}

    executor: Executor = Processes(2)
    executor.submit("good", task("good"))
    executor.submit("killed", task("killed"))
    written = json.loads((tmp_path / "killed" / "task.json").read_text())
    assert written["parent"] == os.getpid()
    for process, folder in executor._running.values():  # type: ignore[attr-defined]
        if folder.path.name == "killed":
            process.send_signal(signal.SIGKILL)
    ended: list[str] = []
    until = time.monotonic() + 90
    while len(ended) < 2 and time.monotonic() < until:
        ended += executor.ended()
        time.sleep(0.1)
    assert sorted(ended) == ["good", "killed"]
    assert (tmp_path / "cells" / "good" / "complete.json").is_file()
    assert not PathFolder(tmp_path / "good").failure.exists()
    assert "SIGKILL" in PathFolder(tmp_path / "killed").failure.read_text()
    executor.stop()
