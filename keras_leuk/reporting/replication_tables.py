"""Each published table in its own shape, with what was measured beside every number; and the tables that are only printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keras_leuk.reporting.page import Block, Cell, Points, Table, Tables
from keras_leuk.reporting.replication_notes import beside_table, measured_in, table_notes
from keras_leuk.reporting.replication_numbers import capital, measured_entry, published_entry, size
from keras_leuk.reporting.replication_words import data_words

Json = Mapping[str, Any]

COMPARED = ("results", "cited")
"""Kinds of tables beside which something may be measured."""

PUBLISHED = "published"


def compared_blocks(facts: Json) -> list[Block]:
    """For each table of results the comparison, what must be known to read it, and other definitions beside it."""
    blocks: list[Block] = []
    for table in facts["tables"]:
        if table["kind"] not in COMPARED:
            continue
        blocks.append(Tables((compared_table(facts, table),)))
        notes = table_notes(facts, table)
        if notes:
            blocks.append(Points(notes, notes=True))
        beside = beside_table(facts, table)
        if beside is not None:
            blocks.append(Tables((beside,)))
    return blocks


def stated_blocks(facts: Json) -> list[Block]:
    """Tables of counts, settings and definitions, as printed."""
    return [Tables((_printed_table(facts, table),)) for table in facts["tables"] if table["kind"] not in COMPARED]


def compared_table(facts: Json, table: Json) -> Table:
    """A published table, each column of numbers widened to published and every protocol.

    The first column of the paper labels the rows; its other columns of words stand where the paper has them.
    """
    protocols = [protocol["name"] for protocol in facts["protocols"]]
    numbers = {column["header"] for column in table["columns"]}
    varied = {name for name in protocols if len(_sizes(table, name)) > 1}
    groups: list[tuple[str, int]] = []
    columns: list[str] = []
    texts: set[int] = set()
    for header in table["header"][1:]:
        if header in numbers:
            groups.append((header, 1 + len(protocols)))
            columns += [PUBLISHED, *protocols]
        else:
            texts.add(len(columns))
            groups.append(("", 1))
            columns.append(header)
    rows = [(Cell(row["printed"][0]), _entries(table, row, numbers, protocols, varied)) for row in table["rows"]]
    return Table(
        name=table["name"],
        title=f"{capital(table['number'])}, published and measured on {data_words(facts)}",
        caption=_caption(facts, table, varied),
        corner=table["header"][0],
        across="",
        columns=tuple(columns),
        rows=tuple(rows),
        groups=tuple(groups),
        texts=frozenset(texts),
    )


def _entries(table: Json, row: Json, numbers: set[str], protocols: Sequence[str], varied: set[str]) -> tuple[Cell, ...]:
    found: list[Cell] = []
    for header, printed in zip(table["header"][1:], row["printed"][1:], strict=True):
        cell = row["cells"].get(header) if header in numbers else None
        if header not in numbers:
            found.append(Cell(printed))
        elif cell is None:
            found += [Cell(printed), *(Cell("–") for _ in protocols)]
        else:
            found.append(published_entry(cell))
            found += [measured_entry(cell["measured"].get(name), cell, with_size=name in varied) for name in protocols]
    return tuple(found)


def _caption(facts: Json, table: Json, varied: set[str]) -> str:
    """What is shown; where the published values come from; on what ours were measured; what the small print is."""
    images = f", {table['images']:,} images" if table["images"] is not None else ""
    side = f"{table['side']} side{images}" if table["side"] != "none" else "no side of the split"
    parts = [f"{table['caption'].rstrip('.')}.", f"Published: {side} ({table['basis'].rstrip('.')})."]
    told = []
    for protocol in facts["protocols"]:
        name, sizes = protocol["name"], _sizes(table, protocol["name"])
        if name in varied:
            told.append(f"{name} protocol, n in each cell")
        elif sizes:
            told.append(f"{name} protocol, {sizes[0]}")
    if told:
        parts.append(f"Measured on {_our_side(table)}: {'; '.join(told)}. {_small_print(table)}")
    else:
        parts.append("Nothing was measured beside it.")
    return " ".join(parts)


def _our_side(table: Json) -> str:
    return f"our {table['side']} side" if table["side"] != "none" else "our data"


def _small_print(table: Json) -> str:
    measured = measured_in(table)
    units = sorted({one["unit"] for one in measured if one["unit"]})
    runs = sorted({one["runs"] for one in measured if one["sd"] is not None})
    over = f" over {' or '.join(f'{unit}s' for unit in units)}" if units else ""
    parts = [f"In brackets: 95 % bootstrap interval{over}. Below: ours minus the published value, and whether that lies within."]
    if runs:
        counts = str(runs[0]) if len(runs) == 1 else f"{runs[0]} to {runs[-1]}"
        parts.append(f"±: standard deviation over {counts} runs that differ in their seed.")
    return " ".join(parts)


def _sizes(table: Json, protocol: str) -> list[str]:
    """Each number of images and subjects that values of a protocol have; counts such as parameters have none."""
    return list(dict.fromkeys(size(one) for one in measured_in(table, protocol) if one["n"]))


def _printed_table(facts: Json, table: Json) -> Table:
    """A table nothing is measured beside."""
    other = "" if facts["data"]["the_papers"] else f" (our data: {data_words(facts)})"
    return Table(
        name=table["name"],
        title=f"{capital(table['number'])}, as printed{other}",
        caption=f"{table['caption'].rstrip('.')}. {capital(table['basis'].rstrip('.'))}.",
        corner=table["header"][0],
        across="",
        columns=tuple(table["header"][1:]),
        rows=tuple((Cell(row["printed"][0]), tuple(Cell(text) for text in row["printed"][1:])) for row in table["rows"]),
        words=True,
    )
