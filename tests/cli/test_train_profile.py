"""`keras-leuk train --profile --threads`: what is kept, what is said, and that it changes no number."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from keras_leuk.cli.main import main
from keras_leuk.data.demo import make_demo
from keras_leuk.devices.threads import THREADS
from keras_leuk.runs.folder import RunFolder

FAST = ["--backbone", "mobilenet", "--weights", "random", "--image-size", "32", "--epochs", "2"]
WORDS = [*FAST, "--set", "evaluation.resamples=100"]


def test_a_profiled_run_is_the_same_run_and_says_where_its_time_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(THREADS, "2")
    cells = make_demo(tmp_path / "cells", cells=24, subjects=6, size=32)
    plain, profiled = RunFolder(tmp_path / "plain"), RunFolder(tmp_path / "profiled")
    assert main(["train", "--data", str(cells), *WORDS, "--out", str(plain.path)]) == 0
    capfd.readouterr()
    extra = ["--profile", "--threads", "1", "--json"]
    assert main(["train", "--data", str(cells), *WORDS, *extra, "--out", str(profiled.path)]) == 0
    out, err = capfd.readouterr()
    assert os.environ[THREADS] == "1"
    assert json.loads(out)["finished"]
    for name in ("history.csv", "predictions.csv", "metrics.json", "recipe.yaml", "split.csv"):
        assert (plain.path / name).read_bytes() == (profiled.path / name).read_bytes()
    said = (profiled.path / "profile" / "summary.txt").read_text(encoding="utf-8")
    assert said.strip() in err
    assert list((profiled.path / "profile").rglob("*.xplane.pb"))
    assert not (plain.path / "profile").exists()
    for run in (plain, profiled):
        timing = run.read_json(run.timing)
        assert sum(timing["stages"].values()) == pytest.approx(timing["seconds"]["total"])
        assert timing["peak_memory_bytes"] > 100_000_000
        for stage in ("starting", "compiling", "extraction", "steps", "evaluation", "predicting", "writing"):
            # The second run finds its features in the cache, but looks them up.
            assert timing["stages"][stage] > 0, stage
        assert timing["stages"]["other"] < 0.5 * timing["seconds"]["total"]


@pytest.mark.parametrize("number", ["0", "-1", "two"])
def test_threads_are_at_least_one(number: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--data", "demo", "--threads", number, "--out", str(tmp_path / "run")]) == 2
    assert "--threads" in capfd.readouterr().err
    assert not (tmp_path / "run").exists()
