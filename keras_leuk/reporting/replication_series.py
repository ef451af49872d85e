"""A measure against a number of the recipe: fata2023's Figure 9 and what is like it, with intervals and the printed numbers.

Start at `draw`. A point is the mean over its runs (seeds) with the interval of that mean (`evaluation.published`); of
several, each is a small point, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation

from keras_leuk.evaluation.published import Reader
from keras_leuk.reporting.figures import Drawing
from keras_leuk.reporting.replication_cells import EPOCHS, Facts, Protocol, Run, mean_of, published, table_of
from keras_leuk.reporting.replication_sheet import (
    CROWDED,
    PUBLISHED,
    Wanted,
    crowded,
    measure_words,
    percent,
    plain,
    sheet,
    value_words,
)
from keras_leuk.reporting.style import DASHES, MARKERS, PAGE, PALETTE, drawn

COLUMNS = ("line", "kind", "x", "value", "low", "high", "run")
"""`kind` is 'run', 'mean', 'published', 'range' (low and high alone)."""

_RANGE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:-|–|to)\s*(\d+(?:\.\d+)?)")
_DODGE = 3.0
"""Points between the bars of two lines, so that they do not hide each other."""

Setting = tuple[Any, ...]


def draw(wanted: Wanted) -> list[Drawing] | str:
    """The figure; or why there is none."""
    spec, protocol = wanted.spec, wanted.protocol
    settings = _settings(protocol, spec)
    if not settings:
        return "none of its runs finished"
    table = series_table(wanted.facts, protocol, spec, wanted.reader)
    if not (table["kind"] == "run").any():
        return f"its runs have no {measure_words(spec['measure'])} on the {spec['side']} side"
    runs = [run for group in settings.values() for run in group]
    note = _note(table, wanted, len(runs))
    figure = series_figure(table, list(settings), spec, wanted.title, wanted.notes([spec["side"]], runs, note))
    return [Drawing(wanted.name, wanted.title, f"{wanted.title}. {_words(table)} {note}", figure, table)]


def _settings(protocol: Protocol, spec: Facts) -> dict[Setting, list[Run]]:
    """The runs of each combination of the lines' values, in the order of the grid."""
    values = [[value for value, _ in protocol.by_value(key, protocol.runs)] for key in spec["lines"]]
    found: dict[Setting, list[Run]] = {}
    for setting in product(*values):
        cell = dict(zip(spec["lines"], setting, strict=True))
        runs = [run for run in protocol.matching(cell) if isinstance(protocol.value(run, spec["x"]), int | float)]
        if runs:
            found[setting] = runs
    return found


def series_table(facts: Facts, protocol: Protocol, spec: Facts, reader: Reader) -> pd.DataFrame:
    """The numbers behind the figure, columns `COLUMNS`; values are fractions."""
    rows: list[list[Any]] = []
    line_of: dict[str, tuple[str, float]] = {}
    for setting, runs in _settings(protocol, spec).items():
        line = _name(setting)
        for x, beside in protocol.by_value(spec["x"], runs):
            line_of |= {run.id: (line, float(x)) for run in beside}
            asked = (spec["side"], spec["measure"])
            seen = [(run, number) for run in beside if (number := run.measured(reader, *asked)) is not None]
            rows += [[line, "run", float(x), *number, run.id] for run, number in seen]
            mean = mean_of(reader, [run for run, _ in seen], *asked)
            rows += [[line, "mean", float(x), *mean, ""]] if mean is not None else []
    for told in published(facts, spec["points"], protocol):
        place = next((line_of[id_] for id_ in told.runs if id_ in line_of), None)
        if place is not None and (told.measure, told.side) == (spec["measure"], spec["side"]):
            rows.append([place[0], "published", place[1], told.value, None, None, told.row])
    rows += _ranges(facts, spec)
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"x": float, "value": float, "low": float, "high": float})
    return table.drop_duplicates(ignore_index=True)


def _name(setting: Setting) -> str:
    return ", ".join(value_words(setting))


def _ranges(facts: Facts, spec: Facts) -> list[list[Any]]:
    found: list[list[Any]] = []
    rows = {row["name"]: row for row in table_of(facts, spec["points"])["rows"]} if spec["ranges"] else {}
    for name in spec["ranges"]:
        for cell in rows[name]["cells"].values() if name in rows else ():
            ends = _RANGE.fullmatch(cell["printed"].strip())
            if ends is not None:
                scale = 100 if cell["unit"] == "percent" else 1
                found.append([name, "range", None, None, *(float(end) / scale for end in ends.groups()), ""])
    return found


@drawn
def series_figure(table: pd.DataFrame, settings: Sequence[Setting], spec: Facts, title: str, notes: str) -> Figure:
    """Lines, printed points and printed ranges in one panel.

    Args:
        table: as `series_table` gives it.
        settings: values of the lines' keys. The first key has a hue a value, the others a dash and a marker.
    """
    styles = {setting: _style(setting, settings) for setting in settings}
    bands = _band_colours(table, spec, styles)
    figure = sheet(PAGE, 3.1, title, notes, _legend(table, settings, styles, bands))
    axes = figure.add_subplot()
    plain(axes)
    for name, colour in bands.items():
        band = table[table["line"] == name].iloc[0]
        axes.axhspan(band["low"], band["high"], color=colour, alpha=0.13, linewidth=0, zorder=0)
    for number, setting in enumerate(settings):
        _line(axes, table[table["line"] == _name(setting)], styles[setting], (number - (len(settings) - 1) / 2) * _DODGE)
    numbers = sorted(table["x"].dropna().unique())
    axes.set_xticks(numbers, [f"{number:g}" for number in numbers])
    axes.set_xlabel("epochs" if spec["x"] == EPOCHS else str(spec["x"]))
    axes.set_ylabel(f"{spec['side']} {measure_words(spec['measure'])}")
    percent(axes.yaxis)
    axes.yaxis.set_major_locator(MaxNLocator(8))
    # Bars that stand beside their place are no part of matplotlib's own limits.
    seen = table[["value", "low", "high"]].to_numpy(float)
    least, most = float(np.nanmin(seen)), float(np.nanmax(seen))
    room, wide = 0.06 * (most - least) or 0.01, (numbers[-1] - numbers[0]) or 1
    axes.set_ylim(max(0.0, least - room), min(1.01, most + room))
    axes.set_xlim(numbers[0] - 0.05 * wide, numbers[-1] + 0.05 * wide)
    return figure


def _style(setting: Setting, settings: Sequence[Setting]) -> dict[str, Any]:
    hues, rest = (list(dict.fromkeys(part)) for part in ([s[0] for s in settings], [s[1:] for s in settings]))
    hue, other = hues.index(setting[0]), rest.index(setting[1:])
    kind = other if len(rest) > 1 else hue
    return {"color": PALETTE[hue % 8], "linestyle": DASHES[kind % 8], "marker": MARKERS[kind % 8]}


def _band_colours(table: pd.DataFrame, spec: Facts, styles: Mapping[Setting, Mapping[str, Any]]) -> dict[str, str]:
    """The hue of the first line that a range is about; grey where it is about none."""
    found = {}
    for name in table.loc[table["kind"] == "range", "line"]:
        cell = spec["ranges"][name]
        lines = [
            s for s in styles if all(dict(zip(spec["lines"], s, strict=True)).get(key) == value for key, value in cell.items())
        ]
        found[name] = str(styles[lines[0]]["color"]) if lines else "#606060"
    return found


def _line(axes: Axes, mine: pd.DataFrame, style: Mapping[str, Any], points: float) -> None:
    place = axes.transData + ScaledTranslation(points / 72, 0, axes.figure.dpi_scale_trans)
    means, runs = mine[mine["kind"] == "mean"], mine[mine["kind"] == "run"]
    axes.plot(means["x"], means["value"], linewidth=1.0, markersize=3.4, transform=place, zorder=4, **style)
    known = means.dropna(subset=["low", "high"])
    axes.vlines(known["x"], known["low"], known["high"], color=style["color"], linewidth=0.7, transform=place, zorder=3)
    if len(runs) > len(means):
        axes.plot(runs["x"], runs["value"], ".", color=style["color"], markersize=2.6, alpha=0.6, transform=place, zorder=3)
    printed = mine[mine["kind"] == "published"]
    look = PUBLISHED | {"mec": style["color"], "mew": 1.3}
    axes.plot(printed["x"], printed["value"], marker=style["marker"], markersize=6.5, transform=place, **look)


def _legend(
    table: pd.DataFrame, settings: Sequence[Setting], styles: Mapping[Setting, Mapping[str, Any]], bands: Mapping[str, str]
) -> list[tuple[str, Artist]]:
    entries: list[tuple[str, Artist]] = [(_name(s), Line2D([], [], linewidth=1.0, markersize=3.4, **styles[s])) for s in settings]
    if (table["kind"] == "published").any():
        entries.append(("printed in the paper", Line2D([], [], marker="o", markersize=6.5, **PUBLISHED)))
    entries += [(f"range in the paper: {name.removesuffix(' (range)')}", Patch(color=c, alpha=0.13)) for name, c in bands.items()]
    return entries


def _note(table: pd.DataFrame, wanted: Wanted, runs: int) -> str:
    single = (table["kind"] == "run").sum() == (table["kind"] == "mean").sum()
    printed = table[table["kind"] == "published"]
    missing = wanted.protocol.missing({})
    told = [
        wanted.intervals if single else f"Lines: means over the runs of a point, which are small points. {wanted.intervals}",
        "Hollow: printed in the paper, beside the run that stands for it." if len(printed) else "",
        CROWDED if crowded(printed, ["line", "x"]) else "",
        f"{missing} of {missing + runs} runs did not finish." if missing else "",
    ]
    return " ".join(part for part in told if part)


def _words(table: pd.DataFrame) -> str:
    """Where each line begins and ends, and what is printed of it."""
    told = []
    for line, mine in table.groupby("line", sort=False):
        means, printed = mine[mine["kind"] == "mean"], mine[mine["kind"] == "published"]
        if len(means):
            ends = [f"{100 * row['value']:.1f} % at {row['x']:g}" for row in _rows(means.sort_values("x").iloc[[0, -1]])]
            told.append(f"{line}: {' to '.join(dict.fromkeys(ends))}")
            shown = ", ".join(f"{100 * row['value']:g} % for {row['run']}" for row in _rows(printed))
            told[-1] += f" (printed: {shown})" if shown else ""
    for band in _rows(table[table["kind"] == "range"]):
        told.append(f"printed for {band['line'].removesuffix(' (range)')}: {100 * band['low']:g} to {100 * band['high']:g} %")
    return "; ".join(told) + "."


def _rows(table: pd.DataFrame) -> list[dict[Any, Any]]:
    return table.to_dict("records")
