from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_leuk.audit.inventory import inventory
from keras_leuk.data.official import official_cells
from keras_leuk.data.table import make_table
from keras_leuk.reporting import audit_inventory
from keras_leuk.reporting.audit_inventory import UNREADABLE, blocks, draw
from keras_leuk.reporting.audit_inventory_figure import data_caption, subjects_figure
from keras_leuk.reporting.html import html_page
from keras_leuk.reporting.page import Heading, Paragraph, Picture, Points, Tables, markdown_page


def section_of(folder, records, unreadable=(), reader="folders", name="set", **columns):
    """The section as the page gets it: read back from JSON, with its tables in the folder."""
    table = make_table(records, root=Path("data"), name=name, reader=reader)
    alike = {"format": "PNG", "mode": "RGB", "file_size": 1000.0, "width": 9.0, "height": 8.0, "quality": np.nan}
    found = inventory(table, table.labelled.assign(**(alike | columns)), unreadable)
    found.write_tables(folder)
    return json.loads(json.dumps(found.as_json(), allow_nan=False))


def cohort(subjects, classes=("HEM", "ALL"), fold="0"):
    return [
        {"image": f"{who}-{i}.png", "label": classes[who % len(classes)], "subject": f"s{who}", "fold": fold, "part": "training"}
        for who in range(subjects)
        for i in range(1 + (7 * who) % 23)
    ]


def copy_of_cnmc():
    """A hundred official cells, one of them under another label, and a stranger."""
    cells = official_cells()
    records = [
        {
            "image": f"fold_{c.fold}/{c.label.lower()}/{c.file}" if c.fold else f"prelim_phase/{c.file}",
            "label": c.label,
            "subject": c.subject,
            "fold": c.fold,
            "part": c.part,
        }
        for c in (*cells[:60], *cells[3000:3040], *cells[-20:])
    ]
    wrong = records[-1] | {"label": "HEM" if records[-1]["label"] == "ALL" else "ALL"}
    return [*records[:-1], wrong, records[0] | {"image": "fold_0/all/UID_1_9999_1_all.bmp"}]


def tables_of(found):
    return {table.name: table for block in found if isinstance(block, Tables) for table in block.tables}


def texts(table):
    return {label.text: [cell.text for cell in cells] for label, cells in table.rows}


def require_whole(found, folder):
    """Every table is rectangular, no name stands twice, and both forms of the page can be written."""
    names = [table.name for block in found if isinstance(block, Tables) for table in block.tables]
    assert len(set(names)) == len(names)
    for table in tables_of(found).values():
        assert {len(cells) for _, cells in table.rows} == {len(table.columns)}
        assert "n = " in table.caption or table.words
    page = [Heading("Audit", 1), *found]
    assert "<h2" in html_page(page, folder)
    assert markdown_page(page).startswith("# Audit")


def test_classes_folds_and_figure(tmp_path):
    section = section_of(tmp_path, cohort(12))
    draw(section, tmp_path, "set")
    found = blocks(section, tmp_path)
    require_whole(found, tmp_path)
    assert found[0] == Heading("Inventory")
    tables = tables_of(found)
    classes = {one["name"]: one for one in section["classes"]}
    sick = texts(tables["inventory-classes"])["ALL (positive)"]
    assert sick[0] == str(classes["ALL"]["images"])
    assert sick[2:] == [
        "6",
        f"{classes['ALL']['per_subject']['median']:g}",
        *(str(classes["ALL"][k]["images"]) for k in ("smallest", "largest")),
    ]
    assert texts(tables["inventory-folds"])["subjects"] == ["12"]
    assert "inventory-size" not in tables
    assert "inventory-official" not in tables
    assert [block.name for block in found if isinstance(block, Picture)] == ["inventory_subjects"]
    drawn = pd.read_csv(tmp_path / "figures" / "inventory_subjects.csv")
    assert drawn["images"].sum() == section["images"]
    assert list(drawn["subject"]) == [f"s{i}" for i in range(12)]


def test_drawing_twice_gives_the_same_bytes(tmp_path):
    section = section_of(tmp_path, cohort(8))
    seen = []
    for _ in range(2):
        draw(section, tmp_path, "set")
        seen.append([(tmp_path / "figures" / f"inventory_subjects.{kind}").read_bytes() for kind in ("png", "csv")])
    assert seen[0] == seen[1]


@pytest.mark.parametrize("subject", [None, "one"])
def test_nothing_is_drawn_of_unknown_or_too_few_subjects(tmp_path, subject):
    section = section_of(tmp_path, [record | {"subject": subject} for record in cohort(8)])
    draw(section, tmp_path, "set")
    assert not (tmp_path / "figures").exists()
    found = blocks(section, tmp_path)
    require_whole(found, tmp_path)
    assert not any(isinstance(block, Picture) for block in found)
    caption = tables_of(found)["inventory-classes"].caption
    assert ("unknown" in caption) == (subject is None)


def test_many_classes_mixed_files_and_awkward_names(tmp_path):
    names = ("a|b", "<i>", "$x$", "d", "e", "f", "g", "no class of a short name at all")
    records = cohort(30, names)
    section = section_of(tmp_path, records, width=[float(i % 12) + 1 for i in range(len(records))], format="JPEG", quality=75.0)
    draw(section, tmp_path, "set")
    found = blocks(section, tmp_path)
    require_whole(found, tmp_path)
    sizes = tables_of(found)["inventory-size"]
    assert sizes.columns[-1] == "others"
    assert list(texts(sizes))[1:] == [one["name"] for one in section["classes"]]
    assert Paragraph("All files have format JPEG, mode RGB and JPEG quality 75. Mixed: size.") in found


def test_a_copy_of_cnmc_against_the_list(tmp_path):
    records = copy_of_cnmc()
    section = section_of(tmp_path, records, reader="cnmc", name="C-NMC 2019", format="BMP", width=450.0, height=450.0)
    draw(section, tmp_path, "C-NMC 2019")
    found = blocks(section, tmp_path)
    require_whole(found, tmp_path)
    assert Paragraph(section["official"]["sentence"]) in found
    tables = tables_of(found)
    assert texts(tables["inventory-official"])["preliminary test"] == [
        "20",
        "1,867",
        "1,847",
        "1.bmp, 2.bmp, 3.bmp, 4.bmp, 5.bmp, …",
    ]
    assert list(texts(tables["inventory-differences"])) == [
        "1 image with another label than officially",
        "1 image not in the official list",
    ]
    assert tables["inventory-differences"].rows[0][0].link == "inventory_official.csv"
    assert (tmp_path / "inventory_official.csv").is_file()
    assert len(section["warnings"]) == 2
    # What the list says stands below its heading and not twice.
    assert not any(isinstance(block, Points) for block in found)


def test_another_set_under_such_names_is_only_said(tmp_path):
    records = [record | {"image": f"UID_{i}_9999_1_all.bmp"} for i, record in enumerate(cohort(6))]
    section = section_of(tmp_path, records, reader="cnmc", name="C-NMC 2019")
    draw(section, tmp_path, "C-NMC 2019")
    found = blocks(section, tmp_path)
    require_whole(found, tmp_path)
    assert "another data set" in section["official"]["sentence"]
    assert not {"inventory-official", "inventory-differences"} & set(tables_of(found))


def test_long_lists_of_unreadable_images_are_cut_and_said(tmp_path):
    lost = [(f"lost-{i}.png", "unreadable image (truncated)") for i in range(UNREADABLE + 5)]
    found = blocks(section_of(tmp_path, cohort(2), lost), tmp_path)
    require_whole(found, tmp_path)
    table = tables_of(found)["inventory-unreadable"]
    assert len(table.rows) == UNREADABLE
    assert f"The first {UNREADABLE} of {UNREADABLE + 5}" in table.caption
    assert any(isinstance(block, Points) and "25 images cannot be read" in block.lines[0] for block in found)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("xyz"), st.integers(1, 3000)), min_size=1, max_size=80))
def test_every_subject_has_one_mark_within_its_row(given):
    table = pd.DataFrame(
        {"subject": [str(i) for i in range(len(given))], "class": [c for c, _ in given], "images": [n for _, n in given]}
    )
    figure = subjects_figure(table, ("x", "y", "z"), data_caption("set", 1, len(given), ("x", "y", "z"), None, ""))
    [axes] = figure.axes
    marks = [line for line in axes.lines if line.get_linestyle() == "None"]
    for row, name in enumerate(sorted({c for c, _ in given})):
        at = "xyz".index(name)
        assert sorted(marks[row].get_xdata()) == sorted(table.loc[table["class"] == name, "images"])
        off = np.asarray(marks[row].get_ydata()) - at
        assert np.abs(off).max() <= 0.36
        assert len({*zip(marks[row].get_xdata(), np.round(off, 9), strict=True)}) == len(off)
    low, high = axes.get_xlim()
    assert low <= min(n for _, n in given)
    assert high >= max(n for _, n in given)


def test_the_caption_says_what_is_drawn():
    text = data_caption("C-NMC 2019", 648, 79, ("HEM", "ALL"), "ALL", "A mark is a subject.").text()
    assert (
        text
        == "n = 648 images, 79 subjects, before any split. A mark is a subject.\nClasses: HEM, ALL (positive). Data: C-NMC 2019."
    )


def test_sizes_in_words():
    words = {12: "12 bytes", 1_500: "1.5 kB", 2_000_000: "2 MB", 4_839_000_000: "4.84 GB", 5e13: "5e+04 GB"}
    for total, expected in words.items():
        assert audit_inventory._bytes({"files": {"bytes": {"total": total}}}) == expected
