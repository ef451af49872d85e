"""Measures of a confusion matrix, for many weighted confusion matrices at once.

All functions take counts (b, k, k) with rows = true class and columns = predicted class, and give arrays with a leading
axis b, NaN where the measure is undefined (never 0, never a warning).

Two conventions differ from scikit-learn, which puts 0 or drops the class:
- A class without images on a side has no recall and no F1, even if something was predicted as it.
- A mean over classes is undefined where one of its terms is. A balanced accuracy over seven of eight classes is another
  quantity than one over eight, and in a bootstrap the two would be mixed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """numerator / denominator, NaN where the denominator is 0."""
    result: Floats = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=result, where=denominator != 0)
    return result


def accuracy(counts: Floats) -> Floats:
    """Share of correct rows, (b,)."""
    return ratio(_hits(counts).sum(axis=1), counts.sum(axis=(1, 2)))


def precision_per_class(counts: Floats) -> Floats:
    """(b, k): share of the rows predicted as a class that are of it; NaN where nothing was predicted as it."""
    return ratio(_hits(counts), counts.sum(axis=1))


def recall_per_class(counts: Floats) -> Floats:
    """(b, k): share of the rows of a class that were predicted as it; NaN where the class has no rows."""
    return ratio(_hits(counts), counts.sum(axis=2))


def f1_per_class(counts: Floats) -> Floats:
    """(b, k): 2 TP / (2 TP + FP + FN); 0 where a class was never predicted, NaN where it has no rows."""
    support = counts.sum(axis=2)
    score = ratio(2 * _hits(counts), counts.sum(axis=1) + support)
    score[support == 0] = np.nan
    return score


def balanced_accuracy(counts: Floats) -> Floats:
    """Mean recall over all classes, (b,); NaN where a class has no rows."""
    mean: Floats = recall_per_class(counts).mean(axis=1)
    return mean


def weighted_f1(counts: Floats) -> Floats:
    """Mean of the classes' F1 weighted by their rows, (b,); a class without rows has no weight."""
    support = counts.sum(axis=2)
    return ratio((np.nan_to_num(f1_per_class(counts)) * support).sum(axis=1), support.sum(axis=1))


def matthews(counts: Floats) -> Floats:
    """Matthews correlation for any number of classes, (b,); NaN where all rows are of, or predicted as, one class.

    Source: Gorodkin 2004, Comparing two K-category assignments by a K-category correlation coefficient.
    """
    support, predicted = counts.sum(axis=2), counts.sum(axis=1)
    total = support.sum(axis=1)
    covariance = _hits(counts).sum(axis=1) * total - (support * predicted).sum(axis=1)
    spread_true = total**2 - (support**2).sum(axis=1)
    spread_predicted = total**2 - (predicted**2).sum(axis=1)
    return ratio(covariance, np.sqrt(spread_true) * np.sqrt(spread_predicted))


def _hits(counts: Floats) -> Floats:
    return np.diagonal(counts, axis1=1, axis2=2)
