"""The confusion matrix: which class is taken for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
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
    picture = axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    size = {2: 9.0, 3: 8.0, 4: 7.5, 5: 7.0, 6: 6.0}.get(k, 5.5 if width == COLUMN else max(5.0, 7.5 - (k - 9) * 0.4))
    for i in range(k):
        for j in range(k):
            percent = f"{100 * share[i, j]:.1f} %" if k <= 5 else f"{100 * share[i, j]:.0f} %"
            label = f"{int(matrix[i, j]):,}\n{percent}" if support[i] else f"{int(matrix[i, j]):,}"
            axes.text(j, i, label, ha="center", va="center", fontsize=size, color="white" if share[i, j] > 0.6 else "black")
    names = [
        f"{name}\n(positive)" if original == positive else name for name, original in zip(shorts(classes), classes, strict=True)
    ]
    axes.set_xticks(range(k), names, rotation=0 if k <= 3 else 45, ha="center" if k <= 3 else "right", rotation_mode="anchor")
    axes.set_yticks(range(k), [f"{name}\nn = {int(n):,}" for name, n in zip(names, support[:, 0], strict=True)], fontsize=SMALL)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.spines[:].set_visible(False)
    axes.set_xticks(np.arange(k + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(k + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1)
    axes.tick_params(which="minor", length=0)
    bar = figure.colorbar(picture, ax=axes, fraction=0.05, pad=0.02, ticks=[0, 0.5, 1], format="{x:.0%}")
    bar.set_label("share of the true class")
    bar.outline.set_visible(False)
    return figure
