"""The page and the figures of shift show the section's own numbers, on as many figures as the pairs need."""

from __future__ import annotations

import json
from itertools import combinations

import pandas as pd
import pytest

from keras_leuk.reporting.audit_shift import ABREAST, blocks, draw, shift_table
from keras_leuk.reporting.html import html_page
from keras_leuk.reporting.page import Heading, Picture, Points, Tables, markdown_page


def entry(name, label, kind="shortcut", auc=0.62, reason=None):
    known = auc is not None
    ends = {"auc": auc, "low": 0.4 if known else None, "high": 0.8 if known else None, "p": 0.2 if known else None}
    facts = {
        "name": name,
        "label": label,
        "words": label,
        "meaning": label,
        "kind": kind,
        "state": "measured" if known else "constant",
    }
    more = {
        "missing": 0,
        "missing_first": 0,
        "missing_second": 0,
        "units": 40,
        "n": 900,
        "members": 20,
        "groups": 40,
        "strata": 2,
    }
    return {**facts, **more, **ends, "error": 0.1, "df": 9.0, "p_holm": ends["p"], "reason": reason}


def pair(first, second, **more):
    mix = {"class": "ALL", "share_first": 0.6, "share_second": 0.5, "difference": -0.1, "low": -0.3, "high": 0.1, "p": 0.3}
    descriptors = [
        entry("file_size", "file size"),
        entry("width", "width", auc=None, reason="the same in all images that have it: 450"),
        entry("red", "mean red", "cell", 0.91) | {"p": 1e-4, "p_holm": 1e-3},
    ]
    facts = {"first": first, "second": second, "classes": ["HEM", "ALL"], "note": None}
    return {**facts, "mix": [{**mix, "p_holm": 0.3, "reason": None}], "descriptors": descriptors, **more}


def section(*partitions):
    found = []
    for name, names in partitions:
        parts = [
            {"name": one, "n": 450, "subjects": 20, "unnamed": 0, "groups": 20, "classes": {"HEM": 150, "ALL": 300}}
            for one in names
        ]
        pairs = [pair(*two) for two in combinations(names, 2)]
        found.append({"name": name, "words": f"By {name}", "parts": parts, "pairs": pairs})
    return {
        **{"n": 900, "subjects": 40, "unnamed": 0, "groups": 40, "classes": ["HEM", "ALL"], "positive": "ALL"},
        **{"confidence": 0.95, "unit": "subject", "partitions": found, "tests": {"descriptors": 6, "mix": 3}},
        "methods": {"effect": "Effect.", "unit": "Medians."},
        "warnings": ["Within the same class, test differs from train: mean red larger, effect 0.91 (0.40–0.80)."],
        "strong": [],
        "notes": [],
    }


SPLIT = ("split", ("train", "validation", "test"))


def test_the_page_and_its_figure(tmp_path):
    known = section(SPLIT, ("data set", ("ours", "<theirs>")))
    assert json.loads(json.dumps(known)) == known
    draw(known, tmp_path, "C-NMC")
    page = [Heading("Audit", 1), *blocks(known, tmp_path)]
    tables = [table for block in page if isinstance(block, Tables) for table in block.tables]
    assert [(table.name, len(table.rows)) for table in tables] == [("shift-split", 3), ("shift-data-set", 2)]
    assert all(len(cells) == len(table.columns) for table in tables for _, cells in table.rows)
    text = markdown_page(page)
    assert "ALL: 60.0 % of train, 50.0 % of validation; difference -10.0 points (-30.0 to +10.0)." in text
    assert "Not compared: width (the same in all images that have it: 450)." in text
    assert "<theirs>" not in html_page(page, tmp_path)
    table = pd.read_csv(tmp_path / "figures" / "shift.csv")
    pd.testing.assert_frame_equal(
        table.sort_values(["partition", "first", "second", "descriptor"], ignore_index=True),
        shift_table(known).sort_values(["partition", "first", "second", "descriptor"], ignore_index=True),
        check_dtype=False,
    )
    assert set(table["descriptor"]) == {"file_size", "red"}


def test_many_pairs_have_several_figures(tmp_path):
    known = section(SPLIT, ("fold", ("fold 0", "fold 1", "fold 2", "fold 3")))
    draw(known, tmp_path, "C-NMC")
    names = [block.name for block in blocks(known, tmp_path) if isinstance(block, Picture)]
    assert names == ["shift", "shift-2"]
    tables = [pd.read_csv(tmp_path / "figures" / f"{name}.csv") for name in names]
    assert [len(table[["partition", "first", "second"]].drop_duplicates()) for table in tables] == [ABREAST, 9 - ABREAST]
    assert sum(map(len, tables)) == 18


def test_figures_are_the_same_to_the_byte(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        draw(section(SPLIT), tmp_path / name, "C-NMC")
    for file in ("shift.png", "shift.csv"):
        assert (tmp_path / "one" / "figures" / file).read_bytes() == (tmp_path / "two" / "figures" / file).read_bytes()


@pytest.mark.parametrize("silent", [False, True])
def test_nothing_to_compare_has_no_figure(tmp_path, silent):
    known = section(SPLIT) if silent else section()
    known |= {"warnings": [], "notes": [] if silent else ["The data have no split, parts or folds to compare."]}
    for partition in known["partitions"]:
        for two in partition["pairs"]:
            two["mix"][0] |= {"low": None, "high": None, "reason": "only one group"}
            two["descriptors"] = [one for one in two["descriptors"] if one["name"] == "width"]
    draw(known, tmp_path, "C-NMC")
    page = blocks(known, tmp_path)
    assert not (tmp_path / "figures").exists()
    assert not [block for block in page if isinstance(block, Picture)]
    (first, *_) = [block for block in page if isinstance(block, Points)]
    expected = "No descriptor differs between two parts after Holm's correction." if silent else known["notes"][0]
    assert first.lines == (expected,)
    assert ("no interval: only one group" in markdown_page(page)) == silent
