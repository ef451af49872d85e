"""Reading speed as ratios: from files to squares of 224 px, measured side by side in one process on this machine.

    python benchmarks/decoding.py [--data FOLDER] [--images 600] [--size 224] [--repeats 7] [--csv FILE]

Images are generated 450x450 24-bit bitmaps, like those of C-NMC 2019, or the bitmaps in a folder. Compared are

1. Pillow: a plain loop, `Image.open(f).convert("RGB").resize((224, 224), BILINEAR)`;
2. OpenCV: a plain loop, `cv2.resize(cv2.imread(f), (224, 224), interpolation=cv2.INTER_AREA)`, its anti-aliased resampling;
3. OpenCV, bilinear: the same without anti-aliasing, which a factor of two does not forgive;
4. tf.io: `decode_bmp` and `tf.image.resize` (not anti-aliased) in a `tf.data` map with two calls at once;
5. ours from nothing: `images.cache.ingest` into an empty cache, with everything that belongs to it: hashes, anti-aliasing, rows
   written to disk and synced, fingerprints;
6. ours with a filled cache: the same call again, and every row read back; nothing is decoded, which is checked.

The first four keep nothing. All take turns, so that a machine whose speed drifts does not favour one. The files lie in the page
cache of the operating system, which the first, uncounted turn sees to.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from measured import append, seconds, spread
from PIL import Image

from keras_leuk.data.cells import ALL, HEM, draw_cell, draw_subject
from keras_leuk.devices.start import start, versions
from keras_leuk.images.cache import ingest
from keras_leuk.images.decode import decoder
from keras_leuk.images.preprocessing import Preparation


def generated(folder: Path, count: int) -> list[Path]:
    """Bitmaps of 450x450 pixels: sixty cells, turned, mirrored, and each with one pixel of its own, so that no two are equal."""
    people = [draw_subject(0, str(number), (ALL, HEM)[number % 2]) for number in range(6)]
    cells = [draw_cell(0, people[number % 6], number, 450) for number in range(min(60, count))]
    paths = []
    for number in range(count):
        turn = number // len(cells)
        pixels = np.rot90(cells[number % len(cells)][:, :: -1 if turn // 4 % 2 else 1], turn).copy()
        pixels[0, 0] = number % 256, number // 256, 1
        paths.append(folder / f"{number}.bmp")
        Image.fromarray(pixels).save(paths[-1])
    return paths


def pillow(paths: list[Path], size: int) -> None:
    """The plain loop with Pillow."""
    for path in paths:
        np.asarray(Image.open(path).convert("RGB").resize((size, size), Image.Resampling.BILINEAR))


def opencv(paths: list[Path], size: int, interpolation: int) -> None:
    """The plain loop with OpenCV."""
    for path in paths:
        cv2.resize(cv2.imread(str(path)), (size, size), interpolation=interpolation)


def tensorflow(paths: list[Path], size: int) -> Callable[[], None]:
    """The loop through tf.data; its graph is made once."""
    import tensorflow as tf

    def read(path):
        pixels = tf.image.resize(tf.io.decode_bmp(tf.io.read_file(path), 3), (size, size))
        return tf.cast(tf.round(pixels), tf.uint8)

    data = tf.data.Dataset.from_tensor_slices([str(path) for path in paths]).map(read, num_parallel_calls=2).prefetch(2)

    def loop() -> None:
        for pixels in data:
            pixels.numpy()

    return loop


def main() -> None:
    """Prints images/s of each, and appends one CSV row each where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of bitmaps in place of generated ones")
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--csv", type=Path, help="append the measurements here")
    options = parser.parse_args()
    device = start()["device"]
    print(f"{device}, {os.cpu_count()} cores; TensorFlow {versions()['tensorflow']}, OpenCV {cv2.__version__}, {decoder()}")
    with tempfile.TemporaryDirectory() as folder:
        if options.data:
            paths = sorted(options.data.expanduser().rglob("*.bmp"))[: options.images]
        else:
            paths = generated(Path(folder), options.images)
        shape = np.asarray(Image.open(paths[0])).shape
        what = f"from {options.data}" if options.data else "generated"
        print(f"{len(paths)} bitmaps ({what}, the first {shape[1]}x{shape[0]}) to {options.size} px")
        print(f"{options.repeats} turns after one warm-up, images/s: median (range)\n")
        measured = measure(paths, options.size, options.repeats, Path(folder))
    names = {
        "pillow": "Pillow loop",
        "opencv": "OpenCV loop",
        "bilinear": "OpenCV loop, bilinear",
        "tensorflow": "tf.io, two at once",
        "ours": "ours, from nothing",
        "warm": "ours, cache filled",
    }
    speed = {name: [len(paths) / seconds for seconds in measured[name]] for name in names}
    for name, title in names.items():
        print(f"   {title + ':':23}{spread(speed[name])}")
    print("\n   ours from nothing against")
    for name in ("pillow", "opencv", "bilinear", "tensorflow"):
        ratios = [ours / theirs for ours, theirs in zip(speed["ours"], speed[name], strict=True)]
        print(f"   {names[name] + ':':23}{spread(ratios)}")
    medians = {name: statistics.median(values) for name, values in speed.items()}
    rows = [
        {"what": name, "images_per_second": median, "ratio_to_ours": medians["ours"] / median, "device": device}
        for name, median in medians.items()
    ]
    append(options.csv, rows)


def measure(paths: list[Path], size: int, repeats: int, folder: Path) -> dict[str, list[float]]:
    """Seconds of each way in each turn."""
    preparation, through_tensorflow = Preparation(size), tensorflow(paths, size)

    def cold(cache: Path) -> None:
        assert ingest(paths, preparation=preparation, cache=cache).decoded == len(paths)

    def warm(cache: Path) -> None:
        found = ingest(paths, preparation=preparation, cache=cache)
        assert found.decoded == 0
        rows = found.store.rows()
        for number in found.row_numbers():
            rows[number]

    measured: dict[str, list[float]] = {name: [] for name in ("pillow", "opencv", "bilinear", "tensorflow", "ours", "warm")}
    for turn in range(repeats + 1):
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            cache = Path(temporary)
            times = {
                "pillow": seconds(lambda: pillow(paths, size)),
                "opencv": seconds(lambda: opencv(paths, size, cv2.INTER_AREA)),
                "bilinear": seconds(lambda: opencv(paths, size, cv2.INTER_LINEAR)),
                "tensorflow": seconds(through_tensorflow),
                "ours": seconds(lambda: cold(cache)),  # noqa: B023 - called here and now
                "warm": seconds(lambda: warm(cache)),  # noqa: B023
            }
        if turn:
            for name, value in times.items():
                measured[name].append(value)
    return measured


if __name__ == "__main__":
    main()
