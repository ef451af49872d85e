"""Variance components: a published worked example, SciPy's analysis of variance, and simulations with the truth known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, f_oneway

from keras_leuk.audit.subject_variance import components

BULLS = (
    (46, 31, 37, 62, 30),
    (70, 59),
    (52, 44, 57, 40, 67, 64, 70),
    (47, 21, 70, 46, 14),
    (42, 64, 50, 69, 77, 81, 87),
    (35, 68, 59, 38, 57, 76, 57, 29, 60),
)
"""Percentages of conceptions by samples of semen of six bulls: the example of Snedecor and Cochran, Statistical Methods, in the
chapter on one-way classifications. Typed from memory; the book was not at hand."""


def bulls():
    return np.concatenate(BULLS).astype(float)[:, None], np.repeat(np.arange(6), [len(bull) for bull in BULLS])


def test_snedecor_and_cochrans_bulls():
    rows, bull = bulls()
    found = components(rows, np.zeros(len(rows), int), bull)
    # Mean squares 664 between and 248 within, n0 = 5.67, so that the bulls' component is (664 - 248) / 5.67 = 73.
    assert found.rest == pytest.approx(248.29, abs=0.005)
    assert found.typical == pytest.approx(5.67, abs=0.005)
    assert found.subject == pytest.approx(73.41, abs=0.005)
    assert found.share == pytest.approx(73.41 / (73.41 + 248.29), abs=1e-4)
    assert 0 <= found.interval.low < found.share < found.interval.high <= 1


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=4, max_size=9).filter(lambda sizes: max(sizes) > 1), st.integers(0, 99))
def test_the_ratio_of_mean_squares_is_scipys_f(sizes, seed):
    whose = np.repeat(np.arange(len(sizes)), sizes)
    rows = np.random.default_rng(seed).normal(size=(len(whose), 1))
    found = components(rows, np.zeros(len(whose), int), whose)
    ratio = f_oneway(*(rows[whose == who, 0] for who in range(len(sizes)))).statistic
    assert found.share == pytest.approx((ratio - 1) / (ratio - 1 + found.typical), abs=1e-9)


def nested(subjects=12, share=0.4, width=6, seed=0):
    """Features of unit variance within classes, of which `share` is the subject's; sizes are uneven."""
    draw = np.random.default_rng(seed)
    count = np.maximum(2, np.exp(draw.normal(2.3, 0.7, size=subjects)).astype(int))
    whose = np.repeat(np.arange(subjects), count)
    effect = draw.normal(size=(subjects, width)) * np.sqrt(share)
    rows = effect[whose] + draw.normal(size=(len(whose), width)) * np.sqrt(1 - share)
    return rows, whose % 2, whose


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.floats(-50, 50), st.floats(0.1, 20))
def test_neither_class_nor_unit_nor_order_changes_a_share(seed, shift, unit):
    rows, classes, whose = nested(seed=seed)
    plain = components(rows, classes, whose)
    order = np.random.default_rng(seed).permutation(len(rows))
    moved = components((rows * unit + shift * classes[:, None])[order], classes[order], whose[order])
    np.testing.assert_allclose(
        [moved.share, moved.interval.low, moved.interval.high], [plain.share, plain.interval.low, plain.interval.high], atol=1e-7
    )
    assert moved.rest == pytest.approx(plain.rest * unit**2)


def test_components_are_sums_over_features():
    rows, classes, whose = nested()
    joint, single = components(rows, classes, whose), [components(rows[:, [i]], classes, whose) for i in range(rows.shape[1])]
    assert joint.subject == pytest.approx(sum(one.subject for one in single))
    assert joint.rest == pytest.approx(sum(one.rest for one in single))


@pytest.mark.parametrize(("subjects", "share", "width"), [(20, 0.0, 1), (20, 0.3, 8), (40, 0.6, 8)])
def test_intervals_hold_the_truth_about_as_often_as_they_say(subjects, share, width):
    simulations = 250
    found = [components(*nested(subjects, share, width, seed)) for seed in range(simulations)]
    held = sum(one.interval.low <= share <= one.interval.high for one in found)
    # Within what chance does to 250 simulations of a coverage of 0.92 to 0.98.
    assert binom.ppf(0.005, simulations, 0.92) <= held <= binom.ppf(0.995, simulations, 0.98)
    assert np.mean([one.share for one in found]) == pytest.approx(share, abs=0.02)


def test_what_cannot_be_estimated_is_none():
    rows, bull = bulls()
    zeros = np.zeros(len(rows), int)
    assert components(rows, zeros, np.arange(len(rows))) is None
    assert components(rows, zeros, zeros) is None
    assert components(np.ones_like(rows), zeros, bull) is None


def test_where_one_subject_holds_all_the_variance_within_there_is_no_interval():
    rows = np.array([[0.0], [1.0], [3.0], [4.0], [5.0]])
    found = components(rows, np.zeros(5, int), np.array([0, 0, 1, 2, 3]))
    assert found.share > 0
    assert (found.interval.low, found.interval.high) == (None, None)
    assert "without one of the subjects" in found.interval.reason
