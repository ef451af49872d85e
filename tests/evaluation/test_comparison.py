"""Comparisons: the numbers of scikit-learn and of the runs' own metrics, mirrored exactly, honest under the null."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from comparable_runs import change_predictions, make_run
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from keras_leuk.errors import UsageError
from keras_leuk.evaluation.comparison import Settings, compare
from keras_leuk.evaluation.intervals import Units, draws, percentile_interval
from keras_leuk.evaluation.measures import MEASURES, Measurer
from keras_leuk.evaluation.metrics import evaluate_run
from keras_leuk.evaluation.paired_tests import MCNEMAR, bootstrap_p
from keras_leuk.evaluation.pairing import Entrant, entrants
from keras_leuk.evaluation.predictions import Meaning, Predictions
from keras_leuk.runs.folder import RunFolder

QUICK = Settings(resamples=200)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three runs of rising skill on 96 test images of 12 subjects."""
    folder = tmp_path_factory.mktemp("runs")
    return [make_run(folder / name, skill=0.4 + 0.8 * i, noise=i) for i, name in enumerate(("weak", "fair", "good"))]


def compared(runs, settings=QUICK):
    return compare(entrants([run.path for run in runs], settings.side), settings)


def test_values_and_differences_are_scikit_learns(runs):
    told = compared(runs)
    json.dumps(told, allow_nan=False)
    assert (told["n"], told["images"], told["subjects"], told["unit"]) == (96, 96, 12, "subject")
    expected = {}
    for entrant in entrants([run.path for run in runs]):
        rows = entrant.rows
        expected[entrant.name] = {
            "accuracy": sk.accuracy_score(rows["true"], rows["predicted"]),
            "roc_auc": sk.roc_auc_score(rows["true"] == "ALL", rows["probability_ALL"]),
        }
    for run in told["runs"]:
        for measure, value in expected[run["name"]].items():
            assert run["measures"][measure]["value"] == pytest.approx(value, abs=1e-12)
    assert [(pair["first"], pair["second"]) for pair in told["pairs"]] == [("weak", "fair"), ("weak", "good"), ("fair", "good")]
    for pair in told["pairs"]:
        for measure in ("accuracy", "roc_auc"):
            number = pair["measures"][measure]
            difference = expected[pair["second"]][measure] - expected[pair["first"]][measure]
            assert number["difference"] == pytest.approx(difference, abs=1e-12)
            assert number["low"] <= number["difference"] <= number["high"]
            assert 2 / 201 <= number["p"] <= number["p_holm"] <= 1


@pytest.mark.parametrize("side", ["test", "validation"])
def test_a_runs_own_interval_is_that_of_its_metrics(runs, side):
    """The same seed, number of resamples and side draw the same subjects, one run or many."""
    told = compared(runs, Settings(tuple(MEASURES), side=side, resamples=50))
    for run, found in zip(runs, told["runs"], strict=True):
        own = evaluate_run(run)[side]
        for measure in MEASURES:
            assert found["measures"][measure] == own[measure]


def test_mcnemar_counts_images(runs):
    told = compared(runs)
    first, second, _ = (e.rows["true"] == e.rows["predicted"] for e in entrants([run.path for run in runs]))
    table = pd.crosstab(first, second)
    mcnemar = told["pairs"][0]["mcnemar"]
    assert mcnemar["only_first_right"] == table.loc[True, False]
    assert mcnemar["only_second_right"] == table.loc[False, True]
    accuracy = told["pairs"][0]["measures"]["accuracy"]["difference"]
    assert (mcnemar["only_second_right"] - mcnemar["only_first_right"]) / told["n"] == pytest.approx(accuracy)


def flipped(number):
    return number | {"difference": -number["difference"], "low": -number["high"], "high": -number["low"]}


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), confidence=st.floats(0.5, 0.99), resamples=st.integers(2, 150))
def test_swapping_two_runs_changes_signs_and_nothing_else(runs, seed, confidence, resamples):
    chosen = Settings(tuple(MEASURES), seed=seed, confidence=confidence, resamples=resamples)
    there, back = compared(runs[:2], chosen)["pairs"][0], compared(runs[1::-1], chosen)["pairs"][0]
    for measure in MEASURES:
        assert back["measures"][measure] == flipped(there["measures"][measure]), measure
    for form in MCNEMAR:
        assert back["mcnemar"][form] == there["mcnemar"][form]
    assert back["mcnemar"]["only_first_right"] == there["mcnemar"]["only_second_right"]


def test_equal_predictions_differ_in_nothing(tmp_path):
    runs = [make_run(tmp_path / name, noise=3, subjects=20) for name in "ab"]
    (pair,) = compared(runs, Settings(tuple(MEASURES), resamples=100))["pairs"]
    for measure in MEASURES:
        expected = {"difference": 0.0, "low": 0.0, "high": 0.0, "p": 1.0, "p_holm": 1.0}
        assert {key: pair["measures"][measure][key] for key in expected} == expected
    for form in MCNEMAR:
        assert pair["mcnemar"][form]["p"] == pair["mcnemar"][form]["p_holm"] == 1.0


def test_holm_over_the_pairs_of_each_measure_and_form(runs):
    told = compared(runs)
    families = [[pair["measures"][measure] for pair in told["pairs"]] for measure in told["measures"]]
    families += [[pair["mcnemar"][form] for pair in told["pairs"]] for form in MCNEMAR]
    for family in families:
        least = min(number["p"] for number in family)
        assert min(number["p_holm"] for number in family) == pytest.approx(min(1, 3 * least))
        assert all(number["p_holm"] >= number["p"] for number in family)


def test_against_one_reference(runs):
    told = compared(runs, Settings(reference="good", resamples=200))
    assert [(pair["first"], pair["second"]) for pair in told["pairs"]] == [("good", "weak"), ("good", "fair")]
    assert told["comparisons"] == 2
    every = compared(runs)["pairs"]
    for pair, same in zip(told["pairs"], every[1:], strict=True):
        there = {k: v for k, v in pair["measures"]["accuracy"].items() if k != "p_holm"}
        back = {k: v for k, v in same["measures"]["accuracy"].items() if k != "p_holm"}
        assert there == flipped(back)
    with pytest.raises(UsageError, match="unknown reference 'goood'; did you mean 'good'"):
        compared(runs, Settings(reference="goood", resamples=10))


def test_order_of_rows_changes_nothing(runs, tmp_path):
    other = make_run(tmp_path / "fair", skill=1.2, noise=1)
    change_predictions(other, lambda table: table.sample(frac=1, random_state=0))
    (mine,), (theirs,) = (compared([runs[0], run])["pairs"] for run in (runs[1], other))
    assert mine == theirs


def test_no_subjects(tmp_path):
    runs = [make_run(tmp_path / name, noise=i, known=False, classes=("x", "y", "z")) for i, name in enumerate("ab")]
    told = compared(runs, Settings(("macro_f1", "roc_auc"), resamples=100))
    assert (told["unit"], told["subjects"]) == ("image", None)
    clustered = told["pairs"][0]["mcnemar"]["clustered"]
    assert clustered["p"] is clustered["p_holm"] is None
    assert clustered["reason"] == "one row a image: the exact form holds"


def test_cross_validations_pool_their_folds(tmp_path):
    runs = [make_run(tmp_path / f"cv{k}", noise=k, subjects=20, folds=k) for k in (4, 5)]
    told = compared(runs, Settings(resamples=100))
    assert (told["n"], told["subjects"]) == (160, 20)
    assert [run["folds"] for run in told["runs"]] == [list("0123"), list("01234")]
    # An image that several folds validate on has several rows, which are drawn together.
    same = [runs[0], make_run(tmp_path / "again", noise=9, subjects=20, folds=4, known=False)]
    change_predictions(same[0], lambda table: table.assign(subject=""))
    for run in same:
        change_predictions(run, lambda table: table.assign(split=table["split"].replace("train", "validation")))
    told = compared(same, Settings(resamples=100, side="validation"))
    assert (told["n"], told["images"], told["unit"]) == (480, 160, "image")
    assert told["pairs"][0]["mcnemar"]["clustered"]["p"] is not None


def test_undefined_is_null_with_a_reason(tmp_path):
    runs = [make_run(tmp_path / name, noise=i, subjects=20) for i, name in enumerate("ab")]
    for run in runs:
        change_predictions(run, lambda table: table[(table["split"] != "test") | (table["true"] == "ALL")])
    told = compared(runs, Settings(("roc_auc", "accuracy"), resamples=100))
    json.dumps(told, allow_nan=False)
    (pair,) = told["pairs"]
    empty = {"difference": None, "low": None, "high": None, "p": None, "p_holm": None}
    assert pair["measures"]["roc_auc"] == empty | {"reason": "no image of class HEM"}
    assert pair["measures"]["accuracy"]["difference"] is not None


def test_one_subject_has_a_difference_without_interval(tmp_path):
    runs = [make_run(tmp_path / name, noise=i, subjects=5) for i, name in enumerate("ab")]
    (pair,) = compared(runs, Settings(("accuracy",), resamples=100))["pairs"]
    number = pair["measures"]["accuracy"]
    assert number["difference"] is not None
    assert (number["low"], number["high"], number["p"], number["p_holm"]) == (None, None, None, None)
    assert number["reason"] == "only one subject on this side: nothing to resample"
    assert pair["mcnemar"]["clustered"]["reason"] == "only one subject on this side"


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({"measures": ("acuracy",)}, "did you mean 'accuracy'"),
        ({"measures": ()}, "no measure"),
        ({"resamples": 0}, "--resamples"),
        ({"seed": -1}, "--seed"),
        ({"confidence": 95}, "between 0 and 1, such as 0.95. Received: 95"),
    ],
)
def test_settings_out_of_range(given_, words):
    with pytest.raises(UsageError) as failure:
        Settings(**given_)
    assert words in str(failure.value)
    assert Settings(("mcc", "ece", "mcc")).measures == ("mcc", "ece")


def test_under_the_null_intervals_hold_zero_as_often_as_they_say():
    """Two equal models, each with an accuracy of its own for each subject: 95 % intervals hold 0 in about 95 %."""
    generator = np.random.default_rng(0)
    subjects, cells, simulations = 50, 5, 150
    n = subjects * cells
    units = Units("subject", tuple(map(str, range(subjects))), np.repeat(np.arange(subjects), cells))
    drawn = np.concatenate(list(draws(units, 200, 0, "test")))[:, units.of_row]
    held = below = 0
    for _ in range(simulations):
        right = [(generator.random((subjects, cells)) < generator.beta(4, 1, size=(subjects, 1))).ravel() for _ in range(2)]
        models = [Measurer(np.ones(n, int), r.astype(int), np.eye(2)[r.astype(int)], 1) for r in right]
        values = [model(drawn).overall["accuracy"] for model in models]
        interval = percentile_interval(values[1] - values[0], 0.95, units.kind, subjects)
        held += interval.low <= 0 <= interval.high
        below += bootstrap_p(values[1] - values[0]) < 0.05
    assert 0.88 <= held / simulations <= 0.99
    assert 0.015 <= below / simulations <= 0.10


def test_pairing_narrows_the_interval():
    """Models that err on the same subjects: the paired interval is narrower than two unpaired ones would make it."""
    generator = np.random.default_rng(0)
    subjects, cells = 40, 10
    whose = np.repeat(np.arange(subjects), cells)
    ease = generator.beta(2, 1, size=subjects)[whose]
    u = generator.random(len(whose))
    frames = [u < ease, u < np.minimum(ease + 0.03, 1)]
    found = [entrant(name, right, whose) for name, right in zip("ab", frames, strict=True)]
    told = compare(found, Settings(("accuracy",), resamples=500))
    width = {run["name"]: run["measures"]["accuracy"]["high"] - run["measures"]["accuracy"]["low"] for run in told["runs"]}
    paired = told["pairs"][0]["measures"]["accuracy"]
    assert paired["high"] - paired["low"] < 0.4 * np.hypot(width["a"], width["b"])
    assert paired["low"] > 0


def entrant(name, right, whose):
    """A made-up entrant without a folder, whose rows are all of class ALL."""
    p = np.where(right, 0.9, 0.1)
    rows = pd.DataFrame(
        {
            "image": [f"{i:04}" for i in range(len(right))],
            "subject": [f"S{w:02}" for w in whose],
            "fold": "",
            "split": "test",
            "true": "ALL",
            "predicted": np.where(right, "ALL", "HEM"),
            "probability_HEM": 1 - p,
            "probability_ALL": p,
        }
    )
    return Entrant(name, RunFolder(Path(name)), Predictions(rows, Meaning(("HEM", "ALL"), "ALL", 2)), rows)
