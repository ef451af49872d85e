"""The most confident mistakes, to be looked at: a wrong label, a bad picture, or a wrong model?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from keras_leuk.reporting.style import COLUMN, TINY, Caption, canvas, drawn, short

ACROSS = 4


@drawn
def mistakes_figure(mistakes: pd.DataFrame, pictures: npt.NDArray[np.uint8], caption: Caption) -> Figure:
    """A grid of pictures with true class, predicted class and its probability, surest first.

    Args:
        mistakes: rows as `keras_leuk.evaluation.predictions.most_confident_mistakes` gives them, at least one.
        pictures: (len(mistakes), h, w, 3), in the same order.
    """
    down = -(-len(mistakes) // ACROSS)
    noun = "mistake" if len(mistakes) == 1 else "mistakes"
    title = (
        f"The {len(mistakes)} most confident {noun}, {caption.side} side"
        if len(mistakes) > 1
        else f"The most confident mistake, {caption.side} side"
    )
    figure = canvas(COLUMN, 1.2 * down + 0.05, title, caption)
    grid = np.atleast_1d(figure.subplots(down, ACROSS, squeeze=False)).reshape(-1)
    for axes in grid:
        axes.set_axis_off()
    for axes, row, picture in zip(grid, mistakes.itertuples(index=False), pictures, strict=False):
        axes.imshow(picture, interpolation="nearest")
        words = f"true: {short(str(row.true), 13)}\nsaid: {short(str(row.predicted), 13)}\nP = {row.confidence:.3f}"
        axes.set_title(words, fontsize=TINY, loc="left", pad=2, linespacing=1.15)
        if row.subject:
            axes.text(
                0,
                -0.03,
                short(str(row.subject), 18),
                transform=axes.transAxes,
                fontsize=TINY,
                va="top",
                ha="left",
                color="#404040",
            )
    return figure
