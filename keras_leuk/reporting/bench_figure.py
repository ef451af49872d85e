"""The figure of a machine: the speed of each stage beside its ceiling, and the share that it reaches."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from keras_leuk.reporting.bench_words import OURS, busy, engines, hardware, name, percent, speed
from keras_leuk.reporting.style import PAGE, PALETTE, SMALL, TEXT, TINY, Caption, canvas, drawn

Json = dict[str, Any]

ROW = 0.3
"""Inches of a row."""

_OURS, _CEILING, _DARK = PALETTE[0], "#8C8C8C", "#202020"


@dataclass(frozen=True)
class BenchCaption(Caption):
    """A caption of a figure that shows a machine."""

    def text(self) -> str:
        return f"{self.note}\nMachine: {self.model}. Images: {self.data}."


@drawn
def bench_figure(facts: Json) -> Figure:
    """A row a stage.

    Args:
        facts: as `keras_leuk.bench.run.bench` gives them.
    """
    stages = facts["stages"]
    figure = canvas(PAGE, ROW * len(stages) + 0.75, "Speed of each stage, and its share of the ceiling", _caption(facts))
    rates, shares = figure.subplots(1, 2, sharey=True, gridspec_kw={"width_ratios": [1.25, 1.0]})
    _rates(rates, stages)
    _shares(shares, stages)
    rates.set_yticks(range(len(stages)), [name(stage) for stage in stages], fontsize=SMALL)
    rates.set_ylim(len(stages) - 0.4, -0.6)
    rates.tick_params(axis="y", length=0)
    return figure


def _rates(axes: Axes, stages: list[Json]) -> None:
    """Images a second on a logarithmic axis: marks, because bars would have no end to begin at."""
    for y, stage in enumerate(stages):
        own, bare = stage["ways"][OURS], stage["ways"][stage["ceiling"]]
        axes.plot([bare["low"], bare["high"]], [y, y], color=_CEILING, linewidth=0.9, zorder=1)
        axes.plot([bare["value"]], [y], "|", color=_DARK, markersize=9, markeredgewidth=1.0, zorder=2, label="ceiling")
        axes.plot([own["low"], own["high"]], [y, y], color=_OURS, linewidth=1.4, zorder=3)
        axes.plot([own["value"]], [y], "o", color=_OURS, markersize=4, zorder=4, label="keras-leuk")
        axes.text(own["value"], y - 0.2, speed(own["value"]), ha="center", va="bottom", fontsize=TINY + 0.5, color=_OURS)
    values = [
        way[key] for stage in stages for way in (stage["ways"][OURS], stage["ways"][stage["ceiling"]]) for key in ("low", "high")
    ]
    axes.set_xscale("log")
    low, high = min(values) / 2.2, max(values) * 2.2
    axes.set_xlim(low, high)
    ticks = _ticks(low, high)
    axes.set_xticks(ticks, [f"{tick:,g}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="x", linewidth=0.3, alpha=0.6)
    axes.tick_params(axis="x", labelsize=SMALL)
    axes.set_xlabel("images/s (logarithmic)")
    axes.set_title("images a second: keras-leuk ●, ceiling |", fontsize=TEXT, loc="left")


def _ticks(low: float, high: float) -> list[float]:
    """Powers of ten within the limits; 1, 2, 5 times them where there would be few."""
    tens = [10.0**power for power in range(floor(log10(low)), ceil(log10(high)) + 1)]
    inside = [tick for tick in tens if low <= tick <= high]
    return inside if len(inside) > 2 else [step * tick for tick in tens for step in (1, 2, 5) if low <= step * tick <= high]


def _shares(axes: Axes, stages: list[Json]) -> None:
    """Bars from 0 to the share, with the range over turns; the line at 100 % is the ceiling."""
    most = max([1.0, *(stage["share"]["high"] for stage in stages)])
    for y, stage in enumerate(stages):
        share = stage["share"]
        axes.barh(y, 100 * share["value"], height=0.56, color=_OURS, alpha=0.85, linewidth=0)
        axes.plot([100 * share["low"], 100 * share["high"]], [y, y], color=_DARK, linewidth=0.8, zorder=3)
        axes.text(100 * most * 1.06, y, percent(share["value"]), ha="left", va="center", fontsize=SMALL)
    axes.axvline(100, color=_DARK, linewidth=0.7, linestyle="--", zorder=2)
    axes.set_xlim(0, 100 * most * 1.24)
    axes.set_xticks(range(0, int(100 * most * 1.05) + 1, 25 if most < 1.5 else 50))
    axes.tick_params(axis="x", labelsize=SMALL)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("% of the ceiling")
    axes.set_title("share of the ceiling (dashed)", fontsize=TEXT, loc="left")


def _caption(facts: Json) -> BenchCaption:
    settings, machine = facts["settings"], facts["machine"]
    turns = sorted({stage["repeats"] for stage in facts["stages"]})
    many = f"{turns[0]}–{turns[-1]}" if len(turns) > 1 else f"{turns[0]}"
    images = sorted(stage["images"] for stage in facts["stages"])
    note = (
        f"Medians and ranges (lines) over {many} turn{'s' * (turns[-1] != 1)} of {images[0]:,} to {images[-1]:,} images, both "
        "sides turn by turn. A ceiling is the bare work of a stage. Random weights, float32."
    )
    if busy(facts):
        note += f" Other programs were at work (load {machine['load']:.1f})."
    words = f"{hardware(facts)}; TensorFlow {machine['versions']['tensorflow']}, engine {engines(facts)}"
    return BenchCaption(settings["images"], words, "", 0, None, "", "", note)
