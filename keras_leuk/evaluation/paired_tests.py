"""Whether two runs differ more than chance makes them: tests on the same images, and Holm's correction for many of them.

McNemar's test asks whether two runs are right equally often, and looks only at the images that one of them has right and the
other wrong. Its exact form takes images as independent. Cells of one person are not, so that it finds differences too easily
where persons have several images each; Obuchowski's form takes the person as the unit, and counts every image alike, so that
it tests the very difference of the two accuracies. (Durkalski et al. 2003 count every person alike, which is another question.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, binomtest, chi2

from keras_leuk.evaluation.counts import Floats
from keras_leuk.evaluation.intervals import Units

MCNEMAR = ("exact", "mid_p", "clustered")
"""The forms of McNemar's test."""


def mcnemar_forms(first_right: npt.NDArray[np.bool_], second_right: npt.NDArray[np.bool_], units: Units) -> dict[str, Any]:
    """McNemar's test of two runs in all its forms.

    Args:
        first_right, second_right: (n,) which rows each run has right.
        units: the subjects (or images) that rows belong to.
    Returns:
        rows that only one of the runs has right, and one object a form, each with its 'p'. The clustered one is None, with a
        reason, where each unit has one row, so that the exact one holds, or where there is only one unit.
    """
    only = first_right & ~second_right, second_right & ~first_right
    first, second = (int(rows.sum()) for rows in only)
    clusters = len(units.names)
    each = [np.bincount(units.of_row, weights=rows, minlength=clusters) for rows in only]
    clustered: dict[str, Any] = {"statistic": None, "p": None, "clusters_that_differ": int((each[0] != each[1]).sum())}
    if clusters == len(first_right):
        clustered["reason"] = f"one row a {units.kind}: the exact form holds"
    elif clusters < 2:
        clustered["reason"] = f"only one {units.kind} on this side"
    else:
        clustered["statistic"], clustered["p"] = mcnemar_clustered(each[0], each[1])
    return {
        "only_first_right": first,
        "only_second_right": second,
        "exact": {"p": mcnemar_exact(first, second)},
        "mid_p": {"p": mcnemar_mid_p(first, second)},
        "clustered": clustered,
    }


def mcnemar_exact(first_only: int, second_only: int) -> float:
    """Two-sided exact p of McNemar's test; 1 where no image tells the runs apart.

    Args:
        first_only, second_only: images that only the first, or only the second, run has right.
    Source: McNemar 1947; the exact form conditions on the discordant images, which are then binomial with 1/2.
    """
    discordant = first_only + second_only
    return float(binomtest(first_only, discordant, 0.5).pvalue) if discordant else 1.0


def mcnemar_mid_p(first_only: int, second_only: int) -> float:
    """Two-sided mid-p of McNemar's test: the exact test counts the observed table wholly, this one by half.

    Source: Fagerland, Lydersen and Laake 2013, The McNemar test for binary matched-pairs data.
    """
    fewer, discordant = min(first_only, second_only), first_only + second_only
    return min(1.0, float(2 * binom.cdf(fewer, discordant, 0.5) - binom.pmf(fewer, discordant, 0.5))) if discordant else 1.0


def mcnemar_clustered(first_only: npt.ArrayLike, second_only: npt.ArrayLike) -> tuple[float, float]:
    """McNemar's test for images in clusters such as subjects.

    Under the null hypothesis both accuracies have one value, whose ratio estimate cancels from the variance of their
    difference; (m - 1) / m * sum(d)^2 / sum(d^2) remains, with d = first_only - second_only of each of m clusters.

    Args:
        first_only, second_only: (m,) for each cluster the images that only one of the runs has right, m >= 2; clusters
            without any count too.
    Returns:
        the statistic and its p, from chi-square with 1 degree of freedom; 0 and 1 where no cluster tells the runs apart.
    Source: Obuchowski 1998, On the comparison of correlated proportions for clustered data, Statistics in Medicine 17; the
        short form is that of Yang, Sun and Hardin 2010, Biometrical Journal 52.
    """
    difference = np.asarray(first_only, np.float64) - np.asarray(second_only, np.float64)
    squares = float((difference**2).sum())
    if squares == 0:
        return 0.0, 1.0
    m = len(difference)
    statistic = (m - 1) / m * float(difference.sum()) ** 2 / squares
    return statistic, float(chi2.sf(statistic, 1))


def bootstrap_p(differences: Floats) -> float:
    """Two-sided p of a paired bootstrap: how far one has to widen the percentile interval until it takes in 0.

    Args:
        differences: (b,) resampled differences, without NaN.
    Returns:
        2 (1 + min(#{d <= 0}, #{d >= 0})) / (b + 1), at most 1; it cannot be smaller than 2 / (b + 1).
    Source: Efron and Tibshirani 1993, chapter 16; the added ones are those of a Monte Carlo test, Davison and Hinkley 1997,
        chapter 4.
    """
    rarer = min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    return min(1.0, 2 * (1 + rarer) / (len(differences) + 1))


def smallest_bootstrap_p(resamples: int) -> float:
    """The smallest p that `bootstrap_p` can give."""
    return min(1.0, 2 / (resamples + 1))


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down correction, which holds whatever the tests have to do with each other.

    Args:
        p: one a test; None where a test could not be made, which then is no member of the family.
    Returns:
        corrected p in the same order, None where p is None; never below p.
    Source: Holm 1979, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6.
    """
    made = [i for i, value in enumerate(p) if value is not None]
    raw = np.array([p[i] for i in made], np.float64)
    order = np.argsort(raw, kind="stable")
    steps = np.minimum(1.0, np.arange(len(raw), 0, -1) * raw[order])
    corrected: list[float | None] = [None] * len(p)
    for place, value in zip(order, np.maximum.accumulate(steps), strict=True):
        corrected[made[place]] = float(value)
    return corrected
