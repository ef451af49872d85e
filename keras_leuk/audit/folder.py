"""The audit folder: made whole beside its place, then put there. Start at `filling`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keras_leuk.errors import RunError, UsageError
from keras_leuk.runs.output import replacing

MARK = "audit.json"
"""Written last; a folder that holds it is an audit's."""

_DRAWN = ("figures", "pictures")


@contextmanager
def filling(out: Path, overwrite: bool = False) -> Iterator[Path]:
    """Yields an empty folder beside `out`, which takes its place if the block ends well.

    Files of an earlier audit in its place are replaced, others stay. A folder of something else is left alone, unless `overwrite`
    says to write into it.

    Raises:
        UsageError: the place is a file.
        RunError: it holds something else than an audit, or cannot be written.
    """
    if out.is_file():
        raise UsageError(f"--out {out} is a file; name a folder")
    strangers = sorted(entry.name for entry in out.iterdir()) if out.is_dir() and not (out / MARK).is_file() else []
    if strangers and not overwrite:
        raise RunError(
            f"--out {out} holds files that are not an audit's ({', '.join(strangers[:3])}); choose another folder, or --overwrite"
        )
    with replacing(out, MARK, lambda audit: [audit / name for name in _DRAWN]) as made:
        yield made
