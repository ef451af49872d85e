from __future__ import annotations

import json

import pytest

from keras_leuk.cli.main import main
from keras_leuk.models.backbones import BACKBONES, markdown


def test_markdown_is_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backbones", "--markdown"]) == 0
    assert capsys.readouterr().out == markdown()


def test_json_says_where_weights_come_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backbones", "--json"]) == 0
    found = {record["name"]: record for record in json.loads(capsys.readouterr().out)["backbones"]}
    assert set(found) == set(BACKBONES)
    assert found["vgg16"]["has_imagenet"]
    assert found["vgg16"]["weights_file"].endswith(".h5")
    assert not found["resnext50"]["has_imagenet"]
    assert found["resnext50"]["torch_weights"]


def test_one_form_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backbones", "--json", "--markdown"]) == 2
    assert "exclude each other" in capsys.readouterr().err
