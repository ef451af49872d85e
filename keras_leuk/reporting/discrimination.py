"""ROC and precision-recall: how well the score tells a class from the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keras_leuk.evaluation.bands import Curves
from keras_leuk.reporting.style import COLUMN, DASHES, PALETTE, Caption, canvas, drawn, legend_below, shorts, with_interval


def roc_table(curves: Sequence[Curves]) -> pd.DataFrame:
    """Points of all curves, one row a threshold: class, false_positive_rate, true_positive_rate, threshold."""
    return pd.concat([curve.roc.assign(**{"class": curve.label}) for curve in curves], ignore_index=True)


def precision_recall_table(curves: Sequence[Curves]) -> pd.DataFrame:
    """Points of all curves, one row a threshold: class, recall, precision, threshold."""
    return pd.concat([curve.precision_recall.assign(**{"class": curve.label}) for curve in curves], ignore_index=True)


@drawn
def roc_figure(curves: Sequence[Curves], area: dict[str, Any], caption: Caption) -> Figure:
    """ROC curve of the positive class with its band, or of each class against the rest.

    Args:
        curves: at least one, as `keras_leuk.evaluation.bands.curves_of` gives them.
        area: 'roc_auc' of the side in metrics.json.
    """
    several = len(curves) > 1
    title = f"ROC curves, {caption.side} side, one against the rest" if several else f"ROC curve, {caption.side} side"
    figure = canvas(COLUMN, 2.9, title, caption, _legend_lines(curves))
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="#8C8C8C", linewidth=0.7, linestyle=":", zorder=1)
    for i, (curve, name) in enumerate(zip(curves, shorts([c.label for c in curves]), strict=True)):
        label = f"{name}: AUC {curve.area:.3f}" if several else f"{name} (positive)\nAUC {with_interval(area)}"
        points = (curve.roc["false_positive_rate"], curve.roc["true_positive_rate"])
        axes.plot(*points, color=PALETTE[i % 8], linestyle=DASHES[i % 8], label=label)
        if curve.roc_band is not None:
            band = curve.roc_band
            axes.fill_between(band["at"], band["low"], band["high"], color=PALETTE[i], alpha=0.2, linewidth=0)
    axes.set_xlabel("false positive rate (1 - specificity)")
    axes.set_ylabel("true positive rate (recall)")
    _finish(figure, axes, f"macro AUC {with_interval(area)}" if several else None, "lower right")
    return figure


@drawn
def precision_recall_figure(curves: Sequence[Curves], average: dict[str, Any], caption: Caption) -> Figure:
    """Precision-recall curve of the positive class with its band and prevalence, or of each class against the rest.

    Args:
        average: 'average_precision' of the side in metrics.json.
    """
    several = len(curves) > 1
    title = (
        f"Precision-recall, {caption.side} side, one against the rest"
        if several
        else f"Precision-recall curve, {caption.side} side"
    )
    figure = canvas(COLUMN, 2.9, title, caption, _legend_lines(curves))
    axes = figure.add_subplot()
    for i, (curve, name) in enumerate(zip(curves, shorts([c.label for c in curves]), strict=True)):
        label = f"{name}: AP {curve.average:.3f}" if several else f"{name} (positive)\nAP {with_interval(average)}"
        points = curve.precision_recall
        # Between two thresholds the precision is that of the next one reached: steps, not slopes.
        axes.step(points["recall"], points["precision"], where="pre", color=PALETTE[i % 8], linestyle=DASHES[i % 8], label=label)
        if curve.precision_band is not None:
            band = curve.precision_band
            axes.fill_between(band["at"], band["low"], band["high"], color=PALETTE[i], alpha=0.2, linewidth=0)
        if not several:
            axes.axhline(
                curve.prevalence, color="#8C8C8C", linewidth=0.7, linestyle=":", label=f"prevalence {curve.prevalence:.3f}"
            )
    axes.set_xlabel("recall (true positive rate)")
    axes.set_ylabel("precision")
    _finish(figure, axes, f"macro AP {with_interval(average)}" if several else None, "lower left")
    return figure


def _legend_lines(curves: Sequence[Curves]) -> int:
    return 0 if len(curves) == 1 else 1 + (len(curves) + 1) // 2


def _finish(figure: Figure, axes: Axes, heading: str | None, place: Literal["lower left", "lower right"]) -> None:
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.02)
    if heading is not None:
        # Below the axes: with eight curves no corner stays free.
        legend_below(figure, heading, ncols=2)
    else:
        axes.legend(loc=place)
