"""The stages before a network: files to cached squares, and cached squares to augmented batches."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from keras_leuk.bench.turns import OURS, Span, Way, timing
from keras_leuk.images.augmentation import Augmentation, Picture, draw
from keras_leuk.images.cache import Pictures, ingest
from keras_leuk.images.pipeline import Augmenter, Feed
from keras_leuk.images.preprocessing import Preparation
from keras_leuk.recipe import load
from keras_leuk.recipe.augment import Augment

BATCH = 32

AUGMENTATION = "mantri2024-augmentation"
"""The recipe whose augmentation is measured: rotation, shifts, zoom, shear, channel shift and both flips."""


def decoding(paths: Sequence[Path], size: int, threads: int, folder: Path) -> dict[str, Way]:
    """Filling an empty image cache, against OpenCV's bare decoding and resizing in as many threads.

    Averaging is OpenCV's anti-aliased way of making a picture smaller, as ours is anti-aliased; bilinear is not, and quicker.

    Args:
        folder: where caches may be put; each is removed after its turn.
    """

    def ours(images: int) -> Span:
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            with timing() as watch:
                ingest(paths[:images], preparation=Preparation(size), cache=Path(cache), threads=threads)
            return watch.span(images)

    def bare(interpolation: int) -> Way:
        def read(number: int) -> None:
            pixels = cv2.imread(str(paths[number]))
            assert pixels is not None  # ours has read it by then
            cv2.resize(pixels, (size, size), interpolation=interpolation)

        return _in_threads(read, threads)

    return {OURS: ours, "OpenCV, averaging": bare(cv2.INTER_AREA), "OpenCV, bilinear": bare(cv2.INTER_LINEAR)}


def cached(paths: Sequence[Path], size: int, threads: int, folder: Path) -> Pictures:
    """The files in an image cache, for the stages that start from one."""
    return ingest(paths, preparation=Preparation(size), cache=folder, threads=threads)


def repeated(pictures: Pictures, images: int) -> tuple[np.ndarray, list[str]]:
    """Rows and keys of so many pictures; where there are fewer, they come again and again."""
    places = np.arange(images) % len(pictures.paths)
    keys = pictures.pixels
    return pictures.row_numbers()[places], [keys[place] for place in places]


def augment() -> Augment:
    """The augmentation that is measured."""
    return load(AUGMENTATION).training.augment


def augmenting(pictures: Pictures, threads: int) -> dict[str, Way]:
    """An epoch of training batches, against OpenCV's bare warpAffine on pictures in memory with matrices made beforehand."""
    settings, shape = augment(), pictures.store.shape
    height, width = int(shape[0]), int(shape[1])
    resident = np.asarray(pictures.store.rows()[pictures.row_numbers()])
    drawn = draw(settings, 0, 1, [Picture(key, 0) for key in pictures.pixels], height, width)
    matrices = Augmentation(settings, height, width).matrices(drawn)
    out = np.empty_like(resident)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP

    def ours(images: int) -> Span:
        numbers, keys = repeated(pictures, images)
        feed = Feed(
            pictures.store.rows(),
            numbers,
            np.zeros((images, 2), np.float32),
            batch_size=BATCH,
            shuffle_seed=0,
            augmenter=Augmenter(settings, 0, keys, shape),
            threads=threads,
        )
        feed.epoch = 1
        data = feed.dataset()
        with timing() as watch:
            for _ in data:
                pass
        return watch.span(images)

    def warp(number: int) -> None:
        at = number % len(resident)
        cv2.warpAffine(resident[at], matrices[at], (width, height), out[at], flags, cv2.BORDER_REPLICATE)

    return {OURS: ours, "OpenCV's warpAffine": _in_threads(warp, threads)}


def _in_threads(work: Callable[[int], None], threads: int) -> Way:
    """Numbers from 0 on in so many threads, each with its share, so that handing over costs nothing."""

    def way(images: int) -> Span:
        def share(first: int) -> None:
            for number in range(first, images, threads):
                work(number)

        with timing() as watch, ThreadPoolExecutor(threads) as pool:
            list(pool.map(share, range(threads)))
        return watch.span(images)

    return way
