"""One array row per content key, appended once, memory-mapped on reading.

A store is a folder `<cache>/<kind>/<address>/` with

    facts.json   what shaped the rows (the address is its hash)
    rows.bin     rows of one shape and type, one after another
    keys.txt     one key (64 hexadecimal digits) a line, in the order of the rows

Writers hold a file lock. They append whole blocks to rows.bin first and name them in keys.txt afterwards, so a process that
is killed leaves at worst unnamed bytes, which the next writer overwrites. Readers take no lock: a named row never changes.
"""

from __future__ import annotations

import json
import os
import shutil
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
        dtype: type of its elements.

    Raises:
        LeukError: the cache folder cannot be written.
    """

    def __init__(self, cache: Path, kind: str, facts: Mapping[str, Any], shape: Sequence[int], dtype: str):
        self.facts = {**facts, "shape": list(shape), "dtype": dtype}
        self.address = address(self.facts)
        self.path = Path(cache) / kind / self.address
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)
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

    def rows(self) -> np.ndarray:
        """All rows as one read-only memory map, shape (rows, *shape)."""
        count = len(self.positions())
        if count == 0:
            return np.empty((0, *self.shape), self.dtype)
        return np.memmap(self.path / "rows.bin", self.dtype, "r", shape=(count, *self.shape))

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
    """Removes every store and fingerprint of the cache folder, and nothing that is not ours.

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
    for demo in Path(cache).glob("demo-*"):
        if demo.is_dir():
            freed += sum(file.stat().st_size for file in demo.rglob("*") if file.is_file())
            shutil.rmtree(demo, ignore_errors=True)
            demo.with_name(demo.name + ".lock").unlink(missing_ok=True)
    return freed
