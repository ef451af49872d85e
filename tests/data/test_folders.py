from collections import Counter

import pytest
from trees import plant, records

from keras_leuk.data.read import read
from keras_leuk.errors import DataError

PLAIN = ["b/1.png", "b/2.jpg", "a/1.tif"]


@pytest.mark.parametrize("above", ["", "data/", "data/set/"])
def test_class_folders_wrapped_or_not(tmp_path, above):
    table = read(str(plant(tmp_path / "cells", [above + name for name in PLAIN])))
    assert (table.reader, table.name, table.classes, table.positive) == ("folders", "cells", ("a", "b"), "b")
    assert Counter(table.rows["label"]) == {"a": 1, "b": 2}
    assert table.rows[["subject", "fold", "part"]].isna().all().all()
    assert table.notes == ((f"the class folders lie in {above.rstrip('/')}",) if above else ())


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (("train", "val", "test"), ("training", "validation", "test")),
        (("Training", "VALID", "Testing"), ("training", "validation", "test")),
        (("data/train", "data/validation", "data/test/test"), ("training", "validation", "test")),
    ],
)
def test_parts(tmp_path, names, parts):
    tree = [f"{name}/{label}/{i}.png" for name in names for label in "ab" for i in range(2)]
    table = read(str(plant(tmp_path, tree)))
    assert set(table.rows["part"]) == set(parts)
    assert table.has_parts
    assert not table.warnings


def test_subfolders_belong_to_their_class(tmp_path):
    table = read(str(plant(tmp_path, ["a/s1/1.png", "a/s2/x/2.png", "b/3.png"])))
    assert records(table.rows, "label") == {"1.png": ("a",), "2.png": ("a",), "3.png": ("b",)}


def test_loose_images_other_files_and_uneven_classes_are_told(tmp_path):
    table = read(
        str(
            plant(tmp_path, ["train/a/1.png", "train/b/2.png", "test/a/3.png", "x.png", "test/y.png", "notes.txt", "extra/z.png"])
        )
    )
    assert table.warnings == (
        "class 'b' has no image in test (but 1 in training)",
        "2 images lie beside the class folders, have no label and were left out: x.png",
        "1 images lie beside the folders test, train and were left out: extra/z.png",
    )
    assert table.notes == (
        "the data's own split: test, train",
        "1 files are not images (bmp, png, jpg, jpeg, tif, tiff) and were passed over: notes.txt",
    )


def test_unlabelled_test_part_is_left_out(tmp_path):
    table = read(str(plant(tmp_path, ["train/a/1.png", "train/b/2.png", "test/3.png"])))
    assert set(table.rows["part"]) == {"training"}
    assert not table.has_parts
    assert "1 images lie beside the class folders" in table.warnings[0]


@pytest.mark.parametrize(
    ("tree", "line"),
    [
        ([], "no images found in"),
        (["a/", "b/notes.txt"], "no images found in"),
        (["a/1.png", "b/"], "class folder without images: .*/b"),
        (["train/a/1.png", "train/b/1.png", "test/a/1.png", "test/b/"], "class folder without images: .*/test/b"),
        (["a/1.png", "a/2.png"], r"only one class in .*: 'a' \(2 images\)"),
        (["1.png", "2.png"], "no class folders with images in .*; 2 images lie outside such folders: 1.png"),
        (["train/", "extra/a/2.png"], "no class folders with images in .*; 1 images lie outside such folders: extra/a/2.png"),
    ],
)
def test_refusals(tmp_path, tree, line):
    with pytest.raises(DataError, match=line):
        read(str(plant(tmp_path, tree)))


def test_file_name_that_is_not_text(tmp_path):
    plant(tmp_path, PLAIN)
    try:
        open(bytes(tmp_path) + b"/a/\xff.png", "w").close()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    with pytest.raises(DataError, match="file name is not UTF-8"):
        read(str(tmp_path))


@pytest.mark.real
def test_real_folders(samples):
    assert Counter(read(str(samples / "data" / "all4-sample")).rows["label"]) == {
        "Benign": 150,
        "Early": 150,
        "Pre": 150,
        "Pro": 150,
    }
    assert len(read(str(samples / "data" / "pbc8-sample")).classes) == 8
