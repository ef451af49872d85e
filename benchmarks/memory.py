"""Peak memory of training on many images against a tenth of them, each in a process of its own.

    python benchmarks/memory.py [--images 40000] [--size 224] [--ways frozen,fine-tuned] [--csv FILE]

Each process reads a folder of generated 24-bit BMP files (no two alike) and fills a fresh image cache. Then it does everything of
ours that could grow with the number of images, in one of two ways:

- fine-tuned: trains one epoch with mantri2024's augmentation and over-sampling, and predicts every image;
- frozen: extracts 1,024 features of every image, trains a linear head on nine tenths of them for three epochs, with the last
  tenth watched, and predicts every image.

The network is one strided convolution, so that it takes minutes and not hours; a backbone's own memory depends on the batch, not
on the number of images. Peak memory is the highest resident set of the process (VmHWM), files that are mapped included.

Needs about 12 GB of disk in the temporary folder (TMPDIR) for 40,000 images.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from measured import append
from PIL import Image

from keras_leuk.data.cells import ALL, HEM, draw_cell, draw_subject
from keras_leuk.devices.memory import peak
from keras_leuk.devices.start import start
from keras_leuk.images.cache import ingest
from keras_leuk.images.pipeline import Augmenter, Feed
from keras_leuk.images.preprocessing import Preparation
from keras_leuk.models.assembly import Classifier
from keras_leuk.models.backbones import find
from keras_leuk.models.weights import resolve
from keras_leuk.progress import Progress
from keras_leuk.recipe import Recipe, load
from keras_leuk.training.features import extract
from keras_leuk.training.fit import fit
from keras_leuk.training.forward import Forward
from keras_leuk.training.materials import read_table

STAGES = ("start", "cached", "extracted", "trained", "predicted")
"""Whose peaks are told, MB."""


def main() -> None:
    """Runs both sizes and prints their peaks and the difference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=40_000)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--csv", type=Path, help="append the measurements here")
    parser.add_argument("--ways", default="frozen,fine-tuned")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.size, options.ways)))
        return
    rows: list[dict[str, Any]] = []
    print(f"| way | images | {' | '.join(STAGES)} | seconds |")
    print(f"| --- | {'---: | ' * (len(STAGES) + 2)}".rstrip())
    for count in (options.images // 10, options.images):
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder) / "images", count, options.size)
            for way in options.ways.split(","):
                rows.append(one(way, count, folder, options.size))
    for way in options.ways.split(","):
        few, many = (row["predicted"] for row in rows if row["way"] == way)
        print(f"\n{way}: difference of the peaks {many - few:.0f} MB")
    append(options.csv, rows)


def one(way: str, count: int, folder: str, size: int) -> dict[str, Any]:
    """A process of its own, with a fresh cache; its row of the table."""
    shutil.rmtree(Path(folder) / "cache", ignore_errors=True)
    command = [sys.executable, __file__, "--measure", folder, "--size", str(size), "--ways", way]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    row: dict[str, Any] = {"way": way, "images": count, **json.loads(answer.splitlines()[-1])}
    peaks = " | ".join(f"{row[stage]:.0f}" if row[stage] else "" for stage in STAGES)
    print(f"| {way} | {count:,} | {peaks} | {row['seconds']:.0f} |", flush=True)
    return row


def write(root: Path, count: int, size: int) -> None:
    """Two classes, one third and two thirds, of generated cells; a few are drawn, and a corner pixel tells the copies apart."""
    drawn = [draw_cell(0, draw_subject(0, str(n), HEM if n % 3 == 0 else ALL), n, size) for n in range(60)]
    for name in ("HEM", "ALL"):
        (root / name).mkdir(parents=True)
    for number in range(count):
        picture = drawn[number % 60].copy()
        picture[0, 0] = number % 256, number // 256 % 256, number // 65536
        Image.fromarray(picture).save(root / ("HEM" if number % 3 == 0 else "ALL") / f"{number}.bmp")
    if shutil.disk_usage(root).free < count * size * size * 4:
        raise SystemExit(f"too little disk space in {root} for the image cache; set TMPDIR")


def megabytes() -> float:
    """Highest resident set of this process so far, MB."""
    return (peak() or 0) / 1e6


def measure(folder: Path, size: int, way: str) -> dict[str, float | None]:
    """One training, with the peak after each stage."""
    began = time.perf_counter()
    start()
    import keras

    found: dict[str, float | None] = dict.fromkeys(STAGES) | {"start": megabytes()}
    recipe = load(
        "mantri2024-augmentation",
        flags={
            "data.path": str(folder / "images"),
            "training.epochs": 1 if way == "fine-tuned" else 3,
            "training.balance": "oversample",
            "training.early_stopping.enabled": False,
            "data.reader": "folders",
        },
    )
    table = read_table(recipe, folder / "cache")
    rows = table.labelled
    pictures = ingest([table.root / name for name in rows["image"]], preparation=Preparation(size), cache=folder / "cache")
    found["cached"] = megabytes()
    labels = np.array([table.classes.index(name) for name in rows["label"]])
    inputs = keras.Input((size, size, 3))
    units, side = (8, 16) if way == "fine-tuned" else (1024, 32)
    seen = keras.layers.Conv2D(units, side, strides=side, activation="relu")(keras.layers.Rescaling(1 / 255)(inputs))
    features = keras.layers.GlobalAveragePooling2D(name="pooling")(seen)
    output = keras.layers.Dense(2, activation="softmax")
    model = keras.Model(inputs, output(features))
    if way == "fine-tuned":
        augmenter = Augmenter(recipe.training.augment, 0, pictures.pixels, pictures.store.shape)
        _fit(model, pictures.store.rows(), pictures.row_numbers(), labels, recipe, augmenter)
        shown, numbers, trained = pictures.store.rows(), pictures.row_numbers(), model
    else:
        stands = keras.Input((units,))
        trained = keras.Model(stands, output(stands))
        classifier = Classifier(model, keras.Model(inputs, features), trained, ())
        backbone = find("mobilenet")
        stored = extract(
            classifier,
            pictures,
            backbone=backbone,
            weights=resolve("random", backbone),
            pooling="avg",
            mixed_precision="off",
            cache=folder / "cache",
            progress=Progress(),
        )
        found["extracted"] = megabytes()
        shown, numbers = stored.store.rows(), stored.index
        _fit(trained, shown, numbers, labels, recipe, None)
    found["trained"] = megabytes()
    Forward(trained, shown.dtype).all(shown, numbers)
    return found | {"predicted": megabytes(), "seconds": time.perf_counter() - began}


def _fit(model: Any, rows: Any, numbers: np.ndarray, labels: np.ndarray, recipe: Recipe, augmenter: Augmenter | None) -> None:
    """Trains on the first nine tenths in a shuffled order and watches the rest; on all of them where they are augmented."""
    order = np.random.default_rng(0).permutation(len(numbers))
    many = len(order) if augmenter else len(order) * 9 // 10
    targets = np.eye(2, dtype=np.float32)[labels]
    places = np.arange(len(order)) if augmenter else order[:many]
    train = Feed(
        rows,
        numbers[places],
        targets[places],
        batch_size=32,
        shuffle_seed=0,
        oversample=labels[places],
        augmenter=augmenter,
    )
    watched = {"val": Feed(rows, numbers[order[many:]], targets[order[many:]], batch_size=32)} if many < len(order) else {}
    fit(model, train, watched, training=recipe.training, seed=0, checkpoint=None, progress=Progress())


if __name__ == "__main__":
    main()
