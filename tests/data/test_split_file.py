import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trees import labelled

from keras_leuk.data.split_file import SPLIT_COLUMNS, read_split, reuse, write_split
from keras_leuk.errors import DataError, RecipeError

ODD = ["a,b.png", 'say "x".png', "ü ñ/図.png", "line\nbreak.png", "NA"]


def rows():
    table = labelled([("007", "NA"), (None, "nan"), ("1", "NA"), ("2", "nan"), ("3", "")], image=ODD)
    table["split"] = ["train", "test", "validation", "unused", "train"]
    table["group"] = "007"
    return table[list(SPLIT_COLUMNS)]


def test_what_is_written_is_read(tmp_path):
    write_split(tmp_path / "split.csv", rows())
    back = read_split(tmp_path / "split.csv")
    expected = rows().astype(object).replace({"": None})
    pd.testing.assert_frame_equal(back, expected)
    assert back["subject"][1] is None
    assert back["label"][0] == "NA"
    assert back["subject"][0] == "007"


def test_the_bytes_are_stable(tmp_path):
    write_split(tmp_path / "a.csv", rows())
    write_split(tmp_path / "b.csv", read_split(tmp_path / "a.csv"))
    text = (tmp_path / "a.csv").read_bytes()
    assert text == (tmp_path / "b.csv").read_bytes()
    assert text.startswith(b"image,label,subject,group,fold,part,split,pixels\n")
    assert b"\r" not in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.csv"]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@given(st.lists(st.tuples(TEXT, TEXT, st.none() | TEXT), min_size=1, max_size=6, unique_by=lambda row: row[0]))
@settings(max_examples=80, deadline=None)
def test_any_text_comes_back(tmp_path_factory, written):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    images, labels, subjects = map(list, zip(*written, strict=True))
    table = labelled(zip(subjects, labels, strict=True), image=images, split=["test"] * len(images), group=labels)
    write_split(path, table)
    pd.testing.assert_frame_equal(read_split(path), table[list(SPLIT_COLUMNS)])


def spoiled(tmp_path, old, new):
    table = labelled([("1", "a"), ("2", "b")], split=["train", "test"], group=["1", "2"])
    write_split(tmp_path / "split.csv", table)
    text = (tmp_path / "split.csv").read_text().replace(old, new)
    (tmp_path / "split.csv").write_text(text)
    return tmp_path / "split.csv"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("pixels", "pixel", "has no column pixels"),
        (",train,", ",training,", "line 2: unknown split 'training'; did you mean 'train'"),
        ("1.png", "0.png", "line 3: image already listed in line 2: 0.png"),
        ("test,hash1", "test", "line 3: 7 values"),
    ],
)
def test_refusals(tmp_path, old, new, line):
    with pytest.raises(DataError, match=line):
        read_split(spoiled(tmp_path, old, new))


def test_an_empty_split(tmp_path):
    (tmp_path / "split.csv").write_text(",".join(SPLIT_COLUMNS) + "\n")
    with pytest.raises(DataError, match="lists no images"):
        read_split(tmp_path / "split.csv")


def test_reuse(tmp_path):
    file = str(spoiled(tmp_path, "", ""))
    data = labelled([("1", "a"), ("2", "b")])
    assert reuse(data, file) == (["train", "test"], [])
    assert reuse(data.iloc[::-1], file)[0] == ["test", "train"]
    sides, warnings = reuse(data.iloc[:1], file)
    assert sides == ["train"]
    assert warnings == [f"1 images that {file} puts on a side are not among the labelled images: 1.png"]


def test_the_split_of_a_cross_validation_trains_on_nothing(tmp_path):
    file = spoiled(tmp_path, ",train,", ",unused,")
    with pytest.raises(DataError, match=r"puts no image on the training side$"):
        reuse(labelled([("1", "a"), ("2", "b")]), str(file))
    fold = file.parent / "folds" / "0" / "split.csv"
    fold.parent.mkdir(parents=True)
    fold.write_text("")
    with pytest.raises(DataError, match=f"take one of its folds, such as {fold}$"):
        reuse(labelled([("1", "a"), ("2", "b")]), str(file))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"pixels": ["hash0", "other"]}, "lists 1 of 2 images with another content, the first is 1.png"),
        ({"image": ["new.png", "1.png"]}, "does not list 1 of 2 labelled images, the first is new.png"),
    ],
)
def test_a_split_of_other_data(tmp_path, change, line):
    with pytest.raises(DataError, match=line):
        reuse(labelled([("1", "a"), ("2", "b")], **change), str(spoiled(tmp_path, "", "")))


def test_no_such_file(tmp_path):
    with pytest.raises(RecipeError, match=r"split.file: '.*no.csv' is not a file"):
        reuse(labelled([("1", "a")]), str(tmp_path / "no.csv"))
