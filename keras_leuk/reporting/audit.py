"""The page of an audit: report.html, whole in one file, and report.md, made from the audit folder alone.

Its first screen says in a few lines what a reviewer must know; each section then has its own module, `audit_<section>`.
Start at `write_page`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from keras_leuk.reporting import (
    audit_duplicates,
    audit_inventory,
    audit_leaks,
    audit_shift,
    audit_shortcuts,
    audit_subjects,
    audit_suspicious,
)
from keras_leuk.reporting.html import html_page
from keras_leuk.reporting.page import Block, Heading, Paragraph, Points, markdown_page
from keras_leuk.runs.atomic import write_text

Json = dict[str, Any]

_SECTIONS = {
    "duplicates": audit_duplicates,
    "leaks": audit_leaks,
    "shortcuts": audit_shortcuts,
    "subjects": audit_subjects,
    "suspicious": audit_suspicious,
    "shift": audit_shift,
    "inventory": audit_inventory,
}
"""Section of audit.json → module with `blocks(section, folder)`, in the order of the page."""


def write_page(content: Json, folder: Path) -> None:
    """Draws the figures and writes report.html and report.md.

    Args:
        content: of audit.json; folder: the audit folder, with its tables and pictures.

    Raises:
        OSError: a picture or table cannot be read or written.
    """
    data = content["data"]
    (folder / "figures").mkdir(exist_ok=True)
    for name, module in _SECTIONS.items():
        if name not in content:
            continue
        if name == "duplicates":
            audit_duplicates.draw(content[name], folder, data["name"], (data["classes"], data["positive"]), data["subjects"])
        elif name != "leaks":
            module.draw(content[name], folder, data["name"])
    page = blocks(content, folder)
    write_text(folder / "report.html", html_page(page, folder))
    write_text(folder / "report.md", markdown_page(page))


def blocks(content: Json, folder: Path) -> list[Block]:
    """The whole page."""
    data = content["data"]
    found: list[Block] = [
        Heading(f"Audit of {data['name']}: {data['images']:,} images", 1),
        Points(tuple(headlines(content)), warning=True),
    ]
    if "subjects" not in content:
        found.append(Paragraph("Features were not asked for, so that subjects and labels were not judged."))
    for name, module in _SECTIONS.items():
        if name in content:
            found += module.blocks(content[name], folder)
    return found


def headlines(content: Json) -> list[str]:
    """What a reviewer must know, one line a question."""
    lines = [
        audit_duplicates.headline(content["duplicates"]),
        audit_leaks.headline(content["leaks"]),
        _first(content["shortcuts"], "No trivial descriptor tells the classes."),
    ]
    if "subjects" in content:
        lines += [
            _first(content["subjects"], "Nothing is known of subjects.", "a random split"),
            _first(content["suspicious"], "Labels were not judged."),
        ]
    found = [*content["data"]["warnings"], *content["inventory"]["warnings"], *lines]
    return [f"{line[:1].upper()}{line[1:]}{'' if line.endswith('.') else '.'}" for line in dict.fromkeys(found)]


def _first(section: Json, otherwise: str, about: str = "") -> str:
    """The most serious sentence of a section; one about what it is for, where there is such a one."""
    lines = [*section["warnings"], *section["notes"], *([section["reason"]] if section.get("reason") else [])]
    return str(next((line for line in lines if about in line), lines[0])) if lines else otherwise
