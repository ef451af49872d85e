"""How a grid is laid out on paper: what runs down, what across, what gets a table of its own; and each value with its spread.

Start from `layout_of`. The papers' shape is epochs down, optimizers across, one table a backbone; other grids come as near to
it as they can.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from keras_leuk.evaluation.selection import mean_sd
from keras_leuk.reporting.grid_contents import REPEATS, Grid, Varied

EPOCHS, OPTIMIZER, BACKBONE = "training.epochs", "training.optimizer.name", "model.backbone"
MOST_COLUMNS = 8
"""More do not fit a page with their intervals."""

_SAYS_ITSELF = (BACKBONE, OPTIMIZER)


@dataclass(frozen=True)
class Panel:
    """Cells that share a table or a panel of a figure.

    Attributes:
        title: such as 'vgg16, image size 224'; '' where there is one panel only.
        where: the value of each key that all its cells share.
        cells: its rows of the grid's table.
        places: its cells (repeats) at each (row, column); None for what does not run. Places that the plan lacks are not there.
    """

    title: str
    where: dict[str, str]
    cells: pd.DataFrame
    places: dict[tuple[str | None, str | None], pd.DataFrame]

    def at(self, row: str | None, column: str | None) -> pd.DataFrame:
        """The cells (repeats) of one place; empty where the plan has none."""
        found = self.places.get((row, column))
        return self.cells.iloc[:0] if found is None else found


@dataclass(frozen=True)
class Layout:
    """Where everything stands.

    Attributes:
        rows, columns: the keys that run down and across; None where too few keys vary.
        panels: one for each combination of the rest, in the order of the given values.
        comparable: whether the values of a panel were all measured on images of one split.
    """

    rows: Varied | None
    columns: Varied | None
    panels: tuple[Panel, ...]
    comparable: bool

    @property
    def down(self) -> tuple[str | None, ...]:
        """The values that run down; one None where nothing does."""
        return self.rows.values if self.rows is not None else (None,)

    @property
    def across(self) -> tuple[str | None, ...]:
        """The values that run across; one None where nothing does."""
        return self.columns.values if self.columns is not None else (None,)


@dataclass(frozen=True)
class Reading:
    """One measure of one setting.

    Attributes:
        state: 'finished', 'undefined' (finished, but the measure has no value), 'failed' or 'missing'.
        mean: over its repeats; sd: sample standard deviation, None for fewer than two; n: how many had a value.
        planned: how many the plan has.
        low, high: interval of a setting without repeats, None where there is none.
    """

    state: str
    mean: float | None = None
    sd: float | None = None
    n: int = 0
    planned: int = 1
    low: float | None = None
    high: float | None = None


def layout_of(grid: Grid) -> Layout:
    """The shape of a grid's tables."""
    free = [grid.of(key) for key in grid.settings if key not in grid.apart]
    if not free:
        rows = grid.of(grid.apart[0]) if grid.apart else None
        return Layout(rows, None, _panels(grid, (rows, None)), comparable=False)
    rows = _down(free)
    columns = _across([varied for varied in free if varied is not rows])
    rest = [varied for varied in free if varied is not rows]
    if columns is None and rest and len(rows.values) <= MOST_COLUMNS:
        rows, columns = max(rest, key=lambda v: len(v.values)), rows
    return Layout(rows, columns, _panels(grid, (rows, columns)), comparable=True)


def _down(free: list[Varied]) -> Varied:
    """Epochs; else the key with most numbers; else the one with most values that is not better across."""
    epochs = [varied for varied in free if varied.key == EPOCHS]
    numeric = [varied for varied in free if varied.numbers is not None]
    others = [varied for varied in free if varied.key != OPTIMIZER]
    return max(epochs or numeric or others or free, key=lambda varied: len(varied.values))


def _across(rest: list[Varied]) -> Varied | None:
    """Optimizers; else the next key that is not the backbone, which the papers give a table each; else the backbone."""
    fitting = [varied for varied in rest if len(varied.values) <= MOST_COLUMNS]
    return min(fitting, key=lambda varied: (varied.key != OPTIMIZER, varied.key == BACKBONE), default=None)


def _panels(grid: Grid, inside: tuple[Varied | None, Varied | None]) -> tuple[Panel, ...]:
    down, across = (None if varied is None else varied.key for varied in inside)
    keys = [key for key in grid.settings if key not in (down, across)]
    table = grid.table
    if not keys:
        return (Panel("", {}, table, _places(table, down, across)),)
    ranks = pd.DataFrame({key: table[key].map(grid.of(key).values.index) for key in keys})
    panels = []
    for _, at in ranks.groupby(keys, sort=True):
        cells = table.loc[sorted(at.index)]
        where = {key: str(cells[key].iloc[0]) for key in keys}
        panels.append(Panel(words_of(grid, where), where, cells, _places(cells, down, across)))
    return tuple(panels)


def _places(cells: pd.DataFrame, down: str | None, across: str | None) -> dict[tuple[str | None, str | None], pd.DataFrame]:
    keys = [key for key in (down, across) if key is not None]
    groups = [rows for _, rows in cells.groupby(keys, sort=False)] if keys else [cells]
    return {(_first(rows, down), _first(rows, across)): rows for rows in groups}


def _first(rows: pd.DataFrame, key: str | None) -> str | None:
    return None if key is None else str(rows[key].iloc[0])


def words_of(grid: Grid, setting: Mapping[str, str]) -> str:
    """'vgg16, adam, epochs 100': values in words, with their keys where they do not speak for themselves."""
    return ", ".join(value if key in _SAYS_ITSELF else f"{grid.of(key).words} {value}" for key, value in setting.items())


def reading(cells: pd.DataFrame, side: str, measure: str) -> Reading:
    """One measure of the repeats of one setting."""
    planned, states = len(cells), cells["state"].to_numpy(dtype=str)
    finished = states == "finished"
    if not finished.any():
        return Reading("failed" if "failed" in states else "missing", planned=planned)
    # Arrays, because a frame's row selection takes a hundred times as long, and a grid has thousands of readings.
    value, lowest, highest = (cells[f"{side}_{measure}{end}"].to_numpy()[finished] for end in ("", "_low", "_high"))
    mean, sd, n = mean_sd(list(value))
    if mean is None:
        return Reading("undefined", planned=planned)
    low, high = (_known(ends[0]) if planned == 1 else None for ends in (lowest, highest))
    return Reading("finished", mean, sd, n, planned, low, high)


def repeat_words(grid: Grid) -> str:
    """'5 seeds', or '15 runs (5 seeds × 3 folds)'; '' where nothing is repeated."""
    counts = [(len(grid.of(key).values), REPEATS[key]) for key in grid.repeats]
    each = " × ".join(f"{n} {noun}s" for n, noun in counts)
    return each if len(counts) < 2 else f"{math.prod(n for n, _ in counts)} runs ({each})"


def size_words(cells: pd.DataFrame, side: str) -> str:
    """'n = 129 images (20 subjects)' of the finished cells; a range where they differ; '' where there are no images."""
    finished = cells[cells["state"] == "finished"]
    counts = finished[f"{side}_n"].dropna()
    counts = counts[counts > 0]
    if counts.empty:
        return ""
    subjects = finished.loc[counts.index, f"{side}_subjects"]
    whom = "subjects unknown" if subjects.isna().any() else f"{_span(subjects)} subject{'s' if subjects.max() != 1 else ''}"
    return f"n = {_span(counts)} images ({whom})"


def interval_words(grid: Grid) -> str:
    """'95 % interval, bootstrap over subjects (2,000 resamples)'."""
    return f"{100 * grid.confidence:g} % interval, bootstrap over {grid.unit}s ({grid.resamples:,} resamples)"


def split_words(grid: Grid, where: Mapping[str, str] | None = None) -> str:
    """'by subject'; of a panel, where what it is split by varies, with the panel's own values."""
    own = where or {}
    words = [_SPLITS.get(strategy := own.get("split.strategy", grid.strategy), strategy)]
    return ", ".join(words + [f"{grid.of(k).words} {v}" for k, v in own.items() if k in grid.apart and k != "split.strategy"])


_SPLITS = {"subject": "by subject", "random": "random, by image", "official": "official parts"}


def _known(value: Any) -> float | None:
    return None if math.isnan(value) else float(value)


def _span(values: pd.Series) -> str:
    least, most = int(values.min()), int(values.max())
    return f"{least:,}" if least == most else f"{least:,}–{most:,}"
