"""Labels of C-NMC's preliminary test: the CSV that says which numbered image is which cell.

Columns Patient_ID, new_names, labels (1 = ALL, 0 = HEM). Images and lines are joined by name, never by order, and the
subject is read from Patient_ID (``UID_57_29_1_all.bmp`` is a cell of subject 57). Start at `find_label_files`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_leuk.data.delimited import Row, read_rows
from keras_leuk.data.tree import Folder, folders
from keras_leuk.errors import DataError

CELL_NAME = re.compile(r"UID_(?P<subject>[^_]+)_(?P<image>\d+)_(?P<cell>\d+)_(?P<label>all|hem)", re.IGNORECASE)
"""An official cell name without its suffix. Subjects are numbers, or H and a number; one is written h3."""

_FILE_NAME = re.compile(r".*prelim.*label.*\.csv", re.IGNORECASE)
_COLUMNS = ("Patient_ID", "new_names", "labels")
_LABELS = {"1": "ALL", "0": "HEM"}


@dataclass(frozen=True)
class LabelledCell:
    """What a label file says of one numbered image."""

    label: str
    subject: str
    official: str
    origin: str


@dataclass(frozen=True)
class LabelFiles:
    """All label files of a tree as one.

    Attributes:
        paths: the files, relative to the root where they lie in it.
        cells: image name without suffix → what is said of it.
    """

    paths: tuple[str, ...]
    cells: Mapping[str, LabelledCell]

    def cell(self, stem: str) -> LabelledCell | None:
        """What is said of a numbered image; None where nothing is (`judge` tells whether that is an error)."""
        return self.cells.get(stem)

    def judge(self, images: Sequence[str]) -> tuple[list[str], list[str]]:
        """Notes and warnings on how the files and the preliminary images (names without suffix) fit together.

        Raises:
            DataError: there are label files, and an image that none of them knows.
        """
        numbered = [name for name in images if not CELL_NAME.fullmatch(name)]
        if not self.paths:
            lost = f"no label file (C-NMC_test_prelim_phase_data_labels.csv) was found for {len(numbered)} preliminary images; "
            return [], [lost + "they are without labels and left out"] if numbered else []
        where = ", ".join(self.paths)
        unknown = [name for name in numbered if name not in self.cells]
        if unknown:
            raise DataError(f"{len(unknown)} preliminary images have no line in {where}; the first is {unknown[0]}")
        # Some copies give preliminary images their full names back.
        there = set(images)
        missing = sum(name not in there and cell.official not in there for name, cell in self.cells.items())
        if missing == len(self.cells):
            return [], [f"{where} labels {missing} preliminary images, but none of them is there"]
        return [f"{missing} of {len(self.cells)} labelled preliminary images are not there"] if missing else [], []


def find_label_files(root: Path, listing: Sequence[Folder], *, preliminary_root: bool) -> LabelFiles:
    """Reads every label file of the tree.

    Args:
        root: root of the tree.
        listing: its folders.
        preliminary_root: the root is the preliminary folder itself; its label file may then lie above it.

    Raises:
        DataError: a file that is not such a table, or two that contradict each other.
    """
    found = [folder.below(name) for folder in listing for name in folder.others if _FILE_NAME.fullmatch(name)]
    if preliminary_root and not found:
        above = next(folders(root.resolve().parent))
        found = [f"../{name}" for name in above.others if _FILE_NAME.fullmatch(name)]
    cells: dict[str, LabelledCell] = {}
    for path in found:
        for row in read_rows(root / path, _COLUMNS).lines:
            stem = os.path.splitext(row["new_names"])[0]
            cell = _labelled(path, row)
            other = cells.setdefault(stem, cell)
            if (other.official, other.label) != (cell.official, cell.label):
                raise DataError(f"{cell.origin}: {stem} is {cell.official}, but {other.official} in {other.origin}")
    return LabelFiles(tuple(found), cells)


def _labelled(path: str, row: Row) -> LabelledCell:
    official = os.path.splitext(row["Patient_ID"])[0]
    origin = f"{path} line {row.line}"
    named = CELL_NAME.fullmatch(official)
    if not named:
        raise DataError(f"{origin}: Patient_ID is not a C-NMC cell name such as UID_57_29_1_all.bmp: {row['Patient_ID']!r}")
    label = _LABELS.get(row["labels"])
    if label is None:
        raise DataError(f"{origin}: labels must be 1 (ALL) or 0 (HEM): {row['labels']!r}")
    if named["label"].upper() != label:
        raise DataError(f"{origin}: labels says {label}, but Patient_ID is {row['Patient_ID']}")
    return LabelledCell(label, named["subject"], official, origin)
