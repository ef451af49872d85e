"""Epochs of a head on stored features, from the store on disk, against `Model.fit` on the same array in memory.

    python benchmarks/head_epochs.py [--images 6277] [--repeats 5] [--csv FILE]

Two heads: one dense layer on 1,024 features (MobileNet's pooled ones), and fata2023's on VGG16's 512, under each of the papers'
optimisers. Both sides train the same head by the same rule with the same batch (32), targets and weights to begin with; both
shuffle. Ours reads the store's file, gives the metrics of every epoch and looks whether the loss is a number; nothing is
validated. `Model.fit` has Keras' own optimiser. The features are random numbers: speed does not depend on them. The two sides
take turns.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np
from measured import append, spread, take_turns, to_the_last_batch

from keras_leuk.bench.networks import compile_as_notebooks_do
from keras_leuk.devices.start import start, versions
from keras_leuk.images.pipeline import Feed
from keras_leuk.models import heads
from keras_leuk.models.assembly import build
from keras_leuk.models.weights import resolve
from keras_leuk.progress import Progress
from keras_leuk.recipe import load
from keras_leuk.store.arrays import ArrayStore
from keras_leuk.training.epochs import Compiled
from keras_leuk.training.fit import compile_model, phases
from keras_leuk.training.optimizers import OPTIMIZERS
from keras_leuk.training.preflight import check

FATA = {"model.backbone": "vgg16", "model.head": "fata2023"}

HEADS = {
    "linear head on MobileNet's 1,024 features, Adam": {"model.backbone": "mobilenet", "model.head": "linear"},
    **{
        f"fata2023's head on VGG16's 512 features, {name}": {**FATA, "training.optimizer": key}
        for key, name in OPTIMIZERS.items()
        if key in ("adam", "rmsprop", "adamax")
    },
}


def main() -> None:
    """Prints both comparisons, and appends one CSV row each where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=6277)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--csv", type=Path, help="append the measurements here")
    options = parser.parse_args()
    device = start()["device"]
    print(f"{device}; TensorFlow {versions()['tensorflow']}, Keras {versions()['keras']}, oneDNN {start()['onednn']}")
    print(f"{options.images} images, batch 32, seconds an epoch: median (range) of {options.repeats} after one warm-up\n")
    print("| head | ours, from the store | Model.fit, array in memory | times as fast |")
    print("| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        measured = [one(name, keys, options, Path(folder)) for name, keys in HEADS.items()]
    append(options.csv, [{**row, "device": device} for row in measured])


def one(name: str, keys: dict[str, str], options: argparse.Namespace, cache: Path) -> dict[str, object]:
    """One head, both ways."""
    optimizer = keys.get("training.optimizer", "adam")
    chosen = load(None, flags={"training.batch_size": 32, **keys})
    parts = check(chosen)
    made = [
        build(parts.backbone, parts.head, size=parts.size, classes=2, seed=0, weights=resolve("random", parts.backbone))
        for _ in range(2)
    ]
    ours_head, bare_head = (classifier.head for classifier in made)
    shape = tuple(int(side) for side in ours_head.input.shape[1:])
    random = np.random.default_rng(0)
    features = random.normal(size=(options.images, *shape)).astype(np.float32)
    targets = heads.targets(random.integers(0, 2, options.images), parts.head.output, 2, 1)
    store = ArrayStore(cache, "features", {"name": name}, shape, "float32")
    with store.appending() as add:
        add([f"{number:064x}" for number in range(options.images)], features)
    feed = Feed(store.rows(), np.arange(options.images), targets, batch_size=32, shuffle_seed=0)
    compile_model(ours_head, chosen.training, phases(chosen.training, feed.steps)[0])
    compile_as_notebooks_do(bare_head, OPTIMIZERS[optimizer], chosen.training.learning_rate.initial)
    epochs = Compiled(ours_head, feed, {})
    ours, bare = take_turns(
        lambda: epochs.train(1, Progress()),
        to_the_last_batch(lambda **more: bare_head.fit(features, targets, batch_size=32, epochs=1, verbose=0, **more)),
        options.repeats,
    )
    ratios = [b / a for a, b in zip(ours, bare, strict=True)]
    print(f"| {name} | {spread(ours)} | {spread(bare)} | {spread(ratios)} |", flush=True)
    return {
        "what": name,
        "images": options.images,
        "ours_s": statistics.median(ours),
        "theirs_s": statistics.median(bare),
        "ratio": statistics.median(ratios),
    }


if __name__ == "__main__":
    main()
