"""The page's section on suspicious labels, from the JSON of made-up cells and their pictures."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest
from drawn_texts import texts_apart
from PIL import Image
from simulated_cells import simulated

from keras_leuk.audit.suspicious import suspicious
from keras_leuk.reporting.audit_inventory_figure import data_caption
from keras_leuk.reporting.audit_suspicious import blocks, draw, sheet_figure
from keras_leuk.reporting.html import html_page
from keras_leuk.reporting.page import Heading, Paragraph, Picture, Points, Tables, markdown_page


@cache
def _text(kind):
    classes = ("immature granulocyte", "erythroblast", "neutrophil") if kind == "three" else ("HEM", "ALL")
    count, apart, flips = {"many": (30, 3.0, 0.15), "three": (30, 5.0, 0.03), "none": (20, 9.0, 0.0)}.get(kind, (2, 3.0, 0.0))
    images, features, _ = simulated(count, 12, classes, apart=apart, flips=flips)
    if kind == "three":
        images = images.assign(subject=None, group=images["image"])
    positive = None if kind == "three" else "ALL"
    found = suspicious(images, features, "hand-made features", list(images["image"]), classes, positive)
    return json.dumps(found.as_json(), allow_nan=False)


def section_of(kind):
    return json.loads(_text(kind))


def with_pictures(section, folder):
    (folder / "pictures").mkdir()
    draw_ = np.random.default_rng(0)
    for row in section["shown"]:
        size = (30, 40, 3) if row["rank"] % 2 else (40, 30, 3)
        Image.fromarray(draw_.integers(0, 256, size, np.uint8)).save(folder / row["picture"])


def page_of(section, folder):
    draw(section, folder, "made-up cells")
    return [Heading("Audit", 1), *blocks(section, folder)]


@pytest.mark.parametrize("kind", ["many", "three"])
def test_the_page_asks_about_each_shown_label(kind, tmp_path):
    section = section_of(kind)
    with_pictures(section, tmp_path)
    page = page_of(section, tmp_path)
    text = markdown_page(page)
    questions = next(block for block in page if isinstance(block, Tables)).tables[0]
    assert len(questions.rows) == len(section["shown"])
    unseen = "this cell" if kind == "three" else "this subject"
    for (_, (image, subject, question)), row in zip(questions.rows, section["shown"], strict=True):
        assert (image.text, subject.text) == (row["image"], row["subject"] or "unknown")
        assert question.text.startswith(f"Is this cell really {row['label']}? The model, which never saw {unseen}, gives ")
        assert question.text.endswith(f"for {row['suggested']}.")
    assert sum(isinstance(block, Picture) for block in page) == 1
    assert "Nothing is relabelled or left out." in text
    assert f"{section['listed']} of {section['images']} labels are worth a second look" in text
    assert html_page(page, tmp_path).count("<img") == 1


def test_an_empty_list_shows_no_picture_and_no_model_says_why(tmp_path):
    section = section_of("none")
    page = page_of(section, tmp_path)
    assert section["listed"] == 0
    assert not any(isinstance(block, Picture | Tables) for block in page)
    assert any("No label is listed" in line for block in page if isinstance(block, Points) for line in block.lines)
    silent = page_of(section_of("silent"), tmp_path)
    reason = "HEM, ALL: fewer than two subjects, so no model of other subjects knows the class"
    assert silent[1:] == [Heading("Suspicious labels"), Paragraph(f"No label can be questioned: {reason}.")]
    assert not (tmp_path / "figures").exists()


def test_the_sheets_table_has_its_numbers_and_the_files_are_the_same_twice(tmp_path):
    section = section_of("many")
    written = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        with_pictures(section, tmp_path / name)
        draw(section, tmp_path / name, "made-up cells")
        written.append([path.read_bytes() for path in sorted((tmp_path / name / "figures").iterdir())])
    assert written[0] == written[1]
    table = pd.read_csv(tmp_path / "a" / "figures" / "suspicious.csv")
    assert table["image"].tolist() == [row["image"] for row in section["shown"]]
    assert "picture" not in table.columns


@pytest.mark.parametrize(("kind", "count"), [("many", 24), ("many", 7), ("three", 1)])
def test_nothing_on_the_sheet_is_clipped_or_lies_on_another_word(kind, count):
    section = section_of(kind)
    shown = section["shown"][:count]
    shown[0] |= {"image": "a/" + "long_name_" * 9 + ".png", "probability_of_label": 1e-9, "probability_of_suggested": 1 - 1e-9}
    pictures = [None, *(np.full((20, 30, 3), 90, np.uint8) for _ in shown[1:])]
    caption = data_caption("made-up cells", 300, None, section["classes"], section["positive"], "A note.")
    figure = sheet_figure(shown, pictures, "Title", caption)
    boxes = texts_apart(figure)
    said = "\n".join(text for text, _ in boxes)
    assert "P < 0.001" in said
    assert "P > 0.999" in said
    assert said.count("no picture") == 1


def test_the_sheet_shows_what_lies_in_the_folder_and_says_what_does_not(tmp_path):
    section = section_of("many")
    with_pictures(section, tmp_path)
    draw(section, tmp_path, "made-up cells")
    whole = (tmp_path / "figures" / "suspicious.png").read_bytes()
    (tmp_path / section["shown"][0]["picture"]).unlink()
    draw(section, tmp_path, "made-up cells")
    assert (tmp_path / "figures" / "suspicious.png").read_bytes() != whole
