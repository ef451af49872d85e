"""How much of what the features vary by is the subject: variance components of a random effect of subject within class.

One-way model, subjects nested in classes: feature of an image = mean of its class + effect of its subject + rest. The components
are the analysis-of-variance (Henderson's method 1) estimates for unequal numbers of images, summed over standardised features, so
that their ratio is the share of the within-class variance that is the subject's: an intraclass correlation of the whole vector.

Source: Searle, Casella and McCulloch 1992, Variance Components, sections 3.6 and 5.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from keras_leuk.audit.probe import CONFIDENCE
from keras_leuk.evaluation.counts import Floats
from keras_leuk.evaluation.intervals import Interval


@dataclass(frozen=True)
class Components:
    """Variance components, summed over features.

    Attributes:
        subject, rest: in units of one standardised feature's variance, times features; `subject` can come out negative.
        share: subject / (subject + rest), not cut off at 0.
        interval: of the share, cut off at 0 and 1.
        typical: images a subject that the unequal numbers amount to (n0).
        levels: subjects within classes.
    """

    subject: float
    rest: float
    share: float
    interval: Interval
    typical: float
    levels: int


def components(rows: np.ndarray, classes: np.ndarray, subjects: np.ndarray, confidence: float = CONFIDENCE) -> Components | None:
    """Estimates the components, with an interval by the jackknife over subjects.

    The share's interval is that of Student's t on Fisher's scale for intraclass correlations, log((1 + (k - 1) r) / (1 - r)),
    with as many degrees of freedom as there are subjects, less the classes; the standard error is the delete-one-subject
    jackknife's. In 24 simulated settings (10 to 60 subjects) its 95 % intervals held the truth in 0.91 to 0.98, those of the
    percentile bootstrap over subjects in 0.61 to 0.93.

    Args:
        rows: float (n, d), standardised features.
        classes, subjects: int (n,); a subject of several classes has an effect in each, and is left out as a whole.

    Returns:
        None where no subject has two images, where the images of each subject are the same, or where there are fewer than two
        subjects more than classes.
    """
    level, of_class, of_subject, sums = _levels(rows, classes, subjects)
    if len(level) - len(np.unique(of_class)) < 2 or len(rows) == len(level):
        return None
    people = np.unique(of_subject)
    # Row 0 keeps everybody, row i leaves out the i-th.
    kept = np.vstack([np.ones(len(level)), (of_subject[None, :] != people[:, None]).astype(np.float64)])
    between, within, typical = _mean_squares(kept, of_class, *sums)
    if not within[0] > 0:
        return None
    # No larger k keeps every delete-one share, which is above -1 / (k - 1), on the scale.
    k = float(np.nanmin(typical))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (between - within) / (between + (typical - 1) * within)
        scale = np.log((1 + (k - 1) * share) / (1 - share))
    freedom = len(level) - len(np.unique(of_class))
    interval = _interval(scale, k, freedom, confidence)
    subject = float((between[0] - within[0]) / typical[0])
    return Components(subject, float(within[0]), float(share[0]), interval, float(typical[0]), len(level))


def _interval(scale: Floats, k: float, freedom: int, confidence: float) -> Interval:
    from scipy.stats import t

    if not np.isfinite(scale).all():
        return Interval(None, None, 0, "without one of the subjects there is no variance to part")
    m = len(scale) - 1
    error = float(np.sqrt((m - 1) / m * ((scale[1:] - scale[1:].mean()) ** 2).sum()))
    ends = np.exp(scale[0] + error * float(t.ppf((1 + confidence) / 2, freedom)) * np.array([-1.0, 1.0]))
    low, high = np.clip((ends - 1) / (ends - 1 + k), 0.0, 1.0)
    return Interval(float(low), float(high))


_Sums = tuple[Floats, Floats, Floats]


def _levels(rows: np.ndarray, classes: np.ndarray, subjects: np.ndarray) -> tuple[Floats, np.ndarray, np.ndarray, _Sums]:
    """Subjects within classes: images, class, subject, and (images, total of each feature, sum of squares) around class means."""
    pairs, level = np.unique(np.stack([classes, subjects], axis=1), axis=0, return_inverse=True)
    level = level.reshape(-1)
    count = np.bincount(level).astype(np.float64)
    totals, squares = np.empty((len(pairs), rows.shape[1])), np.empty(len(pairs))
    means = {name: rows[classes == name].mean(axis=0, dtype=np.float64) for name in np.unique(classes)}
    order = np.argsort(level, kind="stable")
    for number, mine in enumerate(np.split(order, np.cumsum(count.astype(int))[:-1])):
        # Around the class mean: squares of large numbers would lose the small differences.
        block = rows[mine] - means[pairs[number, 0]]
        totals[number], squares[number] = block.sum(axis=0), (block**2).sum()
    return count, pairs[:, 0], pairs[:, 1], (count, totals, squares)


def _mean_squares(
    kept: Floats, of_class: np.ndarray, count: Floats, totals: Floats, squares: Floats
) -> tuple[Floats, Floats, Floats]:
    """Mean squares between and within subjects, summed over features, and n0.

    Args:
        kept: (b, levels), 1 or 0; each row is one data set.

    Returns:
        three arrays (b,).
    """
    own = (totals**2).sum(axis=1) / count
    images, levels = kept @ count, kept.sum(axis=1)
    within, between, uneven = kept @ (squares - own), kept @ own, np.zeros(len(kept))
    present = np.zeros(len(kept))
    for name in np.unique(of_class):
        mine = of_class == name
        size = kept[:, mine] @ count[mine]
        there = size > 0
        safe = np.where(there, size, 1.0)
        between -= ((kept[:, mine] @ totals[mine]) ** 2).sum(axis=1) / safe
        uneven += kept[:, mine] @ count[mine] ** 2 / safe
        present += there
    between_freedom, within_freedom = levels - present, images - levels
    with np.errstate(divide="ignore", invalid="ignore"):
        return between / between_freedom, within / within_freedom, (images - uneven) / between_freedom
