"""The folder that a user names for output: made if it is not there, never somebody else's, and never half of something.

A folder that grows run by run begins with `make_output`; one that is made at one go is written by `replacing`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from keras_leuk.errors import RunError, UsageError


def make_output(out: Path, ours: Iterable[Path], whose: str) -> None:
    """Makes an output folder, or takes up one of ours.

    Args:
        ours: files or folders in it, any of which shows that it is ours.
        whose: in words, such as ``a grid's``.

    Raises:
        UsageError: it is a file.
        RunError: it cannot be made, or holds files and none of ours.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        strangers = sorted(entry.name for entry in out.iterdir())
    except (NotADirectoryError, FileExistsError):
        raise UsageError(f"--out {out} is a file; name a folder") from None
    except OSError as error:
        raise RunError(f"--out {out} cannot be made: {error.strerror or error}") from None
    if strangers and not any(path.exists() for path in ours):
        raise RunError(f"--out {out} holds files that are not {whose}: {', '.join(strangers[:3])}")


@contextmanager
def replacing(out: Path, mark: str, stale: Callable[[Path], Iterable[Path]]) -> Iterator[Path]:
    """Yields an empty folder beside `out`, which takes its place if the block ends well.

    Where something lies there, its files are replaced one by one, the mark last; whatever else somebody put there stays.

    Args:
        mark: name of the file that says that the folder is whole.
        stale: files and folders in a folder that has the mark, which go before the new ones come.

    Raises:
        RunError: the folder cannot be written.
    """
    made = out.parent / f".part-{out.name}-{os.getpid()}"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        made.mkdir()
        try:
            yield made
            _put(made, out, mark, stale)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise RunError(f"--out {out} cannot be written: {error.strerror or error}") from None


def _put(made: Path, out: Path, mark: str, stale: Callable[[Path], Iterable[Path]]) -> None:
    if not out.exists() or not any(out.iterdir()):
        os.replace(made, out)
        return
    if (out / mark).is_file():
        (out / mark).unlink()
        for path in stale(out):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    for file in sorted(path for path in made.rglob("*") if path.is_file() and path.name != mark):
        target = out / file.relative_to(made)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(file, target)
    os.replace(made / mark, out / mark)
