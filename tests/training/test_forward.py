from __future__ import annotations

import numpy as np

from keras_leuk.models.assembly import build
from keras_leuk.models.backbones import BACKBONES
from keras_leuk.models.weights import resolve
from keras_leuk.recipe.model import Head
from keras_leuk.training.forward import BATCH, Forward


def test_an_image_has_the_same_bits_in_any_company() -> None:
    record = BACKBONES["mobilenet"]
    classifier = build(record, Head(), size=64, classes=2, seed=0, weights=resolve("random", record))
    forward = Forward(classifier.trunk)
    rows = np.random.default_rng(0).integers(0, 256, (75, 64, 64, 3), np.uint8)
    together = forward.all(rows, np.arange(75))
    assert together.shape == (75, 1024)
    order = np.random.default_rng(1).permutation(75)
    assert (forward.all(rows, order) == together[order]).all()
    for number in (0, 40, 74):
        assert (forward(rows[number : number + 1])[0] == together[number]).all()
    assert together.dtype == np.float32
    assert BATCH < 75
