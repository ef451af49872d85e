"""A generated data set is made once in the cache folder, whole or not at all, by whichever process comes first."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import filelock

from keras_leuk.progress import Progress

T = TypeVar("T")


def made_once(root: Path, fill: Callable[[Path], None]) -> Path:
    """Makes a folder unless it is there.

    Args:
        root: the folder; the one above it is made if it is not there.
        fill: puts everything into an empty folder beside the root, which is then renamed.

    Raises:
        OSError: the folder cannot be written or the disk is full.
    """
    if root.is_dir():
        return root
    root.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{root}.lock"):
        if not root.is_dir():  # another process may have made it while we waited
            part = root.with_name(f".part-{root.name}")
            shutil.rmtree(part, ignore_errors=True)  # left by a process that was killed; the lock makes it ours
            try:
                part.mkdir()
                fill(part)
                part.rename(root)
            finally:
                shutil.rmtree(part, ignore_errors=True)
    return root


def draw_all(what: str, planned: Sequence[T], draw: Callable[[T], None], progress: Progress) -> None:
    """Draws every cell in a few threads; each has its own random numbers, so their order changes nothing."""
    with progress.stage(what, len(planned), "cells") as advance, ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for _ in pool.map(draw, planned):
            advance(1)
