"""What the process that trains a path tells whoever watches it: one small file, replaced as a whole."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from keras_leuk.progress import Advance, Progress
from keras_leuk.runs.atomic import write_json

EVERY = 0.5
"""Seconds between two statuses; a change of stage is told at once."""

TRAINING = "training"


@dataclass(frozen=True)
class Status:
    """Where a path stands.

    Attributes:
        stage: what is being done, in words.
        done, total, unit: how much of it.
        best: best validation accuracy so far; None before the first epoch and without a validation side.
        left: seconds that the stage will take, by its speed so far; None before that is known.
        extracted: the features of a frozen backbone are stored, for other paths too.
        host, process: who does it.
    """

    stage: str = "starting"
    done: int = 0
    total: int = 0
    unit: str = ""
    best: float | None = None
    left: float | None = None
    extracted: bool = False
    host: str = ""
    process: int = 0


def read_status(path: Path) -> Status:
    """The last status; one of a path that has told nothing yet if there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Status(**{field.name: found[field.name] for field in fields(Status)})
    except (OSError, ValueError, KeyError, TypeError):
        return Status()


class Told(Progress):
    """Writes what it hears into a status file, and lines into the log (standard output)."""

    def __init__(self, path: Path):
        self.path = path
        self.status = Status(host=socket.gethostname(), process=os.getpid())
        self._written = 0.0

    def say(self, line: str) -> None:
        print(line, flush=True)

    def warn(self, line: str) -> None:
        print(f"warning: {line}", flush=True)

    @contextmanager
    def stage(self, name: str, total: int, unit: str, start: int = 0) -> Iterator[Advance]:
        began, before = time.monotonic(), self.status
        extracted = self.status.extracted or name == TRAINING
        begin = {"stage": name, "done": start, "total": total, "unit": unit, "left": None, "extracted": extracted}
        self._tell(begin, at_once=True)

        def advance(n: int = 1, **facts: float) -> None:
            done = self.status.done + n
            speed = (done - start) / max(time.monotonic() - began, 1e-9)
            told: dict[str, Any] = {"stage": name, "done": done, "total": total, "unit": unit, "left": (total - done) / speed}
            if "val_accuracy" in facts:
                told["best"] = max(facts["val_accuracy"], self.status.best or 0.0)
            self._tell(told)

        yield advance
        if before.stage == TRAINING:
            # A budget was reached on the way: evaluating it was a stage within the training.
            self._tell({key: getattr(before, key) for key in ("stage", "done", "total", "unit", "left")}, at_once=True)

    def _tell(self, changes: dict[str, Any], at_once: bool = False) -> None:
        self.status = Status(**{**asdict(self.status), **changes})
        if at_once or time.monotonic() - self._written >= EVERY:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self.path, asdict(self.status))
            self._written = time.monotonic()
