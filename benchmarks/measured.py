"""What the benchmarks share: two sides that take turns, how a measurement is printed, where it is appended."""

from __future__ import annotations

import csv
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_leuk.bench.networks import ending
from keras_leuk.bench.turns import timing


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call; or the time that it gives itself, see `to_the_last_batch`."""
    began = time.perf_counter()
    given = work()
    return given if isinstance(given, float) else time.perf_counter() - began


def to_the_last_batch(call: Callable[..., object]) -> Callable[[], float]:
    """Times Keras' `fit` of one epoch or `predict` up to its last batch; see `bench.networks.ending`.

    Args:
        call: takes `callbacks`.
    """

    def timed() -> float:
        with timing() as watch:
            call(callbacks=[ending(watch)])
        return watch.span(1).seconds

    return timed


def take_turns(first: Callable[[], object], second: Callable[[], object], repeats: int) -> tuple[list[float], list[float]]:
    """Times of both, one after the other, after a warm-up of each."""
    first(), second()
    pairs = [(seconds(first), seconds(second)) for _ in range(repeats)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def spread(values: Sequence[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):.3g} ({min(values):.3g}-{max(values):.3g})"


def append(path: Path | None, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds rows to a CSV file, under a header where the file is new; nothing where none was asked for."""
    if path is None:
        return
    new = not path.exists()
    with open(path, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        if new:
            writer.writeheader()
        writer.writerows(rows)
