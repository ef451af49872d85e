"""The image cache: every picture is decoded and prepared once, whoever asks for it.

`ingest` is the start: it knows which files have not changed since they were last read, prepares the others, and leaves each
picture as one row of an `ArrayStore`. Memory stays flat: at most a few blocks of pictures are held at a time.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_leuk.devices.threads import cores
from keras_leuk.errors import DataError
from keras_leuk.images.decode import Workspace, decode, decoder, pixel_hash
from keras_leuk.images.preprocessing import Preparation, prepare
from keras_leuk.progress import Progress
from keras_leuk.store.arrays import ArrayStore
from keras_leuk.store.fingerprints import Fingerprint, FingerprintTable

BLOCK_BYTES = 5_000_000
"""Pictures are written to disk about so many bytes at a time: small enough for the processor's caches, measured."""
BLOCK = 256
"""Most pictures written at a time."""

_TASK_BYTES = 1_200_000
"""A thread prepares about so many bytes of pictures at a time: large enough that the writer is not woken for every one."""


@dataclass(frozen=True)
class Pictures:
    """Cached pictures of a list of files.

    Attributes:
        store: where their rows lie.
        preparation: what was done to them.
        paths: the files that could be read, in the order asked for.
        fingerprints: one a file.
        unreadable: (path, reason) of files that were left out.
        decoded: how many were decoded now; the others had been before.
        seconds: time taken.
    """

    store: ArrayStore
    preparation: Preparation
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
    preparation: Preparation,
    cache: Path,
    on_unreadable: str = "error",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Pictures:
    """Makes sure that every file has its row in the image cache.

    Args:
        paths: image files.
        preparation: what is done to a picture before it is cached.
        on_unreadable: ``error`` stops at the first damaged file, ``skip`` leaves it out and lists it.
        threads: decoders at work (None: one a core).

    Raises:
        DataError: a damaged file (under ``error``), or not one readable file.
    """
    progress = progress or Progress()
    started = time.perf_counter()
    shape = (preparation.size, preparation.size, 3)
    store = ArrayStore(cache, "images", {"decoder": decoder(), **preparation.facts()}, shape, "uint8")
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
                fresh: list[tuple[str, int]] = []
                read: list[tuple[Path, tuple[os.stat_result, Fingerprint]]] = []

                def keep(rows: np.ndarray) -> None:
                    if fresh:
                        append(
                            [key for key, _ in fresh], rows if len(fresh) == len(rows) else rows[[place for _, place in fresh]]
                        )
                        fresh.clear()
                    table.remember(read)
                    read.clear()

                with progress.stage("decoding images", len(todo), "images") as advance:
                    for task, rows, outcomes in _prepare_all(todo, preparation, threads):
                        for place, outcome in enumerate(outcomes, task.place):
                            advance(1)
                            path = todo[task.block + place]
                            if isinstance(outcome, DataError):
                                if on_unreadable == "error":
                                    keep(rows)
                                    raise outcome
                                unreadable[path] = str(outcome)
                                continue
                            known[path] = outcome[1]
                            read.append((path, outcome))
                            if outcome[1].pixels not in held:
                                held.add(outcome[1].pixels)
                                fresh.append((outcome[1].pixels, place))
                        if task.place + task.count == len(rows):
                            keep(rows)
    finally:
        table.close()
    kept = [path for path in paths if path not in unreadable]
    if not kept:
        raise DataError(f"not one of {len(paths)} images can be read; the first: {next(iter(unreadable.values()), 'none given')}")
    return Pictures(
        store,
        preparation,
        tuple(kept),
        tuple(known[path] for path in kept),
        tuple(unreadable.items()),
        decoded,
        time.perf_counter() - started,
    )


def _unknown(paths: Sequence[Path], known: dict[Path, Fingerprint], held: set[str]) -> list[Path]:
    return [path for path in dict.fromkeys(paths) if path not in known or known[path].pixels not in held]


def read_picture(path: Path, preparation: Preparation) -> tuple[Fingerprint, np.ndarray]:
    """One file as training sees it: its fingerprint and its uint8 array (size, size, 3).

    Raises:
        DataError: see `decode`.
    """
    row = np.empty((preparation.size, preparation.size, 3), np.uint8)
    outcome = _prepare_file(path, preparation, Workspace(), row)
    if isinstance(outcome, DataError):
        raise outcome
    return outcome[1], row


_Outcome = tuple[os.stat_result, Fingerprint] | DataError


def _prepare_file(path: Path, preparation: Preparation, workspace: Workspace, out: np.ndarray) -> _Outcome:
    """Reads, decodes, hashes and prepares one file; the picture is put into `out`."""
    try:
        status, data = _read(path, workspace)
        pixels = decode(data, path, workspace)
    except OSError as error:
        return DataError(f"unreadable image ({error.strerror or error}): {path}")
    except DataError as error:
        return error
    height, width = pixels.shape[:2]
    prepare(pixels, preparation, out)
    return status, Fingerprint(pixel_hash(pixels), width, height)


def _read(path: Path, workspace: Workspace) -> tuple[os.stat_result, memoryview]:
    """A file's status before it is read, and its bytes, which stay in the workspace until the next file is read."""
    file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        status = os.fstat(file)
        data = workspace.array("file", (status.st_size,)).data
        count = 0
        while count < len(data) and (more := _read_into(file, data[count:])):
            count += more
    finally:
        os.close(file)
    return status, data[:count]


def _read_into(file: int, part: memoryview) -> int:
    if hasattr(os, "readv"):
        return os.readv(file, [part])
    data = os.read(file, len(part))  # Windows
    part[: len(data)] = data
    return len(data)


@dataclass(frozen=True)
class _Task:
    """What a thread prepares at a time: `count` files from `place` on in the block that begins with file `block`."""

    block: int
    place: int
    count: int


def _prepare_all(
    paths: Sequence[Path], preparation: Preparation, threads: int | None
) -> Iterator[tuple[_Task, np.ndarray, list[_Outcome]]]:
    """Prepares in threads (reading, OpenCV, BLAKE3 and Pillow let go of Python's lock), hands back in order.

    A thread takes several pictures at a time, because to hand over a single one would cost a fifth of its time, and puts them
    where they will be written from: two blocks take turns, one being filled while the other is written.

    Yields:
        (task, rows of its block, outcome of each of its files). The rows are whole with the last task of the block, and are
        filled anew once the task after that is asked for.
    """
    local = threading.local()
    shape = (preparation.size, preparation.size, 3)
    row_bytes = int(np.prod(shape))
    count = threads or cores()
    block = max(1, min(BLOCK, len(paths), BLOCK_BYTES // row_bytes))
    step = max(1, min(_TASK_BYTES // row_bytes, -(-block // count)))
    buffers = np.empty((2, block, *shape), np.uint8)

    def rows(task: _Task) -> np.ndarray:
        return np.asarray(buffers[task.block // block % 2][: len(paths) - task.block])

    def work(task: _Task) -> list[_Outcome]:
        if not hasattr(local, "workspace"):
            local.workspace = Workspace()
        places = range(task.place, task.place + task.count)
        return [_prepare_file(paths[task.block + n], preparation, local.workspace, rows(task)[n]) for n in places]

    tasks = [
        _Task(begin, place, min(step, end - place))
        for begin in range(0, len(paths), block)
        for end in (min(block, len(paths) - begin),)
        for place in range(0, end, step)
    ]
    ahead: deque[Future[list[_Outcome]]] = deque()
    with ThreadPoolExecutor(count, thread_name_prefix="decode") as pool:
        try:
            for number, task in enumerate(tasks):
                for later in tasks[number + len(ahead) :]:
                    if later.block > task.block + block:
                        break
                    ahead.append(pool.submit(work, later))
                yield task, rows(task), ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()
