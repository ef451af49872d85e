"""An area with groups: against scikit-learn, Brunner and Munzel, its own formula by hand, and its promise of 95 in 100."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, brunnermunzel
from scipy.stats import t as student
from sklearn.metrics import roc_auc_score

from keras_leuk.audit.clustered import clustered_area, placements


@st.composite
def rows(draw):
    """Values with ties, two kinds, groups that may hold both."""
    n = draw(st.integers(4, 40))
    value = draw(st.lists(st.integers(-3, 3), min_size=n, max_size=n))
    member = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    group = draw(st.lists(st.integers(0, 6), min_size=n, max_size=n))
    member[0], member[1] = True, False
    return np.array(value, float), np.array(member), np.array(group)


@settings(max_examples=60, deadline=None)
@given(rows())
def test_the_area_is_scikit_learns_and_the_interval_holds_it(drawn):
    value, member, group = drawn
    area = clustered_area(value, member, group)
    assert area.auc == pytest.approx(roc_auc_score(member, value), abs=1e-12)
    assert (area.low is None) == (area.reason is not None) == (area.p is None)
    if area.low is not None:
        assert 0 <= area.low <= area.auc <= area.high <= 1
        assert (area.p < 0.05) == (not area.low <= 0.5 <= area.high)


@settings(max_examples=60, deadline=None)
@given(rows(), st.integers(2, 4), st.randoms(use_true_random=False))
def test_what_the_area_does_not_depend_on(drawn, times, random):
    value, member, group = drawn
    area = clustered_area(value, member, group)
    order = list(range(len(value)))
    random.shuffle(order)
    turned = clustered_area(-value, member, group)
    again = clustered_area(value[order], member[order], [f"g{g}" for g in group[order]])
    copied = clustered_area(np.tile(value, times), np.tile(member, times), np.tile(group, times))
    for one in (again, copied):
        # A group is the unit: more cells of the same people, alike, make nothing surer.
        assert one.as_json() == pytest.approx({**area.as_json(), "n": one.n, "members": one.members}, abs=1e-9)
    assert turned.auc == pytest.approx(1 - area.auc)
    if area.low is not None:
        assert (turned.low, turned.high) == pytest.approx((1 - area.high, 1 - area.low))


@pytest.mark.parametrize("seed", range(3))
def test_where_each_group_is_one_row_it_is_brunner_and_munzel(seed):
    generator = np.random.default_rng(seed)
    first, second = generator.normal(size=9).round(1), generator.normal(0.7, 2, size=14).round(1)
    reference = brunnermunzel(first, second)
    area = clustered_area(np.r_[first, second], np.arange(23) >= 9, np.arange(23))
    assert (area.auc - 0.5) / area.error == pytest.approx(abs(reference.statistic) * np.sign(area.auc - 0.5))
    assert 2 * student.sf(abs(area.auc - 0.5) / area.error, area.df) == pytest.approx(reference.pvalue)


def test_even_groups_of_one_class_have_obuchowskis_variance():
    generator = np.random.default_rng(0)
    group = np.repeat(np.arange(13), 4)
    member = group < 6
    value = generator.normal(size=13)[group] + generator.normal(size=52) + member
    place, area = placements(value, member), clustered_area(value, member, group)
    variance = 0.0
    for kind in (member, ~member):
        count = len(np.unique(group[kind]))
        sums = np.array([(place[(group == g) & kind] - area.auc).sum() for g in np.unique(group[kind])])
        variance += count / (count - 1) * (sums**2).sum() / kind.sum() ** 2
    assert area.error**2 == pytest.approx(variance)
    assert (area.n, area.members, area.groups) == (52, 24, 13)


def test_groups_of_both_kinds_make_a_difference_surer():
    generator = np.random.default_rng(1)
    group = np.repeat(np.arange(20), 10)
    member = np.arange(200) % 2 == 0
    value = 3 * generator.normal(size=20)[group] + 0.3 * generator.normal(size=200) + 0.8 * member
    paired = clustered_area(value, member, group)
    apart = clustered_area(value, member, [f"{g}{m}" for g, m in zip(group, member, strict=True)])
    assert paired.error < 0.3 * apart.error
    assert paired.p < 0.05 < apart.p


def test_kinds_without_an_overlap_have_the_exact_bound():
    member = np.repeat([True, False], [30, 50])
    area = clustered_area(member.astype(float), member, np.r_[np.repeat(np.arange(6), 5), 10 + np.repeat(np.arange(10), 5)])
    reference = binomtest(6, 6).proportion_ci(method="exact")
    assert (area.auc, area.low, area.high) == (1, pytest.approx(reference.low), 1)
    assert area.p == pytest.approx(binomtest(6, 6).pvalue)
    turned = clustered_area(-member.astype(float), member, np.arange(80))
    assert (turned.auc, turned.low, turned.high) == (0, 0, pytest.approx(1 - 0.025 ** (1 / 30)))


def test_what_cannot_be_said_has_its_reason():
    nothing = clustered_area(np.arange(4.0), np.ones(4, bool), np.arange(4))
    assert (nothing.auc, nothing.reason) == (None, "no rows of both kinds to compare")
    alone = clustered_area(np.array([1.0, 3, 2, 4]), np.array([False, False, True, True]), ["a", "b", "c", "c"])
    assert (alone.auc, alone.low) == (0.75, None)
    assert "only one group" in alone.reason
    equal = clustered_area(np.ones(6), np.arange(6) < 3, np.arange(6))
    assert (equal.auc, equal.p) == (0.5, None)
    assert "one value" in equal.reason


def test_strata_are_averaged_and_a_stratum_of_one_kind_is_left_out():
    generator = np.random.default_rng(2)
    stratum = np.repeat(["a", "b", "c"], [40, 20, 10])
    member = np.where(stratum == "c", True, generator.random(70) < 0.5)
    value = generator.normal(size=70) + 100 * (stratum == "a") + 0.5 * member
    each = [roc_auc_score(member[stratum == s], value[stratum == s]) for s in "ab"]
    even = clustered_area(value, member, np.arange(70), stratum)
    assert (even.auc, even.n, even.strata) == (pytest.approx(np.mean(each)), 60, 2)
    counts = [member[stratum == s].sum() * (~member[stratum == s]).sum() / (stratum == s).sum() for s in "ab"]
    by_size = clustered_area(value, member, np.arange(70), stratum, even=False)
    assert by_size.auc == pytest.approx(np.average(each, weights=counts))
    crossed = clustered_area(value, member, np.arange(70), stratum, crossed=True)
    assert crossed.error == pytest.approx(np.sqrt(2) * even.error)


def test_the_interval_keeps_its_promise_for_few_uneven_subjects():
    """Without an effect 0.5 is held in about 95 of 100 simulations, and Obuchowski's own normal interval holds it less often."""
    generator = np.random.default_rng(3)
    held = np.zeros(2)
    for _ in range(400):
        group = np.repeat(np.arange(40), np.maximum(2, generator.lognormal(np.log(12), 1, 40).astype(int)))
        value = generator.normal(size=40)[group] + generator.normal(size=len(group))
        area = clustered_area(value, group < 20, group)
        held += area.low <= 0.5 <= area.high, abs(area.auc - 0.5) < 1.96 * area.error
    rates = held / 400
    assert binomtest(int(held[0]), 400, 0.95).pvalue > 0.01, rates
    assert rates[1] < rates[0]
