"""Training speed as ratios, measured side by side in one process on this machine.

    python benchmarks/training.py [--backbone mobilenet] [--size 224] [--batch 32] [--repeats 5] [--csv FILE]

1. Frozen backbone: an epoch of the head on stored features, against an epoch of the plain Keras way, where the frozen backbone
   stands inside the model and sees every image in every epoch. Same images, same head, same batch.
2. Fine-tuned backbone: images/s of our feed (cached bytes, order by epoch) through `training.epochs`, against bare `Model.fit` on
   tensors that lie in memory and are not augmented. Same network, same optimiser, same batch; once with flips on our side, once
   with the augmentation of mantri2024's Table II (recipe mantri2024-augmentation).

The two sides of each comparison take turns, so that a machine whose speed drifts does not favour one. Weights are random: speed
does not depend on them.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from measured import append, spread, take_turns, to_the_last_batch

from keras_leuk.bench.networks import compile_as_notebooks_do
from keras_leuk.data.demo import make_demo
from keras_leuk.data.read import read
from keras_leuk.devices.start import start, versions
from keras_leuk.images.cache import ingest
from keras_leuk.images.pipeline import Augmenter, Feed
from keras_leuk.images.preprocessing import Preparation
from keras_leuk.models.assembly import build
from keras_leuk.models.backbones import find
from keras_leuk.models.weights import resolve
from keras_leuk.progress import Progress
from keras_leuk.recipe import load
from keras_leuk.recipe.augment import Augment
from keras_leuk.recipe.loading import validate
from keras_leuk.recipe.model import Head
from keras_leuk.training import features
from keras_leuk.training.epochs import epochs_of
from keras_leuk.training.fit import compile_model, phases


def main() -> None:
    """Prints both comparisons, and appends one CSV row each where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="mobilenet")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--images", type=int, default=256, help="training images of the frozen comparison")
    parser.add_argument("--tuned-images", type=int, default=128, help="training images of the fine-tuned comparison")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--csv", type=Path, help="append the measurements here")
    options = parser.parse_args()
    device = start()["device"]
    print(f"{device}; TensorFlow {versions()['tensorflow']}, Keras {versions()['keras']}, oneDNN {start()['onednn']}")
    print(f"{options.backbone}, {options.size} px, batch {options.batch}, float32, {options.repeats} repeats after one warm-up\n")
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        table = read(str(make_demo(cache, cells=max(options.images, options.tuned_images), subjects=12)), "cnmc")
        rows = table.labelled[table.labelled["part"] == "training"]
        pictures = ingest([table.root / name for name in rows["image"]], preparation=Preparation(options.size), cache=cache)
        labels = np.array([table.classes.index(name) for name in rows["label"]])
        targets = np.eye(2, dtype=np.float32)[labels]
        flips = Augment(horizontal_flip=True, vertical_flip=True)
        table = load("mantri2024-augmentation", flags={"data.path": "demo"}).training.augment
        measured = [
            frozen(options, cache, pictures, targets),
            fine_tuned(options, pictures, targets, "horizontal and vertical flips", flips),
            fine_tuned(options, pictures, targets, "mantri2024's Table II augmentation", table),
        ]
    append(options.csv, [{**row, "device": device} for row in measured])


def frozen(options: argparse.Namespace, cache: Path, pictures, targets: np.ndarray) -> dict[str, object]:
    """Epochs on stored features against the frozen backbone inside the model."""
    import keras

    backbone, weights = find(options.backbone), resolve("random", find(options.backbone))
    training = validate({"training": {"epochs": 1, "batch_size": options.batch, "early_stopping": {"enabled": False}}}).training
    classifier = build(backbone, Head(), size=options.size, classes=2, seed=0, weights=weights)
    began = time.perf_counter()
    stored = features.extract(
        classifier,
        pictures,
        backbone=backbone,
        weights=weights,
        pooling="avg",
        mixed_precision="off",
        cache=cache,
        progress=Progress(),
    )
    extraction = time.perf_counter() - began
    steps = -(-options.images // options.batch)
    compile_model(classifier.head, training, phases(training, steps)[0])
    feed = Feed(
        stored.store.rows(), stored.index[: options.images], targets[: options.images], batch_size=options.batch, shuffle_seed=0
    )

    # The plain way, as a notebook has it: the same graph with its backbone frozen, every image in memory, Model.fit.
    keras.utils.set_random_seed(0)
    plain = keras.Model(classifier.model.input, classifier.model.output)
    compile_as_notebooks_do(plain)
    images = np.asarray(pictures.store.rows()[pictures.row_numbers()[: options.images]], np.float32)

    epochs = epochs_of(classifier.head, feed, {})
    ours, theirs = take_turns(
        lambda: epochs.train(1, Progress()),
        to_the_last_batch(
            lambda **more: plain.fit(images, targets[: options.images], batch_size=options.batch, epochs=1, verbose=0, **more)
        ),
        options.repeats,
    )
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    print(f"1. frozen backbone, {options.images} images")
    print(f"   an epoch on stored features:      {spread(ours)} s")
    print(f"   an epoch of the plain Keras way:  {spread(theirs)} s")
    print(f"   ratio:                            {spread(ratios)} times as fast")
    print(f"   features, once:                   {extraction:.3g} s")
    epoch, whole = statistics.median(ours), statistics.median(theirs)
    for epochs in (10, 50, 100):
        print(f"   {epochs:3} epochs, features included:     {epochs * whole / (extraction + epochs * epoch):.3g} times as fast")
    print()
    return {"what": "frozen epoch", "ours_s": statistics.median(ours), "theirs_s": whole, "ratio": statistics.median(ratios)}


def fine_tuned(options: argparse.Namespace, pictures, targets: np.ndarray, name: str, augment: Augment) -> dict[str, object]:
    """Our feed, augmentation and fit against bare `Model.fit` on tensors in memory."""
    import tensorflow as tf

    backbone = find(options.backbone)
    count = options.tuned_images
    settings = {"epochs": 1, "batch_size": options.batch, "early_stopping": {"enabled": False}}
    training = validate({"training": settings}).training

    def network():
        return build(
            backbone, Head(), size=options.size, classes=2, seed=0, weights=resolve("random", backbone), fine_tune="all"
        ).model

    index = pictures.row_numbers()[:count]
    feed = Feed(
        pictures.store.rows(),
        index,
        targets[:count],
        batch_size=options.batch,
        shuffle_seed=0,
        augmenter=Augmenter(augment, 0, pictures.pixels[:count], pictures.store.shape),
    )
    resident = tf.constant(np.asarray(pictures.store.rows()[index], np.float32)), tf.constant(targets[:count])
    ours_model, bare_model = network(), network()
    compile_model(ours_model, training, phases(training, -(-count // options.batch))[0])
    compile_as_notebooks_do(bare_model)
    epochs = epochs_of(ours_model, feed, {})
    ours, theirs = take_turns(
        lambda: epochs.train(1, Progress()),
        to_the_last_batch(
            lambda **more: bare_model.fit(*resident, batch_size=options.batch, epochs=1, verbose=0, shuffle=False, **more)
        ),
        options.repeats,
    )
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    print(f"2. fine-tuned backbone, {count} images, {name} on our side")
    print(f"   ours:                             {spread([count / s for s in ours])} images/s")
    print(f"   bare Model.fit on tensors:        {spread([count / s for s in theirs])} images/s")
    print(f"   ratio:                            {spread(ratios)}\n", flush=True)
    return {
        "what": f"fine-tuned epoch, {name}",
        "ours_s": statistics.median(ours),
        "theirs_s": statistics.median(theirs),
        "ratio": statistics.median(ratios),
    }


if __name__ == "__main__":
    main()
