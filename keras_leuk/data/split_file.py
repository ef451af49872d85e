"""split.csv: which image stands on which side, written by one run and reused by another.

The file names each image with the hash of its decoded pixels, so that a split is never applied to images that only have
the same names. Start at `write_split` and `read_split`; `reuse` puts the images of a data table on the sides of a file.
"""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from keras_leuk.data.delimited import read_rows
from keras_leuk.data.overlap import SIDES
from keras_leuk.errors import DataError, RecipeError, suggestion
from keras_leuk.runs.atomic import write_text

UNUSED = "unused"
SPLIT_COLUMNS = ("image", "label", "subject", "group", "fold", "part", "split", "pixels")


def write_split(path: Path, rows: pd.DataFrame) -> None:
    """Writes a split, whole or not at all; the same rows give the same bytes.

    Args:
        path: the file, in an existing folder.
        rows: columns `SPLIT_COLUMNS`, text, None where unknown (written as nothing).
    """
    lines = [SPLIT_COLUMNS, *zip(*(rows[column] for column in SPLIT_COLUMNS), strict=True)]
    write_text(path, "".join(",".join(_field(value) for value in line) + "\n" for line in lines))


def _field(value: object) -> str:
    # By hand, because csv.writer leaves a lone carriage return bare, which every reader takes for the end of the line.
    text = value if isinstance(value, str) else ""
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\r\n') else text


def read_split(path: Path) -> pd.DataFrame:
    """Reads what `write_split` wrote: columns `SPLIT_COLUMNS` in the file's order, all text, None where there is nothing.

    Raises:
        DataError: not readable, a column missing, an unknown side, or an image twice.
    """
    lines = read_rows(path, SPLIT_COLUMNS, exact=True).lines
    if not lines:
        raise DataError(f"{path} has a header, but lists no images")
    first: dict[str, int] = {}
    for row in lines:
        if row["split"] not in (*SIDES, UNUSED):
            raise DataError(f"{path} line {row.line}: unknown split {row['split']!r}{suggestion(row['split'], (*SIDES, UNUSED))}")
        if row["image"] in first:
            raise DataError(f"{path} line {row.line}: image already listed in line {first[row['image']]}: {row['image']}")
        first[row["image"]] = row.line
    return pd.DataFrame({c: pd.Series([row.known(c) for row in lines], dtype=object) for c in SPLIT_COLUMNS})


def reuse(rows: pd.DataFrame, file: str) -> tuple[list[str], list[str]]:
    """The side of each image in the split of another run, and warnings.

    Args:
        rows: columns image and pixels.
        file: a split.csv.

    Raises:
        RecipeError: there is no such file.
        DataError: no image is to be trained on, one is not listed, or is listed with other pixels; or see `read_split`.
    """
    path = Path(os.path.expanduser(file))
    if not path.is_file():
        raise RecipeError("split.file", file, "is not a file; it must be the split.csv of a run")
    listed = read_split(path)
    if not (listed["split"] == SIDES[0]).any():
        folds = sorted(path.parent.glob("folds/*/split.csv"))
        advice = f"; it is of a cross-validation: take one of its folds, such as {folds[0]}" if folds else ""
        raise DataError(f"{file} puts no image on the training side{advice}")
    side = dict(zip(listed["image"], listed["split"], strict=True))
    pixels = dict(zip(listed["image"], listed["pixels"], strict=True))
    lost = [image for image in rows["image"] if image not in side]
    if lost:
        raise DataError(
            f"{file} does not list {len(lost)} of {len(rows)} labelled images, the first is {lost[0]}; it is of other data"
        )
    other = [image for image, hashed in zip(rows["image"], rows["pixels"], strict=True) if pixels[image] != hashed]
    if other:
        raise DataError(
            f"{file} lists {len(other)} of {len(rows)} images with another content, the first is {other[0]}; it is of other data"
        )
    gone = [image for image in listed["image"][listed["split"] != UNUSED] if image not in set(rows["image"])]
    warnings = [f"{len(gone)} images that {file} puts on a side are not among the labelled images: {gone[0]}"] if gone else []
    return [side[image] for image in rows["image"]], warnings
