"""What is known of a file without opening it again: the hash of its pixels.

Like git's index, a file is known by its path, size and modification time; when all three are as they were, its bytes are taken
to be as they were. The table is SQLite, so that several processes may read and write it at once.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_leuk.errors import LeukError

_ROWS = 128
"""Rows written by one statement; SQLite before 3.32 takes 999 values."""


@dataclass(frozen=True)
class Fingerprint:
    """What one image file holds.

    Attributes:
        pixels: BLAKE3 of decoded 8-bit RGB pixels, height and width; equal for the same picture in two formats.
        width, height: in pixels, as decoded.
    """

    pixels: str
    width: int
    height: int


class FingerprintTable:
    """Fingerprints by path, kept in `<cache>/fingerprints.sqlite`.

    Args:
        cache: the cache folder, made if it is not there.
        decoder: name and version of what turns bytes into pixels; another decoder has fingerprints of its own.
    """

    def __init__(self, cache: Path, decoder: str):
        self.decoder = decoder
        try:
            Path(cache).mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(Path(cache) / "fingerprints.sqlite", timeout=60)
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=NORMAL")
            self._base.execute(
                # Earlier caches hold a table `files` with other hashes.
                "CREATE TABLE IF NOT EXISTS pictures (path TEXT, decoder TEXT, size INTEGER, modified INTEGER, "
                "pixels TEXT, width INTEGER, height INTEGER, PRIMARY KEY (path, decoder)) WITHOUT ROWID"
            )
            self._base.commit()
        except (OSError, sqlite3.Error) as error:
            raise LeukError(f"the cache folder {cache} cannot be written ({error}); give another with --cache-dir") from None

    def look_up(self, paths: Sequence[Path]) -> dict[Path, Fingerprint]:
        """Fingerprints of those files that have not changed since they were read."""
        known = {}
        rows = self._base.execute(
            "SELECT path, size, modified, pixels, width, height FROM pictures WHERE decoder = ?", (self.decoder,)
        )
        wanted = {str(path.absolute()): path for path in paths}
        for name, size, modified, *rest in rows:
            path = wanted.get(name)
            if path is None:
                continue
            try:
                status = os.stat(path)
            except OSError:
                continue
            if (status.st_size, status.st_mtime_ns) == (size, modified):
                known[path] = Fingerprint(*rest)
        return known

    def remember(
        self, found: Mapping[Path, tuple[os.stat_result, Fingerprint]] | Iterable[tuple[Path, tuple[os.stat_result, Fingerprint]]]
    ) -> None:
        """Keeps fingerprints; the status is the one taken before the file was read."""
        pairs = list(found.items() if isinstance(found, Mapping) else found)
        with self._base:
            # Many rows in one statement: Python's lock goes back and forth with every statement, while threads decode.
            for begin in range(0, len(pairs), _ROWS):
                some = pairs[begin : begin + _ROWS]
                self._base.execute(
                    "INSERT OR REPLACE INTO pictures VALUES " + ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * len(some)),
                    [
                        value
                        for path, (s, f) in some
                        for value in (str(path.absolute()), self.decoder, s.st_size, s.st_mtime_ns, f.pixels, f.width, f.height)
                    ],
                )

    def close(self) -> None:
        self._base.close()
