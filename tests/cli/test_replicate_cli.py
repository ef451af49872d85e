"""``keras-leuk replicate`` as it is typed."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from keras_leuk.cli.main import main


def _fixture_of(path: Path, name: str) -> object:
    spec = importlib.util.spec_from_file_location("fixtures_of_data", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


whole_cnmc = _fixture_of(Path(__file__).parents[1] / "data" / "conftest.py", "whole_cnmc")
"""All of C-NMC as tiny pictures, which the tests of the readers lay out."""

SMALL = ["--random-weights", "--set", "images.size=32"]


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network is built to see how quick it is."""
    monkeypatch.setattr("keras_leuk.grid.estimate.estimate", lambda plan, out, progress: [])
    monkeypatch.setattr("keras_leuk.papers.replicate.machine_factor", lambda: 1.0)


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("keras-leuk:")]
    return line


@pytest.mark.parametrize(
    ("paper", "arguments", "words"),
    [
        ("fata2032", [], "no such paper: 'fata2032'; did you mean 'fata2023'"),
        ("fata2023", ["--budget", "soon"], "--budget 'soon': expected a time such as 90s, 3m, 2h or 1d"),
        ("fata2023", ["--budget", "0m"], "--budget '0m': expected a time"),
        ("fata2023", ["--budget", "-3m"], "--budget '-3m': expected a time"),
        ("fata2023", ["--budget", "3hin"], "--budget '3hin': expected a time"),
        ("fata2023", ["--stand-in", "BLA"], "--stand-in 'BLA': expected PUBLISHED=HERE, such as BLA=IG"),
        ("fata2023", ["--stand-in", "BLA=ALL"], "--stand-in 'BLA' is no class of fata2023; valid: ALL, HEM"),
        ("fata2023", ["--stand-in", "ALL=blast"], "--stand-in 'blast' is no class of the data"),
        ("fata2023", ["--stand-in", "ALL=HEM", "--stand-in", "ALL=ALL"], "ALL has HEM in its place already"),
        ("fata2023", ["--instead", "vgg16"], "--instead 'vgg16': expected PUBLISHED=HERE"),
        ("fata2023", ["--instead", "vgg19=mobilenet"], "--instead 'vgg19' is no backbone of the paper; did you mean 'vgg16'"),
        ("fata2023", ["--instead", "vgg16=mobilnet"], "did you mean 'mobilenet'"),
        ("fata2023", ["--protocol", "papers"], "'papers' is not one of 'paper', 'honest', 'both'"),
        ("fata2023", ["--arm", "flatened"], "no such arm of fata2023: 'flatened'; did you mean 'flattened'"),
        ("fata2023", ["--arm", "test-curves", "--protocol", "honest"], "no such arm of protocol honest: 'test-curves'"),
        ("fata2023", ["--only", "vgg17"], "--only 'vgg17' matches no value of the paper's grids; did you mean 'vgg16'"),
        ("fata2023", ["--only", "vgg16,,adam"], "a word is empty"),
        ("fata2023", ["--set", "training.epochs=3"], "grid paper varies training.epochs; choose among its values with --only"),
        ("fata2023", ["--set", "images.sise=3"], "no such key"),
        ("fata2023", ["--set", "images.size"], "expected dotted.key=value"),
        ("fata2023", ["--executor", "roy"], "did you mean 'ray'"),
        ("fata2023", ["--jobs", "-1"], "--jobs"),
        ("fata2023", ["--data", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_meant_costs_one_line(
    paper: str, arguments: list[str], words: str, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], unmeasured: None
) -> None:
    out = tmp_path / "out"
    assert main(["replicate", paper, "--data", str(tiny), *SMALL, *arguments, "--out", str(out)]) == 2
    assert words in error_of(capsys)
    assert not out.exists()


def test_data_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replicate", "fata2023"]) == 2
    assert "--data" in error_of(capsys)


def test_a_folder_of_something_else_is_refused_before_the_data_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.tex").touch()
    arguments = ["replicate", "fata2023", "--data", str(tmp_path / "nowhere"), "--out"]
    assert main([*arguments, str(tmp_path)]) == 1
    assert "holds files that are not a replication's: thesis.tex" in error_of(capsys)
    assert main([*arguments, str(tmp_path / "thesis.tex")]) == 2
    assert "is a file; name a folder" in error_of(capsys)


def test_an_error_is_an_object_where_json_is_asked_for(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replicate", "fata2023", "--data", str(tiny), "--budget", "soon", "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["exit_code"] == 2
    assert told["error"].startswith("--budget 'soon'")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90.0), ("3m", 180.0), ("3min", 180.0), (" 2 h ", 7200.0), ("1.5d", 129600.0), ("0.5m", 30.0)]
)
def test_budgets(
    text: str, seconds: float, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], unmeasured: None
) -> None:
    arguments = ["replicate", "fata2023", "--data", str(tiny), "--protocol", "paper", "--only", "adam,epochs=10", *SMALL]
    assert main([*arguments, "--budget", text, "--dry-run", "--json", "--out", str(tmp_path / "out")]) == 0
    assert json.loads(capsys.readouterr().out)["budget"] == seconds


def test_a_dry_run_trains_nothing_and_tells_everything(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], unmeasured: None
) -> None:
    arguments = ["replicate", "fata2023", "--data", str(tiny), *SMALL, "--instead", "resnet50=mobilenet"]
    arguments += ["--only", "adam,seed=0,seed=1", "--out", str(tmp_path / "out")]
    assert main([*arguments, "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(one["protocol"], one["cells"], one["paths"]) for one in told["grids"]] == [("paper", 16, 2), ("honest", 32, 4)]
    assert told["grids"][0]["images"] == {"train": 48, "validation": 0, "test": 12}
    assert told["grids"][1]["images"]["test"] == 15
    assert told["changes"] == {name: ["mobilenet in the place of resnet50"] for name in ("paper", "honest")}
    assert (told["notes"], told["budget"], told["estimate"]) == ([], None, None)
    assert next(check for check in told["data"]["checks"] if check["what"] == "images")["paper"] == "10,661"
    assert main([*arguments, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "protocol paper, grid paper-random-weights: 16 cells; images: train 48, validation 0, test 12" in shown
    assert "not the paper's:" in shown
    assert "protocol honest: mobilenet in the place of resnet50" in shown
    assert not (tmp_path / "out").exists()


def test_the_whole_of_cnmc_is_fata2023s_data(
    whole_cnmc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], unmeasured: None
) -> None:
    arguments = ["replicate", "fata2023", "--data", str(whole_cnmc), "--protocol", "paper", *SMALL, "--cache-dir", str(tmp_path)]
    assert main([*arguments, "--dry-run", "--json", "--out", str(tmp_path / "out")]) == 0
    told = json.loads(capsys.readouterr().out)
    (grid,) = told["grids"]
    assert (grid["cells"], grid["paths"]) == (32, 4)
    assert grid["images"] == {"train": 8528, "validation": 0, "test": 2133}
    assert told["data"]["name"] == "C-NMC 2019"
    assert [(check["what"], check["agrees"]) for check in told["data"]["checks"]] == [
        ("images", True),
        ("images of ALL", True),
        ("images of HEM", True),
        ("subjects", True),
    ]
    assert told["changes"] == {"paper": []}


def test_help_imports_nothing_slow() -> None:
    program = (
        "import sys; from keras_leuk.cli.main import main; assert main(['replicate', '--help']) == 0; "
        "sys.exit(any(name.split('.')[0] in ('tensorflow', 'keras', 'numpy', 'pandas') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for flag in ("--protocol", "--arm", "--only", "--budget", "--stand-in", "--instead", "--dry-run", "--json"):
        assert flag in done.stdout
