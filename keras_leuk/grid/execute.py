"""Training the paths of a plan that are not trained yet, as many at a time as an executor takes.

Which path is next: the first whose features no other path is just extracting. So two paths with one frozen backbone never
extract the same features twice, and while one extracts, another with another backbone does, too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keras_leuk.grid.executors import Executor
from keras_leuk.grid.layout import GridFolder, PathFolder
from keras_leuk.grid.plan import Cell, Route, recipe_text
from keras_leuk.grid.status import Status, read_status
from keras_leuk.progress import Progress
from keras_leuk.runs.atomic import write_text
from keras_leuk.runs.folder import RunFolder

PAUSE = 0.1
"""Seconds between two looks at what is under way."""


@dataclass
class Going:
    """A path on its way through a grid.

    Attributes:
        state: waiting, running, finished or failed.
        there: finished cells, by the end of their address.
        error: why it failed.
        began, ended: `time.monotonic()`.
    """

    route: Route
    folder: PathFolder
    state: str = "waiting"
    status: Status = field(default_factory=Status)
    there: set[str] = field(default_factory=set)
    before: int = 0
    error: str | None = None
    began: float | None = None
    ended: float | None = None

    @property
    def wanted(self) -> list[Cell]:
        return [cell for cell in self.route.cells if short(cell) not in self.there]


Watch = Callable[[Sequence[Going]], None]
"""Told all paths again and again while they are trained."""


def short(cell: Cell) -> str:
    """The end of a cell's address, as its folder's name has it."""
    return cell.address[: GridFolder.DIGITS]


def survey(routes: Sequence[Route], grid: GridFolder, retry_failed: bool) -> list[Going]:
    """Where the paths stand before anything is done: finished, failed before, or waiting."""
    done = grid.finished()
    found = []
    for route in routes:
        going = Going(route, grid.of_path(route.address))
        going.there = {short(cell) for cell in route.cells} & done.keys()
        going.before = len(going.there)
        if not going.wanted:
            going.state = "finished"
        elif going.folder.failure.is_file():
            if retry_failed:
                going.folder.failure.unlink()
            else:
                going.state, going.error = "failed", _reason(going.folder)
        found.append(going)
    return found


def execute(
    paths: Sequence[Going],
    grid: GridFolder,
    executor: Executor,
    *,
    cache: Path,
    command: Sequence[str],
    progress: Progress,
    watch: Watch,
    figures: bool = True,
) -> None:
    """Trains whatever is waiting. A path that fails is recorded, and the others go on.

    Args:
        figures: whether each cell's report has figures.

    Raises:
        KeyboardInterrupt: the user wants to stop; what is under way is ended first, and finished cells stay.
    """
    by_name = {going.folder.path.name: going for going in paths}
    grid.cells.mkdir(parents=True, exist_ok=True)
    try:
        while any(going.state in ("waiting", "running") for going in paths):
            progress.check()
            for going in _next(paths, executor.slots):
                _submit(going, grid, executor, cache, command, figures)
            for name in executor.ended():
                _look(by_name[name], grid)
                _close(by_name[name])
            for going in paths:
                if going.state == "running":
                    _look(going, grid)
            watch(paths)
            time.sleep(PAUSE)
    finally:
        executor.stop()
    watch(paths)


def _next(paths: Sequence[Going], slots: int) -> list[Going]:
    """What to begin now."""
    running = [going for going in paths if going.state == "running"]
    extracting = {going.route.features for going in running if not going.status.extracted}
    chosen: list[Going] = []
    for going in paths:
        if len(running) + len(chosen) >= slots:
            break
        features = going.route.features
        if going.state == "waiting" and (features is None or features not in extracting):
            chosen.append(going)
            extracting.add(features)
    return chosen


def _submit(going: Going, grid: GridFolder, executor: Executor, cache: Path, command: Sequence[str], figures: bool) -> None:
    going.folder.path.mkdir(parents=True, exist_ok=True)
    recipe = going.folder.path / "recipe.yaml"
    write_text(recipe, recipe_text(going.route))
    task: Mapping[str, Any] = {
        "path": str(going.folder.path.absolute()),
        "recipe": str(recipe.absolute()),
        "cells": {str(cell.epochs): str((grid.cells / cell.name).absolute()) for cell in going.wanted},
        "cache": str(cache.absolute()),
        "command": list(command),
        "figures": figures,
        "backbones": str(grid.backbones.absolute()),
        "resources": going.route.recipe.resources.model_dump(mode="json"),
    }
    going.folder.failure.unlink(missing_ok=True)
    executor.submit(going.folder.path.name, task)
    going.state, going.began = "running", time.monotonic()


def _look(going: Going, grid: GridFolder) -> None:
    going.status = read_status(going.folder.status)
    going.there |= {short(cell) for cell in going.wanted if RunFolder(grid.cells / cell.name).finished}


def _close(going: Going) -> None:
    going.ended = time.monotonic()
    going.error = _reason(going.folder) if going.wanted else None
    going.state = "failed" if going.wanted else "finished"


def _reason(folder: PathFolder) -> str:
    try:
        return str(json.loads(folder.failure.read_text(encoding="utf-8"))["error"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"ended without its cells; its log: {folder.log}"
