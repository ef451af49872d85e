"""Figures: they say n, subjects and classes, nothing is clipped or overlaps, and nothing global is left behind."""

from __future__ import annotations

from dataclasses import replace

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from keras_leuk.reporting.confusion import confusion_figure, confusion_table
from keras_leuk.reporting.contents import read_contents
from keras_leuk.reporting.figures import NAMES, drawings
from keras_leuk.reporting.style import COLUMN, PAGE, Caption, save, shorts, with_interval

KINDS = {
    "two": {"n": 900, "subjects": 60},
    "hundred": {"n": 2000, "subjects": 101, "folds": 3},
    "four": {"classes": ("benign", "early pre-B", "pre-B", "pro-B"), "subjects": 0, "selection": "test"},
    "one_mistake": {"n": 300, "pictures": 1, "epochs": 1},
    "ten_folds": {"n": 600, "subjects": 40, "folds": 10},
    "long": {"classes": ("a class with a rather long name, number one", "a class with a rather long name, number two"), "n": 300},
    "strange": {"classes": ("$x_1$", "100 %"), "n": 300},
}


def texts(figure):
    return "\n".join(text.get_text() for text in figure.findobj(Text))


def check(figure, contents, name):
    assert isinstance(figure, Figure)
    width, height = figure.get_size_inches()
    assert width in (COLUMN, PAGE), name
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= -0.01, (name, box.extents, width, height)
    title, caption = figure.texts[:2]
    for legend in figure.legends:
        assert not legend.get_window_extent().overlaps(caption.get_window_extent()), name
    for axes in figure.axes:
        assert not axes.get_tightbbox().overlaps(caption.get_window_extent()), name
        assert not axes.get_tightbbox().overlaps(title.get_window_extent()), name
        assert axes.get_window_extent().height > 20, name
    said = " ".join(texts(figure).split())
    assert "n = " in said, name
    assert "demo (generated cells)" in said, name
    assert contents.predictions.meaning.strategy in said, name
    for label in contents.predictions.classes:
        assert " ".join(label.split()) in said, name
    facts = contents.metrics["test"]
    assert f"n = {facts['n']:,} images" in said or name in ("accuracy", "loss"), name
    assert (" subjects" in said) or facts["subjects"] is None, name


@pytest.mark.parametrize("kind", [*KINDS, "eight"])
def test_every_figure_says_what_it_shows_and_is_not_clipped(make_run, eight, kind):
    settings = KINDS.get(kind) or {"classes": eight, "n": 1600, "subjects": 101}
    contents = read_contents(make_run(kind, resamples=100, **settings))
    names = []
    for drawing in drawings(contents):
        check(drawing.figure, contents, drawing.name)
        assert len(drawing.table), drawing.name
        assert drawing.words.endswith("."), drawing.name
        names.append(drawing.name)
    absent = {"subjects"} if kind == "four" else set()
    assert names == [name for name in NAMES if name not in absent]


def test_the_curves_of_a_cross_validation_count_an_image_once(make_run):
    contents = read_contents(make_run(n=600, subjects=40, folds=10, resamples=100))
    # What is made up here has other training images in every fold; a real one has each of them in several.
    train = contents.metrics["train"] | {"n": 5432, "images": 600}
    contents = replace(contents, metrics=contents.metrics | {"train": train})
    (drawing,) = (drawing for drawing in drawings(contents) if drawing.name == "loss")
    words = " ".join(text.get_text() for text in drawing.figure.findobj(Text))
    assert f"n = {train['images']:,}" in words
    assert f"n = {train['n']:,}" not in words
    assert "Every fold has its own part of them." in " ".join(words.split())


def test_twelve_classes_take_the_page():
    classes = [f"class number {i}" for i in range(12)]
    caption = Caption("demo", "none", "test", 1200, None, "random", ", ".join(classes))
    figure = confusion_figure(np.full((12, 12), 1234).tolist(), classes, None, caption)
    assert figure.get_figwidth() == PAGE
    figure.draw_without_rendering()
    assert figure.get_tightbbox().x1 <= PAGE


def test_saving_gives_the_same_bytes(make_run, tmp_path):
    folder = make_run()
    for path in (tmp_path / "a.png", tmp_path / "b.png"):
        save(next(drawings(read_contents(folder))).figure, path)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert b"Software" not in (tmp_path / "a.png").read_bytes()


def test_drawing_leaves_no_settings_behind_and_heeds_none(make_run, tmp_path):
    contents = read_contents(make_run())
    save(next(drawings(contents)).figure, tmp_path / "plain.png")
    before = dict(matplotlib.rcParams)
    with matplotlib.rc_context({"font.size": 30, "axes.labelsize": 30}):
        save(next(drawings(contents)).figure, tmp_path / "loud.png")
    assert (tmp_path / "plain.png").read_bytes() == (tmp_path / "loud.png").read_bytes()
    assert dict(matplotlib.rcParams) == before


def test_an_empty_class_has_counts_and_no_share():
    table = confusion_table([[3, 1], [0, 0]], ["a", "b"])
    expected = {"true": ["a", "a", "b", "b"], "predicted": ["a", "b", "a", "b"], "count": [3, 1, 0, 0]}
    pd.testing.assert_frame_equal(table.iloc[:, :3], pd.DataFrame(expected))
    assert table["share_of_true"].tolist()[:2] == [0.75, 0.25]
    assert table["share_of_true"].isna().tolist()[2:] == [True, True]


def test_short_names_still_differ():
    assert shorts(["basophil", "platelet"]) == ["basophil", "platelet"]
    alike = shorts(["a very long name A of a class", "a very long name B of a class"])
    assert len(set(alike)) == 2
    assert max(map(len, alike)) <= 16


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ({"value": 0.5, "low": 0.25, "high": 0.75}, "0.500 (0.250–0.750)"),
        ({"value": 0.5, "low": None, "high": None}, "0.500"),
        ({"value": None, "low": None, "high": None}, "undefined"),
        (None, "undefined"),
    ],
)
def test_numbers_in_words(number, words):
    assert with_interval(number) == words
