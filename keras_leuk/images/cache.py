"""The image cache: every picture is decoded and resized once, whoever asks for it.

`ingest` is the start: it knows which files have not changed since they were last read, decodes the others, and leaves each
picture as one row of an `ArrayStore`. Memory stays flat: at most a few blocks of pictures are held at a time.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_leuk.errors import DataError
from keras_leuk.images.decode import decode, decoder, pixel_hash, resize, steps
from keras_leuk.progress import Progress
from keras_leuk.store.arrays import ArrayStore
from keras_leuk.store.fingerprints import Fingerprint, FingerprintTable

BLOCK = 64
"""Pictures written to disk at a time."""


@dataclass(frozen=True)
class Pictures:
    """Cached pictures of a list of files.

    Attributes:
        store: where their rows lie.
        paths: the files that could be read, in the order asked for.
        fingerprints: one a file.
        unreadable: (path, reason) of files that were left out.
        decoded: how many were decoded now; the others had been before.
        seconds: time taken.
    """

    store: ArrayStore
    paths: tuple[Path, ...]
    fingerprints: tuple[Fingerprint, ...]
    unreadable: tuple[tuple[Path, str], ...]
    decoded: int
    seconds: float

    @property
    def pixels(self) -> list[str]:
        """Pixel hash of each file: the key of its row."""
        return [f.pixels for f in self.fingerprints]

    def row_numbers(self) -> np.ndarray:
        """Row of each file in the store's memory map, int64 (n,)."""
        held = self.store.positions()
        return np.array([held[key] for key in self.pixels], np.int64)


def ingest(
    paths: Sequence[Path],
    *,
    size: int,
    interpolation: str,
    cache: Path,
    on_unreadable: str = "error",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Pictures:
    """Makes sure that every file has its row in the image cache.

    Args:
        paths: image files.
        size: side of the cached squares in pixels.
        on_unreadable: ``error`` stops at the first damaged file, ``skip`` leaves it out and lists it.
        threads: decoders at work (None: one a core).

    Raises:
        DataError: a damaged file (under ``error``), or not one readable file.
    """
    progress = progress or Progress()
    started = time.perf_counter()
    store = ArrayStore(cache, "images", steps(size, interpolation), (size, size, 3), "uint8")
    table = FingerprintTable(cache, decoder())
    try:
        known = table.look_up(paths)
        held = set(store.positions())
        decoded = 0
        unreadable: dict[Path, str] = {}
        if _unknown(paths, known, held):
            with store.appending(lambda: progress.say("waiting for another process that is filling the image cache")) as append:
                # Whoever held the lock before may have read the very same files.
                known, held = table.look_up(paths), set(store.positions())
                todo = _unknown(paths, known, held)
                decoded = len(todo)
                fresh: list[tuple[str, np.ndarray]] = []
                read: list[tuple[Path, tuple[os.stat_result, Fingerprint]]] = []

                def keep() -> None:
                    if fresh:
                        append([k for k, _ in fresh], np.stack([row for _, row in fresh]))
                        fresh.clear()
                    table.remember(read)
                    read.clear()

                with progress.stage("decoding images", len(todo), "images") as advance:
                    for path, outcome in _decode_all(todo, size, interpolation, threads):
                        advance(1)
                        if isinstance(outcome, DataError):
                            if on_unreadable == "error":
                                keep()
                                raise outcome
                            unreadable[path] = str(outcome)
                            continue
                        status, fingerprint, row = outcome
                        known[path] = fingerprint
                        read.append((path, (status, fingerprint)))
                        if fingerprint.pixels not in held:
                            held.add(fingerprint.pixels)
                            fresh.append((fingerprint.pixels, row))
                        if len(read) >= BLOCK:
                            keep()
                    keep()
    finally:
        table.close()
    kept = [path for path in paths if path not in unreadable]
    if not kept:
        raise DataError(f"not one of {len(paths)} images can be read; the first: {next(iter(unreadable.values()), 'none given')}")
    return Pictures(
        store,
        tuple(kept),
        tuple(known[path] for path in kept),
        tuple(unreadable.items()),
        decoded,
        time.perf_counter() - started,
    )


def _unknown(paths: Sequence[Path], known: dict[Path, Fingerprint], held: set[str]) -> list[Path]:
    return [path for path in dict.fromkeys(paths) if path not in known or known[path].pixels not in held]


def read_picture(path: Path, size: int, interpolation: str) -> tuple[Fingerprint, np.ndarray]:
    """One file as training sees it: its fingerprint and its uint8 array (size, size, 3).

    Raises:
        DataError: see `decode`.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"unreadable image ({error.strerror or error}): {path}") from None
    pixels = decode(data, path)
    height, width = pixels.shape[:2]
    fingerprint = Fingerprint(hashlib.sha256(data).hexdigest(), pixel_hash(pixels), width, height)
    return fingerprint, resize(pixels, size, interpolation)


_Outcome = tuple[os.stat_result, Fingerprint, np.ndarray] | DataError


def _decode_all(paths: Sequence[Path], size: int, interpolation: str, threads: int | None) -> Iterator[tuple[Path, _Outcome]]:
    """Decodes in threads (Pillow lets go of Python's lock), hands back in order, never far ahead of the reader."""

    def work(path: Path) -> _Outcome:
        try:
            status = os.stat(path)
            fingerprint, row = read_picture(path, size, interpolation)
        except OSError as error:
            return DataError(f"unreadable image ({error.strerror or error}): {path}")
        except DataError as error:
            return error
        return status, fingerprint, row

    count = threads or os.cpu_count() or 1
    ahead: deque[tuple[Path, Future[_Outcome]]] = deque()
    remaining = iter(paths)
    with ThreadPoolExecutor(count, thread_name_prefix="decode") as pool:
        try:
            for path in remaining:
                ahead.append((path, pool.submit(work, path)))
                if len(ahead) >= 4 * count:
                    first, future = ahead.popleft()
                    yield first, future.result()
            while ahead:
                first, future = ahead.popleft()
                yield first, future.result()
        finally:
            for _, future in ahead:
                future.cancel()
