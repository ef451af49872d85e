from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from keras_leuk.data.official import OfficialCell, official_cell, official_cells


def test_counts_are_those_of_the_challenge():
    cells = official_cells()
    training = [cell for cell in cells if cell.part == "training"]
    assert Counter(cell.fold for cell in training) == {"0": 3527, "1": 3581, "2": 3553}
    assert Counter(cell.label for cell in training) == {"ALL": 7272, "HEM": 3389}
    assert Counter(cell.label for cell in cells if cell.part == "preliminary") == {"ALL": 1219, "HEM": 648}
    assert Counter(cell.place for cell in cells) == {"fold 0": 3527, "fold 1": 3581, "fold 2": 3553, "preliminary": 1867}
    people = {(cell.subject, cell.label, cell.place) for cell in cells}
    # 47 ALL and 26 healthy subjects in one fold each, and 28 others in the preliminary test.
    assert Counter((label, place == "preliminary") for _, label, place in people) == {
        ("ALL", False): 47,
        ("HEM", False): 26,
        ("ALL", True): 13,
        ("HEM", True): 15,
    }
    assert len({subject.casefold() for subject, _, _ in people}) == 101


def test_no_name_and_no_file_stands_twice():
    cells = official_cells()
    assert len({cell.name for cell in cells}) == len({(cell.part, cell.file) for cell in cells}) == len(cells) == 12528
    assert [cell.file for cell in cells[-1867:]] == [f"{number}.bmp" for number in range(1, 1868)]


def test_the_first_line_is_spelt_out():
    assert official_cells()[0] == OfficialCell("training", "0", "1", "ALL", 1, 1, None, "UID_1_1_1_all")
    assert official_cells()[2].file == "UID_1_2_2_all.bmp"


@pytest.mark.parametrize("stem", ["UID_h3_4_1_hem", "UID_H3_4_1_HEM", "uid_h3_4_1_all", "UID_h3_04_1_hem"])
def test_a_cell_is_found_under_any_spelling(stem):
    found = official_cell(stem)
    assert found is not None
    assert (found.name, found.label, found.fold) == ("UID_h3_4_1_hem", "HEM", "2")


def test_a_number_is_that_of_the_preliminary_test():
    found = official_cell("4")
    assert found is not None
    assert (found.name, found.label, found.subject, found.fold, found.file) == ("UID_H49_35_1_hem", "HEM", "H49", None, "4.bmp")
    assert official_cell(found.name) == found


@pytest.mark.parametrize("stem", ["1868", "0", "UID_1_1_2_all", "UID_H1000_1_1_hem", "cell", "", "²"])
def test_strangers_are_not_found(stem):
    assert official_cell(stem) is None


@pytest.mark.real
def test_every_row_equals_the_list_it_was_made_from(samples: Path):
    with open(samples / "data" / "cnmc-official-files.tsv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    theirs = Counter((r["split"], r["fold"], r["subject"], r["label"], r["name"], r["patient_id_name"]) for r in rows)
    ours = Counter(
        (
            "train" if cell.part == "training" else "prelim",
            cell.fold or "",
            cell.subject,
            cell.label.lower(),
            cell.file,
            f"{cell.name}.bmp" if cell.number is not None else "",
        )
        for cell in official_cells()
    )
    assert len(rows) == 12528
    assert ours == theirs
