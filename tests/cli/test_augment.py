"""``keras-leuk augment``: a picture of what the network sees."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_leuk.cli.main import main
from keras_leuk.data.demo import make_demo
from keras_leuk.images.augmentation import Picture, draw
from keras_leuk.images.cache import read_picture
from keras_leuk.images.preprocessing import Preparation
from keras_leuk.recipe import load


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo(tmp_path_factory.mktemp("cells"), cells=24, subjects=6, size=48)


def test_the_drawn_parameters_are_those_of_training(cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "preview.png"
    given = ["--data", str(cells), "--recipe", "mantri2024-augmentation", "--image-size", "48", "--seed", "4", "--json"]
    assert main(["augment", *given, "--images", "3", "--draws", "2", "--out", str(out)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["out"] == str(out)
    assert len(answer["draws"]) == 6
    augment = load("mantri2024-augmentation").training.augment
    assert tuple(answer["operations"]) == augment.operations
    for drawn in answer["draws"]:
        key = read_picture(cells / drawn["image"], Preparation(48))[0].pixels
        expected = draw(augment, 4, drawn["epoch"], [Picture(key)], 48, 48).of(0)
        assert {name: drawn[name] for name in expected} == expected


@pytest.mark.slow
def test_each_operation_has_a_row_of_its_own(cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "each.png"
    given = ["--data", str(cells), "--image-size", "32", "--draws", "1", "--set", "images.crop=cell"]
    assert main(["augment", "every-augmentation", *given, "--each", "--out", str(out), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    rows = [drawn["operation"] for drawn in answer["draws"]]
    assert rows == list(answer["operations"])
    for drawn in answer["draws"]:
        if drawn["operation"] != "rotation_range":
            assert drawn["theta"] == 0
        if drawn["operation"] != "hue_range":
            assert drawn["hue"] == 0
    with Image.open(out) as picture:
        assert picture.format == "PNG"
        assert len(np.unique(np.asarray(picture).reshape(-1, picture.getbands().__len__()), axis=0)) > 200


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ([], 2, "every-augmentation"),
        (["--recipe", "mantri2024-augmentaton"], 2, "'mantri2024-augmentation'"),
        (["every-augmentation", "--recipe", "default"], 2, "two recipes"),
        (["every-augmentation", "--out", "preview.jpg"], 2, "preview.png"),
        (["every-augmentation", "--out", "nowhere/preview.png"], 2, "no folder nowhere"),
        (["every-augmentation", "--data", "nowhere"], 2, "nowhere"),
        (["every-augmentation", "--set", "training.augment.zoom_range=7"], 2, "zoom_range"),
        (["every-augmentation", "--draws", "0"], 2, "--draws"),
    ],
)
def test_bad_input_is_one_line(
    given: list[str],
    code: int,
    words: str,
    cells: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    data = [] if "--data" in given else ["--data", str(cells)]
    assert main(["augment", *data, *given]) == code
    errors = capfd.readouterr().err
    assert words in errors
    assert "Traceback" not in errors
    assert not list(tmp_path.iterdir())


def test_no_tensorflow_is_started(cells: Path, tmp_path: Path) -> None:
    arguments = ["augment", "every-augmentation", "--data", str(cells), "--image-size", "32", "--out", str(tmp_path / "p.png")]
    code = (
        f"import sys; from keras_leuk.cli.main import main; assert main({arguments!r}) == 0; print('tensorflow' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == "False"
