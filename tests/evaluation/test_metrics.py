"""metrics.json: complete, strict JSON, the same to the byte, and honest about what it cannot say."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn import metrics as sk

from keras_leuk.evaluation.bands import curves_of
from keras_leuk.evaluation.measures import CLASS_MEASURES, MEASURES
from keras_leuk.evaluation.metrics import evaluate, write_metrics
from keras_leuk.evaluation.predictions import write_predictions
from keras_leuk.runs.folder import RunFolder


def strict(value):
    return json.dumps(value, allow_nan=False)


def test_two_classes_with_subjects(make_frame, make_predictions):
    frame = make_frame(n=400)
    metrics = evaluate(make_predictions(frame))
    strict(metrics)
    assert metrics["interval"]["method"] == "percentile bootstrap over subjects"
    assert metrics["interval"]["unit"] == "subject"
    test = frame[frame["split"] == "test"]
    side = metrics["test"]
    assert (side["n"], side["images"], side["subjects"]) == (100, 100, 12)
    assert side["accuracy"]["value"] == sk.accuracy_score(test["true"], test["predicted"])
    for name in MEASURES:
        assert side[name]["low"] <= side[name]["high"], name
    for label in ("HEM", "ALL"):
        assert side["per_class"][label]["support"] == (test["true"] == label).sum()
        for name in CLASS_MEASURES:
            assert set(side["per_class"][label][name]) >= {"value", "low", "high"}
        numbers = side["per_class"][label]
        assert numbers["false_detection_rate"]["value"] == pytest.approx(1 - numbers["precision"]["value"])
        assert numbers["false_negative_rate"]["value"] == pytest.approx(1 - numbers["recall"]["value"])
    assert (
        side["confusion_matrix"]["counts"] == sk.confusion_matrix(test["true"], test["predicted"], labels=["HEM", "ALL"]).tolist()
    )
    by_subject = (test["true"] == test["predicted"]).groupby(test["subject"]).mean()
    assert {s: v["accuracy"] for s, v in side["per_subject"]["subjects"].items()} == by_subject.to_dict()
    mean = side["per_subject"]["mean"]
    assert mean["value"] == pytest.approx(by_subject.mean(), abs=1e-12)
    assert mean["low"] < mean["value"] < mean["high"]
    assert "folds" not in metrics


def test_more_classes_without_subjects(make_frame, make_predictions):
    classes = ("a", "b", "c", "d")
    metrics = evaluate(make_predictions(make_frame(classes=classes, subjects=0), classes))
    strict(metrics)
    assert metrics["positive"] is None
    assert metrics["interval"]["unit"] == "image"
    assert metrics["test"]["subjects"] is None
    assert metrics["test"]["per_subject"]["subjects"] is None
    assert metrics["test"]["per_subject"]["reason"] == "subjects are unknown"
    assert metrics["test"]["macro_f1"]["value"] == metrics["test"]["f1"]["value"]


def test_a_subject_missing_somewhere_is_no_subject_at_all(make_frame, make_predictions):
    frame = make_frame()
    frame.loc[frame.index[frame["split"] == "test"][0], "subject"] = None
    metrics = evaluate(make_predictions(frame))
    assert metrics["test"]["unit"] == "image"
    assert metrics["train"]["unit"] == "subject"
    assert metrics["test"]["per_subject"]["reason"] == "only 29 of 30 images name a subject"
    assert "where a side knows" in metrics["interval"]["unit"]


def test_the_same_to_the_byte(tmp_path, make_frame):
    folder = RunFolder(tmp_path)
    write_predictions(folder.predictions, make_frame())
    folder.meaning.write_text(
        json.dumps({"schema": 1, "classes": ["HEM", "ALL"], "positive": "ALL", "interval": {"resamples": 100}})
    )
    first = write_metrics(folder)
    written = folder.metrics.read_bytes()
    assert json.loads(written) == first
    write_metrics(folder)
    assert folder.metrics.read_bytes() == written


def test_order_of_rows_changes_nothing(make_frame, make_predictions):
    frame = make_frame()
    shuffled = frame.sample(frac=1, random_state=0)
    mine, theirs = evaluate(make_predictions(frame)), evaluate(make_predictions(shuffled))
    assert mine["test"]["roc_auc"] == theirs["test"]["roc_auc"]
    assert mine["test"]["ece"] == theirs["test"]["ece"]


def test_a_side_without_rows_says_so(make_frame, make_predictions):
    frame = make_frame()
    metrics = evaluate(make_predictions(frame[frame["split"] != "validation"]))
    assert metrics["validation"] == {"n": 0, "reason": "the run has no validation images"}


def test_one_subject_has_values_but_no_interval(make_frame, make_predictions):
    metrics = evaluate(make_predictions(make_frame(subjects=1)))
    number = metrics["test"]["accuracy"]
    assert number["value"] is not None
    assert (number["low"], number["high"]) == (None, None)
    assert number["reason"].startswith("only one subject")


def test_one_class_on_a_side(make_frame, make_predictions):
    frame = make_frame()
    frame = frame[(frame["split"] != "test") | (frame["true"] == "HEM")]
    metrics = evaluate(make_predictions(frame))
    strict(metrics)
    assert metrics["test"]["roc_auc"] == {"value": None, "low": None, "high": None, "reason": "no image of class ALL"}
    assert metrics["test"]["accuracy"]["value"] is not None
    assert curves_of(make_predictions(frame), "test") == []


def test_resamples_that_miss_a_class_are_counted(make_frame, make_predictions):
    frame = make_frame(n=200, subjects=6)
    test = frame["split"] == "test"
    frame = frame[~test | (frame["true"] == "HEM") | (frame["subject"] == "S1")]
    left_out = evaluate(make_predictions(frame, resamples=400))["test"]["roc_auc"]["left_out"]
    # S1 is not drawn in (5/6)^6 = 33 % of the resamples.
    assert 0.2 < left_out / 400 < 0.5


def test_cross_validation(make_frame, make_predictions):
    frame = make_frame(n=200, folds=4)
    predictions = make_predictions(frame)
    metrics = evaluate(predictions)
    strict(metrics)
    assert list(metrics["folds"]) == ["1", "2", "3", "4"]
    assert metrics["test"]["n"] == metrics["test"]["images"] == 200
    assert (metrics["train"]["n"], metrics["train"]["images"]) == (400, 200)
    assert metrics["train"]["subjects"] == 12
    accuracies = []
    for fold, rows in frame[frame["split"] == "test"].groupby("fold"):
        accuracies.append(sk.accuracy_score(rows["true"], rows["predicted"]))
        assert metrics["folds"][fold]["accuracy"]["value"] == pytest.approx(accuracies[-1])
        assert metrics["folds"][fold]["n"] == len(rows)
    across = metrics["across_folds"]["test"]["accuracy"]
    assert across["mean"] == pytest.approx(np.mean(accuracies))
    assert across["sd"] == pytest.approx(np.std(accuracies, ddof=1))
    assert across["folds"] == 4


def test_curves_and_bands(make_frame, make_predictions):
    predictions = make_predictions(make_frame(n=600))
    (curves,) = curves_of(predictions, "test")
    metrics = evaluate(predictions)["test"]
    assert curves.label == "ALL"
    assert curves.area == metrics["roc_auc"]["value"]
    assert curves.average == metrics["average_precision"]["value"]
    assert curves.roc.iloc[[0, -1], :2].to_numpy().tolist() == [[0, 0], [1, 1]]
    assert curves.precision_recall["recall"].iloc[-1] == 1
    for band, curve in ((curves.roc_band, curves.roc), (curves.precision_band, curves.precision_recall)):
        assert (band["low"] <= band["high"]).all()
        x, y = curve.iloc[:, 0].to_numpy(), curve.iloc[:, 1].to_numpy()
        inside = [(band["low"][i] - 0.02 <= np.interp(at, x, y) <= band["high"][i] + 0.02) for i, at in enumerate(band["at"])]
        assert np.mean(inside) > 0.9


def test_curves_one_against_the_rest(make_frame, make_predictions):
    classes = ("a", "b", "c")
    curves = curves_of(make_predictions(make_frame(classes=classes), classes), "test")
    assert [c.label for c in curves] == list(classes)
    assert all(c.roc_band is None for c in curves)
