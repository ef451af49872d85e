"""Tables of published numbers: the columns a user fills in, and how a row is read. `read_claims` is the way in.

A row is one row of a published table. Numbers are copied as they were printed, zeros at the end included, because the zeros say
how finely a number was printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from keras_leuk.data.delimited import Row, read_rows
from keras_leuk.errors import UsageError, suggestion
from keras_leuk.papers.attainable import DEFINITIONS
from keras_leuk.papers.attainable_boxes import Box, Printed, printed

COLUMNS = {
    "paper": "name of the paper; shown only",
    "table": "rows with one name here are one table, and are judged as one test set",
    "row": "name of the row, such as the network (needed)",
    "class": "one of several classes, if the values are that class's own",
    "role": "'mean' for a printed mean of the other rows of its table (of its row's classes, if those are given)",
    "n": "number of test images: 1600, or several as 1867 2133, or a range to search as 1-3000",
    "support": "images of the positive class (of `class`): 1455, or a range as 1-6000",
    "classes": "how many classes the classifier has [2]",
    "outputs": "softmax or sigmoid, if known: only two sigmoid units can both be above 0.5",
    "unit": "percent or fraction [percent if a value of the row has % or is above 1]",
    "accuracy": "as printed",
    "precision": "as printed",
    "recall": "as printed",
    "f1": "as printed",
    "fdr": "false detection rate, 1 - precision, as printed",
    "fnr": "false negative rate, 1 - recall, as printed",
    "loss": "a printed loss; only means are checked",
    "decimals": "decimals of all values of the row, if a spreadsheet has taken zeros away",
    "definition": f"what precision, recall and F1 are said to be, if the paper says it: {', '.join(DEFINITIONS)}",
    "note": "anything; shown",
}
"""Columns that a table of claims may have."""

MEASURES = ("accuracy", "precision", "recall", "f1")
_RATES = {"accuracy": "accuracy", "precision": "precision", "recall": "recall", "f1": "f1", "fdr": "precision", "fnr": "recall"}
MOST_IMAGES = 20_000_000
LONGEST_RANGE = 100_000


@dataclass(frozen=True)
class Claim:
    """One printed row.

    Attributes:
        table, row, of_class, note: as in the file; of_class is '' for values of the whole classifier.
        mean: whether it is printed as the mean of other rows.
        sizes: numbers of test images that are named, () where unknown; search: range of sizes to search, None for the usual one.
        support: least and greatest number of images of the positive class (of the class).
        classes: of the classifier.
        values: measure → printed number; of fdr and fnr, under precision and recall, their complement.
        loss: printed loss, digits and decimals as they stand.
        outputs: 'softmax', 'sigmoid' or '' for unknown.
        definition: stated definition, '' for none.
    """

    paper: str
    table: str
    row: str
    of_class: str
    mean: bool
    sizes: tuple[int, ...]
    search: tuple[int, int] | None
    support: tuple[int, int] | None
    classes: int
    values: dict[str, Printed]
    loss: str
    outputs: str
    definition: str
    note: str

    @property
    def name(self) -> str:
        """Row and class."""
        return f"{self.row}, {self.of_class}" if self.of_class else self.row

    def boxes(self, mode: str, without: str = "") -> dict[str, Box]:
        """Boxes of the values, one of them left out if asked."""
        return {name: value.box(mode) for name, value in self.values.items() if name != without}


def read_claims(path: Path) -> list[Claim]:
    """Reads a table of claims: CSV, TSV or semicolons, with a header of names in COLUMNS.

    Raises:
        UsageError: no such file, an unknown column, or a value that its column cannot have.
        DataError: the file cannot be read as a table.
    """
    if not path.is_file():
        raise UsageError(f"no such table: {path}")
    rows = read_rows(path, (), any_case=True)
    for column in rows.columns:
        if column not in COLUMNS:
            raise UsageError(f"{path}: column {column!r} is unknown{suggestion(column, COLUMNS)}")
    if "row" not in rows.columns:
        raise UsageError(f"{path} has no column 'row'; found: {', '.join(rows.columns)}")
    claims = [_claim(row, f"{path} line {row.line}") for row in rows.lines]
    if not claims:
        raise UsageError(f"{path} has a header and no rows")
    return claims


def _claim(row: Row, where: str) -> Claim:
    values, unit = {}, _percent(row, where)
    for column, measure in _RATES.items():
        if row.known(column) is None:
            continue
        if measure in values:
            raise UsageError(f"{where}: {column} and {measure} say the same thing; give one of them")
        values[measure] = _printed(row, column, unit, where)
    loss = row.known("loss") or ""
    if loss and not re.fullmatch(r"\d+(\.\d+)?", loss):
        raise UsageError(f"{where}: loss {loss!r} is not a number such as 0.061")
    if not values and not loss:
        raise UsageError(f"{where}: no value; one of {', '.join([*_RATES, 'loss'])} is needed")
    sizes, search = _sizes(row.known("n") or "", where)
    support = _numbers(row.known("support") or "", "support", where)
    if support and max(support) - min(support) > LONGEST_RANGE:
        raise UsageError(f"{where}: support {row['support']!r} is too long a range; at most {LONGEST_RANGE:,} numbers")
    classes = _numbers(row.known("classes") or "2", "classes", where)
    return Claim(
        paper=row.known("paper") or "",
        table=row.known("table") or "",
        row=row["row"],
        of_class=row.known("class") or "",
        mean=_word(row, "role", ("mean",), where) == "mean",
        sizes=sizes,
        search=search,
        support=(min(support), max(support)) if support else None,
        classes=max(classes),
        values=values,
        loss=loss,
        outputs=_word(row, "outputs", ("softmax", "sigmoid"), where),
        definition=_word(row, "definition", DEFINITIONS, where),
        note=row.known("note") or "",
    )


def _percent(row: Row, where: str) -> bool:
    unit = _word(row, "unit", ("percent", "fraction"), where)
    if unit:
        return unit == "percent"
    texts = [row.known(column) or "" for column in _RATES]
    return any(text.endswith("%") or (re.fullmatch(r"\d+(\.\d*)?", text) and float(text) > 1) for text in texts)


def _word(row: Row, column: str, known: Iterable[str], where: str) -> str:
    """The value, one of a few words, or '' where there is none."""
    word = row.known(column) or ""
    if word and word not in known:
        raise UsageError(f"{where}: {column} {word!r} is unknown{suggestion(word, known)}")
    return word


def _printed(row: Row, column: str, percent: bool, where: str) -> Printed:
    text = row[column]
    decimals = _numbers(row.known("decimals") or "", "decimals", where)
    try:
        bare = text.removesuffix("%").rstrip()
        if text.endswith("%") and not percent:
            raise ValueError("has a % sign, but the row's unit is fraction")
        return printed(bare, percent, decimals[0] if decimals else None, complement=column in ("fdr", "fnr"))
    except ValueError as error:
        raise UsageError(f"{where}: {column} {text!r} {error}") from None


def _sizes(text: str, where: str) -> tuple[tuple[int, ...], tuple[int, int] | None]:
    """Named sizes, or a range to search."""
    if "-" in text:
        found = _numbers(text, "n", where)
        return (), (found[0], found[-1])
    return tuple(sorted(_numbers(text, "n", where))), None


def _numbers(text: str, column: str, where: str) -> list[int]:
    """'5', '5 7' or '5-7' (its two ends)."""
    if not re.fullmatch(r"\s*(\d+(\s+\d+)*|\d+\s*-\s*\d+)?\s*", text):
        raise UsageError(
            f"{where}: {column} {text!r} is not a whole number such as 1600, numbers as 1867 2133, or a range as 1-3000"
        )
    found = [int(part) for part in re.split(r"[\s-]+", text.strip()) if part]
    if "-" in text and found[0] > found[1]:
        raise UsageError(f"{where}: {column} {text!r}: the range ends before it begins")
    if column != "decimals" and any(number < 1 or number > MOST_IMAGES for number in found):
        raise UsageError(f"{where}: {column} {text!r} must lie between 1 and {MOST_IMAGES:,}")
    return found
