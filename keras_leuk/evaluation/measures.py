"""All measures of one side, for many whole-number weightings of its rows at once.

`Measurer` looks at the rows once (sorting, binning); calling it with weights (b, n) gives every measure for b resamples. The
point value is the call with weight one, so that a value and its interval can never come from two different formulas.
Undefined is NaN here; `why_undefined` has the words for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from keras_leuk.evaluation import counts as of_counts
from keras_leuk.evaluation.calibration import bin_of, exact_halves, squared_error
from keras_leuk.evaluation.counts import Floats
from keras_leuk.evaluation.ranking import Ranking

MEASURES = (
    "accuracy",
    "balanced_accuracy",
    "precision",
    "recall",
    "f1",
    "macro_f1",
    "weighted_f1",
    "roc_auc",
    "average_precision",
    "mcc",
    "brier",
    "ece",
)
CLASS_MEASURES = ("precision", "recall", "f1", "false_detection_rate", "false_negative_rate")


@dataclass(frozen=True)
class Measured:
    """Measures of b weightings.

    Attributes:
        overall: one array (b,) for each of `MEASURES`.
        per_class: one array (b, k) for each of `CLASS_MEASURES`.
        counts: (b, k, k) confusion matrices, rows = true class.
    """

    overall: dict[str, Floats]
    per_class: dict[str, Floats]
    counts: Floats


@dataclass(frozen=True)
class Groups:
    """Rows sorted by group, so that a weighted sum over each group is one pass.

    Not a matrix product: the threads of a linear algebra library, started for each small chunk, wait for each other on a
    busy machine, and eight seconds were measured where one is enough.

    Attributes:
        order: (n,) row numbers by group; starts: where each group with rows begins; filled: the numbers of those groups.
        size: number of groups, with or without rows.
    """

    order: npt.NDArray[np.intp]
    starts: npt.NDArray[np.intp]
    filled: npt.NDArray[np.intp]
    size: int

    @classmethod
    def of(cls, group: npt.NDArray[np.intp], size: int) -> Groups:
        """Sorts n rows by their group number (n,), 0 to size - 1."""
        order = np.argsort(group, kind="stable")
        filled, starts = np.unique(group[order], return_index=True)
        return cls(order, starts, filled, size)

    def sums(self, weights: Floats, values: Floats | None = None) -> Floats:
        """Sum of weights (b, n), times values (n,) if given, over each group: (b, size)."""
        ordered = np.take(weights, self.order, axis=1)
        if values is not None:
            ordered *= values[self.order]
        result = np.zeros((len(weights), self.size))
        result[:, self.filled] = np.add.reduceat(ordered, self.starts, axis=1)
        return result


class Measurer:
    """Measures the rows of one side under any weights.

    Args:
        true, predicted: (n,) class indices, n >= 1.
        probability: (n, k), rows summing to 1.
        positive: index of the positive class where k = 2, else None.
        bins: equal-width bins of the calibration error.
    """

    def __init__(
        self,
        true: npt.NDArray[np.intp],
        predicted: npt.NDArray[np.intp],
        probability: Floats,
        positive: int | None,
        bins: int = 15,
    ):
        n, k = probability.shape
        self.classes, self.positive, self.bins = k, positive, bins
        confidence = probability[np.arange(n), predicted]
        self.cells = Groups.of(true * k + predicted, k * k)
        self.confidence_bins = Groups.of(bin_of(confidence, bins), bins)
        self.gaps = exact_halves((predicted == true) - confidence)
        self.errors = exact_halves(squared_error(probability, true, positive))
        scored = range(k) if positive is None else (positive,)
        self.rankings = [Ranking.of(probability[:, c], true == c) for c in scored]

    def __call__(self, weights: Floats) -> Measured:
        """Measures under weights (b, n), whole numbers >= 0 with at least one > 0 in each row."""
        total = weights.sum(axis=1)
        counts = self.cells.sums(weights).reshape(-1, self.classes, self.classes)
        error = sum(((weights * half).sum(axis=1) for half in self.errors), start=np.zeros(len(weights)))
        gap = sum((self.confidence_bins.sums(weights, half) for half in self.gaps), start=np.zeros((len(weights), self.bins)))
        areas = np.mean([ranking.areas(weights) for ranking in self.rankings], axis=0)
        precision, recall = of_counts.precision_per_class(counts), of_counts.recall_per_class(counts)
        f1 = of_counts.f1_per_class(counts)
        overall = {
            "accuracy": of_counts.accuracy(counts),
            "balanced_accuracy": of_counts.balanced_accuracy(counts),
            "precision": self._summary(precision),
            "recall": self._summary(recall),
            "f1": self._summary(f1),
            "macro_f1": f1.mean(axis=1),
            "weighted_f1": of_counts.weighted_f1(counts),
            "roc_auc": areas[0],
            "average_precision": areas[1],
            "mcc": of_counts.matthews(counts),
            "brier": of_counts.ratio(error, total),
            "ece": of_counts.ratio(np.abs(gap).sum(axis=1), total),
        }
        per_class = {
            "precision": precision,
            "recall": recall,
            "f1": f1,
            "false_detection_rate": 1 - precision,
            "false_negative_rate": 1 - recall,
        }
        return Measured(overall, per_class, counts)

    def _summary(self, per_class: Floats) -> Floats:
        return per_class.mean(axis=1) if self.positive is None else per_class[:, self.positive]


def why_undefined(name: str, counts: Floats, classes: Sequence[str], positive: int | None) -> str:
    """One clause, why a measure of one side has no value.

    Args:
        name: one of `MEASURES`.
        counts: (k, k) confusion matrix of the side.
    """
    absent = [name for name, n in zip(classes, counts.sum(axis=1), strict=True) if n == 0]
    unpredicted = [name for name, n in zip(classes, counts.sum(axis=0), strict=True) if n == 0]
    if name == "precision":
        named = unpredicted if positive is None else [classes[positive]]
        return f"no image was predicted as {_listing(named)}"
    if name == "mcc" and len(unpredicted) == len(classes) - 1 and len(absent) < len(classes) - 1:
        return "all images were predicted as one class"
    return f"no image of class {_listing(absent)}"


def why_undefined_for_class(name: str, label: str) -> str:
    """One clause, why a measure of `CLASS_MEASURES` has no value for a class."""
    if name in ("precision", "false_detection_rate"):
        return f"no image was predicted as {label}"
    return f"no image of class {label}"


def definitions(positive: str | None, bins: int) -> dict[str, str]:
    """One sentence for each measure, as it was computed for these classes."""
    whose = f"of the positive class, {positive}" if positive is not None else "mean over all classes (macro)"
    versus = f"of P({positive})" if positive is not None else "mean over all classes, each against the rest (macro one-vs-rest)"
    squares = (
        f"mean of (P({positive}) - y)^2"
        if positive is not None
        else "mean over images of the sum over classes of (P - y)^2, 0 to 2"
    )
    absent = "undefined where a class has no image"
    return {
        "accuracy": "share of images whose class was predicted; the prediction is the class of largest probability.",
        "balanced_accuracy": f"mean recall over all classes; {absent}.",
        "precision": f"share of the images predicted as a class that are it, {whose}; undefined where none was predicted as it.",
        "recall": f"share of the images of a class that were predicted as it, {whose}; {absent}.",
        "f1": f"2 TP / (2 TP + FP + FN), {whose}; 0 where a class was never predicted, {absent}.",
        "macro_f1": f"mean F1 over all classes; {absent}.",
        "weighted_f1": "mean F1 over classes, weighted by their images.",
        "roc_auc": f"area under the ROC curve, ties counting half, {versus}; {absent}.",
        "average_precision": f"sum of precision times gain in recall over all thresholds, {versus}; {absent}.",
        "mcc": "Matthews correlation coefficient; undefined where all images are of, or predicted as, one class.",
        "brier": f"Brier score, lower is better: {squares}.",
        "ece": f"expected calibration error of the predicted class, lower is better: {bins} equal-width bins (Guo et al. 2017); "
        "resampling roughens the bins, so that its interval is shifted upwards and may lie above the value.",
        "false_detection_rate": "1 - precision of the class.",
        "false_negative_rate": "1 - recall of the class.",
    }


def _listing(names: Sequence[str]) -> str:
    shown = [str(name) for name in names[:3]]
    return ", ".join(shown) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
