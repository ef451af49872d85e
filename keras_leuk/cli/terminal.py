"""What a user sees while long work goes on: bars on a terminal, plain lines elsewhere; always on standard error."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.text import Text

from keras_leuk.progress import Advance, Progress


class Terminal(Progress):
    """Draws on standard error. Bars appear on a terminal only; lines and warnings always."""

    def __init__(self, console: Console | None = None):
        self.console = console or Console(stderr=True, highlight=False, soft_wrap=True)

        self._stopping = False

    @contextmanager
    def hearing_interrupts(self) -> Iterator[None]:
        """Within the block Ctrl-C is never lost.

        A KeyboardInterrupt that is raised inside a callback of TensorFlow or while an object is being deleted is printed and
        forgotten by Python; what was noted here is raised again at the next `check`.
        """

        if threading.current_thread() is not threading.main_thread():
            yield  # Python hears signals in its main thread only; whoever started another one sees to it
            return

        def note(number: int, frame: object) -> None:
            self._stopping = True
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def check(self) -> None:
        if self._stopping:
            raise KeyboardInterrupt

    def say(self, line: str) -> None:
        self.check()
        self.console.print(Text(line, style="dim" if line.startswith(" ") else ""))

    def warn(self, line: str) -> None:
        self.console.print(Text.assemble(("warning: ", "bold yellow"), line))

    @contextmanager
    def stage(self, name: str, total: int, unit: str, start: int = 0) -> Iterator[Advance]:
        self.check()
        if not self.console.is_terminal or total <= 0:
            yield lambda n=1, **facts: self.check()
            return
        bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TextColumn("{task.fields[speed]}", style="cyan"),
            TimeElapsedColumn(),
            TextColumn("left", style="dim"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[facts]}", style="green"),
            console=self.console,
            transient=False,
        )
        with bars:
            task = bars.add_task(name, total=total, completed=start, unit=unit, speed="", facts="")

            def advance(n: int = 1, **facts: float) -> None:
                self.check()
                bars.advance(task, n)
                bars.update(task, speed=_speed(bars, task, unit, facts), facts=_facts(facts))

            yield advance


def _speed(bars: Bars, task: Any, unit: str, facts: dict[str, float]) -> str:
    if "images_per_second" in facts:
        return f"{facts['images_per_second']:.0f} images/s"
    speed = next((t.speed for t in bars.tasks if t.id == task), None)
    return f"{speed:.0f} {unit}/s" if speed and unit == "images" else ""


def _facts(facts: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.3f}" for name, value in facts.items() if name != "images_per_second")


def columns() -> int:
    """Width to print tables in."""
    return Console().width if sys.stdout.isatty() else 110
