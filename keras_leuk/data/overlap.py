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
        groups: all groups (linked or of one subject) on more than one side.
        sides: the sides concerned, in the order of `SIDES`.
    """

    subjects: tuple[str, ...]
    of_subjects: int
    linked: tuple[str, ...]
    images: tuple[str, ...]
    groups: tuple[str, ...]
    sides: tuple[str, ...]

    def sentence(self) -> str | None:
        """One plain line for the user, or None where nothing overlaps."""
        facts = []
        if self.subjects:
            count = f"{len(self.subjects)} of {self.of_subjects} subjects"
            facts.append(f"cells of one subject stand on {self.where} ({count}: {listing(self.subjects)})")
        if self.linked:
            facts.append(f"subjects linked by equal images stand on {self.where} ({listing(self.linked)})")
        if self.images:
            number = f"{len(self.images)} pair{'s' * (len(self.images) != 1)}"
            facts.append(f"the same image stands on {self.where} ({number}: {listing(self.images)})")
        return f"{'; '.join(facts)}; metrics may be too high" if facts else None

    @property
    def where(self) -> str:
        return f"both sides, {' and '.join(self.sides)}" if len(self.sides) == 2 else "more than one side"


def find_overlap(rows: pd.DataFrame) -> Overlap:
    """What stands on more than one of train, validation and test.

    Args:
        rows: columns image, subject (None where unknown), group, split and pixels; other sides than the three do not
            count.
    """
    used = rows[rows["split"].isin(SIDES)]
    sides = list(used["split"])
    subjects = _parted(used["subject"], sides)
    groups = _parted(used["group"], sides)
    pixels = _parted(used["pixels"], sides)
    # A group is told by its subjects where one of them is parted itself, and by its images where it has no subjects.
    of_subjects = set(used["group"][used["subject"].notna()])
    bridged = {group for group, who in zip(used["group"], used["subject"], strict=True) if who in subjects}
    linked = [group for group in groups if group in of_subjects - bridged]
    concerned = set().union(*subjects.values(), *groups.values(), *pixels.values())
    return Overlap(
        subjects=tuple(sorted(subjects, key=natural_key)),
        of_subjects=used["subject"].nunique(),
        linked=tuple(sorted(linked, key=natural_key)),
        images=tuple(_pairs(used, set(pixels))),
        groups=tuple(sorted(groups, key=natural_key)),
        sides=tuple(side for side in SIDES if side in concerned),
    )


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
    """Both file names; with their folders only where the names alone do not tell them apart."""
    short = one.rpartition("/")[2], other.rpartition("/")[2]
    return " = ".join(short if short[0] != short[1] else (one, other))
