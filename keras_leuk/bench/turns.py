"""Measuring ways of doing the same work against each other: turn by turn, so that a machine whose speed drifts favours none.

Each way is called once uncounted, which compiles what is to be compiled. Then all take turns on the same number of images; who
begins changes from turn to turn. The number of images grows from a batch on until the turns would fill the allowance; turns with
fewer are not counted.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from keras_leuk.progress import Progress

REPEATS = 5
"""Turns that are aimed at."""

OURS = "ours"


@dataclass(frozen=True)
class Span:
    """A measured piece of work.

    Attributes:
        images: done in it.
        seconds: on the wall clock.
        processor: seconds of all the process's threads together.
    """

    images: int
    seconds: float
    processor: float


class Timing:
    """What `timing` measures, filled in when its block ends, or before that by `end`, whose last call counts."""

    def __init__(self) -> None:
        self.began, self.worked = time.perf_counter(), time.process_time()
        self.seconds: float | None = None
        self.processor = 0.0

    def end(self) -> None:
        """What comes after this in the block does not count."""
        self.seconds, self.processor = time.perf_counter() - self.began, time.process_time() - self.worked

    def span(self, images: int) -> Span:
        return Span(images, max(self.seconds or 0.0, 1e-9), self.processor)


@contextmanager
def timing() -> Iterator[Timing]:
    """Times a block: ``with timing() as watch``."""
    watch = Timing()
    yield watch
    if watch.seconds is None:
        watch.end()


Way = Callable[[int], Span]
"""Does so many images, and says what of it counts."""


@dataclass(frozen=True)
class Turns:
    """What was measured.

    Attributes:
        images: of each way in each turn.
        spans: name of the way → a span a turn.
        warming: seconds of the uncounted first calls, compilation included.
    """

    images: int
    spans: Mapping[str, tuple[Span, ...]]
    warming: float = 0.0

    @property
    def repeats(self) -> int:
        """Turns."""
        return len(next(iter(self.spans.values())))

    def rates(self, way: str) -> list[float]:
        """Images a second in each turn."""
        return [span.images / span.seconds for span in self.spans[way]]

    def busy(self, way: str) -> float:
        """Median number of processor cores at work."""
        return statistics.median(span.processor / span.seconds for span in self.spans[way])


def take_turns(
    ways: Mapping[str, Way],
    *,
    seconds: float,
    step: int,
    most: int,
    progress: Progress | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Turns:
    """Measures ways within an allowance; at least one turn, however little there is.

    Args:
        ways: name → way.
        seconds: allowance, warming up included.
        step: images come in multiples of it (a batch); most: largest number of them, at least one step.
        clock: tells the seconds that have passed.
    """
    progress = progress or Progress()
    began = clock()
    _turn(ways, step, 0, progress)
    warming = clock() - began
    images, most = step, max(most // step, 1) * step
    while True:
        ticked = clock()
        turn = _turn(ways, images, 0, progress)
        took = max(clock() - ticked, 1e-9)
        larger = _larger(images, took, (seconds - (ticked - began)) / REPEATS, step, most)
        if larger == images:
            break
        images = larger
    turns = [turn]
    while len(turns) < REPEATS and clock() - began + took <= seconds:
        ticked = clock()
        turns.append(_turn(ways, images, len(turns), progress))
        took = max(took, clock() - ticked)
    return Turns(images, {name: tuple(turn[name] for turn in turns) for name in ways}, warming)


def _larger(images: int, took: float, wanted: float, step: int, most: int) -> int:
    """More images for a turn that took less than half of the seconds it is wanted to take; at most four times as many.

    Four times, because a short turn is mostly what every turn costs, however many images it has.
    """
    if 2 * took > wanted:
        return images
    return min(most, max(int(images * min(4.0, wanted / took)) // step * step, step))


def _turn(ways: Mapping[str, Way], images: int, number: int, progress: Progress) -> dict[str, Span]:
    """Each way once; another one begins in each turn."""
    names = list(ways)
    first = number % len(names)
    spans = {}
    for name in names[first:] + names[:first]:
        progress.check()
        spans[name] = ways[name](images)
    return spans


def summary(turns: Turns, *, beside: tuple[str, ...] = ()) -> dict[str, Any]:
    """Plain values: images a second of each way, and ours as a share of its ceiling.

    The ceiling is the way with the highest median among those that are neither ours nor `beside`. The share is the median of the
    shares of the turns, in which both ran one after the other.
    """
    rates = {name: turns.rates(name) for name in turns.spans}
    others = [name for name in rates if name != OURS and name not in beside]
    ceiling = max(others, key=lambda name: statistics.median(rates[name]))
    shares = [own / bare for own, bare in zip(rates[OURS], rates[ceiling], strict=True)]
    return {
        "images": turns.images,
        "repeats": turns.repeats,
        "warming_seconds": turns.warming,
        "ways": {name: {**spread(rates[name]), "turns": rates[name], "cores_busy": turns.busy(name)} for name in rates},
        "ceiling": ceiling,
        "share": {**spread(shares), "turns": shares},
    }


def spread(values: list[float]) -> dict[str, float]:
    """Median and range."""
    return {"value": statistics.median(values), "low": min(values), "high": max(values)}
