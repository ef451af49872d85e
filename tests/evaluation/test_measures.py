"""Measures: against scikit-learn, against tables worked out by hand, and where they are undefined."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from keras_leuk.evaluation.calibration import exact_halves, reliability_table
from keras_leuk.evaluation.measures import CLASS_MEASURES, MEASURES, Measurer, definitions, why_undefined
from keras_leuk.evaluation.ranking import Ranking, precision_at, roc_at

CLOSE = {"rtol": 0, "atol": 1e-12}


@st.composite
def sides(draw, least_classes=2, every_class=True):
    """(true, predicted, probability, positive) with many ties."""
    k = draw(st.integers(least_classes, 5))
    n = draw(st.integers(k, 40))
    true = np.array(draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n)))
    if every_class:
        true[:k] = np.arange(k)
    steps = draw(st.sampled_from([2, 5, 1000]))
    raw = np.array(draw(st.lists(st.integers(0, steps), min_size=n * k, max_size=n * k)), dtype=float).reshape(n, k) + 0.25
    probability = raw / raw.sum(axis=1, keepdims=True)
    if k == 2:
        probability[:, 0] = 1 - probability[:, 1]
    positive = draw(st.integers(0, 1)) if k == 2 else None
    return true, probability.argmax(axis=1), probability, positive


def one(measurer, n):
    return measurer(np.ones((1, n)))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sides())
def test_agrees_with_scikit_learn(side):
    true, predicted, probability, positive = side
    n, k = probability.shape
    mine = {name: values[0] for name, values in one(Measurer(*side), n).overall.items()}
    theirs = {
        "accuracy": sk.accuracy_score(true, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(true, predicted),
        "macro_f1": sk.f1_score(true, predicted, average="macro"),
        "weighted_f1": sk.f1_score(true, predicted, average="weighted"),
    }
    average = {"average": "macro"} if k > 2 else {"average": "binary", "pos_label": positive}
    theirs["recall"] = sk.recall_score(true, predicted, **average)
    theirs["f1"] = sk.f1_score(true, predicted, **average)
    if not np.isnan(mine["precision"]):
        theirs["precision"] = sk.precision_score(true, predicted, **average)
    if len(set(predicted)) > 1:
        theirs["mcc"] = sk.matthews_corrcoef(true, predicted)
    scored = range(k) if k > 2 else [positive]
    theirs["roc_auc"] = np.mean([sk.roc_auc_score(true == c, probability[:, c]) for c in scored])
    theirs["average_precision"] = np.mean([sk.average_precision_score(true == c, probability[:, c]) for c in scored])
    if k > 2:
        theirs["brier"] = np.mean(((probability - np.eye(k)[true]) ** 2).sum(axis=1))
    else:
        theirs["brier"] = sk.brier_score_loss(true == positive, probability[:, positive])
    for name, value in theirs.items():
        np.testing.assert_allclose(mine[name], value, err_msg=name, **CLOSE)


def test_multiclass_auc_is_scikit_learns_macro_one_vs_rest():
    generator = np.random.default_rng(0)
    true = generator.integers(4, size=300)
    probability = generator.dirichlet(np.ones(4), size=300)
    mine = one(Measurer(true, probability.argmax(1), probability, None), 300)
    np.testing.assert_allclose(mine.overall["roc_auc"][0], sk.roc_auc_score(true, probability, multi_class="ovr"), **CLOSE)
    theirs = sk.precision_recall_fscore_support(true, probability.argmax(1))
    np.testing.assert_allclose([mine.per_class[name][0] for name in ("precision", "recall", "f1")], theirs[:3], **CLOSE)
    np.testing.assert_array_equal(mine.counts[0], sk.confusion_matrix(true, probability.argmax(1)))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sides(every_class=False), st.integers(0, 2**31))
def test_weights_equal_repeated_rows(side, seed):
    true, predicted, probability, positive = side
    n = len(true)
    weights = np.random.default_rng(seed).integers(0, 4, size=(3, n))
    weights[:, 0] += 1
    weighted = Measurer(*side)(weights.astype(float))
    for b in range(3):
        again = np.repeat(np.arange(n), weights[b])
        repeated = one(Measurer(true[again], predicted[again], probability[again], positive), len(again))
        for name in MEASURES:
            np.testing.assert_allclose(weighted.overall[name][b], repeated.overall[name][0], err_msg=name, **CLOSE)
        for name in CLASS_MEASURES:
            np.testing.assert_allclose(weighted.per_class[name][b], repeated.per_class[name][0], err_msg=name, **CLOSE)


def test_two_classes_by_hand():
    # Positive is class 1. True 1 1 1 0 0, P(1) = .9 .6 .2 .6 .1: TP 2, FN 1, FP 1, TN 1.
    p = np.array([0.9, 0.6, 0.2, 0.6, 0.1])
    true = np.array([1, 1, 1, 0, 0])
    probability = np.column_stack([1 - p, p])
    got = {name: v[0] for name, v in one(Measurer(true, (p > 0.5).astype(int), probability, 1, bins=10), 5).overall.items()}
    by_hand = {
        "accuracy": 3 / 5,
        "balanced_accuracy": (2 / 3 + 1 / 2) / 2,
        "precision": 2 / 3,
        "recall": 2 / 3,
        "f1": 2 / 3,
        "macro_f1": (2 / 3 + 1 / 2) / 2,
        "weighted_f1": (3 * 2 / 3 + 2 * 1 / 2) / 5,
        # Pairs won: .9 beats both (2), .6 ties one and beats one (1.5), .2 beats one (1): 4.5 of 6.
        "roc_auc": 4.5 / 6,
        # Thresholds .9: 1/1 with gain 1/3; .6: 2/3 with gain 1/3; .2: 3/4 with gain 1/3.
        "average_precision": (1 + 2 / 3 + 3 / 4) / 3,
        "mcc": (2 * 1 - 1 * 1) / np.sqrt(3 * 3 * 2 * 2),
        "brier": (0.01 + 0.16 + 0.64 + 0.36 + 0.01) / 5,
        # Confidences .9 right (0.8, 0.9], .6 right and wrong (0.5, 0.6], .8 wrong (0.7, 0.8], .9 right (0.8, 0.9].
        "ece": (2 * 0.1 + 2 * 0.1 + 0.8) / 5,
    }
    assert set(by_hand) == set(MEASURES)
    for name, value in by_hand.items():
        assert got[name] == pytest.approx(value, abs=1e-12), name


def test_calibration_error_agrees_with_its_table():
    generator = np.random.default_rng(3)
    probability = generator.dirichlet(np.ones(3), size=500)
    predicted, true = probability.argmax(1), generator.integers(3, size=500)
    table = reliability_table(probability, predicted, true, 15)
    assert table["n"].sum() == 500
    filled = table[table["n"] > 0]
    by_table = ((filled["accuracy"] - filled["confidence"]).abs() * filled["n"]).sum() / 500
    assert one(Measurer(true, predicted, probability, None), 500).overall["ece"][0] == pytest.approx(by_table, abs=1e-12)


def test_bins_are_open_on_the_left():
    probability = np.array([[0.5, 0.5], [0.4, 0.6], [0.0, 1.0]])
    table = reliability_table(probability, probability.argmax(1), np.array([0, 1, 1]), 5)
    assert table["n"].tolist() == [0, 0, 2, 0, 1]


PERFECT = np.array([[0.9, 0.1], [0.2, 0.8]])
UNDEFINED = [
    # true, predicted, undefined measures and a word of their reasons
    ([0, 0], [0, 0], {"precision": "as b", "recall": "class b", "f1": "class b", "roc_auc": "class b", "mcc": "class b"}),
    (
        [1, 1],
        [1, 1],
        {"balanced_accuracy": "class a", "macro_f1": "class a", "average_precision": "class a", "roc_auc": "class a"},
    ),
    ([0, 1], [0, 0], {"precision": "as b", "mcc": "predicted as one class"}),
]


@pytest.mark.parametrize(("true", "predicted", "expected"), UNDEFINED)
def test_undefined_is_said_and_never_zero(true, predicted, expected):
    true, predicted = np.array(true), np.array(predicted)
    measured = one(Measurer(true, predicted, PERFECT[predicted], 1), 2)
    for name, word in expected.items():
        assert np.isnan(measured.overall[name][0]), name
        assert word in why_undefined(name, measured.counts[0], ("a", "b"), 1), name
    for name in ("accuracy", "weighted_f1", "brier", "ece"):
        assert not np.isnan(measured.overall[name][0]), name


def test_class_without_images_has_no_recall_and_no_mean():
    # scikit-learn would leave class 2 out of the balanced accuracy and give it F1 0; here both are undefined.
    true, predicted = np.array([0, 1, 0, 1]), np.array([0, 1, 2, 1])
    measured = one(Measurer(true, predicted, np.eye(3)[predicted], None), 4)
    assert np.isnan(measured.per_class["recall"][0, 2])
    assert np.isnan(measured.per_class["f1"][0, 2])
    assert measured.per_class["precision"][0, 2] == 0
    assert np.isnan(measured.overall["balanced_accuracy"][0])
    assert np.isnan(measured.overall["macro_f1"][0])
    assert measured.overall["weighted_f1"][0] == pytest.approx(sk.f1_score(true, predicted, average="weighted"))


def test_class_never_predicted_has_f1_zero_but_no_precision():
    true, predicted = np.array([0, 1, 2]), np.array([0, 1, 1])
    measured = one(Measurer(true, predicted, np.eye(3)[predicted], None), 3)
    assert measured.per_class["f1"][0, 2] == 0
    assert np.isnan(measured.per_class["precision"][0, 2])
    assert why_undefined("precision", measured.counts[0], "abc", None) == "no image was predicted as c"


@given(st.lists(st.floats(-2, 2), min_size=1, max_size=30))
def test_halves_make_the_value(values):
    values = np.array(values)
    high, low = exact_halves(values)
    np.testing.assert_allclose(high + low, values, rtol=0, atol=2.0**-52)


def test_sums_do_not_depend_on_the_order_of_rows():
    generator = np.random.default_rng(1)
    probability = generator.dirichlet(np.ones(2), size=999)
    true, order = generator.integers(2, size=999), generator.permutation(999)
    measured = one(Measurer(true, probability.argmax(1), probability, 1), 999).overall
    shuffled = one(Measurer(true[order], probability[order].argmax(1), probability[order], 1), 999).overall
    assert {k: v[0] for k, v in measured.items()} == {k: v[0] for k, v in shuffled.items()}


@settings(max_examples=50, deadline=None)
@given(sides())
def test_curves_pass_through_scikit_learns_points(side):
    true, _, probability, positive = side
    c = positive if positive is not None else 0
    ranking = Ranking.of(probability[:, c], true == c)
    hits, alarms = ranking.cumulative(np.ones((1, len(true))))
    false, rate, _ = sk.roc_curve(true == c, probability[:, c], drop_intermediate=False)
    np.testing.assert_allclose(np.append(0, alarms[0] / alarms[0, -1]), false, **CLOSE)
    np.testing.assert_allclose(np.append(0, hits[0] / hits[0, -1]), rate, **CLOSE)
    grid = np.linspace(0, 1, 7)
    assert roc_at(hits, alarms, grid)[0, -1] == 1
    precision, recall, _ = sk.precision_recall_curve(true == c, probability[:, c])
    for r, p in zip(grid[1:], precision_at(hits, alarms, grid[1:])[0], strict=True):
        reached = np.flatnonzero(recall >= r - 1e-9)[-1]
        assert p == pytest.approx(precision[reached], abs=1e-12)


def test_every_measure_is_defined_in_words():
    for positive in ("ALL", None):
        assert set(definitions(positive, 15)) == {*MEASURES, *CLASS_MEASURES}
