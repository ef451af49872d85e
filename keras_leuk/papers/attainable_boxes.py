"""What a printed number can stand for: an interval with whole-number ends, so that no float decides what is attainable.

A number printed with d decimals is a box: every true value that would be printed so. `rounded` is half a unit of the last place
to either side, both ends let in (half up, half down and half to even all print one of them so). `truncated` is one unit upwards.
`either` is the union, for tables whose numbers were not all made in the same way. This is the idea of GRIM (Brown and Heathers
2017).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MODES = ("rounded", "truncated", "either")
UNBOUNDED = 2**40
"""Stands for 'no upper bound' in intervals of counts."""

MOST_PLACES = 6
"""Decimals as a fraction of 1; with more, and ten thousand images, products of counts and boxes would not fit into 64 bits."""

_NUMBER = re.compile(r"(\d*)(?:\.(\d*))?")


@dataclass(frozen=True)
class Box:
    """The values of a fraction that a printed number can stand for: low / scale to high / scale.

    Attributes:
        low, high: numerators; scale: their common denominator.
        open_low, open_high: whether that end is left out.
    """

    low: int
    high: int
    scale: int
    open_low: bool = False
    open_high: bool = False

    def holds(self, numerator: Ints, denominator: Ints) -> Bools:
        """Whether numerator / denominator lies in the box; 0 / 0 counts as 0, as in Keras and scikit-learn."""
        whole = np.where(denominator == 0, 1, denominator)
        value = numerator * self.scale
        return (value >= self.low * whole + self.open_low) & (value <= self.high * whole - self.open_high)

    def part_of_rest(self, rest: Ints) -> tuple[Ints, Ints]:
        """For each number r of others, the interval of counts x with x / (x + r) in the box; empty where first > last."""
        down, up = self.scale - self.low, self.scale - self.high
        need = self.low * rest + self.open_low
        first = np.maximum(_ceil(need, down), 0) if down > 0 else np.where(need <= 0, 0, UNBOUNDED + 1)
        room = self.high * rest - self.open_high
        last = room // up if up > 0 else np.where((room >= 0) | (up < 0), UNBOUNDED, -1)
        # 0 / 0 counts as 0
        if self._holds_zero:
            last = np.where(rest == 0, np.maximum(last, 0), last)
        else:
            first = np.where(rest == 0, np.maximum(first, 1), first)
        return first.astype(np.int64), last.astype(np.int64)

    def part_of_whole(self, whole: Ints) -> tuple[Ints, Ints]:
        """For each whole n, the interval of counts x for which x / n lies in the box, 0 / 0 counting as 0."""
        first = np.maximum(_ceil(self.low * whole + self.open_low, self.scale), 0)
        last = np.minimum((self.high * whole - self.open_high) // self.scale, whole)
        nothing = whole == 0
        return np.where(nothing, 0, first), np.where(nothing, 0 if self._holds_zero else -1, last)

    def rest_of_part(self, part: Ints) -> tuple[Ints, Ints]:
        """For each count x, the interval of others r for which x / (x + r) lies in the box; empty where first > last."""
        if self.high > 0:
            first = np.maximum(_ceil(part * (self.scale - self.high) + self.open_high, self.high), 0)
        else:
            first = np.where(part > 0, UNBOUNDED + 1, 0)
        last = (part * (self.scale - self.low) - self.open_low) // self.low if self.low > 0 else np.full_like(part, UNBOUNDED)
        if self._holds_zero:
            first = np.where(part == 0, 0, first)
        else:
            last = np.where(part == 0, -1, last)
        return first.astype(np.int64), last.astype(np.int64)

    @property
    def _holds_zero(self) -> bool:
        return self.low + self.open_low <= 0 <= self.high - self.open_high

    @property
    def ends(self) -> tuple[Fraction, Fraction]:
        """Lowest and highest value, whether they are let in or not."""
        return Fraction(self.low, self.scale), Fraction(self.high, self.scale)


@dataclass(frozen=True)
class Printed:
    """A number as it was printed.

    Attributes:
        text: as in the table; digits: all its digits as one whole number; decimals: how many of them stand behind the point.
        percent: whether 100 is the whole.
        complement: whether the box is wanted of 1 minus the value (false detection rate for precision).
    """

    text: str
    digits: int
    decimals: int
    percent: bool
    complement: bool = False

    @property
    def places(self) -> int:
        """Decimals as a fraction of 1."""
        return self.decimals + (2 if self.percent else 0)

    @property
    def value(self) -> Fraction:
        """The printed value as a fraction of 1; of the complement, 1 minus it."""
        plain = Fraction(self.digits, 10**self.places)
        return 1 - plain if self.complement else plain

    def box(self, mode: str) -> Box:
        """Every fraction that is printed so, `mode` being one of MODES."""
        scale = 2 * 10**self.places
        low = 2 * self.digits - (mode != "truncated")
        high = 2 * self.digits + (1 if mode == "rounded" else 2)
        strict = mode != "rounded"
        if self.complement:
            return Box(scale - high, scale - low, scale, open_low=strict)
        return Box(low, high, scale, open_high=strict)

    def says(self, value: Fraction) -> dict[str, bool]:
        """Whether that value is printed so, by mode."""
        told = {}
        for mode in MODES:
            box = self.box(mode)
            low, high = box.ends
            above = value > low if box.open_low else value >= low
            told[mode] = above and (value < high if box.open_high else value <= high)
        return told


def printed(text: str, percent: bool, decimals: int | None = None, complement: bool = False) -> Printed:
    """Reads a printed number; zeros at the end count as decimals.

    Args:
        text: digits with or without a decimal point, without a sign or unit.
        percent: whether 100 is the whole.
        decimals: how many decimals it was printed with, where the text has lost some (0.5 for 0.50).

    Raises:
        ValueError: not such a number, above the whole, or with more decimals than `decimals`.
    """
    found = _NUMBER.fullmatch(text)
    if found is None or not any(found.groups()):
        raise ValueError("is not a number such as 0.976 or 97.6 %")
    whole, behind = found[1] or "0", found[2] or ""
    if decimals is not None:
        if len(behind) > decimals:
            raise ValueError(f"has {len(behind)} decimals, not {decimals}")
        behind = behind.ljust(decimals, "0")
    number = Printed(text, int(whole + behind), len(behind), percent, complement)
    if number.places > MOST_PLACES:
        raise ValueError(f"has too many decimals; cut it to {MOST_PLACES - 2 if percent else MOST_PLACES}")
    if number.value > 1 or number.value < 0:
        raise ValueError(f"is above {'100 %' if percent else '1'}")
    return number


def _ceil(numerator: Any, denominator: int) -> Any:
    return -(-numerator // denominator)
