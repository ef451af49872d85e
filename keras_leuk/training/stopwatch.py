"""Where the time of a run goes.

Every second belongs to one stage: a stage that begins inside another stops its clock. What no stage claims is `OTHER`, so the
stages add up to the wall time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")

STAGES = {
    "starting": "reading data, filling the image cache, splitting, building the network",
    "compiling": "tracing what is compiled",
    "extraction": "images and views through a frozen backbone",
    "waiting_for_data": "training that had to wait for its next batch",
    "steps": "forward and backward passes, updates of the weights",
    "evaluation": "watched sides after each epoch",
    "predicting": "every image in the end",
    "writing": "checkpoints, weights, tables, metrics, figures and report",
}
"""Stages in the order of a run, and what they are."""

OTHER = "other"


class Stopwatch:
    """Counts the seconds of stages, from now on."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter):
        self._clock = clock
        self._began = self._since = clock()
        self._seconds = dict.fromkeys(STAGES, 0.0)
        self._open: list[str] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """What is done inside belongs to this stage, but for the stages inside of it."""
        if name not in STAGES:
            raise ValueError(f"no such stage: {name}")
        self._settle()
        self._open.append(name)
        try:
            yield
        finally:
            self._settle()
            self._open.pop()

    def waiting(self, items: Iterable[Item]) -> Iterator[Item]:
        """Hands items on; the time that each took to come is ``waiting_for_data``."""
        source = iter(items)
        while True:
            with self.stage("waiting_for_data"):
                try:
                    item = next(source)
                except StopIteration:
                    return
            yield item

    def seconds(self, began: float | None = None) -> dict[str, float]:
        """Seconds of each stage so far, and of ``other``; they add up to the wall time.

        Args:
            began: when the run began, if before this stopwatch; what had passed by then is ``starting``.
        """
        self._settle()
        other = max(self._since - self._began - sum(self._seconds.values()), 0.0)
        before = 0.0 if began is None else self._began - began
        return {**self._seconds, "starting": self._seconds["starting"] + before, OTHER: other}

    def _settle(self) -> None:
        now = self._clock()
        if self._open:
            self._seconds[self._open[-1]] += now - self._since
        self._since = now
