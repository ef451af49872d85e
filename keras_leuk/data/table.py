"""The data table: what every reader returns and everything later starts from.

One row an image. Whatever the layout on disk was (folders, names, a CSV), nothing after this table looks at it again.
Start at `make_table`, which checks and sorts what a reader found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from keras_leuk.errors import DataError, RecipeError

COLUMNS = ("image", "label", "subject", "fold", "part")

# How data sets of our field call what is to be found; ALL and hem, blast and normal, leukemia and healthy.
DISEASE_NAMES = frozenset(
    (
        "all",
        "aml",
        "cll",
        "cml",
        "abnormal",
        "blast",
        "blasts",
        "cancer",
        "disease",
        "leukaemia",
        "leukemia",
        "malignant",
        "positive",
        "sick",
    )
)

IMAGE_SUFFIXES = (".bmp", ".png", ".jpg", ".jpeg", ".tif", ".tiff")

PART_NAMES = {
    "train": "training",
    "training": "training",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
"""How people spell the parts of their data, in lower case, and what we call them."""


@dataclass(frozen=True)
class ImageTable:
    """Images with what is known of them.

    Attributes:
        root: folder that the image paths are relative to.
        rows: sorted by image, one row each, all columns of type str with None where unknown:
            image (relative path, '/' between folders; absolute where a table lists images outside its own folder),
            label (class name; None: unlabelled), subject (who the cell is from), fold (the data's own fold), part
            (training, validation, test, preliminary or final: the data's own split).
        classes: class names in label order; the index of a name here is its label in every array.
        positive: the positive class of a two-class problem, else None.
        name: short name of the data for titles.
        reader: name of the reader that made the table.
        notes: what the user should know about how the data were read, one line each.
        warnings: what the user must not miss, one line each.
    """

    root: Path
    rows: pd.DataFrame
    classes: tuple[str, ...]
    positive: str | None
    name: str
    reader: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def labelled(self) -> pd.DataFrame:
        """The rows that have a label, with a fresh index."""
        return self.rows[self.rows["label"].notna()].reset_index(drop=True)

    @property
    def has_subjects(self) -> bool:
        """Whether every labelled image names its subject."""
        return subjects_known(self.labelled)

    @property
    def has_folds(self) -> bool:
        """Whether some labelled image carries a fold of the data's own."""
        return bool(own_folds(self.labelled))

    @property
    def has_parts(self) -> bool:
        """Whether the data bring training and test parts of their own."""
        return {"training", "test"} <= own_parts(self.labelled)


def subjects_known(rows: pd.DataFrame) -> bool:
    """Whether every one of these rows names its subject (False for no rows)."""
    return bool(len(rows) and rows["subject"].notna().all())


def own_folds(rows: pd.DataFrame) -> tuple[str, ...]:
    """Names of the data's own folds in these rows, in natural order."""
    return tuple(sorted(set(rows["fold"].dropna()), key=natural_key))


def own_parts(rows: pd.DataFrame) -> set[str]:
    """Names of the data's own parts in these rows."""
    return set(rows["part"].dropna())


def natural_key(text: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Sort key that puts '2.bmp' before '10.bmp' and 'h3' before 'H10'; case decides only between equals."""
    pieces = re.split(r"(\d+)", text.casefold())
    return tuple((0, int(piece), "") if i % 2 else (1, 0, piece) for i, piece in enumerate(pieces) if piece), text


def make_table(
    records: Iterable[Mapping[str, str | None]],
    *,
    root: Path,
    name: str,
    reader: str,
    classes: Sequence[str] | None = None,
    positive: str | None = None,
    notes: Iterable[str] = (),
    warnings: Iterable[str] = (),
) -> ImageTable:
    """Checks and sorts what a reader found.

    Args:
        records: dictionaries with the keys of `COLUMNS`; missing keys mean unknown.
        classes: the reader's own label order; None sorts the names naturally. Names without an image are left out.
        positive: None takes `default_positive` of a two-class problem.

    Raises:
        DataError: no images, fewer than two classes, or an image twice.
    """
    records = sorted(records, key=lambda record: natural_key(str(record["image"])))
    # Columns of objects: pandas' own string type would turn None into NaN, and an unknown subject is not a number.
    rows = pd.DataFrame({c: pd.Series([record.get(c) for record in records], dtype=object) for c in COLUMNS})
    if rows.empty:
        raise DataError(f"no images found in {root} (looked for {', '.join(s.lstrip('.') for s in IMAGE_SUFFIXES)})")
    twice = rows["image"][rows["image"].duplicated()]
    if len(twice):
        raise DataError(f"image listed {(rows['image'] == twice.iloc[0]).sum()} times in {root}: {twice.iloc[0]}")
    found = sorted(set(rows["label"].dropna()), key=natural_key)
    if not found:
        raise DataError(f"{len(rows)} images in {root}, but none has a label")
    if len(found) < 2:
        raise DataError(
            f"only one class in {root}: {found[0]!r} ({rows['label'].notna().sum()} images); a classifier needs two or more"
        )
    preferred = [c for c in classes or () if c in found]
    order_of_classes = (*preferred, *(c for c in found if c not in preferred))
    if len(order_of_classes) > 2:
        positive = None
    elif positive not in order_of_classes:
        positive = default_positive(order_of_classes)
    return ImageTable(Path(root), rows, order_of_classes, positive, name, reader, tuple(notes), tuple(warnings))


def uneven_parts(records: Iterable[Mapping[str, str | None]]) -> list[str]:
    """One warning a class that some part of the data lacks while another has it."""
    count: dict[tuple[str, str], int] = {}
    for record in records:
        part, label = record.get("part"), record.get("label")
        if part is not None and label is not None:
            count[part, label] = count.get((part, label), 0) + 1
    parts = [part for part in ("training", "validation", "test") if any(p == part for p, _ in count)]
    lines = []
    for label in sorted({label for _, label in count}, key=natural_key):
        lacking = [part for part in parts if (part, label) not in count]
        if lacking:
            having = ", ".join(f"{count[part, label]} in {part}" for part in parts if part not in lacking)
            lines.append(f"class {label!r} has no image in {' and '.join(lacking)} (but {having})")
    return lines


def default_positive(classes: Sequence[str]) -> str:
    """The positive one of two classes: the one that is named like a disease where the other is not, else the last."""
    sick = [name for name in classes if name.lower() in DISEASE_NAMES]
    return sick[0] if len(sick) == 1 else classes[-1]


def with_labels(table: ImageTable, classes: Sequence[str] | None, positive: str | None) -> ImageTable:
    """The table with the user's own label order and positive class.

    Raises:
        RecipeError: names that are not in the data, or a positive class where there are more than two.
    """
    known = table.classes
    if classes is not None:
        for given in classes:
            if given not in known:
                raise RecipeError("data.classes", given, "is not a class of the data", known)
        if len(set(classes)) != len(classes):
            raise RecipeError("data.classes", list(classes), "names a class twice")
        if set(classes) != set(known):
            raise RecipeError("data.classes", list(classes), f"leaves out {', '.join(sorted(set(known) - set(classes)))}")
        table = replace(table, classes=tuple(classes))
    if positive is not None:
        if positive not in known:
            raise RecipeError("data.positive", positive, "is not a class of the data", known)
        if len(known) > 2:
            raise RecipeError("data.positive", positive, f"cannot be set: the data have {len(known)} classes")
        table = replace(table, positive=positive)
    return table


def only_parts(table: ImageTable, parts: Sequence[str] | None) -> ImageTable:
    """The table with the images of some parts of the data only.

    Raises:
        RecipeError: a part that the data do not have.
        DataError: fewer than two classes are left.
    """
    if parts is None:
        return table
    known = sorted(own_parts(table.rows))
    for part in parts:
        if part not in known:
            raise RecipeError("data.parts", part, "is not a part of the data", known)
    return with_rows(table, table.rows[table.rows["part"].isin(list(parts))])


def with_rows(table: ImageTable, rows: pd.DataFrame) -> ImageTable:
    """The table with some of its rows only, checked again; a class without an image is a class no more.

    Raises:
        DataError: see `make_table`.
    """
    return make_table(
        [dict(zip(COLUMNS, values, strict=True)) for values in zip(*(rows[c] for c in COLUMNS), strict=True)],
        root=table.root,
        name=table.name,
        reader=table.reader,
        classes=table.classes,
        positive=table.positive,
        notes=table.notes,
        warnings=table.warnings,
    )
