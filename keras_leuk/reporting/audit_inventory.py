"""What the page of an audit shows of the inventory: classes, subjects, folds, files, and C-NMC against its official list.

Made from the section of audit.json and the tables in the audit folder, nothing else. Start at `draw`, then `blocks`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from keras_leuk.reporting.audit_inventory_figure import data_caption, subjects_figure
from keras_leuk.reporting.page import Block, Cell, Heading, Paragraph, Picture, Points, Table, Tables
from keras_leuk.reporting.style import save
from keras_leuk.runs.atomic import write_bytes

Json = dict[str, Any]
Row = tuple[Cell, tuple[Cell, ...]]

FIGURE = "inventory_subjects"

UNREADABLE = 20
"""Files that cannot be read and are listed on the page; audit.json has all."""

_SOURCE = "10.7937/tcia.2019.dc64i46r"

_FEWEST = 3
"""Subjects that make a picture."""


def blocks(section: Json, folder: Path) -> list[Block]:
    """The inventory on the page.

    Args:
        section: 'inventory' of audit.json.
        folder: the audit folder, after `draw`.
    """
    official = section["official"]
    # What the official list says has a place of its own below.
    apart = official["lines"] if official is not None else []
    lines = [line for line in (*section["warnings"], *section["notes"]) if line not in apart]
    places = tuple(_places(section))
    found: list[Block] = [Heading("Inventory"), Paragraph(_sizes(section)), Paragraph(_files_sentence(section["files"]))]
    if lines:
        found.append(Points(tuple(line[:1].upper() + line[1:] + ("" if line.endswith(".") else ".") for line in lines)))
    found.append(Tables((_classes(section),)))
    if places:
        found.append(Tables(places))
    if mixed := [_mixed(kind, section) for kind in section["files"]["kinds"] if kind["distinct"] > 1]:
        found.append(Tables(tuple(mixed)))
    if section["unreadable"]:
        found.append(Tables((_unreadable(section["unreadable"]),)))
    if official is not None:
        found += _official(official, section["tables"]["differences"])
    if _drawable(section):
        found.append(Picture(FIGURE, "Images of each subject", _words(section)))
    return found


def draw(section: Json, folder: Path, data: str) -> None:
    """Draws figures/inventory_subjects.png and .csv, where at least three subjects are known.

    Args:
        section: 'inventory' of audit.json; folder: the audit folder, with its tables; data: name of the data for the caption.

    Raises:
        OSError: a table cannot be read or a figure not be written.
    """
    if not _drawable(section):
        return
    table = pd.read_csv(folder / section["tables"]["subjects"], dtype={"subject": str, "class": str}, keep_default_na=False)
    table = table[["subject", "class", "images"]]
    unnamed = section["subjects"]["unnamed"]
    note = "A mark is a subject; the line is the median of a class."
    if unnamed:
        note += f" {unnamed:,} further images name no subject."
    names = [one["name"] for one in section["classes"]]
    positive = next((one["name"] for one in section["classes"] if one["positive"]), None)
    caption = data_caption(data, int(table["images"].sum()), section["subjects"]["n"], names, positive, note)
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    save(subjects_figure(table, names, caption), figures / f"{FIGURE}.png")
    write_bytes(figures / f"{FIGURE}.csv", lambda part: table.to_csv(part, index=False, lineterminator="\n", encoding="utf-8"))


def _drawable(section: Json) -> bool:
    return bool(section["subjects"]["n"] and section["subjects"]["n"] >= _FEWEST)


def _sizes(section: Json) -> str:
    subjects = section["subjects"]
    whose = f"{subjects['n']:,} subject{'s' * (subjects['n'] != 1)}" if subjects["n"] else "unknown subjects"
    text = f"{section['images']:,} labelled images of {len(section['classes'])} classes and {whose}, {_bytes(section)} in all."
    out = section["listed"] - section["images"]
    if out:
        have = "has" if out == 1 else "have"
        text += f" The reader found {section['listed']:,} images; {out:,} of them {have} no label or cannot be read."
    return text


def _bytes(section: Json) -> str:
    total = float(section["files"]["bytes"]["total"])
    for unit in ("bytes", "kB", "MB"):
        if total < 1000:
            return f"{total:.3g} {unit}"
        total /= 1000
    return f"{total:.3g} GB"


def _files_sentence(files: Json) -> str:
    """What all files have in common, and what is mixed."""
    one = [_one(kind) for kind in files["kinds"] if kind["distinct"] == 1]
    mixed = [kind["kind"] for kind in files["kinds"] if kind["distinct"] > 1]
    text = f"All files have {_and(one)}." if one else ""
    if mixed:
        # Which size goes with which class is in the tables below.
        text += f" Mixed: {_and(['JPEG ' + name if name == 'quality' else name for name in mixed])}."
    return text.strip()


def _one(kind: Json) -> str:
    value = kind["values"][0]["value"]
    return {"format": f"format {value}", "mode": f"mode {value}", "size": f"{value} pixels", "quality": f"JPEG quality {value}"}[
        kind["kind"]
    ]


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _number(n: int | float | None) -> Cell:
    return Cell("unknown" if n is None else f"{n:,.4g}" if isinstance(n, float) else f"{n:,}", number=n)


def _classes(section: Json) -> Table:
    rows = []
    known = section["subjects"]["n"] is not None
    for one in section["classes"]:
        cells = [_number(one["images"]), Cell(f"{100 * one['share']:.1f} %", number=one["share"])]
        if known:
            cells += [_number(one["subjects"] or 0), *_per_subject(one)]
        rows.append((Cell(f"{one['name']} (positive)" if one["positive"] else one["name"]), tuple(cells)))
    of_subjects = ("subjects", "median images of a subject", "fewest (whose)", "most (whose)") if known else ()
    file = section["tables"]["subjects"]
    whose = f" Images of each subject: {file}." if known else f" Subjects are unknown: {section['subjects']['reason']}."
    unnamed = f" {section['subjects']['unnamed']:,} images name no subject." if known and section["subjects"]["unnamed"] else ""
    caption = f"n = {section['images']:,} labelled images, before any split.{unnamed}{whose}"
    return Table("inventory-classes", "Classes", caption, "class", "", ("images", "share", *of_subjects), tuple(rows))


def _per_subject(one: Json) -> tuple[Cell, Cell, Cell]:
    if one["per_subject"] is None:
        return Cell("–"), Cell("–"), Cell("–")
    least, most = one["smallest"], one["largest"]
    return (
        _number(one["per_subject"]["median"]),
        Cell(f"{least['images']:,}", f"({least['subject']})", number=least["images"]),
        Cell(f"{most['images']:,}", f"({most['subject']})", number=most["images"]),
    )


def _places(section: Json) -> Iterator[Table]:
    for kind in ("fold", "part"):
        places = section[f"{kind}s"]
        if places:
            names = tuple(f"no {kind}" if place["name"] is None else place["name"] for place in places)
            extra = (Cell("subjects"), tuple(_number(place["subjects"]) for place in places))
            yield _counts(f"inventory-{kind}s", f"The data's own {kind}s", kind, names, places, section, extra)


def _mixed(kind: Json, section: Json) -> Table:
    titles = {"format": "Formats", "mode": "Pixel modes", "size": "Picture sizes in pixels", "quality": "JPEG qualities"}
    name, names = kind["kind"], tuple(one["value"] for one in kind["values"])
    table = _counts(f"inventory-{name}", titles[name], name, names, kind["values"], section)
    if name != "quality":
        return table
    return replace(table, caption=f"{table.caption} Estimated: the IJG quality nearest to the file's quantisation tables.")


def _counts(
    name: str, title: str, across: str, columns: tuple[str, ...], counted: Sequence[Json], section: Json, *extra: Row
) -> Table:
    """Images of each class in each place or of each kind; `extra` rows stand between the sums and the classes."""
    rows = [(Cell("all classes"), tuple(_number(one["images"]) for one in counted)), *extra]
    for label in (one["name"] for one in section["classes"]):
        rows.append((Cell(label), tuple(_number(one["classes"][label]) for one in counted)))
    caption = f"Numbers of images; n = {section['images']:,}." + (" The row 'subjects' counts subjects." if extra else "")
    return Table(name, title, caption, "class", across, columns, tuple(rows))


def _unreadable(files: Sequence[Json]) -> Table:
    rows = [(Cell(one["image"]), (Cell(one["reason"]),)) for one in files[:UNREADABLE]]
    more = f" The first {UNREADABLE} of {len(files):,}; audit.json has all." if len(files) > UNREADABLE else ""
    caption = f"They are left out of every number.{more}"
    return Table("inventory-unreadable", "Images that cannot be read", caption, "image", "", ("reason",), tuple(rows), words=True)


def _official(official: Json, differences: str | None) -> list[Block]:
    found: list[Block] = [Heading("Against the official list of C-NMC 2019", 3), Paragraph(official["sentence"])]
    if official["fits"]:
        found.append(Tables((_coverage(official),)))
        if rows := [one for one in official["differences"] if one["kind"] != "missing"]:
            found.append(Tables((_differences(rows, differences),)))
    return found


def _coverage(official: Json) -> Table:
    rows = []
    for place in official["places"]:
        missing = place["of"] - place["found"]
        first = ", ".join(place["first_missing"]) + (", …" if missing > len(place["first_missing"]) else "")
        counts = (_number(place["found"]), _number(place["of"]), _number(missing), Cell(first or "none"))
        rows.append((Cell("preliminary test" if place["place"] == "preliminary" else place["place"]), counts))
    listed = sum(place["of"] for place in official["places"])
    caption = f"Names of {official['compared']:,} images, held against {listed:,} of Gupta & Gupta 2019 (doi {_SOURCE})."
    if official["final"]:
        caption += f" Not in the list: the final test, which has no public labels ({official['final']:,} here)."
    columns = ("here", "official", "missing", "first missing")
    return Table("inventory-official", "Official cells that are here", caption, "place", "", columns, tuple(rows), words=True)


def _differences(rows: Sequence[Json], file: str | None) -> Table:
    cells = []
    for one in rows:
        first = "; ".join(one["first"]) + ("; …" if one["n"] > len(one["first"]) else "")
        cells.append((Cell(one["words"], link=file or ""), (Cell(first),)))
    caption = f"All of them: {file}." if file else ""
    return Table("inventory-differences", "Other than officially", caption, "what", "", ("first",), tuple(cells), words=True)


def _words(section: Json) -> str:
    """What the figure shows, for those who cannot see it."""
    classes = []
    for one in section["classes"]:
        if one["per_subject"] is not None:
            least, median, most = (one["per_subject"][name] for name in ("min", "median", "max"))
            classes.append(f"{one['name']}: {one['subjects']:,} subjects of {least:,} to {most:,} images, median {median:,.4g}")
    return f"Images of each subject by class. {'; '.join(classes)}."
