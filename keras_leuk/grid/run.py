"""A grid, from what is varied to tables and figures. `run_grid` is the table of contents."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from keras_leuk import __version__
from keras_leuk.grid.collect import write_grid
from keras_leuk.grid.execute import Going, Watch, execute, survey
from keras_leuk.grid.executors import Executor
from keras_leuk.grid.layout import GridFolder
from keras_leuk.grid.plan import Plan, of_share
from keras_leuk.progress import Progress
from keras_leuk.reporting.grid_report import write_grid_report
from keras_leuk.runs.atomic import write_json
from keras_leuk.runs.output import make_output
from keras_leuk.store.address import address, file_sha256


@dataclass(frozen=True)
class GridOutcome:
    """What a grid left.

    Attributes:
        table: grid.csv; see `grid.collect`.
        paths: how each path ended.
        summary: the winner by validation and what stands beside it; see `reporting.grid_report.write_grid_report`.
    """

    grid: GridFolder
    table: pd.DataFrame
    paths: tuple[Going, ...]
    summary: Mapping[str, Any]

    @property
    def failed(self) -> list[Going]:
        return [going for going in self.paths if going.state == "failed"]


def run_grid(
    plan: Plan,
    out: Path,
    *,
    executor: Callable[[int], Executor],
    cache: Path,
    command: Sequence[str] = (),
    progress: Progress | None = None,
    watch: Watch = lambda paths: None,
    share: tuple[int, int] | None = None,
    retry_failed: bool = False,
    figures: bool = True,
) -> GridOutcome:
    """Trains what is missing of a plan, and writes its table, figures and report.

    Args:
        out: the grid folder; cells in it that stand already are not trained again.
        executor: makes the executor, once it is known how many paths are waiting.
        watch: told again and again how the paths stand.
        share: (i, n): the i-th of n shares of the paths, for a machine that has only a part to do. The table has all cells.
        retry_failed: try paths again that failed in an earlier grid.
        figures: whether each cell's report has figures; the grid's own always has.

    Raises:
        LeukError: the folder holds something else, or nothing could be trained at all.
    """
    progress = progress or Progress()
    grid = claim(out)
    routes = plan.routes if share is None else of_share(plan.routes, share)
    paths = survey(routes, grid, retry_failed)
    waiting = sum(going.state == "waiting" for going in paths)
    _tell(paths, progress)
    if waiting:
        chosen = executor(waiting)
        progress.say(f"executor: {chosen.words()}")
        try:
            execute(paths, grid, chosen, cache=cache, command=command, progress=progress, watch=watch, figures=figures)
        except KeyboardInterrupt:
            write_grid(grid, plan, survey(plan.routes, grid, retry_failed=False), command)
            raise
    everything = paths if share is None else survey(plan.routes, grid, retry_failed=False)
    table = write_grid(grid, plan, everything, command)
    summary = _report(grid, progress) if (table["state"] == "finished").any() else {}
    return GridOutcome(grid, table, tuple(paths), summary)


def _report(grid: GridFolder, progress: Progress) -> Mapping[str, Any]:
    """Tables, figures and pages; those that stand and were made from the very same table stay as they are."""
    made_from = address(
        {"table": file_sha256(grid.table), "facts": file_sha256(grid.facts), "keras-leuk": __version__, "schema": 1}
    )
    try:
        kept = json.loads(grid.summary.read_text(encoding="utf-8"))
        if kept["made_from"] == made_from and all((grid.path / name).is_file() for name in kept["summary"]["files"]):
            return dict(kept["summary"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none was made yet, or it is damaged
    summary = write_grid_report(grid.path, progress)
    write_json(grid.summary, {"made_from": made_from, "summary": summary})
    return summary


def claim(out: Path) -> GridFolder:
    """A grid folder, made if it is not there.

    Raises:
        LeukError: see `runs.output.make_output`.
    """
    grid = GridFolder(Path(out))
    make_output(grid.path, (grid.facts, grid.cells, grid.paths), "a grid's")
    return grid


def _tell(paths: Sequence[Going], progress: Progress) -> None:
    cells = sum(len(going.route.cells) for going in paths)
    there = sum(going.before for going in paths)
    waiting = [going for going in paths if going.state == "waiting"]
    epochs = sum(going.wanted[-1].epochs for going in waiting)
    separately = sum(cell.epochs for going in waiting for cell in going.wanted)
    line = f"grid: {cells} cells on {len(paths)} paths"
    if there:
        line += f"; {there} cells are there already"
    if waiting:
        line += f"; {epochs:,} epochs to train" + (f" in place of {separately:,}" if separately > epochs else "")
    progress.say(line)
    for going in paths:
        if going.state == "failed":
            progress.warn(f"{going.route.title} failed before: {going.error}; try again with --retry-failed")
