"""How many threads a process may use, where it shares the machine with others like it."""

from __future__ import annotations

import os

THREADS = "KERAS_LEUK_THREADS"
"""Environment variable that says it; a grid sets it for the processes that it divides the machine among."""


def granted() -> int | None:
    """The number that was granted; None if nobody said anything."""
    given = os.environ.get(THREADS, "")
    return int(given) if given.isdigit() and int(given) > 0 else None


def cores() -> int:
    """Processor cores that this process may use."""
    machine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return granted() or machine
