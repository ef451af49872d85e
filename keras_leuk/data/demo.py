"""The demo: generated cells in the official C-NMC 2019 layout, so that everything can be tried without the real data.

Owns who the subjects are, how many cells each has, and the tree on disk; `keras_leuk.data.cells` draws the cells. The
tree is made once in the cache folder, under a name that is the content address of everything that shaped it. Its bytes
depend on the `DemoSpec` only. Start from `make_demo`.

Source of the layout: Gupta, A., & Gupta, R. (2019). ALL Challenge dataset of ISBI 2019 (C-NMC 2019) [Data set]. The
Cancer Imaging Archive. https://doi.org/10.7937/tcia.2019.dc64i46r
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from keras_leuk.data import cells as drawing
from keras_leuk.data.demo_folder import draw_all, made_once
from keras_leuk.errors import DataError
from keras_leuk.progress import Progress
from keras_leuk.recipe.randomness import generator
from keras_leuk.store.address import ENVIRONMENT_VARIABLE, address

TRAINING = "C-NMC_training_data"
PRELIMINARY = "C-NMC_test_prelim_phase_data"  # the folder inside has the same name
FOLDS = 3

# As in the official training set (7,272 of 10,661 cells; 47 of 73 subjects, the healthy ones giving fewer cells each).
ALL_SHARE_OF_CELLS = 0.68
ALL_SHARE_OF_SUBJECTS = 0.6
# Subjects differ in their number of cells; 0.35 on a log scale is a factor of two between the 16th and 84th percentile.
UNEVENNESS = 0.35
# Size of the preliminary set relative to the training set, in subjects and in cells.
PRELIMINARY_SUBJECTS = 1 / 3
PRELIMINARY_CELLS = 1 / 4


@dataclass(frozen=True)
class DemoSpec:
    """What is generated; the default is the demo that the recipe calls ``demo``.

    Attributes:
        cells: training cells in all; the preliminary set has a quarter as many, of other subjects.
        subjects: training subjects in all, 6 or more, so that each fold has one of each class.
        size: width and height of the pictures in pixels, 16 or more.
        seed: another seed is another world, with other people and cells.
    """

    cells: int = 480
    subjects: int = 24
    size: int = 192
    seed: int = 2019

    def __post_init__(self) -> None:
        if self.subjects < 2 * FOLDS:
            raise ValueError(f"subjects must be {2 * FOLDS} or more, one of each class in each fold. Received: {self.subjects}")
        if self.cells < 2 * self.subjects:
            raise ValueError(f"cells must be {2 * self.subjects} or more, two a subject. Received: {self.cells}")
        if self.size < 16:
            raise ValueError(f"size must be 16 or more. Received: {self.size}")

    @property
    def address(self) -> str:
        """Content address of all parameters of the demo and its cells; its first 12 digits are plenty for a folder."""
        return address({"spec": asdict(self), "demo": _parameters(), "cells": drawing.parameters()})[:12]


@dataclass(frozen=True)
class _Cell:
    """One picture to draw: where it goes and whose it is."""

    path: str  # relative to the root
    official_name: str  # UID_<subject>_<image>_<cell>_<class>.bmp
    subject: str
    label: str  # all, hem
    number: int  # counts the subject's cells


def make_demo(
    cache_dir: Path,
    *,
    cells: int = DemoSpec.cells,
    subjects: int = DemoSpec.subjects,
    size: int = DemoSpec.size,
    seed: int = DemoSpec.seed,
    progress: Progress | None = None,
) -> Path:
    """Generates the demo once and returns its root, which any C-NMC reader can read.

    Args:
        cache_dir: made if it is not there; the demo becomes ``cache_dir/demo-<address>`` (about 66 MB by default).
        cells, subjects, size, seed: see `DemoSpec`.
        progress: told of the cells drawn.

    Returns:
        The root of the tree. A second call with the same arguments returns at once; two processes may call together.

    Raises:
        DataError: the folder cannot be written or the disk is full.
        ValueError: a specification that cannot be met.
    """
    spec = DemoSpec(cells=cells, subjects=subjects, size=size, seed=seed)
    root = Path(cache_dir) / f"demo-{spec.address}"
    try:
        return made_once(root, lambda part: _fill(spec, part, progress or Progress()))
    except OSError as error:
        need = round(1.3 * spec.cells * 3 * spec.size**2 / 1e6)
        reason = error.strerror or error
        raise DataError(
            f"cannot write the demo cells (about {need} MB) in {cache_dir}: {reason}; {ENVIRONMENT_VARIABLE} names another folder"
        ) from error


def _fill(spec: DemoSpec, part: Path, progress: Progress) -> None:
    planned = list(_plan(spec))
    people = {
        name: drawing.draw_subject(spec.seed, name, drawing.ALL if label == "all" else drawing.HEM)
        for name, label in {cell.subject: cell.label for cell in planned}.items()
    }
    for folder in sorted({(part / cell.path).parent for cell in planned}):
        folder.mkdir(parents=True, exist_ok=True)
    _write_labels(part, [cell for cell in planned if cell.path.startswith(PRELIMINARY)])

    def draw(cell: _Cell) -> None:
        pixels = drawing.draw_cell(spec.seed, people[cell.subject], cell.number, spec.size)
        Image.fromarray(pixels).save(part / cell.path, format="BMP")

    draw_all("demo cells", planned, draw, progress)


def _write_labels(part: Path, preliminary: list[_Cell]) -> None:
    """The official label list of the preliminary phase: 1 = ALL."""
    lines = ["Patient_ID,new_names,labels"]
    lines += [f"{cell.official_name},{Path(cell.path).name},{int(cell.label == 'all')}" for cell in preliminary]
    path = part / PRELIMINARY / "C-NMC_test_prelim_phase_data_labels.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _plan(spec: DemoSpec) -> Iterator[_Cell]:
    """All cells of the demo: training folds, then the preliminary set, in official names."""
    sick, healthy = _split(spec.subjects, least=FOLDS)
    for label, people, total in zip(("all", "hem"), (sick, healthy), _cells_by_class(spec.cells, sick, healthy), strict=True):
        names = [str(i + 1) if label == "all" else f"H{i + 1}" for i in range(people)]
        for i, (name, count) in enumerate(zip(names, _uneven(spec.seed, f"{label} training", people, total), strict=True)):
            for number in range(count):
                official = _official_name(name, number, label)
                yield _Cell(f"{TRAINING}/fold_{i % FOLDS}/{label}/{official}", official, name, label, number)

    few_sick, few_healthy = _split(round(spec.subjects * PRELIMINARY_SUBJECTS), least=1)
    few_cells = max(2 * (few_sick + few_healthy), round(spec.cells * PRELIMINARY_CELLS))
    owned = []
    for label, first, people, total in zip(
        ("all", "hem"), (sick, healthy), (few_sick, few_healthy), _cells_by_class(few_cells, few_sick, few_healthy), strict=True
    ):
        names = [str(first + i + 1) if label == "all" else f"H{first + i + 1}" for i in range(people)]
        for name, count in zip(names, _uneven(spec.seed, f"{label} preliminary", people, total), strict=True):
            owned += [(name, number, label) for number in range(count)]
    # The official pictures are numbered without regard to subject or class.
    order = generator(spec.seed, "demo preliminary order").permutation(len(owned))
    for position, index in enumerate(order, start=1):
        name, number, label = owned[index]
        path = f"{PRELIMINARY}/{PRELIMINARY}/{position}.bmp"
        yield _Cell(path, _official_name(name, number, label), name, label, number)


def _official_name(subject: str, number: int, label: str) -> str:
    """``UID_<subject>_<image>_<cell>_<class>.bmp``; a smear photograph (image) gives up to three cells here."""
    return f"UID_{subject}_{number // 3 + 1}_{number % 3 + 1}_{label}.bmp"


def _split(subjects: int, least: int) -> tuple[int, int]:
    """How many subjects have ALL and how many are healthy; `least` of each at least."""
    sick = min(max(round(subjects * ALL_SHARE_OF_SUBJECTS), least), subjects - least)
    return sick, subjects - sick


def _cells_by_class(cells: int, sick: int, healthy: int) -> tuple[int, int]:
    """How many cells of each class; never fewer than one a subject."""
    ill = min(max(round(cells * ALL_SHARE_OF_CELLS), sick), cells - healthy)
    return ill, cells - ill


def _uneven(seed: int, what: str, people: int, total: int) -> list[int]:
    """Shares `total` cells among people, unevenly as in real life, one each at least."""
    weight = np.exp(UNEVENNESS * generator(seed, f"demo counts {what}").standard_normal(people))
    edges = np.rint(np.cumsum(weight / weight.sum()) * (total - people)).astype(int)
    return [int(n) + 1 for n in np.diff(edges, prepend=0)]


def _parameters() -> dict[str, str]:
    """Every constant above, for the content address."""
    return {name: repr(value) for name, value in sorted(globals().items()) if name.isupper()}
