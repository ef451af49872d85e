"""How training curves of a replication look: a column a setting, a row a measure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from keras_leuk.reporting.replication_sheet import PUBLISHED, SIDE_NAMES, SIDE_STYLE, plain, sheet
from keras_leuk.reporting.style import PAGE, TEXT, drawn

if TYPE_CHECKING:
    from keras_leuk.reporting.replication_curves import Panel

_READ: dict[str, Any] = {
    "marker": "s",
    "markersize": 3.4,
    "linestyle": ":",
    "linewidth": 0.8,
    "color": SIDE_STYLE["test"]["color"],
}
_BUDGET: dict[str, Any] = {"marker": "|", "markersize": 7, "linestyle": "none", "color": SIDE_STYLE["train"]["color"]}
_KEPT: dict[str, Any] = {"color": "#404040", "linestyle": (0, (1, 1.5)), "linewidth": 0.9}
_STOPPED: dict[str, Any] = {"marker": "X", "markersize": 5, "linestyle": "none", "color": "#000000", "markeredgewidth": 0}
_PRINTED: dict[str, Any] = {"marker": "D", "markersize": 4.2, **PUBLISHED}
_LEVEL: dict[str, Any] = {"linestyle": (0, (7, 3)), "linewidth": 0.7}


@drawn
def curves_figure(
    panels: Sequence[Panel], measures: Sequence[str], limits: Mapping[str, tuple[float, float]], title: str, notes: str
) -> Figure:
    """All panels on one page.

    Args:
        limits: ends of the axis of each measure.
    """
    legend = _legend(panels, measures)
    if len(panels) == 1:
        width = 0.7 * PAGE if len(measures) == 1 else PAGE
        figure = sheet(width, 2.3, title, notes, legend)
        for axes, measure in zip(figure.subplots(1, len(measures), squeeze=False)[0], measures, strict=True):
            _panel(axes, panels[0], measure, limits[measure], first=True, bottom=True)
        return figure
    across = len(panels) if len(panels) <= 4 else math.ceil(len(panels) / math.ceil(len(panels) / 4))
    blocks = [panels[start : start + across] for start in range(0, len(panels), across)]
    height = {2: 1.9, 3: 1.65}.get(across, 1.45)
    figure = sheet(PAGE, height * len(blocks) * len(measures) + 0.2, title, notes, legend)
    grid = figure.subplots(len(blocks) * len(measures), across, squeeze=False)
    for place, axes in enumerate(grid.flat):
        row, column = divmod(place, across)
        block, measure = blocks[row // len(measures)], measures[row % len(measures)]
        if column >= len(block):
            axes.set_axis_off()
            continue
        bottom = row % len(measures) == len(measures) - 1
        _panel(axes, block[column], measure, limits[measure], first=column == 0, bottom=bottom)
    return figure


def _panel(axes: Axes, panel: Panel, measure: str, limits: tuple[float, float], *, first: bool, bottom: bool) -> None:
    plain(axes)
    means = {}
    for side in SIDE_STYLE:
        rows = panel.rows("curve", measure, side)
        if len(rows):
            means[side] = _side(axes, rows, side)
    _readings(axes, panel, measure, means.get("train"))
    for epoch in panel.rows("kept", measure)["epoch"]:
        axes.axvline(epoch, zorder=1, **_KEPT)
    stopped = panel.rows("stopped", measure)
    axes.plot(stopped["epoch"], stopped["value"], zorder=5, **_STOPPED)
    _printed(axes, panel.rows("published", measure))
    axes.set_ylim(*limits)
    room = 0.03 * panel.epochs + 0.5 * (panel.epochs == 1)
    axes.set_xlim(1 - room, panel.epochs + room)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.tick_params(labelbottom=bottom, labelleft=first)
    if bottom:
        axes.set_xlabel("epoch", labelpad=1)
    if first:
        axes.set_ylabel(measure)
    gap = panel.gap(measure)
    axes.set_title(panel.title, fontsize=TEXT, loc="left", pad=3, fontweight="bold")
    if gap is not None:
        axes.set_title(f"gap {gap:.3f}", fontsize=TEXT, loc="right", pad=3)


def _side(axes: Axes, rows: pd.DataFrame, side: str) -> pd.Series:
    """Draws the curves of a side; their mean, as far as all go."""
    style = SIDE_STYLE[side]
    lines = [line for _, line in rows.groupby("line", sort=False)]
    together = min(line["epoch"].max() for line in lines)
    mean: pd.Series = rows[rows["epoch"] <= together].groupby("epoch")["value"].mean()
    if len(lines) > 1:
        for line in lines:
            axes.plot(line["epoch"], line["value"], color=style["color"], linewidth=0.5, alpha=0.55, zorder=2)
    axes.plot(mean.index, mean, linewidth=1.2, zorder=3, marker="o" if len(mean) == 1 else "None", **style)
    return mean


def _readings(axes: Axes, panel: Panel, measure: str, train: pd.Series | None) -> None:
    known = panel.rows("reading", measure).dropna(subset="value")
    if len(known):
        mean = known.groupby("epoch")["value"].mean()
        if known["line"].nunique() > 1:
            axes.plot(known["epoch"], known["value"], ".", markersize=2.5, color=_READ["color"], alpha=0.6, zorder=3)
        axes.plot(mean.index, mean, zorder=4, **_READ)
    budgets = [
        epoch for epoch in sorted(set(panel.rows("reading", "accuracy")["epoch"])) if train is not None and epoch in train.index
    ]
    if len(budgets) > 1 and train is not None:
        axes.plot(budgets, train[budgets], zorder=4, **_BUDGET)


def _printed(axes: Axes, rows: pd.DataFrame) -> None:
    """One printed number is a level, several are points at their epochs."""
    for side, mine in rows.groupby("side", sort=False):
        colour = SIDE_STYLE[str(side)]["color"]
        if len(mine) > 1:
            axes.plot(mine["epoch"], mine["value"], **_PRINTED | {"mec": colour})
        else:
            for value in mine["value"]:
                axes.axhline(value, zorder=2, color=colour, **_LEVEL)


def _legend(panels: Sequence[Panel], measures: Sequence[str]) -> list[tuple[str, Artist]]:
    table = pd.concat([panel.table for panel in panels])
    table = table[table["measure"].isin(measures)]
    entries: list[tuple[str, Artist]] = [
        (SIDE_NAMES[side], Line2D([], [], linewidth=1.2, **style))
        for side, style in SIDE_STYLE.items()
        if ((table["side"] == side) & (table["kind"] == "curve")).any()
    ]
    readings = table[table["kind"] == "reading"]
    if readings["value"].notna().any():
        entries.append(("test, read at the end", Line2D([], [], **_READ)))
    if readings["epoch"].nunique() > 1:
        entries.append(("end of a shorter training", Line2D([], [], **_BUDGET)))
    for side, mine in table[table["kind"] == "published"].groupby("side", sort=False):
        colour, shown = SIDE_STYLE[str(side)]["color"], mine.groupby(["panel", "measure"]).size()
        label = f"{SIDE_NAMES[str(side)]} in the paper"
        if (shown > 1).any():
            entries.append((label, Line2D([], [], **_PRINTED | {"mec": colour})))
        if (shown == 1).any():
            entries.append((label, Line2D([], [], color=colour, **_LEVEL)))
    if (table["kind"] == "kept").any():
        entries.append(("kept epoch", Line2D([], [], **_KEPT)))
    if (table["kind"] == "stopped").any():
        entries.append(("stopped early", Line2D([], [], **_STOPPED)))
    return entries
