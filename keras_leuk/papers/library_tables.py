"""Published tables: the printed strings, what they measure, and which run of ours stands beside each.

A table is a CSV file in the paper's own shape with its strings as printed, and an entry of ``tables.yaml`` that says how to read
it. Column sums and a checksum stand in the entry, so that a mistyped digit is found when the table is read.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from keras_leuk.errors import DataError, UsageError, suggestion
from keras_leuk.papers.library_reading import read
from keras_leuk.papers.library_table_facts import Average, ColumnFacts, RowFacts, Side, TableFacts, TablesFile, Unit

KEY_JOIN = " / "
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_DIGITS = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class PublishedCell:
    """One printed value.

    Attributes:
        row, column: name of its row (key columns joined by `` / ``) and header of its column.
        printed: the string as printed; value: it as a decimal, None where it is no plain number (a range, "about").
        decimals: digits printed after the point; trailing zeros count.
        measure, average, unit: see `library_table_facts.ColumnFacts`.
        side: of the paper's split it was measured on; images: how many images that side has, None where unknown.
        positives: how many of these are of the positive class, None where unknown.
        class_name: the one class it is about, None where it is about all.
        ours: dotted keys of the recipe, with values, of the run that stands beside it; None where none does.
        mean_of: the table of whose rows it is the printed mean, None where it is none.
    """

    row: str
    column: str
    printed: str
    value: Decimal | None
    decimals: int
    measure: str
    average: Average | None
    unit: Unit
    side: Side
    images: int | None
    class_name: str | None
    ours: Mapping[str, Any] | None
    positives: int | None = None
    mean_of: str | None = None

    @property
    def fraction(self) -> Decimal | None:
        """The value with percent divided by 100."""
        return self.value / 100 if self.value is not None and self.unit == "percent" else self.value


@dataclass(frozen=True)
class PublishedTable:
    """A table of a paper.

    Attributes:
        header, rows: the CSV file, all strings as printed.
        row_names: name of each row.
        cells: every cell of a column that holds a measure, row by row.
        sha256: checksum of what was read (equal to that of `facts`).
        facts: how it is to be read, see `library_table_facts.TableFacts`.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    row_names: tuple[str, ...]
    cells: tuple[PublishedCell, ...]
    sha256: str
    facts: TableFacts

    @property
    def name(self) -> str:
        return self.facts.name

    @property
    def number(self) -> str:
        """As the paper counts it, such as ``Table 3``."""
        return self.facts.number

    @property
    def caption(self) -> str:
        return self.facts.caption

    def cell(self, row: str, column: str) -> PublishedCell:
        """One cell by the name of its row and the header of its column.

        Raises:
            UsageError: there is no such row, or no such column of numbers.
        """
        columns = list(dict.fromkeys(cell.column for cell in self.cells))
        for what, given, known in (("row", row, self.row_names), ("column", column, columns)):
            if given not in known:
                raise UsageError(f"{self.number}: no such {what}: {given!r}{suggestion(given, known)}")
        return next(cell for cell in self.cells if (cell.row, cell.column) == (row, column))


def read_tables(folder: Path) -> tuple[PublishedTable, ...]:
    """The tables of a folder ``published``, in the order of its ``tables.yaml``.

    Raises:
        DataError: a file is missing or does not hold what its entry says; the line names file and key.
    """
    described = folder / "tables.yaml"
    facts = read(described, TablesFile).tables
    names = [table.name for table in facts]
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"{described}: {name}: stands there twice")
    for path in sorted(folder.glob("*.csv")):
        if path.stem not in names:
            raise DataError(f"{described}: has no entry for {path.name}")
    for table in facts:
        _check_means(described, table, names)
    return tuple(read_table(folder / f"{table.name}.csv", table) for table in facts)


def read_table(path: Path, facts: TableFacts) -> PublishedTable:
    """One table.

    Raises:
        DataError: see `read_tables`.
    """
    header, rows = _strings(path)
    expected = tuple(column.header for column in facts.columns)
    if header != expected:
        raise DataError(f"{path}: columns are {', '.join(header)}; tables.yaml has {', '.join(expected)}")
    row_names = _row_names(path, facts, header, rows)
    found = checksum(header, rows)
    _check_sums(path, facts, rows, found)
    cells = tuple(
        _cell(facts, facts.rows.get(name, RowFacts()), column, name, text)
        for name, row in zip(row_names, rows, strict=True)
        for column, text in zip(facts.columns, row, strict=True)
        if column.measure is not None
    )
    return PublishedTable(header, rows, row_names, cells, found, facts)


def column_sum(texts: Sequence[str]) -> Decimal:
    """Sum of the plain numbers among some printed strings, exact; thousands have no comma."""
    return sum((Decimal(text) for text in texts if _NUMBER.fullmatch(text)), Decimal(0))


def checksum(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """SHA-256 of the sums of a table.

    Every run of digits in a cell, with its decimals, is a number, whatever stands around it. Each column and each row is summed
    with weights 1, 2, 3, … by place, so that exchanged values show as well as changed ones.
    """
    numbers = [[sum(map(Decimal, _DIGITS.findall(text)), Decimal(0)) for text in row] for row in rows]
    columns = [sum((i * row[c] for i, row in enumerate(numbers, 1)), Decimal(0)) for c in range(len(header))]
    lines = [f"column {name} {total}" for name, total in zip(header, columns, strict=True)]
    lines += [f"row {i} {sum((c * value for c, value in enumerate(row, 1)), Decimal(0))}" for i, row in enumerate(numbers, 1)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _strings(path: Path) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = [tuple(row) for row in csv.reader(file, strict=True)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    except ValueError:
        raise DataError(f"{path}: is empty") from None
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise DataError(f"{path}: line {number} has {len(row)} cells, the header has {len(header)}")
    return header, tuple(rows)


def _row_names(path: Path, facts: TableFacts, header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    for key in facts.key:
        if key not in header:
            raise DataError(f"{path}: key {key!r} is no column{suggestion(key, header)}")
    places = [header.index(key) for key in facts.key]
    names = tuple(KEY_JOIN.join(row[place] for place in places) for row in rows)
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"{path}: row {name!r} stands there twice")
    for name in facts.rows:
        if name not in names:
            raise DataError(f"{path}: rows: {name!r} is no row{suggestion(name, names)}")
    return names


def _check_means(path: Path, facts: TableFacts, names: Sequence[str]) -> None:
    for row, told in facts.rows.items():
        if told.mean_of is not None and told.mean_of not in names:
            unknown = f"no such table: {told.mean_of!r}{suggestion(told.mean_of, names)}"
            raise DataError(f"{path}: {facts.name}: rows: {row}: mean_of: {unknown}")


def _check_sums(path: Path, facts: TableFacts, rows: Sequence[Sequence[str]], found: str) -> None:
    for place, column in enumerate(facts.columns):
        total = column_sum([row[place] for row in rows])
        if column.sum is not None and str(total) != column.sum:
            raise DataError(f"{path}: column {column.header!r} sums to {total}; tables.yaml has {column.sum}")
    if found != facts.sha256:
        raise DataError(f"{path}: checksum of the sums is {found}; tables.yaml has {facts.sha256}")


def _cell(facts: TableFacts, row: RowFacts, column: ColumnFacts, name: str, text: str) -> PublishedCell:
    value = Decimal(text) if _NUMBER.fullmatch(text) else None
    assert column.measure is not None
    assert column.unit is not None
    same_side = row.side in (None, facts.side)
    return PublishedCell(
        row=name,
        column=column.header,
        printed=text,
        value=value,
        decimals=len(text.partition(".")[2]) if value is not None else 0,
        measure=row.measure or column.measure,
        # A row that names a measure of its own has the average of its own, too.
        average=row.average if row.measure is not None else row.average or column.average,
        unit=row.unit or column.unit,
        side=row.side or facts.side,
        images=row.images if row.images is not None else facts.images if same_side else None,
        class_name=row.class_name,
        ours=_ours(facts, row, column, name),
        positives=facts.positives if same_side and row.images in (None, facts.images) else None,
        mean_of=row.mean_of,
    )


def _ours(facts: TableFacts, row: RowFacts, column: ColumnFacts, name: str) -> Mapping[str, Any] | None:
    if facts.kind not in ("results", "cited") or row.cell is None:
        return None
    of_row = {facts.rows_set: yaml.safe_load(name)} if facts.rows_set is not None else {}
    return {**facts.cell, **of_row, **row.cell, **column.cell}
