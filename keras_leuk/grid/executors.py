"""Where paths are trained. An executor takes tasks and tells which have ended; it knows nothing of grids.

Adding one: a class with these methods, and an entry in `EXECUTORS`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from keras_leuk.devices.memory import available
from keras_leuk.devices.threads import THREADS, cores
from keras_leuk.errors import UsageError, suggestion
from keras_leuk.grid.layout import PathFolder
from keras_leuk.grid.plan import Route
from keras_leuk.grid.worker import fail
from keras_leuk.runs.atomic import write_json

GRACE = 10.0
"""Seconds that an interrupted worker has to end by itself."""


class Executor(Protocol):
    """What `grid.execute` needs of a place to train in."""

    @property
    def slots(self) -> int:
        """Tasks that it takes at a time."""
        ...

    def submit(self, name: str, task: Mapping[str, Any]) -> None:
        """Begins a task (see `grid.worker.work`)."""
        ...

    def ended(self) -> list[str]:
        """Names of tasks that have ended since the last call, well or not: what they left says how."""
        ...

    def stop(self) -> None:
        """Ends whatever is under way."""
        ...

    def words(self) -> str:
        """What it is, for the user."""
        ...


class Processes:
    """Fresh processes on this machine, a path each; threads are divided among them.

    Args:
        jobs: processes at a time.
    """

    def __init__(self, jobs: int):
        self.jobs = jobs
        self.threads = max(1, cores() // jobs)
        self._running: dict[str, tuple[subprocess.Popen[bytes], PathFolder]] = {}

    @property
    def slots(self) -> int:
        return self.jobs

    def submit(self, name: str, task: Mapping[str, Any]) -> None:
        folder = PathFolder(Path(task["path"]))
        folder.path.mkdir(parents=True, exist_ok=True)
        folder.status.unlink(missing_ok=True)
        write_json(folder.task, dict(task) | {"parent": os.getpid()})
        environment = dict(os.environ) | ({THREADS: str(self.threads)} if self.jobs > 1 else {})
        with open(folder.log, "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "keras_leuk.grid.worker", str(folder.task)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                # Ctrl-C reaches the grid alone, which then ends its workers in order.
                start_new_session=True,
            )
        self._running[name] = process, folder

    def ended(self) -> list[str]:
        found = []
        for name, (process, folder) in list(self._running.items()):
            code = process.poll()
            if code is None:
                continue
            del self._running[name]
            found.append(name)
            if code != 0 and not folder.failure.is_file():
                fail(folder, _died(code, folder))
        return found

    def stop(self) -> None:
        for process, _ in self._running.values():
            process.send_signal(signal.SIGINT)
        until = time.monotonic() + GRACE
        for process, _ in self._running.values():
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()

    def words(self) -> str:
        if self.jobs == 1:
            return "one process at a time on this machine"
        return f"{self.jobs} processes at a time on this machine, {self.threads} threads each"


def _died(code: int, folder: PathFolder) -> str:
    if code < 0:
        name = signal.Signals(-code).name
        more = " (out of memory?)" if name == "SIGKILL" else ""
        return f"the process was ended by {name}{more}; its log: {folder.log}"
    return f"the process ended with exit code {code}; its log: {folder.log}"


ROOM = 2e9
"""Bytes of memory that a process which trains a head on stored features is given room for."""


def fitting(routes: Sequence[Route], waiting: int) -> int:
    """Processes at a time on this machine, where the user leaves it open.

    A head on stored features leaves most of a machine idle; a fine-tuned network, or one on a GPU, takes all of it.
    """
    if any(route.features is None for route in routes):
        return 1
    room = available()
    fits = int(room // ROOM) if room is not None else cores()
    return max(1, min(cores(), waiting, fits))


@dataclass(frozen=True)
class Choice:
    """An executor that a user asks for.

    Args:
        name: see `EXECUTORS`.
        jobs: paths at a time; 0 leaves it to the executor.
        address: of a running cluster.

    Raises:
        UsageError: no executor has the name, or this one has no cluster to be found at an address.
    """

    name: str = "processes"
    jobs: int = 0
    address: str | None = None

    def __post_init__(self) -> None:
        if self.name not in EXECUTORS:
            raise UsageError(f"--executor {self.name!r} is not an executor{suggestion(self.name, EXECUTORS)}")
        if self.address and self.name != "ray":
            raise UsageError("--address belongs to --executor ray")

    def make(self, routes: Sequence[Route], waiting: int) -> Executor:
        """The executor, for paths of which some are waiting."""
        return EXECUTORS[self.name](self, routes, waiting)


def processes(choice: Choice, routes: Sequence[Route], waiting: int) -> Executor:
    """Makes `Processes`."""
    return Processes(choice.jobs or fitting(routes, waiting))


def ray(choice: Choice, routes: Sequence[Route], waiting: int) -> Executor:
    """Makes `grid.on_ray.Ray`, which is imported only here. A cluster has room of its own, so that open jobs stay open."""
    from keras_leuk.grid.on_ray import Ray

    return Ray(choice.address, choice.jobs)


EXECUTORS: dict[str, Callable[[Choice, Sequence[Route], int], Executor]] = {"processes": processes, "ray": ray}
"""Name → what makes it, from what the user asks for, all paths, and how many of them are waiting."""
