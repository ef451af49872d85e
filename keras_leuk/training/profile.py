"""What ``train --profile`` adds to a run: TensorFlow's own trace of the first seconds of training, and where the time went.

    profile/summary.txt         seconds of each stage, which add up to the wall time; peak memory
    profile/plugins/profile/…   the trace, for TensorBoard's profile plugin

The trace is taken from outside, as whoever listens to the run's progress: training knows nothing of it.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from keras_leuk.devices.start import start
from keras_leuk.progress import Advance, Progress
from keras_leuk.runs.folder import RunFolder
from keras_leuk.training.stopwatch import OTHER, STAGES

TRACED_SECONDS = 10.0
"""A trace takes some MB a second and more memory than that; the first seconds show what the others are like."""

STAGE = "training"


class Profiler(Progress):
    """Passes on what it hears; while training begins, TensorFlow keeps a trace.

    Args:
        listener: whom it passes everything on to.
        folder: where the trace is written; of a cross-validation, that of the first fold.
        seconds: length of the trace.
    """

    def __init__(self, listener: Progress, folder: Path, seconds: float = TRACED_SECONDS):
        self.listener, self.folder, self.seconds = listener, folder, seconds
        self._until: float | None = None
        self._taken = False

    def say(self, line: str) -> None:
        self.listener.say(line)

    def warn(self, line: str) -> None:
        self.listener.warn(line)

    def check(self) -> None:
        if self._until is not None and time.perf_counter() >= self._until:
            self._stop()
        self.listener.check()

    @contextmanager
    def stage(self, name: str, total: int, unit: str, start: int = 0) -> Iterator[Advance]:
        with self.listener.stage(name, total, unit, start) as advance:
            if name == STAGE and not self._taken:
                self._begin()
            try:
                yield advance
            finally:
                self._stop()

    def _begin(self) -> None:
        start()
        import tensorflow as tf

        self._taken = True
        try:
            tf.profiler.experimental.start(str(self.folder))
        except (tf.errors.OpError, AttributeError, ImportError) as error:
            self.listener.warn(f"TensorFlow cannot trace here ({str(error).splitlines()[0]}); the profile has its times alone")
            return
        self._until = time.perf_counter() + self.seconds

    def _stop(self) -> None:
        if self._until is None:
            return
        import tensorflow as tf

        self._until = None
        tf.profiler.experimental.stop()


def write_profile(run: RunFolder, traced: Path) -> str:
    """Puts a trace and a summary into a finished run's folder, in place of those that were there.

    Args:
        traced: folder that a `Profiler` wrote.

    Returns:
        The text of the summary.
    """
    text = summary(run.read_json(run.timing))
    fresh, place = run.path / ".part-profile", run.path / "profile"
    shutil.rmtree(fresh, ignore_errors=True)
    if traced.is_dir():
        shutil.copytree(traced, fresh)
    fresh.mkdir(exist_ok=True)
    (fresh / "summary.txt").write_text(text, encoding="utf-8")
    shutil.rmtree(place, ignore_errors=True)
    fresh.rename(place)
    return text


def summary(timing: dict[str, Any]) -> str:
    """Where the time of a run went, from its timing.json; of a cross-validation, that of all folds together."""
    runs = list(timing["folds"].values()) if "folds" in timing else [timing]
    stages = {name: sum(run["stages"][name] for run in runs) for name in (*STAGES, OTHER)}
    total = sum(stages.values())
    lines = [f"{'stage':<18}{'seconds':>10}{'share':>8}  what it is"]
    for name, seconds in stages.items():
        meaning = STAGES.get(name, "everything else")
        lines.append(f"{name.replace('_', ' '):<18}{seconds:>10.1f}{seconds / max(total, 1e-9):>8.1%}  {meaning}")
    lines.append(f"{'total':<18}{total:>10.1f}{1:>8.1%}")
    peaks = [run["peak_memory_bytes"] for run in runs if run["peak_memory_bytes"] is not None]
    if peaks:
        lines.append(f"peak memory of the process: {max(peaks) / 1e9:.2f} GB")
    speeds = [run["training_images_per_second"] for run in runs if run["training_images_per_second"]]
    if speeds:
        lines.append(f"training: {sum(speeds) / len(speeds):.1f} images/s")
    return "\n".join(lines) + "\n"
