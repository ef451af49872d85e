"""Accuracy against what runs down the tables (epochs, a learning rate, ...): a line a column, a small plot a panel and side.

The shape of fata2023's Figure 9, with validation beside test and with intervals.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator
from matplotlib.transforms import ScaledTranslation, Transform

from keras_leuk.reporting.grid_contents import Grid, Varied
from keras_leuk.reporting.grid_layout import EPOCHS, Layout, Panel, reading
from keras_leuk.reporting.style import DASHES, MARKERS, PAGE, PALETTE, SMALL, Caption, canvas, drawn, legend_below, shorts

BARS_EVERYWHERE = 4
"""With more lines in a panel, bars stand beside the largest value only."""

_DODGE = 2.4
"""Points between bars of neighbouring lines, so that they do not hide each other."""


def line_table(grid: Grid, layout: Layout, panels: Sequence[Panel], sides: Sequence[str]) -> pd.DataFrame:
    """The numbers behind the lines.

    Returns:
        one row a (panel, side, line, value) with at least one finished cell: panel, side, line ('' where there is one), the
        value as a number under the key's words, accuracy (mean over repeats), low and high (interval; with repeats mean -/+ sd;
        NaN where there is none), runs.
    """
    rows = layout.rows
    assert rows is not None
    assert rows.numbers is not None
    table = []
    for panel in panels:
        for side in sides:
            for line in layout.across:
                for value, x in zip(rows.values, rows.numbers, strict=True):
                    seen = reading(panel.at(value, line), side, "accuracy")
                    if seen.mean is not None:
                        low, high = seen.low, seen.high
                        if seen.sd is not None:
                            low, high = seen.mean - seen.sd, seen.mean + seen.sd
                        table.append([panel.title, side, line or "", x, seen.mean, low, high, seen.n])
    frame = pd.DataFrame(table, columns=["panel", "side", "line", rows.words, "accuracy", "low", "high", "runs"])
    return frame.astype({"low": float, "high": float})


@drawn
def line_figure(
    layout: Layout,
    table: pd.DataFrame,
    titles: Sequence[str],
    sides: Sequence[str],
    chosen: Sequence[tuple[str, str, float]],
    limits: tuple[float, float],
    caption: Caption,
) -> Figure:
    """Accuracy against the key that runs down.

    Args:
        table: as `line_table` gives it; titles: of the panels to draw, one above the other; sides: side by side.
        chosen: (panel, line, x) of what validation chose; ringed.
        limits: of the accuracy axis, so that several figures compare.
    """
    rows, columns = layout.rows, layout.columns
    assert rows is not None
    lines = columns.values if columns is not None else ("",)
    entries = len(lines) * (columns is not None) + bool(chosen)
    ncols = min(max(entries, 1), 4)
    legend_lines = math.ceil(entries / ncols) + (columns is not None)
    figure = canvas(PAGE, 1.75 * len(titles) + 0.15, f"Accuracy against {rows.words}", caption, legend_lines if entries else 0)
    grid = figure.subplots(len(titles), len(sides), sharex=True, sharey=True, squeeze=False)
    for title, across in zip(titles, grid, strict=True):
        for side, axes in zip(sides, across, strict=True):
            mine = table[(table["panel"] == title) & (table["side"] == side)]
            for number, line in enumerate(lines):
                _line(axes, mine[mine["line"] == line], rows, number, lines)
            for panel, line, x in chosen:
                point = mine[(mine["line"] == line) & (mine[rows.words] == x)]
                if panel == title and len(point):
                    place = _beside(axes, lines.index(line), len(lines))
                    axes.plot(x, point["accuracy"].iloc[0], "o", **_RING, ms=9, transform=place, zorder=5)
            axes.set_title(f"{title}: {side}" if title else side, fontsize=SMALL + 0.5, loc="left")
            axes.grid(axis="y", linewidth=0.3, color="#d0d0d0")
        across[0].set_ylabel("accuracy")
    grid[0][0].set_ylim(*limits)
    for axes in grid[-1]:
        _x_axis(axes, rows, len(lines))
    if chosen:
        grid[0][0].plot([], [], "o", **_RING, ms=7, label="chosen by validation")
    if entries:
        legend_below(figure, columns.words if columns is not None else None, ncols=ncols)
    return figure


def limits_of(layout: Layout, table: pd.DataFrame) -> tuple[float, float]:
    """An accuracy axis that holds all points and the bars that are drawn."""
    assert layout.rows is not None
    barred = _barred(table, layout.rows, len(layout.across))
    least = min([table["accuracy"].min(), *barred["low"]])
    most = max([table["accuracy"].max(), *barred["high"]])
    room = max(0.05 * (most - least), 0.005)
    return max(0.0, least - room), min(1.01, most + room)


_RING: dict[str, Any] = {"mfc": "none", "mec": "#000000", "mew": 0.9}


def _barred(table: pd.DataFrame, rows: Varied, lines: int) -> pd.DataFrame:
    """The rows whose bars are drawn."""
    known = table.dropna(subset=["low", "high"])
    return known if lines <= BARS_EVERYWHERE else known[known[rows.words] == max(rows.numbers or ())]


def _beside(axes: Axes, number: int, lines: int, bar: bool = False) -> Transform:
    """Where a line, or its bar, stands: a little to the left or right of the true place, so that none hides another."""
    points = (number - (lines - 1) / 2) * _DODGE
    if lines > BARS_EVERYWHERE:
        points = (number + 1.5) * _DODGE if bar else 0.0
    return axes.transData + ScaledTranslation(points / 72, 0, axes.figure.dpi_scale_trans)


def _line(axes: Axes, mine: pd.DataFrame, rows: Varied, number: int, lines: Sequence[str]) -> None:
    colour, label = PALETTE[number % len(PALETTE)], shorts(lines, 28)[number]
    dash, marker = DASHES[number % len(DASHES)], MARKERS[number % len(MARKERS)]
    place = _beside(axes, number, len(lines))
    axes.plot(
        mine[rows.words],
        mine["accuracy"],
        linestyle=dash,
        marker=marker,
        color=colour,
        label=label,
        linewidth=1.0,
        transform=place,
        zorder=3,
    )
    barred = _barred(mine, rows, len(lines))
    place = _beside(axes, number, len(lines), bar=True)
    if len(barred):
        axes.vlines(
            barred[rows.words], barred["low"], barred["high"], color=colour, linewidth=0.7, alpha=0.75, transform=place, zorder=2
        )


def _x_axis(axes: Axes, rows: Varied, lines: int) -> None:
    numbers = sorted(rows.numbers or ())
    least, most = numbers[0], numbers[-1]
    # Bars that stand beside the last value need room there; an axis is some 220 points wide.
    left, right = 0.06, 0.06 if lines <= BARS_EVERYWHERE else 0.04 + (lines + 2) * _DODGE / 200
    axes.set_xlabel(rows.words)
    logarithmic = rows.key != EPOCHS and least > 0 and most / least >= 20
    if logarithmic:
        axes.set_xscale("log")
        axes.set_xlim(least / (most / least) ** left, most * (most / least) ** right)
    else:
        axes.set_xlim(least - left * (most - least), most + right * (most - least))
    steps = [math.log(number) if logarithmic else number for number in numbers]
    if min(b - a for a, b in pairwise(steps)) >= 0.07 * (steps[-1] - steps[0]):
        axes.xaxis.set_major_locator(FixedLocator(list(rows.numbers or ())))
        axes.set_xticks(list(rows.numbers or ()), list(rows.values))
        axes.xaxis.set_minor_locator(NullLocator())
    elif not logarithmic:
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=all(number == int(number) for number in numbers)))
