"""Peak memory of training on many images against a tenth of them, each in a process of its own.

    python benchmarks/memory.py [--images 40000] [--size 224] [--csv FILE]

Each process reads a folder of generated 24-bit BMP files (no two alike), fills a fresh image cache, trains one epoch with
mantri2024's augmentation and over-sampling, and predicts every image: everything of ours that could grow with the number of
images. The network is one strided convolution, so that an epoch takes a minute and not an hour; a backbone's own memory
depends on the batch, not on the number of images. Peak memory is the highest resident set (ru_maxrss), files that are mapped
included.

Needs about 12 GB of disk in the temporary folder (TMPDIR) for 40,000 images.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from keras_leuk.data.cells import ALL, HEM, draw_cell, draw_subject


def main() -> None:
    """Runs both sizes and prints their peaks and the difference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=40_000)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--csv", type=Path, help="append the measurements here")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.size)))
        return
    rows = []
    for count in (options.images // 10, options.images):
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder) / "images", count, options.size)
            command = [sys.executable, __file__, "--measure", folder, "--size", str(options.size)]
            answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        row = {"images": count, **json.loads(answer.splitlines()[-1])}
        rows.append(row)
        peaks = ", ".join(f"{name} {row[name]:.0f}" for name in ("start", "cached", "trained", "predicted"))
        print(f"{count:6} images: peak after each stage, MB: {peaks}; {row['seconds']:.0f} s", flush=True)
    print(f"difference of the peaks: {rows[1]['predicted'] - rows[0]['predicted']:.0f} MB")
    if options.csv:
        new = not options.csv.exists()
        with open(options.csv, "a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            if new:
                writer.writeheader()
            writer.writerows(rows)


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


def peak() -> float:
    """Highest resident set of this process so far, MB."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (1e6 if sys.platform == "darwin" else 1e3)


def measure(folder: Path, size: int) -> dict[str, float]:
    """One training, with the peak after each stage."""
    from keras_leuk.devices.start import start

    start()
    import keras

    from keras_leuk.images.cache import ingest
    from keras_leuk.images.pipeline import Augmenter, Feed
    from keras_leuk.images.preprocessing import Preparation
    from keras_leuk.progress import Progress
    from keras_leuk.recipe import load
    from keras_leuk.training.fit import fit
    from keras_leuk.training.forward import Forward
    from keras_leuk.training.materials import read_table

    began = time.perf_counter()
    found = {"start": peak()}
    recipe = load(
        "mantri2024-augmentation",
        flags={
            "data.path": str(folder / "images"),
            "training.epochs": 1,
            "training.balance": "oversample",
            "data.reader": "folders",
        },
    )
    table = read_table(recipe, folder / "cache")
    rows = table.labelled
    pictures = ingest([table.root / name for name in rows["image"]], preparation=Preparation(size), cache=folder / "cache")
    found["cached"] = peak()
    labels = np.array([table.classes.index(name) for name in rows["label"]])
    feed = Feed(
        pictures.store.rows(),
        pictures.row_numbers(),
        np.eye(2, dtype=np.float32)[labels],
        batch_size=32,
        shuffle_seed=0,
        oversample=labels,
        augmenter=Augmenter(recipe.training.augment, 0, pictures.pixels, pictures.store.shape),
    )
    inputs = keras.Input((size, size, 3))
    tensor = keras.layers.Conv2D(8, 16, strides=16, activation="relu")(keras.layers.Rescaling(1 / 255)(inputs))
    tensor = keras.layers.GlobalAveragePooling2D()(tensor)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(tensor))
    fit(model, feed, {}, training=recipe.training, seed=0, checkpoint=None, progress=Progress())
    found["trained"] = peak()
    Forward(model).all(pictures.store.rows(), pictures.row_numbers())
    return found | {"predicted": peak(), "seconds": time.perf_counter() - began}


if __name__ == "__main__":
    main()
