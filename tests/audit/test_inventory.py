from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_leuk.audit.inventory import DIFFERENCES, SUBJECTS, inventory
from keras_leuk.data.read import read
from keras_leuk.data.table import make_table
from keras_leuk.images.file_facts import file_table

CELL = st.tuples(st.sampled_from("abc"), st.sampled_from([None, "1", "2", "10", "x"]), st.sampled_from([None, "0", "1"]))


def table_of(records, **settings):
    return make_table(records, **({"root": Path("data"), "name": "set", "reader": "folders"} | settings))


def images_of(table, **columns):
    """The labelled images with files that are all alike, unless said."""
    alike = {"format": "PNG", "mode": "RGB", "file_size": 1000.0, "width": 9.0, "height": 8.0, "quality": np.nan}
    return table.labelled.assign(**(alike | columns))


def cells(*given):
    """Records of (label, subject, fold, part, how many)."""
    return [
        {"image": f"{at}-{i}.png", "label": label, "subject": subject, "fold": fold, "part": part}
        for at, (label, subject, fold, part, n) in enumerate(given)
        for i in range(n)
    ]


SET = cells(
    ("ALL", "10", "0", "training", 4),
    ("ALL", "9", "0", "training", 4),
    ("ALL", "2", "1", "training", 1),
    ("HEM", "H1", "1", "training", 5),
    ("HEM", "2", "0", "training", 2),
    ("HEM", "H2", None, "test", 4),
    (None, "H7", None, "test", 3),
)


def test_a_worked_example():
    found = inventory(table_of(SET), images_of(table_of(SET))).as_json()
    assert (found["listed"], found["images"], found["unlabelled"]["n"]) == (23, 20, 3)
    assert found["unlabelled"]["by_part"] == {"test": 3}
    sick = next(one for one in found["classes"] if one["name"] == "ALL")
    assert sick == {
        "name": "ALL",
        "positive": True,
        "images": 9,
        "share": 0.45,
        "subjects": 3,
        "per_subject": {"min": 1, "median": 4.0, "max": 4},
        "smallest": {"subject": "2", "images": 1},
        "largest": {"subject": "9", "images": 4},
    }
    assert found["subjects"] == {"n": 5, "unnamed": 0, "several_classes": {"n": 1, "first": ["2"]}, "reason": None}
    assert [(place["name"], place["images"], place["subjects"]) for place in found["folds"]] == [
        ("0", 10, 3),
        ("1", 6, 2),
        (None, 4, 1),
    ]
    assert found["folds"][0]["classes"] == {"ALL": 8, "HEM": 2}
    assert [(place["name"], place["images"]) for place in found["parts"]] == [("test", 4), ("training", 16)]
    assert found["official"] is None
    assert "C-NMC" in found["official_reason"]
    assert found["warnings"] == []
    assert found["notes"] == ["3 images have no label and are left out (3 of the test part)"]


def test_the_subject_table_is_whole_and_in_order():
    rows = inventory(table_of(SET), images_of(table_of(SET))).subject_table
    assert list(rows["subject"]) == ["2", "2", "9", "10", "H1", "H2"]
    assert list(rows["images"]) == [1, 2, 4, 4, 5, 4]
    assert list(rows["folds"]) == ["1", "0", "0", "0", "1", ""]


def test_unknown_subjects_are_unknown_and_said():
    table = table_of([record | {"subject": None} for record in SET])
    found = inventory(table, images_of(table))
    plain = found.as_json()
    assert plain["subjects"]["n"] is None
    assert plain["subjects"]["reason"] == "no image names its subject"
    assert {one["per_subject"] for one in plain["classes"]} == {one["subjects"] for one in plain["classes"]} == {None}
    assert plain["folds"][0]["subjects"] is None
    assert plain["tables"] == {"subjects": None, "differences": None}
    assert "no image names its subject" in found.warnings[0]


def test_some_subjects_unknown():
    table = table_of([*SET, {"image": "z.png", "label": "ALL"}])
    found = inventory(table, images_of(table))
    assert (found.subjects["n"], found.subjects["unnamed"]) == (5, 1)
    assert "1 image does not name its subject" in found.warnings[0]


def test_unreadable_images_are_named_below_the_root():
    table = table_of(SET)
    images = images_of(table).iloc[1:]
    for path in ("0-0.png", Path("data/0-0.png")):
        found = inventory(table, images, [(path, f"unreadable image (truncated): {path}")])
        assert found.unreadable == ({"image": "0-0.png", "reason": "unreadable image (truncated)"},)
        assert found.warnings[0].startswith("1 image cannot be read")
        assert found.images == 19


def test_uneven_files_are_warned_of_and_even_ones_noted():
    table = table_of(SET)
    uneven = images_of(table)
    uneven["format"] = ["PNG" if label == "ALL" else "JPEG" for label in uneven["label"]]
    found = inventory(table, uneven)
    assert [line for line in found.warnings if line.startswith("formats are not mixed alike")]
    assert [line for line in found.notes if "another format than the file's: 11" in line]


@pytest.mark.parametrize("labels", [[], ["other"]])
def test_images_that_are_not_of_the_table_are_refused(labels):
    table = table_of(SET)
    with pytest.raises(ValueError, match="Received"):
        inventory(table, images_of(table).iloc[: len(labels)].assign(label=labels))


@settings(max_examples=40, deadline=None)
@given(st.lists(CELL, min_size=1, max_size=40))
def test_counts_are_those_of_a_plain_count(given):
    records = [{"image": f"{i}.png", "label": c, "subject": s, "fold": f} for i, (c, s, f) in enumerate(given)]
    records += [{"image": "p.png", "label": "a"}, {"image": "q.png", "label": "b"}]
    table = table_of(records)
    found = inventory(table, images_of(table))
    plain = found.as_json()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert sum(one["images"] for one in plain["classes"]) == len(records)
    assert {one["name"]: one["images"] for one in plain["classes"]} == Counter(record["label"] for record in records)
    counts = Counter((s, c) for c, s, _ in given if s is not None)
    rows = found.subject_table
    assert dict(zip(zip(rows["subject"], rows["class"], strict=True), rows["images"], strict=True)) == counts
    for one in plain["classes"]:
        mine = sorted(n for (_, c), n in counts.items() if c == one["name"])
        assert one["subjects"] == (len(mine) or None)
        if mine:
            assert one["per_subject"] == {"min": mine[0], "median": float(np.median(mine)), "max": mine[-1]}
            assert counts[one["largest"]["subject"], one["name"]] == mine[-1]
            assert counts[one["smallest"]["subject"], one["name"]] == mine[0]
    if plain["folds"]:
        assert sum(place["images"] for place in plain["folds"]) == len(records)


def test_the_tables_are_written_the_same_twice(tmp_path):
    found = inventory(table_of(SET), images_of(table_of(SET)))
    written = []
    for name in "ab":
        (tmp_path / name).mkdir()
        found.write_tables(tmp_path / name)
        written.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert written[0] == written[1]
    assert list(written[0]) == [SUBJECTS]
    back = pd.read_csv(tmp_path / "a" / SUBJECTS, dtype={"subject": str, "folds": str}, keep_default_na=False)
    assert back.to_dict("records") == found.subject_table.to_dict("records")


def test_the_demo_is_not_held_against_the_list_unless_read_as_c_nmc(tiny, tmp_path):
    table = read(str(tiny))
    files = file_table(table.root, list(table.labelled["image"]))
    images = table.labelled.merge(files, on="image")
    found = inventory(table, images)
    assert found.official is not None
    assert not found.official.fits
    assert found.warnings == (found.official.sentence(),)
    found.write_tables(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [SUBJECTS]
    demo = table_of(table.rows.to_dict("records"), reader="demo", name="demo")
    assert inventory(demo, images).official is None


@pytest.mark.real
def test_the_sample_of_c_nmc(cnmc_sample, tmp_path):
    table = read(str(cnmc_sample))
    images = table.labelled.merge(file_table(table.root, list(table.labelled["image"])), on="image")
    found = inventory(table, images)
    assert found.official is not None
    assert found.official.as_json()["sentence"] == (
        "648 of the 12,528 official cells are here: 297 of 3,527 of fold 0, 103 of 3,581 of fold 1, 148 of 3,553 of fold 2, "
        "100 of 1,867 of the preliminary test."
    )
    assert found.warnings == ()
    assert found.subjects["n"] == 79
    assert [one["distinct"] for one in found.files["kinds"]] == [1, 1, 1]
    found.write_tables(tmp_path)
    missing = pd.read_csv(tmp_path / DIFFERENCES, keep_default_na=False)
    assert (missing["kind"] == "missing").all()
    assert len(missing) == 12528 - 648
