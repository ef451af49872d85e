"""Words that the lines and tables of an audit of claims share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]

NAMES = {
    "binary": "positive class",
    "other": "other class",
    "macro": "macro",
    "weighted": "weighted",
    "micro": "micro",
    "units": "over two units",
    "units-binary": "over two units, accuracy too",
}
"""Definitions as column heads."""

MEASURES = {"accuracy": "accuracy", "precision": "precision", "recall": "recall", "f1": "F1", "loss": "loss"}

LISTED = 12
"""Numbers of images, or rows, that a line lists."""


def listed(ranges: Sequence[Sequence[int]]) -> str:
    """'440, 880, 1,563–1,568', cut after a dozen."""
    parts = [f"{first:,}" if first == last else f"{first:,}–{last:,}" for first, last in ranges[:LISTED]]
    more = sum(last - first + 1 for first, last in ranges[LISTED:])
    return ", ".join(parts) + (f" and {more:,} more" if more else "")


def matrix(counts: Json) -> str:
    """'(767, 19, 30, 784)'."""
    return f"({', '.join(f'{value:,}' for value in counts.values())})"


def span(table: Json) -> str:
    """The numbers of images searched: '1 to 3,000'."""
    return f"{table['searched'][0]:,} to {table['searched'][1]:,}"


def number(count: int) -> str:
    """'1 row', '7 rows'."""
    return "1 row" if count == 1 else f"{count} rows"


def name(row: Json) -> str:
    """A row of a table, told from others of its name."""
    return f"{row['row']}, {row['class']}" if row["class"] else f"{row['row']} (mean)" if row["mean"] else str(row["row"])
