"""What stands on two sides of a split and so makes its metrics too high: subjects, linked subjects, equal images.

Start at `find_overlap`; whether it is an error or a warning depends on what the split promised, see
`keras_leuk.data.splits`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from keras_leuk.data.table import natural_key

SIDES = ("train", "validation", "test")
"""The sides of a split as split.csv spells them, in the order of every list."""

_NAMED = 5


@dataclass(frozen=True)
class Overlap:
    """What stands on more than one side.

    Attributes:
        subjects: subjects with images on more than one side, in natural order.
        of_subjects: number of subjects in all.
        linked: groups of linked subjects that are parted although none of their subjects is.
        images: equal images on more than one side, one pair a picture (``a.bmp = b.bmp``).
        cells: images that are not equal but show the same cell, on more than one side, every pair (``a.bmp ~ b.bmp``).
        groups: all groups (linked or of one subject) on more than one side.
        sides: the sides concerned, in order.
    """

    subjects: tuple[str, ...]
    of_subjects: int
    linked: tuple[str, ...]
    images: tuple[str, ...]
    cells: tuple[str, ...]
    groups: tuple[str, ...]
    sides: tuple[str, ...]

    def sentence(self) -> str | None:
        """One plain line for the user, or None where nothing overlaps."""
        facts = []
        if self.subjects:
            count = f"{len(self.subjects)} of {self.of_subjects} subjects"
            facts.append(f"cells of one subject stand on {self.where} ({count}: {listing(self.subjects)})")
        if self.linked:
            facts.append(f"subjects that hold the same cells stand on {self.where} ({listing(self.linked)})")
        if self.images:
            facts.append(f"the same image stands on {self.where} ({_pairs_of(self.images)})")
        if self.cells:
            facts.append(f"images of the same cell stand on {self.where} ({_pairs_of(self.cells)})")
        return f"{'; '.join(facts)}; metrics may be too high" if facts else None

    def checked(self, searched: bool, known: bool) -> tuple[str, ...]:
        """What was looked for and what was found, one line each, for reports; nothing of subjects where they are unknown.

        Args:
            searched: whether somebody has looked for images of the same cell that are not equal.
            known: whether links between these subjects are known from elsewhere.
        """
        linked = "groups of subjects that hold the same cells" + (" (known ones included)" if known else "")
        of_subjects = (_found("subjects", self.subjects), _found(linked, self.linked)) if self.of_subjects else ()
        if searched:
            cells = _found("other images of the same cell", self.cells)
        else:
            cells = "other images of the same cell on two sides: not checked (keras-leuk audit would look for them)"
        return (*of_subjects, _found("equal images", self.images), cells)

    @property
    def where(self) -> str:
        return f"both sides, {' and '.join(self.sides)}" if len(self.sides) == 2 else "more than one side"


def find_overlap(rows: pd.DataFrame, cells: Sequence[tuple[str, str]] | None = None, among: Sequence[str] = SIDES) -> Overlap:
    """What stands on more than one side.

    Args:
        rows: columns image, subject (None where unknown), group, split and pixels.
        cells: pairs of pixel hashes that show the same cell.
        among: the sides that count, in the order of every list.
    """
    used = rows[rows["split"].isin(list(among))]
    sides = list(used["split"])
    subjects = _parted(used["subject"], sides)
    groups = _parted(used["group"], sides)
    pixels = _parted(used["pixels"], sides)
    twins, on = _parted_cells(used, cells or ())
    # A group is told by its subjects where one of them is parted itself, and by its images where it has no subjects.
    of_subjects = set(used["group"][used["subject"].notna()])
    bridged = {group for group, who in zip(used["group"], used["subject"], strict=True) if who in subjects}
    linked = [group for group in groups if group in of_subjects - bridged]
    concerned = set().union(*subjects.values(), *groups.values(), *pixels.values(), on)
    return Overlap(
        subjects=tuple(sorted(subjects, key=natural_key)),
        of_subjects=used["subject"].nunique(),
        linked=tuple(sorted(linked, key=natural_key)),
        images=tuple(_pairs(used, set(pixels))),
        cells=tuple(twins),
        groups=tuple(sorted(groups, key=natural_key)),
        sides=tuple(side for side in among if side in concerned),
    )


def _found(what: str, found: Sequence[str]) -> str:
    return f"{what} on two sides: {f'{len(found)} ({listing(found)})' if found else 'none'}"


def _pairs_of(pairs: Sequence[str]) -> str:
    return f"{len(pairs)} pair{'s' * (len(pairs) != 1)}: {listing(pairs)}"


def _parted_cells(used: pd.DataFrame, cells: Iterable[tuple[str, str]]) -> tuple[list[str], set[str]]:
    """Pairs of images of one cell on two sides, and the sides concerned; of equal images on one side one stands for all."""
    place: dict[str, dict[str, str]] = {}
    for image, side, hashed in zip(used["image"], used["split"], used["pixels"], strict=True):
        place.setdefault(hashed, {}).setdefault(side, image)
    pairs, on = [], set()
    for one, other in cells:
        for side, image in place.get(one, {}).items():
            for other_side, twin in place.get(other, {}).items():
                if side != other_side:
                    pairs.append(" ~ ".join(_short(image, twin)))
                    on |= {side, other_side}
    return sorted(pairs, key=natural_key), on


def listing(names: Sequence[str]) -> str:
    """The first five names, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _parted(things: Iterable[str | None], sides: Sequence[str]) -> dict[str, set[str]]:
    where: dict[str, set[str]] = {}
    for thing, side in zip(things, sides, strict=True):
        if isinstance(thing, str):
            where.setdefault(thing, set()).add(side)
    return {thing: on for thing, on in where.items() if len(on) > 1}


def _pairs(rows: pd.DataFrame, parted: set[str]) -> list[str]:
    """The first image of each parted hash with the first equal one on another side."""
    first: dict[str, tuple[str, str]] = {}
    pairs: dict[str, str] = {}
    for image, side, hashed in zip(rows["image"], rows["split"], rows["pixels"], strict=True):
        if hashed in parted:
            seen = first.setdefault(hashed, (image, side))
            if seen[1] != side:
                pairs.setdefault(hashed, _pair(seen[0], image))
    return sorted(pairs.values(), key=natural_key)


def _pair(one: str, other: str) -> str:
    return " = ".join(_short(one, other))


def _short(one: str, other: str) -> tuple[str, str]:
    """Both file names; with their folders only where the names alone do not tell them apart."""
    short = one.rpartition("/")[2], other.rpartition("/")[2]
    return short if short[0] != short[1] else (one, other)
