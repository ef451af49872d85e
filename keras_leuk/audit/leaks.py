"""Leaks: what stands on two sides of a split, of the data's own parts and folds, or in two data sets. Start at `leaks`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from keras_leuk.data.groups import Knowledge, link_subjects
from keras_leuk.data.overlap import SIDES, Overlap, find_overlap

Json = dict[str, Any]

GIVEN, OWN = "given", "own"
"""Whether a division was asked about, or is the data's own."""


@dataclass(frozen=True)
class Division:
    """One way in which the data are divided.

    Attributes:
        name: in words, such as 'C-NMC's own folds'.
        kind: `GIVEN` or `OWN`.
        sides: names in order, with the number of images of each.
        overlap: what stands on two of them.
    """

    name: str
    kind: str
    sides: Mapping[str, int]
    overlap: Overlap

    @property
    def leaks(self) -> bool:
        """Whether anything stands on two sides."""
        found = self.overlap
        return bool(found.subjects or found.linked or found.images or found.cells)

    def as_json(self) -> Json:
        found = self.overlap
        return {
            "name": self.name,
            "kind": self.kind,
            "sides": dict(self.sides),
            "subjects": {"known": found.of_subjects, "shared": list(found.subjects)},
            "linked": list(found.linked),
            "equal": list(found.images),
            "cells": list(found.cells),
            "leaks": self.leaks,
            "sentence": found.sentence(),
        }


@dataclass(frozen=True)
class Leaks:
    """Leaks of every division of the data, and cells under two classes.

    Attributes:
        divisions: the ones asked about first.
        conflicts: groups of images of one cell under several classes: name and images.
    """

    divisions: tuple[Division, ...]
    conflicts: tuple[Json, ...]

    @property
    def found(self) -> bool:
        """Whether there is a leak where one was asked about (else, in the data's own divisions), or a cell of two classes."""
        asked = [one for one in self.divisions if one.kind == GIVEN] or list(self.divisions)
        return bool(self.conflicts) or any(one.leaks for one in asked)

    def as_json(self) -> Json:
        """Plain values."""
        return {
            "divisions": [one.as_json() for one in self.divisions],
            "conflicts": list(self.conflicts),
            "found": self.found,
        }


def leaks(
    images: pd.DataFrame,
    knowledge: Knowledge,
    conflicts: Sequence[Json],
    given: Mapping[str, pd.Series] | None = None,
    other: tuple[str, str, pd.DataFrame] | None = None,
) -> Leaks:
    """What stands on two sides.

    Args:
        images: columns image, subject, fold, part, pixels.
        knowledge: who holds the same cells.
        conflicts: of `Duplicates`.
        given: name of a division asked about → side of each image (None: on no side).
        other: what these data and others are called, and the others' images with the same columns.
    """
    names = (list(images["image"]), list(images["subject"]), list(images["pixels"]))
    rows = images.assign(group=list(link_subjects(*names, knowledge).names))
    divisions = [_division(name, GIVEN, rows, side, knowledge) for name, side in (given or {}).items()]
    if other is not None:
        divisions.append(_between(images, *other, knowledge))
    for name, column in (("the data's own parts", "part"), ("the data's own folds", "fold")):
        if rows[column].nunique() > 1:
            divisions.append(_division(name, OWN, rows, rows[column], knowledge))
    return Leaks(tuple(divisions), tuple(conflicts))


def _between(images: pd.DataFrame, name: str, twin: str, others: pd.DataFrame, knowledge: Knowledge) -> Division:
    """Images that stand in two data sets. Their subjects' names are their own: 1 here and 1 there may be two people."""
    if name == twin:
        name, twin = f"{name}, first", f"{twin}, second"
    parts = [
        table.assign(image=[f"{label}: {image}" for image in table["image"]], side=label)
        for label, table in ((name, images), (twin, others))
    ]
    both = pd.concat(parts, ignore_index=True).assign(subject=None)
    names = (list(both["image"]), list(both["subject"]), list(both["pixels"]))
    both["group"] = list(link_subjects(*names, Knowledge(cells=knowledge.cells)).names)
    return _division(f"{name} and {twin}", GIVEN, both, both["side"], knowledge)


def _division(name: str, kind: str, rows: pd.DataFrame, side: pd.Series, knowledge: Knowledge) -> Division:
    used = rows.assign(split=list(side))
    counts = used["split"].value_counts()
    order = [one for one in SIDES if one in counts] + sorted(set(counts.index) - set(SIDES))
    overlap = find_overlap(used, knowledge.cells, order)
    return Division(name, kind, {one: int(counts[one]) for one in order if one != "unused"}, overlap)
