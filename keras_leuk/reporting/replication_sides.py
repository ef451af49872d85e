"""A measure of each run on its training and its held-out images: what a table of training accuracies leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from keras_leuk.evaluation.published import Reader
from keras_leuk.reporting.figures import Drawing
from keras_leuk.reporting.replication_cells import EPOCHS, Facts, Protocol, mean_of, published
from keras_leuk.reporting.replication_sheet import (
    PUBLISHED,
    SIDE_NAMES,
    SIDE_STYLE,
    Wanted,
    measure_words,
    percent,
    plain,
    sheet,
    value_words,
)
from keras_leuk.reporting.style import PAGE, TEXT, drawn

COLUMNS = ("row", "kind", "side", "value", "low", "high", "run")
"""`kind` is 'run', 'mean' (of several runs) or 'published'."""

_MARKS = {"train": "o", "validation": "^", "test": "s"}


def draw(wanted: Wanted) -> list[Drawing] | str:
    """The figure; or why there is none."""
    spec, protocol = wanted.spec, wanted.protocol
    runs = protocol.matching(spec["cell"])
    if not runs:
        return "none of its runs finished"
    table = sides_table(wanted.facts, protocol, spec, wanted.reader)
    if not (table["kind"] == "mean").any():
        return f"its runs have no {measure_words(spec['measure'])}"
    sides = [side for side in spec["sides"] if ((table["side"] == side) & (table["kind"] == "mean")).any()]
    several = (table["kind"] == "run").sum() > (table["kind"] == "mean").sum()
    note = f"Large: means over runs, which are small. {wanted.intervals}" if several else wanted.intervals
    note += " Training images are judged after training, without dropout and augmentation."
    figure = sides_figure(table, spec, wanted.title, wanted.notes(sides, runs, note))
    missing = protocol.missing(spec["cell"])
    words = f"{wanted.title}. {_words(table, spec)} {note}" + (
        f" {missing} of {missing + len(runs)} runs did not finish." if missing else ""
    )
    return [Drawing(wanted.name, wanted.title, words, figure, table)]


def sides_table(facts: Facts, protocol: Protocol, spec: Facts, reader: Reader) -> pd.DataFrame:
    """The numbers behind the figure, columns `COLUMNS`; values are fractions. Of shorter and longer runs, the longest."""
    printed = published(facts, spec["points"], protocol)
    rows: list[list[Any]] = []
    groups = list(protocol.by_value(spec["rows"], protocol.matching(spec["cell"])))
    names = value_words([value for value, _ in groups])
    for name, (_, runs) in zip(names, groups, strict=True):
        most = max(protocol.value(run, EPOCHS) or 0 for run in runs)
        longest = [run for run in runs if (protocol.value(run, EPOCHS) or 0) == most]
        for side in spec["sides"]:
            asked = (side, spec["measure"])
            seen = [(run, number) for run in longest if (number := run.measured(reader, *asked)) is not None]
            rows += [[name, "run", side, *number, run.id] for run, number in seen]
            mean = mean_of(reader, [run for run, _ in seen], *asked)
            rows += [[name, "mean", side, *mean, ""]] if mean is not None else []
        ids = {run.id for run in longest}
        rows += [
            [name, "published", told.side, told.value, None, None, told.row]
            for told in printed
            if told.measure == spec["measure"] and ids & set(told.runs)
        ]
    numbers = dict.fromkeys(("value", "low", "high"), float)
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(numbers).drop_duplicates(ignore_index=True)


@drawn
def sides_figure(table: pd.DataFrame, spec: Facts, title: str, notes: str) -> Figure:
    """A row a value, a mark a side.

    Args:
        table: as `sides_table` gives it.
    """
    names = list(dict.fromkeys(table["row"]))
    sides = [side for side in spec["sides"] if (table["side"] == side).any()]
    legend: list[tuple[str, Artist]] = [(SIDE_NAMES[side], Line2D([], [], **_look(side), markersize=5)) for side in sides]
    if (table["kind"] == "published").any():
        legend.append(("printed in the paper (training)", Line2D([], [], marker="D", markersize=5, **PUBLISHED)))
    figure = sheet(0.75 * PAGE, 0.42 * len(names) + 0.6, title, notes, legend)
    axes = figure.add_subplot()
    plain(axes, "x")
    for place, name in enumerate(names):
        _row(axes, table[table["row"] == name], place, sides)
    axes.set_yticks(range(len(names)), [f"{_key(spec)} {name}" for name in names], fontsize=TEXT)
    axes.set_ylim(len(names) - 0.4, -0.6)
    percent(axes.xaxis)
    axes.set_xlabel(measure_words(spec["measure"]))
    return figure


def _key(spec: Facts) -> str:
    return str(spec["rows"]).rsplit(".", 1)[-1] if spec["rows"] != "model.backbone" else ""


def _look(side: str) -> dict[str, Any]:
    return {"marker": _MARKS[side], "color": SIDE_STYLE[side]["color"], "linestyle": "none", "zorder": 4}


def _row(axes: Axes, mine: pd.DataFrame, place: int, sides: Sequence[str]) -> None:
    means = mine[mine["kind"] == "mean"]
    for number, side in enumerate(sides):
        # Intervals of two sides may overlap: each has a level of its own.
        level = place + 0.16 * (number - (len(sides) - 1) / 2)
        runs, mean = mine[(mine["kind"] == "run") & (mine["side"] == side)], means[means["side"] == side]
        axes.hlines([level] * len(mean), mean["low"], mean["high"], color=SIDE_STYLE[side]["color"], linewidth=0.9, zorder=2)
        if len(runs) > 1:
            axes.plot(runs["value"], [level] * len(runs), alpha=0.55, markersize=2.4, **_look(side))
        axes.plot(mean["value"], [level] * len(mean), markersize=5, **_look(side))
        printed = mine[(mine["kind"] == "published") & (mine["side"] == side)]
        axes.plot(printed["value"], [level - 0.13] * len(printed), marker="D", markersize=5, **PUBLISHED)


def _words(table: pd.DataFrame, spec: Facts) -> str:
    told = []
    for name, mine in table.groupby("row", sort=False):
        parts = [
            f"{SIDE_NAMES[row['side']]}{' as printed' if row['kind'] == 'published' else ''} {row['value']:.3f}"
            for row in mine[mine["kind"] != "run"].to_dict("records")
        ]
        told.append(f"{_key(spec)} {name}: {', '.join(parts)}".strip())
    return f"{measure_words(spec['measure']).capitalize()}: {'; '.join(told)}."
