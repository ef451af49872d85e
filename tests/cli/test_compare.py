"""``keras-leuk compare``: tables on the terminal, a folder on demand, one line where something is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from comparable_runs import make_run

from keras_leuk.cli.main import main

FEW = ["--resamples", "100"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    home = tmp_path_factory.mktemp("runs")
    return [str(make_run(home / name, skill=0.5 + i, noise=i).path) for i, name in enumerate(("weak", "fair", "[red]good"))]


def test_tables_on_the_terminal_and_nothing_else(
    runs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["compare", *runs, *FEW]) == 0
    told = capfd.readouterr()
    assert told.err == ""
    assert "3 runs compared: test, n = 96 images, 12 subjects" in told.out
    # Names are names, not formatting.
    assert "│ [red]good − weak │" in told.out
    for words in ("Difference in accuracy", "Difference in ROC AUC", "McNemar's tests", "p, Holm", "other people"):
        assert words in told.out
    assert not list(tmp_path.iterdir())


def test_a_folder(runs: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["compare", *runs, *FEW, "--out", str(out), "--measure", "macro-f1,mcc", "--measure", "ece,mcc"]) == 0
    assert f"page:    {out / 'comparison.md'}" in capfd.readouterr().out
    told = json.loads((out / "comparison.json").read_text())
    assert told["measures"] == ["macro_f1", "mcc", "ece"]
    assert told["interval"]["resamples"] == 100
    # It is its own folder: again without --overwrite.
    assert main(["compare", *runs[:2], *FEW, "--out", str(out)]) == 0
    assert json.loads((out / "comparison.json").read_text())["measures"] == ["accuracy", "roc_auc"]


def test_json_is_one_object_and_nothing_else(runs: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    given = ["--reference", "fair", "--names", "weak,fair,good", "--side", "validation", "--seed", "3", "--confidence", "0.9"]
    assert main(["compare", *runs, *FEW, *given, "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["out"] is None
    assert (told["reference"], told["side"]) == ("fair", "validation")
    assert (told["interval"]["seed"], told["interval"]["confidence"]) == (3, 0.9)
    assert [(pair["first"], pair["second"]) for pair in told["pairs"]] == [("fair", "weak"), ("fair", "good")]
    assert main(["compare", *runs, *FEW, *given, "--json", "--out", str(tmp_path / "out")]) == 0
    written = json.loads(capfd.readouterr().out)
    assert written.pop("out") == str(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "comparison.json").read_text()) == written


@pytest.mark.parametrize(
    ("count", "given", "code", "words"),
    [
        (0, [], 2, "missing argument"),
        (1, [], 2, "two or more runs"),
        (2, ["--measure", "accurcy"], 2, "did you mean 'accuracy'"),
        (2, ["--measure", ","], 2, "no measure"),
        (2, ["--names", "x"], 2, "needs 2 names"),
        (2, ["--reference", "wek"], 2, "did you mean 'weak'"),
        (2, ["--side", "train"], 2, "'test', 'validation'"),
        (2, ["--resamples", "0"], 2, "--resamples"),
        (2, ["--confidence", "95"], 2, "such as 0.95"),
        (2, ["nowhere"], 2, "run folder not found: nowhere"),
        (2, ["--out", "full"], 1, "thesis.tex); choose another folder, or --overwrite"),
        (2, ["--out", "full/thesis.tex"], 2, "is a file"),
    ],
)
def test_bad_input_is_one_line(
    runs: list[str],
    count: int,
    given: list[str],
    code: int,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("full").mkdir()
    Path("full/thesis.tex").write_text("mine")
    assert main(["compare", *runs[:count], *given]) == code
    said = capfd.readouterr().err
    assert words.lower() in said.lower()
    assert said.count("\n") == 1
    assert [path.name for path in Path("full").iterdir()] == ["thesis.tex"]
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


def test_the_same_run_twice_and_runs_of_other_images(runs: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", runs[0], runs[1], runs[0]]) == 2
    assert "named twice" in capfd.readouterr().err
    other = make_run(tmp_path / "other", subjects=50)
    assert main(["compare", runs[0], str(other.path)]) == 1
    said = capfd.readouterr().err
    assert "weak tests 16 images that other does not, such as cells/" in said
    assert f"make other with --split {runs[0]}/split.csv" in said


def test_overwrite_into_a_folder_with_other_files(runs: list[str], tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    assert main(["compare", *runs[:2], *FEW, "--out", str(tmp_path), "--overwrite"]) == 0
    assert (tmp_path / "thesis.tex").read_text() == "mine"
    assert (tmp_path / "comparison.json").is_file()


def test_help_and_comparing_start_no_tensorflow(runs: list[str]) -> None:
    for arguments, slow in ((["compare", "--help"], ("numpy", "pandas", "scipy", "matplotlib")), (["compare", *runs, *FEW], ())):
        code = (
            f"import sys; from keras_leuk.cli.main import main; assert main({arguments!r}) == 0; "
            "print(*sys.modules, file=sys.stderr)"
        )
        answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert not set(answer.stderr.split()) & {"tensorflow", "keras", *slow}
