"""One row at one number of images: which definitions give it, with which matrices; and what would, were one value another."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from keras_leuk.papers.attainable import DEFINITIONS, Fit, fit, searchable, sees_classes
from keras_leuk.papers.attainable_units import both_units
from keras_leuk.papers.claims_table import Claim

Json = dict[str, Any]


def fits(claim: Claim, size: int) -> list[Json]:
    """Under each definition that fits: how many matrices, by how the values were cut to their decimals.

    Returns:
        one entry a definition and mode; 'either' only where neither rounding alone nor truncation alone fits.
    """
    found = []
    for definition in definitions(claim):
        if not searchable(claim.boxes("either"), definition, size, claim.support):
            continue
        plain = [told for mode in ("rounded", "truncated") if (told := _told(claim, definition, mode, size)) is not None]
        mixed = [] if plain else [_told(claim, definition, "either", size)]
        found += [told for told in (*plain, *mixed) if told is not None]
    return found


def definitions(claim: Claim) -> list[str]:
    """Definitions worth telling apart for a row.

    The other class is the same search where the classes' sizes are unknown. Of a softmax over two units exactly one is above
    0.5, so that counts over units are those of 'micro'.
    """
    left = {"other"} if claim.support is None else set()
    if claim.outputs == "softmax":
        left |= {"units", "units-binary"}
    return [name for name in DEFINITIONS if name not in left]


def not_searched(claim: Claim, size: int) -> list[str]:
    """Definitions with too many matrices to try at that number of images."""
    return [name for name in definitions(claim) if not searchable(claim.boxes("either"), name, size, claim.support)]


def left_out(claim: Claim, size: int, definition: str) -> list[Json]:
    """What the other values allow when one is set aside: the range it could have, and the matrix that comes nearest to it."""
    found = []
    for name, printed in claim.values.items():
        if len(claim.values) < 3:
            break
        for mode in ("rounded", "truncated"):
            boxes = claim.boxes(mode, without=name)
            if not searchable(boxes, definition, size, claim.support):
                continue
            rest = fit(boxes, definition, size, claim.support)
            values = rest.measured.get(name)
            if not rest.count or values is None:
                continue
            nearest = int(np.argmin(np.abs(values - float(printed.value))))
            value = float(values[nearest])
            found.append(
                {"definition": definition, "mode": mode, "n": size, "measure": name, "count": rest.count}
                | {"low": float(values.min()), "high": float(values.max()), "nearest": value}
                | {"counts": _counts(rest, nearest)}
            )
            break
    return found


def other_supports(claim: Claim, size: int, definition: str) -> Json | None:
    """Numbers of positive images, other than the known one, that would fit.

    None where none is known, where classes play no part, or where there are too many matrices to try.
    """
    if claim.support is None or not sees_classes(definition):
        return None
    if not searchable(claim.boxes("rounded"), definition, size):
        return None
    free = fit(claim.boxes("rounded"), definition, size)
    numbers = np.flatnonzero(free.supports()) if free.count else np.zeros(0, np.int64)
    if not len(numbers):
        return {"definition": definition, "n": size, "count": 0, "nearest": None}
    middle = sum(claim.support) / 2
    nearest = int(numbers[int(np.argmin(np.abs(numbers - middle)))])
    return {"definition": definition, "n": size, "count": len(numbers), "nearest": nearest}


def _told(claim: Claim, definition: str, mode: str, size: int) -> Json | None:
    found = fit(claim.boxes(mode), definition, size, claim.support)
    if not found.count:
        return None
    told: Json = {"definition": definition, "mode": mode, "n": size, "count": found.count, "counts": _counts(found, 0)}
    measured = found.measured
    if "accuracy" in measured and "accuracy" not in claim.values:
        told["accuracy"] = [float(measured["accuracy"].min()), float(measured["accuracy"].max())]
    if sees_classes(definition) and claim.support is None:
        told["supports"] = [int(number) for number in np.flatnonzero(found.supports())[[0, -1]]]
    if definition == "units" and "accuracy" in claim.values:
        told |= _images(claim, found, mode)
    return told


def _images(claim: Claim, found: Fit, mode: str) -> Json:
    """Correct images, and how many images have both units above 0.5."""
    first, last = claim.values["accuracy"].box(mode).part_of_whole(np.array([found.size], np.int64))
    right = int(first[0]), int(last[0])
    tp, fp = (int(value) for value in found.matrices[0, :2])
    # Of the units alone the accuracy over units follows, which is told because "accuracy" may mean it.
    over_units = Fraction(tp + found.size - fp, 2 * found.size)
    return {
        "correct": list(right),
        "both_units": list(both_units(found.size, tp, fp, right[0])) if right[0] == right[1] else None,
        "accuracy_over_units": float(over_units),
    }


def _counts(found: Fit, index: int) -> Json:
    return dict(zip(("tp", "fp", "fn", "tn"), found.matrices[index].tolist(), strict=True))
