"""The second demo: generated leukocytes of twelve classes, one folder a class, so that many classes can be tried without data.

Owns how many cells each class has and the tree on disk; `keras_leuk.data.leukocytes` draws the cells. Nobody's cells are told
apart, as in the public set that is imitated, which names no patients. Start from `make_leukocytes`.

Source of classes and counts: Matek, C., Krappe, S., Münzenmayer, C., Haferlach, T., & Marr, C. (2021). An expert-annotated
dataset of bone marrow cytology in hematologic malignancies [Data set]. The Cancer Imaging Archive. https://doi.org/10.7937/TCIA.AXH3-T579
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from keras_leuk.data import leukocytes as drawing
from keras_leuk.data.demo_folder import draw_all, made_once
from keras_leuk.errors import DataError
from keras_leuk.progress import Progress
from keras_leuk.store.address import ENVIRONMENT_VARIABLE, address

PUBLIC_COUNTS = {
    "BAS": 441,
    "BLA": 11973,
    "EOS": 5883,
    "HAC": 409,
    "LYT": 26242,
    "MMZ": 3055,
    "MON": 4040,
    "MYB": 6557,
    "NGB": 9968,
    "NGS": 29424,
    "PLM": 7629,
    "PMO": 11994,
}
"""Images of the public set by class."""

LEAST = 24
"""Images of the rarest class, so that it can stand on every side of a split; the public shares would give it three."""


@dataclass(frozen=True)
class LeukocyteSpec:
    """What is generated; the default is the demo that the recipe calls ``demo:leukocytes``.

    Attributes:
        cells: in all, 24 or more for each of the twelve classes.
        size: width and height of the pictures in pixels, 16 or more.
        seed: another seed is another world.
    """

    cells: int = 720
    size: int = 96
    seed: int = 2021

    def __post_init__(self) -> None:
        least = LEAST * len(PUBLIC_COUNTS)
        if self.cells < least:
            raise ValueError(f"cells must be {least} or more, {LEAST} a class. Received: {self.cells}")
        if self.size < 16:
            raise ValueError(f"size must be 16 or more. Received: {self.size}")

    @property
    def address(self) -> str:
        """Content address of all parameters of the demo and its cells; its first 12 digits are plenty for a folder."""
        shares = {"counts": PUBLIC_COUNTS, "least": LEAST}
        return address({"spec": asdict(self), "demo": shares, "cells": drawing.parameters()})[:12]

    @property
    def counts(self) -> dict[str, int]:
        """Images of each class: the public shares where they give the least or more, else the least; they sum to `cells`."""
        rare: set[str] = set()
        while True:
            shared = {name: count for name, count in PUBLIC_COUNTS.items() if name not in rare}
            left = self.cells - LEAST * len(rare)
            wanted = {name: left * count / sum(shared.values()) for name, count in shared.items()}
            below = {name for name, share in wanted.items() if share < LEAST}
            if not below:
                return dict(sorted((_whole(wanted, left) | dict.fromkeys(rare, LEAST)).items()))
            rare |= below


def make_leukocytes(
    cache_dir: Path,
    *,
    cells: int = LeukocyteSpec.cells,
    size: int = LeukocyteSpec.size,
    seed: int = LeukocyteSpec.seed,
    progress: Progress | None = None,
) -> Path:
    """Generates the demo once and returns its root, which the folders reader can read.

    Args:
        cache_dir: made if it is not there; the demo becomes ``cache_dir/demo-leukocytes-<address>`` (about 20 MB by default).
        cells, size, seed: see `LeukocyteSpec`.
        progress: told of the cells drawn.

    Returns:
        The root, with ``<class>/<class>_<number>.bmp``. A second call with the same arguments returns at once; two processes may
        call together.

    Raises:
        DataError: the folder cannot be written or the disk is full.
        ValueError: a specification that cannot be met.
    """
    spec = LeukocyteSpec(cells=cells, size=size, seed=seed)
    root = Path(cache_dir) / f"demo-leukocytes-{spec.address}"
    try:
        return made_once(root, lambda part: _fill(spec, part, progress or Progress()))
    except OSError as error:
        need, reason = round(3 * spec.cells * spec.size**2 / 1e6) + 1, error.strerror or error
        raise DataError(
            f"cannot write the demo cells (about {need} MB) in {cache_dir}: {reason}; {ENVIRONMENT_VARIABLE} names another folder"
        ) from error


def _fill(spec: LeukocyteSpec, part: Path, progress: Progress) -> None:
    planned = [(name, number) for name, count in spec.counts.items() for number in range(count)]
    for name in spec.counts:
        (part / name).mkdir()

    def draw(cell: tuple[str, int]) -> None:
        name, number = cell
        pixels = drawing.draw_leukocyte(spec.seed, name, number, spec.size)
        Image.fromarray(pixels).save(part / name / f"{name}_{number + 1:05}.bmp", format="BMP")

    draw_all("demo leukocytes", planned, draw, progress)


def _whole(wanted: dict[str, float], total: int) -> dict[str, int]:
    """Shares as whole numbers by largest remainders."""
    floors = {name: int(share) for name, share in wanted.items()}
    by_remainder = sorted(wanted, key=lambda name: (floors[name] - wanted[name], name))
    for name in by_remainder[: total - sum(floors.values())]:
        floors[name] += 1
    return floors
