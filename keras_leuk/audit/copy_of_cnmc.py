"""How a copy of C-NMC 2019 differs from the official file list, by names and folders alone. Start at `compare`.

A cell is recognised by the subject, image and cell in its name, or by its number in the preliminary test, whatever suffix, folder
or class somebody gave it. Label and subject here are those that the reader found; folders are read from the path.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pandas as pd

from keras_leuk.audit.cnmc_differences import COLUMNS, KINDS, NAMED, describe, records
from keras_leuk.data.cnmc import CLASSES
from keras_leuk.data.cnmc_labels import CELL_NAME
from keras_leuk.data.linked import OFFICIAL
from keras_leuk.data.official import SIZE, SUFFIX, OfficialCell, official_cell, official_cells
from keras_leuk.images.file_facts import FORMAT_OF_SUFFIX

Json = dict[str, Any]

FITS = OFFICIAL
"""Share of the images that must agree with the list in existence, label and subject. Of a real copy nearly all do, of generated
cells fewer than half."""


@dataclass(frozen=True)
class CopyOfCnmc:
    """What a copy holds of the official list, and where it differs.

    Attributes:
        compared: images that were looked up; final: images of the final test, which the list does not hold.
        found: official cells that are here, each counted once.
        agreeing: images in the list under the same label and subject; unknown: images not in it.
        places: of each fold and of the preliminary test its name, the cells found and the cells listed.
        differences: one row a difference, by kind: the columns of `COLUMNS`, None where they do not apply. No rows where the copy
            does not fit, because then every image would have one.
    """

    compared: int
    final: int
    found: int
    agreeing: int
    unknown: int
    places: tuple[tuple[str, int, int], ...]
    differences: pd.DataFrame

    @property
    def fits(self) -> bool:
        """Whether these are C-NMC's cells at all, and not others under such names."""
        return self.agreeing >= FITS * self.compared

    def sentence(self) -> str:
        """What is here, in one line."""
        total = sum(of for _, _, of in self.places)
        if not self.fits:
            other = self.compared - self.agreeing - self.unknown
            return (
                f"The names look like those of C-NMC 2019, but only {self.agreeing:,} of {self.compared:,} images agree with the "
                f"official list ({self.unknown:,} are not in it, {other:,} have another label or subject there): another data "
                "set, or generated cells."
            )
        if self.found == total:
            return f"All {total:,} official cells are here: folds 0, 1 and 2 and the preliminary test."
        places = ", ".join(_coverage(*place) for place in self.places)
        return f"{self.found:,} of the {total:,} official cells are here: {places}."

    def warnings(self) -> list[str]:
        """What the user must not miss, one line each, with an example."""
        if not self.fits:
            return [self.sentence()]
        return [
            f"C-NMC 2019: {found['words']} (first: {found['first'][0]})"
            for found in describe(self.differences)
            if found["warning"]
        ]

    def notes(self) -> list[str]:
        """What is here, and what was made of it without touching labels and subjects."""
        return [f"C-NMC 2019: {self.sentence()}", *self._lines(warning=False)] if self.fits else []

    def _lines(self, warning: bool) -> list[str]:
        # The sentence counts what is missing already.
        found = [one for one in describe(self.differences) if one["warning"] is warning and one["kind"] != "missing"]
        return [f"C-NMC 2019: {one['words']} (first: {one['first'][0]})" for one in found]

    def _first_missing(self, place: str) -> list[str]:
        missing = (self.differences["kind"] == "missing") & (self.differences["listed"] == place)
        return [str(name) for name in self.differences.loc[missing, "official"].head(NAMED)]

    def as_json(self) -> Json:
        """The 'official' part of the section's JSON."""
        return {
            "sentence": self.sentence(),
            "lines": [*self.warnings(), *self.notes()],
            "fits": self.fits,
            "compared": self.compared,
            "final": self.final,
            "found": self.found,
            "agreeing": self.agreeing,
            "unknown": self.unknown,
            "places": [
                {"place": place, "found": found, "of": of, "first_missing": self._first_missing(place)}
                for place, found, of in self.places
            ],
            "differences": describe(self.differences),
        }


def compare(rows: pd.DataFrame, files: pd.DataFrame) -> CopyOfCnmc:
    """Holds a copy of C-NMC 2019 against the official list.

    Args:
        rows: `ImageTable.rows` as the cnmc reader gives them.
        files: columns image, format, width and height of the images whose files were read, as `file_table` gives them.
    """
    # The list does not hold the numbered images of the final test.
    listed = [row for row in records(rows) if row["part"] != "final" or CELL_NAME.fullmatch(_stem(row["image"]))]
    looked_up = [_look_up(row) for row in listed]
    claims = _claims(looked_up)
    facts = {row["image"]: row for row in records(files[["image", "format", "width", "height"]])}
    lines = [line for one in looked_up for line in _lines(one, claims, facts.get(one.image, {}))]
    lines += [_line("missing", None, cell, None, cell.place) for cell in official_cells() if cell not in claims]
    order = list(KINDS)
    lines.sort(key=lambda line: order.index(line["kind"]))
    table = pd.DataFrame(lines, columns=list(COLUMNS), dtype=object)
    found = Counter(cell.place for cell in claims)
    copy = CopyOfCnmc(
        compared=len(looked_up),
        final=len(rows) - len(looked_up),
        found=len(claims),
        agreeing=sum(one.cell is not None and not any(_contradictions(one, one.cell)) for one in looked_up),
        unknown=sum(one.cell is None for one in looked_up),
        places=tuple((place, found[place], of) for place, of in Counter(cell.place for cell in official_cells()).items()),
        differences=table,
    )
    return copy if copy.fits else replace(copy, differences=table.iloc[:0])


class _LookedUp(NamedTuple):
    """One image and the official cell behind its name (None: not in the list); exact: it bears the official name."""

    image: str
    row: Mapping[str, Any]
    cell: OfficialCell | None
    exact: bool


def _look_up(row: Mapping[str, Any]) -> _LookedUp:
    stem = _stem(row["image"])
    cell = official_cell(stem)
    # Some copies give preliminary images their full names back.
    return _LookedUp(row["image"], row, cell, cell is not None and stem in (cell.name, str(cell.number)))


def _claims(looked_up: Sequence[_LookedUp]) -> dict[OfficialCell, str]:
    """Which image stands for each official cell: the first that bears its very name, else the first."""
    claims: dict[OfficialCell, str] = {}
    for one in sorted(looked_up, key=lambda one: not one.exact):
        if one.cell is not None:
            claims.setdefault(one.cell, one.image)
    return claims


def _contradictions(one: _LookedUp, cell: OfficialCell) -> Iterator[tuple[str, str, str]]:
    """Kind, what is here and what is listed, where label or subject is another."""
    label, subject = one.row["label"], one.row["subject"]
    if label is not None and label != cell.label:
        yield "label", label, cell.label
    # H3 for h3 is another spelling, and said as another name.
    if subject is not None and subject.casefold() != cell.subject.casefold():
        yield "subject", subject, cell.subject


def _lines(one: _LookedUp, claims: Mapping[OfficialCell, str], facts: Mapping[str, Any]) -> Iterator[Json]:
    """Every difference of one image, as a row of the table."""
    cell = one.cell
    if cell is None:
        yield _line("extra", one.image, None, None, None)
        return
    found = list(_contradictions(one, cell))
    if claims[cell] != one.image:
        found.append(("twice", claims[cell], cell.name))
    elif not one.exact:
        found.append(("renamed", _stem(one.image), cell.name))
    found += [*_misplaced(one, cell), *_altered(one.image, facts)]
    for kind, here, listed in found:
        yield _line(kind, one.image, cell, here, listed)


def _misplaced(one: _LookedUp, cell: OfficialCell) -> Iterator[tuple[str, str, str]]:
    fold, part = one.row["fold"], one.row["part"]
    if part != cell.part:
        yield "part", part, cell.part
    elif fold is not None and cell.fold is not None and fold != cell.fold:
        yield "fold", fold, cell.fold
    folders = [name.upper() for name in one.image.split("/")[:-1]]
    said = next((name for name in reversed(folders) if name in CLASSES), cell.label)
    if said != cell.label:
        yield "class folder", said, cell.label


def _altered(image: str, facts: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Another format, by content where the file was read; another size."""
    official = FORMAT_OF_SUFFIX[SUFFIX]
    kind = facts.get("format") or FORMAT_OF_SUFFIX[os.path.splitext(image)[1].lower()]
    if kind != official:
        yield "converted", kind, official
    if facts and (facts["width"], facts["height"]) != SIZE:
        yield "resized", f"{facts['width']:.0f} × {facts['height']:.0f}", f"{SIZE[0]} × {SIZE[1]}"


def _line(kind: str, image: str | None, cell: OfficialCell | None, here: str | None, listed: str | None) -> Json:
    return dict(zip(COLUMNS, (kind, image, cell.file if cell else None, here, listed), strict=True))


def _stem(image: str) -> str:
    return os.path.splitext(image.rpartition("/")[2])[0]


def _coverage(place: str, found: int, of: int) -> str:
    """'fold 0 whole (3,527)', '739 of 3,553 of fold 2', 'none of fold 1 (3,581)'."""
    named = "the preliminary test" if place == "preliminary" else place
    if found == of:
        return f"{named} whole ({of:,})"
    return f"{found:,} of {of:,} of {named}" if found else f"none of {named} ({of:,})"
