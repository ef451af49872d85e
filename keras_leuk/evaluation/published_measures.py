"""The measures that papers print, from sums over images, under every way of making one number of several classes.

Start from `Asked`, what a printed number is; `values` gives it for many resamples at once. Papers say "precision" and mean the
positive class, a mean over classes, or what Keras' ``Precision()`` counts over all output units; the three differ.

Source: Sokolova and Lapalme 2009, Information Processing and Management 45(4), table 3 (macro and micro); scikit-learn's
``precision_recall_fscore_support`` (weighted); Keras' ``metrics.Precision`` and ``metrics.Recall`` (units).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from keras_leuk.errors import UsageError, suggestion
from keras_leuk.evaluation import counts as of_counts
from keras_leuk.evaluation.counts import Floats, ratio
from keras_leuk.evaluation.measures import CLASS_MEASURES, why_undefined, why_undefined_for_class
from keras_leuk.evaluation.predictions import SIDES
from keras_leuk.evaluation.published_sides import Side

COUNTED = ("epochs", "parameters")
"""Measures that a run folder holds as whole numbers: they have no side, no images and no interval."""

MEASURES = ("accuracy", "balanced_accuracy", *CLASS_MEASURES, "loss", "roc_auc", *COUNTED)
AVERAGES = ("macro", "positive", "class", "micro", "weighted", "units")

NOWHERE = "none"
"""The side of a number that was measured on no images."""


@dataclass(frozen=True)
class Asked:
    """A printed number, by its definition.

    Attributes:
        measure: one of `MEASURES`. 'loss' is the mean negative natural logarithm of the true class's probability.
        average: how the numbers of several classes became one, only looked at for `CLASS_MEASURES`. 'macro': their unweighted
            mean (for F1 the mean of the classes' F1). 'positive' or None: the positive class of two, macro where there are more.
            'class': the class `class_name`. 'micro': TP, FP and FN summed over classes. 'weighted': mean weighted by the classes'
            images. 'units': TP, FP and FN summed over all output units of all images, a unit being positive above 0.5.
        class_name: for 'class', else not looked at.
        side: 'train', 'validation', 'test', or `NOWHERE`.

    Raises:
        UsageError: an unknown measure, average or side, or no class where one is needed.
    """

    measure: str
    average: str | None
    class_name: str | None
    side: str

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise UsageError(f"unknown measure {self.measure!r}{suggestion(self.measure, MEASURES)}")
        if self.average is not None and self.average not in AVERAGES:
            raise UsageError(f"unknown average {self.average!r}{suggestion(self.average, AVERAGES)}")
        if self.side not in (*SIDES, NOWHERE):
            raise UsageError(f"unknown side {self.side!r}{suggestion(self.side, (*SIDES, NOWHERE))}")
        if self.average == "class" and self.class_name is None:
            raise UsageError(f"{self.measure} of a class: the class is not named")


def resolved(asked: Asked, positive: str | None) -> tuple[str | None, str | None]:
    """How the classes of a run are averaged.

    Args:
        positive: the positive class of two, None where there are more.
    Returns:
        'macro', 'class', 'micro', 'weighted', 'units', or None for a measure without averages; the class for 'class', else None.
    """
    if asked.measure not in CLASS_MEASURES:
        return None, None
    if asked.average in (None, "positive"):
        return ("class", positive) if positive is not None else ("macro", None)
    return asked.average, asked.class_name if asked.average == "class" else None


def remark(asked: Asked, classes: Sequence[str], positive: str | None) -> str | None:
    """What a reader must know of how the number was taken in a run of these classes, in one clause."""
    if asked.measure in CLASS_MEASURES and asked.average in (None, "positive") and positive is None:
        return f"none of {len(classes)} classes is the positive one: mean over all classes (macro)"
    return None


def unit_remark(side: Side) -> str | None:
    """How 'units' was taken, in one clause; None for a sigmoid per class, what the definition was made for."""
    if side.output_units == 1 and side.positive is not None:
        return f"there is one output unit, that of {side.positive}: one decision an image"
    if side.activation == "softmax":
        return "the outputs are a softmax: at most one unit of an image is above 0.5"
    return None


def values(asked: Asked, sums: Floats, side: Side) -> Floats:
    """The measure under many weightings of the images.

    Args:
        asked: any measure but 'roc_auc' and those of `COUNTED`; its class is one of the side's.
        sums: (b, k * k + 6), as `side.sums` gives them.
    Returns:
        (b,), NaN where undefined.
    """
    counts = side.counts_of(sums)
    if asked.measure == "loss":
        return ratio(side.loss_of(sums), counts.sum(axis=(1, 2)))
    if asked.measure in ("accuracy", "balanced_accuracy"):
        measure = of_counts.accuracy if asked.measure == "accuracy" else of_counts.balanced_accuracy
        return measure(counts)
    if asked.measure == "false_detection_rate":
        return 1 - _of_classes("precision", asked, sums, side)
    if asked.measure == "false_negative_rate":
        return 1 - _of_classes("recall", asked, sums, side)
    return _of_classes(asked.measure, asked, sums, side)


def _of_classes(measure: str, asked: Asked, sums: Floats, side: Side) -> Floats:
    """Precision, recall or F1, (b,)."""
    counts = side.counts_of(sums)
    average, label = resolved(asked, side.positive)
    if average == "units":
        return _of_units(measure, *side.output_sums(sums).T[:3])
    if average == "micro" or (average == "weighted" and measure == "recall"):
        # Every image has one true and one predicted class, so that FP and FN have the same sum and all three are the accuracy.
        return of_counts.accuracy(counts)
    if average == "weighted" and measure == "f1":
        return of_counts.weighted_f1(counts)
    per_class = {
        "precision": of_counts.precision_per_class,
        "recall": of_counts.recall_per_class,
        "f1": of_counts.f1_per_class,
    }[measure](counts)
    if average == "weighted":
        return _weighted(per_class, counts.sum(axis=2))
    found: Floats = per_class.mean(axis=1) if label is None else per_class[:, side.classes.index(label)]
    return found


def _of_units(measure: str, tp: Floats, fp: Floats, fn: Floats) -> Floats:
    if measure == "precision":
        return ratio(tp, tp + fp)
    return ratio(tp, tp + fn) if measure == "recall" else ratio(2 * tp, 2 * tp + fp + fn)


def _weighted(per_class: Floats, support: Floats) -> Floats:
    """Mean over the classes that have images, weighted by them; NaN where one of those is undefined."""
    terms = np.where(support > 0, per_class, 0.0) * support
    return ratio(terms.sum(axis=1), support.sum(axis=1))


def why(asked: Asked, side: Side) -> str:
    """One clause, why the measure has no value on this side."""
    counts = side.counts_of(side.totals())[0]
    average, label = resolved(asked, side.positive)
    of_precision = asked.measure in ("precision", "false_detection_rate")
    if average == "units":
        return "no output unit is above 0.5" if of_precision else f"no image of class {side.positive}"
    if label is not None:
        return why_undefined_for_class(asked.measure, label)
    if average == "weighted":
        # A class without images has no weight, whatever was predicted.
        counts = counts.copy()
        np.fill_diagonal(counts, np.where(counts.sum(axis=1) > 0, np.diagonal(counts), 1))
    return why_undefined("precision" if of_precision else asked.measure, counts, side.classes, None)
