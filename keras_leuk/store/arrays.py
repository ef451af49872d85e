"""One array row per content key, appended once, read a row at a time.

A store is a folder `<cache>/<kind>/<address>/` with

    facts.json   what shaped the rows (the address is its hash)
    rows.bin     rows of one shape and type, one after another
    keys.txt     one key (64 hexadecimal digits) a line, in the order of the rows

Writers hold a file lock. They append whole blocks to rows.bin first and name them in keys.txt afterwards, so a process that
is killed leaves at worst unnamed bytes, which the next writer overwrites. Readers take no lock: a named row never changes.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
import numpy as np

from keras_leuk.errors import LeukError
from keras_leuk.runs.atomic import write_json
from keras_leuk.store.address import address

_KEY_BYTES = 65  # 64 hexadecimal digits and a line feed


class ArrayStore:
    """Rows of one shape and type, found by key.

    Args:
        cache: the cache folder.
        kind: first folder below it, such as ``images`` or ``features``.
        facts: everything that shaped the rows (plain JSON values).
        shape: shape of a row.
        dtype: type of its elements, in the file.
        read_as: type that they are read as (None: `dtype`).

    Raises:
        LeukError: the cache folder cannot be written.
    """

    def __init__(
        self, cache: Path, kind: str, facts: Mapping[str, Any], shape: Sequence[int], dtype: str, read_as: str | None = None
    ):
        self.facts = {**facts, "shape": list(shape), "dtype": dtype}
        self.address = address(self.facts)
        self.path = Path(cache) / kind / self.address
        self.shape, self.dtype, self.read_as = tuple(shape), np.dtype(dtype), np.dtype(read_as or dtype)
        self.row_bytes = int(np.prod(self.shape)) * self.dtype.itemsize
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not (self.path / "facts.json").exists():
                write_json(self.path / "facts.json", self.facts)
        except OSError as error:
            raise LeukError(
                f"the cache folder {cache} cannot be written ({error.strerror or error}); give another with --cache-dir"
            ) from None

    def positions(self) -> dict[str, int]:
        """Row number of every key."""
        try:
            raw = (self.path / "keys.txt").read_bytes()
        except FileNotFoundError:
            return {}
        whole = len(raw) // _KEY_BYTES
        held = (self.path / "rows.bin").stat().st_size // self.row_bytes
        return {raw[i * _KEY_BYTES : i * _KEY_BYTES + 64].decode("ascii"): i for i in range(min(whole, held))}

    def rows(self) -> StoredRows:
        """All rows that are there now, as something that is indexed like an array of shape (rows, *shape)."""
        return StoredRows(self.path / "rows.bin", len(self.positions()), self.shape, self.dtype, self.read_as)

    def missing(self, keys: Sequence[str]) -> list[str]:
        """The distinct keys that have no row yet, in order of first appearance."""
        held = self.positions()
        return [key for key in dict.fromkeys(keys) if key not in held]

    @contextmanager
    def appending(self, on_wait: Callable[[], object] = lambda: None) -> Iterator[Callable[[Sequence[str], np.ndarray], None]]:
        """Yields ``append(keys, block)``, held by this process alone.

        Keys that another process stored while this one waited must be asked for again (`missing`) inside the block.
        """
        lock = filelock.FileLock(str(self.path / "lock"))
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            on_wait()
            lock.acquire()
        with self._appending(lock) as append:
            yield append

    @contextmanager
    def appending_at_once(self) -> Iterator[Callable[[Sequence[str], np.ndarray], None] | None]:
        """As `appending`, but yields None where another process is writing, instead of waiting for it."""
        lock = filelock.FileLock(str(self.path / "lock"))
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            yield None
            return
        with self._appending(lock) as append:
            yield append

    @contextmanager
    def _appending(self, lock: filelock.BaseFileLock) -> Iterator[Callable[[Sequence[str], np.ndarray], None]]:
        """Appends under a lock that is held, and lets go of it."""
        try:
            count = len(self.positions())
            with open(self.path / "rows.bin", "ab") as rows, open(self.path / "keys.txt", "ab") as keys_file:
                rows.truncate(count * self.row_bytes)
                keys_file.truncate(count * _KEY_BYTES)

                def append(keys: Sequence[str], block: np.ndarray) -> None:
                    block = np.ascontiguousarray(block, self.dtype)
                    if block.shape != (len(keys), *self.shape):
                        raise ValueError(f"block of shape {block.shape} for {len(keys)} rows of shape {self.shape}")
                    try:
                        rows.write(block.data)
                        rows.flush()
                        os.fsync(rows.fileno())
                        keys_file.write("".join(f"{key}\n" for key in keys).encode("ascii"))
                        keys_file.flush()
                    except OSError as error:
                        raise LeukError(f"the cache folder {self.path} cannot be written: {error.strerror or error}") from None

                yield append
        finally:
            lock.release()


class StoredRows:
    """Rows of a file, indexed like an array; what is indexed is read, and nothing else is held.

    Not a memory map: the pages of one count as the process's own memory once touched, so that training on more images would
    look, to whoever limits or watches it, as if it took more memory.

    Args:
        path: file of rows one after another; it need not be there if `count` is 0.
        count: number of rows.
        shape: shape of a row.
        dtype: type of its elements, in the file.
        read_as: type that they are read as (None: `dtype`).
    """

    def __init__(self, path: Path, count: int, shape: Sequence[int], dtype: Any, read_as: Any = None):
        self.shape, self._held_as = (count, *shape), np.dtype(dtype)
        self.dtype = np.dtype(dtype if read_as is None else read_as)
        self._row_bytes = int(np.prod(shape)) * self._held_as.itemsize
        self._file = -1
        if count:
            self._file = os.open(path, os.O_RDONLY)
            weakref.finalize(self, os.close, self._file)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        """One row for an integer; a stack of rows for a slice or a sequence of integers."""
        if isinstance(index, int | np.integer):
            row = np.empty(self.shape[1:], self.dtype)
            self.read(range(len(self))[int(index)], row)
            return row
        numbers = np.arange(len(self))[index]
        stack = aligned((len(numbers), *self.shape[1:]), self.dtype)
        # Neighbours in the file are read at once: a store is often read in the order in which it was written.
        breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
        for begin, end in zip([0, *breaks], [*breaks, len(numbers)], strict=True):
            if end > begin:
                self._fill(stack[begin:end], int(numbers[begin]))
        return stack

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        whole = self[:]
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def read(self, number: int, out: np.ndarray) -> None:
        """Reads one row into a contiguous array of its shape and type.

        Raises:
            IndexError: there is no such row.
        """
        if not 0 <= number < len(self):
            raise IndexError(f"row {number} of {len(self)}")
        self._fill(out, number)

    def _fill(self, out: np.ndarray, first: int) -> None:
        if self._held_as == self.dtype:
            self._read(out, first * self._row_bytes)
            return
        # `out` is one row or several of them.
        held = np.empty(out.shape, self._held_as)
        self._read(held, first * self._row_bytes)
        out[...] = held

    def _read(self, out: np.ndarray, offset: int) -> None:
        view = memoryview(out.data).cast("B")
        done = 0
        while done < len(view):
            got = _read_at(self._file, view[done:], offset + done)
            if got == 0:
                raise LeukError("the cache was cut short while it was read; run the command again")
            done += got


def _read_at(file: int, into: memoryview, offset: int) -> int:
    if hasattr(os, "preadv"):
        return os.preadv(file, [into], offset)
    data = os.pread(file, len(into), offset)  # not every system lets Python read into a place
    into[: len(data)] = data
    return len(data)


_ALIGNMENT = 64


def aligned(shape: Sequence[int], dtype: Any) -> np.ndarray:
    """An empty array that begins at a multiple of 64 bytes: TensorFlow takes such a one as it is, and copies any other."""
    kind = np.dtype(dtype)
    size = math.prod(shape) * kind.itemsize
    return _within(np.empty(size + _ALIGNMENT, np.uint8), size, shape, kind)


def _within(block: np.ndarray, size: int, shape: Sequence[int], dtype: Any) -> np.ndarray:
    begin = -block.ctypes.data % _ALIGNMENT
    whole: np.ndarray = block[begin : begin + size].view(dtype).reshape(shape)
    return whole


class Blocks:
    """Aligned arrays whose memory is used again as soon as nobody holds them.

    Fresh memory costs a page fault every 4 kB, which for a batch of pictures is a fifth of the time of augmenting it.

    TensorFlow holds a reference to an array that it takes without copying, so an array in use is never handed out twice.
    """

    _MOST = 64

    def __init__(self) -> None:
        self._blocks: list[np.ndarray] = []
        self._lock = threading.Lock()

    def take(self, shape: Sequence[int], dtype: Any) -> np.ndarray:
        """An array with arbitrary content."""
        kind = np.dtype(dtype)
        size = math.prod(shape) * kind.itemsize
        with self._lock:
            for number in range(len(self._blocks)):
                # Two references are ours: the list's and this call's. Every view of a block holds one more.
                if self._blocks[number].size >= size + _ALIGNMENT and sys.getrefcount(self._blocks[number]) <= 2:
                    return _within(self._blocks[number], size, shape, kind)
            block = np.empty(size + _ALIGNMENT, np.uint8)
            if len(self._blocks) < self._MOST:
                self._blocks.append(block)
            return _within(block, size, shape, kind)


def inventory(cache: Path) -> list[dict[str, Any]]:
    """What lies in the cache: one dictionary (kind, address, rows, bytes, facts) a store."""
    found = []
    for facts in sorted(Path(cache).glob("*/*/facts.json")):
        folder = facts.parent
        keys = folder / "keys.txt"
        found.append(
            {
                "kind": folder.parent.name,
                "address": folder.name,
                "rows": keys.stat().st_size // _KEY_BYTES if keys.exists() else 0,
                "bytes": sum(file.stat().st_size for file in folder.iterdir() if file.is_file()),
                "facts": json.loads(facts.read_text(encoding="utf-8")),
            }
        )
    return found


def clear(cache: Path) -> int:
    """Removes every store, fingerprint and trial of an engine from the cache folder, and nothing that is not ours.

    Returns:
        Bytes freed.
    """
    freed = 0
    for item in inventory(cache):
        folder = Path(cache) / item["kind"] / item["address"]
        with filelock.FileLock(str(folder / "lock")):
            freed += item["bytes"]
            for name in ("keys.txt", "rows.bin", "facts.json"):
                (folder / name).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
    for name in ("fingerprints.sqlite", "fingerprints.sqlite-wal", "fingerprints.sqlite-shm"):
        file = Path(cache) / name
        if file.exists():
            freed += file.stat().st_size
            file.unlink()
    for trial in Path(cache).glob("engines/*.json"):
        freed += trial.stat().st_size
        trial.unlink()
    for demo in Path(cache).glob("demo-*"):
        if demo.is_dir():
            freed += sum(file.stat().st_size for file in demo.rglob("*") if file.is_file())
            shutil.rmtree(demo, ignore_errors=True)
            demo.with_name(demo.name + ".lock").unlink(missing_ok=True)
    return freed
