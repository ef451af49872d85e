import hashlib
from collections import Counter

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trees import cohort, labelled

from keras_leuk.data.groups import NOTHING_KNOWN, Knowledge, KnownLink
from keras_leuk.data.linked import cnmc_links
from keras_leuk.data.read import read
from keras_leuk.data.splits import allowed, fold_names, read_split, split, write_split
from keras_leuk.errors import DataError, RecipeError
from keras_leuk.recipe.data import Split

CLASSES = ("HEM", "ALL")


def cut(rows, seed=0, fold=None, knowledge=NOTHING_KNOWN, **recipe):
    return split(rows, Split(**recipe), seed, sorted(set(rows["label"])), fold=fold, knowledge=knowledge)


def sides(result):
    return Counter(result.rows["split"])


def one_side_each(result, column):
    used = result.rows[result.rows["split"] != "unused"]
    return bool((used.groupby(column)["split"].nunique() == 1).all())


def with_parts(*parts, subjects=True):
    """Ten cells of each class in each part, of two subjects a class and part."""
    rows = [(f"{part}{label}{i % 2}", label, part) for part in parts for label in CLASSES for i in range(10)]
    return labelled([(s if subjects else None, label) for s, label, _ in rows], part=[part for *_, part in rows])


# --- auto ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "strategy", "note"),
    [
        (cohort(), "subject", "by subject, because every labelled image names its subject"),
        (
            with_parts("training", "test", subjects=False),
            "table",
            "the data's own training and test parts, because subjects are not known",
        ),
        (with_parts("training", subjects=False), "random", "at random over images, because subjects are not known"),
    ],
)
def test_auto_says_what_it_chose(rows, strategy, note):
    result = cut(rows)
    assert result.strategy == strategy
    assert note in result.notes[0]


# --- subject ------------------------------------------------------------------------------------------------------------

CELLS = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 40)), min_size=30, max_size=80)


@given(CELLS, st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_no_subject_and_no_picture_on_two_sides(cells, seed):
    rows = labelled(
        [(f"s{who}", "ALL" if who % 2 else "HEM") for who, _ in cells], pixels=[f"p{picture}" for _, picture in cells]
    )
    try:
        result = cut(rows, seed)
    except DataError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert "are needed" in refusal or "no way was found" in refusal
        return
    assert list(result.rows["image"]) == list(rows["image"])
    assert result.rows["split"].isin(["train", "validation", "test"]).all()
    assert one_side_each(result, "subject")
    assert one_side_each(result, "pixels")
    assert one_side_each(result, "group")
    assert not any("both sides" in line or "more than one side" in line for line in result.warnings)
    pd.testing.assert_frame_equal(result.rows, cut(rows, seed).rows)


def test_by_subject_in_numbers():
    result = cut(cohort(subjects=20, cells=5))
    assert sides(result) == {"train": 60, "validation": 20, "test": 20}
    assert result.description == (
        "Split by subject, no subject on two sides: train 60 images of 12 subjects, validation 20 images of 4 subjects, "
        "test 20 images of 4 subjects."
    )
    assert result.warnings == ()
    assert result.linked == ()
    assert result.fold is None
    assert list(result.rows) == ["image", "label", "subject", "group", "fold", "part", "split", "pixels"]
    assert not result.rows["split"].equals(cut(cohort(), seed=1).rows["split"])


def test_validation_can_be_nothing():
    assert sides(cut(cohort(), validation=0)) == {"train": 80, "test": 20}
    result = cut(cohort(), validation=0, test=0)
    assert sides(result) == {"train": 100}
    assert result.warnings == ("the split has no test images: nothing will be measured on unseen images",)


def test_linked_subjects_are_told_and_kept_together():
    rows = cohort()
    rows.loc[[0, 10], "pixels"] = "same"  # s0 and s2
    result = cut(rows)
    assert [(link.first, link.second, link.images, link.group) for link in result.linked] == [
        ("s0", "s2", (("0.png", "10.png"),), "s0+s2")
    ]
    assert result.notes[-1] == "1 group of subjects that hold the same cells under two names stand on one side each: s0+s2"
    assert one_side_each(result, "group")


def test_too_few_subjects_and_unknown_subjects():
    rows = labelled([("a", "ALL"), ("b", "ALL"), ("c", "ALL"), ("d", "HEM"), ("e", "HEM")] * 3)
    with pytest.raises(DataError, match=r"class 'HEM' has images of 2 subjects only .*; 3 are needed, one each for train"):
        cut(rows, strategy="subject")
    rows.loc[3, "subject"] = None
    line = "split.strategy: 'subject' needs the subject of every labelled image; known for 14 of 15; valid: random, folds"
    with pytest.raises(RecipeError, match=line):
        cut(rows, strategy="subject")


# --- random -------------------------------------------------------------------------------------------------------------


def test_counts_of_fatonah_2023():
    rows = labelled([(None, "ALL")] * 7272 + [(None, "HEM")] * 3389)
    assert sides(cut(rows, strategy="random", validation=0)) == {"train": 8528, "test": 2133}


def test_random_warns_once_of_parted_subjects():
    result = cut(cohort(subjects=3, cells=20), strategy="random", validation=0)
    assert result.warnings == (
        "cells of one subject stand on both sides, train and test (3 of 3 subjects: s0, s1, s2); metrics may be too high",
    )
    assert result.description.startswith("Split at random over images, stratified by class: train 48 images of 3 subjects")


@given(st.integers(6, 60), st.integers(6, 60), st.integers(0, 3))
@settings(max_examples=30, deadline=None)
def test_random_is_stratified_and_complete(a, b, seed):
    rows = labelled([(None, "ALL")] * a + [(None, "HEM")] * b)
    result = cut(rows, seed, strategy="random", test=0.25, validation=0.25)
    counts = result.rows.groupby(["label", "split"]).size()
    for label, number in (("ALL", a), ("HEM", b)):
        assert counts[label].sum() == number
        assert abs(counts[label, "test"] - number / 4) < 2
    pd.testing.assert_frame_equal(result.rows, cut(rows, seed, strategy="random", test=0.25, validation=0.25).rows)


# --- the data's own parts -----------------------------------------------------------------------------------------------


def test_official():
    result = cut(with_parts("training", "preliminary", "final"), strategy="official", validation=0.5)
    used = result.rows.groupby("part")["split"].agg(lambda s: sorted(set(s))).to_dict()
    assert used == {"training": ["train", "validation"], "preliminary": ["test"], "final": ["unused"]}
    assert one_side_each(result, "subject")
    assert "20 labelled images are of no such part and stay unused (part final)" in result.notes
    assert "validation carved from training by subject" in result.description
    assert result.warnings == ()


def test_official_warns_of_linked_subjects():
    rows = with_parts("training", "preliminary")
    rows.loc[[0, 20], "pixels"] = "same"
    (warning,) = cut(rows, strategy="official", validation=0).warnings
    assert "subjects that hold the same cells stand on both sides, train and test (preliminaryHEM0+trainingHEM0)" in warning
    assert "(1 pair: 0.png = 20.png)" in warning


def test_table_keeps_the_datas_own_validation_or_carves_one():
    own = cut(with_parts("training", "validation", "test"), strategy="table")
    assert list(own.rows["split"]) == [part.replace("training", "train") for part in own.rows["part"]]
    carved = cut(with_parts("training", "test", subjects=False), strategy="table", validation=0.25)
    assert sides(carved) == {"train": 15, "validation": 5, "test": 20}
    assert "carved from training at random over images" in carved.description
    assert sides(cut(with_parts("training", "test"), strategy="table", validation=0)) == {"train": 20, "test": 20}


def test_carving_needs_two_subjects_of_each_class():
    rows = labelled([("a", "ALL"), ("b", "HEM"), ("c", "ALL"), ("d", "HEM")], part=["training"] * 2 + ["test"] * 2)
    with pytest.raises(DataError, match=r"class 'ALL' has images of 1 subject only .*; give split.validation=0"):
        cut(rows, strategy="table")


def test_a_side_that_lacks_a_class_is_told():
    rows = with_parts("training", "test")
    rows = rows[~((rows["part"] == "test") & (rows["label"] == "HEM"))].reset_index(drop=True)
    assert cut(rows, strategy="table", validation=0).warnings == ("the test side has no image of class HEM",)


@pytest.mark.parametrize(
    ("rows", "strategy", "line"),
    [
        (
            cohort(),
            "official",
            "'official' needs C-NMC's training and preliminary parts, both labelled; .*valid: subject, random, folds",
        ),
        (with_parts("training", "test"), "official", "valid: subject, random, folds, table"),
        (
            with_parts("training", "preliminary"),
            "table",
            "'table' needs data with training and test parts.*valid: subject, random, official",
        ),
    ],
)
def test_parts_that_are_not_there(rows, strategy, line):
    with pytest.raises(RecipeError, match=f"split.strategy: .*{line}"):
        cut(rows, strategy=strategy)
    assert strategy not in allowed(rows)


def test_one_picture_under_two_classes_is_told():
    rows = cohort()
    rows.loc[[0, 5], "pixels"] = "same"
    assert cut(rows).warnings == ("1 images stand in the data under two classes, the first as 0.png and 5.png",)


# --- folds --------------------------------------------------------------------------------------------------------------


def own_folds():
    fold = [*(str(i // 5 % 3) for i in range(90)), *[None] * 10]
    return cohort(subjects=20, cells=5, fold=fold, part=["training"] * 90 + ["preliminary"] * 10)


def test_own_folds():
    rows = own_folds()
    assert fold_names(rows, Split(strategy="folds")) == ("0", "1", "2")
    assert fold_names(rows, Split(strategy="folds", fold=2)) == ("2",)
    for name in ("0", "1", "2"):
        result = cut(rows, strategy="folds", fold=name)
        used = result.rows.groupby(result.rows["fold"].fillna("none"))["split"].agg(lambda s: sorted(set(s)))
        assert used[name] == ["test"]
        assert used["none"] == ["unused"]
        assert one_side_each(result, "subject")
        assert (result.strategy, result.fold) == ("folds", name)
        assert result.notes == ("10 images are of no fold and stay unused (part preliminary)",)
        assert "validation" in sides(result)
        assert f"into 3 folds of the data's own, fold {name} to test" in result.description


def test_own_folds_warn_of_parted_subjects():
    rows = labelled([("a", "ALL"), ("b", "HEM")] * 10, fold=[str(i // 2 % 2) for i in range(20)])
    assert "cells of one subject stand on both sides" in cut(rows, strategy="folds", fold="0", validation=0).warnings[0]


@pytest.mark.parametrize("rows", [cohort(), labelled([(None, "ALL"), (None, "HEM")] * 40)], ids=["subjects", "images"])
def test_drawn_folds_test_every_image_once(rows):
    settings_ = Split(strategy="folds", folds=4)
    names = fold_names(rows, settings_)
    results = [split(rows, settings_, 0, CLASSES, fold=name) for name in names]
    tested = [image for result in results for image in result.rows["image"][result.rows["split"] == "test"]]
    assert sorted(tested) == sorted(rows["image"])
    for result in results:
        assert sides(result)["test"] == len(rows) / 4
        assert rows["subject"].isna().all() or one_side_each(result, "subject")
        assert set(result.rows["label"][result.rows["split"] == "validation"]) == set(CLASSES)


def test_fold_refusals():
    with pytest.raises(RecipeError, match=r"split.folds: None the data have no folds of their own; give a number"):
        fold_names(cohort(), Split(strategy="folds"))
    with pytest.raises(RecipeError, match=r"one fold of their own only .0.; give a number"):
        fold_names(cohort(fold=["0"] * 100), Split(strategy="folds"))
    for call in (
        lambda: fold_names(own_folds(), Split(strategy="folds", fold="3")),
        lambda: cut(own_folds(), strategy="folds", fold="3"),
    ):
        with pytest.raises(RecipeError, match=r"split.fold: '3' is not a fold; valid: 0, 1, 2"):
            call()
    with pytest.raises(RecipeError, match=r"split.fold: None names no fold to test; valid: 0, 1, 2"):
        cut(own_folds(), strategy="folds")
    with pytest.raises(DataError, match=r"class 'ALL' has images of 2 subjects only .*; 3 are needed.*give fewer split.folds"):
        split(cohort(subjects=4), Split(strategy="folds", folds=3), 0, CLASSES, fold="0")


# --- file ---------------------------------------------------------------------------------------------------------------


def test_a_split_is_reused(tmp_path):
    first = cut(cohort(), seed=3)
    write_split(tmp_path / "split.csv", first.rows)
    again = cut(cohort(), seed=4, file=str(tmp_path / "split.csv"))
    pd.testing.assert_frame_equal(again.rows, first.rows)
    pd.testing.assert_frame_equal(read_split(tmp_path / "split.csv"), first.rows)
    assert again.strategy == "subject"
    assert again.warnings == ()
    assert again.description.startswith(f"Split as in {tmp_path}/split.csv, no subject on two sides: train 60 images")


def test_a_reused_split_must_keep_the_promise(tmp_path):
    rows = cohort(subjects=4)
    rows.loc[[0, 10], "pixels"] = "same"
    file = str(tmp_path / "split.csv")
    write_split(tmp_path / "split.csv", cut(rows, strategy="random", validation=0, test=0.5).rows)
    line = r"split has 3 subjects \(linked ones as one\) in both train and test: s0.s2, s1, s3; metrics would be too high"
    for strategy in ("auto", "subject"):
        with pytest.raises(DataError, match=line):
            cut(rows, strategy=strategy, file=file)
    (warning,) = cut(rows, strategy="random", file=file).warnings
    assert warning.startswith("cells of one subject stand on both sides, train and test (4 of 4 subjects: s0, s1, s2, s3)")


def test_a_reused_split_needs_training_images_and_subjects(tmp_path):
    rows = labelled([(None, "ALL"), (None, "HEM")] * 4)
    written = cut(rows, strategy="random", validation=0, test=0.5).rows
    write_split(tmp_path / "split.csv", written.assign(split="test"))
    with pytest.raises(DataError, match="puts no image on the training side"):
        cut(rows, strategy="random", file=str(tmp_path / "split.csv"))
    with pytest.raises(RecipeError, match="'subject' needs the subject of every labelled image"):
        cut(rows, strategy="subject", file=str(tmp_path / "split.csv"))


def test_nothing_to_split():
    with pytest.raises(DataError, match="there are no labelled images to split"):
        split(cohort().iloc[:0], Split(), 0, CLASSES)


def test_missing_columns_and_nan_are_unknown():
    rows = cohort().drop(columns="part")
    rows["fold"] = float("nan")
    result = cut(rows)
    assert all(value is None for column in ("fold", "part") for value in result.rows[column])


# --- the real sample ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(cnmc_sample):
    image = pytest.importorskip("PIL.Image")
    rows = read(str(cnmc_sample)).labelled
    rows["pixels"] = [
        hashlib.sha256(image.open(cnmc_sample / name).convert("RGB").tobytes()).hexdigest() for name in rows["image"]
    ]
    return rows


NEAR = Knowledge((KnownLink("s1", "s3", "x.bmp", "y.bmp"),), (("h0", "h10"),))


def near() -> pd.DataFrame:
    """Images 0 and 10, of s0 and s2, show one cell; s1 and s3 are known to be linked."""
    rows = cohort()
    rows.loc[0, "pixels"], rows.loc[10, "pixels"] = "h0", "h10"
    return rows


@pytest.mark.parametrize(
    ("which", "groups"),
    [
        ("none", set()),
        ("equal", set()),
        ("known", {"s1+s3"}),
        ("audited", {"s0+s2", "s1+s3"}),
        ("auto", {"s0+s2", "s1+s3"}),
    ],
)
def test_which_subjects_count_as_one(which, groups):
    result = cut(near(), knowledge=NEAR, link_subjects=which)
    assert {name for name in result.rows["group"] if "+" in name} == groups
    assert result.link_subjects == ("audited" if which == "auto" else which)
    assert one_side_each(result, "group")
    # Whatever counted as one, everything that is known is told and checked.
    assert [link.group for link in result.linked] == ["s0+s2", "s1+s3"]
    assert len(result.checked) == 4


def test_auto_is_known_where_nobody_has_searched():
    result = cut(near(), knowledge=Knowledge(NEAR.subjects), link_subjects="auto")
    assert result.link_subjects == "known"
    assert "not checked" in result.checked[-1]


def test_a_subject_split_that_parts_one_cell_warns():
    found = [cut(near(), seed=seed, knowledge=NEAR, link_subjects="none") for seed in range(12)]
    parted = [result for result in found if result.rows["split"].iloc[0] != result.rows["split"].iloc[10]]
    assert parted
    for result in parted:
        assert any("images of the same cell stand on" in line for line in result.warnings)
        assert any(line.startswith("other images of the same cell on two sides: 1 (") for line in result.checked)


def test_one_cell_under_two_classes_is_warned_of():
    rows = near()
    other = rows.index[rows["label"] != rows["label"].iloc[0]][0]
    rows.loc[other, "pixels"] = "hx"
    result = cut(rows, strategy="random", knowledge=Knowledge(cells=(("h0", "hx"),)))
    assert any(
        line.startswith("1 pair of images show one cell under two classes, the first 0.png and") for line in result.warnings
    )


@pytest.mark.real
def test_the_sample_keeps_known_subjects_together(real):
    groups = {link.group for link in cut(real, knowledge=Knowledge(cnmc_links())).linked}
    assert groups == {"1+15+16+17+20+21", "51+55+75+78", "H2+H4+H5+H6+H7", "h3+H10", "H14+H24"}


@pytest.mark.real
def test_real_links(real):
    links = cut(real).linked
    assert [(link.first, link.second, len(link.images)) for link in links] == [
        ("51", "55", 1),
        ("51", "75", 3),
        ("51", "78", 3),
        ("H2", "H4", 3),
        ("H2", "H5", 2),
        ("h3", "H10", 1),
    ]
    assert [link.group for link in links] == ["51+55+75+78"] * 3 + ["H2+H4+H5"] * 2 + ["h3+H10"]
    assert (links[0].first_image[-19:], links[0].second_image[-7:]) == ("UID_51_59_2_all.bmp", "/59.bmp")
    assert links[-1].first_image.endswith("/UID_h3_23_1_hem.bmp")


@pytest.mark.real
@pytest.mark.parametrize("seed", range(5))
def test_real_split_by_subject(real, seed):
    result = cut(real, seed)
    for together in (("75", "78", "51", "55"), ("H2", "H4", "H5"), ("h3", "H10")):
        assert result.rows["split"][result.rows["subject"].isin(together)].nunique() == 1
    share = result.rows.groupby("label")["split"].value_counts(normalize=True)
    for label in CLASSES:
        assert share[label, "test"] == pytest.approx(0.2, abs=0.03)
        assert share[label, "validation"] == pytest.approx(0.2, abs=0.03)
    assert one_side_each(result, "group")
    assert result.warnings == ()


@pytest.mark.real
def test_real_official_split_still_leaks(real):
    (warning,) = cut(real, strategy="official").warnings
    assert "(51+55+75+78)" in warning
    assert "59.bmp = UID_51_59_2_all.bmp" in warning
