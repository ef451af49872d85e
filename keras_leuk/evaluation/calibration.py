"""Whether probabilities mean what they say: Brier score and expected calibration error.

Both are means over rows. Their parts are cut into two dyadic halves (`exact_halves`), so that a weighted sum is exact and
metrics.json is the same to the byte in whatever order a machine adds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from keras_leuk.evaluation.counts import Floats


def exact_halves(values: Floats) -> tuple[Floats, Floats]:
    """Splits values in [-2, 2] into a multiple of 2**-26 and a multiple of 2**-52.

    Sums of either half times whole-number weights are exact up to a total weight of 2**26, in any order. The two halves
    together differ from the value by at most 2**-53.
    """
    high = np.rint(values * 2.0**26) / 2.0**26
    low = np.rint((values - high) * 2.0**52) / 2.0**52
    return high, low


def squared_error(probability: Floats, true: npt.NDArray[np.intp], positive: int | None) -> Floats:
    """Each row's part of the Brier score.

    Args:
        probability: (n, k), each row summing to 1.
        true: (n,) class indices.
        positive: index of the positive class of two, or None.
    Returns:
        (n,): with a positive class (p_positive - y)^2, in [0, 1]; else the sum over classes of (p - y)^2, in [0, 2].
    Source: Brier 1950, Monthly Weather Review 78(1).
    """
    if positive is not None:
        error: Floats = (probability[:, positive] - (true == positive)) ** 2
    else:
        error = ((probability - np.eye(probability.shape[1])[true]) ** 2).sum(axis=1)
    return error


def bin_of(confidence: Floats, bins: int) -> npt.NDArray[np.intp]:
    """(n,): number of the equal-width bin ((m-1)/bins, m/bins] that each confidence falls into, from 0."""
    edges = np.arange(1, bins) / bins
    return np.searchsorted(edges, confidence, side="left")


def reliability_table(
    probability: Floats, predicted: npt.NDArray[np.intp], true: npt.NDArray[np.intp], bins: int
) -> pd.DataFrame:
    """The numbers behind a reliability diagram, one row a bin.

    Args:
        probability: (n, k); predicted, true: (n,) class indices; bins: number of equal-width bins.
    Returns:
        columns low, high (edges), n (rows in the bin), confidence (mean probability of the predicted class), accuracy;
        the last two NaN in an empty bin. The expected calibration error is the mean |accuracy - confidence| weighted by n.
    """
    confidence = probability[np.arange(len(predicted)), predicted]
    place = bin_of(confidence, bins)
    n = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(place, weights=confidence, minlength=bins) / n
        correct = np.bincount(place, weights=(predicted == true).astype(float), minlength=bins) / n
    edges = np.arange(bins + 1) / bins
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "n": n, "confidence": mean, "accuracy": correct})
