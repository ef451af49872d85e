from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_cells import simulated
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from keras_leuk.audit.probe import COMPONENTS, PENALTY, folds_of, joined, one_thread, out_of_fold

NAMES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=25)


@settings(max_examples=60, deadline=None)
@given(NAMES)
def test_images_are_joined_through_any_chain_and_no_further(pairs):
    first, second = ([str(pair[i]) for pair in pairs] for i in (0, 1))
    found = joined(first, second)
    # The definition: rows that share a name are alike, until nothing changes.
    sets = list(range(len(pairs)))
    changed = True
    while changed:
        changed = False
        for i, a in enumerate(pairs):
            for j, b in enumerate(pairs):
                if (a[0] == b[0] or a[1] == b[1]) and sets[i] != sets[j]:
                    sets[i] = sets[j] = min(sets[i], sets[j])
                    changed = True
    assert [[a == b for b in sets] for a in sets] == [[a == b for b in found] for a in found]
    assert found.tolist() == [list(dict.fromkeys(found.tolist())).index(number) for number in found.tolist()]


def test_a_name_counts_within_its_own_list():
    assert joined(["a", "b"], ["b", "a"]).tolist() == [0, 1]


@pytest.mark.parametrize("width", [6, 150])
@pytest.mark.parametrize("classes", [("a", "b"), ("a", "b", "c")])
def test_probabilities_are_those_of_a_pipeline_of_scikit_learn_that_did_not_see_the_fold(width, classes):
    images, features, _ = simulated(20, 8 if width < 100 else 14, classes, 2.0, width=width)
    labels = np.array([classes.index(name) for name in images["label"]])
    fold = folds_of(labels, images["group"].to_numpy(str))
    found = out_of_fold(features, labels, fold, len(classes))
    for held in np.unique(fold):
        train, test = fold != held, fold == held
        steps = [StandardScaler()] + [PCA(COMPONENTS, svd_solver="randomized", random_state=0)] * (width > COMPONENTS)
        with one_thread():
            model = make_pipeline(*steps, LogisticRegression(C=PENALTY, tol=1e-6, max_iter=5000))
            expected = model.fit(features[train].astype(float), labels[train]).predict_proba(features[test].astype(float))
        # Single precision moves the last components of a hundred images a little.
        np.testing.assert_allclose(found[test], expected, atol=5e-3 if width > COMPONENTS else 1e-4)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_a_class_that_a_training_side_lacks_gets_no_probability():
    features = np.random.default_rng(0).normal(size=(30, 3))
    labels, fold = np.repeat([0, 1, 2], 10), np.r_[np.tile([0, 1], 10), np.full(10, 0)]
    found = out_of_fold(features, labels, fold, 3)
    assert (found[fold == 0][:, 2] == 0).all()
    assert (found[fold == 1][:, 2] > 0).all()


def test_folds_part_nobody_and_hold_every_class():
    images, _, _ = simulated(23, 9)
    labels = (images["label"] == "ALL").to_numpy().astype(int)
    fold = folds_of(labels, images["group"].to_numpy(str))
    assert images.assign(fold=fold).groupby("group")["fold"].nunique().eq(1).all()
    assert all(len(set(labels[fold == held])) == 2 for held in range(5))
