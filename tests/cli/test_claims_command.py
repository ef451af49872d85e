"""``keras-leuk claims``: lines on the terminal, a page on demand, one line where something is wrong, and no TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from keras_leuk.cli.claims import claims
from keras_leuk.errors import LeukError

MADE = "table,row,n,accuracy,precision,recall\nT1,net,440,0.70455,0.5035,0.9886\n"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    path = tmp_path / "made.csv"
    path.write_text(MADE, encoding="utf-8")
    return path


def run(*arguments: object) -> str:
    result = CliRunner().invoke(claims, [str(argument) for argument in arguments], catch_exceptions=False, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_lines_on_the_terminal(made: Path) -> None:
    told = run(made)
    assert "made · T1" in told
    assert "over two units 1 / 0 / 1" in " ".join(told.split())
    assert "searched: test sets of 1 to 3,000 images" in told
    assert sorted(path.name for path in made.parent.iterdir()) == ["made.csv"]


def test_json_is_one_object(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.md"
    told = json.loads(run(made, "--json", "--largest", "500", "--out", out))
    assert told["searched"]["n"] == [1, 500]
    assert told["out"] == str(out)
    (fit,) = told["papers"][0]["tables"][0]["rows"][0]["fits"]
    assert (fit["definition"], fit["counts"]) == ("units", {"tp": 435, "fp": 429, "fn": 5, "tn": 11})


def test_a_page_twice_is_the_same_page(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "claims.md"
    assert str(out) in run("vijesh2024", "--out", out)
    first = out.read_bytes()
    run("vijesh2024", "--out", out)
    assert out.read_bytes() == first
    text = first.decode()
    assert "| VGG16 | 440 | rounded | 1 | (435, 429, 5, 11) | 310 | 424–429 |" in text
    for word in ("/tmp", "/work", "nan", "None"):
        assert word not in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["claims.md", "made.csv"]


def test_columns_are_told() -> None:
    assert "false detection rate" in run("--columns")
    assert "fdr" in json.loads(run("--columns", "--json"))["columns"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["vijesh"], "did you mean 'vijesh2024'"),
        (["nowhere.csv"], "no such table: nowhere.csv"),
        (["MADE", "--largest", "0"], "--largest 0 must lie between"),
        (["MADE", "--largest", "20000"], "--largest 20000 must lie between"),
        (["MADE", "--out", "page.html"], "must be a Markdown file, such as page.md"),
        (["MADE", "--out", "no/such/page.md"], "there is no folder"),
    ],
)
def test_wrong_use_is_one_line(made: Path, arguments: list[str], words: str) -> None:
    with pytest.raises(LeukError) as caught:
        run(*[made if word == "MADE" else word for word in arguments])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_an_unwritable_page_is_the_worlds_fault(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("keras_leuk.runs.atomic.write_text", refuse)
    with pytest.raises(LeukError, match="No space left") as caught:
        run(made, "--out", made.parent / "page.md")
    assert caught.value.exit_code == 1


def test_help_and_audit_need_no_tensorflow(made: Path) -> None:
    code = (
        "import sys; from keras_leuk.cli.claims import claims; claims.main([sys.argv[1]], standalone_mode=False); "
        "sys.exit(any(name.split('.')[0] in ('tensorflow', 'keras') for name in sys.modules))"
    )
    for argument in ("--help", str(made), "vijesh2024"):
        assert subprocess.run([sys.executable, "-c", code, argument], capture_output=True, check=False).returncode == 0
    assert isinstance(claims, click.Command)
