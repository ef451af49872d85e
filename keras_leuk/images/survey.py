"""One pass over the files of a data set: what each picture is compared by, and its trivial measurements.

Both are kept in the cache, a row a picture, found by the hash of its pixels, so that a second audit opens no unchanged file.
Memory stays flat: a few pictures are held at a time. Start at `survey`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from keras_leuk.errors import DataError
from keras_leuk.images import likeness, trivia
from keras_leuk.images.ahead import ahead
from keras_leuk.images.decode import Workspace, decode, decoder, pixel_hash
from keras_leuk.progress import Progress
from keras_leuk.store.arrays import ArrayStore
from keras_leuk.store.fingerprints import Fingerprint, FingerprintTable

_TASK = 8
"""Files that a thread reads at a time."""
_BLOCK = 256
"""Rows written at a time."""


@dataclass(frozen=True)
class Survey:
    """What one pass found.

    Attributes:
        paths: the files that could be read, in the order asked for.
        fingerprints: one a file.
        unreadable: (path, reason) of the others.
        squares: store of `likeness.cut`'s squares, keyed by pixel hash.
        measures: store of rows (`COLUMNS`), keyed by pixel hash.
        opened: files that were decoded now.
    """

    paths: tuple[Path, ...]
    fingerprints: tuple[Fingerprint, ...]
    unreadable: tuple[tuple[Path, str], ...]
    squares: ArrayStore
    measures: ArrayStore
    opened: int

    @property
    def pixels(self) -> list[str]:
        """Pixel hash of each file."""
        return [found.pixels for found in self.fingerprints]

    def table(self) -> np.ndarray:
        """Measurements of each file, float32 (n, len(COLUMNS))."""
        held = self.measures.positions()
        return self.measures.rows()[np.array([held[key] for key in self.pixels], np.int64)]


COLUMNS = ("size", *trivia.TRIVIA)
"""A row of measurements: the size of the cut (`likeness.Cut.size`), then `trivia.TRIVIA`."""


def survey(paths: Sequence[Path], *, cache: Path, threads: int | None = None, progress: Progress | None = None) -> Survey:
    """Makes sure that every file has its rows.

    Args:
        paths: image files. A damaged one is listed and left out.

    Raises:
        DataError: not one file can be read.
    """
    progress = progress or Progress()
    facts = {"decoder": decoder(), "opencv": cv2.__version__, "method": likeness.METHOD}
    squares = ArrayStore(cache, "squares", facts, (likeness.SIDE, likeness.SIDE), "uint8")
    measures = ArrayStore(
        cache, "trivia", {**facts, "trivia": trivia.VERSION, "columns": list(COLUMNS)}, (len(COLUMNS),), "float32"
    )
    table = FingerprintTable(cache, decoder())
    unreadable: dict[Path, str] = {}
    try:
        known = table.look_up(paths)
        opened = 0
        if _unknown(paths, known, squares, measures):
            with ExitStack() as stack:

                def waiting() -> None:
                    progress.say("waiting for another process that is looking at images")

                append_squares = stack.enter_context(squares.appending(waiting))
                append_measures = stack.enter_context(measures.appending(waiting))
                # Whoever held the lock before may have read the very same files.
                known = table.look_up(paths)
                todo = _unknown(paths, known, squares, measures)
                opened = len(todo)
                held = set(squares.positions()) & set(measures.positions())
                fresh: list[_Seen] = []
                read: list[tuple[Path, tuple[os.stat_result, Fingerprint]]] = []

                def keep() -> None:
                    if fresh:
                        keys = [seen.fingerprint.pixels for seen in fresh]
                        append_squares(keys, np.stack([seen.square for seen in fresh]))
                        append_measures(keys, np.stack([seen.measured for seen in fresh]))
                        fresh.clear()
                    table.remember(read)
                    read.clear()

                with progress.stage("looking at images", len(todo), "images") as advance:
                    for path, outcome in _look_at_all(todo, threads):
                        advance(1)
                        if isinstance(outcome, str):
                            unreadable[path] = outcome
                            continue
                        known[path] = outcome.fingerprint
                        read.append((path, (outcome.status, outcome.fingerprint)))
                        if outcome.fingerprint.pixels not in held:
                            held.add(outcome.fingerprint.pixels)
                            fresh.append(outcome)
                        if len(read) == _BLOCK:
                            keep()
                    keep()
    finally:
        table.close()
    kept = tuple(path for path in paths if path not in unreadable)
    if not kept:
        raise DataError(f"not one of {len(paths)} images can be read; the first: {next(iter(unreadable.values()), 'none given')}")
    return Survey(kept, tuple(known[path] for path in kept), tuple(unreadable.items()), squares, measures, opened)


@dataclass(frozen=True)
class _Seen:
    status: os.stat_result
    fingerprint: Fingerprint
    square: np.ndarray
    measured: np.ndarray


def _unknown(paths: Sequence[Path], known: dict[Path, Fingerprint], *stores: ArrayStore) -> list[Path]:
    held = set.intersection(*(set(store.positions()) for store in stores))
    return [path for path in dict.fromkeys(paths) if path not in known or known[path].pixels not in held]


def _look_at_all(paths: Sequence[Path], threads: int | None) -> Iterator[tuple[Path, _Seen | str]]:
    tasks = [paths[begin : begin + _TASK] for begin in range(0, len(paths), _TASK)]

    def work(task: Sequence[Path]) -> list[_Seen | str]:
        workspace = Workspace()
        return [_look_at(path, workspace) for path in task]

    for task, outcomes in zip(tasks, ahead(work, tasks, threads=threads), strict=True):
        yield from zip(task, outcomes, strict=True)


def _look_at(path: Path, workspace: Workspace) -> _Seen | str:
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            pixels = decode(file.read(), path, workspace)
    except OSError as error:
        return f"unreadable image ({error.strerror or error}): {path}"
    except DataError as error:
        return str(error)
    cut = likeness.cut(pixels)
    measured = np.array([cut.size, *trivia.measure(pixels, cut)], np.float32)
    height, width = pixels.shape[:2]
    return _Seen(status, Fingerprint(pixel_hash(pixels), width, height), cut.square, measured)
