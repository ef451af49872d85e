"""What the benchmarks share: two sides that take turns, how a measurement is printed, where it is appended."""

from __future__ import annotations

import csv
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call; or the time that it gives itself, see `to_the_last_batch`."""
    began = time.perf_counter()
    given = work()
    return given if isinstance(given, float) else time.perf_counter() - began


def to_the_last_batch(call: Callable[..., object]) -> Callable[[], float]:
    """Times Keras' `fit` of one epoch or `predict` (to be called with `callbacks`) up to its last batch.

    Behind it the call waits for the thread that tunes tf.data and sleeps 10, 20, 40 ms and so on, so its whole time is rounded
    up to 1.27, 2.55, 5.11 s and so on (TensorFlow 2.21). To count that would flatter us.
    """
    import keras

    class End(keras.callbacks.Callback):
        """Nothing at each batch, which would slow Keras down."""

        at = 0.0

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.at = time.perf_counter()

        def on_predict_end(self, logs: Any = None) -> None:
            self.at = time.perf_counter()

    def timed() -> float:
        end, began = End(), time.perf_counter()
        call(callbacks=[end])
        return end.at - began

    return timed


def take_turns(first: Callable[[], object], second: Callable[[], object], repeats: int) -> tuple[list[float], list[float]]:
    """Times of both, one after the other, after a warm-up of each."""
    first(), second()
    pairs = [(seconds(first), seconds(second)) for _ in range(repeats)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def spread(values: Sequence[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):.3g} ({min(values):.3g}-{max(values):.3g})"


def compile_as_a_notebook_does(model: Any, optimizer: str = "Adam", rate: float = 1e-3) -> None:
    """Keras' own optimiser and loops; not under XLA, which is slower than oneDNN for these networks on a CPU."""
    import keras

    made = getattr(keras.optimizers, optimizer)(rate)
    model.compile(optimizer=made, loss="categorical_crossentropy", metrics=["accuracy"], jit_compile=False)


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
