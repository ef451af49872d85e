"""The model card, and a model that is built again from it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_leuk.errors import RunError
from keras_leuk.images.cache import read_picture
from keras_leuk.images.preprocessing import Preparation
from keras_leuk.images.views import Plain
from keras_leuk.models.assembly import build
from keras_leuk.models.backbones import find
from keras_leuk.models.weights import resolve
from keras_leuk.progress import Recorder
from keras_leuk.recipe.model import Dense, Head
from keras_leuk.runs.folder import RunFolder
from keras_leuk.training.inference import predict_images
from keras_leuk.training.predictor import ModelCard, Predictor, load_predictor

CARD = ModelCard(
    backbone="mobilenet",
    head=Head(layers=(Dense(units=3),)),
    preparation=Preparation(32, "area", "center", 0.5, None, "adaptive"),
    rescale="1/255",
    classes=("a", "b"),
    positive=None,
    frozen=True,
    mixed_precision="off",
    views=Plain(),
)


def _run(folder: Path, card: ModelCard) -> RunFolder:
    folder.mkdir()
    run = RunFolder(folder)
    run.model.write_text(json.dumps(card.as_json()))
    return run


def test_a_card_comes_back_as_it_was(tmp_path: Path) -> None:
    run = _run(tmp_path / "run", CARD)
    assert ModelCard.read(run) == CARD
    assert type(ModelCard.read(run).preparation.crop_size) is float
    described = json.loads(run.model.read_text())["input"]
    assert described["rescale"] == "1/255"
    assert described["preprocessing"] == "x / 255"


@pytest.mark.parametrize(("old", "new", "message"), [('"schema": 2', '"schema": 1', "schema 1"), ('"crop"', '"cut"', "damaged")])
def test_another_or_a_damaged_card_is_one_line(old: str, new: str, message: str, tmp_path: Path) -> None:
    run = _run(tmp_path / "run", CARD)
    run.model.write_text(run.model.read_text().replace(old, new))
    with pytest.raises(RunError, match=message):
        ModelCard.read(run)


def test_a_loaded_model_prepares_and_rescales_as_its_card_says(tmp_path: Path) -> None:
    run = _run(tmp_path / "run", CARD)
    classifier = build(
        find("mobilenet"), CARD.head, size=32, classes=2, seed=1, weights=resolve("random", find("mobilenet")), rescale="1/255"
    )
    classifier.model.save_weights(str(run.weights))
    assert load_predictor(run).card == CARD
    image = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 70, 3), np.uint8)).save(image)
    fingerprint, picture = read_picture(image, CARD.preparation)
    expected = Predictor(classifier, CARD).outputs(picture[None], [fingerprint.pixels])
    found = predict_images(run, [image]).table
    np.testing.assert_array_equal(found[["output_0", "output_1"]].to_numpy(np.float32), expected[:, 0])


def test_a_card_of_an_earlier_version_is_tensorflows(tmp_path: Path) -> None:
    run = _run(tmp_path / "run", CARD)
    facts = json.loads(run.model.read_text())
    assert (facts.pop("engine"), facts.pop("features_dtype")) == ("tensorflow", "float32")
    run.model.write_text(json.dumps(facts))
    assert ModelCard.read(run) == CARD


def test_a_run_is_predicted_by_its_engine_or_by_tensorflow_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Features of a random ResNet are near 1; those of a random MobileNet would be nothing in float16.
    card = replace(CARD, backbone="resnet18", engine="openvino", features_dtype="float16")
    run = _run(tmp_path / "run", card)
    record = find("resnet18")
    build(record, card.head, size=32, classes=2, seed=1, weights=resolve("random", record), rescale="1/255").model.save_weights(
        str(run.weights)
    )
    pictures = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    heard = Recorder()
    own = load_predictor(run, heard)
    assert isinstance(own, Predictor)
    assert type(own._stages[0]).__name__ == "OpenVinoForward"
    assert heard.warnings == []
    monkeypatch.setattr("keras_leuk.training.engines.openvino_version", lambda: None)
    other = load_predictor(run, heard)
    assert isinstance(other, Predictor)
    assert type(other._stages[0]).__name__ == "Forward"
    assert len(heard.warnings) == 1
    keys = ["a", "b", "c"]
    np.testing.assert_allclose(other.outputs(pictures, keys), own.outputs(pictures, keys), rtol=1e-3)
    # Between backbone and head stands what a store would hold.
    features = own._stages[0](pictures).astype(np.float16).astype(np.float32)
    assert np.abs(features).max() > 0.01
    np.testing.assert_array_equal(own.outputs(pictures, keys)[:, 0], own._stages[1](features))
