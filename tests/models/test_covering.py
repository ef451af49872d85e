"""Every backbone and every named head: built, trained for a step, evaluated.

The ordinary suite covers each backbone and each head at least once; the marker `product` runs all pairs.
"""

from __future__ import annotations

from itertools import cycle, product
from typing import Any

import numpy as np
import pytest

from keras_leuk.images.pipeline import Feed
from keras_leuk.models import heads
from keras_leuk.models.assembly import build
from keras_leuk.models.backbones import BACKBONES, find
from keras_leuk.models.weights import resolve
from keras_leuk.progress import Progress
from keras_leuk.recipe.loading import validate
from keras_leuk.training.fit import fit
from keras_leuk.training.forward import Forward

RNG = np.random.default_rng(0)
NAMES = [backbone if isinstance(backbone, str) else backbone.name for backbone in BACKBONES]
TURNS = cycle(heads.HEADS)
COVERING = [(name, next(TURNS)) for name in NAMES]


def assert_they_go_together(backbone: str, head: str) -> None:
    record, layers = find(backbone), heads.find(head)
    size, classes = record.minimum_size, 3
    classifier = build(record, layers, size=size, classes=classes, seed=0, weights=resolve("random", record, seed=0))
    loss = "binary_crossentropy" if layers.output.activation == "sigmoid" else "categorical_crossentropy"
    training = validate({"training": {"epochs": 1, "batch_size": 4, "loss": loss, "learning_rate": 0.1}}).training
    pictures = RNG.integers(0, 256, (4, size, size, 3), np.uint8)
    frozen = {v.path: v.numpy().copy() for layer in classifier.backbone_layers for v in layer.weights}
    # Called as it stands: to compile the forward pass of every backbone would take minutes.
    features = np.asarray(classifier.trunk(pictures.astype(np.float32), training=False))
    before = [v.numpy().copy() for v in classifier.head.trainable_variables]
    feed = Feed(features, np.arange(4), np.eye(classes, dtype=np.float32)[[0, 1, 2, 0]], batch_size=4)
    found = fit(classifier.head, feed, {"val": feed}, training=training, seed=0, checkpoint=None, progress=Progress())
    assert np.isfinite(found.history[0]["val_loss"])
    assert any((v.numpy() != old).any() for v, old in zip(classifier.head.trainable_variables, before, strict=True))
    for layer in classifier.backbone_layers:
        for variable in layer.weights:
            assert (variable.numpy() == frozen[variable.path]).all(), variable.path
    outputs = Forward(classifier.head, "float32").all(features, np.arange(4))
    assert outputs.shape == (4, heads.units(layers.output, classes))
    chances: Any = heads.probabilities(outputs, layers.output, None)
    np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-12)


@pytest.mark.parametrize(("backbone", "head"), COVERING)
def test_each_backbone_and_each_head_goes_with_one_another(backbone: str, head: str) -> None:
    assert_they_go_together(backbone, head)


def test_the_covering_covers() -> None:
    assert {backbone for backbone, _ in COVERING} == set(NAMES)
    assert {head for _, head in COVERING} == set(heads.HEADS)


@pytest.mark.product
@pytest.mark.parametrize(("backbone", "head"), [pair for pair in product(NAMES, heads.HEADS) if pair not in COVERING])
def test_every_backbone_goes_with_every_head(backbone: str, head: str) -> None:
    assert_they_go_together(backbone, head)
