"""The reliability diagram: whether a confidence of 0.8 is right eight times in ten."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from keras_leuk.reporting.style import COLUMN, PALETTE, Caption, canvas, drawn, with_interval


@drawn
def reliability_figure(table: pd.DataFrame, error: dict[str, Any], caption: Caption) -> Figure:
    """Accuracy against mean confidence in each bin, with the number of images in it.

    Args:
        table: as `keras_leuk.evaluation.calibration.reliability_table` gives it.
        error: 'ece' of the side in metrics.json.
    """
    figure = canvas(COLUMN, 3.3, f"Reliability of the predicted class, {caption.side} side", caption)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    filled = table[table["n"] > 0]
    width = float(table["high"].iloc[0] - table["low"].iloc[0])
    middle = (filled["low"] + filled["high"]) / 2
    upper.bar(middle, filled["accuracy"], width=width * 0.94, color=PALETTE[5], alpha=0.5, label="accuracy in the bin")
    upper.plot([0, 1], [0, 1], color="#8C8C8C", linewidth=0.7, linestyle=":", label="perfectly calibrated")
    upper.plot(filled["confidence"], filled["accuracy"], "o-", color=PALETTE[0], linewidth=0.9, label="at its mean confidence")
    upper.set_ylabel("accuracy")
    upper.set_ylim(0, 1.02)
    upper.legend(loc="upper left", title=f"ECE {with_interval(error)}, {len(table)} bins", title_fontsize=6, alignment="left")
    lower.bar(middle, filled["n"], width=width * 0.94, color="#8C8C8C")
    for x, n in zip(middle, filled["n"], strict=True):
        lower.annotate(
            f"{n:,}",
            (x, n),
            xytext=(0, 1.5),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=5,
            rotation=90 if n >= 1000 else 0,
        )
    lower.set_ylim(0, float(np.max(filled["n"])) * (1.75 if np.max(filled["n"]) >= 1000 else 1.4))
    lower.set_ylabel("images")
    lower.set_xlabel("confidence (probability of the predicted class)")
    lower.set_xlim(0, 1)
    return figure
