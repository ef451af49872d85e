"""From a path to the data table: the registry of readers, and how one is chosen.

A reader is one entry in `READERS`. They are asked in order whether the data look like theirs, so the most particular
stands first. Start at `read`.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from keras_leuk.data import cnmc, folders, listing
from keras_leuk.data.table import ImageTable
from keras_leuk.errors import DataError, RecipeError, UsageError, suggestion
from keras_leuk.progress import Progress
from keras_leuk.store.address import cache_folder

DEMO = "demo"
"""As a path: the generated cells. A folder of that name in the current folder is ``./demo``."""

LEUKOCYTES = "demo:leukocytes"
"""As a path: generated cells of twelve classes, of no known subjects."""

DEMOS = (DEMO, LEUKOCYTES)
"""Paths that are no places: what they name is generated."""


@dataclass(frozen=True)
class Reader:
    """One way that data lie on disk.

    Attributes:
        name: value of the recipe's data.reader.
        description: one line for lists of readers.
        looks_like: whether an existing path is for this reader; opens no image.
        read: makes the table of an existing path; opens no image.
    """

    name: str
    description: str
    looks_like: Callable[[Path], bool]
    read: Callable[[Path], ImageTable]


def _read_demo(path: Path) -> ImageTable:
    return replace(cnmc.read(path), name="demo", reader=DEMO)


READERS: dict[str, Reader] = {
    reader.name: reader
    for reader in (
        Reader("cnmc", "C-NMC 2019 (ISBI challenge) as TCIA or Kaggle packs it, whole or in part", cnmc.looks_like, cnmc.read),
        Reader(
            "table", "CSV or TSV with columns path, label and optionally subject, fold, split", listing.looks_like, listing.read
        ),
        Reader("folders", "one folder a class, with or without train, val and test above", folders.looks_like, folders.read),
        Reader(
            DEMO,
            f"generated cells, drawn once into the cache folder (data.path {DEMO!r}, or {LEUKOCYTES!r} of twelve classes)",
            lambda path: False,
            _read_demo,
        ),
    )
}


def read(path: str, reader: str = "auto", cache_dir: Path | None = None, *, progress: Progress | None = None) -> ImageTable:
    """Finds the images of a data set and what is known of each.

    Args:
        path: a folder, a CSV or TSV table, or one of `DEMOS` for generated cells; '~' is the user's home.
        reader: a name of `READERS`, or 'auto' to recognise by looking.
        cache_dir: where the generated cells are kept (None: see `cache_folder`); only `DEMOS` write there.
        progress: told of cells being generated.

    Returns:
        the data table. No image has been opened.

    Raises:
        UsageError: there is nothing at the path.
        RecipeError: there is no such reader, or it cannot read such a path.
        DataError: no images, no labels, or contradictions among them; see each reader.
    """
    if reader != "auto" and reader not in READERS:
        raise RecipeError("data.reader", reader, "is not a reader", ("auto", *READERS))
    if path in DEMOS:
        if reader not in ("auto", DEMO):
            raise RecipeError(
                "data.reader", reader, f"does not read the generated cells; a folder called {path} is './{path}'", ("auto", DEMO)
            )
        return _generated(path, cache_folder(cache_dir), progress)
    if reader == DEMO:
        raise RecipeError("data.path", path, "must be 'demo' for reader 'demo', or 'demo:leukocytes'")
    place = Path(os.path.expanduser(path))
    _require(path, place)
    return READERS[reader].read(place) if reader != "auto" else _recognised(place).read(place)


def _generated(path: str, cache: Path, progress: Progress | None) -> ImageTable:
    if path == LEUKOCYTES:
        from keras_leuk.data.demo_leukocytes import make_leukocytes

        return replace(folders.read(make_leukocytes(cache, progress=progress)), name=LEUKOCYTES, reader=DEMO)
    from keras_leuk.data.demo import make_demo

    return _read_demo(make_demo(cache, progress=progress))


def _recognised(place: Path) -> Reader:
    for reader in READERS.values():
        if reader.looks_like(place):
            return reader
    if place.is_dir():
        # It says that there are no images, in the words of every other empty folder.
        return READERS["folders"]
    raise DataError(f"data must be a folder, or a table that ends in {' or '.join(listing.SUFFIXES)}: {place}")


def _require(path: str, place: Path) -> None:
    if os.path.exists(place):
        return
    message = f"data not found: {path}"
    if path.startswith(f"{DEMO}:"):
        raise UsageError(f"no such demo: {path!r}{suggestion(path, DEMOS)}")
    parent = place.parent
    if os.path.isdir(parent):
        names = {entry.lower(): entry for entry in sorted(os.listdir(parent)) if not entry.startswith(".")}
        near = difflib.get_close_matches(place.name.lower(), list(names), n=1, cutoff=0.5)
        if near:
            # As the user would have to type it: with the same words before the last one.
            message += f"; did you mean {os.path.join(os.path.dirname(path.rstrip('/')), names[near[0]])}?"
    raise UsageError(message)
