"""The stage of a head: epochs on stored features.

Ours is the whole way, from the feature store on disk; its rivals hold the features in memory.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from keras_leuk.bench.networks import compile_as_notebooks_do, ending, targets, training
from keras_leuk.bench.reading import BATCH
from keras_leuk.bench.turns import OURS, Span, Way, timing
from keras_leuk.images.pipeline import Feed
from keras_leuk.models.assembly import Classifier
from keras_leuk.progress import Progress
from keras_leuk.store.arrays import ArrayStore
from keras_leuk.training.epochs import epochs_of
from keras_leuk.training.fit import compile_model, phases

ROWS = 8512
"""Rows of an epoch: fata2023's training side, but for the last, smaller batch."""

MODEL_FIT = "Model.fit"


def training_heads(classifier: Classifier, rows: int, folder: Path) -> dict[str, Way]:
    """Epochs of a head from the store, against a compiled loop over an array in memory; beside them `Model.fit` on it.

    Args:
        rows: of an epoch, a multiple of the batch; images come in multiples of it.
        folder: where the feature store may be put.
    """
    import keras

    head, bare = classifier.head, keras.models.clone_model(classifier.head)
    store = _stored(rows, tuple(int(side) for side in head.input_shape[1:]), folder)
    labels = targets(rows)
    features = np.asarray(store.rows()[np.arange(rows)])
    settings = training()
    compile_model(head, settings, phases(settings, rows // BATCH)[0])
    compile_as_notebooks_do(bare)

    epochs = epochs_of(head, Feed(store.rows(), np.arange(rows), labels, batch_size=BATCH, shuffle_seed=0), {})
    numbers = count(1)

    def ours(images: int) -> Span:
        with timing() as watch:
            for _ in range(images // rows):
                epochs.train(next(numbers), Progress())
        return watch.span(images)

    def plain(images: int) -> Span:
        with timing() as watch:
            bare.fit(features, labels, batch_size=BATCH, epochs=images // rows, verbose=0, callbacks=[ending(watch)])
        return watch.span(images)

    return {
        OURS: ours,
        "a compiled loop": _loop(head, features, labels),
        MODEL_FIT: plain,
    }


def _stored(rows: int, shape: tuple[int, ...], folder: Path) -> ArrayStore:
    """A store of made-up features."""
    made_up = np.random.default_rng(0).normal(size=(rows, *shape)).astype(np.float32)
    store = ArrayStore(folder, "features", {"rows": rows}, shape, "float32")
    with store.appending() as append:
        append([f"{number:064x}" for number in range(rows)], made_up)
    return store


def _loop(head: Any, features: np.ndarray, labels: np.ndarray) -> Way:
    """An epoch as one graph: Keras' own training step on slices of tensors in memory.

    Not under XLA, whose loop over this head takes fifty times as long on a processor (measured).
    """
    import tensorflow as tf

    inputs, wanted = tf.constant(features), tf.constant(labels)
    steps = len(features) // BATCH

    @tf.function  # type: ignore[untyped-decorator]
    def epoch(x: Any, y: Any) -> None:
        for step in tf.range(steps):
            head.train_step((x[step * BATCH : (step + 1) * BATCH], y[step * BATCH : (step + 1) * BATCH]))

    def way(images: int) -> Span:
        with timing() as watch:
            for _ in range(images // len(features)):
                epoch(inputs, wanted)
            # The value of a variable is there when the last step is done, on a GPU, too.
            head.optimizer.iterations.numpy()
        return watch.span(images)

    return way
