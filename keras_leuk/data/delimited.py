"""Small tables in text files: CSV and TSV read strictly, every value kept as the text it is.

A class may be called NA and a subject 007, so nothing is guessed: no missing values, no numbers, no dates. What is wrong
is said with the file and the line. Start at `read_rows`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_leuk.errors import DataError

_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class Row:
    """One line of a table: where it stands in the file (from 1, the header is line 1) and its values by column name."""

    line: int
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    def known(self, column: str) -> str | None:
        """The value, or None where the column is missing or empty here."""
        return self.values.get(column) or None


@dataclass(frozen=True)
class Rows:
    """A table's columns in the order of the file, and its lines."""

    columns: tuple[str, ...]
    lines: tuple[Row, ...]


def read_rows(path: Path, needed: Sequence[str], *, any_case: bool = False, exact: bool = False) -> Rows:
    """Reads a delimited text file with a header.

    Args:
        path: a UTF-8 file, with or without byte order mark; the delimiter is whichever of comma, semicolon and tab
            shows most of the needed columns in the header, whatever the suffix says.
        needed: columns that must be there; others are read as well.
        any_case: column names are compared and returned in lower case.
        exact: keep space around values, which in a table made by hand is a slip and in one of ours a file's name.

    Raises:
        DataError: the file cannot be read, is not UTF-8, is empty, lacks a column, names one twice, or has a line with
            more or fewer values than the header.
    """
    text = _text(path)
    delimiter = _delimiter(text, needed, any_case)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: tuple[str, ...] | None = None
    lines = []
    try:
        for values in reader:
            if not any(value.strip() for value in values):
                continue
            if header is None:
                header = _header(path, values, needed, any_case)
            elif len(values) != len(header):
                raise DataError(f"{path} line {reader.line_num}: {len(values)} values, but the header has {len(header)} columns")
            else:
                lines.append(Row(reader.line_num, {c: v if exact else v.strip() for c, v in zip(header, values, strict=True)}))
    except csv.Error as error:
        raise DataError(f"{path} line {reader.line_num}: not a table ({error})") from None
    if header is None:
        raise DataError(f"{path} is empty")
    return Rows(header, tuple(lines))


def _text(path: Path) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text (byte {error.start}); save it as CSV UTF-8") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None


def _delimiter(text: str, needed: Sequence[str], any_case: bool) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")

    def merit(delimiter: str) -> tuple[int, int]:
        names = {_name(piece.strip().strip('"'), any_case) for piece in first.split(delimiter)}
        return len(names & set(needed)), first.count(delimiter)

    return max(_DELIMITERS, key=merit)


def _header(path: Path, values: Sequence[str], needed: Sequence[str], any_case: bool) -> tuple[str, ...]:
    names = tuple(_name(value, any_case) for value in values)
    missing = [name for name in needed if name not in names]
    if missing:
        raise DataError(f"{path} has no column {', '.join(missing)}; found: {', '.join(names)}; needed: {', '.join(needed)}")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise DataError(f"{path} names column {twice[0]!r} twice")
    return names


def _name(text: str, any_case: bool) -> str:
    return text.strip().lower() if any_case else text.strip()
