"""One printed cell on its own: what it is a share of, and whether whole numbers of images can give it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from keras_leuk.papers.attainable_boxes import Printed, printed
from keras_leuk.papers.library import Paper
from keras_leuk.papers.library_tables import PublishedCell, PublishedTable

Verdict = Literal["attainable", "not attainable", "not judged"]
Key = tuple[str, str, str]
"""Name of the table, name of the row, header of the column."""

MEASURES = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "f1",
    "false_detection_rate": "precision",
    "false_negative_rate": "recall",
}
"""Measures that are shares of images, and what the search takes them for: 1 - precision is judged as precision."""

NAMES = {"f1": "F1"} | {name: name.replace("_", " ") for name in MEASURES if name != "f1"}


@dataclass(frozen=True)
class Arithmetic:
    """What whole numbers of images say of a printed value.

    Attributes:
        verdict: 'attainable' (some whole numbers give it, which need not be the true ones), 'not attainable' (none do, under the
            definition that the table has), or 'not judged' (nothing certain can be said).
        words: why, as one clause without a full stop.
    """

    verdict: Verdict
    words: str


@dataclass(frozen=True)
class Sizes:
    """The images that a cell was measured on.

    Attributes:
        images: on that side; positives: of the positive class, None where unknown.
        assumed: whether the number of images is not stated in the paper.
    """

    images: int
    positives: int | None
    assumed: bool

    @property
    def words(self) -> str:
        """'2,133 images (1,455 and 678 of the two classes, assumed)'."""
        told = f"{self.images:,} images"
        if self.positives is not None:
            return f"{told} ({self.positives:,} and {self.images - self.positives:,} of the two classes, assumed)"
        return f"{told} (assumed)" if self.assumed else told


def sizes(paper: Paper, table: PublishedTable, cell: PublishedCell) -> Sizes | None:
    """The images that a cell was measured on, None where their number is unknown."""
    if not cell.images:
        return None
    sides = [side for side in paper.facts.data.sides if (side.side, side.images) == (cell.side, cell.images)]
    stated = [table.facts.basis, *(side.basis for side in sides)]
    return Sizes(cell.images, cell.positives, not all(basis.startswith("stated") for basis in stated))


def number(cell: PublishedCell) -> Printed:
    """A cell as a number with the values that it can stand for.

    Raises:
        ValueError: it is no share of images, or no plain number, or has too many decimals; the words say which.
    """
    if cell.measure not in MEASURES:
        raise ValueError("a loss is no share of images" if cell.unit == "loss" else "a count stands for itself")
    if cell.value is None:
        raise ValueError("is no plain number")
    return printed(
        cell.printed, cell.unit == "percent", complement=cell.measure in ("false_detection_rate", "false_negative_rate")
    )


def unread(cell: PublishedCell) -> Arithmetic | None:
    """Why a cell cannot be held against whole numbers, None where it can."""
    try:
        number(cell)
    except ValueError as error:
        outside = cell.measure in MEASURES and cell.fraction is not None and not 0 <= cell.fraction <= 1
        return Arithmetic("not attainable", "lies outside 0 to 100 %") if outside else Arithmetic("not judged", str(error))
    return None


def shown(cell: PublishedCell) -> str:
    """'recall 0.79' or 'accuracy 96.87 %'."""
    return f"{NAMES[cell.measure]} {cell.printed}{' %' if cell.unit == 'percent' else ''}"


def listed(cells: Sequence[PublishedCell]) -> str:
    """'recall 0.79, precision 0.81 and F1 0.73 together'."""
    *first, last = [shown(cell) for cell in cells]
    return f"{', '.join(first)} and {last} together" if first else last


def accuracy(cell: PublishedCell, of: Sizes) -> Arithmetic:
    """Whether k of n images is printed so for some whole k, rounded or truncated (GRIM, Brown and Heathers 2017)."""
    value, whole = number(cell), np.array([of.images], np.int64)
    for mode in ("rounded", "truncated"):
        first, last = (int(end[0]) for end in value.box(mode).part_of_whole(whole))
        if first <= last:
            right = f"{first:,}" if first == last else f"{first:,} to {last:,}"
            return Arithmetic("attainable", f"{right} of {of.words}{', truncated' if mode == 'truncated' else ''}")
    below = int(value.value * of.images)
    near = " and ".join(f"{right:,} give {_plain(cell, right / of.images)}" for right in (below, below + 1) if right <= of.images)
    return Arithmetic("not attainable", f"no whole number of {of.words} gives {shown(cell)}: {near}")


def _plain(cell: PublishedCell, value: float) -> str:
    """A value as the cell would have been printed, with two more decimals."""
    return f"{100 * value if cell.unit == 'percent' else value:.{cell.decimals + 2}f}"
