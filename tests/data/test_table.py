import pandas as pd
import pytest

from keras_leuk.data.table import default_positive, make_table, natural_key, only_parts, uneven_parts, with_labels, with_rows
from keras_leuk.errors import DataError, RecipeError


def table(tmp_path, records, **more):
    return make_table(records, root=tmp_path, name="t", reader="test", **more)


TWO = [{"image": "10.png", "label": "b", "part": "test"}, {"image": "2.png", "label": "a", "part": "training"}]


@pytest.mark.parametrize(
    ("given", "sorted_"),
    [
        (["10", "9", "1"], ["1", "9", "10"]),
        (["H10", "h3", "H2"], ["H2", "h3", "H10"]),
        (["h3", "H3"], ["H3", "h3"]),
        (["a²", "²", "a1"], ["a1", "a²", "²"]),
        (["07", "7", "007"], ["007", "07", "7"]),
    ],
)
def test_natural_order(given, sorted_):
    assert sorted(given, key=natural_key) == sorted_


def test_rows_are_sorted_and_unknown_is_none(tmp_path):
    found = table(tmp_path, TWO)
    assert list(found.rows["image"]) == ["2.png", "10.png"]
    assert all(value is None for value in found.rows["subject"])
    assert found.classes == ("a", "b")
    assert found.positive == "b"
    assert found.has_parts
    assert not found.has_subjects
    assert not found.has_folds


def test_no_rows_have_no_subjects(tmp_path):
    unlabelled = [*TWO, {"image": "x.png"}]
    assert len(table(tmp_path, unlabelled).labelled) == 2
    assert len(table(tmp_path, unlabelled).rows) == 3


@pytest.mark.parametrize(
    ("records", "line"),
    [
        ([], "no images found in"),
        ([{"image": "a.png"}], "1 images in .*, but none has a label"),
        ([{"image": "a.png", "label": "a"}, {"image": "b.png", "label": "a"}], r"only one class in .*: 'a' \(2 images\)"),
        ([{"image": "a.png", "label": "a"}] * 3, "image listed 3 times in .*: a.png"),
    ],
)
def test_refusals(tmp_path, records, line):
    with pytest.raises(DataError, match=line):
        table(tmp_path, records)


def test_label_order_of_reader_and_user(tmp_path):
    found = table(tmp_path, TWO, classes=("b", "a", "c"), positive="b")
    assert (found.classes, found.positive) == (("b", "a"), "b")
    assert with_labels(found, ("a", "b"), "a").positive == "a"
    for classes, positive, line in [
        (("a", "x"), None, "data.classes: 'x' is not a class"),
        (("a", "a"), None, "names a class twice"),
        (("a",), None, "leaves out b"),
        (None, "x", "data.positive: 'x' is not a class"),
    ]:
        with pytest.raises(RecipeError, match=line):
            with_labels(found, classes, positive)


def test_classes_that_the_order_does_not_name_come_last(tmp_path):
    found = table(tmp_path, [*TWO, {"image": "c.png", "label": "0"}], classes=("b",), positive="b")
    assert (found.classes, found.positive) == (("b", "0", "a"), None)
    with pytest.raises(RecipeError, match="cannot be set: the data have 3 classes"):
        with_labels(found, None, "b")


def test_only_parts(tmp_path):
    found = table(tmp_path, [*TWO, {"image": "3.png", "label": "b", "part": "training"}])
    assert len(only_parts(found, ("training",)).rows) == 2
    assert only_parts(found, None) is found
    with pytest.raises(RecipeError, match=r"data.parts: 'preliminary' is not a part"):
        only_parts(found, ("preliminary",))
    with pytest.raises(DataError, match="only one class"):
        only_parts(found, ("test",))
    assert isinstance(found.rows, pd.DataFrame)


def test_with_rows_keeps_the_order_of_labels_that_are_left(tmp_path):
    found = table(tmp_path, [*TWO, {"image": "c.png", "label": "c"}], classes=("c", "b", "a"))
    fewer = with_rows(found, found.rows[found.rows["label"] != "b"])
    assert (fewer.classes, fewer.positive, len(fewer.rows)) == (("c", "a"), "a", 2)


def test_uneven_parts():
    records = [{"label": "a", "part": "training"}, {"label": "b", "part": "test"}, {"label": "a", "part": "test"}]
    assert uneven_parts(records) == ["class 'b' has no image in training (but 1 in test)"]
    assert uneven_parts([{"label": "a", "part": None}]) == []


@pytest.mark.parametrize(
    ("classes", "positive"),
    [
        (("ALL", "HEM"), "ALL"),
        (("all", "hem"), "all"),
        (("blast", "normal"), "blast"),
        (("healthy", "leukemia"), "leukemia"),
        (("a", "b"), "b"),
        (("ALL", "AML"), "AML"),
    ],
)
def test_the_positive_class_is_the_disease_where_names_tell(classes, positive):
    assert default_positive(classes) == positive
