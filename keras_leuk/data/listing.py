"""The table reader: a CSV or TSV that lists images with their labels, and what else is known of them.

Columns path and label; optional subject, fold and split (train, val or test). Paths are absolute or relative to the
table's own folder. Start at `read`.
"""

from __future__ import annotations

import os
from pathlib import Path

from keras_leuk.data.delimited import Row, read_rows
from keras_leuk.data.table import PART_NAMES, ImageTable, make_table, uneven_parts
from keras_leuk.errors import DataError, suggestion

SUFFIXES = (".csv", ".tsv")
_NEEDED = ("path", "label")
_OPTIONAL = ("subject", "fold", "split")


def looks_like(path: Path) -> bool:
    """Whether this is a file that ends in .csv or .tsv."""
    return path.is_file() and path.suffix.lower() in SUFFIXES


def read(path: Path) -> ImageTable:
    """Reads a table of images; no image is opened, but each must be there.

    Args:
        path: a UTF-8 CSV or TSV with a header; comma, semicolon or tab between the values; column names in any case.
            An empty label makes an unlabelled row; every other text is a class, NA too.

    Returns:
        table with the folder of the file as root. Images outside that folder keep an absolute path, or one with '..'.

    Raises:
        DataError: not readable, a column missing, a line without path, an unknown split, an image listed twice or not
            on disk, or one class only.
    """
    if not path.is_file():
        raise DataError(f"reader 'table' reads a CSV or TSV file, not a folder: {path}")
    table = read_rows(path, _NEEDED, any_case=True)
    root = path.parent
    records = [_record(path, row) for row in table.lines]
    if not records:
        raise DataError(f"{path} has a header, but lists no images")
    _refuse_copies(path, records, [row.line for row in table.lines])
    _require_files(path, records, [row.line for row in table.lines])
    notes = []
    unused = [name for name in table.columns if name not in (*_NEEDED, *_OPTIONAL)]
    if unused:
        notes.append(f"columns not used: {', '.join(unused)}")
    warnings = uneven_parts(records)
    labelled = [record for record in records if record["label"] is not None]
    named = sum(record["subject"] is not None for record in labelled)
    if 0 < named < len(labelled):
        warnings.append(f"the subject is known for {named} of {len(labelled)} labelled images only; a split by subject needs all")
    return make_table(records, root=root, name=path.stem, reader="table", notes=notes, warnings=warnings)


def _record(table: Path, row: Row) -> dict[str, str | None]:
    if not row["path"]:
        raise DataError(f"{table} line {row.line}: no path")
    split = row.known("split")
    if split is not None and split.lower() not in PART_NAMES:
        raise DataError(f"{table} line {row.line}: unknown split {split!r}{suggestion(split, PART_NAMES)}")
    return {
        "image": _relative(row["path"], table.parent),
        "label": row.known("label"),
        "subject": row.known("subject"),
        "fold": row.known("fold"),
        "part": PART_NAMES[split.lower()] if split is not None else None,
    }


def _relative(written: str, root: Path) -> str:
    """The path as every later file spells it: relative where the image lies in the table's folder, '/' between folders."""
    if "\\" in written and not os.path.exists(root / written):
        # Written on Windows, read elsewhere.
        written = written.replace("\\", "/")
    written = os.path.normpath(written)
    if os.path.isabs(written):
        home = os.path.abspath(root)
        if written.startswith(os.path.join(home, "")):
            written = os.path.relpath(written, home)
    return Path(written).as_posix()


def _refuse_copies(table: Path, records: list[dict[str, str | None]], lines: list[int]) -> None:
    first: dict[str | None, int] = {}
    for record, line in zip(records, lines, strict=True):
        if record["image"] in first:
            raise DataError(f"{table} line {line}: image already listed in line {first[record['image']]}: {record['image']}")
        first[record["image"]] = line


def _require_files(table: Path, records: list[dict[str, str | None]], lines: list[int]) -> None:
    lost = [
        (line, r["image"]) for r, line in zip(records, lines, strict=True) if not os.path.isfile(table.parent / str(r["image"]))
    ]
    if lost:
        line, image = lost[0]
        raise DataError(
            f"{table} line {line}: image not found: {image} ({len(lost)} of {len(records)} listed images are not there)"
        )
