"""Published tables with the measured numbers beside every cell, and what came of the comparison. Start at `tables`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from keras_leuk.evaluation.published import Reader
from keras_leuk.papers.attainability import Arithmetic, Key, arithmetic
from keras_leuk.papers.library import Paper
from keras_leuk.papers.library_json import heading
from keras_leuk.papers.library_table_facts import ColumnFacts
from keras_leuk.papers.library_tables import PublishedCell, PublishedTable
from keras_leuk.papers.replicate_data import DataFacts
from keras_leuk.papers.replicate_verdicts import OF_THE_DATA, Json, Trial, beside, measured

JUDGED = ("results", "cited")
"""Kinds of tables whose numbers are measured again."""


def tables(paper: Paper, trials: Mapping[str, Sequence[Trial]], data: DataFacts, reader: Reader) -> list[Json]:
    """Every table of a paper as an object of replication.json.

    Args:
        trials: protocol → its runs.
    """
    attainable = arithmetic(paper)
    return [_table(table, trials, data, reader, attainable) for table in paper.tables]


def _table(
    table: PublishedTable,
    trials: Mapping[str, Sequence[Trial]],
    data: DataFacts,
    reader: Reader,
    attainable: Mapping[Key, Arithmetic],
) -> Json:
    facts = table.facts
    cells: dict[str, Json] = {name: {} for name in table.row_names}
    for cell in table.cells:
        told = attainable.get((table.name, cell.row, cell.column), Arithmetic("not judged", ""))
        judged = trials if facts.kind in JUDGED else {}
        matched = {name: _matched(cell, table, own) for name, own in judged.items()}
        cells[cell.row][cell.column] = _cell(cell, matched, data, reader, told)
    return heading(table) | {
        "key": list(facts.key),
        "columns": [_column(column) for column in facts.columns if column.measure is not None],
        "rows": [
            {
                "name": name,
                "printed": list(printed),
                "note": facts.rows[name].note if name in facts.rows else None,
                "cells": cells[name],
            }
            for name, printed in zip(table.row_names, table.rows, strict=True)
        ],
    }


def _matched(cell: PublishedCell, table: PublishedTable, trials: Sequence[Trial]) -> list[Trial]:
    """The runs beside a cell; beside the printed mean of a column those of all its rows."""
    if cell.ours is not None or cell.mean_of != table.name:
        return beside(cell, trials)
    rows = [beside(other, trials) for other in table.cells if other.column == cell.column]
    return list({trial.name: trial for row in rows for trial in row}.values())


def _cell(cell: PublishedCell, matched: Mapping[str, Sequence[Trial]], data: DataFacts, reader: Reader, told: Arithmetic) -> Json:
    return {
        "printed": cell.printed,
        "value": float(cell.value) if cell.value is not None else None,
        "decimals": cell.decimals,
        "unit": cell.unit,
        "measure": cell.measure,
        "average": cell.average,
        "side": cell.side,
        "class": cell.class_name,
        "arithmetic": {"verdict": told.verdict, "words": told.words},
        "runs": {name: [trial.name for trial in own] for name, own in matched.items()},
        "measured": {name: measured(cell, own, data, reader) for name, own in matched.items()},
    }


def _column(column: ColumnFacts) -> Json:
    return {
        "header": column.header,
        "measure": column.measure,
        "average": column.average,
        "unit": column.unit,
        "definition": column.definition,
    }


def reading(told: Sequence[Json], protocol: str) -> dict[str, int]:
    """How many published cells ended how; what arithmetic excludes counts as that alone, and counts of the data not at all."""
    found: Counter[str] = Counter()
    for table in told:
        if table["kind"] not in JUDGED:
            continue
        for row in table["rows"]:
            for cell in row["cells"].values():
                if cell["measure"] not in OF_THE_DATA:
                    excluded = cell["arithmetic"]["verdict"] == "not attainable"
                    found["not attainable" if excluded else cell["measured"][protocol]["verdict"]] += 1
    return dict(sorted(found.items()))
