"""Learning curves: loss and accuracy over the epochs."""

from __future__ import annotations

from typing import Literal

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from keras_leuk.reporting.history import by_fold
from keras_leuk.reporting.style import COLUMN, SIDE_COLOURS, Caption, canvas, drawn

_SIDES = {"train": ("", "-"), "validation": ("val_", "--"), "test": ("test_", "-.")}


def curve_table(history: pd.DataFrame, measure: str) -> pd.DataFrame | None:
    """The columns of history.csv behind a figure; None where none of them is there.

    Args:
        measure: 'loss' or 'accuracy'.
    """
    columns = [prefix + measure for prefix, _ in _SIDES.values() if prefix + measure in history.columns]
    if not columns or history.empty:
        return None
    return history[[c for c in ("fold", "epoch") if c in history.columns] + columns]


@drawn
def curve_figure(history: pd.DataFrame, measure: str, best: dict[str, int], caption: Caption) -> Figure:
    """One measure over the epochs, for every side that was measured.

    Args:
        history: columns epoch, `measure`, val_`measure`, test_`measure` (those that are there) and, in a cross-validation,
            fold: then each fold is a thin line, and the thick line is the mean of the folds that still ran.
        measure: 'loss' or 'accuracy'.
        best: best epoch of each fold, as `best_epochs` gives it; marked where there is one fold.
    """
    folds = by_fold(history)
    figure = canvas(COLUMN, 2.3, f"{measure.capitalize()} over the epochs", caption)
    axes = figure.add_subplot()
    for side, (prefix, dash) in _SIDES.items():
        column = prefix + measure
        if column not in history.columns:
            continue
        colour = SIDE_COLOURS[side]
        if len(folds) > 1:
            for rows in folds.values():
                axes.plot(rows["epoch"], rows[column], dash, color=colour, linewidth=0.5, alpha=0.45)
            mean = history.groupby("epoch")[column].mean()
            axes.plot(mean.index, mean, dash, color=colour, linewidth=1.6, label=f"{side}, mean of {len(folds)} folds")
        else:
            marker = "o" if len(history) == 1 else "None"
            axes.plot(history["epoch"], history[column], dash, color=colour, label=side, marker=marker)
    if len(folds) == 1 and best:
        epoch = next(iter(best.values()))
        axes.axvline(epoch, color="#404040", linewidth=0.8, linestyle=":", label=f"best epoch: {epoch}")
    axes.set_xlabel("epoch")
    axes.set_ylabel(measure)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    first, last = history["epoch"].min(), history["epoch"].max()
    axes.set_xlim((first - 0.5, last + 0.5) if first == last else (first - 0.02 * (last - first), last + 0.02 * (last - first)))
    if measure == "accuracy":
        axes.set_ylim(0, 1.02)
    else:
        axes.set_ylim(bottom=0)
    place: Literal["lower right", "upper right"] = "lower right" if measure == "accuracy" else "upper right"
    axes.legend(loc=place, frameon=True, facecolor="white", edgecolor="none", framealpha=0.85)
    return figure
