"""Published measures: equal to metrics.json where it has them, to scikit-learn where it has not; several runs together."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from keras_leuk.errors import RunError, UsageError
from keras_leuk.evaluation import published_sides
from keras_leuk.evaluation.intervals import draws, units_of
from keras_leuk.evaluation.metrics import evaluate_run, measurer_of, write_metrics
from keras_leuk.evaluation.predictions import write_predictions
from keras_leuk.evaluation.published import Asked, Reader
from keras_leuk.evaluation.published_sides import Draws
from keras_leuk.evaluation.reading import read_predictions
from keras_leuk.runs.folder import RunFolder

TWO, THREE = ("HEM", "ALL"), ("a", "b", "c")
PLAIN = ("accuracy", "balanced_accuracy", "loss", "roc_auc")
OF_CLASSES = ("precision", "recall", "f1", "false_detection_rate", "false_negative_rate")
KINDS = [(measure, None) for measure in PLAIN] + [
    (measure, average) for measure in OF_CLASSES for average in ("macro", "positive", "micro", "weighted", "units", "class", None)
]


def write_run(path, frame, classes=TWO, *, activation="softmax", resamples=150, seed=0):
    """A finished run folder of these predictions."""
    path.mkdir(parents=True, exist_ok=True)
    run = RunFolder(path)
    write_predictions(run.predictions, frame)
    meaning = {
        "schema": 1,
        "classes": list(classes),
        "positive": classes[-1] if len(classes) == 2 else None,
        "outputs": {"activation": activation, "units": sum(column.startswith("output_") for column in frame)},
        "interval": {"resamples": resamples, "confidence": 0.95, "seed": seed},
    }
    run.meaning.write_text(json.dumps(meaning))
    write_metrics(run)
    run.finish({"schema": 1, "epochs": 5})
    return path


def asked(measure, average=None, label=None, side="test"):
    return Asked(measure, average, label, side)


def of_test(frame):
    rows = frame[frame["split"] == "test"]
    return rows["true"], rows["predicted"]


def sigmoids(chances, true, classes=TWO):
    """A frame of test images with a sigmoid per class, (n, k); probabilities are the outputs over their sum."""
    chances = np.asarray(chances, dtype=np.float32)
    probability = chances / chances.sum(axis=1, keepdims=True)
    return pd.DataFrame(
        {
            "image": [f"{i}.png" for i in range(len(chances))],
            "subject": [f"S{i % 4}" for i in range(len(chances))],
            "fold": None,
            "split": "test",
            "true": [classes[i] for i in true],
            "predicted": [classes[i] for i in probability.argmax(axis=1)],
            **{f"output_{c}": chances[:, c] for c in range(len(classes))},
            **{f"probability_{name}": probability[:, c] for c, name in enumerate(classes)},
        }
    )


@pytest.mark.parametrize("settings_", [{}, {"classes": THREE, "subjects": 0}, {"folds": 4}], ids=["two", "three", "folds"])
def test_one_run_is_what_metrics_json_says_whether_it_is_there_or_not(tmp_path, make_frame, settings_):
    classes = settings_.get("classes", TWO)
    folder = write_run(tmp_path / "run", make_frame(n=240, **settings_), classes)
    metrics = evaluate_run(RunFolder(folder))["test"]
    bare = tmp_path / "bare"
    shutil.copytree(folder, bare)
    RunFolder(bare).metrics.unlink()
    reader = Reader()
    label = classes[0]
    for measure, average in KINDS:
        wanted = asked(measure, average, label)
        told, computed = reader.read([folder], wanted), reader.read([bare], wanted)
        assert told == computed, (measure, average)
        assert (told.n, told.subjects, told.unit) == (metrics["n"], metrics["subjects"], metrics["unit"])
        assert (told.runs, told.sd) == (1, None)
    expected = {
        ("accuracy", None): metrics["accuracy"],
        ("roc_auc", None): metrics["roc_auc"],
        ("f1", "macro"): metrics["macro_f1"],
        ("f1", "weighted"): metrics["weighted_f1"],
        ("recall", "macro"): metrics["balanced_accuracy"],
        **{(measure, "positive"): metrics[measure] for measure in ("precision", "recall", "f1")},
        **{(measure, "class"): metrics["per_class"][label][measure] for measure in OF_CLASSES},
    }
    for (measure, average), number in expected.items():
        found = reader.read([bare], asked(measure, average, label))
        assert (found.value, found.low, found.high) == (number["value"], number["low"], number["high"]), (measure, average)


@pytest.mark.parametrize(("classes", "seed"), [(TWO, 0), (THREE, 1), (("a", "b", "c", "d", "e"), 2)])
def test_as_scikit_learn_counts(tmp_path, make_frame, classes, seed):
    frame = make_frame(n=400, classes=classes, seed=seed, skill=0.8)
    reader, folder = Reader(), write_run(tmp_path, frame, classes)
    true, predicted = of_test(frame)

    def value(measure, average, label=None):
        return reader.read([folder], asked(measure, average, label)).value

    for average in ("macro", "micro", "weighted"):
        reference = sk.precision_recall_fscore_support(true, predicted, average=average)[:3]
        found = [value(measure, average) for measure in ("precision", "recall", "f1")]
        assert found == pytest.approx(reference, abs=1e-12), average
        assert value("false_detection_rate", average) == pytest.approx(1 - reference[0], abs=1e-12)
        assert value("false_negative_rate", average) == pytest.approx(1 - reference[1], abs=1e-12)
    by_class = sk.precision_recall_fscore_support(true, predicted, labels=list(classes))
    for measure, numbers in zip(("precision", "recall", "f1"), by_class[:3], strict=True):
        assert [value(measure, "class", label) for label in classes] == pytest.approx(numbers, abs=1e-12)
    chances = frame.loc[frame["split"] == "test", [f"probability_{name}" for name in classes]].to_numpy(np.float64)
    own = chances[np.arange(len(true)), [classes.index(name) for name in true]]
    assert value("loss", None) == pytest.approx(-np.log(own).mean(), abs=1e-6)
    ordered = (chances / chances.sum(axis=1, keepdims=True))[:, [classes.index(name) for name in sorted(classes)]]
    assert value("loss", None) == pytest.approx(sk.log_loss(true, ordered, labels=sorted(classes)), abs=1e-6)
    assert value("balanced_accuracy", None) == pytest.approx(sk.balanced_accuracy_score(true, predicted), abs=1e-12)
    names, counts = reader.confusion(folder, "test")
    assert names == classes
    assert counts.tolist() == sk.confusion_matrix(true, predicted, labels=list(classes)).tolist()


def test_a_loss_is_clipped(tmp_path):
    frame = sigmoids([[1.0, 0.0], [0.25, 0.75]], [1, 1])
    found = Reader().read([write_run(tmp_path, frame)], asked("loss"))
    assert found.value == pytest.approx((-np.log(1e-15) - np.log(0.75)) / 2, abs=1e-12)


def test_units_of_a_sigmoid_per_class(tmp_path):
    #           both units yes, right one yes, wrong one yes, none; a unit at 0.5 says no
    frame = sigmoids([[0.9, 0.8], [0.1, 0.7], [0.6, 0.2], [0.3, 0.4], [0.5, 0.51]], [1, 1, 1, 0, 0])
    reader, folder = Reader(), write_run(tmp_path, frame, activation="sigmoid")
    # TP: images 0 and 1; FP: images 0, 2 and 4; FN: images 2, 3 and 4; TN: images 1 and 3.
    assert reader.units(folder, "test") == ((2, 3, 3, 2), None)
    values = {measure: reader.read([folder], asked(measure, "units")) for measure in OF_CLASSES}
    assert {measure: found.value for measure, found in values.items()} == pytest.approx(
        {
            "precision": 2 / 5,
            "recall": 2 / 5,
            "f1": 4 / 10,
            "false_detection_rate": 3 / 5,
            "false_negative_rate": 3 / 5,
        }
    )
    assert all(0 <= found.low <= found.high <= 1 and found.reason is None for found in values.values())
    # Accuracy stays that of the class with the largest probability.
    assert reader.read([folder], asked("accuracy", "units")).value == 1 / 5


def test_units_as_counted_over_flattened_outputs(tmp_path):
    generator = np.random.default_rng(3)
    chances, true = generator.uniform(size=(200, 3)), generator.integers(3, size=200)
    reader, folder = Reader(), write_run(tmp_path, sigmoids(chances, true, THREE), THREE, activation="sigmoid")
    wanted, said = np.eye(3, dtype=bool)[true].ravel(), (chances.astype(np.float32) > 0.5).ravel()
    reference = sk.precision_recall_fscore_support(wanted, said, average="binary")[:3]
    found = [reader.read([folder], asked(measure, "units")).value for measure in ("precision", "recall", "f1")]
    assert found == pytest.approx(reference, abs=1e-12)
    (tn, fp), (fn, tp) = sk.confusion_matrix(wanted, said)
    assert reader.units(folder, "test") == ((tp, fp, fn, tn), None)


def test_units_of_one_sigmoid_are_the_positive_class(tmp_path):
    frame = sigmoids([[0.3, 0.7], [0.6, 0.4], [0.2, 0.8], [0.9, 0.1]], [1, 1, 0, 0]).drop(columns="output_1")
    frame["output_0"] = frame["probability_ALL"]
    reader, folder = Reader(), write_run(tmp_path, frame, activation="sigmoid")
    assert reader.units(folder, "test")[0] == (1, 1, 1, 1)
    found = reader.read([folder], asked("precision", "units"))
    assert found.value == reader.read([folder], asked("precision", "positive")).value == 0.5
    assert found.reason == "there is one output unit, that of ALL: one decision an image"


def test_units_of_a_softmax(tmp_path):
    chances = np.array([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25], [0.1, 0.6, 0.3]])
    reader, folder = Reader(), write_run(tmp_path, sigmoids(chances, [0, 0, 2], THREE), THREE)
    assert reader.units(folder, "test")[0] == (1, 1, 2, 5)
    assert reader.read([folder], asked("recall", "units")).reason == (
        "the outputs are a softmax: at most one unit of an image is above 0.5"
    )


def test_no_unit_above_a_half_has_no_precision(tmp_path):
    reader, folder = Reader(), write_run(tmp_path, sigmoids([[0.2, 0.1], [0.1, 0.3]], [0, 1]), activation="sigmoid")
    found = reader.read([folder], asked("precision", "units"))
    assert (found.value, found.low, found.high, found.n, found.reason) == (None, None, None, 2, "no output unit is above 0.5")
    assert reader.read([folder], asked("recall", "units")).value == 0


def test_a_class_that_is_never_predicted(tmp_path):
    frame = sigmoids([[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.1, 0.2, 0.9], [0.7, 0.1, 0.2]], [0, 1, 2, 0], THREE)
    reader, folder = Reader(), write_run(tmp_path, frame, THREE)
    for average in ("macro", "weighted"):
        found = reader.read([folder], asked("precision", average))
        assert (found.value, found.reason) == (None, "no image was predicted as b")
    assert reader.read([folder], asked("false_detection_rate", "class", "b")).reason == "no image was predicted as b"
    assert reader.read([folder], asked("f1", "class", "b")).value == 0
    assert reader.read([folder], asked("recall", "macro")).value == pytest.approx(2 / 3)


def test_a_class_without_images_has_no_weight(tmp_path):
    frame = sigmoids([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.9, 0.2, 0.1]], [0, 1, 1], THREE)
    reader, folder = Reader(), write_run(tmp_path, frame, THREE)
    assert reader.read([folder], asked("precision", "weighted")).value == pytest.approx((1 * 0.5 + 2 * 1.0) / 3)
    assert reader.read([folder], asked("recall", "macro")).reason == "no image of class c"
    assert reader.read([folder], asked("false_negative_rate", "class", "c")).reason == "no image of class c"


def test_more_than_two_classes_have_no_positive_one(tmp_path, make_frame):
    reader, folder = Reader(), write_run(tmp_path, make_frame(classes=THREE), THREE)
    positive, macro = (reader.read([folder], asked("f1", average)) for average in ("positive", "macro"))
    assert (positive.value, positive.low, positive.high) == (macro.value, macro.low, macro.high)
    assert positive.reason == "none of 3 classes is the positive one: mean over all classes (macro)"
    assert macro.reason is None


@pytest.mark.parametrize(
    ("measure", "average"), [("accuracy", None), ("f1", "macro"), ("precision", "positive"), ("roc_auc", None)]
)
def test_runs_of_the_same_people_are_resampled_together(tmp_path, make_frame, measure, average):
    frames = [make_frame(n=300)] + [_other_model(make_frame(n=300), seed) for seed in (1, 2)]
    folders = [write_run(tmp_path / str(i), frame, seed=i + 4, resamples=120) for i, frame in enumerate(frames)]
    found = Reader().read(folders, asked(measure, average))
    name = {"f1": "macro_f1"}.get(measure, measure)
    points, resampled = [], []
    for folder in folders:
        predictions = read_predictions(RunFolder(folder))
        rows = predictions.side("test")
        units, measurer = units_of(rows), measurer_of(predictions, rows)
        points.append(measurer(np.ones((1, len(rows)))).overall[name][0])
        # The smallest of the three seeds, for all.
        drawn = np.concatenate(list(draws(units, 120, 4, "test")))
        resampled.append(measurer(drawn[:, units.of_row]).overall[name])
    assert found.value == pytest.approx(np.mean(points), abs=1e-12)
    assert found.sd == pytest.approx(np.std(points, ddof=1), abs=1e-12)
    assert (found.low, found.high) == pytest.approx(np.quantile(np.mean(resampled, axis=0), [0.025, 0.975]), abs=1e-12)
    assert (found.runs, found.n, found.subjects, found.unit, found.reason) == (3, 75, 12, "subject", None)


def _other_model(frame, seed, classes=TWO):
    """The same images, judged by another network."""
    generator = np.random.default_rng([9, seed])
    columns = [f"probability_{name}" for name in classes]
    chances = frame[columns].to_numpy() * np.exp(generator.normal(scale=1.5, size=(len(frame), len(classes))))
    chances = (chances / chances.sum(axis=1, keepdims=True)).astype(np.float32)
    return frame.assign(
        predicted=np.array(classes, dtype=object)[chances.argmax(axis=1)],
        **{column: chances[:, c] for c, column in enumerate(columns)},
    )


def test_runs_that_judge_other_people_have_independent_means(tmp_path, make_frame):
    frame = make_frame(n=400, subjects=40)
    whose = frame["subject"].str[1:].astype(int)
    folders = []
    for i, test in enumerate((whose < 15, whose >= 25)):
        folders.append(write_run(tmp_path / str(i), frame.assign(split=np.where(test, "test", "train")), resamples=2000))
    reader = Reader()
    found, alone = reader.read(folders, asked("accuracy")), [reader.read([folder], asked("accuracy")) for folder in folders]
    assert found.subjects == 15
    assert found.n == min(one.n for one in alone)
    assert found.value == pytest.approx(np.mean([one.value for one in alone]))
    low, high = sorted(one.n for one in alone)
    assert found.reason == f"the runs do not judge the same subjects; {low} to {high} images a run"
    # Two independent means: their variances add, whatever their seeds.
    widths = [one.high - one.low for one in alone]
    assert found.high - found.low == pytest.approx(np.hypot(*widths) / 2, rel=0.15)


def test_people_whom_several_splits_judge_are_drawn_for_all_of_them(tmp_path, make_frame):
    frame = make_frame(n=400, subjects=40)
    fewer = frame.assign(split=np.where(frame["subject"] == frame["subject"].iloc[0], "train", frame["split"]))
    folders = [write_run(tmp_path / str(i), table, resamples=2000) for i, table in enumerate((frame, fewer))]
    reader = Reader()
    found, alone = reader.read(folders, asked("accuracy")), reader.read(folders[:1], asked("accuracy"))
    # One subject of difference must not make two runs look like twice the evidence, narrower by a root of two.
    assert found.high - found.low == pytest.approx(alone.high - alone.low, rel=0.15)


def test_one_run_without_a_value_leaves_none(tmp_path, make_frame):
    frame = make_frame()
    never = frame.assign(predicted="HEM", probability_HEM=np.float32(0.75), probability_ALL=np.float32(0.25))
    folders = [write_run(tmp_path / "a", frame), write_run(tmp_path / "b", never)]
    found = Reader().read(folders, asked("precision", "positive"))
    assert (found.value, found.sd, found.runs, found.reason) == (None, None, 2, "no image was predicted as ALL in 1 of 2 runs")
    assert Reader().read(folders, asked("recall", "positive")).value is not None


def test_one_subject_has_a_value_and_no_interval(tmp_path, make_frame):
    folders = [write_run(tmp_path / str(i), make_frame(subjects=1)) for i in range(2)]
    found = Reader().read(folders, asked("accuracy"))
    assert (found.low, found.high, found.subjects) == (None, None, 1)
    assert found.reason == "only one subject on this side: nothing to resample"
    assert found.sd == 0


def test_a_side_without_images(tmp_path, make_frame):
    frame = make_frame()
    reader = Reader()
    folders = [write_run(tmp_path / "a", frame), write_run(tmp_path / "b", frame[frame["split"] != "validation"])]
    found = reader.read(folders, asked("accuracy", side="validation"))
    assert (found.value, found.n, found.runs, found.reason) == (None, 0, 2, "no validation images in 1 of 2 runs")
    assert reader.read(folders[1:], asked("accuracy", side="validation")).reason == "no validation images"
    assert reader.units(folders[1], "validation") == (None, "the run has no validation images")
    with pytest.raises(RunError, match="has no validation images"):
        reader.confusion(folders[1], "validation")
    assert reader.read(folders, asked("accuracy", side="none")).reason == "it was measured on no side"
    assert reader.read([], asked("accuracy")).reason == "there is no run"


def test_what_is_asked_must_be_known():
    with pytest.raises(UsageError, match="unknown measure 'recal'; did you mean 'recall'"):
        asked("recal")
    with pytest.raises(UsageError, match="unknown average 'makro'; did you mean 'macro'"):
        asked("recall", "makro")
    with pytest.raises(UsageError, match="unknown side 'tests'; did you mean 'test'"):
        asked("recall", side="tests")
    with pytest.raises(UsageError, match="the class is not named"):
        asked("recall", "class")


def test_what_is_wrong_with_the_runs_is_said(tmp_path, make_frame):
    reader = Reader()
    two = write_run(tmp_path / "two", make_frame())
    three = write_run(tmp_path / "three", make_frame(classes=THREE), THREE)
    found = reader.read([two], asked("f1", "class", "AML"))
    assert (found.value, found.n) == (None, 30)
    assert found.reason.startswith("no class 'AML'; did you mean 'ALL'?")
    with pytest.raises(RunError, match="a mean over them means nothing"):
        reader.read([two, three], asked("accuracy"))
    with pytest.raises(UsageError, match="not found"):
        reader.read([tmp_path / "four"], asked("accuracy"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match="not a run folder"):
        reader.read([tmp_path / "empty"], asked("accuracy"))


def test_kept_draws_are_those_of_intervals(monkeypatch):
    units = units_of(pd.DataFrame({"subject": list("abcdab"), "image": list("uvwxyz")}))
    wanted = np.concatenate(list(draws(units, 50, 3, "test")))
    for kept in (published_sides.KEPT, 0):
        monkeypatch.setattr(published_sides, "KEPT", kept)
        cache = Draws()
        for chunk in (1, 40, 10_000):
            np.testing.assert_array_equal(np.concatenate(list(cache.of(units, 50, 3, "test", chunk))), wanted)


def test_draws_that_are_too_many_make_room(monkeypatch):
    monkeypatch.setattr(published_sides, "KEPT", 250)
    units, cache = units_of(pd.DataFrame({"subject": list("abcd"), "image": list("uvwx")})), Draws()
    for seed in (1, 2, 1):
        found = np.concatenate(list(cache.of(units, 50, seed, "test")))
        np.testing.assert_array_equal(found, np.concatenate(list(draws(units, 50, seed, "test"))))
    assert sum(kept.size for kept in cache._kept.values()) <= 250


ANY = st.sampled_from(KINDS)


@st.composite
def frames(draw):
    """Small sides of two or three classes, some with subjects, whose classes may be absent or never predicted."""
    k = draw(st.integers(2, 3))
    n = draw(st.integers(2, 12))
    classes = (TWO, THREE)[k - 2]
    chance = st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.625, 0.75, 1.0])
    outputs = draw(st.lists(st.lists(chance, min_size=k, max_size=k).filter(any), min_size=n, max_size=n))
    frame = sigmoids(outputs, draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n)), classes)
    return frame if draw(st.booleans()) else frame.assign(subject=None), classes


@given(frames(), st.integers(0, 2**32), ANY, st.integers(2, 7))
@settings(max_examples=30, deadline=None)
def test_equal_runs_are_as_one_and_rows_have_no_order(made, seed, kind, copies):
    frame, classes = made
    with tempfile.TemporaryDirectory() as place:
        folder = write_run(Path(place) / "run", frame, classes, activation="sigmoid", resamples=40, seed=seed)
        shuffled = write_run(
            Path(place) / "other", frame.sample(frac=1, random_state=1), classes, activation="sigmoid", resamples=40, seed=seed
        )
        reader, wanted = Reader(), asked(*kind, classes[0])
        one, many = reader.read([folder], wanted), reader.read([folder, shuffled] * copies, wanted)
        RunFolder(folder).metrics.unlink()
        assert Reader().read([folder], wanted) == one
    if one.value is None:
        assert many.value is None
        assert one.reason in many.reason
        return
    assert (many.value, many.low, many.high) == (one.value, one.low, one.high)
    assert (many.n, many.subjects, many.unit, many.runs, many.sd) == (one.n, one.subjects, one.unit, 2 * copies, 0)
    largest = -np.log(1e-15) if kind[0] == "loss" else 1
    assert 0 <= one.value <= largest
    if one.low is not None:
        assert 0 <= one.low <= one.high <= largest


@given(st.permutations(range(4)), ANY)
@settings(max_examples=25, deadline=None)
def test_runs_have_no_order(four_runs, order, kind):
    wanted = asked(*kind, "ALL")
    assert Reader().read([four_runs[i] for i in order], wanted) == Reader().read(four_runs, wanted)


@pytest.fixture(scope="module")
def four_runs(tmp_path_factory):
    """Runs of two splits and of several seeds."""
    place, generator = tmp_path_factory.mktemp("four"), np.random.default_rng(5)
    found = []
    for i in range(4):
        frame = sigmoids(generator.uniform(size=(24, 2)), generator.integers(2, size=24))
        if i == 3:
            frame["subject"] = [f"T{j % 6}" for j in range(24)]
        found.append(write_run(place / str(i), frame, activation="sigmoid", resamples=30, seed=i))
    return found
