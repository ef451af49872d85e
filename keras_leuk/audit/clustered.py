"""The area under the ROC curve of rows that come in groups, with an interval that knows it.

Cells of one person resemble each other, so persons are what chance drew, and few of them. `clustered_area` counts every row
alike, as the plain area does, and takes groups as independent. It needs no resampling, so it is quick and the same each time.

The variance is Obuchowski's (1997, Nonparametric analysis of clustered ROC curve data, Biometrics 53): each row's placement
among the rows of the other class (DeLong et al. 1988), summed over its group. Two corrections for few and uneven groups come
from clustered regression: a group that holds the share w of its class is divided by sqrt(1 - w) (CR2, Bell and McCaffrey 2002),
and a class counts as many groups as are effective (Kish 1965), 1 / sum w^2, minus one, in Satterthwaite's degrees of freedom. The
interval is t's on the logit scale (Pepe 2003, section 4.3). Where each group is one row, variance and degrees of freedom are
those of Brunner and Munzel (2000). `benchmarks/audit_coverage.py` measures how often the intervals hold the truth.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from scipy.stats import rankdata, t

from keras_leuk.evaluation.counts import Floats

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.intp]

CONFIDENCE = 0.95
_NOTHING = 1e-9
"""A standard error below this is rounding."""


@dataclass(frozen=True)
class Area:
    """An area under the ROC curve, or, the same, P(member > other) + P(equal) / 2.

    Attributes:
        auc: mean over the strata that have both kinds; None where none has.
        low, high: interval of `CONFIDENCE`; p: two-sided, of 0.5, below 1 - CONFIDENCE exactly where the interval leaves 0.5
            out. None together, and then `reason` says why.
        error: standard error of `auc`, df: degrees of freedom of its t; None where there are none.
        n: rows of the strata that counted; members: those of the class; groups: theirs; strata: how many counted.
    """

    auc: float | None
    low: float | None
    high: float | None
    p: float | None
    error: float | None
    df: float | None
    n: int
    members: int
    groups: int
    strata: int
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class _Side:
    """What the rows of one kind, in one stratum, add to the variance.

    Attributes:
        groups: (g,) their numbers; weights: (g,) their shares of the rows; deviations: (g,) sums of their placements minus the
            area, over the rows of this kind; strength: the stratum's weight in the mean.
    """

    groups: Numbers
    weights: Floats
    deviations: Floats
    strength: float

    @property
    def parts(self) -> Floats:
        return self.strength * self.deviations / np.sqrt(1 - self.weights)

    @property
    def df(self) -> float:
        return float(1 / (self.weights**2).sum() - 1)


def placements(value: Floats, member: Flags) -> Floats:
    """For each row the share of the rows of the other kind that it beats (a member) or that beat it (another), ties by half.

    Args:
        value: (n,) without NaN; member: (n,) with at least one True and one False.
    Returns:
        (n,); the mean over the members, and that over the others, is the area.
    """
    count = int(member.sum())
    ranks, found = rankdata(value), np.empty(len(value))
    found[member] = (ranks[member] - rankdata(value[member])) / (len(value) - count)
    found[~member] = 1 - (ranks[~member] - rankdata(value[~member])) / count
    return found


def clustered_area(
    value: Floats,
    member: Flags,
    group: npt.ArrayLike,
    stratum: npt.ArrayLike | None = None,
    *,
    even: bool = True,
    crossed: bool = False,
) -> Area:
    """Area, interval and test of 0.5.

    Args:
        value: (n,) without NaN; member: (n,) which rows are of the class.
        group: (n,) names; rows of a group may be of both kinds and in several strata.
        stratum: (n,) names; rows are compared within a stratum only (a test fold, a class). None: one stratum.
        even: strata count alike (mean over folds), else by m k / (m + k), their members times others over both, as in a
            stratified rank test.
        crossed: values come from models of the other strata. Each two groups then meet twice, as teacher and pupil and the other
            way round; where nothing is to be learnt that is all there is, and the variance doubles. (No unbiased estimator of it
            exists: Bengio and Grandvalet 2004. Nadeau and Bengio's correction, 2003, gives 2.25 for five folds.)
    """
    member = np.asarray(member, np.bool_)
    names, number = np.unique(np.asarray(group, dtype=str), return_inverse=True)
    level = (
        np.zeros(len(value), np.intp) if stratum is None else np.unique(np.asarray(stratum, dtype=str), return_inverse=True)[1]
    )
    strata = [rows for rows in (np.flatnonzero(level == s) for s in np.unique(level)) if 0 < member[rows].sum() < len(rows)]
    if not strata:
        return Area(None, None, None, None, None, None, 0, 0, 0, 0, "no rows of both kinds to compare")
    strengths = np.array([1.0 if even else member[rows].sum() * (~member[rows]).sum() / len(rows) for rows in strata])
    strengths /= strengths.sum()
    places = [placements(np.asarray(value, np.float64)[rows], member[rows]) for rows in strata]
    areas = np.array([place[member[rows]].mean() for place, rows in zip(places, strata, strict=True)])
    auc = float(strengths @ areas)
    counted = np.concatenate(strata)
    sizes = len(counted), int(member[counted].sum()), len(np.unique(number[counted])), len(strata)
    sides = [
        _side(places[s][member[rows] == kind] - areas[s], number[rows][member[rows] == kind], float(strengths[s]))
        for s, rows in enumerate(strata)
        for kind in (True, False)
    ]
    if min(len(side.groups) for side in sides) < 2:
        return Area(auc, None, None, None, None, None, *sizes, "only one group of a kind: nothing tells how groups differ")
    error, df = _error(sides, len(names))
    error *= np.sqrt(2) if crossed else 1.0
    if error < _NOTHING:
        return _without_error(auc, sides, sizes)
    return _by_t(auc, error, df, sizes)


def _side(deviations: Floats, group: Numbers, strength: float) -> _Side:
    own, place = np.unique(group, return_inverse=True)
    n = len(deviations)
    return _Side(own, np.bincount(place) / n, np.bincount(place, weights=deviations) / n, strength)


def _error(sides: list[_Side], groups: int) -> tuple[float, float]:
    """Standard error and Satterthwaite's degrees of freedom."""
    total, shares = np.zeros(groups), np.zeros(groups)
    for side in sides:
        total[side.groups] += side.parts
        shares[side.groups] += side.strength * side.weights
    variances = np.array([float((side.parts**2).sum()) for side in sides])
    error = float(np.sqrt((total**2).sum()))
    if error < _NOTHING:
        return error, 0.0
    df = float(variances.sum() ** 2 / (variances**2 / np.array([side.df for side in sides])).sum())
    if sum(len(side.groups) for side in sides) > np.count_nonzero(shares):
        # A group on several sides is one draw, not several.
        df = min(df, float(shares.sum() ** 2 / (shares**2).sum()) - 1)
    return error, df


def _by_t(auc: float, error: float, df: float, sizes: tuple[int, int, int, int]) -> Area:
    centre, spread = np.log(auc / (1 - auc)), error / (auc * (1 - auc))
    reach = float(t.ppf((1 + CONFIDENCE) / 2, df)) * spread
    low, high = (float(expit(end)) for end in (centre - reach, centre + reach))
    return Area(auc, low, high, float(2 * t.sf(abs(centre) / spread, df)), error, df, *sizes)


def _without_error(auc: float, sides: list[_Side], sizes: tuple[int, int, int, int]) -> Area:
    """No two groups differ. Where the kinds are parted without an overlap, the exact binomial interval (Clopper and Pearson
    1934) of n hits in n trials stands in, n being the groups of the kind that has fewer; p is the sign test's."""
    if not np.isclose(abs(auc - 0.5), 0.5):
        return Area(auc, None, None, None, None, None, *sizes, "all groups have one value: nothing tells how groups differ")
    trials = sum(min(len(a.groups), len(b.groups)) for a, b in zip(sides[::2], sides[1::2], strict=True))
    bound = ((1 - CONFIDENCE) / 2) ** (1 / trials)
    low, high = (bound, 1.0) if auc > 0.5 else (0.0, 1 - bound)
    return Area(round(auc), low, high, min(1.0, 2 * 0.5**trials), None, None, *sizes)
