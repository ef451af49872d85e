"""The image files that are measured on: generated bitmaps like those of C-NMC 2019, or some of the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from keras_leuk.data.cells import ALL, HEM, draw_cell, draw_subject
from keras_leuk.data.demo_folder import draw_all
from keras_leuk.errors import DataError
from keras_leuk.progress import Progress
from keras_leuk.recipe import load
from keras_leuk.training.materials import read_table

MOST = 256
"""Files that are read at most: they stay in the system's page cache, and in memory where a ceiling wants them there."""

FEWEST = 32

SIDE = 450
"""Pixels: the cells of C-NMC 2019."""

CELLS = 8
"""Drawn; what a file costs to read hangs on its size, not on what it shows."""


@dataclass(frozen=True)
class Files:
    """What is read.

    Attributes:
        paths: of the files.
        words: what they are, for the page.
    """

    paths: tuple[Path, ...]
    words: str


def files(data: str | None, seconds: float, folder: Path, progress: Progress) -> Files:
    """Some files; fewer where there is less time.

    Args:
        data: as for ``train``; None for generated bitmaps.
        folder: where they may be put.

    Raises:
        LeukError: the data cannot be read.
    """
    number = min(MOST, max(FEWEST, int(4 * seconds) // FEWEST * FEWEST))
    if data is None:
        return Files(generated(folder, number, progress), f"{number} generated 24-bit bitmaps, {SIDE}×{SIDE} pixels")
    table = read_table(load(None, flags={"data.path": data}), folder, progress)
    names = list(table.labelled["image"])
    # From all over the table: its beginning may be one class, subject or folder.
    chosen = [names[place] for place in np.linspace(0, len(names) - 1, min(number, len(names))).astype(int)]
    paths = tuple(table.root / name for name in chosen)
    first = cv2.imread(str(paths[0]))
    if first is None:
        raise DataError(f"unreadable image (OpenCV, which is the ceiling here, cannot read it): {paths[0]}")
    height, width = first.shape[:2]
    for path in paths:
        path.read_bytes()  # into the page cache, where the second side of a turn would find what the first one fetched
    return Files(paths, f"{len(paths)} of {len(names):,} images of {table.name}, the first {width}×{height} pixels")


def generated(folder: Path, number: int, progress: Progress) -> tuple[Path, ...]:
    """So many bitmaps, no two alike: a few drawn cells in eight orientations, each file with one pixel of its own."""
    people = [draw_subject(0, str(person), (ALL, HEM)[person % 2]) for person in range(CELLS)]

    def draw(cell: int) -> None:
        pixels = draw_cell(0, people[cell], cell, SIDE)
        for place in range(cell, number, CELLS):
            orientation = place // CELLS % 8
            turned = np.rot90(pixels[:, ::-1] if orientation > 3 else pixels, orientation).copy()
            turned[0, 0] = place % 256, place // 256, 1
            cv2.imwrite(str(folder / f"{place}.bmp"), turned[..., ::-1])

    draw_all("cells to measure on", range(min(CELLS, number)), draw, progress)
    return tuple(folder / f"{place}.bmp" for place in range(number))
