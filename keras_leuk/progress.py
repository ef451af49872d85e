"""How long work tells what it is doing, without knowing who listens.

Functions that take long accept a `Progress`. The base class is silent; the command line passes one that draws bars on a
terminal. Nothing below the command line prints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[..., None]
"""``advance(n, **facts)``: n more units are done; facts (loss=0.3, ...) are shown beside the bar."""


class Progress:
    """Listens in silence. Subclasses show what they are told."""

    def say(self, line: str) -> None:
        """One plain line of information."""

    def warn(self, line: str) -> None:
        """One plain line the user must not miss."""

    def check(self) -> None:
        """Raises KeyboardInterrupt if the user wants to stop and has not been heard; called often in long work."""

    @contextmanager
    def stage(self, name: str, total: int, unit: str, start: int = 0) -> Iterator[Advance]:
        """A stage of `total` units, `start` of which are already done."""
        yield lambda n=1, **facts: None


class _Passing(Progress):
    """Passes interrupts and stages on to another listener."""

    listener: Progress

    def check(self) -> None:
        self.listener.check()

    @contextmanager
    def stage(self, name: str, total: int, unit: str, start: int = 0) -> Iterator[Advance]:
        with self.listener.stage(name, total, unit, start) as advance:
            yield advance


class Recorder(_Passing):
    """Keeps what was said and warned; stages pass through to another listener."""

    def __init__(self, listener: Progress | None = None):
        self.listener = listener or Progress()
        self.lines: list[str] = []
        self.warnings: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)
        self.listener.say(line)

    def warn(self, line: str) -> None:
        self.warnings.append(line)
        self.listener.warn(line)


class Quiet(_Passing):
    """For the second and every further run of many: passes bars and interrupts on, each warning once, and no lines, because
    what runs say of the data that they share is the same.

    Attributes:
        warned: what has been warned of, here or before.
    """

    def __init__(self, listener: Progress, warned: set[str] | None = None):
        self.listener = listener
        self.warned: set[str] = set() if warned is None else warned

    def warn(self, line: str) -> None:
        if line not in self.warned:
            self.warned.add(line)
            self.listener.warn(line)
