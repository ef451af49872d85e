"""The confusion matrix: which class is taken for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure

from keras_leuk.reporting.style import COLUMN, PAGE, SMALL, Caption, canvas, drawn, shorts


def confusion_table(counts: Sequence[Sequence[int]], classes: Sequence[str]) -> pd.DataFrame:
    """The numbers behind the figure: one row a pair (true, predicted) with count and share of the true class."""
    matrix = np.asarray(counts)
    support = matrix.sum(axis=1)
    return pd.DataFrame(
        [
            {
                "true": true,
                "predicted": predicted,
                "count": int(matrix[i, j]),
                "share_of_true": matrix[i, j] / support[i] if support[i] else None,
            }
            for i, true in enumerate(classes)
            for j, predicted in enumerate(classes)
        ]
    )


@drawn
def confusion_figure(counts: Sequence[Sequence[int]], classes: Sequence[str], positive: str | None, caption: Caption) -> Figure:
    """Counts with the share of each true class, rows = true.

    Args:
        counts: (k, k) whole numbers, rows = true class.
        positive: named on the axes of a two-class problem.
    """
    matrix = np.asarray(counts, dtype=float)
    k = len(classes)
    support = matrix.sum(axis=1, keepdims=True)
    share = np.divide(matrix, support, out=np.zeros_like(matrix), where=support > 0)
    # Up to eight classes fit a column; beyond, the cells would hold nothing readable.
    width = COLUMN if k <= 8 else PAGE
    figure = canvas(width, width * (0.8 if k <= 3 else 0.95), f"Confusion matrix, {caption.side} side", caption)
    axes = figure.add_subplot()
    size = {2: 9.0, 3: 8.0, 4: 7.5, 5: 7.0, 6: 6.0}.get(k, 5.5 if width == COLUMN else max(5.0, 7.5 - (k - 9) * 0.4))
    seaborn.heatmap(
        share,
        vmin=0,
        vmax=1,
        cmap="Blues",
        annot=_labels(matrix, share),
        fmt="",
        annot_kws={"fontsize": size},
        linewidths=1,
        linecolor="white",
        cbar_kws={"label": "share of the true class", "fraction": 0.05, "pad": 0.02, "ticks": [0, 0.5, 1], "format": "{x:.0%}"},
        ax=axes,
    )
    names = [
        f"{name}\n(positive)" if original == positive else name for name, original in zip(shorts(classes), classes, strict=True)
    ]
    middle = np.arange(k) + 0.5
    axes.set_xticks(middle, names, rotation=0 if k <= 3 else 45, ha="center" if k <= 3 else "right", rotation_mode="anchor")
    counted = [f"{name}\nn = {int(n):,}" for name, n in zip(names, support[:, 0], strict=True)]
    axes.set_yticks(middle, counted, rotation=0, fontsize=SMALL)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    return figure


def _labels(matrix: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Count and, where the true class has images, its share; an object array (k, k) of text."""
    k = len(matrix)
    labels = np.empty((k, k), dtype=object)
    for i in range(k):
        for j in range(k):
            percent = f"{100 * share[i, j]:.1f} %" if k <= 5 else f"{100 * share[i, j]:.0f} %"
            labels[i, j] = f"{int(matrix[i, j]):,}\n{percent}" if matrix[i].sum() else f"{int(matrix[i, j]):,}"
    return labels
