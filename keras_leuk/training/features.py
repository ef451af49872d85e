"""The feature store: each image passes a frozen backbone once, whoever trains on it later.

Features are addressed by everything that shapes them: pixels (the row's key), size and decoding, backbone, its weights and
its preprocessing, pooling, compute type, engine, versions and device. Head, optimiser, split and seed are not among them, so a
second run that changes only those starts training at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_leuk.devices.start import start, versions
from keras_leuk.errors import RecipeError
from keras_leuk.images.cache import Pictures
from keras_leuk.images.views import Append, Kind, Plain, Views, store_views, views_of
from keras_leuk.models.assembly import Classifier, scale_is_folded
from keras_leuk.models.backbones import Backbone
from keras_leuk.models.weights import Weights
from keras_leuk.progress import Progress
from keras_leuk.store.arrays import ArrayStore, StoredRows
from keras_leuk.training.engines import engine_facts, make_forward
from keras_leuk.training.forward import BATCH, ForwardPass


@dataclass(frozen=True)
class Features:
    """Stored features of a list of images.

    Attributes:
        store: where their rows lie.
        index: int64 (n,), the row of each image; (n, views) where views were asked for.
        computed: how many images or views passed the backbone now.
    """

    store: ArrayStore
    index: np.ndarray
    computed: int


def facts(
    backbone: Backbone,
    weights: Weights,
    pooling: str,
    mixed_precision: str,
    image_address: str,
    rescale: str = "backbone",
    engine: str = "tensorflow",
) -> dict[str, Any]:
    """Everything but the pixels that shapes a feature."""
    started = start()
    found = versions()
    return {
        "images": image_address,
        "backbone": backbone.name,
        "preprocessing": backbone.preprocessing,
        "rescale": rescale,
        "weights": weights.facts() | {"scale_is_folded": scale_is_folded(weights, backbone)},
        "pooling": pooling,
        "precision": mixed_precision,
        "batch": BATCH,
        "versions": {name: found[name] for name in ("tensorflow", "keras")},
        "onednn": started["onednn"]["TF_ENABLE_ONEDNN_OPTS"],
        "device": started["device"],
        **engine_facts(engine),
    }


def open_store(cache: Path, described: dict[str, Any], shape: tuple[int, ...], dtype: str = "float32") -> ArrayStore:
    """The store of what `facts` describes; its rows are float32 to whoever reads them.

    Args:
        shape: of a row.
        dtype: ``float32``, or ``float16`` for half the room.
    """
    return ArrayStore(cache, "features", described, shape, dtype, read_as="float32")


def extract(
    classifier: Classifier,
    pictures: Pictures,
    *,
    backbone: Backbone,
    weights: Weights,
    pooling: str,
    mixed_precision: str,
    rescale: str = "backbone",
    cache: Path,
    progress: Progress,
    places: np.ndarray | None = None,
    kind: Kind | None = None,
    engine: str = "tensorflow",
    dtype: str = "float32",
) -> Features:
    """Makes sure that every picture, or every view of some, has its features in the store.

    `backbone`, `weights`, `pooling`, `mixed_precision` and `rescale` are what `classifier` was built with.
    A batch is written as soon as it is computed: a process that is killed loses at most that one. Average and maximum pooling
    cost nothing beside the backbone, so both are stored whichever is asked for.

    Args:
        places: int (n,), which of the pictures (None: all).
        kind: views of them (None: the pictures themselves).
        engine: that computes the backbone; see `training.engines`.
        dtype: in which features are stored, ``float32`` or ``float16``; they are computed and read as float32.

    Raises:
        RecipeError: float16 cannot hold them.
        LeukError: the engine is not installed or cannot take the backbone; the cache folder cannot be written.
    """
    shape = tuple(int(side) for side in classifier.trunk.output.shape[1:])

    def store_of(kind_of_pooling: str) -> ArrayStore:
        described = facts(backbone, weights, kind_of_pooling, mixed_precision, pictures.store.address, rescale, engine)
        return open_store(cache, described, shape, dtype)

    store, other = store_of(pooling), OTHER.get(pooling)
    views = views_of(pictures, kind or Plain(), places)

    def fill(keys: list[str], items: np.ndarray, append: Append) -> None:
        if other is None:
            _fill(make_forward(classifier.trunk, engine), views, keys, items, _checked(append, dtype, backbone), progress)
            return
        with _both(store_of(other), append, dtype, backbone) as append_both:
            _fill(make_forward(_pooled_twice(classifier, other), engine), views, keys, items, append_both, progress)

    index, computed = store_views(
        store, views, fill, lambda: progress.say("waiting for another process that is filling the feature store")
    )
    return Features(store, index[:, 0] if kind is None else index, computed)


OTHER = {"avg": "max", "max": "avg"}
"""What is stored beside what is asked for."""


def _pooled_twice(classifier: Classifier, other: str) -> Any:
    """A model that gives the features, and behind them those of the other pooling."""
    import keras

    pooling = classifier.trunk.get_layer("pooling")
    layer = keras.layers.GlobalMaxPooling2D if other == "max" else keras.layers.GlobalAveragePooling2D
    twin = layer(dtype=pooling.dtype_policy)(pooling.input)
    twin = keras.layers.Activation("linear", dtype="float32")(twin)
    return keras.Model(classifier.trunk.input, keras.layers.Concatenate(dtype="float32")([classifier.trunk.output, twin]))


WORST = 1e-3
"""Largest error, relative to an image's features, with which float16 may store them; its rounding alone makes less than half."""


def _holds(dtype: str, block: np.ndarray) -> bool:
    """Whether a type holds features: float16 ends at 65,504, and leaves few bits of what is below 6e-5."""
    if dtype == "float32":
        return True
    rows = block.reshape(len(block), -1).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        lost = np.linalg.norm(rows - rows.astype(dtype), axis=1)
    # What is not a number is at most nothing, and so too much.
    return bool((lost <= WORST * np.linalg.norm(rows, axis=1)).all())


def _checked(append: Append, dtype: str, backbone: Backbone) -> Append:
    """An ``append`` that refuses what its type cannot hold."""

    def checked(keys: Sequence[str], block: np.ndarray) -> None:
        if not _holds(dtype, block):
            largest = np.abs(block).max()
            why = f"the largest is {largest:.3g}, it ends at 65,504" if largest > 65504 else f"they are near {largest:.1g}"
            raise RecipeError("model.features_dtype", dtype, f"cannot hold the features of {backbone.name}: {why}", ["float32"])
        append(keys, block)

    return checked


@contextmanager
def _both(beside: ArrayStore, append: Append, dtype: str, backbone: Backbone) -> Iterator[Append]:
    """An ``append`` for blocks of both poolings; the second is left out while another process writes it."""
    append = _checked(append, dtype, backbone)
    with beside.appending_at_once() as append_beside:
        held = beside.positions()

        def both(keys: Sequence[str], block: np.ndarray) -> None:
            channels = block.shape[1] // 2
            append(keys, block[:, :channels])
            fresh = [place for place, key in enumerate(keys) if key not in held]
            # Nobody asked for these: what the type cannot hold is left out, and refused when it is asked for.
            if append_beside is not None and fresh and _holds(dtype, block[fresh, channels:]):
                append_beside([keys[place] for place in fresh], block[fresh, channels:])

        yield both


def _fill(forward: ForwardPass, views: Views, keys: list[str], items: np.ndarray, append: Append, progress: Progress) -> None:
    done = 0
    with progress.stage("extracting features", len(keys), "images") as advance:
        for block in forward.blocks(views, items):
            append(keys[done : done + len(block)], block)
            done += len(block)
            advance(len(block))


STATISTICS_BYTES = 16_000_000
"""Most bytes of rows that statistics are taken of at a time: of a feature map 7x7x512 no 1,024 rows are held."""


def statistics(rows: StoredRows | np.ndarray, index: np.ndarray, block: int = 1024) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each channel (last axis) over some rows, in two passes of double precision.

    Args:
        block: most rows that are read at a time.

    Returns:
        float64 (channels,) each. A channel that never varies gets variance 1, so that it becomes 0 and not infinite.
    """
    channels = rows.shape[-1]
    block = max(min(block, STATISTICS_BYTES // (4 * int(np.prod(rows.shape[1:])))), 1)
    count, total = 0, np.zeros(channels)
    for begin in range(0, len(index), block):
        part = rows[index[begin : begin + block]].reshape(-1, channels)
        total += part.sum(axis=0, dtype=np.float64)
        count += len(part)
    mean = total / count
    squares = np.zeros(channels)
    for begin in range(0, len(index), block):
        part = rows[index[begin : begin + block]].reshape(-1, channels).astype(np.float64) - mean
        squares += (part**2).sum(axis=0)
    variance = squares / count
    return mean, np.where(variance > 0, variance, 1.0)
