"""report.md: warnings first, every measure, every figure that exists, and the same bytes again."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest

from keras_leuk.errors import RunError
from keras_leuk.evaluation.metrics import write_metrics
from keras_leuk.progress import Progress
from keras_leuk.reporting.cautions import cautions
from keras_leuk.reporting.contents import read_contents
from keras_leuk.reporting.figures import NAMES
from keras_leuk.reporting.history import best_epochs, epochs_line
from keras_leuk.reporting.report import write_report
from keras_leuk.reporting.tables import NAMES as MEASURE_NAMES
from keras_leuk.reporting.tables import escape, markdown

pytestmark = pytest.mark.usefixtures("figures")


def files(folder):
    return {p.relative_to(folder.path).as_posix(): p.read_bytes() for p in sorted(folder.path.rglob("*")) if p.is_file()}


def test_a_whole_run(make_run):
    folder = make_run(n=1200, warnings=["The generated cells are not data."], weights="random", resamples=100)
    write_metrics(folder)
    assert write_report(folder) == folder.report
    text = folder.report.read_text(encoding="utf-8")
    assert text.startswith(
        "# efficientnetb3, random weights, frozen, linear head on demo (generated cells)\n\n> **Read this first**"
    )
    head = text.split("## What was run")[0]
    assert "The generated cells are not data." in head
    assert "random weights: these numbers say nothing" in head
    for name in MEASURE_NAMES.values():
        assert name.split(" (")[0] in text, name
    for name in NAMES:
        assert f"](figures/{name}.png)" in text
        assert (folder.figures / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert len(pd.read_csv(folder.figures / f"{name}.csv"))
    assert re.search(r"\| accuracy \| 0\.\d{3} \(0\.\d{3}–0\.\d{3}\) \| 0\.\d{3} \(0\.\d{3}–0\.\d{3}\) \|", text)
    assert re.search(r"test \(n = \d+, 20 subjects\)", text)
    assert "23 run, best " in text
    assert "keras-leuk train recipe.yaml --out" in text
    assert "3f2a3f2a" in text
    assert "nan" not in text.lower().replace("finance", "")
    before = files(folder)
    write_report(folder)
    assert files(folder) == before


def test_a_run_with_hardly_anything(make_run):
    """No subjects, no history, no recipe, no environment, no pictures, no validation side, no metrics.json."""
    folder = make_run(classes=("a", "b", "c"), subjects=0, n=200, extras=False, resamples=100)
    table = pd.read_csv(folder.predictions, dtype=str, keep_default_na=False)
    table[table["split"] != "validation"].to_csv(folder.predictions, index=False)
    write_report(folder)
    text = folder.report.read_text(encoding="utf-8")
    assert "Subjects are unknown" in text
    assert "subjects unknown" in text
    assert sorted(p.stem for p in folder.figures.glob("*.png")) == [
        "classes",
        "confusion",
        "precision_recall",
        "reliability",
        "roc",
    ]
    assert not (folder.path / "metrics.json").exists()


def test_no_mistakes_at_all(make_run):
    folder = make_run(n=300, resamples=100)
    table = pd.read_csv(folder.predictions, dtype=str, keep_default_na=False)
    right = table[table["true"] == table["predicted"]]
    right.to_csv(folder.predictions, index=False)
    write_report(folder)
    assert not (folder.figures / "mistakes.png").exists()
    assert "Most confident mistakes" not in folder.report.read_text()


def test_figures_of_an_earlier_report_do_not_stay(make_run):
    folder = make_run(n=300, resamples=100)
    write_report(folder)
    folder.history.unlink()
    write_report(folder)
    assert not (folder.figures / "loss.png").exists()
    assert not (folder.figures / "loss.csv").exists()
    assert "loss.png" not in folder.report.read_text()


def test_cross_validation(make_run):
    folder = make_run(n=600, subjects=40, folds=4, resamples=100)
    write_metrics(folder)
    write_report(folder)
    text = folder.report.read_text()
    assert "### Each fold (test)" in text
    assert "standard deviation" in text
    assert "rows of 600 images" in text
    assert re.search(r"2\d–2\d run, best \d+–\d+ \(by val\\_loss\), 4 folds", text)


def test_undefined_numbers_say_why(make_run):
    folder = make_run(n=600, subjects=40, resamples=100)
    table = pd.read_csv(folder.predictions, dtype=str, keep_default_na=False)
    table = table[(table["split"] != "test") | (table["true"] == "HEM")]
    table.to_csv(folder.predictions, index=False)
    write_report(folder)
    text = folder.report.read_text()
    assert "undefined" in text
    assert "ROC AUC (test): no image of class ALL" in text
    assert not (folder.figures / "roc.png").exists()


def test_progress_is_told(make_run):
    said = []

    class Listener(Progress):
        def stage(self, name, total, unit, start=0):
            said.append(f"{name} {total} {unit}")
            return super().stage(name, total, unit, start)

    write_report(make_run(n=300, resamples=100), Listener())
    assert said == ["drawing 9 figures"]


def test_the_run_of_one_fold_is_an_ordinary_run(make_run):
    folder = make_run(n=600, subjects=60, resamples=100)
    table = pd.read_csv(folder.predictions, dtype=str, keep_default_na=False)
    table.assign(fold="3").to_csv(folder.predictions, index=False)
    meaning = json.loads(folder.meaning.read_text())
    folder.meaning.write_text(json.dumps(meaning | {"linked_subjects": ["subjects 7, 9 hold equal images"]}))
    assert "folds" not in write_metrics(folder)
    write_report(folder)
    text = folder.report.read_text()
    assert "cross-validation" not in text
    assert "seed 0, fold 3" in text
    assert "- subjects 7, 9 hold equal images" in text


def test_a_folder_without_predictions(make_run):
    folder = make_run(n=300)
    folder.predictions.unlink()
    with pytest.raises(RunError, match=r"has no predictions.csv"):
        write_report(folder)
    assert not folder.report.exists()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"selection": "test"}, "test set was watched"),
        ({"strategy": "random"}, "subjects are on both the train and the test side"),
        ({"weights": "random"}, "random weights"),
        ({"subjects": 0}, "Subjects are unknown"),
        ({"subjects": 20}, "only 4 subjects"),
    ],
)
def test_cautions(make_run, settings, words):
    said = cautions(read_contents(make_run(n=400, resamples=100, **settings)))
    assert len([line for line in said if words in line]) == 1


def test_nothing_to_be_cautious_about(make_run):
    assert cautions(read_contents(make_run(n=600, subjects=60, resamples=100))) == []


def test_what_training_said_is_not_said_again(make_run):
    own = ["Random weights: for testing only.", "The test set is watched by early stopping."]
    said = cautions(read_contents(make_run(n=600, subjects=60, resamples=100, weights="random", selection="test", warnings=own)))
    assert said == own


def test_best_epoch_follows_early_stopping():
    history = pd.DataFrame({"epoch": [1, 2, 3, 4], "val_loss": [0.9, 0.5, 0.45, 0.5], "val_accuracy": [0.1, 0.8, 0.8, 0.7]})

    def stopping(**options):
        return {"training": {"early_stopping": options}}

    assert best_epochs(history, "validation", stopping(metric="loss")) == {"": 3}
    assert best_epochs(history, "validation", stopping(metric="loss", min_delta=0.1)) == {"": 2}
    assert best_epochs(history, "validation", stopping(metric="accuracy")) == {"": 2}
    assert best_epochs(history, "none", {}) == {}
    assert best_epochs(history, "test", {}) == {}
    assert epochs_line(history, "none", {}) == "4 run"


def test_names_do_not_break_the_tables():
    assert escape("a|b *c*\nd") == r"a\|b \*c\* d"
    assert markdown(["x", "y"], [["a|b", 1]]).splitlines() == ["| x | y |", "| :-- | --: |", r"| a\|b | 1 |"]


def test_metrics_file_is_believed(make_run):
    """The page prints metrics.json, it does not make numbers of its own."""
    folder = make_run(n=300, resamples=100)
    metrics = write_metrics(folder)
    metrics["test"]["accuracy"]["value"] = 0.12345
    folder.metrics.write_text(json.dumps(metrics))
    write_report(folder)
    assert "0.123 (" in folder.report.read_text()
