"""Tests of two runs: published examples, the long way round, and how often they err."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from keras_leuk.evaluation.intervals import Units, percentile_interval
from keras_leuk.evaluation.paired_tests import (
    bootstrap_p,
    holm,
    mcnemar_clustered,
    mcnemar_exact,
    mcnemar_forms,
    mcnemar_mid_p,
    smallest_bootstrap_p,
)

COUNTS = st.integers(0, 60)
CLUSTERS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=30)
P = st.floats(0, 1)


def test_mcnemar_of_fagerland():
    """Airway hyper-responsiveness before and after transplantation: 1 against 7 discordant pairs (Fagerland et al. 2013)."""
    assert mcnemar_exact(1, 7) == pytest.approx(0.0703, abs=5e-5)
    assert mcnemar_mid_p(1, 7) == pytest.approx(0.0391, abs=5e-5)


@given(COUNTS, COUNTS)
def test_mcnemar_takes_no_side(first, second):
    for test in (mcnemar_exact, mcnemar_mid_p):
        assert test(first, second) == test(second, first)
    assert 0 < mcnemar_mid_p(first, second) <= mcnemar_exact(first, second) <= 1 + 1e-12
    if first == second:
        assert mcnemar_exact(first, second) == 1
        assert mcnemar_mid_p(first, second) == pytest.approx(1)


THYROIDS_SECOND_ONLY = [2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0]
THYROIDS_FIRST_ONLY = [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
"""Glands of 21 patients that only SPECT, or only PET, called rightly (Obuchowski 1998)."""


def test_clustered_mcnemar_of_obuchowski():
    """The data of the paper; statistic and p as R's clust.bin.pair prints them for method 'obuchowski'."""
    statistic, p = mcnemar_clustered(THYROIDS_FIRST_ONLY, THYROIDS_SECOND_ONLY)
    assert statistic == pytest.approx(2.8571, abs=5e-5)
    assert p == pytest.approx(0.09097, abs=5e-6)


@given(CLUSTERS, st.randoms(use_true_random=False))
def test_clustered_mcnemar_is_the_ratio_estimator(discordant, random):
    """Obuchowski's own way: two ratios, a pooled one, and variances and covariance of the residuals about it."""
    first, second = np.array(discordant, float).T
    both = np.array([random.randrange(5) for _ in discordant], float)
    size = first + second + both + [random.randrange(1, 5) for _ in discordant]
    m, n = len(discordant), size.sum()
    right = [first + both, second + both]
    pooled = (right[0] + right[1]).sum() / (2 * n)
    residual = [r - size * pooled for r in right]
    var = [m / (m - 1) * (r**2).sum() / n**2 for r in residual]
    covariance = m / (m - 1) * (residual[0] * residual[1]).sum() / n**2
    variance = var[0] + var[1] - 2 * covariance
    statistic, p = mcnemar_clustered(first, second)
    if (first == second).all():
        assert (statistic, p) == (0, 1)
        return
    expected = (right[0].sum() / n - right[1].sum() / n) ** 2 / variance
    assert statistic == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert p == pytest.approx(chi2.sf(expected, 1), rel=1e-5)
    assert mcnemar_clustered(second, first) == (statistic, p)


def test_clusters_of_one_image_give_mcnemar_itself():
    first, second = np.repeat([1, 0, 0], [15, 6, 79]), np.repeat([0, 1, 0], [15, 6, 79])
    statistic, _ = mcnemar_clustered(first, second)
    assert statistic == pytest.approx(99 / 100 * (15 - 6) ** 2 / (15 + 6))


def forms(first, second, whose):
    names, of_row = np.unique(whose, return_inverse=True)
    return mcnemar_forms(np.array(first, bool), np.array(second, bool), Units("subject", tuple(map(str, names)), of_row))


def test_all_forms_of_one_pair():
    told = forms([1, 1, 0, 1, 0, 0], [0, 0, 1, 1, 0, 1], ["a", "a", "a", "b", "b", "c"])
    assert (told["only_first_right"], told["only_second_right"]) == (2, 2)
    assert told["exact"] == {"p": 1.0}
    # a: 2 - 1, c: 0 - 1; (2 / 3) (1 - 1)^2 / 2 = 0.
    assert told["clustered"] == {"statistic": 0.0, "p": 1.0, "clusters_that_differ": 2}


@pytest.mark.parametrize(
    ("whose", "reason"), [("abc", "one row a subject: the exact form holds"), ("aaa", "only one subject on this side")]
)
def test_no_clustered_form_with_a_reason(whose, reason):
    told = forms([1, 0, 1], [0, 1, 0], list(whose))
    assert told["clustered"]["p"] is None
    assert told["clustered"]["reason"] == reason


def test_the_exact_form_errs_in_clusters_and_the_clustered_one_does_not():
    """Equal runs whose subjects are easy for one or the other: a p below 0.05 must come in about 5 % of all comparisons."""
    generator = np.random.default_rng(0)
    subjects, cells, simulations = 50, 10, 400
    whose = np.repeat(np.arange(subjects), cells)
    below = {"exact": 0, "clustered": 0}
    for _ in range(simulations):
        first, second = (generator.random((subjects, cells)) < generator.beta(4, 1, size=(subjects, 1)) for _ in range(2))
        told = forms(first.ravel(), second.ravel(), whose)
        for form in below:
            below[form] += told[form]["p"] < 0.05
    assert 0.02 <= below["clustered"] / simulations <= 0.08
    assert below["exact"] / simulations > 0.12


TEN_P = [
    *(0.838541367553, 0.642193923795, 0.680845947633, 0.967833824309, 0.71626938238),
    *(0.177096952723, 5.23656777208e-05, 0.0202732688798, 0.00028140506198, 0.0149877310796),
]


@pytest.mark.parametrize(
    ("raw", "corrected"),
    [
        # Tables of R's multtest that statsmodels tests its own Holm with.
        ([0.002, 0.004, 0.006, 0.008, 0.01, 0.012], [0.012, 0.02, 0.024, 0.024, 0.024, 0.024]),
        (
            [0.001, 0.002, 0.003, 0.004, 0.005, 0.05, 0.06, 0.07, 0.08, 0.09],
            [0.01, 0.018, 0.024, 0.028, 0.03, 0.25, 0.25, 0.25, 0.25, 0.25],
        ),
        (
            TEN_P,
            [1, 1, 1, 1, 1, 1, 5.23656777208e-04, 0.14191288215860001, 2.53264555782e-03, 0.11990184863680001],
        ),
        ([0.04], [0.04]),
        ([], []),
    ],
)
def test_holm_of_multtest(raw, corrected):
    assert holm(raw) == pytest.approx(corrected, rel=1e-12)


@given(st.lists(P, max_size=40))
def test_holm_keeps_the_order_and_lowers_nothing(raw):
    corrected = holm(raw)
    assert all(before <= after <= 1 for before, after in zip(raw, corrected, strict=True))
    by_raw = [after for _, after in sorted(zip(raw, corrected, strict=True))]
    assert by_raw == sorted(by_raw)
    assert all(after <= min(1, len(raw) * before) for before, after in zip(raw, corrected, strict=True))


@given(st.lists(st.one_of(st.none(), P), max_size=20), st.randoms(use_true_random=False))
def test_holm_leaves_out_what_was_not_tested_and_does_not_see_the_order(raw, random):
    corrected = holm(raw)
    assert [p for p in corrected if p is not None] == holm([p for p in raw if p is not None])
    assert [p is None for p in corrected] == [p is None for p in raw]
    places = list(range(len(raw)))
    random.shuffle(places)
    shuffled = holm([raw[place] for place in places])
    assert shuffled == [corrected[place] for place in places]


def test_p_of_a_bootstrap():
    assert bootstrap_p(np.zeros(999)) == 1
    assert bootstrap_p(np.ones(999)) == bootstrap_p(-np.ones(999)) == smallest_bootstrap_p(999) == 0.002
    # 24 of 999 at or below 0: 2 (1 + 24) / 1000.
    assert bootstrap_p(np.append(np.full(24, -0.5), np.ones(975))) == 0.05
    assert smallest_bootstrap_p(1) == 1


@given(st.integers(0, 2**32 - 1), st.floats(-4, 4))
def test_p_and_interval_agree(seed, shift):
    """The interval leaves out 0 where p lies below 1 - confidence; they may only differ by the rank of one resample."""
    values = np.random.default_rng(seed).normal(loc=shift, size=499)
    p = bootstrap_p(values)
    assert p == bootstrap_p(-values)
    interval = percentile_interval(values, 0.95, "subject", 50)
    if p < 0.05 - 4 / 500:
        assert interval.low > 0 or interval.high < 0
    if p > 0.05 + 4 / 500:
        assert interval.low < 0 < interval.high


def test_mcnemar_grows_into_chi_square():
    """Many discordant pairs: the exact p nears that of the statistic without continuity correction."""
    statistic = (420 - 480) ** 2 / 900
    assert mcnemar_mid_p(420, 480) == pytest.approx(chi2.sf(statistic, 1), rel=0.01)
