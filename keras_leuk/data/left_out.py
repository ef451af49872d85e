"""What stands on no side because it is linked to the test side (split.drop_linked).

A split that others have made, such as C-NMC's own, may part subjects that hold the same cells. The test side then stays as it is,
so that its figures can be held against those of others, and whatever would be trained or validated on and is linked to it goes.
Start at `leave_out`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from keras_leuk.data.overlap import SIDES, listing
from keras_leuk.data.split_file import UNUSED
from keras_leuk.data.table import natural_key
from keras_leuk.errors import DataError
from keras_leuk.recipe.data import Split

_TEST = SIDES[2]


@dataclass(frozen=True)
class LeftOut:
    """How many images were left out, and of whom.

    Attributes:
        images: their number.
        subjects: theirs, in natural order; images of nobody known have none.
    """

    images: int
    subjects: tuple[str, ...]

    @property
    def words(self) -> str:
        """For the description of a split, such as ', without 7 images of 1 subject linked to the test side (55)'."""
        return f", without {self._counted} linked to the test side{_in_brackets(listing(self.subjects))}" if self.images else ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line that names every subject; nothing where nothing was left out."""
        if not self.images:
            return ()
        who = _in_brackets(", ".join(self.subjects))
        verb = "are" if self.images > 1 else "is"
        return (f"split.drop_linked: {self._counted}{who} {verb} linked to the test side, and not trained or validated on",)

    @property
    def _counted(self) -> str:
        images = f"{self.images} image{'s' * (self.images != 1)}"
        return f"{images} of {len(self.subjects)} subject{'s' * (len(self.subjects) != 1)}" if self.subjects else images


def leave_out(rows: pd.DataFrame, side: Sequence[str], settings: Split) -> tuple[list[str], LeftOut]:
    """Takes what is linked to the test side off the training and validation sides; nothing where the recipe does not ask for it.

    An image is linked to the test side if an image there is of its group (its subject, and whoever counts as one with it by
    split.link_subjects) or has equal pixels.

    Args:
        rows: columns subject (None where unknown), group and pixels.
        side: n names of sides.
        settings: the recipe's split section.

    Returns:
        n names of sides, `UNUSED` for what was left out, and what that was.

    Raises:
        DataError: nothing is left to train on.
    """
    if not settings.drop_linked:
        return list(side), LeftOut(0, ())
    tested = pd.Series([name == _TEST for name in side], index=rows.index, dtype=bool)
    learnt = pd.Series([name in SIDES[:2] for name in side], index=rows.index, dtype=bool)
    linked = rows["group"].isin(rows["group"][tested]) | rows["pixels"].isin(rows["pixels"][tested])
    gone = learnt & linked
    kept = [UNUSED if left else name for name, left in zip(side, gone, strict=True)]
    if SIDES[0] in side and SIDES[0] not in kept:
        raise DataError(
            f"all {list(side).count(SIDES[0])} images to train on are linked to the test side (they, or their subjects, stand on "
            "it); give split.drop_linked=false, or split.strategy=subject"
        )
    subjects = set(rows["subject"][gone].dropna())
    return kept, LeftOut(int(gone.sum()), tuple(sorted(subjects, key=natural_key)))


def _in_brackets(names: str) -> str:
    return f" ({names})" if names else ""
