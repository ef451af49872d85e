"""The page and the figure of shortcuts show the section's own numbers, with two classes and with more."""

from __future__ import annotations

import copy
import json

import pandas as pd
import pytest

from keras_leuk.reporting.audit_shortcuts import blocks, draw, shortcuts_table
from keras_leuk.reporting.html import html_page
from keras_leuk.reporting.page import Heading, Picture, Points, Tables, markdown_page


def area(auc, low=None, high=None, p=None, n=900, **more):
    known = {"auc": auc, "low": low, "high": high, "p": p, "error": 0.03, "df": 12.0, "n": n, "members": 400}
    return {**known, "groups": 70, "strata": 1, "reason": None, "p_holm": p, **more}


def descriptor(name, label, kind, against, state="measured", reason=None):
    words = {"name": name, "label": label, "words": f"the {label}", "meaning": "a number", "kind": kind, "state": state}
    return {**words, "missing": 0, "n": 900, "reason": reason, "against": against}


def section(classes=("HEM", "ALL"), positive="ALL", model=None):
    wanted = [positive] if positive else list(classes)
    size = [area(0.81, 0.74, 0.87, 1e-5, any_shape=area(0.79, 0.7, 0.86, 1e-4), differs=False, **{"class": c}) for c in wanted]
    small = [area(0.42, 0.31, 0.54, 0.9, any_shape=None, differs=False, **{"class": c}) for c in wanted]
    seen = [area(0.9, 0.85, 0.93, 1e-6, **{"class": c}) for c in wanted]
    macro = None if positive else area(0.88, 0.8, 0.93, 1e-6)
    together = [
        {"name": name, "descriptors": ["file_size", "cell_area"], "folds": 5, "left_out": [], "reason": None, "against": seen}
        | {"macro": macro}
        for name in ("all", "shortcuts")
    ]
    none = {
        "name": "cell",
        "descriptors": [],
        "folds": None,
        "left_out": [],
        "reason": "no descriptor",
        "against": [],
        "macro": None,
    }
    return {
        **{"n": 900, "subjects": 73, "unnamed": 0, "groups": 70, "classes": list(classes), "positive": positive},
        "confidence": 0.95,
        "descriptors": [
            descriptor("file_size", "file size", "shortcut", small),
            descriptor("width", "width", "shortcut", [], "constant", "the same in all images that have it: 450"),
            descriptor("cell_area", "cell area", "cell", size),
        ],
        "together": [*together, none],
        "model": model,
        "tests": {"alone": 3, "together": 2},
        "methods": {"alone": "Alone.", "any_shape": "Tree.", "together": "Boosted.", "holm": "Holm."},
        "warnings": ["A classifier that sees only the cell's area reaches AUC 0.81 (0.74–0.87)."],
        "strong": ["A classifier that sees only the cell's area reaches AUC 0.81 (0.74–0.87)."],
        "notes": ["Nothing can be said of width."],
    }


MODEL = {"name": "resnet50", "auc": 0.93, "low": 0.9, "high": 0.95, "n": 1200, "side": "test"}


@pytest.mark.parametrize(
    "known", [section(), section(model=MODEL), section(("A", "B", "<C>"), None), section(("A", "B", "C"), None, MODEL)]
)
def test_the_page_and_its_figure(tmp_path, known):
    assert json.loads(json.dumps(known)) == known
    draw(known, tmp_path, "C-NMC")
    page = [Heading("Audit", 1), *blocks(known, tmp_path)]
    assert [block.text for block in page if isinstance(block, Heading)] == ["Audit", "Shortcuts"]
    assert next(block for block in page if isinstance(block, Points)).lines == (*known["warnings"], *known["notes"])
    tables = [table for block in page if isinstance(block, Tables) for table in block.tables]
    assert [len(table.rows) for table in tables] == [3 + (known["model"] is not None), 3]
    assert all(len(cells) == len(table.columns) for table in tables for _, cells in table.rows)
    text = markdown_page(page)
    assert "0.81 (0.74–0.87)" in text
    assert ("resnet50" in text) == (known["model"] is not None)
    assert "<C>" not in html_page(page, tmp_path)
    table = pd.read_csv(tmp_path / "figures" / "shortcuts.csv")
    pd.testing.assert_frame_equal(table, shortcuts_table(known), check_dtype=False)
    assert [block.name for block in page if isinstance(block, Picture)] == ["shortcuts"]


def test_the_table_has_every_class_of_every_descriptor_and_what_is_undefined():
    table = shortcuts_table(section(("A", "B", "C"), None))
    assert table.groupby("descriptor", sort=False).size()["cell_area"] == 3
    width = table[table["descriptor"] == "width"].iloc[0]
    assert (width["reason"], pd.isna(width["auc"])) == ("the same in all images that have it: 450", True)
    assert (table["class"] == "mean").sum() == 3


def test_figures_are_the_same_to_the_byte(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        draw(section(model=MODEL), tmp_path / name, "C-NMC")
    for file in ("shortcuts.png", "shortcuts.csv"):
        assert (tmp_path / "one" / "figures" / file).read_bytes() == (tmp_path / "two" / "figures" / file).read_bytes()


def test_nothing_measured_has_no_figure_and_nothing_found_says_so(tmp_path):
    empty = copy.deepcopy(section())
    for one in empty["descriptors"]:
        one |= {"against": [], "state": "missing", "reason": "missing in all images"}
    empty |= {"warnings": [], "strong": [], "notes": []}
    draw(empty, tmp_path, "C-NMC")
    assert not (tmp_path / "figures").exists()
    page = blocks(empty, tmp_path)
    assert not [block for block in page if isinstance(block, Picture)]
    assert "No trivial descriptor tells the classes after Holm's correction." in markdown_page(page)
