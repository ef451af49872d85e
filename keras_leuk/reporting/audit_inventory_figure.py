"""The picture of the inventory: how many images each subject has, a row a class, a mark a subject."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, StrMethodFormatter

from keras_leuk.reporting.style import COLUMN, MARKERS, PALETTE, SMALL, TINY, Caption, canvas, drawn, short

_BINS = 48
"""Subjects within such a part of the axis are drawn above each other."""

_MARK = 3.6
"""Points between the marks of such subjects."""

_ROW = (0.4, 0.9)
"""Inches of a row: at least, and at most, where the marks then lie over each other."""

_DECADE = 20
"""From this ratio of most to fewest images on, the axis is logarithmic."""


@dataclass(frozen=True)
class DataCaption(Caption):
    """A caption of a figure that shows a data set as it is, before any split and any model."""

    def text(self) -> str:
        whom = f", {self.subjects:,} subjects" if self.subjects is not None else ", subjects unknown"
        return (
            f"n = {self.n:,} images{whom}, before any split. {self.note}".strip()
            + f"\nClasses: {self.classes}. Data: {self.data}."
        )


def data_caption(data: str, n: int, subjects: int | None, classes: Sequence[str], positive: str | None, note: str) -> DataCaption:
    """A caption without side, split and model."""
    named = ", ".join(f"{name} (positive)" if name == positive else name for name in classes)
    return DataCaption(data, "", "", n, subjects, "", named, note)


@drawn
def subjects_figure(table: pd.DataFrame, classes: Sequence[str], caption: Caption) -> Figure:
    """Images of each subject.

    Args:
        table: columns subject, class, images; one row a (subject, class).
        classes: names in label order, the rows from top to bottom.
    """
    fewest, most = int(table["images"].min()), int(table["images"].max())
    logarithmic = most >= _DECADE * fewest
    places = {name: _places(table[table["class"] == name], fewest, most, logarithmic) for name in classes}
    highest = max((len(bins) and max(Counter(bins).values()) for _, bins in places.values()), default=1)
    row_height = float(np.clip(_MARK * highest / 72 / 0.7, *_ROW))
    figure = canvas(COLUMN, row_height * len(classes) + 0.5, "Images of each subject", caption)
    axes = figure.add_subplot()
    _axis(axes, fewest, most, logarithmic)
    step = min(_MARK / 72 / row_height, 0.7 / highest)
    size = max(0.75 * step * 72 * row_height, 2.2)
    ticks = []
    for row, (name, (counts, bins)) in enumerate(places.items()):
        ticks.append(f"{short(name, 18)}\n{len(counts):,} subject{'s' * (len(counts) != 1)}")
        if not len(counts):
            continue
        style: dict[str, Any] = {"marker": MARKERS[row % 8], "color": PALETTE[row % 8], "markersize": size, "markeredgewidth": 0}
        axes.plot(counts, row + _spread(bins, step), linestyle="none", alpha=0.85, clip_on=False, **style)
        median = float(np.median(counts))
        axes.plot([median, median], [row - 0.4, row + 0.4], color="#404040", linewidth=0.8, zorder=1)
        axes.annotate(f"{median:,.4g}", (median, row - 0.4), (1.5, -0.5), textcoords="offset points", fontsize=TINY, va="center")
    axes.set_yticks(range(len(classes)), ticks, fontsize=SMALL)
    axes.set_ylim(len(classes) - 0.4, -0.6)
    axes.set_xlabel(f"images{' (logarithmic)' if logarithmic else ''}")
    axes.grid(axis="x", linewidth=0.3, alpha=0.6)
    axes.set_axisbelow(True)
    return figure


def _axis(axes: Axes, fewest: int, most: int, logarithmic: bool) -> None:
    if logarithmic:
        axes.set_xscale("log")
        axes.set_xlim(fewest / 1.25, most * 1.25)
        between = (1, 2, 5) if most < 2000 * fewest else (1,)
        steps = [m * 10**e for e in range(len(str(most)) + 1) for m in between]
        axes.xaxis.set_major_locator(FixedLocator([step for step in steps if fewest / 1.25 <= step <= most * 1.25]))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        room = 0.05 * (most - fewest) or 1
        axes.set_xlim(min(0, fewest - room), most + room)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def _places(rows: pd.DataFrame, fewest: int, most: int, logarithmic: bool) -> tuple[np.ndarray, list[int]]:
    """Images of each subject in ascending order, and which part of the axis each stands in."""
    counts = np.sort(rows["images"].to_numpy(float))
    low, high, at = 0.0, float(most), counts
    if logarithmic:
        low, high, at = float(np.log(fewest)), float(np.log(most)), np.log(counts)
    return counts, np.floor((at - low) / ((high - low) or 1.0) * _BINS).astype(int).tolist()


def _spread(bins: Sequence[int], step: float) -> np.ndarray:
    """How far each mark stands off its row, float64 (n,): those in one part of the axis above each other, around the row."""
    size, seen = Counter(bins), Counter[int]()
    off = np.empty(len(bins))
    for i, place in enumerate(bins):
        off[i] = (seen[place] - (size[place] - 1) / 2) * step
        seen[place] += 1
    return off
