"""predictions.csv and predictions.json: what is written is what is read, and what is wrong is refused in one line."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from keras_leuk.errors import RunError
from keras_leuk.evaluation.predictions import DECISION, most_confident_mistakes, write_predictions
from keras_leuk.evaluation.reading import parse_meaning, read_predictions
from keras_leuk.runs.folder import RunFolder


def meaning(classes=("HEM", "ALL"), **changes):
    return {
        "schema": 1,
        "classes": list(classes),
        "positive": classes[-1] if len(classes) == 2 else None,
        "outputs": {"activation": "softmax", "units": len(classes), "to_probability": "softmax"},
        "decision": DECISION,
        "split": {"strategy": "subject", "seed": 0, "description": "by subject"},
        "selection": "validation",
        "interval": {"resamples": 100, "confidence": 0.95, "seed": 0},
        "calibration_bins": 15,
        "data": "made up",
        "model": "none",
        "warnings": [],
        **changes,
    }


@pytest.fixture
def folder(tmp_path, make_frame):
    folder = RunFolder(tmp_path)
    write_predictions(folder.predictions, make_frame())
    folder.meaning.write_text(json.dumps(meaning()))
    return folder


def rewrite(folder, change):
    table = pd.read_csv(folder.predictions, dtype=str, keep_default_na=False)
    change(table).to_csv(folder.predictions, index=False)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_numbers_come_back_exactly(tmp_path, make_frame, kind):
    frame = make_frame(n=500)
    numbers = [c for c in frame.columns if c.startswith(("output", "probability"))]
    frame[numbers] = frame[numbers].astype(kind)
    frame.loc[0, "output_0"] = kind(1e-30) / kind(3)
    frame.loc[1, "output_0"] = kind(-1e20) / kind(3)
    folder = RunFolder(tmp_path)
    write_predictions(folder.predictions, frame)
    folder.meaning.write_text(json.dumps(meaning()))
    table = read_predictions(folder).table
    for column in numbers:
        np.testing.assert_array_equal(table[column].to_numpy().astype(kind), frame[column].to_numpy())
    assert table["subject"].tolist() == frame["subject"].tolist()
    assert list(table.columns) == list(frame.columns)


def test_float32_is_written_short(tmp_path, make_frame):
    frame = make_frame(n=4)
    frame["probability_ALL"] = np.float32(0.1)
    write_predictions(tmp_path / "p.csv", frame)
    assert (tmp_path / "p.csv").read_text().splitlines()[1].endswith(",0.1")


def test_writing_is_deterministic_and_atomic(tmp_path, make_frame):
    write_predictions(tmp_path / "a.csv", make_frame())
    write_predictions(tmp_path / "b.csv", make_frame()[sorted(make_frame().columns, key=lambda c: not c.startswith("prob"))])
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    bad = make_frame()
    bad.loc[3, "output_1"] = np.nan
    with pytest.raises(RunError, match="output_1 is not a finite number in 1 of 120"):
        write_predictions(tmp_path / "a.csv", bad)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "b.csv"]


def test_writing_refuses_other_columns(tmp_path, make_frame):
    with pytest.raises(RunError, match="missing: true; unknown: none"):
        write_predictions(tmp_path / "p.csv", make_frame().drop(columns="true"))
    with pytest.raises(RunError, match="unknown: colour"):
        write_predictions(tmp_path / "p.csv", make_frame().assign(colour="red"))


def test_names_that_look_like_nothing(tmp_path, make_frame):
    classes = ("NA", "null")
    frame = make_frame(classes=classes)
    frame["subject"] = ["NA", "nan", "007", 'a "quoted", one'] * 30
    folder = RunFolder(tmp_path)
    write_predictions(folder.predictions, frame)
    folder.meaning.write_text(json.dumps(meaning(classes)))
    table = read_predictions(folder).table
    assert set(table["true"]) == {"NA", "null"}
    assert table["subject"].tolist() == frame["subject"].tolist()
    assert set(table["fold"]) == {""}


WRONG = [
    (lambda t: t.drop(columns="probability_ALL"), r"lacks the column probability_ALL"),
    (lambda t: t.iloc[:0], "holds no predictions"),
    (
        lambda t: t.assign(true=["all"] + ["HEM"] * 119),
        r"line 2: true 'all' is unknown; did you mean 'ALL'\? \(valid: HEM, ALL\)",
    ),
    (lambda t: t.assign(split=["train"] * 119 + ["tests"]), r"line 121: split 'tests' is unknown; did you mean 'test'"),
    (lambda t: t.assign(output_0=["inf"] + ["1"] * 119), r"line 2: output_0 is not a finite number. Received: 'inf'"),
    (lambda t: t.assign(output_0=["1", "one"] + ["1"] * 118), r"line 3: output_0 is not a finite number. Received: 'one'"),
    (lambda t: t.assign(probability_ALL="1.5"), r"line 2: probability_ALL is outside \[0, 1\]. Received: 1.5"),
    (lambda t: t.assign(probability_ALL="0.3", probability_HEM="0.6"), r"line 2: the probabilities sum to 0.9, not to 1"),
    (
        lambda t: t.assign(probability_ALL="0.5", probability_HEM="0.5", predicted="ALL"),
        "predicted is 'ALL', but the largest .* 'HEM'",
    ),
    (lambda t: t.assign(image="one.bmp"), r"line 3: the image is listed twice. Received: one.bmp"),
    (lambda t: t.assign(fold=["1"] * 119 + [""]), r"line 121: a row without a fold"),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_a_broken_table_is_refused_in_one_line(folder, change, message):
    rewrite(folder, change)
    with pytest.raises(RunError, match=message) as error:
        read_predictions(folder)
    assert "\n" not in str(error.value)


def test_missing_or_garbled_files(folder):
    folder.predictions.write_bytes(b'image,subject\n"a\n')
    with pytest.raises(RunError, match=r"predictions.csv"):
        read_predictions(folder)
    folder.predictions.unlink()
    with pytest.raises(RunError, match=r"has no predictions.csv"):
        read_predictions(folder)
    folder.meaning.unlink()
    with pytest.raises(RunError, match=r"has no predictions.json"):
        read_predictions(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 2}, "schema 2"),
        ({"classes": ["ALL"]}, "two or more different names"),
        ({"positive": None}, "positive must be one of two classes"),
        ({"positive": "AML"}, "positive must be one of two classes"),
        ({"selection": "tests"}, "did you mean 'test'"),
        ({"interval": {"resamples": 0}}, "out of range"),
        ({"interval": {"confidence": "high"}}, "could not convert"),
        ({"split": "subject"}, "split is not an object"),
    ],
)
def test_a_broken_meaning_is_refused(changes, message):
    with pytest.raises(RunError, match=message):
        parse_meaning(meaning(**changes))


def test_most_confident_mistakes(make_frame, make_predictions):
    frame = make_frame(n=200)
    mistakes = most_confident_mistakes(make_predictions(frame), "test", 5)
    test = frame[frame["split"] == "test"]
    wrong = test[test["true"] != test["predicted"]]
    best = wrong[["probability_HEM", "probability_ALL"]].max(axis=1).sort_values(ascending=False)
    assert mistakes["image"].tolist() == wrong.loc[best.index[:5], "image"].tolist()
    assert mistakes["confidence"].is_monotonic_decreasing
    shuffled = most_confident_mistakes(make_predictions(frame.sample(frac=1, random_state=1)), "test", 5)
    pd.testing.assert_frame_equal(mistakes, shuffled)
    assert len(most_confident_mistakes(make_predictions(frame), "test", 10_000)) == len(wrong)
    assert most_confident_mistakes(make_predictions(frame), "test", 0).empty


def test_folds_are_in_natural_order(make_frame, make_predictions):
    assert make_predictions(make_frame(folds=11)).folds == tuple(str(i) for i in range(1, 12))
