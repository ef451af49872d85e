"""Classifiers of scikit-learn kept as arrays: against scikit-learn itself, alone and in company, and on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from keras_leuk.errors import DataError, RunError
from keras_leuk.models import classical
from keras_leuk.models.classical import Classical, fit, inner_folds, platt
from keras_leuk.recipe.randomness import small_seed

KINDS = ("logistic", "svm", "forest")


def clouds(classes: int, count: int = 160, features: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, labels and groups of ten; a group may hold several classes."""
    rng = np.random.default_rng(classes)
    labels = np.arange(count) // (count // classes) % classes
    points = rng.normal(size=(count, features)) * 3 + 40
    points[np.arange(count), labels] += 3
    return points.astype(np.float32), labels, np.array([f"s{number // 8}" for number in range(count)])


@pytest.fixture(scope="module", params=[(kind, classes) for kind in KINDS for classes in (2, 3)], ids=str)
def fitted(request: pytest.FixtureRequest) -> tuple[Classical, np.ndarray, np.ndarray]:
    kind, classes = request.param
    points, labels, groups = clouds(classes)
    weights = 1.0 + labels
    return fit(kind, points, labels, classes=classes, groups=groups, weights=weights, seed=4), points, labels


def test_probabilities_are_those_of_scikit_learn(fitted: tuple[Classical, np.ndarray, np.ndarray]) -> None:
    made, points, labels = fitted
    found = made.probabilities(points)
    rows = StandardScaler().fit_transform(points.astype(np.float64))
    weights = 1.0 + labels
    if made.kind == "logistic":
        reference = LogisticRegression(C=made.facts["C"], max_iter=10_000).fit(rows, labels, sample_weight=weights)
        expected = reference.predict_proba(rows)
    elif made.kind == "forest":
        forest = RandomForestClassifier(500, random_state=small_seed(4, "forest")).fit(rows, labels, sample_weight=weights)
        expected = forest.predict_proba(rows)
    else:
        machines = []
        for number, wanted in enumerate([1] if made.classes == 2 else range(made.classes)):
            machine = SVC(C=1.0, gamma="scale").fit(rows, labels == wanted, sample_weight=weights)
            score = made.arrays[f"slope_{number}"] * machine.decision_function(rows) + made.arrays[f"offset_{number}"]
            machines.append(1 / (1 + np.exp(-score)))
        expected = np.stack(machines, axis=1) if made.classes > 2 else np.stack([1 - machines[0], machines[0]], axis=1)
        expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert (found.argmax(axis=1) == labels).mean() > 0.6


def test_an_image_has_the_same_bits_in_any_company_and_from_disk(
    fitted: tuple[Classical, np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    made, points, _ = fitted
    found = made.probabilities(points)
    made.save(tmp_path / "model.npz")
    kept = Classical.load(tmp_path / "model.npz")
    assert (kept.probabilities(points) == found).all()
    assert (kept.kind, kept.classes, kept.facts) == (made.kind, made.classes, made.facts)
    for begin, end in ((0, 1), (5, 12), (37, 70)):
        assert (kept.probabilities(points[begin:end]) == found[begin:end]).all()
    with np.load(tmp_path / "model.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays.files)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 nothing")
    for name in ("a.npz", "missing.npz"):
        with pytest.raises(RunError, match="cannot be read"):
            Classical.load(tmp_path / name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_that_was_not_trained_on_gets_nothing(kind: str) -> None:
    points, labels, groups = clouds(2)
    table = fit(kind, points, labels * 2, classes=4, groups=groups, weights=None, seed=0).probabilities(points)
    assert (table[:, [1, 3]] == 0).all()
    np.testing.assert_allclose(table.sum(axis=1), 1, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_one_class_cannot_be_learnt(kind: str) -> None:
    points, labels, groups = clouds(2)
    with pytest.raises(DataError, match="two classes"):
        fit(kind, points, labels * 0, classes=2, groups=groups, weights=None, seed=0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 11)), min_size=6, max_size=60), st.integers(0, 2))
def test_inner_folds_part_no_group_and_leave_no_class_untrained(pairs: list[tuple[int, int]], shift: int) -> None:
    pairs = [*pairs, *((label, label + shift) for label in range(3) for _ in range(2))]
    labels, groups = np.array([label for label, _ in pairs]), np.array([f"s{group}" for _, group in pairs])
    folds, by = inner_folds(labels, groups)
    assert 2 <= len(np.unique(folds)) <= classical.FOLDS
    for fold in np.unique(folds):
        assert set(labels[folds != fold]) == {0, 1, 2}
    if by == "groups":
        assert all(len(set(folds[groups == name])) == 1 for name in groups)
    else:
        # Only where it could not be helped, or nearly: with a class of two groups or fewer.
        assert min(len(set(groups[labels == label])) for label in range(3)) <= 2


def test_a_class_of_one_image_cannot_be_held_out() -> None:
    with pytest.raises(DataError, match="single training image"):
        inner_folds(np.array([0, 0, 0, 1]), np.array(["a", "b", "c", "d"]))


def test_subjects_of_one_class_are_spread_evenly() -> None:
    sizes = {"h1": 20, "h2": 18, "h3": 9, "h4": 9, "h5": 2, "a1": 30, "a2": 10, "a3": 10, "a4": 10, "a5": 9, "a6": 1}
    groups = np.array([name for name, size in sizes.items() for _ in range(size)])
    labels = np.array([int(name[0] == "a") for name in groups])
    folds, by = inner_folds(labels, groups)
    assert (by, len(np.unique(folds))) == ("groups", 5)
    for fold in range(5):
        assert set(labels[folds == fold]) == {0, 1}


def test_platt_finds_the_line_that_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    decisions = rng.normal(size=20_000)
    labels = rng.random(20_000) < 1 / (1 + np.exp(-(2.5 * decisions - 0.7)))
    slope, offset = platt(decisions, labels, np.ones(20_000))
    assert (slope, offset) == (pytest.approx(2.5, abs=0.1), pytest.approx(-0.7, abs=0.1))
    # Weights that make both classes count alike move the line, as they move a weighted loss.
    heavier = np.where(labels, 3.0, 1.0)
    assert platt(decisions, labels, heavier)[1] == pytest.approx(-0.7 + np.log(3), abs=0.1)
    # Perfectly parted decisions give a finite line: Platt's targets are not 0 and 1.
    assert np.isfinite(platt(np.array([-1.0, -2.0, 1.0, 2.0]), np.array([False, False, True, True]), np.ones(4))).all()
