"""Published tables in long form: one row a published cell and protocol, every value at full precision."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]

COLUMNS = (
    "table",
    "row",
    "column",
    "published",
    "arithmetic",
    "protocol",
    "measured",
    "low",
    "high",
    "n",
    "subjects",
    "runs",
    "sd",
    "difference",
    "verdict",
    "weights",
)
"""``published`` is the printed string, ``arithmetic`` its verdict; ``measured``, ``low``, ``high``, ``sd`` and ``difference`` are
fractions, but for counts and losses. What is unknown is empty."""


def long_form(facts: Json, table: Json) -> str:
    """A published table as CSV, ending in a newline."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_rows(facts, table))
    return text.getvalue()


def _rows(facts: Json, table: Json) -> Iterator[list[Any]]:
    protocols = [protocol["name"] for protocol in facts["protocols"]]
    for row in table["rows"]:
        for column, cell in row["cells"].items():
            published = [table["name"], row["name"], column, cell["printed"], cell["arithmetic"]["verdict"]]
            for protocol in protocols:
                one = cell["measured"].get(protocol, {})
                one = {**one, "protocol": protocol, "measured": one.get("value")}
                yield [*published, *(_plain(one.get(name)) for name in COLUMNS[len(published) :])]


def _plain(value: Any) -> Any:
    return "" if value is None else value
