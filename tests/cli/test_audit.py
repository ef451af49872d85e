import json
from pathlib import Path

import pytest

from keras_leuk.cli.main import main


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_leak_fails_under_strict_only(elsewhere, tiny, capsys):
    command = ["audit", "--data", str(tiny), "--features", "none", "--out", "found"]
    assert main([*command, "--split", "random", "--strict"]) == 1
    captured = capsys.readouterr()
    assert "on two sides" in captured.out
    assert "page:    found/report.html" in captured.out
    assert "strict: a leak was found" in captured.err
    # An earlier audit is replaced without a question.
    assert main([*command, "--split", "random"]) == 0
    assert main([*command, "--split", "subject", "--strict"]) == 0
    assert (elsewhere / "found" / "report.html").is_file()


def test_json_is_one_object_and_nothing_else(elsewhere, tiny, capsys):
    assert main(["audit", "--data", str(tiny), "--features", "none", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["out"] == f"audits/{tiny.name}"
    assert told["leaks"]["found"] is False
    assert "subjects" not in told


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ([], 2, "name the data to audit with --data"),
        (["--data", "nowhere"], 2, "data not found: nowhere"),
        (["--data", "TINY", "--split", "subjects"], 2, "subject"),
        (["--data", "TINY", "--features", "mobilenett"], 2, "mobilenet"),
        (["--run", "nowhere"], 1, "holds no finished run"),
        (["--data", "TINY", "--split", "gone.csv"], 2, "gone.csv"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(elsewhere, tiny, capsys, options, code, words):
    assert main(["audit", *(str(tiny) if one == "TINY" else one for one in options)]) == code
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("keras-leuk:")]
    assert len(lines) == 1
    assert words in lines[0]
    assert not (elsewhere / "audits").exists() or not list((elsewhere / "audits").iterdir())
