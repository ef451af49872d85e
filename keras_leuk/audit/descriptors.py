"""Trivial descriptors of an image: what anyone can measure without looking at what a pathologist looks at.

Two kinds. A *shortcut* is of the file, its name or the picture around the cell: whoever tells the classes by it knows how the
data were gathered, not the disease. A *cell* descriptor is of the cell, but of its size, colour and sharpness alone: such a
difference may be biology, staining or focus, and needs no texture of the chromatin. Start at `columns`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from keras_leuk.evaluation.counts import Floats

SHORTCUT, CELL = "shortcut", "cell"


@dataclass(frozen=True)
class Descriptor:
    """One numeric column of the table of images.

    Attributes:
        label: its name on an axis; words: how a sentence says 'sees only ...'; meaning: what it is, with its unit.
        kind: `SHORTCUT` or `CELL`.
    """

    label: str
    words: str
    meaning: str
    kind: str


DESCRIPTORS: dict[str, Descriptor] = {
    "file_size": Descriptor(
        "file size", "the file's size", "bytes of the file; of a compressed one also a matter of what it shows", SHORTCUT
    ),
    "width": Descriptor("width", "the picture's width", "pixels", SHORTCUT),
    "height": Descriptor("height", "the picture's height", "pixels", SHORTCUT),
    "quality": Descriptor(
        "JPEG quality", "the JPEG quality", "estimated from the quantisation tables, 1 to 100; missing in other formats", SHORTCUT
    ),
    "number": Descriptor("last number", "the last number in the file's name", "last run of digits in the file's name", SHORTCUT),
    "number_before": Descriptor(
        "last but one number",
        "the last but one number in the file's name",
        "last but one run of digits in the file's name",
        SHORTCUT,
    ),
    "background": Descriptor(
        "background", "the picture's background", "median grey level of the picture's border, 0 to 255", SHORTCUT
    ),
    "blockiness": Descriptor(
        "8×8 blocks", "the traces of JPEG's blocks", "strength of edges every 8 pixels, where JPEG parts its blocks", SHORTCUT
    ),
    "cell_area": Descriptor("cell area", "the cell's area", "pixels of the cell, in the file's own pixels", CELL),
    "red": Descriptor(
        "mean red", "the cell's mean red", "mean level in the cell, of the whole picture where no cell is found", CELL
    ),
    "green": Descriptor(
        "mean green", "the cell's mean green", "mean level in the cell, of the whole picture where no cell is found", CELL
    ),
    "blue": Descriptor(
        "mean blue", "the cell's mean blue", "mean level in the cell, of the whole picture where no cell is found", CELL
    ),
    "sharpness": Descriptor("sharpness", "the cell's sharpness", "variance of the Laplacian in the cell", CELL),
}
"""Columns of the table of images, in the order of tables and figures."""

MEASURED, CONSTANT, MISSING = "measured", "constant", "missing"


@dataclass(frozen=True)
class Column:
    """A descriptor of n images, or whether it is missing.

    Attributes:
        name: of `DESCRIPTORS`, or with `_missing` behind it: then values are 1 where it is missing, else 0.
        values: (n,), NaN where missing.
        state: `MEASURED`, `CONSTANT` (one value in all images that have one) or `MISSING` (in all); of the last two nothing
            can be said, and `reason` says why.
        missing: images without a value.
    """

    name: str
    label: str
    words: str
    meaning: str
    kind: str
    values: Floats
    state: str
    missing: int
    reason: str | None

    @property
    def known(self) -> np.ndarray:
        """(n,) which images have a value."""
        return ~np.isnan(self.values)

    def facts(self) -> dict[str, Any]:
        """The descriptor in plain values, without those of the images."""
        names = ("name", "label", "words", "meaning", "kind", "state", "missing", "reason")
        return {name: getattr(self, name) for name in names} | {"n": len(self.values) - self.missing}


def columns(images: pd.DataFrame) -> list[Column]:
    """All descriptors of a table of images, and one column more for each way in which some are missing.

    That a value is missing can tell the class as well as the value does: only one class is JPEG.

    Args:
        images: one row an image, with the columns of `DESCRIPTORS`; what is not finite counts as missing.
    """
    found, patterns = [], dict[bytes, list[str]]()
    for name, one in DESCRIPTORS.items():
        values = images[name].to_numpy(np.float64, copy=True)
        values[~np.isfinite(values)] = np.nan
        found.append(_column(name, one.label, one.words, one.meaning, one.kind, values))
        if 0 < found[-1].missing < len(values):
            patterns.setdefault(np.isnan(values).tobytes(), []).append(name)
    for pattern, names in patterns.items():
        first = DESCRIPTORS[names[0]]
        lacking = ", ".join(DESCRIPTORS[name].label for name in names)
        values = np.frombuffer(pattern, np.bool_).astype(np.float64)
        meaning = f"1 where missing: {lacking}"
        found.append(
            _column(f"{names[0]}_missing", f"no {first.label}", f"whether {first.words} is missing", meaning, SHORTCUT, values)
        )
    return found


def _column(name: str, label: str, words: str, meaning: str, kind: str, values: Floats) -> Column:
    known = values[~np.isnan(values)]
    state, reason = MEASURED, None
    if not len(known):
        state, reason = MISSING, "missing in all images"
    elif known.min() == known.max():
        state, reason = CONSTANT, f"the same in all images that have it: {known[0]:g}"
    return Column(name, label, words, meaning, kind, values, state, len(values) - len(known), reason)


def sizes(images: pd.DataFrame) -> dict[str, Any]:
    """How many there are: n images, subjects (None unless every image names one), unnamed (images that name none), groups (linked
    subjects count once)."""
    unnamed = int(images["subject"].isna().sum())
    return {
        "n": len(images),
        "subjects": int(images["subject"].nunique()) if len(images) and not unnamed else None,
        "unnamed": unnamed,
        "groups": int(images["group"].nunique()),
    }
