"""The page of a study of splits, from made-up runs."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest
from drawn_texts import texts_apart
from fabricated import fabricate
from hypothesis import given
from hypothesis import strategies as st

from keras_leuk.data.overlap import Overlap
from keras_leuk.errors import RunError
from keras_leuk.evaluation.metrics import write_metrics
from keras_leuk.evaluation.published import Asked, Reader, Reading
from keras_leuk.reporting.split_study import MARK, write_split_study
from keras_leuk.reporting.split_study_figure import study_figure
from keras_leuk.reporting.split_study_numbers import difference, parted_counts, read_study, runs_table
from keras_leuk.reporting.split_study_page import sentences, span, verdict

TITLES = {"random": "random images", "linked": "linked subjects", "folds": "own 3 folds, pooled"}


def make_study(
    out: Path, names=("random", "linked", "folds"), seeds=(0, 1), checked=("subjects on two sides: none",), **settings: Any
) -> Path:
    """A folder as `grid.split_study.run_study` leaves it."""
    ways = []
    for name in names:
        runs = []
        for seed in seeds:
            path = f"grid/cells/{name}-s{seed}-0123456789"
            strategy, folds = ("random", 0) if name == "random" else ("subject", 3 if name == "folds" else 0)
            asked = {"n": 300, "subjects": 20, "resamples": 100, "extras": False, **settings}
            run = fabricate(out / path, strategy=strategy, folds=folds, seed=seed + len(ways), **asked)
            meaning = json.loads(run.meaning.read_text())
            run.meaning.write_text(json.dumps(meaning | {"checked": list(checked)}))
            write_metrics(run)
            run.finish({})
            runs.append({"seed": seed, "run": path})
        ways.append({"name": name, "title": TITLES[name], "meaning": f"How {name} is made.", "runs": runs})
    facts = {"schema": 1, "kind": "splits", "title": "Cells", "parts": ["training"], "ways": ways}
    reference = "linked" if "linked" in names else names[-1]
    (out / "study.json").write_text(json.dumps(facts | {"reference": reference, "command": "keras-leuk splits --data cells"}))
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = make_study(tmp_path_factory.mktemp("study"))
    write_split_study(out)
    return out


def test_numbers_are_those_of_the_runs(folder: Path) -> None:
    study = json.loads((folder / MARK).read_text())
    assert study == read_study(folder)
    for way in study["ways"]:
        for run in way["runs"]:
            measured = json.loads((folder / run["run"] / "metrics.json").read_text())
            assert (run["n"], run["subjects"]) == (measured["test"]["n"], measured["test"]["subjects"])
            for measure in ("roc_auc", "accuracy"):
                told = {key: run["measures"][measure][key] for key in ("low", "high")}
                assert told == {key: measured["test"][measure][key] for key in told}
                assert run["measures"][measure]["value"] == pytest.approx(measured["test"][measure]["value"], abs=1e-12)
        values = [run["measures"]["roc_auc"]["value"] for run in way["runs"]]
        assert way["measures"]["roc_auc"]["value"] == pytest.approx(sum(values) / len(values), abs=1e-12)
        told = Reader().read([folder / run["run"] for run in way["runs"]], Asked("roc_auc", None, None, "test"))
        assert [way["measures"]["roc_auc"][key] for key in ("value", "low", "high", "sd")] == [
            *(told.value, told.low, told.high, told.sd)
        ]
    random, linked, folds = study["ways"]
    assert linked["differences"] == {}
    for way in (random, folds):
        told = way["differences"]["accuracy"]
        expected = way["measures"]["accuracy"]["value"] - linked["measures"]["accuracy"]["value"]
        assert told["value"] == pytest.approx(expected, abs=1e-12)
        assert told["shown"] is not (told["low"] <= 0 <= told["high"])
    # A model of a fold was trained on its own training side, not on the rows of all folds.
    rows = json.loads((folder / folds["runs"][0]["run"] / "metrics.json").read_text())["train"]["n"]
    assert folds["runs"][0]["trained_on"] == round(rows / 3)


def test_files_agree_and_are_the_same_again(folder: Path) -> None:
    files = [folder / name for name in ("splits.md", "splits.html", "splits.tex", "splits.csv", "figures/splits.png", MARK)]
    before = [path.read_bytes() for path in files]
    write_split_study(folder)
    assert [path.read_bytes() for path in files] == before
    study, text = read_study(folder), (folder / "splits.md").read_text()
    for line in sentences(study):
        assert line in text
    for word in (
        "keras-leuk splits --data cells",
        "figures/splits.csv",
        "those of the data's training part",
        "How random is made.",
    ):
        assert word in text
    assert str(folder) not in "".join(path.read_text() for path in files if path.suffix in (".md", ".html", ".tex", ".csv"))
    with open(folder / "splits.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    kinds = [row["kind"] for row in rows]
    assert (kinds.count("run"), kinds.count("mean"), kinds.count("difference")) == (3 * 2 * 2, 3 * 2, 2 * 2)
    assert len(runs_table(study)) == len(rows)
    mean = next(row for row in rows if (row["kind"], row["split"], row["measure"]) == ("mean", "linked", "roc_auc"))
    assert float(mean["value"]) == study["ways"][1]["measures"]["roc_auc"]["value"]
    assert (mean["seed"], mean["n"]) == ("", "")


def reading(value: float | None, low: float | None, high: float | None) -> Reading:
    return Reading(value, low, high, 100, 10, "subject", 1, None, None)


def wilson(successes: int, n: int) -> Reading:
    z, p = 1.959963984540054, successes / n
    middle, half = (p + z * z / (2 * n)) / (1 + z * z / n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return reading(p, middle - half, middle + half)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((10, 10), (0, 20), 0.6791, 1.0)],
)
def test_a_difference_is_newcombes_tenth_method(one, other, low: float, high: float) -> None:
    """Table II of Newcombe 1998 (Statistics in Medicine 17, 873), examples a, b and g."""
    told = difference(wilson(*one), wilson(*other))
    assert (told["low"], told["high"]) == pytest.approx((low, high), abs=5e-5)
    assert told["shown"]
    back = difference(wilson(*other), wilson(*one))
    assert (back["value"], back["low"], back["high"]) == pytest.approx((-told["value"], -told["high"], -told["low"]))


def test_a_difference_needs_both_values_and_both_intervals() -> None:
    whole = reading(0.9, 0.8, 0.95)
    assert difference(whole, reading(None, None, None)) == {"value": None, "low": None, "high": None, "shown": None}
    alone = difference(whole, reading(0.7, None, None))
    assert (alone["value"], alone["low"], alone["shown"]) == (pytest.approx(0.2), None, None)
    # A value outside of its own interval does not make the difference's narrower on that side than the other's.
    odd = difference(reading(0.5, 0.6, 0.7), whole)
    assert odd["low"] == pytest.approx(-0.4 - 0.05)
    assert odd["high"] == pytest.approx(-0.4 + math.hypot(0.2, 0.1))


def test_words_say_what_is_shown_and_no_more() -> None:
    number = {"value": 0.05, "low": 0.01, "high": 0.09, "shown": True}
    assert verdict(number) == "+0.050 (+0.010 to +0.090): higher"
    assert verdict(number | {"value": -0.05, "low": -0.09, "high": -0.01}) == "-0.050 (-0.090 to -0.010): lower"
    assert verdict(number | {"low": -0.01, "shown": False}) == "+0.050 (-0.010 to +0.090): not shown"
    assert verdict({"value": 0.05, "low": None, "high": None, "shown": None}) == "+0.050: without interval"
    assert verdict({"value": None, "low": None, "high": None, "shown": None}) == "undefined"
    assert (span([3]), span([1500, 1610, 1518]), span([3, None])) == ("3", "1,500–1,610", "unknown")


names = st.lists(st.text("abc", min_size=1, max_size=3), max_size=9).map(tuple)


@given(names, names, names, names, st.booleans(), st.booleans(), st.none() | st.sampled_from(["0", "2", "of two: x"]))
def test_what_stands_on_two_sides_is_read_as_it_was_written(subjects, linked, images, cells, searched, known, fold) -> None:
    overlap = Overlap(subjects, 12, linked, images, cells, (), ())
    lines = [line if fold is None else f"fold {fold}: {line}" for line in overlap.checked(searched, known)]
    assert parted_counts(lines) == {
        "subjects": [len(subjects)],
        "linked": [len(linked)],
        "equal": [len(images)],
        "cells": [len(cells)] if searched else None,
    }


def test_what_stands_on_two_sides_is_told_over_runs_and_folds(tmp_path: Path) -> None:
    checked = (
        "subjects on two sides: 12 (H1, H2, H3, H4, H5 and 7 more)",
        "fold 1: equal images on two sides: 3 (a = b, c = d, e = f)",
        "fold 2: equal images on two sides: none",
        "other images of the same cell on two sides: not checked (keras-leuk audit would look for them)",
    )
    parted = read_study(make_study(tmp_path, ("random", "linked"), (0,), checked))["ways"][0]["parted"]
    assert parted == {"subjects": [12, 12], "linked": None, "equal": [0, 3], "cells": None}


@pytest.mark.parametrize(
    ("names", "settings"),
    [
        (("random", "linked", "folds"), {}),
        (("random", "linked"), {"classes": ("a", "b", "c"), "subjects": 0}),
        (("random", "folds"), {"n": 40, "subjects": 6}),
    ],
)
def test_the_figure_can_be_read(names, settings, tmp_path: Path) -> None:
    study = read_study(make_study(tmp_path, names, (0, 1, 2), **settings))
    figure = study_figure(study)
    words = " ".join(text for text, _ in texts_apart(figure, along=2.0))
    for way in study["ways"]:
        value = way["measures"]["accuracy"]["value"]
        assert (f"{value:.3f}" if value is not None else "undefined") in words
        assert f"n {span([run['n'] for run in way['runs']])}" in words
        assert way["title"].split()[-1] in words
    assert "reference" in words
    assert "Model: efficientnetb3" in words


def test_unknown_subjects_and_single_runs_are_said(tmp_path: Path) -> None:
    write_split_study(make_study(tmp_path, ("random", "linked"), (0,), subjects=0, warnings=["RANDOM WEIGHTS: none"]))
    text = (tmp_path / "splits.md").read_text()
    assert "interval over images" in text
    assert "There is one run a split" in text
    assert text.index("RANDOM WEIGHTS") < text.index("## Values")


def test_what_is_no_study_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"has no study\.json"):
        write_split_study(tmp_path)
    (tmp_path / "study.json").write_text("{")
    with pytest.raises(RunError, match="cannot be read"):
        write_split_study(tmp_path)
    (tmp_path / "study.json").write_text('{"kind": "comparison"}')
    with pytest.raises(RunError, match="is not a study of splits"):
        write_split_study(tmp_path)


def test_runs_of_other_classes_do_not_belong_together(tmp_path: Path) -> None:
    make_study(tmp_path, ("random", "linked"), (0,))
    meaning = tmp_path / "grid/cells/linked-s0-0123456789/predictions.json"
    meaning.write_text(meaning.read_text().replace('"positive": "ALL"', '"positive": "HEM"'))
    with pytest.raises(RunError, match="different classes"):
        write_split_study(tmp_path)
    assert not (tmp_path / MARK).exists()
