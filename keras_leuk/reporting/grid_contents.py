"""What a grid folder holds, for its tables, figures and pages; `grid_reading.read_grid` reads it.

A cell's run folder is looked into for its history alone. Nothing is written here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from keras_leuk.errors import RunError
from keras_leuk.runs.folder import RunFolder

STATES = ("finished", "failed", "missing")
MEASURES = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "macro_f1", "weighted_f1", "roc_auc", "log_loss")
"""The measures of grid.csv."""

REPEATS = {"seed": "seed", "split.seed": "split", "split.fold": "fold"}
"""Keys whose values are repeats of one setting, and what one of them is called: their mean is taken."""

APART = ("split.", "data.")
"""How keys begin that change which images a side holds: values across them cannot be compared."""


_WATCHED = re.compile(r"test (set|side|images).*(watch|monitor)|(watch|monitor)\w* .*test", re.IGNORECASE)


@dataclass(frozen=True)
class Varied:
    """A key of the recipe that differs between cells.

    Attributes:
        key: dotted, such as 'training.epochs'; words: for headings, such as 'epochs'.
        values: as text, in the order given, at least two.
        numbers: the same as numbers, None where one is none.
    """

    key: str
    words: str
    values: tuple[str, ...]
    numbers: tuple[float, ...] | None


@dataclass(frozen=True)
class Grid:
    """A grid, read.

    Attributes:
        path: its folder.
        table: one row a cell in the plan's order, the columns of grid.csv; varied keys as the texts of `Varied.values`,
            numbers as float64, NaN where unknown.
        varied: keys with at least two values; fixed: the value of each key with one.
        data, model: titles, `model` of what all cells have in common.
        strategy, description: the split; unit: what the bootstrap draws, 'subject' or 'image'.
        confidence, resamples: of the intervals.
        classes: in label order; positive: the positive class, None where there are more than two.
        independent: whether cells that differ in their epochs alone were trained separately.
        resplit: whether repeats of a setting were judged on splits of their own.
        command: that made the grid; warnings, notes: one line each.
    """

    path: Path
    table: pd.DataFrame
    varied: tuple[Varied, ...]
    fixed: dict[str, str]
    data: str
    model: str
    strategy: str
    description: str
    unit: str
    confidence: float
    resamples: int
    classes: tuple[str, ...]
    positive: str | None
    independent: bool
    resplit: bool
    command: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(varied.key for varied in self.varied)

    @property
    def repeats(self) -> tuple[str, ...]:
        """The varied keys over which means are taken."""
        return tuple(key for key in self.keys if key in REPEATS)

    @property
    def settings(self) -> tuple[str, ...]:
        """The varied keys that tell settings apart."""
        return tuple(key for key in self.keys if key not in REPEATS)

    @property
    def apart(self) -> tuple[str, ...]:
        """The varied keys across which values cannot be compared."""
        return tuple(key for key in self.settings if key.startswith(APART))

    @property
    def watched_on_test(self) -> bool:
        """Whether a run said that its training was monitored on the test side."""
        return any(_WATCHED.search(line) for line in self.warnings)

    def of(self, key: str) -> Varied:
        return next(varied for varied in self.varied if varied.key == key)

    def finished(self, rows: pd.DataFrame | None = None) -> pd.DataFrame:
        table = self.table if rows is None else rows
        return table[table["state"] == "finished"]

    def has(self, side: str, rows: pd.DataFrame | None = None) -> bool:
        """Whether a finished cell has images on this side."""
        return bool((self.finished(rows)[f"{side}_n"] > 0).any())

    def history(self, row: Mapping[str, Any]) -> pd.DataFrame | None:
        """The epochs of one cell; None where it has none (not finished, or fitted at once).

        Raises:
            RunError: history.csv is there and cannot be read.
        """
        path = RunFolder(self.path / str(row["run"])).history
        if row["state"] != "finished" or not row["run"] or not path.is_file():
            return None
        try:
            history = pd.read_csv(path, dtype={"fold": str})
        except (OSError, ValueError) as error:
            raise RunError(f"{path} cannot be read: {error}") from None
        return history if "epoch" in history.columns and len(history) else None
