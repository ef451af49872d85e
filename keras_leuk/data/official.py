"""The official file list of C-NMC 2019, so that anybody's copy can be held against it.

12,528 labelled cells: 10,661 in three training folds, known by their names, and 1,867 of the preliminary test, which are numbered
and whose original names stand in the challenge's label file. The final test has no public labels and is not listed. The list is
shipped in a compact form, ``known/cnmc-2019.tsv``, whose first lines say where it is from. Start at `official_cells`,
or at `official_cell` for one name.

Source: Gupta & Gupta 2019, https://doi.org/10.7937/tcia.2019.dc64i46r
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import NamedTuple

from keras_leuk.data.cnmc_labels import CELL_NAME

SUFFIX = ".bmp"
SIZE = (450, 450)
"""Width and height of every official picture that we have seen (7,947 of them), in pixels."""


class OfficialCell(NamedTuple):
    """One line of the list.

    Attributes:
        part: training or preliminary.
        fold: '0', '1' or '2'; None in the preliminary test.
        subject: as the name writes it (``h3`` is in lower case).
        label: ALL or HEM.
        image: number of the subject's photograph; cell: number of the cell in it.
        number: number of the file in the preliminary test, from 1; None in training.
        name: ``UID_<subject>_<image>_<cell>_<all|hem>``, without suffix.
    """

    part: str
    fold: str | None
    subject: str
    label: str
    image: int
    cell: int
    number: int | None
    name: str

    @property
    def file(self) -> str:
        """Name of the official file: the cell's own in training, a number in the preliminary test."""
        return f"{self.name if self.number is None else self.number}{SUFFIX}"

    @property
    def place(self) -> str:
        """'fold 0', 'fold 1', 'fold 2' or 'preliminary'."""
        return self.part if self.fold is None else f"fold {self.fold}"


@cache
def official_cells() -> tuple[OfficialCell, ...]:
    """All 12,528 cells: training by fold, class, subject, image and cell; then the preliminary test by number."""
    text = resources.files("keras_leuk.data").joinpath("known", "cnmc-2019.tsv").read_text(encoding="utf-8")
    return tuple(cell for line in text.splitlines() if not line.startswith("#") for cell in _cells(line))


def official_cell(stem: str) -> OfficialCell | None:
    """The cell that a file name without suffix means; None where the list has no such cell.

    A name like ``UID_57_29_1_all`` is looked up by subject, image and cell, whatever class it states and in whatever case; a bare
    number is that of the preliminary test.
    """
    by_cell, by_number = _indexes()
    if named := CELL_NAME.fullmatch(stem):
        return by_cell.get((named["subject"].casefold(), int(named["image"]), int(named["cell"])))
    return by_number.get(int(stem)) if stem.isdecimal() else None


@cache
def _indexes() -> tuple[dict[tuple[str, int, int], OfficialCell], dict[int, OfficialCell]]:
    """Official cells by subject, image and cell, which no two share, and those of the preliminary test by number."""
    cells = official_cells()
    by_cell = {(cell.subject.casefold(), cell.image, cell.cell): cell for cell in cells}
    return by_cell, {cell.number: cell for cell in cells if cell.number is not None}


def _cells(line: str) -> Iterator[OfficialCell]:
    first, *fields = line.split("\t")
    if first == "preliminary":
        for number, name in enumerate(fields[1].split(" "), start=int(fields[0])):
            subject, image, cell, label = name.split("_")
            yield _cell("preliminary", None, subject, label, int(image), int(cell), number)
        return
    subject, label, images = fields
    for entry in images.split(" "):
        image, spans = entry.split(":")
        for at in _numbers(spans):
            yield _cell("training", first, subject, label, int(image), at, None)


def _cell(part: str, fold: str | None, subject: str, label: str, image: int, cell: int, number: int | None) -> OfficialCell:
    return OfficialCell(part, fold, subject, label.upper(), image, cell, number, f"UID_{subject}_{image}_{cell}_{label}")


def _numbers(spans: str) -> Iterator[int]:
    """'1-3,5' → 1, 2, 3, 5."""
    for span in spans.split(","):
        low, _, high = span.partition("-")
        yield from range(int(low), int(high or low) + 1)
