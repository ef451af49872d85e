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
    """Renames the whole folder where nothing is in the way; else its files one by one, the mark last.

    Figures and pictures of an earlier audit go; whatever else somebody put into the folder stays.
    """
    if not out.exists() or not any(out.iterdir()):
        os.replace(made, out)
        return
    if (out / MARK).is_file():
        (out / MARK).unlink()
        for name in _DRAWN:
            shutil.rmtree(out / name, ignore_errors=True)
    for file in sorted(path for path in made.rglob("*") if path.is_file() and path.name != MARK):
        target = out / file.relative_to(made)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(file, target)
    os.replace(made / MARK, out / MARK)
