"""Sharing seconds among stages: what one leaves over, the later ones get; what cannot be done in time is not begun."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

HEADROOM = 0.9
"""A stage is not begun where the least of it is expected to take more than this share of what is left."""


@dataclass(frozen=True)
class Task:
    """A stage of one network, or of none.

    Attributes:
        weight: its share of the seconds, relative to the others.
        least: seconds that the least of it is expected to take, asked for when its turn has come near.
    """

    stage: str
    backbone: str | None
    weight: float
    least: Callable[[], float]


class Allowance:
    """Seconds that may be spent, from now on.

    Args:
        tasks: in the order in which they will be done.
        clock: tells the seconds that have passed.
    """

    def __init__(self, seconds: float, tasks: list[Task], clock: Callable[[], float] = time.perf_counter):
        self.seconds, self.tasks, self._clock = seconds, list(tasks), clock
        self._began = clock()

    @property
    def left(self) -> float:
        """Seconds that are left; negative where more than allowed was spent."""
        return self.seconds - (self._clock() - self._began)

    def next(self) -> tuple[Task, float | None, float] | None:
        """The next task, the seconds it may take (None: it cannot be done in time), and those that it would need at least.

        A task that cannot be done leaves its share to the others.
        """
        if not self.tasks:
            return None
        task = self.tasks.pop(0)
        left, least = self.left, task.least()
        if left <= 0 or least > HEADROOM * left:
            return task, None, least
        later = [other.weight for other in self.tasks if other.least() <= HEADROOM * left]
        return task, max(left * task.weight / (task.weight + sum(later)), min(least, left)), least
