"""ROC and precision-recall: what a score says about one class against the rest, for many weightings of the rows at once.

A `Ranking` sorts once; afterwards each weighting costs two running sums. Rows of equal score form one threshold, so that no
order among them is made up. Counts are whole numbers below 2**53, so areas under the ROC curve are exact in every order of
summation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from keras_leuk.evaluation.counts import Floats, ratio


@dataclass(frozen=True)
class Ranking:
    """Rows by falling score.

    Attributes:
        order: (n,) row numbers by falling score.
        hit: (n,) 1.0 where the row at that place is of the class, else 0.0.
        ends: (g,) place of the last row of each distinct score.
        threshold: (g,) the distinct scores, falling.
    """

    order: npt.NDArray[np.intp]
    hit: Floats
    ends: npt.NDArray[np.intp]
    threshold: Floats

    @classmethod
    def of(cls, score: Floats, member: npt.NDArray[np.bool_]) -> Ranking:
        """Sorts n rows by score; `member` (n,) says which are of the class."""
        order = np.argsort(-score, kind="stable")
        falling = score[order]
        ends = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
        return cls(order, member[order].astype(np.float64), ends, falling[ends])

    def cumulative(self, weights: Floats) -> tuple[Floats, Floats]:
        """True and false positives at each threshold.

        Args:
            weights: (b, n) whole numbers >= 0, one column a row of the side.
        Returns:
            two arrays (b, g) that rise from left (highest threshold) to right (all rows accepted).
        """
        ordered = np.take(weights, self.order, axis=1)
        hits = np.cumsum(ordered * self.hit, axis=1)
        accepted = np.cumsum(ordered, axis=1, out=ordered)
        if len(self.ends) < len(self.order):
            hits, accepted = hits[:, self.ends], accepted[:, self.ends]
        return hits, accepted - hits

    def areas(self, weights: Floats) -> tuple[Floats, Floats]:
        """Area under the ROC curve and average precision under each weighting.

        The first is the probability that a row of the class scores above a row of the rest, ties counting half; the second
        the sum over thresholds of precision times the gain in recall, not interpolated.

        Args:
            weights: (b, n) whole numbers >= 0.
        Returns:
            two arrays (b,), NaN where the class or the rest has no weight (average precision too: every ranking would then
            be perfect).
        Source: Hanley and McNeil 1982 (the area is the Mann-Whitney statistic).
        """
        accepted = np.zeros((weights.shape[0], weights.shape[1] + 1))
        ordered = np.take(weights, self.order, axis=1)
        np.cumsum(ordered, axis=1, out=accepted[:, 1:])
        # Only thresholds that gain a row of the class add to either sum; for a rare class they are few.
        members = np.flatnonzero(self.hit)
        group = np.searchsorted(self.ends, members)
        last = np.append(group[1:] != group[:-1], True) if len(group) else np.zeros(0, dtype=bool)
        starts = np.append(0, self.ends + 1)[group[last]]
        hits = np.cumsum(np.take(ordered, members, axis=1), axis=1)
        if not last.all():
            hits = hits[:, last]
        before = np.zeros_like(hits)
        before[:, 1:] = hits[:, :-1]
        below, reached = np.take(accepted, starts, axis=1), np.take(accepted, self.ends[group[last]] + 1, axis=1)
        of_class = hits[:, -1] if hits.shape[1] else np.zeros(len(weights))
        of_rest = accepted[:, -1] - of_class
        gain = hits - before
        pairs = gain * (2 * of_rest[:, None] - (below - before) - (reached - hits))
        precision = np.divide(hits, reached, out=np.zeros_like(hits), where=reached > 0)
        area = ratio(pairs.sum(axis=1), 2 * of_class * of_rest)
        average = ratio((gain * precision).sum(axis=1), of_class)
        average[of_rest == 0] = np.nan
        return area, average


def roc_at(hits: Floats, alarms: Floats, rate: Floats) -> Floats:
    """True positive rate at given false positive rates.

    Args:
        hits, alarms: (b, g).
        rate: (r,) rising, within [0, 1].
    Returns:
        (b, r), linear between thresholds and the highest value on a vertical step; NaN rows where a rate is undefined.
    """
    result = np.full((len(hits), len(rate)), np.nan)
    for row, (true, false) in enumerate(zip(hits, alarms, strict=True)):
        if true[-1] > 0 and false[-1] > 0:
            result[row] = np.interp(rate, np.append(0.0, false / false[-1]), np.append(0.0, true / true[-1]))
    return result


def precision_at(hits: Floats, alarms: Floats, recall: Floats) -> Floats:
    """Precision at the highest threshold that reaches each recall.

    Args:
        hits, alarms: (b, g).
        recall: (r,) rising, within [0, 1]; recall 0 takes the first threshold that accepts a row of the class.
    Returns:
        (b, r), a step function (a line between two points of this plane is not attainable: Davis and Goadrich 2006); NaN
        rows where the class or the rest has no weight.
    """
    result = np.full((len(hits), len(recall)), np.nan)
    for row, (true, false) in enumerate(zip(hits, alarms, strict=True)):
        if true[-1] > 0 and false[-1] > 0:
            # At least one hit: a threshold that accepts nothing has no precision.
            wanted = np.maximum(np.ceil(recall * true[-1] - 1e-9), 1.0)
            place = np.searchsorted(true, wanted, side="left")
            result[row] = true[place] / (true[place] + false[place])
    return result
