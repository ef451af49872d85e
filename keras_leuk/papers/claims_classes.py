"""One of several classes: how many images of it a test set can have, if its recall, precision and F1 are as printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_leuk.papers import attainable_binary
from keras_leuk.papers.attainable_boxes import Ints
from keras_leuk.papers.claims_table import Claim

Json = dict[str, Any]

SHOWN = 3
"""Sizes of a class whose counts are told."""


def supports(claims: Sequence[Claim], largest: int) -> list[Json]:
    """For each class of a table: numbers of its images for which every row has whole counts TP, FP, FN.

    Args:
        claims: rows of one table; those with a class and a recall (or false negative rate) count.
        largest: greatest number searched where a row names no range.

    Returns:
        per class: rows, the range searched, and by 'rounded' and 'truncated' the numbers that each row allows, and all allow,
        with the counts of the first ones.
    """
    names = list(dict.fromkeys(c.of_class for c in claims if _searchable(c)))
    return [_of_class(name, [c for c in claims if c.of_class == name and _searchable(c)], largest) for name in names]


def _searchable(claim: Claim) -> bool:
    return bool(claim.of_class) and "recall" in claim.values and len(claim.values) > 1


def _of_class(name: str, rows: list[Claim], largest: int) -> Json:
    ranges = [row.support or (1, largest) for row in rows]
    first, last = max(low for low, _ in ranges), min(high for _, high in ranges)
    told: Json = {"class": name, "rows": [row.row for row in rows], "searched": [first, last]}
    for mode in ("rounded", "truncated"):
        found = [attainable_binary.supports(row.boxes(mode), first, last) for row in rows]
        common = found[0][0]
        for numbers, _ in found[1:]:
            common = np.intersect1d(common, numbers)
        told[mode] = {
            "each": {row.row: len(numbers) for row, (numbers, _) in zip(rows, found, strict=True)},
            "all": common.tolist(),
            "counts": [_counts(rows, found, int(number)) for number in common[:SHOWN]],
        }
    return told


def _counts(rows: list[Claim], found: list[tuple[Ints, Ints]], number: int) -> Json:
    """TP, FP, FN of each row at one number of images."""
    counts = {
        row.row: dict(zip(("tp", "fp", "fn"), values[int(np.searchsorted(numbers, number))].tolist(), strict=True))
        for row, (numbers, values) in zip(rows, found, strict=True)
    }
    return {"support": number, "rows": counts}
