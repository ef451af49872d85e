"""The page's section on subjects, from the JSON of made-up cells: what it says, and a figure in which nothing is clipped."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest
from drawn_texts import texts_apart
from matplotlib.text import Text
from simulated_cells import simulated

from keras_leuk.audit.subjects import subjects
from keras_leuk.reporting.audit_inventory_figure import data_caption
from keras_leuk.reporting.audit_subjects import blocks, draw, subjects_figure, subjects_table
from keras_leuk.reporting.html import html_page
from keras_leuk.reporting.page import Heading, Paragraph, Picture, Points, markdown_page

EIGHT = ("basophil", "eosinophil", "erythroblast", "immature granulocyte", "lymphocyte", "monocyte", "neutrophil", "platelet")


@cache
def _text(kind):
    classes = EIGHT if kind == "eight" else ("HEM", "ALL")
    count = {"eight": 48, "few": 6}.get(kind, 16)
    images, features, _ = simulated(count, 6, classes, subject_sd=1.0, width=16)
    if kind == "unknown":
        images = images.assign(subject=None, group=images["image"])
    same = list(images["image"])
    if kind == "copies":
        images, features, same = pd.concat([images] * 2, ignore_index=True), np.tile(features, (2, 1)), same * 2
    positive = None if kind == "eight" else "ALL"
    return json.dumps(subjects(images, features, "hand-made features", same, classes, positive).as_json(), allow_nan=False)


def section_of(kind="plain"):
    return json.loads(_text(kind))


def page_of(section, folder):
    draw(section, folder, "made-up cells")
    return [Heading("Audit", 1), *blocks(section, folder)]


@pytest.mark.parametrize("kind", ["plain", "copies", "eight"])
def test_the_page_says_what_the_section_holds(kind, tmp_path):
    section = section_of(kind)
    page = page_of(section, tmp_path)
    assert page[1] == Heading("Subjects")
    text, html = markdown_page(page), html_page(page, tmp_path)
    for line in section["warnings"] + section["notes"]:
        assert line[1:].rstrip("?.") in html.replace("&lt;", "<")
    for figure in section["optimism"]["designs"].values():
        if kind == "copies" or figure != section["optimism"]["designs"]["copies_loose"]:
            assert f"{figure['value']:.3f} ({figure['low']:.3f}–{figure['high']:.3f})" in text
    assert ("copies loose" in text) == (kind == "copies")
    assert sum(isinstance(block, Picture) for block in page) == 1
    assert "subjects.csv" in text


def test_unknown_subjects_take_one_line_and_few_have_reasons_instead_of_numbers(tmp_path):
    unknown = page_of(section_of("unknown"), tmp_path)
    assert unknown[1:] == [Heading("Subjects"), Paragraph("Nothing can be said about subjects: no image names its subject.")]
    assert not (tmp_path / "figures").exists()
    section = section_of("few")
    few = page_of(section, tmp_path)
    assert not any(isinstance(block, Picture) for block in few)
    assert "too few subjects (HEM: 3, ALL: 3; 5 a class are needed)" in markdown_page(few)
    assert sum("cannot be estimated" in line for block in few if isinstance(block, Points) for line in block.lines) == 3


def test_the_figures_table_has_its_numbers_and_the_files_are_the_same_twice(tmp_path):
    section = section_of("copies")
    written = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        draw(section, tmp_path / name, "made-up cells")
        written.append([path.read_bytes() for path in sorted((tmp_path / name / "figures").iterdir())])
    assert written[0] == written[1]
    table = pd.read_csv(tmp_path / "a" / "figures" / "subjects.csv")
    assert table["panel"].value_counts().to_dict() == {"recognition": 3, "optimism": 3, "variance": 1}
    assert table.loc[0, "value"] == section["variance"]["share"]["value"]
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()


@pytest.mark.parametrize("kind", ["plain", "copies", "eight", "partly"])
def test_nothing_in_the_figure_is_clipped_or_lies_on_another_word(kind):
    section = section_of("plain" if kind == "partly" else kind)
    if kind == "partly":
        nothing = {"value": None, "low": None, "high": None, "reason": "too few subjects"}
        section["optimism"]["designs"] = dict.fromkeys(section["optimism"]["designs"], nothing)
        section["recognition"]["classes"][0] |= {"accuracy": nothing, "chance": None}
    caption = data_caption("a data set with quite a long name", 300, 16, section["classes"], section["positive"], "A note.")
    figure = subjects_figure(subjects_table(section), section["optimism"]["measure"], caption)
    texts_apart(figure, along=2.5)
    assert sum(text.get_text() == "undefined" for text in figure.findobj(Text)) == (3 if kind == "partly" else 0)
