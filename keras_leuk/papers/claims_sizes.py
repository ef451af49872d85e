"""A table as a whole: the rows were measured on one test set, so one number of images, and of each class, must give them all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_leuk.papers.attainable import DEFINITIONS, accuracy_sizes, fit, scan, sees_classes
from keras_leuk.papers.attainable_boxes import Bools, Ints
from keras_leuk.papers.claims_rows import definitions
from keras_leuk.papers.claims_table import Claim

Json = dict[str, Any]

_CLASSES_TRIED = 12
"""Numbers of images at which the classes' sizes of all rows are compared."""


def ranges(numbers: Ints) -> list[list[int]]:
    """Ascending numbers as [first, last] of each run."""
    if not len(numbers):
        return []
    breaks = np.flatnonzero(np.diff(numbers) > 1)
    return [[int(numbers[a]), int(numbers[b])] for a, b in zip([0, *(breaks + 1)], [*breaks, len(numbers) - 1], strict=True)]


def by_accuracy(claims: Sequence[Claim], sizes: Ints, named: Sequence[int]) -> Json | None:
    """Numbers of images n that make every accuracy k / n, for a whole number k.

    Args:
        sizes: searched; named: told one by one, with how many rows they fit.

    Returns:
        by mode: the common sizes and, for each named one, how many rows fit and how likely a row fits by chance. None where no
        accuracy is printed.
    """
    rows = [claim for claim in claims if "accuracy" in claim.values]
    if not rows:
        return None
    told: Json = {"rows": len(rows), "searched": _ends(sizes)}
    for mode in ("rounded", "truncated"):
        common: Bools = np.ones(len(sizes), np.bool_)
        for row in rows:
            common &= accuracy_sizes(row.values["accuracy"].box(mode), sizes)
        told[mode] = {"sizes": ranges(sizes[common]), "named": [_correct(rows, mode, size) for size in named]}
    told["chance"] = [{"n": size, "all": math.prod(_chance(row, size) for row in rows)} for size in named]
    return told


def _correct(rows: Sequence[Claim], mode: str, size: int) -> Json:
    """Which rows are k / n at one n, and with which k."""
    whole = np.array([size], np.int64)
    ends = {row.name: row.values["accuracy"].box(mode).part_of_whole(whole) for row in rows}
    found = {name: [int(first[0]), int(last[0])] for name, (first, last) in ends.items() if first[0] <= last[0]}
    return {"n": size, "rows": len(found), "correct": found, "not": [name for name in ends if name not in found]}


def by_definition(claims: Sequence[Claim], sizes: Ints) -> list[Json]:
    """Numbers of images at which one definition gives every row, with the same number of positive images in all of them.

    Returns:
        one entry a definition and mode that has such sizes: the sizes; what was not searched; and for the first of them the
        numbers of positive images that all rows share.
    """
    found = []
    names = tried(claims)
    for mode in ("rounded", "truncated"):
        start = _after_accuracy(claims, sizes, mode)
        for definition in names:
            left, omitted = start, ""
            for claim in claims:
                kept, skipped = scan(claim.boxes(mode), definition, left, claim.support)
                left, omitted = left[kept], omitted or skipped
            left, shared = _with_one_share(claims, definition, mode, left)
            if len(left) or omitted:
                found.append(
                    {"definition": definition, "mode": mode, "sizes": ranges(left), "omitted": omitted, "supports": shared}
                )
    return found


def tried(claims: Sequence[Claim]) -> list[str]:
    """Definitions under which some row is searched."""
    return [name for name in DEFINITIONS if any(name in definitions(claim) for claim in claims)]


def _after_accuracy(claims: Sequence[Claim], sizes: Ints, mode: str) -> Ints:
    for claim in claims:
        if "accuracy" in claim.values:
            sizes = sizes[accuracy_sizes(claim.values["accuracy"].box(mode), sizes)]
    return sizes


def _with_one_share(claims: Sequence[Claim], definition: str, mode: str, sizes: Ints) -> tuple[Ints, list[Json]]:
    """Leaves out sizes at which the rows need different numbers of positive images."""
    if not sees_classes(definition):
        return sizes, []
    kept, shared = [], []
    for size in sizes[:_CLASSES_TRIED].tolist():
        both = np.ones(size + 1, np.bool_)
        for claim in claims:
            both &= fit(claim.boxes(mode), definition, size, claim.support).supports()
        if both.any():
            kept.append(size)
            shared.append({"n": size, "supports": ranges(np.flatnonzero(both))})
    return np.array([*kept, *sizes[_CLASSES_TRIED:].tolist()], np.int64), shared


def _chance(claim: Claim, size: int) -> float:
    """Share of all numbers with that many decimals that are k / n for some k."""
    numbers: int = 10 ** claim.values["accuracy"].places + 1
    return min(1.0, (size + 1) / numbers)


def _ends(sizes: Ints) -> list[int]:
    return [int(sizes[0]), int(sizes[-1])] if len(sizes) else []
