"""The C-NMC 2019 reader: B-ALL and healthy cells under their official names, however the folders are wrapped.

A training cell is known by its name, ``UID_<subject>_<image>_<cell>_<all|hem>.bmp``; its fold is the nearest folder
``fold_<n>``. The preliminary test has numbered images whose labels come from a CSV, see `keras_leuk.data.cnmc_labels`;
the final test has numbered images without public labels. TCIA's folder names, Kaggle's, and copies that kept only some
of them are all read; so are copies converted to another image format.

The name is what counts: one public copy keeps 70 hem cells in a folder ``all``.

Source: Gupta & Gupta 2019, https://doi.org/10.7937/tcia.2019.dc64i46r
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from keras_leuk.data.cnmc_labels import CELL_NAME, LabelFiles, find_label_files
from keras_leuk.data.table import PART_NAMES, ImageTable, make_table
from keras_leuk.data.tree import Folder, folders
from keras_leuk.errors import DataError

CLASSES = ("HEM", "ALL")
POSITIVE = "ALL"
NAME = "C-NMC 2019"

_NUMBERED = re.compile(r"\d+")
# The innermost of these folders says where a cell belongs; the second column is TCIA's name, the third Kaggle's.
_FOLD = re.compile(r"fold_?(\d+)", re.IGNORECASE)
_PARTS = (
    ("training", re.compile(r"(.*[_-])?training_data", re.IGNORECASE)),
    ("preliminary", re.compile(r".*(prelim_phase|test_prelim).*|validation_data", re.IGNORECASE)),
    ("final", re.compile(r".*(final_phase|test_final).*|testing_data", re.IGNORECASE)),
)


@dataclass(frozen=True)
class _Place:
    """Where a folder's name puts its cells; None where no folder says anything."""

    part: str | None = None
    fold: str | None = None


@dataclass(frozen=True)
class _Cell:
    """One image of the tree: its path, its official name without suffix, and its record for the table."""

    path: str
    name: str
    record: dict[str, str | None]


def looks_like(path: Path) -> bool:
    """Whether a folder holds cells under official names, or the numbered images of the two test phases."""
    if not path.is_dir():
        return False
    for folder in folders(path):
        if any(CELL_NAME.fullmatch(os.path.splitext(name)[0]) for name in folder.images):
            return True
        phase = _place(path, folder).part in ("preliminary", "final")
        # Kaggle's folder names are ordinary words: a folder validation_data alone does not make a C-NMC.
        official = any("prelim" in part.lower() or "final" in part.lower() for part in (_own_name(path), *folder.parts))
        if phase and official and any(_NUMBERED.fullmatch(os.path.splitext(name)[0]) for name in folder.images):
            return True
    return False


def read(path: Path) -> ImageTable:
    """Reads a C-NMC tree; no image is opened.

    Args:
        path: the folder that holds the tree, or any folder of it.

    Returns:
        table with parts training, preliminary and final; folds '0', '1', '2'; classes HEM (0) and ALL (1, positive);
        subjects as written in the names (``h3`` is in lower case there). Final images have no label.

    Raises:
        DataError: no cells, one class only, an official name twice, or preliminary images that the label file does
            not know.
    """
    listing = list(folders(path))
    labels = find_label_files(path, listing, preliminary_root=_place(path, Folder((), (), (), ())).part == "preliminary")
    cells: list[_Cell] = []
    strangers: list[str] = []
    misplaced: list[str] = []
    own_split: set[str] = set()
    for folder in listing:
        place = _place(path, folder)
        for image in folder.images:
            cell = _cell(folder, image, place, labels)
            if cell is None:
                strangers.append(folder.below(image))
                continue
            cells.append(cell)
            if _contradicts(folder, cell):
                misplaced.append(cell.path)
            if place.part is None:
                own_split |= {part for part in folder.parts if part.lower() in PART_NAMES}
    _refuse_copies(cells)
    notes, warnings = labels.judge([cell.name for cell in cells if cell.record["part"] == "preliminary"])
    notes = [*_summary(cells), *notes]
    if own_split:
        notes.append(
            f"folders {', '.join(sorted(own_split))} are not taken as a split: cells are known by their names "
            "(data.reader=folders keeps such a split, without subjects)"
        )
    if misplaced:
        warnings.append(
            f"{len(misplaced)} cells lie in a folder of the other class; the label is that of the name: {misplaced[0]}"
        )
    if strangers:
        warnings.append(f"{len(strangers)} images are not named like C-NMC cells and were left out: {strangers[0]}")
    return make_table(
        [cell.record for cell in cells],
        root=path,
        name=NAME,
        reader="cnmc",
        classes=CLASSES,
        positive=POSITIVE,
        notes=notes,
        warnings=warnings,
    )


def _own_name(path: Path) -> str:
    return os.path.basename(os.path.abspath(path))


def _place(path: Path, folder: Folder) -> _Place:
    """What the folder names say, innermost first; the given folder's own name counts, so that any part can be given alone."""
    for name in (*reversed(folder.parts), _own_name(path)):
        if fold := _FOLD.fullmatch(name):
            return _Place("training", fold[1])
        for part, pattern in _PARTS:
            if pattern.fullmatch(name):
                return _Place(part)
    return _Place()


def _cell(folder: Folder, image: str, place: _Place, labels: LabelFiles) -> _Cell | None:
    """The cell behind an image file, or None where neither name nor place makes it one."""
    stem = os.path.splitext(image)[0]
    path = folder.below(image)
    if named := CELL_NAME.fullmatch(stem):
        record = {
            "label": named["label"].upper(),
            "subject": named["subject"],
            "fold": place.fold,
            "part": place.part or "training",
        }
    elif place.part == "preliminary" and _NUMBERED.fullmatch(stem):
        known = labels.cell(stem)
        record = {"label": known.label if known else None, "subject": known.subject if known else None, "part": "preliminary"}
    elif place.part == "final" and _NUMBERED.fullmatch(stem):
        record = {"label": None, "part": "final"}
    else:
        return None
    return _Cell(path, stem, {"image": path, **record})


def _contradicts(folder: Folder, cell: _Cell) -> bool:
    said = next((name.upper() for name in reversed(folder.parts) if name.upper() in CLASSES), None)
    return said is not None and cell.record["label"] is not None and said != cell.record["label"]


def _refuse_copies(cells: list[_Cell]) -> None:
    # Two copies of the set under one roof would put the same cell on two sides of any split.
    first: dict[tuple[str, str | None], str] = {}
    for cell in cells:
        # Numbers start again in each phase; a cell's full name is official only once.
        key = (cell.name, cell.record["part"] if _NUMBERED.fullmatch(cell.name) else None)
        if key in first:
            raise DataError(f"the same C-NMC cell lies in two places: {first[key]} and {cell.path}; give the folder of one copy")
        first[key] = cell.path


def _summary(cells: list[_Cell]) -> Iterator[str]:
    """Which parts hold images without a label; nothing else counts them."""
    for part in ("training", "preliminary", "final"):
        records = [cell.record for cell in cells if cell.record["part"] == part]
        bare = sum(record["label"] is None for record in records)
        if bare:
            yield f"{part} part: {bare} of {len(records)} images have no label and are left out"
