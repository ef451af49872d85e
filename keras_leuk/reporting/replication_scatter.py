"""One measure of a class against another, a mark a setting, with both intervals and the printed pair beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from keras_leuk.reporting.figures import Drawing
from keras_leuk.reporting.replication_cells import Run, mean_of, published
from keras_leuk.reporting.replication_confusion import judged
from keras_leuk.reporting.replication_sheet import PUBLISHED, Wanted, measure_words, percent, plain, sheet, value_words
from keras_leuk.reporting.style import MARKERS, PAGE, PALETTE, drawn

COLUMNS = ("mark", "kind", "x", "x_low", "x_high", "y", "y_low", "y_high", "run")
"""`kind` is 'run', 'mean' or 'published'."""


def draw(wanted: Wanted) -> list[Drawing] | str:
    """The figure; or why there is none."""
    spec, protocol, side = wanted.spec, wanted.protocol, judged(wanted)
    runs = protocol.matching(spec["cell"])
    if not runs:
        return "none of its runs finished"
    of_class = class_here(wanted)
    if of_class not in runs[0].metrics["classes"]:
        return f"the data have no class {spec['of_class']}"
    table = scatter_table(wanted, side, of_class)
    if not (table["kind"] == "run").any():
        return f"its runs have no {measure_words(spec['x'])} and {measure_words(spec['y'])} of {of_class} on the {side} side"
    note = _note(wanted, table, of_class, len(runs))
    axes = [f"{side} {measure_words(spec[key])} of {of_class}" for key in ("x", "y")]
    figure = scatter_figure(table, axes, wanted.title, wanted.notes([side], runs, note))
    return [Drawing(wanted.name, wanted.title, f"{wanted.title}. {_words(table, wanted)} {note}", figure, table)]


def class_here(wanted: Wanted) -> str:
    """The class that stands where the paper's stands."""
    name = str(wanted.spec["of_class"])
    return next((str(told["here"]) for told in wanted.facts["data"]["stand_ins"] if told["published"] == name), name)


def scatter_table(wanted: Wanted, side: str, of_class: str) -> pd.DataFrame:
    """The numbers behind the figure, columns `COLUMNS`; values are fractions."""
    spec, protocol = wanted.spec, wanted.protocol
    groups = list(protocol.by_value(spec["marks"], protocol.matching(spec["cell"])))
    names = value_words([value for value, _ in groups])
    rows: list[list[Any]] = []
    for mark, (_, runs) in zip(names, groups, strict=True):
        each = [(run, pair) for run in runs if (pair := _pair(wanted, [run], side, of_class)) is not None]
        rows += [[mark, "run", *pair, run.id] for run, pair in each]
        mean = _pair(wanted, [run for run, _ in each], side, of_class)
        rows += [[mark, "mean", *mean, ""]] if mean is not None else []
        rows += _pairs(mark, wanted, runs)
    numbers = dict.fromkeys(COLUMNS[2:8], float)
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(numbers).drop_duplicates(ignore_index=True)


def _pair(wanted: Wanted, runs: Sequence[Run], side: str, of_class: str) -> list[float | None] | None:
    """Both measures with their intervals, means over the runs; None where one is undefined."""
    one, other = (mean_of(wanted.reader, runs, side, wanted.spec[key], of_class) for key in ("x", "y"))
    return None if one is None or other is None else [*one, *other]


def _pairs(mark: str, wanted: Wanted, runs: list[Run]) -> list[list[Any]]:
    """Printed rows that have both measures and stand beside one of the runs."""
    spec, protocol, ids = wanted.spec, wanted.protocol, {run.id for run in runs}
    rows: dict[str, dict[str, float]] = {}
    for told in published(wanted.facts, spec["points"], protocol):
        if ids & set(told.runs) and told.side == spec["side"]:
            rows.setdefault(told.row, {})[told.measure] = told.value
    both = {row: values for row, values in rows.items() if spec["x"] in values and spec["y"] in values}
    return [[mark, "published", v[spec["x"]], None, None, v[spec["y"]], None, None, row] for row, v in both.items()]


@drawn
def scatter_figure(table: pd.DataFrame, axes_words: list[str], title: str, notes: str) -> Figure:
    """Marks with intervals in both directions; a thin line leads from each to its printed pair.

    Args:
        table: as `scatter_table` gives it; axes_words: of x and y.
    """
    marks = list(dict.fromkeys(table["mark"]))
    legend: list[tuple[str, Artist]] = [
        (mark, Line2D([], [], linestyle="none", marker=MARKERS[i % 8], color=PALETTE[i % 8], markersize=5))
        for i, mark in enumerate(marks)
    ]
    if (table["kind"] == "published").any():
        legend.append(("printed in the paper", Line2D([], [], marker="o", markersize=6, **PUBLISHED)))
    figure = sheet(0.75 * PAGE, 3.6, title, notes, legend)
    axes = figure.add_subplot()
    plain(axes, "both")
    for number, mark in enumerate(marks):
        _mark(axes, table[table["mark"] == mark], PALETTE[number % 8], MARKERS[number % 8])
    for axis, words in zip((axes.xaxis, axes.yaxis), axes_words, strict=True):
        percent(axis)
        axis.set_major_locator(MaxNLocator(6))
        axis.set_label_text(words)
    axes.set_xlim(left=max(0.0, axes.get_xlim()[0]))
    axes.set_ylim(bottom=max(0.0, axes.get_ylim()[0]))
    return figure


def _mark(axes: Axes, mine: pd.DataFrame, colour: str, marker: str) -> None:
    runs, means, printed = (mine[mine["kind"] == kind] for kind in ("run", "mean", "published"))
    axes.hlines(means["y"], means["x_low"], means["x_high"], color=colour, linewidth=0.8, zorder=2)
    axes.vlines(means["x"], means["y_low"], means["y_high"], color=colour, linewidth=0.8, zorder=2)
    if len(runs) > 1:
        axes.plot(runs["x"], runs["y"], linestyle="none", marker=marker, color=colour, markersize=2.4, alpha=0.55, zorder=2)
    axes.plot(means["x"], means["y"], linestyle="none", marker=marker, color=colour, markersize=5, zorder=4)
    for x, y in zip(printed["x"], printed["y"], strict=True):
        if len(means):
            axes.plot([means["x"].iloc[0], x], [means["y"].iloc[0], y], color=colour, linewidth=0.5, linestyle=":", zorder=1)
        axes.plot(x, y, marker=marker, markersize=6, **(PUBLISHED | {"mec": colour, "mew": 1.3}))


def _note(wanted: Wanted, table: pd.DataFrame, of_class: str, runs: int) -> str:
    several = (table["kind"] == "run").sum() > (table["kind"] == "mean").sum()
    missing, absent = runs - int((table["kind"] == "run").sum()), wanted.protocol.missing(wanted.spec["cell"])
    told = [
        f"Large: means over the runs, which are small. {wanted.intervals}" if several else wanted.intervals,
        "Hollow: printed in the paper." if (table["kind"] == "published").any() else "",
        f"{of_class} stands where {wanted.spec['of_class']} stands in the paper." if of_class != wanted.spec["of_class"] else "",
        f"{missing} of {runs} runs never predicted {of_class}." if missing else "",
        f"{absent} of {absent + runs} runs did not finish." if absent else "",
    ]
    return " ".join(part for part in told if part)


def _words(table: pd.DataFrame, wanted: Wanted) -> str:
    x, y = (measure_words(wanted.spec[key]) for key in ("x", "y"))
    told = []
    for mark, mine in table.groupby("mark", sort=False):
        for row in mine[mine["kind"] != "run"].to_dict("records"):
            who = f"{mark} as printed" if row["kind"] == "published" else str(mark)
            told.append(f"{who}: {x} {100 * row['x']:.2f} %, {y} {100 * row['y']:.2f} %")
    return "; ".join(told) + "."
