"""The folder that a user names for the output of many runs: made if it is not there, and never somebody else's."""

from __future__ import annotations

from collections.abc import Iterable
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
