"""Images of each class by side, and what an epoch of training draws of each where it over-samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from keras_leuk.reporting.figures import Drawing
from keras_leuk.reporting.replication_cells import Protocol
from keras_leuk.reporting.replication_sheet import SIDE_NAMES, SIDE_STYLE, Wanted, plain, sheet
from keras_leuk.reporting.style import PAGE, TEXT, drawn, shorts

_HATCH = {"train": "", "validation": "////", "test": "...."}
_AGAIN: dict[str, Any] = {"facecolor": "white", "edgecolor": SIDE_STYLE["train"]["color"], "hatch": "xxxx", "linewidth": 0.6}


def draw(wanted: Wanted) -> list[Drawing] | str:
    """The figure; or why there is none."""
    table = classes_table(wanted.protocol)
    if table.empty:
        return "its runs have no images on any side"
    sides = list(dict.fromkeys(table["side"]))
    drawn_more = "drawn_in_an_epoch" in table
    note = (
        "Right: an epoch draws the images of each smaller class again until it is as large as the largest." if drawn_more else ""
    )
    if any(wanted.protocol.facts["recipe"].get("split.seed") is None and len(values) > 1 for values in _seeds(wanted.protocol)):
        note += " Each seed has a split of its own; the first is shown."
    figure = classes_figure(table, wanted.title, wanted.notes(sides, [], note.strip()))
    return [Drawing(wanted.name, wanted.title, f"{wanted.title}. {_words(table)} {note}".strip(), figure, table)]


def _seeds(protocol: Protocol) -> list[list[Any]]:
    return [list(protocol.facts["axes"].get("seed", ()))]


def classes_table(protocol: Protocol) -> pd.DataFrame:
    """One row a class and side: class, side, images; where training over-samples, drawn_in_an_epoch on the training side."""
    sides = protocol.facts["sides"]
    rows = [[name, side, n] for side in SIDE_NAMES if sides.get(side, {}).get("n") for name, n in sides[side]["classes"].items()]
    table = pd.DataFrame(rows, columns=["class", "side", "images"])
    if protocol.facts["recipe"].get("training.balance") == "oversample":
        train = table["side"] == "train"
        present = train & (table["images"] > 0)
        table["drawn_in_an_epoch"] = np.where(present, table.loc[train, "images"].max(), 0)
        table["drawn_in_an_epoch"] = table["drawn_in_an_epoch"].where(train)
    return table


@drawn
def classes_figure(table: pd.DataFrame, title: str, notes: str) -> Figure:
    """A bar a class: its images on each side; beside it what an epoch draws.

    Args:
        table: as `classes_table` gives it.
    """
    classes, sides = list(dict.fromkeys(table["class"])), list(dict.fromkeys(table["side"]))
    more = "drawn_in_an_epoch" in table
    legend: list[tuple[str, Artist]] = [(SIDE_NAMES[side], Patch(**_bar(side))) for side in sides]
    if more:
        legend.append(("drawn again in an epoch", Patch(**_AGAIN)))
    figure = sheet(PAGE, 0.21 * len(classes) + 0.75, title, notes, legend)
    grid = figure.subplots(1, 1 + more, sharey=True, squeeze=False, width_ratios=[1.25, 1] if more else [1])[0]
    places, left = np.arange(len(classes)), np.zeros(len(classes))
    wide = table.pivot(index="class", columns="side", values="images").loc[classes].fillna(0)
    for side in sides:
        grid[0].barh(places, wide[side], left=left, height=0.72, **_bar(side))
        left += wide[side].to_numpy()
    for place, total in zip(places, left, strict=True):
        each = "/".join(f"{int(n):,}" for n in wide.loc[classes[place], sides])
        grid[0].annotate(
            f"{int(total):,} ({each})", (total, place), (3, 0), textcoords="offset points", va="center", fontsize=TEXT
        )
    # The words behind the longest bar need room of their own.
    grid[0].set_xlim(0, left.max() * (1.65 if more else 1.35))
    grid[0].set_xlabel(f"images ({'/'.join(SIDE_NAMES[side] for side in sides)})")
    if more:
        own = wide["train"].to_numpy()
        drawn_ = table[table["side"] == "train"].set_index("class").loc[classes, "drawn_in_an_epoch"].to_numpy(float)
        grid[1].barh(places, own, height=0.72, **_bar("train"))
        grid[1].barh(places, drawn_ - own, left=own, height=0.72, **_AGAIN)
        grid[1].set_xlim(0, 1.04 * drawn_.max())
        grid[1].set_xlabel(f"images in an epoch: {int(drawn_.sum()):,}")
    for axes in grid:
        plain(axes, "x")
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    grid[0].set_yticks(places, shorts(classes, 18))
    grid[0].set_ylim(len(classes) - 0.4, -0.6)
    return figure


def _bar(side: str) -> dict[str, Any]:
    return {"facecolor": SIDE_STYLE[side]["color"], "edgecolor": "white", "hatch": _HATCH[side], "linewidth": 0.3}


def _words(table: pd.DataFrame) -> str:
    counts = table.groupby("class", sort=False)["images"].sum()
    told = (
        f"{int(counts.sum()):,} images of {len(counts)} classes: {', '.join(f'{name} {int(n):,}' for name, n in counts.items())}."
    )
    if "drawn_in_an_epoch" in table:
        told += f" An epoch draws {int(table['drawn_in_an_epoch'].max()):,} of each."
    return told
