"""``keras-leuk bench`` as it is typed."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from keras_leuk.cli.main import main
from keras_leuk.devices.threads import THREADS, cores


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary data go."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--backbones", "mobilnet"], 2, "did you mean 'mobilenet'"),
        (["--backbones", "vgg16,,resnet50"], 2, "a member is empty"),
        (["--image-size", "8"], 2, "below the 32 pixels"),
        (["--seconds", "0"], 2, "give 2 or more"),
        (["--seconds", "soon"], 2, "'soon' is not a valid float"),
        (["--threads", "0"], 2, "0 is not in the range"),
        (["--engine", "onnx"], 2, "engine"),
        (["--data", "nowhere"], 2, "nowhere"),
    ],
)
def test_what_cannot_be_meant_costs_one_line(
    arguments: list[str], code: int, words: str, tmp_path: Path, temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "bench"
    assert main(["bench", "--seconds", "2", *arguments, "--out", str(out)]) == code
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("keras-leuk:")]
    assert len(errors) == 1
    assert words in errors[0]
    assert not out.exists()
    assert list(temporary.glob("keras-leuk-bench-*")) == []


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert main(["bench", "--seconds", "2", "--out", str(tmp_path)]) == 1
    assert "thesis.txt" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_interrupt_leaves_nothing(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object, **__: object) -> None:
        assert any(temporary.rglob("*.bmp"))
        raise KeyboardInterrupt

    monkeypatch.setattr("keras_leuk.bench.run.take_turns", stop)
    out = tmp_path / "bench"
    assert main(["bench", "--seconds", "2", "--out", str(out)]) == 130
    assert capsys.readouterr().err.endswith("keras-leuk: interrupted\n")
    assert not out.exists()
    assert list(temporary.glob("keras-leuk-bench-*")) == []


def test_threads_are_those_that_were_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def bench(*_: object, **__: object) -> None:
        seen.append(cores())
        raise KeyboardInterrupt

    monkeypatch.setenv(THREADS, "5")  # so that it is given back after the test
    monkeypatch.setattr("keras_leuk.bench.run.bench", bench)
    assert main(["bench", "--out", str(tmp_path / "bench")]) == 130
    assert main(["bench", "--threads", "3", "--out", str(tmp_path / "bench")]) == 130
    assert seen == [5, 3]


def test_two_seconds_measure_what_fits_and_name_the_rest(
    tiny: Path, tmp_path: Path, temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "bench"
    arguments = [
        "bench",
        "--seconds",
        "2",
        "--image-size",
        "32",
        "--backbones",
        "efficientnetb3",
        "--data",
        str(tiny),
        "--out",
        str(out),
    ]
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert "│ decode " in shown
    assert "fine-tune, efficientnetb3: not measured, it needs about" in shown
    assert f"page:    {out / 'bench.html'}" in shown
    found = json.loads((out / "bench.json").read_text())
    assert found["settings"]["seconds"] == 2.0
    assert list(temporary.glob("keras-leuk-bench-*")) == []

    assert main([*arguments, "--json"]) == 0  # a measurement of ours is replaced
    told = json.loads(capsys.readouterr().out)
    assert told["out"] == str(out)
    assert told["stages"][0]["stage"] == "decode"
