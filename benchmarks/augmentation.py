"""Speed of augmentation as ratios, measured side by side in one process on this machine.

    python benchmarks/augmentation.py [--images 4096] [--size 224] [--threads N] [--repeats 3] [--csv FILE]

The settings are those of mantri2024, Table II: rotation 30 degrees, shifts 25 %, zoom 30 %, shear 0.2 degrees, channel shift
10, both flips, fill mode nearest; 8-bit pictures, batch 32. Images/s of

1. ours: an epoch of the tf.data pipeline that training uses, from the image cache on disk to tensors;
2. ImageDataGenerator.flow, the retired class (keras.src.legacy), on an array in memory;
3. Keras' layers: RandomFlip, RandomRotation, RandomTranslation, RandomShear, RandomZoom and RandomBrightness in a parallel
   tf.data map (they draw other distributions, and each resamples the picture anew);
4. OpenCV's bare warpAffine, from memory to memory in as many threads, with matrices made beforehand and nothing else: the
ceiling.

The sides take turns, so that a machine whose speed drifts favours none; the slow ones work on fewer pictures.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from measured import append

from keras_leuk.data.cells import ALL, HEM, draw_cell, draw_subject
from keras_leuk.devices.start import start, versions
from keras_leuk.devices.threads import cores
from keras_leuk.images.augmentation import Augmentation, Picture, draw
from keras_leuk.images.decode import pixel_hash
from keras_leuk.images.pipeline import Augmenter, Feed
from keras_leuk.recipe import load
from keras_leuk.store.arrays import ArrayStore

BATCH = 32


def main() -> None:
    """Prints images/s of each and the two ratios, and appends a CSV row where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=4096)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--csv", type=Path, help="append the measurements here")
    options = parser.parse_args()
    device = start()["device"]
    found = versions()
    print(
        f"{device}; OpenCV {cv2.__version__}, TensorFlow {found['tensorflow']}, Keras {found['keras']}; {options.threads} threads"
    )
    print(f"{options.images} generated cells, {options.size} px, batch {BATCH}, {options.repeats} repeats after one warm-up")
    print("mantri2024, Table II\n")
    with tempfile.TemporaryDirectory() as folder:
        sides = contestants(options, Path(folder))
        speeds: dict[str, list[float]] = {name: [] for name in sides}
        for repeat in range(options.repeats + 1):
            for name, (work, count) in sides.items():
                began = time.perf_counter()
                work()
                if repeat:
                    speeds[name].append(count / (time.perf_counter() - began))
    for name, values in speeds.items():
        print(f"{name:24} {statistics.median(values):8.0f} images/s ({min(values):.0f}-{max(values):.0f})")
    ratios = {
        "ours / ImageDataGenerator": ratio(speeds["ours"], speeds["ImageDataGenerator"]),
        "ours / Keras layers": ratio(speeds["ours"], speeds["Keras layers"]),
        "ours / bare warpAffine": ratio(speeds["ours"], speeds["bare warpAffine"]),
    }
    print()
    for name, values in ratios.items():
        print(f"{name:26} {statistics.median(values):6.2f} ({min(values):.2f}-{max(values):.2f})")
    append(options.csv, [{"device": device} | {name: statistics.median(values) for name, values in (speeds | ratios).items()}])


def ratio(ours: list[float], theirs: list[float]) -> list[float]:
    """Ratios of neighbours in time."""
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def contestants(options: argparse.Namespace, cache: Path) -> dict[str, tuple[Callable[[], object], int]]:
    """Name → (one epoch of work, pictures in it)."""
    import tensorflow as tf

    pictures = cells(options.images, options.size)
    augment = load("mantri2024-augmentation").training.augment
    few = pictures[: min(options.images, 256)]
    return {
        "ours": (ours(pictures, augment, cache, options.threads), len(pictures)),
        "ImageDataGenerator": (generator(few, augment), len(few)),
        "Keras layers": (layers(few, augment, tf, options.threads), len(few)),
        "bare warpAffine": (bare(pictures, augment, options.threads), len(pictures)),
    }


def cells(count: int, size: int) -> np.ndarray:
    """Generated cells of 8 subjects, no two alike; further ones are turned and mirrored."""
    subjects = [draw_subject(0, str(number), ALL if number % 2 else HEM) for number in range(8)]
    drawn = [draw_cell(0, subjects[number % 8], number, size) for number in range(min(count, 128))]
    turned = [np.rot90(drawn[number % len(drawn)], number // len(drawn)) for number in range(count)]
    return np.stack([picture if number < 512 else picture[:, ::-1] for number, picture in enumerate(turned)])


def ours(pictures: np.ndarray, augment, cache: Path, threads: int) -> Callable[[], object]:
    """An epoch of the feed, from a store on disk."""
    store = ArrayStore(cache, "images", {}, pictures.shape[1:], "uint8")
    keys = [pixel_hash(np.ascontiguousarray(picture)) for picture in pictures]
    first = {key: number for number, key in enumerate(keys)}
    with store.appending() as append:
        append(list(first), pictures[list(first.values())])
    held = store.positions()
    feed = Feed(
        store.rows(),
        np.array([held[key] for key in keys]),
        np.zeros((len(pictures), 2), np.float32),
        batch_size=BATCH,
        shuffle_seed=0,
        augmenter=Augmenter(augment, 0, keys, pictures.shape[1:]),
        threads=threads,
    )
    data = feed.dataset()

    def epoch() -> None:
        feed.epoch += 1
        for _ in data:
            pass

    return epoch


def generator(pictures: np.ndarray, augment) -> Callable[[], object]:
    """An epoch of the retired class."""
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    words = ("rotation_range", "width_shift_range", "height_shift_range", "shear_range", "zoom_range", "channel_shift_range")
    settings = {name: getattr(augment, name) for name in (*words, "horizontal_flip", "vertical_flip", "fill_mode")}
    flow = ImageDataGenerator(**settings).flow(pictures, batch_size=BATCH, seed=0)
    return lambda: [next(flow) for _ in range(len(flow))]


def layers(pictures: np.ndarray, augment, tf, threads: int) -> Callable[[], object]:
    """An epoch through Keras' own augmentation layers."""
    import keras

    chain = keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal_and_vertical"),
            keras.layers.RandomRotation(augment.rotation_range / 360, fill_mode="nearest"),
            keras.layers.RandomTranslation(augment.height_shift_range, augment.width_shift_range, fill_mode="nearest"),
            keras.layers.RandomShear(x_factor=augment.shear_range / 360, fill_mode="nearest"),
            keras.layers.RandomZoom(augment.zoom_range, augment.zoom_range, fill_mode="nearest"),
            keras.layers.RandomBrightness(augment.channel_shift_range / 255, value_range=(0, 255)),
        ]
    )
    data = tf.data.Dataset.from_tensor_slices(pictures).batch(BATCH)
    data = data.map(lambda batch: chain(tf.cast(batch, tf.float32), training=True), num_parallel_calls=threads).prefetch(2)
    return lambda: [None for _ in data]


def bare(pictures: np.ndarray, augment, threads: int) -> Callable[[], object]:
    """warpAffine and nothing else, each thread on its share."""
    height, width = pictures.shape[1:3]
    drawn = draw(augment, 0, 1, [Picture(f"{number:064x}"[::-1]) for number in range(len(pictures))], height, width)
    matrices = Augmentation(augment, height, width).matrices(drawn)
    out = np.empty_like(pictures)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP

    def share(first: int) -> None:
        for number in range(first, len(pictures), threads):
            cv2.warpAffine(pictures[number], matrices[number], (width, height), out[number], flags, cv2.BORDER_REPLICATE)

    def epoch() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(share, range(threads)))

    return epoch


if __name__ == "__main__":
    main()
