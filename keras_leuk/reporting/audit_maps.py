"""Areas under ROC curves as pictures: a forest of a few with their intervals, a map of many without."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from keras_leuk.reporting.style import PAGE, PALETTE, SMALL, TINY, Caption, canvas, drawn, short, shorts

LEVEL = 0.05
"""Of p after Holm's correction, from which on a mark is filled and a number bold."""

_DARK = "#404040"
_ROW = 0.17
"""Height of a row in inches."""

_COLOURS = LinearSegmentedColormap.from_list("area", [PALETTE[0], "#FFFFFF", PALETTE[1]])


@dataclass(frozen=True)
class AuditCaption(Caption):
    """A caption of a figure about a whole data set: no side, no split, no model."""

    def text(self) -> str:
        whom = f", {self.subjects:,} subjects" if self.subjects is not None else ", subjects unknown"
        return f"n = {self.n:,} images{whom}. {self.note}\nClasses: {self.classes}. Data: {self.data}."


def audit_caption(data: str, section: dict[str, Any], note: str) -> AuditCaption:
    """The caption of a section that has n, subjects, classes and positive, which is marked."""
    positive = section["positive"]
    named = ", ".join(f"{name} (positive)" if name == positive else name for name in section["classes"])
    return AuditCaption(data, "", "", section["n"], section["subjects"], "", named, note)


@drawn
def forest_figure(title: str, axis: str, table: pd.DataFrame, caption: Caption) -> Figure:
    """Areas with their intervals, a row each, in blocks with a heading.

    Args:
        axis: label of the axis.
        table: columns block, label, auc, low, high, p_holm (NaN where nothing was tested: a square), other (a second area, NaN
            for none) and reason (of what is undefined).
    """
    blocks = list(dict.fromkeys(table["block"]))
    lines = len(table) + len(blocks)
    figure = canvas(PAGE, lines * _ROW + 0.45, title, caption)
    axes = figure.add_subplot()
    axes.axvline(0.5, color=_DARK, linewidth=0.6, zorder=1)
    y, ticks = 0, dict[int, str]()
    for block in blocks:
        axes.text(0.004, y, block, transform=axes.get_yaxis_transform(), fontsize=SMALL, fontweight="bold", va="center")
        for row in table[table["block"] == block].to_dict("records"):
            y += 1
            ticks[y] = short(str(row["label"]), 40)
            _forest_row(axes, y, row)
        y += 1
    axes.set_yticks(list(ticks), list(ticks.values()))
    axes.set_ylim(y - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.set_xticks(np.linspace(0, 1, 11))
    axes.set_xlabel(axis)
    axes.grid(axis="x", linewidth=0.3, alpha=0.6)
    axes.set_axisbelow(True)
    return figure


def _forest_row(axes: Axes, y: int, row: dict[str, Any]) -> None:
    auc, low, high, p, other = (float(row[key]) for key in ("auc", "low", "high", "p_holm", "other"))
    beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "fontsize": SMALL, "va": "center"}
    colour, marker = (_DARK, "s") if math.isnan(p) else (PALETTE[0], "o")
    if math.isnan(auc):
        axes.text(0.503, y, f" {row['reason']}", color=_DARK, **beside)
        return
    if not math.isnan(low):
        axes.plot([low, high], [y, y], color=colour, linewidth=0.9, solid_capstyle="butt", zorder=2)
    if not math.isnan(other):
        axes.plot([other], [y], "D", color=PALETTE[1], markersize=3, markerfacecolor="white", markeredgewidth=0.7, zorder=3)
    face = colour if math.isnan(p) or p < LEVEL else "white"
    axes.plot([auc], [y], marker, color=colour, markersize=4, markerfacecolor=face, markeredgewidth=0.7, zorder=4, clip_on=False)
    words = f"{auc:.2f}" if math.isnan(low) else f"{auc:.2f} ({low:.2f}–{high:.2f})"
    axes.text(1.012, y, words, **beside)


@drawn
def map_figure(title: str, bar: str, table: pd.DataFrame, caption: Caption) -> Figure:
    """Areas as colours with their numbers, bold with a star where p after correction is small.

    Args:
        bar: what the colours say.
        table: columns block (a line parts them), row, column, auc, p_holm; one row a field, auc NaN where undefined; names in the
            order of the picture.
    """
    rows, columns = list(dict.fromkeys(table["row"])), list(dict.fromkeys(table["column"]))
    labels = [_folded(name) for name in shorts(columns, 30)]
    depth = max(label.count("\n") + 1 for label in labels)
    figure = canvas(PAGE, len(rows) * (_ROW + 0.02) + 0.2 + depth * SMALL * 1.3 / 72, title, caption)
    axes = figure.add_subplot()
    values = table.pivot(index="row", columns="column", values="auc").reindex(index=rows, columns=columns).to_numpy(float)
    p = table.pivot(index="row", columns="column", values="p_holm").reindex(index=rows, columns=columns).to_numpy(float)
    asked = set(zip(table["row"], table["column"], strict=True))
    image = axes.imshow(values, cmap=_COLOURS, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    for (y, x), value in np.ndenumerate(values):
        if (rows[y], columns[x]) not in asked:
            continue
        if math.isnan(value):
            axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor="#ececec", linewidth=0))
            axes.text(x, y, "–", ha="center", va="center", fontsize=SMALL, color=_DARK)
            continue
        told = p[y, x] < LEVEL
        axes.text(
            x,
            y,
            f"{value:.2f}{'*' if told else ''}",
            ha="center",
            va="center",
            fontsize=SMALL,
            fontweight="bold" if told else "normal",
            color="white" if value < 0.14 else "black",
        )
    block = table.drop_duplicates("row")["block"].tolist()
    for y in (y for y in range(1, len(rows)) if block[y] != block[y - 1]):
        axes.axhline(y - 0.5, color="white", linewidth=3)
    size = SMALL if len(columns) <= 6 else TINY
    axes.set_xticks(range(len(columns)), labels, fontsize=size)
    axes.set_yticks(range(len(rows)), [short(row, 40) for row in rows])
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    colours = figure.colorbar(image, ax=axes, fraction=0.025, pad=0.012, aspect=20, ticks=[0, 0.25, 0.5, 0.75, 1])
    colours.ax.tick_params(labelsize=TINY, width=0.4, length=2)
    colours.outline.set_linewidth(0.4)
    colours.set_label(bar, fontsize=SMALL)
    return figure


def _folded(name: str) -> str:
    """A pair of parts in two lines, a long name in its words."""
    return name.replace(" → ", "\n→ ") if "→" in name or len(name) <= 12 else name.replace(" ", "\n", 1)
