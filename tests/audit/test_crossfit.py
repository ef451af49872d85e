"""Classifiers judged on groups that they have not seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from keras_leuk.audit.clustered import clustered_area
from keras_leuk.audit.crossfit import FOLDS, folds, out_of_fold


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 30)), min_size=1, max_size=40))
def test_folds_keep_groups_whole_and_test_two_groups_of_each_class(groups):
    label = np.repeat([kind for kind, _ in groups], [size for _, size in groups])
    group = np.repeat(np.arange(len(groups)), [size for _, size in groups])
    label = np.unique(label, return_inverse=True)[1]
    fold = folds(label, group)
    holders = [len(np.unique(group[label == kind])) for kind in np.unique(label)]
    assert (fold is None) == (min(holders) < 4)
    if fold is not None:
        assert fold.max() + 1 == min(FOLDS, min(holders) // 2)
        assert all(len(np.unique(fold[group == name])) == 1 for name in np.unique(group))
        for kind in np.unique(label):
            assert min(len(np.unique(group[(fold == f) & (label == kind)])) for f in range(fold.max() + 1)) >= 2


@pytest.mark.parametrize("kind", ["tree", "boosted"])
def test_a_value_that_names_the_subject_tells_nothing_of_unseen_ones(kind):
    generator = np.random.default_rng(0)
    group = np.repeat(np.arange(60), 12)
    label = (generator.permutation(60) % 2)[group]
    value = generator.permutation(60).astype(float)[group, None]
    fold = folds(label, group)
    chance = out_of_fold(kind, value, label, fold, 2)[:, 1]
    area = clustered_area(chance, label == 1, group, fold, crossed=True)
    assert area.low < 0.5 < area.high
    seen = out_of_fold(kind, value, label, np.arange(len(label)) % 5, 2)[:, 1]
    assert roc_auc_score(label, seen) > 0.8


@pytest.mark.parametrize("kind", ["tree", "boosted"])
def test_a_relation_that_rises_and_falls_a_missing_value_and_the_same_twice(kind):
    generator = np.random.default_rng(1)
    label, group = np.arange(600) % 2, np.arange(600)
    value = generator.normal(size=600) * np.where(label, 0.2, 2.0)
    fold = folds(label, group)
    found = out_of_fold(kind, value[:, None], label, fold, 3)
    assert roc_auc_score(label, found[:, 1]) > 0.8 > roc_auc_score(label, value) + 0.2
    assert found[:, 2].max() == 0
    assert np.array_equal(found, out_of_fold(kind, value[:, None], label, fold, 3))
    holes = np.where(label & (generator.random(600) < 0.9), np.nan, 1.0)
    assert roc_auc_score(label, out_of_fold(kind, holes[:, None], label, fold, 2)[:, 1]) > 0.9


def test_intervals_of_a_fitted_tree_hold_chance():
    """In 95 of 100 simulations, and far less often where the variance is not doubled (benchmarks/audit_coverage.py)."""
    generator, held, each = np.random.default_rng(2), np.zeros(2), 80
    for _ in range(each):
        group = np.repeat(np.arange(40), generator.integers(4, 20, 40))
        label = (group < 20).astype(np.intp)
        value = generator.normal(size=40)[group] + generator.normal(size=len(group))
        fold = folds(label, group)
        chance = out_of_fold("tree", value[:, None], label, fold, 2)[:, 1]
        areas = [clustered_area(chance, label == 1, group, fold, crossed=crossed) for crossed in (True, False)]
        held += [area.low <= 0.5 <= area.high for area in areas]
    assert 0.88 * each <= held[0]
    assert held[1] < held[0]
