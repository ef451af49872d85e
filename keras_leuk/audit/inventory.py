"""The inventory of a data set: what is there, in how many subjects, classes, folds and files, and what cannot be used.

Nothing here looks at pixels. Start at `inventory`; what the page shows of it is `keras_leuk.reporting.audit_inventory`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from keras_leuk.audit.copy_of_cnmc import CopyOfCnmc, compare
from keras_leuk.audit.file_mix import file_mix
from keras_leuk.data import cnmc
from keras_leuk.data.table import ImageTable, natural_key
from keras_leuk.runs.atomic import write_bytes

Json = dict[str, Any]

NAMED = 5
"""Examples of whatever is too long to list."""

SUBJECTS, DIFFERENCES = "inventory_subjects.csv", "inventory_official.csv"
"""The long tables in the audit folder."""


@dataclass(frozen=True)
class Inventory:
    """What a data set consists of.

    Attributes:
        data, reader: name of the data set and of what read it.
        images: images that the other sections use; listed: all that the reader found, with those below.
        unlabelled: images without a label: n, by_part, first names.
        unreadable: one entry an image that was left out: image, reason.
        classes: one entry a class in label order: name, positive, images, share, subjects, per_subject (min, median and max
            images), smallest, largest (subject and images); the last four None where no subject is known.
        subjects: n (None where no image names its subject), unnamed (images that do not), several_classes (subjects in more than
            one: n, first names), reason.
        folds, parts: of the data's own, one entry each: name (None: without), images, subjects (None where one is unknown),
            classes (images of each); empty where there are none.
        files: as `file_mix` gives it.
        official: what a copy of C-NMC 2019 holds of the official list; None with `official_reason` for other data.
        warnings: what the user must not miss; notes: what else is remarkable; one line each.
        subject_table: one row a (subject, class): subject, class, images, folds, parts ('+' between several).
    """

    data: str
    reader: str
    listed: int
    images: int
    unlabelled: Json
    unreadable: tuple[Json, ...]
    classes: tuple[Json, ...]
    subjects: Json
    folds: tuple[Json, ...]
    parts: tuple[Json, ...]
    files: Json
    official: CopyOfCnmc | None
    official_reason: str | None
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    subject_table: pd.DataFrame

    def as_json(self) -> Json:
        """The section in audit.json: the attributes as plain values, `tables` instead of the tables themselves."""
        plain = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in vars(self).items()
            if name not in ("official", "subject_table")
        }
        return {
            **plain,
            "official": None if self.official is None else self.official.as_json(),
            "tables": {"subjects": SUBJECTS if len(self.subject_table) else None, "differences": self._differences()},
        }

    def write_tables(self, folder: Path) -> None:
        """Writes the long tables as CSV into an existing folder, each whole or not at all; what does not apply is not written."""
        if len(self.subject_table):
            _write_csv(self.subject_table, folder / SUBJECTS)
        if self.official is not None and self._differences():
            _write_csv(self.official.differences, folder / DIFFERENCES)

    def _differences(self) -> str | None:
        return DIFFERENCES if self.official is not None and len(self.official.differences) else None


def inventory(table: ImageTable, images: pd.DataFrame, unreadable: Sequence[tuple[str | Path, str]] = ()) -> Inventory:
    """Counts what is there.

    Args:
        table: what the reader found.
        images: n rows, the labelled and readable images of the table: columns image, label, subject, fold, part (None where
            unknown), and format, mode, file_size, width, height, quality as `keras_leuk.images.file_facts.file_table` gives them.
        unreadable: path (below the table's root, or relative to it) and reason of the images that were left out.

    Raises:
        ValueError: no images, or one of a class that the table does not have.
    """
    strangers = set(images["label"]) - set(table.classes)
    if images.empty or strangers:
        raise ValueError(f"images must be labelled with {table.classes}. Received: {sorted(map(str, strangers)) or 'none'}")
    # An error's line ends in the path, which stands beside it here.
    lost = tuple(
        {"image": _relative(table.root, path), "reason": reason.removesuffix(f": {path}")} for path, reason in unreadable
    )
    files = file_mix(images, table.classes)
    subjects = _subjects(images)
    is_cnmc = table.reader == "cnmc" and table.name == cnmc.NAME
    official = compare(table.rows, images) if is_cnmc else None
    unlabelled = _unlabelled(table.rows)
    return Inventory(
        data=table.name,
        reader=table.reader,
        listed=len(table.rows),
        images=len(images),
        unlabelled=unlabelled,
        unreadable=lost,
        classes=tuple(_class(images, name, table.positive) for name in table.classes),
        subjects=subjects,
        folds=_places(images, "fold", table.classes),
        parts=_places(images, "part", table.classes),
        files=files,
        official=official,
        official_reason=None if is_cnmc else "only data read as C-NMC 2019 are held against its official list",
        warnings=(*_warnings(lost, subjects, files), *(official.warnings() if official is not None else ())),
        notes=tuple(_notes(unlabelled, files, official)),
        subject_table=_subject_table(images, table.classes),
    )


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    write_bytes(path, lambda part: table.to_csv(part, index=False, lineterminator="\n", encoding="utf-8"))


def _relative(root: Path, path: str | Path) -> str:
    """As the table names images, so that the same data give the same inventory wherever they lie."""
    path = Path(path)
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def _unlabelled(rows: pd.DataFrame) -> Json:
    bare = rows[rows["label"].isna()]
    by_part = bare["part"].dropna().value_counts().sort_index()
    return {
        "n": len(bare),
        "by_part": {str(part): int(n) for part, n in by_part.items()},
        "first": [str(image) for image in bare["image"].head(NAMED)],
    }


def _class(images: pd.DataFrame, name: str, positive: str | None) -> Json:
    mine = images[images["label"] == name]
    counts = mine["subject"].dropna().value_counts()
    sizes = sorted(((int(n), str(who)) for who, n in counts.items()), key=lambda one: (one[0], natural_key(one[1])))
    known = bool(sizes)
    largest = min((one for one in sizes if one[0] == sizes[-1][0]), key=lambda one: natural_key(one[1])) if known else None
    return {
        "name": name,
        "positive": name == positive,
        "images": len(mine),
        "share": len(mine) / len(images),
        "subjects": len(sizes) if known else None,
        "per_subject": {"min": sizes[0][0], "median": float(counts.median()), "max": sizes[-1][0]} if known else None,
        "smallest": {"subject": sizes[0][1], "images": sizes[0][0]} if known else None,
        "largest": {"subject": largest[1], "images": largest[0]} if largest else None,
    }


def _subjects(images: pd.DataFrame) -> Json:
    named = images[images["subject"].notna()]
    classes = named.groupby("subject")["label"].nunique()
    several = sorted((str(who) for who in classes.index[classes > 1]), key=natural_key)
    return {
        "n": len(classes) if len(named) else None,
        "unnamed": len(images) - len(named),
        "several_classes": {"n": len(several), "first": several[:NAMED]},
        "reason": None if len(named) else "no image names its subject",
    }


def _subject_table(images: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Subjects in natural order, classes in label order."""
    named = images[images["subject"].notna()]
    rows = [
        {"subject": who, "class": label, "images": len(mine), "folds": _joined(mine["fold"]), "parts": _joined(mine["part"])}
        for (who, label), mine in named.groupby(["subject", "label"], sort=False)
    ]
    rows.sort(key=lambda row: (natural_key(str(row["subject"])), classes.index(row["class"])))
    return pd.DataFrame(rows, columns=["subject", "class", "images", "folds", "parts"])


def _joined(names: pd.Series) -> str:
    return "+".join(sorted(set(names.dropna()), key=natural_key))


def _places(images: pd.DataFrame, column: str, classes: Sequence[str]) -> tuple[Json, ...]:
    """What each fold or part consists of; images that lie in none come last."""
    names: list[str | None] = [*sorted(set(images[column].dropna()), key=natural_key)]
    if not names:
        return ()
    found = []
    for name in [*names, *([None] if images[column].isna().any() else [])]:
        mine = images[images[column].isna() if name is None else images[column] == name]
        subjects = mine["subject"].nunique() if mine["subject"].notna().all() else None
        counts = {label: int((mine["label"] == label).sum()) for label in classes}
        found.append({"name": name, "images": len(mine), "subjects": subjects, "classes": counts})
    return tuple(found)


def _warnings(unreadable: Sequence[Json], subjects: Json, files: Json) -> list[str]:
    lines = []
    if unreadable:
        cannot = (
            "1 image cannot be read and stands"
            if len(unreadable) == 1
            else f"{len(unreadable):,} images cannot be read and stand"
        )
        lines.append(f"{cannot} in none of the numbers below (first: {unreadable[0]['image']})")
    if subjects["n"] is None:
        lines.append("no image names its subject: whether cells of one person stand on two sides of a split cannot be known")
    elif subjects["unnamed"]:
        who = "1 image does not name its" if subjects["unnamed"] == 1 else f"{subjects['unnamed']:,} images do not name their"
        lines.append(f"{who} subject: whether it is that of another image cannot be known")
    return lines + [kind["words"] for kind in files["kinds"] if kind["uneven"]]


def _notes(unlabelled: Json, files: Json, official: CopyOfCnmc | None) -> list[str]:
    lines = []
    if unlabelled["n"]:
        parts = ", ".join(f"{n:,} of the {part} part" for part, n in unlabelled["by_part"].items())
        out = "1 image has no label and is" if unlabelled["n"] == 1 else f"{unlabelled['n']:,} images have no label and are"
        lines.append(f"{out} left out{f' ({parts})' if parts else ''}")
    if files["misnamed"]["n"]:
        lines.append(
            f"file names that end in another format than the file's: {files['misnamed']['n']:,} "
            f"(first: {files['misnamed']['first'][0]})"
        )
    lines += [kind["words"] for kind in files["kinds"] if kind["words"] and not kind["uneven"]]
    if official is not None:
        lines += official.notes()
    return lines
