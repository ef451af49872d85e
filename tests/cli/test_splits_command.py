"""``keras-leuk splits`` as it is typed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from training_here import Here

from keras_leuk.cli.main import main
from keras_leuk.cli.splits import UNNAMED, _fixed

QUICK = ["--features", "hand", "--image-size", "32", "--set", "evaluation.resamples=100"]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Here:
    executor = Here()
    monkeypatch.setattr("keras_leuk.grid.executors.EXECUTORS", {"processes": lambda *asked: executor})
    return executor


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--splits", "random,linkd"], 2, "did you mean 'linked'"),
        (["--splits", "linked"], 2, "nothing to compare"),
        (["--splits", "random,,linked"], 2, "a member is empty"),
        (["--seeds", "zero"], 2, "'zero' is not a number"),
        (["--set", "split.strategy=random"], 2, "splits sets split.strategy itself"),
        (["--set", "split.tets=0.2"], 2, "no such key"),
        (["--head", "sklearn:logistik"], 2, "did you mean 'sklearn:logistic'"),
        (["--data", "nowhere"], 2, "nowhere"),
        (["--split", "random"], 2, "No such option"),
    ],
)
def test_what_cannot_be_meant_costs_one_line(
    arguments: list[str], code: int, words: str, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "study"
    assert main(["splits", "--data", str(tiny), *QUICK, *arguments, "--out", str(out)]) == code
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("keras-leuk:")]
    assert len(errors) == 1
    assert words.lower() in errors[0].lower()
    assert not out.exists()


def test_data_without_subjects_cost_one_line(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = sorted(tiny.rglob("*.bmp"))[:12]
    lines = [f"{path},{'ab'[number % 2]}" for number, path in enumerate(images)]
    table = tmp_path / "cells.csv"
    table.write_text("\n".join(["path,label", *lines]) + "\n")
    assert main(["splits", "--data", str(table), *QUICK, "--out", str(tmp_path / "study"), "--json"]) == 1
    told = capsys.readouterr()
    assert "names the subject of 0 of 12 images" in json.loads(told.out)["error"]
    assert "columns path, label and subject" in told.err
    assert not (tmp_path / "study").exists()


def test_a_folder_of_something_else_is_refused_before_the_data_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.tex").touch()
    arguments = ["splits", "--data", str(tmp_path / "nowhere"), "--out"]
    assert main([*arguments, str(tmp_path)]) == 1
    assert "holds files that are not of a study of splits: thesis.tex" in capsys.readouterr().err
    assert main([*arguments, str(tmp_path / "thesis.tex")]) == 2
    assert "is a file; name a folder" in capsys.readouterr().err


def test_a_study_from_the_command_line(
    tiny: Path, tmp_path: Path, here: Here, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "study"
    arguments = ["splits", "--data", str(tiny), *QUICK, "--seeds", "0", "--splits", "linked,random", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["keras-leuk", *arguments])
    assert main([*arguments, "--title", "Tiny cells"]) == 0
    shown = capsys.readouterr().out
    assert len(here.begun) == 2
    assert "\nrandom images: ROC AUC " in shown
    assert "against linked subjects" in shown
    text = (out / "splits.md").read_text()
    for recipe in (out / "grid" / "cells").glob("*/recipe.yaml"):
        assert yaml.safe_load(recipe.read_text())["split"]["validation"] == 0
    assert text.startswith("# One recipe under 2 splits: Tiny cells")
    assert "hand-made features, sklearn:logistic head" in text
    assert f"--splits linked,random --out {out}" in text

    assert main([*arguments, "--title", "Tiny cells", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(here.begun) == 2
    assert [way["name"] for way in told["ways"]] == ["random", "linked"]
    assert (told["reference"], told["out"]) == ("linked", str(out))
    assert told["ways"][1]["parted"]["subjects"] == [0, 0]
    assert (out / "splits.md").read_text() == text


def test_who_names_a_head_gets_the_recipes_own_sides() -> None:
    assert _fixed(None, {"backbone": "vgg16"}, ()) == {"model.backbone": "vgg16", **UNNAMED}
    assert _fixed(None, {"head": "linear"}, ()) == {"model.head": "linear"}
    assert _fixed("default", {}, ()) == {}
    assert _fixed(None, {}, ("model.head=sklearn:svm",)) == {}


def test_help_needs_no_tensorflow() -> None:
    code = (
        "import sys; from keras_leuk.cli.main import main; assert main(['splits', '--help']) == 0; "
        "loaded = {'tensorflow', 'keras', 'pandas', 'matplotlib'} & set(sys.modules); assert not loaded, loaded"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert "--splits" in answer.stdout
