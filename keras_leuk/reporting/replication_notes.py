"""What stands below a published table: notes that it cannot be read without, and measures under other definitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras_leuk.reporting.page import Cell, Table
from keras_leuk.reporting.replication_numbers import IMPOSSIBLE, capital, plain_entry
from keras_leuk.reporting.replication_words import data_words

Json = Mapping[str, Any]


def table_notes(facts: Json, table: Json) -> tuple[str, ...]:
    """Definitions, notes on rows, impossible values, why something is missing, whose weights, classes in place of others."""
    notes = _definitions(table)
    notes += [f"{row['name']}: {row['note']}." for row in table["rows"] if row["note"]]
    notes += _impossible(table)
    notes += [*_sides(table), *_missing(table)]
    notes += _weights(facts, table)
    if facts["data"]["stand_ins"] and measured_in(table):
        notes.append(f"{'; '.join(stand['words'] for stand in facts['data']['stand_ins'])}.")
    return tuple(capital(note) for note in notes)


_AVERAGES = {
    "macro": "unweighted mean over the classes",
    "positive": "of the positive class",
    "class": "of the class that the row names",
    "units": "over all output units at threshold 0.5",
}


def _definitions(table: Json) -> list[str]:
    """What the columns measure, each definition once."""
    told: dict[str, list[str]] = {}
    for column in table["columns"]:
        words = str(column["definition"] or _AVERAGES.get(column["average"] or "", "")).rstrip(".")
        if words:
            told.setdefault(words, []).append(column["header"])
    every = len(table["columns"])
    return [f"{'every column' if 1 < len(names) == every else ', '.join(names)}: {words}." for words, names in told.items()]


def _impossible(table: Json) -> list[str]:
    return [
        f"{row['name']}, {header}: {cell['printed']} is not attainable: {cell['arithmetic']['words'].rstrip('.')}."
        for row in table["rows"]
        for header, cell in row["cells"].items()
        if cell["arithmetic"]["verdict"] == IMPOSSIBLE
    ]


def _missing(table: Json) -> list[str]:
    """Why a value is missing or is not what its place says, each reason once with the rows that it holds for."""
    reasons: dict[tuple[bool, str], list[str]] = {}
    for row in table["rows"]:
        for cell in row["cells"].values():
            for one in cell["measured"].values():
                if one["reason"]:
                    reasons.setdefault((one["value"] is None, one["reason"].rstrip(".")), []).append(row["name"])
    every = [row["name"] for row in table["rows"]]
    told = []
    for (missing, reason), names in reasons.items():
        rows = list(dict.fromkeys(names))
        whom = "every row" if rows == every else "; ".join(rows)
        told.append(f"{'no value' if missing else 'measured'} ({whom}): {reason}.")
    return told


def _sides(table: Json) -> list[str]:
    """Rows that are about another side of the split than their table."""
    others: dict[str, list[str]] = {}
    for row in table["rows"]:
        for side in {cell.get("side", table["side"]) for cell in row["cells"].values()} - {table["side"]}:
            others.setdefault(side, []).append(row["name"])
    return [
        f"{'; '.join(rows)}: {f'{side} side' if side != 'none' else 'no side of the split'}." for side, rows in others.items()
    ]


def _weights(facts: Json, table: Json) -> list[str]:
    """Which rows come from random weights, where not all of the table's do."""
    told = []
    for protocol in facts["protocols"]:
        name = protocol["name"]
        random = [row["name"] for row in table["rows"] if {"random", "mixed"} & _weights_of(row, name)]
        if random:
            where = "" if len(random) == len(table["rows"]) else f" in {'; '.join(random)}"
            told.append(f"{name} protocol: random first weights{where}.")
    return told


def _weights_of(row: Json, protocol: str) -> set[str]:
    """Kinds of first weights behind the measured values of a row."""
    found = [cell["measured"].get(protocol) for cell in row["cells"].values()]
    return {one["weights"] for one in found if one is not None and one["value"] is not None}


def measured_in(table: Json, protocol: str | None = None) -> list[Json]:
    """What has a value, of all protocols or of one."""
    cells = [cell for row in table["rows"] for cell in row["cells"].values()]
    return [
        one for cell in cells for name, one in cell["measured"].items() if one["value"] is not None and protocol in (None, name)
    ]


def beside_table(facts: Json, table: Json) -> Table | None:
    """Measures under other definitions than the paper's, where there are any."""
    names = _extras(table)
    if not names:
        return None
    protocols = [protocol["name"] for protocol in facts["protocols"]]
    rows = []
    for row in table["rows"]:
        entries = [_extra(row, header, extra, protocol) for header, extra in names for protocol in protocols]
        if any(entry is not None for entry in entries):
            rows.append((Cell(row["name"]), tuple(plain_entry(entry, with_size=True) for entry in entries)))
    shared = len({header for header, _ in names}) > 1
    groups = [(f"{header}: {extra}" if shared else extra, len(protocols)) for header, extra in names]
    return Table(
        name=f"{table['name']}-beside",
        title=f"Beside {table['number']}: other definitions, measured on {data_words(facts)}",
        caption="As fractions, on the same images. In brackets: 95 % bootstrap interval. The paper prints none of them.",
        corner=" / ".join(table["key"]),
        across="",
        columns=tuple(protocols) * len(names),
        rows=tuple(rows),
        groups=tuple(groups),
    )


def _extras(table: Json) -> list[tuple[str, str]]:
    """Column and name of each extra measure, in order of appearance."""
    found: dict[tuple[str, str], None] = {}
    for row in table["rows"]:
        for header, cell in row["cells"].items():
            for one in cell["measured"].values():
                found |= {(header, name): None for name in one["extra"]}
    return list(found)


def _extra(row: Json, header: str, extra: str, protocol: str) -> Json | None:
    one = row["cells"].get(header, {}).get("measured", {}).get(protocol)
    found: Json | None = one["extra"].get(extra) if one is not None else None
    return found
