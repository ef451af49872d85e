"""The curve of a learning-rate range test."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from keras_leuk.reporting.style import COLUMN, PALETTE, SMALL, TEXT, drawn, save
from keras_leuk.runs.atomic import write_text


def write_rates(path: Path, curve: pd.DataFrame, steepest: float, tenth: float, title: str) -> None:
    """Writes the curve as PNG, and its numbers as CSV beside it."""
    write_text(Path(path).with_suffix(".csv"), curve.to_csv(index=False, lineterminator="\n"))
    save(draw_rates(curve, steepest, tenth, title), Path(path))


@drawn
def draw_rates(curve: pd.DataFrame, steepest: float, tenth: float, title: str) -> Figure:
    """Loss against learning rate, with both readings marked.

    Args:
        curve: learning_rate, loss, smoothed.
        title: what was tested on what, in lines.
    """
    figure = Figure(figsize=(COLUMN, 2.6), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(curve["learning_rate"], curve["loss"], color=PALETTE[7], linewidth=0.5, label="batch")
    axes.plot(curve["learning_rate"], curve["smoothed"], color=PALETTE[0], label="smoothed")
    marks = (("-", steepest, PALETTE[1], "steepest fall"), (":", tenth, PALETTE[2], "a tenth of the lowest"))
    for dash, rate, colour, words in marks:
        axes.axvline(rate, color=colour, linestyle=dash, linewidth=0.9, label=f"{words}: {rate:.1e}")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda rate, _: f"{rate:.0e}".replace("e-0", "e-").replace("e+00", ""))
    axes.xaxis.set_minor_formatter(NullFormatter())
    low, high = curve["smoothed"].min(), curve["smoothed"].iloc[0]
    axes.set_ylim(low - 0.15 * (high - low) - 0.02, high + 0.9 * (high - low) + 0.05)
    axes.set_xlabel("learning rate")
    axes.set_ylabel("training loss")
    axes.legend(fontsize=SMALL)
    axes.set_title(title, fontsize=TEXT, loc="left")
    return figure
