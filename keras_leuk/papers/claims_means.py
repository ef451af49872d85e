"""What printed numbers say of each other without any count: harmonic means, means of rows, the share of the positive class."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from typing import Any

from keras_leuk.papers.claims_table import MEASURES, Claim

Json = dict[str, Any]

_CUTS = ("rounded", "truncated")


def harmonic(claim: Claim) -> Json | None:
    """Whether F1 = 2 P R / (P + R) within the rounding of all three, and None where one of them is not printed.

    True of one class and of averages pooled over all decisions; a macro F1 is the mean of the classes' F1 and need not obey.
    """
    if not {"precision", "recall", "f1"} <= claim.values.keys():
        return None
    ends = [claim.values[name].box("rounded").ends for name in ("precision", "recall")]
    low, high = (_harmonic(max(p, Fraction(0)), max(r, Fraction(0))) for p, r in zip(*ends, strict=True))
    box = claim.values["f1"].box("rounded").ends
    return {"low": float(low), "high": float(high), "allows": low <= box[1] and high >= box[0]}


def share_of_positives(claim: Claim) -> Json | None:
    """Share of the positive class that precision, recall and accuracy of one class fix: (1 - A) / (1 - 2 R + R / P).

    Its ends are found at the corners of the rounding boxes, because it is a quotient of two linear functions of A, R and 1 / P.
    """
    if not {"accuracy", "precision", "recall"} <= claim.values.keys() or not claim.values["precision"].value:
        return None
    value = _share(*(claim.values[name].value for name in ("accuracy", "precision", "recall")))
    corners = [
        _share(*at) for at in product(*(claim.values[name].box("rounded").ends for name in ("accuracy", "precision", "recall")))
    ]
    known = [corner for corner in corners if corner is not None]
    if value is None or len(known) < len(corners):
        return None
    return {"value": float(value), "low": float(min(known)), "high": float(max(known))}


def means(claims: Sequence[Claim]) -> list[Json]:
    """Each printed mean of a table against its rows.

    The mean of the printed values must be printed so; and, because a mean may have been taken of values with more decimals, the
    interval of means of all values that the rows can stand for.
    """
    found = []
    for claim in claims:
        if claim.mean:
            found += [
                told for name in (*MEASURES, "loss") if (told := _mean(claim, name, _rows_of(claim, claims, name))) is not None
            ]
    return found


def _rows_of(claim: Claim, claims: Sequence[Claim], name: str) -> list[Claim]:
    others = [c for c in claims if not c.mean and (c.loss if name == "loss" else name in c.values)]
    of_row = [c for c in others if c.of_class and c.row == claim.row]
    if any(c.of_class and c.row == claim.row for c in claims):
        # A mean over classes needs all of them.
        return of_row if len(of_row) == claim.classes else []
    return [c for c in others if not c.of_class]


def _mean(claim: Claim, name: str, rows: list[Claim]) -> Json | None:
    if len(rows) < 2 or (not claim.loss if name == "loss" else name not in claim.values):
        return None
    if name == "loss":
        target, parts = _plain(claim.loss), [_plain(row.loss) for row in rows]
    else:
        printed, values = claim.values[name], [row.values[name] for row in rows]
        target = (printed.text, {mode: printed.box(mode).ends for mode in _CUTS}, printed.value)
        parts = [(value.text, {mode: value.box(mode).ends for mode in _CUTS}, value.value) for value in values]
    mean = sum((part[2] for part in parts), Fraction(0)) / len(parts)
    text, boxes, _ = target
    ranges = {m: [sum((part[1][m][end] for part in parts), Fraction(0)) / len(parts) for end in (0, 1)] for m in boxes}
    of_printed = [mode for mode in _CUTS if _inside(mean, boxes[mode], mode)]
    return {
        "row": claim.row,
        "measure": name,
        "printed": text,
        "rows": len(parts),
        "mean_of_printed": float(mean),
        "of_printed": of_printed,
        "low": float(ranges["rounded"][0]),
        "high": float(ranges["rounded"][1]),
        "allows": [m for m in boxes if ranges[m][0] <= boxes[m][1] and ranges[m][1] >= boxes[m][0]],
    }


def _plain(text: str) -> tuple[str, dict[str, tuple[Fraction, Fraction]], Fraction]:
    """A printed number without a whole that it is a share of."""
    value, unit = Fraction(text), Fraction(1, 10 ** len(text.partition(".")[2]))
    return text, {"rounded": (value - unit / 2, value + unit / 2), "truncated": (value, value + unit)}, value


def _inside(value: Fraction, ends: tuple[Fraction, Fraction], mode: str) -> bool:
    return ends[0] <= value <= ends[1] if mode == "rounded" else ends[0] <= value < ends[1]


def _harmonic(precision: Fraction, recall: Fraction) -> Fraction:
    return 2 * precision * recall / (precision + recall) if precision + recall else Fraction(0)


def _share(accuracy: Fraction, precision: Fraction, recall: Fraction) -> Fraction | None:
    if precision <= 0:
        return None
    errors = 1 - 2 * recall + recall / precision
    return (1 - accuracy) / errors if errors > 0 else None
