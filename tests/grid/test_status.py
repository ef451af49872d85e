"""What a worker tells, and what a reader understands."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from keras_leuk.grid import status
from keras_leuk.grid.status import Status, Told, read_status


def test_a_reader_sees_stage_speed_and_the_best_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "EVERY", 0)
    path = tmp_path / "path" / "status.json"
    assert read_status(path) == Status()
    told = Told(path)
    with told.stage("extracting features", 8, "images") as advance:
        advance(4)
        seen = read_status(path)
        assert (seen.stage, seen.done, seen.total, seen.extracted) == ("extracting features", 4, 8, False)
        assert seen.left is not None
        assert seen.left >= 0
    with told.stage("training", 5, "epochs", start=2) as advance:
        advance(1, loss=1.0, val_accuracy=0.8)
        advance(1, loss=1.0, val_accuracy=0.7)
        assert read_status(path).best == 0.8
        with told.stage("predicting", 3, "images") as inner:
            inner(3)
            assert read_status(path).stage == "predicting"
        seen = read_status(path)
        assert (seen.stage, seen.done, seen.total, seen.best, seen.extracted) == ("training", 4, 5, 0.8, True)
    assert read_status(path).process == os.getpid()


def test_statuses_are_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    monkeypatch.setattr(status, "write_json", lambda path, value: written.append(value))
    with Told(tmp_path / "status.json").stage("training", 1000, "epochs") as advance:
        for _ in range(1000):
            advance(1)
    assert 1 <= len(written) < 20


@pytest.mark.parametrize("text", ["", "{", "[]", '{"stage": "training"}', json.dumps({"else": 1})])
def test_a_damaged_status_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text(text)
    assert read_status(tmp_path / "status.json") == Status()
