"""A process that trains one path: ``python -m keras_leuk.grid.worker TASK.json``.

Each path has a process of its own, so that memory never accumulates and a crash takes nothing else with it. What went wrong
is left in failure.json, in one line; the log has the rest.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import filelock

from keras_leuk.errors import LeukError
from keras_leuk.grid.layout import PathFolder
from keras_leuk.grid.status import Told
from keras_leuk.recipe import load
from keras_leuk.runs.atomic import write_json

WATCH = 1.0
"""Seconds between two looks at whether the parent is still there."""


def work(task: Mapping[str, Any]) -> int:
    """Trains a path.

    Args:
        task: path (of its folder), recipe (file), cells (epochs → folder), cache, command, figures, backbones (folder).

    Returns:
        0 done, 1 failed, 130 interrupted.
    """
    folder = PathFolder(Path(task["path"]))
    folder.path.mkdir(parents=True, exist_ok=True)
    try:
        # Another process at the same path (a grid that was begun twice) is waited for; it may leave nothing to do.
        with filelock.FileLock(str(folder.lock)):
            from keras_leuk.training.trajectory import train_trajectory

            for stray in folder.path.rglob(".part-*"):
                stray.unlink()  # what a process left that was killed while it wrote
            train_trajectory(
                load(task["recipe"]),
                {int(epochs): Path(path) for epochs, path in task["cells"].items()},
                state=folder.path,
                cache=Path(task["cache"]),
                command=task["command"],
                progress=Told(folder.status),
                figures=task["figures"],
                backbones=Path(task["backbones"]),
            )
            folder.failure.unlink(missing_ok=True)
        return 0
    except KeyboardInterrupt:
        return 130
    except LeukError as error:
        fail(folder, str(error))
        return 1
    except Exception as error:
        traceback.print_exc()
        text = str(error).strip().splitlines()
        fail(folder, f"{type(error).__name__}: {text[0][:300]}" if text else type(error).__name__)
        return 1


def fail(folder: PathFolder, reason: str) -> None:
    """Leaves a reason behind, so that the path is not tried again until someone asks for it."""
    print(f"failed: {reason}", flush=True)
    write_json(folder.failure, {"error": reason})


def _leave_with_the_parent(parent: int) -> None:
    """A grid that is killed takes its workers along: one that trained on unseen would be in the way of the next grid."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main() -> int:
    """The process."""
    task = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    _leave_with_the_parent(int(task["parent"]))
    return work(task)


if __name__ == "__main__":
    sys.exit(main())
