"""The audit folder: made whole beside its place, then put there. Start at `filling`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keras_leuk.errors import RunError, UsageError

MARK = "audit.json"
"""Written last; a folder that holds it is an audit's."""


@contextmanager
def filling(out: Path, overwrite: bool = False) -> Iterator[Path]:
    """Yields an empty folder beside `out`, which takes its place if the block ends well.

    An earlier audit in its place is replaced; anything else is left alone, unless `overwrite` says otherwise.

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
    made = out.parent / f".part-{out.name}-{os.getpid()}"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        made.mkdir()
    except OSError as error:
        raise RunError(f"--out {out} cannot be written: {error.strerror or error}") from None
    try:
        yield made
        _put(made, out)
    except OSError as error:
        raise RunError(f"--out {out} cannot be written: {error.strerror or error}") from None
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _put(made: Path, out: Path) -> None:
    """The old folder goes aside until the new one stands, so that one of them is always whole."""
    aside = out.parent / f".old-{out.name}-{os.getpid()}"
    if out.exists():
        os.replace(out, aside)
    try:
        os.replace(made, out)
    except OSError:
        if aside.exists():
            os.replace(aside, out)
        raise
    shutil.rmtree(aside, ignore_errors=True)
