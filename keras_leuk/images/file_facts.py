"""What an image file says before its pixels are decoded: size, format, mode, JPEG quality; and the numbers in its name.

None of this has to do with the cell, so a classifier that uses it has learned something else. Start at `file_table`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import PIL
from PIL import Image

from keras_leuk.errors import DataError
from keras_leuk.progress import Progress

NUMBERS = ("file_size", "width", "height", "quality", "bits_per_pixel", "number", "number_before")
"""Columns of `file_table` that are float64."""

FORMAT_OF_SUFFIX = {".bmp": "BMP", ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}
"""What a file should be by its name's ending, in small letters."""

_FORMATS = ("BMP", "PNG", "JPEG", "TIFF")

_LONGEST = 15
"""Digits of a run that float64 still tells apart from its neighbours; a longer one is a hash or a time, not a count."""

# Tables K.1 and K.2 of ITU-T T.81 (1992), row by row: the quantisation that the IJG's library scales by its quality.
_LUMINANCE = """16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 62
18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99"""
_CHROMINANCE = "17 18 24 47 99 99 99 99 18 21 26 66 99 99 99 99 24 26 56 99 99 99 99 99 47 66" + 38 * " 99"


@dataclass(frozen=True)
class FileFacts:
    """What one file says.

    Attributes:
        file_size: bytes.
        format: BMP, PNG, JPEG, TIFF, or MPO (a JPEG with more pictures behind it), by content and not by suffix.
        mode: Pillow's word for the pixels: RGB, RGBA, L (grey), P (palette), CMYK, I;16, ...
        width, height: pixels as stored, before any rotation that a camera noted.
        quality: nearest JPEG quality of the IJG's library, 1 to 100; None for other formats.
        bits_per_pixel: bits of the file for each pixel, headers included: how strongly it is compressed.
    """

    file_size: int
    format: str
    mode: str
    width: int
    height: int
    quality: int | None
    bits_per_pixel: float


def file_facts(path: str | Path) -> FileFacts:
    """Reads the head of an image file; the pixels are not decoded, so a file that breaks off later passes.

    Raises:
        DataError: the file is missing, unreadable, or none of the formats that we read.
    """
    try:
        with open(path, "rb") as file, Image.open(file, formats=_FORMATS) as picture:
            size = os.fstat(file.fileno()).st_size
            (width, height), kind = picture.size, str(picture.format)
            if not width * height:
                raise ValueError("no pixels")
            quality = jpeg_quality(getattr(picture, "quantization", {})) if kind in ("JPEG", "MPO") else None
            return FileFacts(size, kind, picture.mode, width, height, quality, 8 * size / (width * height))
    except PIL.UnidentifiedImageError:
        raise DataError(f"unreadable image (not BMP, PNG, JPEG or TIFF): {path}") from None
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError, struct.error, … for damaged files
        reason = getattr(error, "strerror", None) or (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
        raise DataError(f"unreadable image ({reason}): {path}") from None


def jpeg_quality(tables: Mapping[int, Sequence[int]]) -> int | None:
    """Quality at which the IJG's library (libjpeg, Pillow, OpenCV) would quantise most alike.

    Args:
        tables: 64 steps each, row by row as Pillow gives them; 0 is that of luminance, 1 that of chrominance, further ones are
            not looked at.

    Returns:
        1 to 100, the one with the smallest sum of absolute differences (the smaller of equals); None without tables. Exact for
        files of such a library; for cameras and Photoshop, whose tables are their own, the nearest.
    """
    known = tuple((number, tuple(tables[number])) for number in (0, 1) if len(tables.get(number, ())) == 64)
    return _nearest(known) if known else None


@lru_cache(maxsize=1024)
def _nearest(known: tuple[tuple[int, tuple[int, ...]], ...]) -> int:
    # Most files of a data set share their tables, and to compare them takes longer than to read them.
    numbers = [number for number, _ in known]
    distance = np.abs(_ijg_tables()[:, numbers] - np.array([steps for _, steps in known])).sum(axis=(1, 2))
    return int(distance.argmin()) + 1


@cache
def _ijg_tables() -> np.ndarray:
    """Steps of every quality from 1 to 100, int64 (100, 2, 64): jpeg_quality_scaling and jpeg_add_quant_table of libjpeg."""
    quality = np.arange(1, 101)[:, None, None]
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    base = np.array([_LUMINANCE.split(), _CHROMINANCE.split()], np.int64)
    return np.clip((base * scale + 50) // 100, 1, 255)


def name_numbers(image: str) -> tuple[float, float]:
    """Last and last but one run of digits in a file's name without suffix; NaN where there is none or it is too long to count.

    ``UID_57_29_1_all.bmp`` gives 1 and 29. Files are often numbered in the order in which they were made.
    """
    runs = re.findall(r"[0-9]+", os.path.splitext(image.rpartition("/")[2])[0])
    last, before = ([*(float(run) if len(run) <= _LONGEST else float("nan") for run in reversed(runs)), *[float("nan")] * 2])[:2]
    return last, before


def file_table(root: Path, images: Sequence[str], progress: Progress | None = None) -> pd.DataFrame:
    """What the files of a data set say.

    Args:
        root: folder that relative paths start from.
        images: n paths.
        progress: told of the files looked at.

    Returns:
        n rows in the order given: image; format and mode (None where unreadable); the columns of `NUMBERS`, float64, NaN where
        undefined; error (None, or one line on a file whose head cannot be read).
    """
    progress, folder = progress or Progress(), str(root)
    rows: list[dict[str, object]] = []
    with progress.stage("file heads", len(images), "files") as advance:
        for image in images:
            progress.check()
            rows.append(_row(folder, image))
            advance(1)
    table = pd.DataFrame(rows, columns=["image", "format", "mode", *NUMBERS, "error"], dtype=object)
    # pandas would turn a None among texts into NaN; numbers have no None.
    return table.astype(dict.fromkeys(NUMBERS, "float64"))


def _row(folder: str, image: str) -> dict[str, object]:
    last, before = name_numbers(image)
    named = {"image": image, "number": last, "number_before": before}
    try:
        return named | vars(file_facts(os.path.join(folder, image))) | {"error": None}
    except DataError as error:
        return named | {"format": None, "mode": None, "error": str(error)}
