"""The forest plot of a comparison: above each run's own value, below the differences of the pairs, a panel a measure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from keras_leuk.reporting.comparison_notes import split_words, watched_words
from keras_leuk.reporting.comparison_tables import label, pair_words
from keras_leuk.reporting.style import PAGE, PALETTE, SMALL, TEXT, TINY, Caption, canvas, drawn, short

Json = dict[str, Any]

ABREAST = 3
"""Measures a figure shows beside each other; more go into further figures."""

NAME = 26
"""Letters of a run's name beside an axis."""

_DARK = "#404040"


def drawings(comparison: Json) -> Iterator[tuple[str, Figure]]:
    """File name without suffix and figure, `ABREAST` measures a figure: 'forest', 'forest-2', ..."""
    measures = comparison["measures"]
    for number, start in enumerate(range(0, len(measures), ABREAST), 1):
        yield "forest" if number == 1 else f"forest-{number}", forest_figure(comparison, measures[start : start + ABREAST])


def forest_table(comparison: Json) -> pd.DataFrame:
    """The numbers in the figures: measure, kind ('value' or 'difference'), of, value, low, high, p_holm."""
    rows = []
    for measure in comparison["measures"]:
        for run in comparison["runs"]:
            rows.append({"measure": measure, "kind": "value", "of": run["name"]} | run["measures"][measure])
        for pair in comparison["pairs"]:
            number = pair["measures"][measure]
            rows.append(
                {"measure": measure, "kind": "difference", "of": pair_words(pair), "value": number["difference"]} | number
            )
    return pd.DataFrame(rows, columns=["measure", "kind", "of", "value", "low", "high", "p_holm"])


@drawn
def forest_figure(comparison: Json, measures: Sequence[str]) -> Figure:
    """Values and differences with their intervals; the height grows with the number of pairs.

    Args:
        comparison: as `keras_leuk.evaluation.comparison.compare` gives it.
        measures: at most `ABREAST` of its measures.
    """
    runs, pairs = comparison["runs"], comparison["pairs"]
    row = float(np.clip(2.4 / (len(runs) + len(pairs)), 0.098, 0.17))
    heights = [row * (len(runs) + 1), row * (len(pairs) + 1)]
    alpha = 1 - comparison["interval"]["confidence"]
    headings = [fill(label(measure, comparison["positive"]), 27 if len(measures) == ABREAST else 45) for measure in measures]
    lines = max(heading.count("\n") for heading in headings)
    title = f"Comparison of {len(runs)} runs, {comparison['side']} side"
    figure = canvas(PAGE, sum(heights) + 0.85 + lines * TEXT * 1.2 / 72, title, _caption(comparison, alpha))
    grid = figure.subplots(2, len(measures), squeeze=False, sharey="row", gridspec_kw={"height_ratios": heights})
    size = SMALL if row > 0.13 else TINY
    names = dict(zip([run["name"] for run in runs], _short([run["name"] for run in runs]), strict=True))
    differences = [pair_words({end: names[pair[end]] for end in ("first", "second")}) for pair in pairs]
    axis = "difference"
    if comparison["reference"] is not None:
        differences = [names[pair["second"]] for pair in pairs]
        axis += f" from\n{names[comparison['reference']]}"
    for column, (measure, heading) in enumerate(zip(measures, headings, strict=True)):
        above, below = grid[0, column], grid[1, column]
        _rows(above, [run["measures"][measure] for run in runs], "value", list(names.values()), size)
        above.set_title(heading, fontsize=TEXT, loc="left")
        _stripes(below, [pair["first"] for pair in pairs])
        below.axvline(0, color=_DARK, linewidth=0.6, zorder=1)
        _rows(below, [pair["measures"][measure] for pair in pairs], "difference", differences, size, alpha)
        low, high = below.get_xlim()
        below.set_xlim(min(low, -0.02), max(high, 0.02))
        below.set_xlabel(axis)
        for axes in (above, below):
            axes.grid(axis="x", linewidth=0.3, alpha=0.6)
            axes.xaxis.set_major_locator(MaxNLocator(5 if len(measures) < 3 else 4, steps=[1, 2, 2.5, 5, 10]))
            axes.tick_params(axis="x", labelsize=SMALL)
            axes.tick_params(axis="y", length=0 if column else 2.5, labelsize=size)
    return figure


def _rows(axes: Axes, numbers: Sequence[Json], key: str, labels: Sequence[str], size: float, alpha: float = 0.0) -> None:
    """One line a row, the first on top; a difference is filled where its corrected p lies below `alpha`."""
    colour, marker = (_DARK, "s") if key == "value" else (PALETTE[0], "o")
    for y, number in enumerate(numbers):
        if number[key] is None:
            # In the middle of the panel, wherever its numbers lie.
            axes.text(0.5, y, "undefined", transform=axes.get_yaxis_transform(), ha="center", va="center", fontsize=size)
            continue
        if number["low"] is not None:
            axes.plot([number["low"], number["high"]], [y, y], color=colour, linewidth=0.9, solid_capstyle="butt", zorder=2)
        told = key == "value" or (number["p_holm"] is not None and number["p_holm"] < alpha)
        face = colour if told else "white"
        axes.plot([number[key]], [y], marker, color=colour, markerfacecolor=face, markeredgewidth=0.7, zorder=3)
    axes.set_yticks(range(len(numbers)), labels, fontsize=size)
    axes.set_ylim(len(numbers) - 0.4, -0.6)


def _stripes(axes: Axes, groups: Sequence[str]) -> None:
    """Every other group of rows on grey: the rows in which one run is subtracted from the others."""
    starts = [i for i, name in enumerate(groups) if i == 0 or groups[i - 1] != name]
    for start, end in list(zip(starts, [*starts[1:], len(groups)], strict=True))[1::2]:
        axes.axhspan(start - 0.5, end - 0.5, color="#EEEEEE", linewidth=0, zorder=0)


def _short(names: Sequence[str]) -> list[str]:
    """Names that fit; numbered where they would look alike."""
    shortened = [short(name, NAME) for name in names]
    if len(set(shortened)) == len(names):
        return shortened
    return [f"{number}: {short(name, NAME - 4)}" for number, name in enumerate(names, 1)]


def _caption(comparison: Json, alpha: float) -> Caption:
    runs, unit = comparison["runs"], comparison["unit"]
    positive = comparison["positive"]
    count = len(comparison["pairs"])
    minus = "the first-named run's value minus the other's"
    if comparison["reference"] is not None:
        minus = f"the run's value minus that of {comparison['reference']}"
    corrected = f" after Holm correction over {count} pairs" if count > 1 else ""
    note = (
        f"Squares: each run's value; circles: {minus}, filled where p < {alpha:.2g}"
        f"{corrected}. Lines: {100 * (1 - alpha):g} % intervals, paired bootstrap over {unit}s."
    )
    return Caption(
        data="; ".join(dict.fromkeys(run["data"] for run in runs)),
        model=f"{len(runs)} runs, named on the left",
        side=comparison["side"],
        n=comparison["n"],
        subjects=comparison["subjects"],
        split=split_words(runs),
        classes=", ".join(f"{name} (positive)" if name == positive else name for name in comparison["classes"]),
        note=f"{note} {watched_words(comparison)}".strip(),
    )
