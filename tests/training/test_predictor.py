"""The model card, and a model that is built again from it."""

from __future__ import annotations

import json
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
from keras_leuk.recipe.schema import Dense, Head
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
