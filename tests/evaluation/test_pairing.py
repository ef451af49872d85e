"""Which runs may be compared: every difference that is not one of models is refused in a line that names it."""

from __future__ import annotations

from pathlib import Path

import pytest
from comparable_runs import change_predictions, make_run, write_split

from keras_leuk.errors import RunError, UsageError
from keras_leuk.evaluation.pairing import entrants, short_names


@pytest.fixture
def pair(tmp_path):
    return [make_run(tmp_path / name, noise=i, subjects=20, cells=3) for i, name in enumerate("ab")]


def paths(runs):
    return [run.path for run in runs]


def fails(runs, *words, error=RunError, **settings):
    with pytest.raises(error) as failure:
        entrants(paths(runs), **settings)
    line = str(failure.value)
    assert "\n" not in line
    for word in words:
        assert word in line, line


def test_rows_stand_side_by_side_whatever_their_order(pair):
    change_predictions(pair[1], lambda table: table.sample(frac=1, random_state=0))
    first, second = entrants(paths(pair))
    assert (first.name, second.name) == ("a", "b")
    for column in ("image", "subject", "true"):
        assert first.rows[column].tolist() == second.rows[column].tolist()
    assert first.rows["image"].is_monotonic_increasing
    assert len(first.rows) == 12
    assert len(entrants(paths(pair), "validation")[0].rows) == 12


def test_names_are_as_long_as_they_must_be(tmp_path):
    assert short_names([Path("/x/a"), Path("/x/b")]) == ["a", "b"]
    assert short_names([Path("/x/1/run"), Path("/x/2/run"), Path("/x/2/other")]) == ["1/run", "2/run", "2/other"]


def test_names_can_be_given(pair):
    assert [e.name for e in entrants(paths(pair), names=["plain", " with views "])] == ["plain", "with views"]
    fails(pair, "needs 2 names", "Received 1: x", error=UsageError, names=["x"])
    fails(pair, "twice, or empty: 'x'", error=UsageError, names=["x", "x"])
    fails(pair, "twice, or empty: ''", error=UsageError, names=["x", " "])


def test_one_run_or_the_same_run_twice(pair, tmp_path):
    fails(pair[:1], "two or more runs; 1 given", error=UsageError)
    (tmp_path / "link").symlink_to(pair[0].path)
    with pytest.raises(UsageError, match="named twice, and a run differs from itself in nothing; name different runs"):
        entrants([pair[0].path, tmp_path / "link"])


def test_not_a_finished_run(pair, tmp_path):
    pair[1].mark.unlink()
    fails(pair, "b is not a run folder")
    fails([pair[0], make_run(tmp_path / "c")], "c")
    with pytest.raises(UsageError, match="run folder not found"):
        entrants([pair[0].path, tmp_path / "nowhere"])


def test_other_test_images(pair):
    change_predictions(pair[1], lambda table: table.drop(table.index[table["image"] == "cells/0013.bmp"]))
    fails(pair, "a tests 1 image that b does not, such as cells/0013.bmp", "make b with --split", "a/split.csv")


def test_another_split(pair):
    def turn(table):
        sides = {"test": "train", "validation": "test", "train": "validation"}
        return table.assign(split=table["split"].map(sides))

    change_predictions(pair[1], turn)
    fails(pair, "b tests 12 images that a does not, such as cells/0009.bmp", "a tests 12 images that b does not")
    fails(pair, "b validates on 36 images", side="validation")


def test_no_images_on_the_side(pair):
    change_predictions(pair[1], lambda table: table[table["split"] != "validation"])
    fails(pair, "b has no validation images", side="validation")


def test_other_content_under_the_same_name(pair):
    pixels = {f"cells/{i:04}.bmp": f"{i:064x}" for i in range(60)}
    write_split(pair[1], pixels | {"cells/0000.bmp": "f" * 64})
    entrants(paths(pair))  # That image is not on the test side.
    write_split(pair[1], pixels | {"cells/0012.bmp": "f" * 64})
    fails(pair, "1 of 12 images", "another content in b than in a", "cells/0012.bmp", "different data")
    write_split(pair[1], pixels | {"cells/0012.bmp": ""})
    fails(pair, "names no content (pixels) of cells/0012.bmp")
    pair[1].split.write_text("image,side\nx,test\n")
    fails(pair, "split.csv cannot be read")
    pair[1].split.unlink()
    fails(pair, "b has no split.csv")


def test_other_labels_and_subjects(pair):
    def relabel(table):
        first = table.index[table["split"] == "test"][0]
        table.loc[first, "true"] = "HEM" if table.loc[first, "true"] == "ALL" else "ALL"
        return table

    change_predictions(pair[1], relabel)
    fails(pair, "b and a disagree about 1 of 12 test rows", "cells/0012.bmp is labelled")
    change_predictions(pair[1], relabel)
    change_predictions(pair[1], lambda table: table.assign(subject=table["subject"].replace("S04", "")))
    fails(pair, "3 of 12 test rows", "cells/0012.bmp is of subject nobody in b and S04 in a")


def test_other_classes_or_another_positive_class(pair, tmp_path):
    four = make_run(tmp_path / "four", classes=("a", "b", "c", "d"), subjects=20, cells=3)
    fails([pair[0], four], "four has the classes a, b, c, d; a has the classes HEM, ALL (positive: ALL)")
    text = pair[1].meaning.read_text()
    pair[1].meaning.write_text(text.replace('"positive": "ALL"', '"positive": "HEM"'))
    fails(pair, "b has the classes HEM, ALL (positive: HEM)")


def test_cross_validations(pair, tmp_path):
    crossed = [make_run(tmp_path / f"cv{i}", noise=i, subjects=20, cells=3, folds=4 + i) for i in range(2)]
    first, second = entrants(paths(crossed))
    assert first.rows["image"].tolist() == second.rows["image"].tolist()
    assert len(first.rows) == 60
    fails([pair[0], crossed[0]], "cv0 tests 48 images", "cv0 is a cross-validation; compare one of its folds", "cv0/folds")
    change_predictions(crossed[1], lambda table: table[table["image"] != "cells/0000.bmp"])
    fails(crossed, "cv0 tests 1 image that cv1 does not", "cross-validate both on the same images")


def test_validation_sides_of_other_folds(tmp_path):
    """A fold's validation side may hold an image that another fold's holds, too."""
    crossed = [make_run(tmp_path / f"cv{i}", noise=i, subjects=20, cells=3, folds=4) for i in range(2)]
    entrants(paths(crossed), "validation")

    def again(table):
        return table.assign(split=table["split"].where((table["fold"] != "3") | (table["split"] != "train"), "validation"))

    change_predictions(crossed[1], again)
    fails(crossed, "pool different folds on their validation sides", side="validation")
