"""What `train --profile` keeps, from outside of training."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from keras_leuk.devices.start import start
from keras_leuk.progress import Progress
from keras_leuk.runs.atomic import write_json
from keras_leuk.runs.folder import RunFolder
from keras_leuk.training.profile import Profiler, summary, write_profile
from keras_leuk.training.stopwatch import OTHER, STAGES


class Heard(Progress):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def say(self, line: str) -> None:
        self.told.append(f"say {line}")

    def warn(self, line: str) -> None:
        self.told.append(f"warn {line}")

    def check(self) -> None:
        self.told.append("check")

    @contextmanager
    def stage(self, name: str, total: int, unit: str, start: int = 0) -> Iterator[Any]:
        self.told.append(f"stage {name} {total} {unit} {start}")
        yield lambda n=1, **facts: self.told.append(f"advance {n} {facts}")


def _timing(scale: float, **more: Any) -> dict[str, Any]:
    stages = {name: scale * number for number, name in enumerate((*STAGES, OTHER), start=1)}
    return {"stages": stages, "peak_memory_bytes": 1_500_000_000, "training_images_per_second": 200.0 * scale} | more


def _traces(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.xplane.pb"))


def test_the_first_seconds_of_training_are_traced_and_everything_is_passed_on(tmp_path: Path) -> None:
    start()
    import tensorflow as tf

    heard = Heard()
    profiler = Profiler(heard, tmp_path / "trace", seconds=0.05)
    profiler.say("a")
    profiler.warn("b")
    with profiler.stage("extracting features", 5, "images") as advance:
        advance(5)
    assert not _traces(tmp_path)
    with profiler.stage("training", 3, "epochs", start=1) as advance:
        advance(1, loss=0.5)
        profiler.check()
        assert not _traces(tmp_path)
        tf.linalg.matmul(tf.ones((64, 64)), tf.ones((64, 64)))
        time.sleep(0.06)
        profiler.check()
        (trace,) = _traces(tmp_path)
    # The second fold is not traced, nor is what is left of the first.
    with profiler.stage("training", 3, "epochs"):
        profiler.check()
    assert _traces(tmp_path) == [trace]
    assert heard.told == [
        "say a", "warn b", "stage extracting features 5 images 0", "advance 5 {}", "stage training 3 epochs 1",
        "advance 1 {'loss': 0.5}", "check", "check", "stage training 3 epochs 0", "check",
    ]  # fmt: skip


def test_a_training_that_is_interrupted_leaves_tensorflow_free_to_trace_again(tmp_path: Path) -> None:
    def interrupted(profiler: Profiler) -> None:
        with profiler.stage("training", 1, "epochs"):
            raise KeyboardInterrupt

    for name in ("first", "second"):
        heard = Heard()
        with pytest.raises(KeyboardInterrupt):
            interrupted(Profiler(heard, tmp_path / name))
        assert not [line for line in heard.told if line.startswith("warn")]
        assert _traces(tmp_path / name)


def test_without_a_trace_there_is_a_warning_and_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start()
    import tensorflow as tf

    def unavailable(folder: str) -> None:
        raise tf.errors.UnavailableError(None, None, "another profiler is at work\nlong story")

    monkeypatch.setattr(tf.profiler.experimental, "start", unavailable)
    heard = Heard()
    with Profiler(heard, tmp_path / "trace").stage("training", 1, "epochs"):
        pass
    assert heard.told[-1] == "warn TensorFlow cannot trace here (another profiler is at work); the profile has its times alone"


def test_a_profile_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    write_json(run.timing, _timing(1.0))
    traced = tmp_path / "trace" / "plugins"
    traced.mkdir(parents=True)
    (traced / "a.xplane.pb").write_bytes(b"1")
    text = write_profile(run, tmp_path / "trace")
    assert (run.path / "profile" / "plugins" / "a.xplane.pb").read_bytes() == b"1"
    write_profile(run, tmp_path / "nothing was traced")
    assert {file.name for file in (run.path / "profile").rglob("*")} == {"summary.txt"}
    assert (run.path / "profile" / "summary.txt").read_text(encoding="utf-8") == text
    assert {entry.name for entry in run.path.iterdir()} == {"profile", "timing.json"}


def test_the_summary_is_one_screen_and_adds_up() -> None:
    lines = summary(_timing(1.0)).splitlines()
    assert len(lines) < 24
    assert max(map(len, lines)) <= 110
    rows = {line[:18].strip(): float(line[18:28]) for line in lines[1:] if line[18:28].strip().replace(".", "").isdigit()}
    assert set(rows) == {name.replace("_", " ") for name in (*STAGES, OTHER)} | {"total"}
    assert sum(rows.values()) == pytest.approx(2 * rows["total"])
    assert rows["total"] == 45.0
    assert lines[-2:] == ["peak memory of the process: 1.50 GB", "training: 200.0 images/s"]


def test_folds_are_added_up() -> None:
    folds = {"1": _timing(1.0), "2": _timing(3.0, peak_memory_bytes=2_000_000_000)}
    lines = summary({"schema": 1, "folds": folds}).splitlines()
    assert float(lines[-3].split()[1]) == 180.0
    assert lines[-2:] == ["peak memory of the process: 2.00 GB", "training: 400.0 images/s"]


def test_a_system_that_does_not_tell_the_memory_is_not_asked() -> None:
    assert "memory" not in summary(_timing(1.0, peak_memory_bytes=None, training_images_per_second=None))
