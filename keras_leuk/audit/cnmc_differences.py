"""The ways in which a copy of C-NMC 2019 can differ from the official list, and the words for each.

`keras_leuk.audit.copy_of_cnmc` finds the differences.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from keras_leuk.data.official import SIZE, SUFFIX
from keras_leuk.images.file_facts import FORMAT_OF_SUFFIX

Json = dict[str, Any]

NAMED = 5
"""Examples of each kind of difference."""

COLUMNS = ("kind", "image", "official", "here", "listed")
"""Of a table of differences: kind, image (None: missing), official (name of the official file; None: there is none), and
here and listed (what contradicts each other; None: nothing does)."""


class Kind(NamedTuple):
    """One way to differ: whether the user must not miss it, the words for images that do, and for an example."""

    warning: bool
    words: str
    example: str


_BOTH = "{image}: {here} here, {listed} officially"

KINDS = {
    "label": Kind(True, "image{s} with another label than officially", _BOTH),
    "subject": Kind(True, "image{s} of another subject than officially", _BOTH),
    "extra": Kind(True, "image{s} not in the official list", "{image}"),
    "twice": Kind(True, "image{s} of a cell that is here already", "{image}: the cell of {here}"),
    "renamed": Kind(True, "image{s} under another name than officially", "{image}: officially {listed}"),
    "fold": Kind(True, "image{s} in another fold than officially", "{image}: officially fold {listed}"),
    "part": Kind(True, "image{s} in another part than officially", _BOTH),
    "class folder": Kind(True, "image{s} in a folder of the other class", "{image}: officially {listed}"),
    "converted": Kind(False, f"image{{s}} in another format than {FORMAT_OF_SUFFIX[SUFFIX]}", "{image}: {here}"),
    "resized": Kind(False, f"image{{s}} of another size than {SIZE[0]} × {SIZE[1]} pixels", "{image}: {here}"),
    "missing": Kind(False, "official cell{s} not here", "{official} ({listed})"),
}
"""Every kind of difference, the worst first."""


def describe(differences: pd.DataFrame) -> list[Json]:
    """Each kind of difference in a table with `COLUMNS`: kind, n, warning, words, and its first examples."""
    found = []
    for kind, rows in differences.groupby("kind", sort=False):
        words = KINDS[str(kind)]
        found.append(
            {
                "kind": str(kind),
                "n": len(rows),
                "warning": words.warning,
                "words": f"{len(rows):,} {words.words.format(s='s' * (len(rows) != 1))}",
                "first": [words.example.format_map(row) for row in records(rows.head(NAMED))],
            }
        )
    return found


def records(table: pd.DataFrame) -> list[Json]:
    """The rows as dictionaries with names as keys."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
