"""Features for the audit: what a frozen backbone makes of the images, the rows that training would use; or hand-made ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_leuk.images import handmade
from keras_leuk.images.cache import Pictures, ingest
from keras_leuk.images.preprocessing import Preparation
from keras_leuk.models import backbones, heads
from keras_leuk.models.assembly import build
from keras_leuk.models.backbones import Backbone
from keras_leuk.models.weights import Weights, WeightsOutOfReachError, resolve
from keras_leuk.progress import Progress
from keras_leuk.recipe.data import Images
from keras_leuk.training import features
from keras_leuk.training.preflight import HAND_SIZE

AUTO, HAND, NONE = "auto", "hand", "none"
BACKBONE = "mobilenet"
"""What `AUTO` takes where its ImageNet weights are at hand: the quickest of the registry that is in every comparison."""


@dataclass(frozen=True)
class Vectors:
    """One vector an image.

    Attributes:
        rows: float32 (n, d).
        named: what they are, in words.
    """

    rows: np.ndarray
    named: str


def vectors(
    paths: list[Path], wanted: str, *, weights_dir: str | None, classes: int, cache: Path, progress: Progress
) -> Vectors | None:
    """Features of readable images.

    Args:
        paths: n files.
        wanted: a backbone, ``hand``, ``none``, or ``auto``: `BACKBONE`, or hand-made ones where its weights are out of reach.
        weights_dir: folder of weight files, as in a recipe.
        classes: number of classes, at least two.

    Returns:
        None for ``none``.

    Raises:
        RecipeError: there is no such backbone.
        LeukError: its weights cannot be had.
    """
    if wanted == NONE:
        return None
    if wanted in (AUTO, HAND):
        found = None if wanted == HAND else _weights(BACKBONE, weights_dir, progress)
        if found is None:
            return _hand(paths, cache, progress)
        return _deep(paths, backbones.find(BACKBONE), found, classes, cache, progress)
    backbone = backbones.find(wanted)
    return _deep(paths, backbone, resolve("imagenet", backbone, weights_dir=weights_dir, seed=0), classes, cache, progress)


def _weights(name: str, weights_dir: str | None, progress: Progress) -> Weights | None:
    try:
        return resolve("imagenet", backbones.find(name), weights_dir=weights_dir, seed=0)
    except WeightsOutOfReachError:
        progress.say(f"features: hand-made ones, because ImageNet weights of {name} are out of reach")
        return None


def _pictures(paths: list[Path], size: int, cache: Path, progress: Progress) -> Pictures:
    return ingest(paths, preparation=Preparation.of(Images(), size), cache=cache, progress=progress)


def _hand(paths: list[Path], cache: Path, progress: Progress) -> Vectors:
    found = handmade.extract(_pictures(paths, HAND_SIZE, cache, progress), cache=cache, progress=progress)
    return Vectors(found.store.rows()[found.index], f"{len(handmade.NAMES)} hand-made features of size, colour and texture")


def _deep(paths: list[Path], backbone: Backbone, weights: Weights, classes: int, cache: Path, progress: Progress) -> Vectors:
    pictures = _pictures(paths, backbone.default_size, cache, progress)
    head = heads.find("linear")
    network = build(backbone, head, size=backbone.default_size, classes=classes, seed=0, weights=weights)
    found = features.extract(
        network,
        pictures,
        backbone=backbone,
        weights=weights,
        pooling=head.pooling,
        mixed_precision="off",
        cache=cache,
        progress=progress,
    )
    rows = found.store.rows()[found.index]
    return Vectors(rows, f"frozen {backbone.name} (ImageNet weights, {backbone.default_size} px, {rows.shape[1]:,} features)")
