"""What the page of an audit shows of shift: how the parts of the data differ within the same class.

Made from the section of audit.json, nothing else. Start at `draw`, then `blocks`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from keras_leuk.reporting.audit_maps import LEVEL, audit_caption, map_figure
from keras_leuk.reporting.page import Block, Cell, Heading, Paragraph, Picture, Points, Table, Tables
from keras_leuk.reporting.style import save
from keras_leuk.runs.atomic import write_bytes

Json = dict[str, Any]

FIGURE = "shift"

ABREAST = 8
"""Pairs that a figure shows; more go into further figures."""

_COLUMNS = [
    "partition",
    "first",
    "second",
    "descriptor",
    "label",
    "auc",
    "low",
    "high",
    "p",
    "p_holm",
    "units",
    "missing_first",
    "missing_second",
    "reason",
]


def blocks(section: Json, folder: Path) -> list[Block]:
    """Shift on the page.

    Args:
        section: 'shift' of audit.json.
        folder: the audit folder, after `draw`.
    """
    found: list[Block] = [Heading("Shift")]
    lines = (*section["warnings"], *section["notes"])
    if not section["partitions"]:
        return [*found, Points(lines)]
    found.append(
        Paragraph(
            "Do the parts of the data differ within the same class? A shift makes a test side easier or harder than what was "
            "learnt from; where subjects are few, even a large one may not show."
        )
    )
    found.append(Points(lines or ("No descriptor differs between two parts after Holm's correction.",)))
    for partition in section["partitions"]:
        found.append(Tables((_parts(partition, section),)))
        if mix := [_mix(entry, pair) for pair in partition["pairs"] for entry in pair["mix"]]:
            found += [Paragraph("Shares of classes, which shift by themselves:"), Points(tuple(mix))]
    found += [Picture(name, title, _words(table)) for name, title, table in _pages(section)]
    tests = f"Tests: {section['tests']['descriptors']} of descriptors, {section['tests']['mix']} of shares."
    silent = _silent(section)
    found.append(Paragraph(f"{section['methods']['effect']} {section['methods']['unit']} {tests}", "How."))
    return [*found, Paragraph(silent)] if silent else found


def draw(section: Json, folder: Path, data: str) -> None:
    """Draws figures/shift.png and .csv, `ABREAST` pairs a figure: 'shift', 'shift-2', ...

    Args:
        section: 'shift' of audit.json; folder: the audit folder; data: name of the data for the caption.

    Raises:
        OSError: a figure cannot be written.
    """
    figures = folder / "figures"
    unit = "medians of subjects" if section["unit"] == "subject" else "images"
    note = (
        f"Numbers: P(the second part's value is larger) + P(equal) / 2 within each class, {unit} compared; bold with a star "
        f"where p < {LEVEL:g} after Holm correction ({section['tests']['descriptors']} tests). –: constant or missing. "
        "Intervals: in the CSV."
    )
    for name, title, table in _pages(section):
        figures.mkdir(exist_ok=True)
        caption = audit_caption(data, section, note)
        shown = table.assign(block="", row=table["label"], column=table["first"] + " → " + table["second"])
        save(map_figure(title, "effect: 1, the second is larger", shown, caption), figures / f"{name}.png")
        _write(table, figures / f"{name}.csv")


def _write(table: pd.DataFrame, path: Path) -> None:
    write_bytes(path, lambda part: table.to_csv(part, index=False, lineterminator="\n", encoding="utf-8"))


def shift_table(section: Json) -> pd.DataFrame:
    """The numbers in the figures: one row a pair and descriptor, without the descriptors that no pair can be compared in."""
    rows = [
        {"partition": partition["name"], "first": pair["first"], "second": pair["second"], **one, "descriptor": one["name"]}
        for partition in section["partitions"]
        for pair in partition["pairs"]
        for one in pair["descriptors"]
    ]
    table = pd.DataFrame(rows).reindex(columns=_COLUMNS)
    numbers = ["auc", "low", "high", "p", "p_holm"]
    table = table.astype(dict.fromkeys(numbers, "float64"))
    told = set(table.loc[table["auc"].notna(), "descriptor"])
    return table[table["descriptor"].isin(told)].reset_index(drop=True)


def _pages(section: Json) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Name, title and numbers of each figure."""
    table = shift_table(section)
    if table.empty:
        return
    # Missing values are asked after pair by pair: the longest list of descriptors leads, so that rows do not jump.
    order = {name: number for number, name in enumerate(_order(section))}
    pair = table["partition"] + "\n" + table["first"] + "\n" + table["second"]
    names = list(dict.fromkeys(pair))
    for number, start in enumerate(range(0, len(names), ABREAST), 1):
        mine = table[pair.isin(names[start : start + ABREAST])]
        mine = mine.sort_values("descriptor", key=lambda column: column.map(order), kind="stable").reset_index(drop=True)
        yield FIGURE if number == 1 else f"{FIGURE}-{number}", "Shift of descriptors between parts, within each class", mine


def _order(section: Json) -> list[str]:
    seen = dict[str, str]()
    for partition in section["partitions"]:
        for pair in partition["pairs"]:
            seen |= {one["name"]: one["kind"] for one in pair["descriptors"]}
    return sorted(seen, key=lambda name: seen[name] != "shortcut")


def _parts(partition: Json, section: Json) -> Table:
    rows = []
    for part in partition["parts"]:
        whom = "unknown" if part["subjects"] is None else f"{part['subjects']:,}"
        classes = [Cell(f"{part['classes'][name]:,}", _share(part, name)) for name in section["classes"]]
        rows.append((Cell(part["name"]), (Cell(f"{part['n']:,}"), Cell(whom), *classes)))
    columns = ("images", "subjects", *section["classes"])
    return Table(f"shift-{partition['name'].replace(' ', '-')}", f"{partition['words']}.", "", "part", "", columns, tuple(rows))


def _share(part: Json, name: str) -> str:
    return f"({100 * part['classes'][name] / part['n']:.1f} %)" if part["n"] else ""


def _mix(entry: Json, pair: Json) -> str:
    shares = f"{100 * entry['share_first']:.1f} % of {pair['first']}, {100 * entry['share_second']:.1f} % of {pair['second']}"
    if entry["low"] is None:
        return f"{entry['class']}: {shares}; no interval: {entry['reason']}."
    ends = f"{100 * entry['low']:+.1f} to {100 * entry['high']:+.1f}"
    return f"{entry['class']}: {shares}; difference {100 * entry['difference']:+.1f} points ({ends})."


def _silent(section: Json) -> str:
    """What no pair could be compared in."""
    table, silent = shift_table(section), dict[str, str]()
    for partition in section["partitions"]:
        for pair in partition["pairs"]:
            silent |= {one["label"]: one["reason"] for one in pair["descriptors"] if one["name"] not in set(table["descriptor"])}
    return f"Not compared: {'; '.join(f'{label} ({reason})' for label, reason in silent.items())}." if silent else ""


def _words(table: pd.DataFrame) -> str:
    values = table["auc"].dropna()
    pairs = len(table[["partition", "first", "second"]].drop_duplicates())
    told = int((table["p_holm"] < LEVEL).sum())
    many = f"{pairs} pair{'s' * (pairs != 1)} of parts"
    count = table["descriptor"].nunique()
    return f"Effects of {count} descriptors in {many}, {values.min():.2f} to {values.max():.2f}; {told} with p < {LEVEL:g}."
