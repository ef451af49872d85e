import pytest
from trees import labelled

from keras_leuk.data.groups import link_subjects
from keras_leuk.data.overlap import find_overlap, listing


def overlap(*images, split, pixels=None):
    """(subject, label) each; side and hash in the same order."""
    rows = labelled([(s, "A") for s in images], split=list(split), **({"pixels": list(pixels)} if pixels else {}))
    rows["group"] = link_subjects(list(rows["image"]), list(rows["subject"]), list(rows["pixels"])).names
    return find_overlap(rows)


def test_nothing_overlaps():
    found = overlap("1", "1", "2", split=["train", "train", "test"])
    assert found.sentence() is None
    assert found.groups == ()


def test_subjects_on_two_sides():
    found = overlap("10", "10", "9", "9", "8", split=["train", "test", "test", "train", "test"])
    assert found.sentence() == (
        "cells of one subject stand on both sides, train and test (2 of 3 subjects: 9, 10); metrics may be too high"
    )


def test_unused_images_do_not_count():
    assert overlap("1", "1", split=["train", "unused"]).sentence() is None


def test_linked_subjects_on_two_sides():
    found = overlap("H2", "H4", split=["train", "test"], pixels="pp")
    assert found.subjects == ()
    assert found.linked == found.groups == ("H2+H4",)
    assert found.sentence() == (
        "subjects that hold the same cells stand on both sides, train and test (H2+H4); "
        "the same image stands on both sides, train and test (1 pair: 0.png = 1.png); metrics may be too high"
    )


def test_linked_subjects_whose_equal_images_stand_on_one_side():
    found = overlap("H2", "H2", "H4", "H4", split=["train", "test", "train", "test"], pixels="pqpr")
    assert found.subjects == ("H2", "H4")
    assert found.linked == ()
    assert found.images == ()
    found = overlap("H2", "H4", "H4", "H5", split=["train", "train", "train", "test"], pixels="ppqq")
    assert found.linked == ("H2+H4+H5",)


def test_equal_images_without_subjects_on_three_sides():
    found = overlap(None, None, None, split=["train", "validation", "test"], pixels="ppp")
    assert found.sentence() == "the same image stands on more than one side (1 pair: 0.png = 1.png); metrics may be too high"
    assert found.linked == ()


def test_equal_names_are_told_with_their_folders():
    rows = labelled([(None, "A")] * 2, image=["a/1.png", "b/1.png"], pixels=["p", "p"], split=["train", "test"])
    rows["group"] = "pixels p"
    assert find_overlap(rows).images == ("a/1.png = b/1.png",)


@pytest.mark.parametrize(("names", "text"), [("ab", "a, b"), ("abcde", "a, b, c, d, e"), ("abcdefg", "a, b, c, d, e and 2 more")])
def test_five_names_and_a_count(names, text):
    assert listing(list(names)) == text


def test_images_of_one_cell_on_two_sides():
    rows = labelled([("1", "A"), ("2", "A"), ("3", "A")], split=["train", "test", "train"], pixels=["p", "q", "r"])
    rows["group"] = ["1", "2", "3"]
    found = find_overlap(rows, [("p", "q"), ("p", "r"), ("q", "elsewhere")])
    assert found.cells == ("0.png ~ 1.png",)
    assert found.sentence() == (
        "images of the same cell stand on both sides, train and test (1 pair: 0.png ~ 1.png); metrics may be too high"
    )
    assert found.sides == ("train", "test")


def test_what_was_looked_for_is_told():
    lines = overlap("1", "1", "2", split=["train", "test", "test"]).checked(searched=False, known=True)
    assert lines == (
        "subjects on two sides: 1 (1)",
        "groups of subjects that hold the same cells (known ones included) on two sides: none",
        "equal images on two sides: none",
        "other images of the same cell on two sides: not checked (keras-leuk audit would look for them)",
    )
    unknown = overlap(None, None, split=["train", "test"]).checked(searched=True, known=False)
    assert unknown == ("equal images on two sides: none", "other images of the same cell on two sides: none")


def test_other_sides_may_be_named():
    rows = labelled([("1", "A"), ("1", "A"), ("2", "A")], split=["0", "1", "2"])
    rows["group"] = ["1", "1", "2"]
    assert find_overlap(rows).subjects == ()
    assert find_overlap(rows, among=("0", "1", "2")).subjects == ("1",)
