"""The grid folder: the names of its files.

grid.json       what is varied, on which data and split, and what was said and warned
grid.csv        one row a cell
grid.md, .tex, .html, figures/   made from the two above and the runs
cells/<name>/   finished runs, nothing else
backbones/      weights of frozen backbones, one file for all cells that have one, which are hard links to it where the disk can
paths/<address>/  a path's checkpoint, status, log and failure; a longer grid goes on from there
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from keras_leuk.runs.folder import RunFolder


@dataclass(frozen=True)
class PathFolder:
    """What the training of one path leaves beside its cells."""

    path: Path

    @property
    def task(self) -> Path:
        return self.path / "task.json"

    @property
    def status(self) -> Path:
        return self.path / "status.json"

    @property
    def failure(self) -> Path:
        return self.path / "failure.json"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    @property
    def lock(self) -> Path:
        return self.path / ".lock"


@dataclass(frozen=True)
class GridFolder:
    """A grid folder on disk; every file name of a grid is spelt here and nowhere else."""

    path: Path
    DIGITS: ClassVar[int] = 10
    """Digits of a cell's address at the end of its folder's name."""

    @property
    def table(self) -> Path:
        return self.path / "grid.csv"

    @property
    def facts(self) -> Path:
        return self.path / "grid.json"

    @property
    def summary(self) -> Path:
        return self.path / "summary.json"

    @property
    def cells(self) -> Path:
        return self.path / "cells"

    @property
    def backbones(self) -> Path:
        return self.path / "backbones"

    @property
    def paths(self) -> Path:
        return self.path / "paths"

    def of_path(self, address: str) -> PathFolder:
        return PathFolder(self.paths / address[: self.DIGITS])

    def finished(self) -> dict[str, Path]:
        """Finished cells by the end of their address, whatever grid made them and named them."""
        if not self.cells.is_dir():
            return {}
        return {
            entry.name[-self.DIGITS :]: entry
            for entry in sorted(self.cells.iterdir())
            if entry.is_dir() and RunFolder(entry).finished
        }
