"""What a network costs on this machine: a short measurement for estimates, not for claims."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from keras_leuk.images.pipeline import Feed
from keras_leuk.models import heads
from keras_leuk.models.assembly import Classifier
from keras_leuk.training import features, results
from keras_leuk.training.engines import make_forward
from keras_leuk.training.epochs import epochs_of
from keras_leuk.training.fit import compile_model, phases
from keras_leuk.training.forward import BATCH
from keras_leuk.training.network import build_network

EVALUATING = 0.3
"""What it costs to evaluate a row of features, as a share of training on it: no gradients and no update; a rough figure."""

ROWS = 4096
"""Most rows that an epoch of a head is measured on; a larger one is taken to be as many times longer."""


@dataclass(frozen=True)
class NetworkCosts:
    """What a network costs.

    Attributes:
        missing: pictures and views that have not passed the frozen backbone yet; 0 where it is trained.
        images_per_second: of the forward pass through the backbone.
        feature_bytes: of a picture's features in the store.
        epoch_seconds: of a training epoch with its validation, as it is run.
        weight_bytes, trained_bytes: all weights; those that are trained.
    """

    missing: int
    images_per_second: float
    feature_bytes: int
    epoch_seconds: float
    weight_bytes: int
    trained_bytes: int


def measure(context: results.Context, training: int, validation: int) -> NetworkCosts:
    """Builds a run's network and times it on made-up pictures.

    Args:
        training, validation: images on these sides.
    """
    classifier = build_network(context)
    size = context.parts.size
    pictures = np.zeros((BATCH, size, size, 3), np.uint8)
    frozen = context.recipe.model.fine_tune == "none"
    forward = make_forward(classifier.trunk, context.materials.recipe.model.engine if frozen else "tensorflow")
    images_per_second = BATCH / _second_time(lambda: forward(pictures))
    classical = heads.classical(context.recipe.model.head) is not None
    trained = classifier.head if frozen else classifier.model
    shape = tuple(int(side) for side in classifier.trunk.output.shape[1:])
    if classical:
        epoch = 0.0
    elif frozen:
        epoch = _head_epoch(classifier, context, shape, training) * (1 + EVALUATING * validation / max(training, 1))
    else:
        step = _step(classifier, context, pictures)
        epoch = training / context.recipe.training.batch_size * step + validation / images_per_second
    return NetworkCosts(
        _missing(classifier, context, shape, training) if frozen else 0,
        images_per_second,
        np.dtype(context.recipe.model.features_dtype).itemsize * int(np.prod(shape)),
        epoch,
        4 * classifier.model.count_params(),
        4 * sum(int(np.prod(variable.shape)) for variable in trained.trainable_variables),
    )


def _missing(classifier: Classifier, context: results.Context, shape: tuple[int, ...], training: int) -> int:
    pictures, recipe = context.materials.pictures, context.recipe
    described = features.facts(
        context.parts.backbone,
        context.materials.weights,
        context.parts.head.pooling,
        recipe.training.mixed_precision,
        pictures.store.address,
        recipe.images.rescale,
        context.materials.recipe.model.engine,
    )
    store = features.open_store(context.cache, described, shape, recipe.model.features_dtype)
    plain = len(store.missing(list(dict.fromkeys(pictures.pixels))))
    return plain + training * (recipe.training.augment.views or 0)


def _head_epoch(classifier: Classifier, context: results.Context, shape: tuple[int, ...], training: int) -> float:
    rows = min(training, ROWS)
    made_up = np.random.default_rng(0).normal(size=(rows, *shape)).astype(np.float32)
    feed = _feed(context, made_up)
    _compile(classifier.head, context, feed.steps)
    epochs = epochs_of(classifier.head, feed, {})
    seconds = _second_time(lambda: epochs.train(1, context.progress))
    return seconds * training / rows


def _step(classifier: Classifier, context: results.Context, pictures: np.ndarray) -> float:
    batch = context.recipe.training.batch_size
    feed = _feed(context, np.resize(pictures, (batch, *pictures.shape[1:])))
    _compile(classifier.model, context, feed.steps)
    epochs = epochs_of(classifier.model, feed, {})
    return _second_time(lambda: epochs.train(1, context.progress))


def _feed(context: results.Context, rows: np.ndarray) -> Feed:
    table, output = context.table, context.parts.head.output
    positive = table.classes.index(table.positive) if table.positive else None
    labels = np.arange(len(rows)) % len(table.classes)
    return Feed(
        rows,
        np.arange(len(rows)),
        heads.targets(labels, output, len(table.classes), positive),
        batch_size=context.recipe.training.batch_size,
    )


def _compile(model: object, context: results.Context, steps: int) -> None:
    compile_model(model, context.recipe.training, phases(context.recipe.training, steps)[0])


def _second_time(work: Callable[[], object]) -> float:
    """Seconds of a second call: the first one compiles."""
    work()
    began = time.perf_counter()
    work()
    return max(time.perf_counter() - began, 1e-6)
