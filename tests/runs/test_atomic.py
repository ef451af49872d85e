from __future__ import annotations

import json
from pathlib import Path

import pytest

from keras_leuk.runs.atomic import finite, replacing, write_bytes, write_json, write_text


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_text(target, "first")

    def fail(temporary: Path) -> None:
        temporary.write_text("second")
        raise RuntimeError("cut short")

    with pytest.raises(RuntimeError, match="cut short"):
        write_bytes(target, fail)
    assert target.read_text() == "first"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_the_temporary_name_keeps_the_suffixes(tmp_path: Path) -> None:
    with replacing(tmp_path / "model.weights.h5") as temporary:
        assert temporary.name.endswith(".weights.h5")
        temporary.write_bytes(b"x")
    assert (tmp_path / "model.weights.h5").read_bytes() == b"x"


def test_json_has_no_word_for_not_a_number(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert not (tmp_path / "a.json").exists()
    assert finite(float("inf")) is None
    write_json(tmp_path / "a.json", {"a": 0.1})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": 0.1}


def test_a_result_is_as_public_as_the_umask_says(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "x")
    (tmp_path / "b").write_text("x")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode
