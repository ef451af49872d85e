"""The figures of a search: how the best trial was found, and the objective against each searched key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from keras_leuk.reporting.style import COLUMN, PAGE, PALETTE, SMALL, Caption, canvas, drawn, legend_below, shorts

_DOT: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 3.2, "color": PALETTE[0], "markeredgewidth": 0}
_BEST: dict[str, Any] = {
    "linestyle": "none",
    "marker": "*",
    "markersize": 8,
    "color": PALETTE[1],
    "markeredgewidth": 0,
    "zorder": 4,
}
_EDGE: dict[str, dict[str, Any]] = {
    "pruned": {"marker": "|", "color": PALETTE[7], "markersize": 6, "markeredgewidth": 0.9},
    "failed": {"marker": "x", "color": PALETTE[6], "markersize": 3.6, "markeredgewidth": 0.9},
}
_TICKS = 8
"""A stepped range with at most so many members has a tick for each."""
_SPREAD = 0.28
"""Half the width over which the trials of one choice are spread, in distances of two choices."""


def history_table(trials: pd.DataFrame, smaller_is_better: bool) -> pd.DataFrame:
    """One row a trial: number, state, objective, best_so_far (of finished trials up to it)."""
    objective = trials["objective"]
    best = objective.cummin() if smaller_is_better else objective.cummax()
    return trials[["number", "state", "objective"]].assign(best_so_far=best.ffill())


@drawn
def history_figure(history: pd.DataFrame, winner: int, measure: str, caption: Caption) -> Figure:
    """Objective of each trial in their order, and the best so far.

    Args:
        history: as `history_table` gives it.
        winner: number of the winning trial.
        measure: name of the objective, for the axis.
    """
    figure = canvas(COLUMN, 2.3, f"Validation {measure} of each trial", caption, legend_lines=2)
    axes = figure.add_subplot()
    done = history[history["state"] == "complete"]
    axes.plot(done["number"], done["objective"], label="finished", **_DOT)
    axes.step(history["number"], history["best_so_far"], where="post", color=PALETTE[1], linewidth=1.0, label="best so far")
    best = done[done["number"] == winner]
    axes.plot(best["number"], best["objective"], label=f"winner: trial {winner}", **_BEST)
    for state in _EDGE:
        _on_edge(axes, history.loc[history["state"] == state, "number"].tolist(), state)
    _value_axis(axes, done["objective"].to_numpy(float), measure)
    axes.set_xlabel("trial")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_below(figure, ncols=3)
    return figure


@drawn
def slice_figure(trials: pd.DataFrame, space: Sequence[dict[str, Any]], winner: int, measure: str, caption: Caption) -> Figure:
    """Objective against each searched key, a panel a key; trials of one choice stand side by side in their order.

    Args:
        trials: one row a trial, with a column for each key: numbers, or labels of choices.
        space: of each key key, short, scale ('linear', 'log' or 'choices'), and choices, or low, high and step.
    """
    columns = min(3, len(space))
    rows = -(-len(space) // columns)
    width = COLUMN if columns == 1 else PAGE
    figure = canvas(width, 2.0 * rows + 0.1, f"Validation {measure} against each searched key", caption, legend_lines=1)
    panels = np.atleast_1d(figure.subplots(rows, columns, sharey=True, squeeze=True)).reshape(-1)
    values = trials.loc[trials["state"] == "complete", "objective"].to_numpy(float)
    for number, axes in enumerate(panels):
        if number >= len(space):
            axes.set_axis_off()
            continue
        _slice(axes, trials, space[number], winner)
        _value_axis(axes, values, measure if number % columns == 0 else "")
    legend_below(figure, ncols=4)
    return figure


def _slice(axes: Axes, trials: pd.DataFrame, part: dict[str, Any], winner: int) -> None:
    at = _places(trials, part)
    done = (trials["state"] == "complete").to_numpy()
    won = done & (trials["number"] == winner).to_numpy()
    objective = trials["objective"].to_numpy(float)
    axes.plot(at[done & ~won], objective[done & ~won], label="finished", **_DOT)
    axes.plot(at[won], objective[won], label=f"winner: trial {winner}", **_BEST)
    for state in _EDGE:
        _on_edge(axes, at[(trials["state"] == state).to_numpy()].tolist(), state)
    axes.set_xlabel(part["short"])
    if part["scale"] == "choices":
        names = shorts(part["choices"], 12)
        crowded = len(names) > 4 or sum(map(len, names)) > 26
        axes.set_xticks(range(len(names)), names, rotation=35 if crowded else 0, ha="right" if crowded else "center")
        axes.set_xlim(-0.5, len(names) - 0.5)
        return
    low, high = float(part["low"]), float(part["high"])
    if part["scale"] == "log":
        axes.set_xscale("log")
        _log_ticks(axes.xaxis, low, high)
        axes.set_xlim(low / (high / low) ** 0.04, high * (high / low) ** 0.04)
    elif part.get("step") and (high - low) / part["step"] < _TICKS:
        axes.set_xticks(np.linspace(low, high, round((high - low) / part["step"]) + 1).tolist())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=isinstance(part["low"], int)))
    if part["scale"] == "linear":
        axes.set_xlim(low - 0.04 * (high - low), high + 0.04 * (high - low))


def _places(trials: pd.DataFrame, part: dict[str, Any]) -> np.ndarray:
    """Where each trial stands on the axis of one key, float64 (n,)."""
    values = trials[part["key"]]
    at: np.ndarray = values.to_numpy(float) if part["scale"] != "choices" else np.full(len(trials), np.nan)
    for number, label in enumerate(part.get("choices", ())):
        own = np.flatnonzero((values == label).to_numpy())
        if len(own):
            at[own] = number + (np.linspace(-_SPREAD, _SPREAD, len(own)) if len(own) > 1 else 0.0)
    return at


def _on_edge(axes: Axes, at: list[float], state: str) -> None:
    """Trials without a figure, at the lower edge."""
    if at:
        axes.plot(at, [0.03] * len(at), linestyle="none", label=state, transform=axes.get_xaxis_transform(), **_EDGE[state])


def _value_axis(axes: Axes, values: np.ndarray, label: str) -> None:
    """Leaves room for the lower edge. What spans a decade is drawn by logarithm: one bad trial would flatten all others."""
    axes.set_ylabel(label)
    low, high = float(values.min()), float(values.max())
    if low > 0 and high > 10 * low:
        axes.set_yscale("log")
        _log_ticks(axes.yaxis, low, high)
        axes.set_ylim(low / (high / low) ** 0.14, high * (high / low) ** 0.06)
        return
    room = (high - low) or 0.1
    axes.set_ylim(low - 0.14 * room, high + 0.06 * room)


def _log_ticks(axis: Any, low: float, high: float) -> None:
    decades = np.log10(high / low)
    axis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0) if decades < 1.5 else (1.0,), numticks=7))
    axis.set_major_formatter(
        lambda value, _: f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e") if value < 1e-3 else f"{value:g}"
    )
    axis.set_minor_formatter(NullFormatter())
    axis.get_label().set_fontsize(SMALL + 1)
