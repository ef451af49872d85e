"""The stages of a network: features of a frozen backbone, and training all of it.

Weights are random: speed does not depend on them.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from keras_leuk.bench.passes import openvino_alone, tensorflow_alone
from keras_leuk.bench.reading import BATCH, augment, repeated
from keras_leuk.bench.turns import OURS, Span, Timing, Way, timing
from keras_leuk.images.cache import Pictures
from keras_leuk.images.pipeline import Augmenter, Feed
from keras_leuk.models import heads
from keras_leuk.models.assembly import Classifier, build
from keras_leuk.models.backbones import Backbone
from keras_leuk.models.weights import resolve
from keras_leuk.progress import Progress
from keras_leuk.recipe.loading import validate
from keras_leuk.recipe.training import Training
from keras_leuk.store.arrays import ArrayStore
from keras_leuk.training.engines import described, make_forward
from keras_leuk.training.epochs import epochs_of
from keras_leuk.training.fit import compile_model, phases

HEAD = "fata2023"

NOTEBOOK = "notebook"
"""The plain way: the frozen backbone inside the model, which passes every image in every epoch."""

CLASSES = 2


def training() -> Training:
    """Settings of a training: Keras' Adam, batches of 32, no early stopping."""
    settings = {"epochs": 1, "batch_size": BATCH, "early_stopping": {"enabled": False}}
    return validate({"training": settings}).training


def targets(images: int) -> np.ndarray:
    """One-hot labels, the classes in turn: float32 (images, 2)."""
    return np.eye(CLASSES, dtype=np.float32)[np.arange(images) % CLASSES]


def network(backbone: Backbone, size: int, fine_tune: str) -> Classifier:
    """The backbone with fata2023's head; from random weights its batch normalisation is trained, too."""
    return build(
        backbone,
        heads.find(HEAD),
        size=size,
        classes=CLASSES,
        seed=0,
        weights=resolve("random", backbone),
        fine_tune=fine_tune,
        batch_norm="train" if fine_tune == "all" else "inference",
    )


def extracting(classifier: Classifier, pictures: Pictures, engine: str, threads: int, folder: Path) -> dict[str, Way]:
    """Image cache to feature store, against the same engine's bare pass in memory; beside both, the notebook's epoch.

    Args:
        folder: where feature stores may be put; each is removed after its turn.

    Raises:
        LeukError: the engine is not installed or cannot take the network.
    """
    trunk = classifier.trunk
    forward = make_forward(trunk, engine)
    shape = tuple(int(side) for side in trunk.output.shape[1:])
    resident = np.asarray(pictures.store.rows()[pictures.row_numbers()])

    def ours(images: int) -> Span:
        numbers, _ = repeated(pictures, images)
        keys = [f"{number:064x}" for number in range(images)]
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            store = ArrayStore(Path(cache), "features", {}, shape, "float32")
            with timing() as watch, store.appending() as append:
                done = 0
                for block in forward.blocks(pictures.store.rows(), numbers):
                    append(keys[done : done + len(block)], block)
                    done += len(block)
            return watch.span(images)

    bare = (
        openvino_alone(trunk, resident, threads) if engine == "openvino" else tensorflow_alone(trunk, resident, engine == "xla")
    )
    return {OURS: ours, f"the pass alone ({described(engine)})": bare, NOTEBOOK: _notebook(classifier, resident)}


def _notebook(classifier: Classifier, resident: np.ndarray) -> Way:
    """`Model.fit` with the frozen backbone inside, on float32 images in memory, as notebooks have it."""
    import keras

    plain = keras.Model(classifier.model.input, classifier.model.output)
    compile_as_notebooks_do(plain)

    def way(images: int) -> Span:
        inputs, labels = resident[np.arange(images) % len(resident)].astype(np.float32), targets(images)
        with timing() as watch:
            plain.fit(inputs, labels, batch_size=BATCH, epochs=1, verbose=0, callbacks=[ending(watch)])
        return watch.span(images)

    return way


def tuning(backbone: Backbone, size: int, pictures: Pictures, most: int) -> dict[str, Way]:
    """Training all layers on augmented pictures from the image cache, against `Model.fit` on tensors in memory.

    Both train the same compiled model; the bare side sees the pictures as they are.

    Args:
        most: images of an epoch, which is left as soon as a turn has had its number of them.
    """
    import tensorflow as tf

    model, settings = network(backbone, size, "all").model, training()
    compile_model(model, settings, phases(settings, 1)[0])
    rows = pictures.store.rows()
    numbers, keys = repeated(pictures, most)
    augmenter = Augmenter(augment(), 0, keys, pictures.store.shape)
    feed = Feed(rows, numbers, targets(most), batch_size=BATCH, shuffle_seed=0, augmenter=augmenter)
    epochs, epoch = epochs_of(model, feed, {}), count(1)
    resident = tf.constant(np.asarray(rows[pictures.row_numbers()]))

    def ours(images: int) -> Span:
        with timing() as watch, suppress(_EnoughError):
            epochs.train(next(epoch), _Leaving(images // BATCH))
        return watch.span(images)

    def bare(images: int) -> Span:
        inputs = tf.gather(resident, np.arange(images) % len(pictures.paths))
        data = tf.data.Dataset.from_tensor_slices((inputs, tf.constant(targets(images)))).batch(BATCH)
        with timing() as watch:
            model.fit(data, epochs=1, verbose=0, shuffle=False, callbacks=[ending(watch)])
        return watch.span(images)

    return {OURS: ours, "Model.fit on tensors": bare}


def compile_as_notebooks_do(model: Any, optimizer: str = "Adam", rate: float = 1e-4) -> None:
    """Keras' own optimiser; not under XLA, which is slower than oneDNN for these networks on a CPU."""
    import keras

    made = getattr(keras.optimizers, optimizer)(rate)
    model.compile(optimizer=made, loss="categorical_crossentropy", metrics=["accuracy"], jit_compile=False)


def ending(watch: Timing) -> Any:
    """A callback that times Keras' `fit` or `predict` up to its last batch.

    Behind it TensorFlow waits for the thread that tunes tf.data, which sleeps 10, 20, 40 ms…: whole calls take 1.27, 2.55,
    5.11 s and so on. That would flatter us.
    """
    import keras

    class End(keras.callbacks.Callback):  # type: ignore[misc]
        """Nothing at each batch, which would slow Keras down."""

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            watch.end()

        def on_predict_end(self, logs: Any = None) -> None:
            watch.end()

    return End()


class _EnoughError(Exception):
    """So many steps were taken."""


class _Leaving(Progress):
    """Ends an epoch after so many steps: it is asked after each."""

    def __init__(self, steps: int):
        self.left = steps

    def check(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise _EnoughError
