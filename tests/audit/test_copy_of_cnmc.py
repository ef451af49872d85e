from __future__ import annotations

import json
from collections import Counter

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_leuk.audit.cnmc_differences import COLUMNS, KINDS
from keras_leuk.audit.copy_of_cnmc import compare
from keras_leuk.data.official import official_cells
from keras_leuk.data.read import read

CELLS = official_cells()
PRELIMINARY = "C-NMC_test_prelim_phase_data"


def row(cell, **changes):
    """The row that the reader makes of an official cell."""
    folder = PRELIMINARY if cell.fold is None else f"fold_{cell.fold}/{cell.label.lower()}"
    known = {"image": f"{folder}/{cell.file}", "label": cell.label, "subject": cell.subject, "fold": cell.fold, "part": cell.part}
    return known | changes


def rows_of(records):
    return pd.DataFrame(records, columns=["image", "label", "subject", "fold", "part"], dtype=object)


def files_of(rows, **facts):
    return pd.DataFrame({"image": rows["image"], "format": "BMP", "width": 450.0, "height": 450.0} | facts)


def judged(records, **facts):
    rows = rows_of(records)
    return compare(rows, files_of(rows, **facts))


def found_kinds(copy):
    return {one["kind"]: one["n"] for one in copy.as_json()["differences"] if one["kind"] != "missing"}


def cell(name):
    return next(one for one in CELLS if name in (one.name, one.file))


def some(*names):
    """Rows of a hundred cells, so that a few others do not make it another data set, and of the named ones."""
    return [row(one) for one in CELLS[:50] + CELLS[-50:]], [cell(name) for name in names]


def test_the_whole_set():
    copy = judged([row(one) for one in CELLS])
    assert copy.sentence() == "All 12,528 official cells are here: folds 0, 1 and 2 and the preliminary test."
    assert (copy.found, copy.agreeing, copy.unknown, copy.final, copy.fits) == (12528, 12528, 0, 0, True)
    assert len(copy.differences) == 0
    assert copy.warnings() == []
    assert len(copy.notes()) == 1


def test_a_part_of_it():
    copy = judged([row(one) for one in CELLS[: 3527 + 3581 + 739] + CELLS[-1867:-1767]])
    assert copy.sentence() == (
        "7,947 of the 12,528 official cells are here: fold 0 whole (3,527), fold 1 whole (3,581), 739 of 3,553 of fold 2, "
        "100 of 1,867 of the preliminary test."
    )
    assert copy.warnings() == []
    fold_2, preliminary = copy.as_json()["places"][2:]
    assert fold_2["first_missing"][0] == CELLS[3527 + 3581 + 739].file
    assert preliminary["first_missing"] == ["101.bmp", "102.bmp", "103.bmp", "104.bmp", "105.bmp"]
    assert "none of fold 1 (3,581)" in judged([row(one) for one in CELLS[:90]]).sentence()


@settings(max_examples=15, deadline=None)
@given(st.sets(st.integers(0, len(CELLS) - 1), min_size=1, max_size=60))
def test_here_and_missing_make_the_whole(numbers):
    copy = judged([row(CELLS[number]) for number in sorted(numbers)])
    assert copy.found == copy.agreeing == len(numbers) == sum(found for _, found, _ in copy.places)
    assert Counter(copy.differences["kind"]) == {"missing": len(CELLS) - len(numbers)}
    here = {CELLS[number].name for number in numbers}
    assert set(copy.differences["official"]) == {one.file for one in CELLS if one.name not in here}


@pytest.mark.parametrize(
    ("name", "changes", "kinds"),
    [
        ("UID_2_1_1_all", {}, {}),
        ("UID_2_1_1_all", {"image": "all/UID_2_1_1_all.BMP", "fold": None}, {}),
        ("1.bmp", {"image": f"{PRELIMINARY}/UID_57_29_1_all.bmp"}, {}),
        ("UID_2_1_1_all", {"image": "fold_1/hem/UID_2_1_1_all.bmp"}, {"class folder": 1}),
        ("UID_2_1_1_all", {"image": "fold_1/all/UID_2_1_1_hem.bmp", "label": "HEM"}, {"renamed": 1, "label": 1}),
        (
            "UID_2_1_1_all",
            {"image": "fold_1/hem/UID_2_1_1_hem.bmp", "label": "HEM"},
            {"renamed": 1, "label": 1, "class folder": 1},
        ),
        ("UID_h3_4_1_hem", {"image": "fold_2/hem/UID_H3_4_1_hem.bmp", "subject": "H3"}, {"renamed": 1}),
        ("UID_2_1_1_all", {"image": "fold_0/all/UID_2_1_1_all.bmp", "fold": "0"}, {"fold": 1}),
        ("UID_2_1_1_all", {"image": f"{PRELIMINARY}/UID_2_1_1_all.bmp", "fold": None, "part": "preliminary"}, {"part": 1}),
        ("UID_2_1_1_all", {"image": "fold_1/all/UID_2_9999_1_all.bmp"}, {"extra": 1}),
        ("300.bmp", {"label": "HEM"}, {"label": 1}),
        ("300.bmp", {"subject": "H1"}, {"subject": 1}),
        ("300.bmp", {"label": None, "subject": None}, {}),
        ("300.bmp", {"image": f"{PRELIMINARY}/0300.bmp"}, {"renamed": 1}),
        ("300.bmp", {"image": f"{PRELIMINARY}/1900.bmp"}, {"extra": 1}),
    ],
)
def test_each_difference_is_found_and_no_other(name, changes, kinds):
    others, [one] = some(name)
    changed = row(one, **changes)
    copy = judged([*others, changed])
    assert found_kinds(copy) == kinds
    assert len(copy.warnings()) == len(kinds)
    assert copy.found == 100 + ("extra" not in kinds)
    for kind in kinds:
        told = copy.differences[copy.differences["kind"] == kind].iloc[0]
        assert told["image"] == changed["image"]


def test_one_cell_under_two_names_is_told_of_the_unofficial_one():
    others, [one] = some("UID_2_1_1_all")
    copy = judged([row(one, image="a/UID_2_1_1_hem.bmp", label="HEM", fold=None), row(one), *others])
    assert found_kinds(copy) == {"label": 1, "twice": 1}
    twice = copy.differences[copy.differences["kind"] == "twice"].iloc[0]
    assert (twice["image"], twice["here"], twice["listed"]) == ("a/UID_2_1_1_hem.bmp", "fold_1/all/UID_2_1_1_all.bmp", one.name)
    assert copy.found == 101


def test_preliminary_cell_as_number_and_by_name():
    others, [one] = some("300.bmp")
    copy = judged([*others, row(one), row(one, image=f"{one.name}.bmp", part="training")])
    assert found_kinds(copy) == {"twice": 1, "part": 1}


def test_formats_and_sizes_are_notes():
    others, _ = some()
    rows = rows_of(others)
    files = files_of(rows)
    files.loc[0, "format"] = "JPEG"
    files.loc[1, ["width", "height"]] = 224.0
    copy = compare(rows, files)
    assert found_kinds(copy) == {"converted": 1, "resized": 1}
    assert copy.warnings() == []
    assert [note for note in copy.notes() if "224 × 224" in note]
    # Where a file was not read, its name says what it is.
    renamed = rows.assign(image=[name.replace(".bmp", ".png") for name in rows["image"]])
    assert found_kinds(compare(renamed, files.iloc[:0])) == {"converted": 100}


def test_images_of_the_final_test_are_not_in_the_list():
    others, _ = some()
    final = [{"image": f"C-NMC_test_final_phase_data/{i}.bmp", "label": None, "part": "final"} for i in range(1, 4)]
    copy = judged([*others, *final])
    assert (copy.final, copy.compared, copy.found) == (3, 100, 100)
    assert found_kinds(copy) == {}


def test_generated_cells_do_not_fit(tiny):
    table = read(str(tiny))
    assert table.reader == "cnmc"
    copy = compare(table.rows, files_of(table.rows))
    assert not copy.fits
    assert copy.as_json()["differences"] == []
    assert copy.warnings() == [copy.sentence()]
    assert copy.notes() == []
    assert f"of {len(table.rows)} images agree" in copy.sentence()


def test_a_tree_on_disk(tmp_path):
    """As a user would have it: through the reader, with a label file, converted files and cells in wrong folders."""
    names = [f"fold_{c.fold}/{c.label.lower()}/{c.name}.png" for c in (*CELLS[:60], *CELLS[4000:4040])]
    names += ["fold_0/all/UID_H1_99999_1_hem.png", "fold_0/hem/UID_2_1_1_all.png", f"{PRELIMINARY}/1.png", f"{PRELIMINARY}/2.png"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    lines = "Patient_ID,new_names,labels\nUID_57_29_1_all.bmp,1.bmp,1\nUID_H49_35_1_hem.bmp,2.bmp,0\n"
    (tmp_path / PRELIMINARY / f"{PRELIMINARY}_labels.csv").write_text(lines)
    table = read(str(tmp_path))
    copy = compare(table.rows, files_of(table.rows.iloc[:0]))
    kinds = {"label": 1, "subject": 1, "extra": 1, "fold": 1, "class folder": 1, "converted": 103}
    assert found_kinds(copy) == kinds
    assert list(copy.differences.columns) == list(COLUMNS)
    assert list(dict.fromkeys(copy.differences["kind"])) == [kind for kind in KINDS if kind in kinds or kind == "missing"]
    relabelled = copy.differences[copy.differences["kind"] == "label"].iloc[0].to_dict()
    assert relabelled == {"kind": "label", "image": f"{PRELIMINARY}/2.png", "official": "2.bmp", "here": "HEM", "listed": "ALL"}
    assert json.loads(json.dumps(copy.as_json(), allow_nan=False)) == copy.as_json()
