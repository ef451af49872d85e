"""The grid at one glance: a heat map of validation and test accuracy side by side, and time against accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from keras_leuk.reporting.grid_contents import Grid
from keras_leuk.reporting.grid_layout import Layout, Panel, reading
from keras_leuk.reporting.style import MARKERS, PAGE, PALETTE, SMALL, TINY, Caption, canvas, drawn, legend_below, shorts

MOST_WRITTEN = 40
"""More rows are too low for numbers in them."""

LEAST_SPAN = 0.05
"""Of the colours, in accuracy."""

_ROW = 0.175
"""Height of a written row in inches."""


def panel_height(layout: Layout) -> float:
    """Inches that one panel of the heat map takes."""
    assert layout.rows is not None
    n = len(layout.rows.values)
    return n * _ROW + 0.32 if n <= MOST_WRITTEN else 6.5


def heat_table(layout: Layout, panels: Sequence[Panel], sides: Sequence[str]) -> pd.DataFrame:
    """The numbers behind the heat map: panel, side, row, column, state, accuracy (NaN unless finished), runs."""
    table = []
    for panel in panels:
        for side in sides:
            for row in layout.down:
                for column in layout.across:
                    seen = reading(panel.at(row, column), side, "accuracy")
                    table.append(
                        [panel.title, side, row, column, seen.state, math.nan if seen.mean is None else seen.mean, seen.n]
                    )
    return pd.DataFrame(table, columns=["panel", "side", "row", "column", "state", "accuracy", "runs"])


def colour_limits(table: pd.DataFrame) -> tuple[float, float]:
    """Ends of the colours: the smallest and the largest accuracy, `LEAST_SPAN` apart at least, lest nothing look like much."""
    least, most = float(table["accuracy"].min()), float(table["accuracy"].max())
    more = max(0.0, LEAST_SPAN - (most - least)) / 2
    return least - more, most + more


@drawn
def heat_figure(
    layout: Layout,
    table: pd.DataFrame,
    titles: Sequence[str],
    sides: Sequence[str],
    chosen: Sequence[tuple[str, str, str]],
    limits: tuple[float, float],
    caption: Caption,
) -> Figure:
    """A page of the heat map.

    Args:
        table: as `heat_table` gives it; titles: of the panels to draw; sides: side by side.
        chosen: (panel, row, column) of what validation chose; framed.
        limits: ends of the colours, so that several pages compare.
    """
    rows, columns = layout.rows, layout.columns
    assert rows is not None
    assert columns is not None
    heading = f"Accuracy of each setting: {columns.words} across, {rows.words} down"
    figure = canvas(PAGE, panel_height(layout) * len(titles) + 0.3, heading, caption)
    grid = figure.subplots(len(titles), len(sides), sharex=True, sharey=True, squeeze=False)
    image = None
    for title, across in zip(titles, grid, strict=True):
        for side, axes in zip(sides, across, strict=True):
            mine = table[(table["panel"] == title) & (table["side"] == side)]
            shape = (len(rows.values), len(columns.values))
            values = mine["accuracy"].to_numpy().reshape(shape)
            image = axes.imshow(values, cmap="cividis", vmin=limits[0], vmax=limits[1], aspect="auto", interpolation="nearest")
            if len(rows.values) <= MOST_WRITTEN:
                _write(axes, values, mine["state"].to_numpy().reshape(shape), limits)
            for panel, row, column in chosen:
                if panel == title:
                    _frame(axes, columns.values.index(column), rows.values.index(row))
            axes.set_title(f"{title}: {side}" if title else side, fontsize=SMALL + 0.5, loc="left")
            size = SMALL if len(columns.values) <= 6 else TINY
            axes.set_xticks(range(len(columns.values)), shorts(columns.values, 80 // len(columns.values)), fontsize=size)
            every = math.ceil(len(rows.values) / MOST_WRITTEN)
            axes.set_yticks(range(0, len(rows.values), every), shorts(rows.values, 24)[::every])
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
        across[0].set_ylabel(rows.words)
    if image is not None:
        bar = figure.colorbar(image, ax=grid, fraction=0.018, pad=0.012, aspect=30)
        bar.ax.tick_params(labelsize=TINY, width=0.4, length=2)
        bar.outline.set_linewidth(0.4)
        bar.ax.yaxis.set_major_locator(MaxNLocator(5))
        bar.set_label("accuracy", fontsize=SMALL)
    return figure


def _write(axes: Axes, values: np.ndarray, states: np.ndarray, limits: tuple[float, float]) -> None:
    """The number in each field, black or white, whichever stands out."""
    size = SMALL if values.shape[1] <= 6 else TINY
    colours = colormaps["cividis"]
    for (y, x), value in np.ndenumerate(values):
        if math.isnan(value):
            axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor="#ececec", edgecolor="white", linewidth=1.2))
            words = {"missing": "–"}.get(str(states[y, x]), str(states[y, x]))
            axes.text(x, y, words, ha="center", va="center", fontsize=size, color="#303030")
            continue
        share = (value - limits[0]) / (limits[1] - limits[0]) if limits[1] > limits[0] else 0.5
        red, green, blue, _ = colours(share)
        light = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.45
        axes.text(x, y, f"{value:.3f}", ha="center", va="center", fontsize=size, color="black" if light else "white")


def _frame(axes: Axes, x: int, y: int) -> None:
    for colour, width in (("white", 2.6), ("black", 1.2)):
        axes.add_patch(
            Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, edgecolor=colour, linewidth=width, clip_on=False, zorder=5)
        )


def time_table(grid: Grid, layout: Layout, sides: Sequence[str]) -> pd.DataFrame:
    """The numbers behind time against accuracy: panel, row, column, seconds (mean over repeats), accuracy of each side."""
    table = []
    for panel in layout.panels:
        for row in layout.down:
            for column in layout.across:
                cells = panel.at(row, column)
                seconds = grid.finished(cells)["seconds"].dropna()
                values = [reading(cells, side, "accuracy").mean for side in sides]
                if len(seconds) and seconds.mean() > 0 and None not in values:
                    table.append([panel.title, row or "", column or "", seconds.mean(), *values])
    return pd.DataFrame(table, columns=["panel", "row", "column", "seconds", *sides])


@drawn
def time_figure(
    layout: Layout, table: pd.DataFrame, sides: Sequence[str], chosen: Sequence[tuple[str, str, str]], caption: Caption
) -> Figure:
    """Accuracy against the seconds of training, a point a setting.

    Args:
        table: as `time_table` gives it; chosen: (panel, row, column) of what validation chose; ringed.
    """
    panels, columns = list(dict.fromkeys(table["panel"])), list(dict.fromkeys(table["column"]))
    marked, coloured = len(panels) <= len(MARKERS) and len(panels) > 1, len(columns) > 1
    entries = len(panels) * marked + len(columns) * coloured + bool(chosen)
    ncols = 4
    figure = canvas(PAGE, 2.3, "Time against accuracy", caption, math.ceil(entries / ncols))
    across = figure.subplots(1, len(sides), sharex=True, sharey=True, squeeze=False)[0]
    for side, axes in zip(sides, across, strict=True):
        for row in table.to_dict("records"):
            colour = PALETTE[columns.index(row["column"]) % len(PALETTE)]
            marker = MARKERS[panels.index(row["panel"])] if marked else "o"
            axes.plot(row["seconds"], row[side], marker, color=colour, ms=3.6, mec="white", mew=0.3, ls="none")
            if (row["panel"], row["row"], row["column"]) in chosen:
                axes.plot(row["seconds"], row[side], "o", ms=9, mfc="none", mec="#000000", mew=0.9, zorder=5)
        axes.set_title(side, fontsize=SMALL + 0.5, loc="left")
        axes.set_xlabel("seconds of training")
        axes.grid(linewidth=0.3, color="#d0d0d0")
    across[0].set_ylabel("accuracy")
    if table["seconds"].max() / table["seconds"].min() >= 20:
        across[0].set_xscale("log")
        for axes in across:
            axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    _legend(figure, across[0], columns if coloured else [], panels if marked else [], bool(chosen))
    return figure


def _legend(figure: Figure, axes: Axes, columns: list[str], panels: list[str], chosen: bool) -> None:
    for number, label in enumerate(shorts(columns, 28)):
        axes.plot([], [], "-", color=PALETTE[number % len(PALETTE)], lw=4, solid_capstyle="butt", label=label)
    for number, label in enumerate(shorts(panels, 28)):
        axes.plot([], [], MARKERS[number], color="#606060", ls="none", ms=4, label=label)
    if chosen:
        axes.plot([], [], "o", ms=7, mfc="none", mec="#000000", mew=0.9, ls="none", label="chosen by validation")
    if columns or panels or chosen:
        legend_below(figure, ncols=4)
