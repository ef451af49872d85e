"""How many threads a process may use, and who gets them.

OpenCV works in threads of ours and has none of its own (`images`). While images are decoded, or pass a frozen backbone, one
library is at work and has all threads. While a network is trained on augmented pictures, two are; see `beside`.
"""

from __future__ import annotations

import os

THREADS = "KERAS_LEUK_THREADS"
"""Environment variable that says it; a grid sets it for the processes that it divides the machine among."""


def granted() -> int | None:
    """The number that was granted; None if nobody said anything."""
    given = os.environ.get(THREADS, "")
    return int(given) if given.isdigit() and int(given) > 0 else None


def grant(threads: int) -> None:
    """Says it for this process and those that it starts; TensorFlow must not have been started yet."""
    os.environ[THREADS] = str(threads)


def cores() -> int:
    """Processor cores that this process may use."""
    machine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return granted() or machine


def beside(*, gpu: bool) -> int:
    """Threads that prepare pictures while TensorFlow trains on those before.

    On a CPU an eighth, at least one: to augment a picture of 224 pixels takes a hundredth of the processor time of MobileNet's
    step on it (0.65 of 64 ms, mantri2024's Table II), and more threads would only take cores from under it. Beside a GPU, all but
    one.
    """
    return max(1, cores() - 1 if gpu else cores() // 8)
