"""What the page of an audit shows of leaks: what stands on two sides, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from keras_leuk.reporting.audit_duplicates import conflict_lines
from keras_leuk.reporting.page import Block, Cell, Heading, Paragraph, Points, Table, Tables

Json = dict[str, Any]

NAMED = 12
"""Names of a kind that stand on the page; audit.json has all."""

_KINDS = (
    ("subjects", "subject", "subjects"),
    ("linked", "group of subjects that hold the same cells", "groups of subjects that hold the same cells"),
    ("equal", "pair of equal images", "pairs of equal images"),
    ("cells", "other pair of images of one cell", "other pairs of images of one cell"),
)
"""What may stand on two sides: key in audit.json, and its name for one and for several."""


def headline(section: Json) -> str:
    """One sentence for the top of the page."""
    if section["conflicts"]:
        number = len(section["conflicts"])
        return f"{number} cell{'s' * (number != 1)} stand{'s' * (number == 1)} under more than one class. " + _divided(section)
    return _divided(section)


def blocks(section: Json, folder: Path) -> list[Block]:
    """The section on the page; `folder` is not needed."""
    found: list[Block] = [Heading("Leaks"), Paragraph(_begun(headline(section)))]
    if section["conflicts"]:
        found.append(conflict_lines(section["conflicts"]))
    if section["divisions"]:
        found.append(Tables((_table(section["divisions"]),)))
    for one in section["divisions"]:
        lines = [f"{words}: {_named(_found(one, key))}." for key, _, words in _KINDS if _found(one, key)]
        if lines:
            found += [Heading(f"On two sides: {one['name']}", 3), Points(tuple(line[:1].upper() + line[1:] for line in lines))]
    return found


def _begun(text: str) -> str:
    return text[:1].upper() + text[1:]


def _divided(section: Json) -> str:
    divisions = section["divisions"]
    if not divisions:
        return "The data have no parts or folds of their own, and no split was named, so there are no two sides to look at."
    leaking = [one for one in divisions if one["leaks"]]
    names = ", ".join(one["name"] for one in divisions)
    if not leaking:
        return f"Nothing was found on two sides ({names})."
    return "; ".join(f"{one['name']}: {_counts(one)} on two sides" for one in leaking) + "."


def _counts(one: Json) -> str:
    counts = [(len(_found(one, key)), single, several) for key, single, several in _KINDS]
    return ", ".join(f"{count:,} {single if count == 1 else several}" for count, single, several in counts if count)


def _found(one: Json, key: str) -> list[str]:
    return list(one["subjects"]["shared"] if key == "subjects" else one[key])


def _named(names: list[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _table(divisions: list[Json]) -> Table:
    rows = []
    for one in divisions:
        sides = ", ".join(f"{side} {count:,}" for side, count in one["sides"].items())
        cells = [Cell(f"{len(_found(one, key)):,}", number=float(len(_found(one, key)))) for key, *_ in _KINDS]
        if not one["subjects"]["known"]:
            cells[0] = Cell("unknown")
        rows.append((Cell(one["name"], spread=sides), tuple(cells)))
    return Table(
        "leaks",
        "On two sides.",
        "Images of each side below its name. Groups are counted where none of their subjects is parted itself.",
        "divided by",
        "",
        ("subjects", "linked groups", "equal images", "same cell"),
        tuple(rows),
    )
