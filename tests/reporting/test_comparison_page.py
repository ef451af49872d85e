"""The folder of a comparison: true tables, honest notes, a figure nothing is clipped in, and all of it or nothing."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from comparable_runs import change_predictions, make_run
from matplotlib.figure import Figure
from matplotlib.text import Text

from keras_leuk.errors import RunError, UsageError
from keras_leuk.evaluation.comparison import Settings
from keras_leuk.reporting import comparison as folder
from keras_leuk.reporting.booktabs import LONG, booktabs, latex
from keras_leuk.reporting.comparison import check_target, judge, page, tex, write_comparison
from keras_leuk.reporting.comparison_tables import comparison_table, label, p_words, signed, tables
from keras_leuk.reporting.forest import ABREAST, drawings, forest_figure, forest_table
from keras_leuk.reporting.style import PAGE
from keras_leuk.runs.folder import RunFolder

QUICK = Settings(resamples=100)
WATCHED = "THE TEST SET WAS WATCHED: training was monitored on it"
LONG_NAMES = ("efficientnetb3-frozen-linear", "resnet50-fine-tuned-blocks2-adamw", "densenet121-sklearn-svm-hand-made-features")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Twelve runs, one of them selected by the test side."""
    home = tmp_path_factory.mktemp("runs")
    return [
        make_run(
            home / f"{LONG_NAMES[i % 3]}-{i}",
            skill=0.4 + 0.15 * i,
            noise=i,
            **({"selection": "test", "warnings": [WATCHED]} if i == 1 else {}),
        ).path
        for i in range(12)
    ]


@pytest.fixture(scope="module")
def three(runs):
    return judge(runs[:3], QUICK, names=["a", "b_1", "c"])


@pytest.fixture(scope="module")
def seven(runs):
    """Two runs by seven measures."""
    return judge(runs[:2], replace(QUICK, measures=("accuracy", "roc_auc", "mcc", "ece", "brier", "f1", "recall")))


@pytest.fixture
def small(monkeypatch):
    """Drawing takes half a second a figure; what becomes of the files does not depend on what is in them."""

    def blank(comparison):
        for number in range(0, len(comparison["measures"]), ABREAST):
            yield f"forest-{number // ABREAST + 1}" if number else "forest", Figure(figsize=(0.1, 0.1))

    monkeypatch.setattr(folder, "drawings", blank)


def contents(place):
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()}


def test_the_folder(runs, three, tmp_path):
    out = tmp_path / "deep" / "out"
    assert write_comparison(three, out) == out / "comparison.md"
    names = ["comparison.csv", "comparison.json", "comparison.md", "comparison.tex", "figures/forest.csv", "figures/forest.png"]
    before = contents(out)
    assert list(before) == names
    assert json.loads(before["comparison.json"]) == three
    assert before["figures/forest.png"].startswith(b"\x89PNG")
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    # In its own place and in another, from the same runs read again: the same bytes.
    again = judge(runs[:3], QUICK, names=["a", "b_1", "c"])
    for place in (out, tmp_path / "again"):
        write_comparison(again, place)
        assert contents(place) == before


def test_further_measures_go_into_further_figures_and_old_ones_go(three, seven, tmp_path, small):
    write_comparison(seven, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out/figures").iterdir()) == [
        "forest-2.png",
        "forest-3.png",
        "forest.csv",
        "forest.png",
    ]
    assert (tmp_path / "out/comparison.md").read_text().count(".png)") == 3
    (tmp_path / "out/mine.txt").write_text("kept")
    write_comparison(three, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out/figures").iterdir()) == ["forest.csv", "forest.png"]
    assert (tmp_path / "out/mine.txt").read_text() == "kept"


def test_nothing_half_written(three, tmp_path, monkeypatch, small):
    def interrupted(*_):
        raise KeyboardInterrupt

    write_comparison(three, tmp_path / "old")
    before = contents(tmp_path / "old")
    monkeypatch.setattr(folder, "page", interrupted)
    for name in ("new", "old"):
        with pytest.raises(KeyboardInterrupt):
            write_comparison(three, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert contents(tmp_path / "old") == before


def test_where_it_may_be_written(runs, three, tmp_path, small):
    check_target(tmp_path / "new" / "er", runs, overwrite=False)
    assert not list(tmp_path.iterdir())
    write_comparison(three, tmp_path / "own")
    check_target(tmp_path / "own", runs, overwrite=False)
    (tmp_path / "other").mkdir()
    check_target(tmp_path / "other", runs, overwrite=False)
    (tmp_path / "other" / "thesis.tex").write_text("mine")
    with pytest.raises(RunError, match=r"thesis.tex\); choose another folder, or --overwrite"):
        check_target(tmp_path / "other", runs, overwrite=False)
    check_target(tmp_path / "other", runs, overwrite=True)
    with pytest.raises(UsageError, match="is a file"):
        check_target(tmp_path / "other" / "thesis.tex", runs, overwrite=True)
    with pytest.raises(UsageError, match="is a run folder"):
        check_target(runs[0], runs, overwrite=True)
    with pytest.raises(RunError, match="in the way"):
        check_target(tmp_path / "other" / "thesis.tex" / "x", runs, overwrite=False)


def test_a_reference_by_name_or_path(runs):
    by_path = judge(runs[:3], replace(QUICK, reference=str(runs[1])))
    assert by_path == judge(runs[:3], replace(QUICK, reference=runs[1].name))
    assert by_path["reference"] == runs[1].name
    assert [pair["first"] for pair in by_path["pairs"]] == [runs[1].name] * 2
    with pytest.raises(UsageError, match="unknown reference 'nobody'"):
        judge(runs[:3], replace(QUICK, reference="nobody"))


def test_tables_say_what_the_json_says(three):
    values, accuracy, area, mcnemar = tables(three)
    assert values.header == ("run", "accuracy", "ROC AUC")
    assert [row[0] for row in values.rows] == ["a", "b_1", "c"]
    assert [row[0] for row in accuracy.rows] == ["b_1 − a", "c − a", "c − b_1"]
    assert accuracy.title == "Difference in accuracy"
    assert area.header == ("runs", "difference (95 % interval)", "p", "p, Holm")
    number = three["pairs"][0]["measures"]["accuracy"]
    assert accuracy.rows[0][1] == f"{number['difference']:+.3f} ({number['low']:+.3f} to {number['high']:+.3f})"
    told = three["pairs"][0]["mcnemar"]
    assert mcnemar.header == ("runs", "right alone", "clustered p", "Holm", "exact p", "Holm")
    # Of 'b − a', b is named first.
    assert mcnemar.rows[0][1] == f"{told['only_second_right']} : {told['only_first_right']}"
    assert "read the clustered one" in mcnemar.title


def test_two_runs_need_no_correction(runs):
    two = judge(runs[:2], QUICK)
    assert tables(two)[1].header == ("runs", "difference (95 % interval)", "p")
    assert "Holm" not in page(two, ["forest"])


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ({"difference": 0.03141, "low": -0.2, "high": 0.25}, "+0.031 (-0.200 to +0.250)"),
        ({"difference": -0.5, "low": None, "high": None}, "-0.500"),
        ({"difference": None, "low": None, "high": None}, "undefined"),
    ],
)
def test_differences_in_words(number, words):
    assert signed(number) == words


def test_words():
    assert [p_words(p) for p in (None, 0.0009, 0.001, 0.04999, 1.0)] == ["–", "<0.001", "0.001", "0.050", "1.000"]
    assert label("recall", "ALL") == "recall of ALL"
    assert label("f1", None) == "F1, macro"
    assert label("roc_auc", None) == "ROC AUC, macro one-vs-rest"
    assert label("brier", "ALL") == "Brier score (lower is better)"


def test_the_long_table(three, tmp_path, small):
    write_comparison(three, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out/comparison.csv")
    assert len(table) == 3 * (2 + 3)
    assert set(table["test"]) == {"bootstrap", "mcnemar_exact", "mcnemar_mid_p", "mcnemar_clustered"}
    pd.testing.assert_frame_equal(table, comparison_table(three), check_dtype=False)
    bootstrap = table[table["test"] == "bootstrap"]
    np.testing.assert_allclose(bootstrap["second_value"] - bootstrap["first_value"], bootstrap["difference"], atol=1e-15)
    exact = table[table["test"] == "mcnemar_exact"].reset_index(drop=True)
    accuracy = bootstrap[bootstrap["measure"] == "accuracy"].reset_index(drop=True)
    np.testing.assert_allclose(exact["difference"], accuracy["difference"], atol=1e-12)
    assert set(table["n"]) == {96}
    assert set(table["subjects"]) == {12}


def test_the_page(three):
    text = page(three, ["forest"])
    assert text.startswith("# Comparison of 3 runs: test, n = 96 images, 12 subjects\n\n> **Read this first**")
    assert f"**Warning:** b\\_1: {WATCHED}" in text
    assert "## Difference in ROC AUC" in text
    assert "| b\\_1 − a |" in text
    assert "![Forest plot" in text
    for words in ("Holm 1979", "Obuchowski 1998", "speak about other people, not about other trainings", "best of 3 runs"):
        assert words in text
    assert "nan" not in text.lower()


def notes(runs, settings=QUICK):
    told = judge(runs, settings)
    return "\n".join(told["notes"]), "\n".join(told["warnings"])


def test_notes_of_a_plain_comparison(runs):
    said, warned = notes(runs[:3])
    assert "3 runs on the same images, by name and by content: test, n = 96 images, 12 subjects" in said
    assert "Split of all runs: strategy 'subject', seed 0." in said
    assert "With 12 subjects bootstrap intervals of differences are too narrow" in said
    assert "different training images" not in said
    assert "predict exactly the same" not in said
    assert warned.splitlines() == [f"{runs[1].name}: {WATCHED}"]


def test_few_resamples_for_many_pairs_are_named(runs):
    said, _ = notes(runs, replace(QUICK, measures=("accuracy",), resamples=50))
    assert "66 comparisons" in said
    assert "take --resamples 2640 or more" in said
    # 66 * 2 / (B + 1) < 0.05 from there on.
    assert 66 * 2 / 2641 < 0.05 <= 66 * 2 / 2640


def test_other_training_images_are_allowed_and_said(tmp_path):
    first, second = (make_run(tmp_path / name, noise=i, subjects=40).path for i, name in enumerate("ab"))

    def half(table):
        return table[(table["split"] != "train") | (table.index % 2 == 0)]

    change_predictions(RunFolder(second), half)
    said, _ = notes([first, second])
    assert "learnt from different training images (a 192, b 96)" in said


def test_unknown_subjects(tmp_path):
    runs = [make_run(tmp_path / name, noise=i, known=False).path for i, name in enumerate("ab")]
    said, warned = notes(runs)
    assert "subjects unknown" in said
    assert "read the exact test" in said
    assert "where people have several, they are too narrow" in said
    assert "With" not in said
    assert warned.startswith("all runs: Subjects are unknown")


def test_cross_validations_and_equal_runs(tmp_path):
    runs = [make_run(tmp_path / name, noise=3, folds=k).path for name, k in (("four", 4), ("five", 5))]
    said, _ = notes(runs)
    assert "four and five predict exactly the same." in said
    assert "four, five: predictions of several folds' models are pooled. A ranking over all images" in said
    assert "4-fold cross-validation: four; " in said
    assert "different training images" in said


def test_on_validation_the_advice_is_another_one(runs):
    said, _ = notes(runs[:2], replace(QUICK, side="validation"))
    assert "Early stopping watched this side in 1 of 2 runs" in said
    assert "the better of two runs by these figures makes its figures here too good; how good it is, its test side says." in said


def test_latex_spells_what_it_would_not_print():
    assert latex("a_b & 50 % − {x} <0.001") == r"a\_b \& 50 \% \ensuremath{-} \{x\} \textless{}0.001"
    assert latex("-0.031 (-0.2 to -0.1) run-1") == "$-$0.031 ($-$0.2 to $-$0.1) run-1"


def test_booktabs():
    short = booktabs(["run", "p"], [["a", 1]], "Few.")
    assert short == "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            r"\caption{Few.}",
            r"\begin{tabular}{lr}",
            r"\toprule",
            r"run & p \\",
            r"\midrule",
            r"a & 1 \\",
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )
    long = booktabs(["run", "p"], [["a", i] for i in range(LONG + 1)], "Many.")
    assert long.startswith("\\begin{longtable}{lr}\n\\caption{Many.} \\\\")
    assert long.count(r"\\") == LONG + 3


def test_the_latex_file(three, runs):
    text = tex(three)
    assert text.startswith("% needs \\usepackage{booktabs}\n% b\\_1: THE TEST SET WAS WATCHED")
    assert text.count(r"\begin{tabular}") == 4
    assert "Test, n = 96 images, 12 subjects; split: strategy 'subject', seed 0." in text
    assert "watched during training of 1 of 3 runs" in text
    assert not re.search(r"(?<!\\)[%_#]", "\n".join(line for line in text.splitlines() if not line.startswith("%")))
    assert r"\usepackage{longtable}" in tex(judge(runs, replace(QUICK, measures=("accuracy",), resamples=20)))


CASES = {
    "two": (2, {}),
    "five": (5, {"measures": ("ece", "average_precision", "recall")}),
    "twelve": (12, {}),
    "reference": (12, {"measures": ("accuracy", "brier", "mcc"), "place": 3}),
    "one measure": (3, {"measures": ("balanced_accuracy",), "confidence": 0.9}),
}


def test_three_measures_a_figure(seven):
    found = dict(drawings(seven))
    assert list(found) == ["forest", "forest-2", "forest-3"]
    titles = [axes.get_title(loc="left") for figure in found.values() for axes in figure.axes if axes.get_title(loc="left")]
    assert [" ".join(title.split()) for title in titles] == [label(measure, "ALL") for measure in seven["measures"]]


@pytest.mark.parametrize("case", CASES)
def test_the_figure_is_not_clipped_and_says_what_it_shows(runs, case):
    count, chosen = CASES[case]
    place = chosen.pop("place", None) if "place" in chosen else None
    reference = runs[place].name if place is not None else None
    told = judge(runs[:count], replace(QUICK, reference=reference, **chosen))
    ((name, figure),) = drawings(told)
    assert name == "forest"
    width, height = figure.get_size_inches()
    assert width == PAGE
    assert height < 10
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= -0.01, (box.extents, width, height)
    title, caption = figure.texts[:2]
    for axes in figure.axes:
        assert not axes.get_tightbbox().overlaps(caption.get_window_extent())
        assert not axes.get_tightbbox().overlaps(title.get_window_extent())
        assert axes.get_window_extent().width > 150
    rows = figure.axes[len(told["measures"])].get_yticklabels()
    assert len(rows) == len(told["pairs"])
    assert len({row.get_text() for row in rows}) == len(rows)
    tops = [row.get_window_extent() for row in rows]
    assert all(not a.overlaps(b) for a, b in pairwise(tops))
    said = " ".join(" ".join(text.get_text() for text in figure.findobj(Text)).split())
    for words in ("n = 96 images, 12 subjects", "strategy 'subject', seed 0", "demo (generated cells)", "ALL (positive)"):
        assert words in said
    assert f"{100 * told['interval']['confidence']:g} % intervals, paired bootstrap over subjects" in said
    assert f"watched during training of 1 of {count} runs" in said
    assert ("after Holm correction over" in said) == (len(told["pairs"]) > 1)


def test_filled_circles_are_the_corrected_ones(runs):
    told = judge([runs[0], *runs[8:]], replace(QUICK, measures=("accuracy",), resamples=1000))
    below = forest_figure(told, ["accuracy"]).axes[1]
    circles = [line for line in below.lines if line.get_marker() == "o"]
    filled = [line.get_markerfacecolor() != "white" for line in circles]
    assert filled == [pair["measures"]["accuracy"]["p_holm"] < 0.05 for pair in told["pairs"]]
    assert 0 < sum(filled) < len(filled)
    at = [line.get_xdata()[0] for line in circles]
    assert at == [pair["measures"]["accuracy"]["difference"] for pair in told["pairs"]]


def test_numbers_behind_the_figure(three):
    table = forest_table(three)
    assert list(table.columns) == ["measure", "kind", "of", "value", "low", "high", "p_holm"]
    assert len(table) == 2 * (3 + 3)
    assert not table["value"].isna().any()


def test_undefined_is_drawn_as_a_word(tmp_path):
    runs = [make_run(tmp_path / name, noise=i, subjects=20) for i, name in enumerate("ab")]
    for run in runs:
        change_predictions(run, lambda table: table[(table["split"] != "test") | (table["true"] == "ALL")])
    told = judge([run.path for run in runs], QUICK)
    figure = forest_figure(told, ["roc_auc"])
    assert [text.get_text() for axes in figure.axes for text in axes.texts] == ["undefined"] * 3
    assert "undefined" in page(told, ["forest"])
    assert "ROC AUC: no image of class HEM" in page(told, ["forest"])
    write_comparison(told, tmp_path / "out")
