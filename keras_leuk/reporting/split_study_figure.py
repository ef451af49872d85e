"""The forest plot of a study of splits: a row a split; its runs, their mean and interval; beside it the difference."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import fill
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from keras_leuk.reporting.comparison_tables import label
from keras_leuk.reporting.split_study_page import percent, reference_title, span
from keras_leuk.reporting.style import PAGE, PALETTE, SMALL, TEXT, TINY, Caption, canvas, drawn

Json = dict[str, Any]

ROW = 0.36
"""Inches of a row."""

_DARK, _GREY = "#202020", "#8C8C8C"
_BELOW, _ABOVE = 0.24, 0.16
"""Runs stand so many rows below the mean, its number so many above it."""


@dataclass(frozen=True)
class StudyCaption(Caption):
    """A caption of a figure that shows several splits; the sizes stand beside the rows."""

    def text(self) -> str:
        return f"{self.note}\nClasses: {self.classes}. Data: {self.data}. Model: {self.model}."


@drawn
def study_figure(study: Json) -> Figure:
    """Values and differences of every measure side by side.

    Args:
        study: as `split_study_numbers.read_study` gives it.
    """
    ways, measures = study["ways"], list(study["ways"][0]["measures"])
    figure = canvas(
        PAGE, ROW * (len(ways) + 0.2) + 0.75, f"One recipe under {len(ways)} splits: {study['title']}", _caption(study)
    )
    widths = [width for _ in measures for width in (1.0, 0.72)]
    grid = figure.subplots(1, len(widths) + 1, sharey=True, gridspec_kw={"width_ratios": [*widths, 0.55]})
    against = fill(f"minus {reference_title(study)}", 22)
    for place, measure in enumerate(measures):
        values, differences = grid[2 * place], grid[2 * place + 1]
        _values(values, ways, measure)
        values.set_title(label(measure, study["positive"]), fontsize=TEXT, loc="left")
        _differences(differences, ways, measure)
        differences.set_title(against, fontsize=SMALL, loc="left", color=PALETTE[0])
    _sizes(grid[-1], ways)
    first = grid[0]
    first.set_yticks(range(len(ways)), [fill(way["title"], 16) for way in ways], fontsize=SMALL)
    first.set_ylim(len(ways) - 0.5, -0.5)
    return figure


def _values(axes: Axes, ways: list[Json], measure: str) -> None:
    for y, way in enumerate(ways):
        own = way["measures"][measure]
        points = [run["measures"][measure]["value"] for run in way["runs"]]
        known = [value for value in points if value is not None]
        axes.plot(known, [y + _BELOW] * len(known), "o", color=_GREY, markerfacecolor="none", markeredgewidth=0.6, markersize=2.6)
        _mark(axes, y, own, _DARK, "s", filled=True, form=".3f")
    _finish(axes)


def _differences(axes: Axes, ways: list[Json], measure: str) -> None:
    axes.axvline(0, color=_DARK, linewidth=0.6, zorder=1)
    for y, way in enumerate(ways):
        if not way["differences"]:
            axes.text(0, y, " reference", ha="left", va="center", fontsize=TINY, color=_GREY)
            continue
        number = way["differences"][measure]
        _mark(axes, y, number, PALETTE[0], "o", filled=bool(number["shown"]), form="+.3f")
    _finish(axes, (-0.05, 0.05))


def _mark(axes: Axes, y: int, number: Json, colour: str, marker: str, *, filled: bool, form: str) -> None:
    """A value with its interval and its number; words where there is none."""
    if number["value"] is None:
        axes.text(0.5, y, "undefined", transform=axes.get_yaxis_transform(), ha="center", va="center", fontsize=TINY)
        return
    if number["low"] is not None:
        axes.plot([number["low"], number["high"]], [y, y], color=colour, linewidth=0.9, solid_capstyle="butt", zorder=2)
    face = colour if filled else "white"
    axes.plot([number["value"]], [y], marker, color=colour, markerfacecolor=face, markeredgewidth=0.7, zorder=3)
    # On white, so that no line runs through a number.
    behind = {"facecolor": "white", "edgecolor": "none", "pad": 0.4}
    text = f"{number['value']:{form}}"
    axes.text(number["value"], y - _ABOVE, text, ha="center", va="bottom", fontsize=TINY, color=colour, bbox=behind)


def _finish(axes: Axes, within: tuple[float, float] | None = None) -> None:
    """Limits with room for the numbers, and ticks inside of them.

    Args:
        within: what the axis shows at least.
    """
    axes.margins(x=0.12)
    low, high = axes.get_xlim()
    if within is not None:
        low, high = min(low, within[0]), max(high, within[1])
    places = MaxNLocator(4 if within is None else 3, steps=[1, 2, 5, 10])
    ticks = [tick for tick in places.tick_values(low, high) if low <= tick <= high]
    axes.set_xlim(low, high)
    axes.set_xticks(ticks)
    axes.grid(axis="x", linewidth=0.3, alpha=0.6)
    axes.tick_params(axis="x", labelsize=SMALL)
    axes.tick_params(axis="y", length=0)


def _sizes(axes: Axes, ways: list[Json]) -> None:
    """Test images and subjects of a run, from the smallest to the largest."""
    axes.set_title("test side of a run", fontsize=SMALL, loc="left")
    axes.set_axis_off()
    axes.set_xticks([])
    for y, way in enumerate(ways):
        n, subjects = (span([run[key] for run in way["runs"]]) for key in ("n", "subjects"))
        runs = f"{len(way['runs'])} run{'s' * (len(way['runs']) != 1)}"
        axes.text(0, y, f"n {n}\nsubjects {subjects}\n{runs}", ha="left", va="center", fontsize=TINY, linespacing=1.2)


def _caption(study: Json) -> StudyCaption:
    unit = "subject" if all(way["unit"] == "subject" for way in study["ways"]) else "subject (image where subjects are unknown)"
    classes = ", ".join(f"{name} (positive)" if name == study["positive"] else name for name in study["classes"])
    note = (
        f"Test side. Squares: means over runs, lines: {percent(study)} percentile bootstrap intervals by {unit}, "
        f"{study['resamples']:,} resamples; grey circles: each run. Blue: difference to {reference_title(study)}, with an "
        "interval made of the two, taken as independent; filled where it leaves out 0."
    )
    return StudyCaption(study["title"], study["model"], "test", 0, None, "", classes, note)
