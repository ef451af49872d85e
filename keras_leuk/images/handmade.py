"""Hand-made features of one cell: its size and shape, its colour, its texture.

What Vijesh et al. 2024 (section 3.4) join to a network's features: Haralick's texture, mean intensity and standard deviation
of the segmented cell, and, from the older work they build on (their section 2), its size and form. The paper gives no formula
and no number; all choices here are ours and are stated with each feature. Everything is measured on the cached, prepared
square, inside the cell (`preprocessing.cell_mask`, holes filled). Start at `NAMES` and `measure`; `extract` stores.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.ndimage import binary_fill_holes
from skimage.feature import graycomatrix, graycoprops
from skimage.measure import regionprops

from keras_leuk.devices.threads import cores
from keras_leuk.images.cache import Pictures
from keras_leuk.images.preprocessing import cell_mask
from keras_leuk.images.views import Append, Kind, Plain, Views, store_views, views_of
from keras_leuk.progress import Progress
from keras_leuk.store.arrays import ArrayStore

VERSION = 1
"""Counted up whenever a feature changes its meaning."""

LEVELS = 32
"""Grey levels of the co-occurrence matrix, eight of 256 each. Not stretched to the picture: that a cell is pale is a feature."""
DISTANCES = (1, 2, 4)
"""Pixels of the prepared square between the two that are compared; along diagonals rounded to whole steps, as skimage does."""

_TEXTURES = {
    "contrast": "contrast",
    "dissimilarity": "dissimilarity",
    "homogeneity": "homogeneity",
    "asm": "ASM",
    "correlation": "correlation",
    "entropy": "entropy",
}

FEATURES: dict[str, str] = {
    "area": "pixels of the cell, as a share of the picture's",
    "equivalent_diameter": "diameter of a disc of that area, as a share of the picture's side",
    "perimeter": "length of the outline (centres of border pixels, 4 neighbours), as a share of the picture's side",
    "eccentricity": "of the ellipse with the same second moments; 0 for a disc, towards 1 for a line",
    "solidity": "area over that of the convex hull",
    "extent": "area over that of the bounding box",
    "circularity": "4 pi area / perimeter^2; about 1 for a disc, 0 where there is no perimeter",
    **{
        f"{channel}_{measure}": f"{words} of {channel} in the cell, 0..1"
        for channel in ("red", "green", "blue", "grey")
        for measure, words in (("mean", "mean"), ("sd", "standard deviation (over n)"))
    },
    **{
        f"{name}_{distance}": f"Haralick's texture at {distance} pixels: {name}, mean of four directions"
        for distance in DISTANCES
        for name in _TEXTURES
    },
}
"""Name of each feature and what it is, in the order of a row.

Texture (Haralick, Shanmugam and Dinstein 1973) is that of the symmetric co-occurrence matrix of `LEVELS` grey levels among pairs
of pixels that both lie in the cell: angular second moment (f1, ``asm``), contrast (f2), correlation (f3; 1 where the cell is of
one level), homogeneity (f5), entropy (f9, natural logarithm), and scikit-image's dissimilarity.
"""

NAMES = tuple(FEATURES)

_SMALLEST = 2
# A cell of fewer pixels has no pair to compare, and no outline.

_BLOCK = 64


def segment(picture: np.ndarray) -> np.ndarray:
    """The cell, holes filled: bool (height, width); all False where there is nothing but background.

    Args:
        picture: uint8 (height, width, 3), RGB.
    """
    mask = cell_mask(picture)
    if mask is None:
        return np.zeros(picture.shape[:2], bool)
    return np.asarray(binary_fill_holes(mask), bool)


def measure(picture: np.ndarray) -> np.ndarray:
    """All features of one picture.

    Args:
        picture: uint8 (size, size, 3), RGB.

    Returns:
        float32 (len(NAMES),), finite; all 0 where there is nothing but background.
    """
    mask = segment(picture)
    if np.count_nonzero(mask) < _SMALLEST:
        return np.zeros(len(NAMES), np.float32)
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    inside = np.ascontiguousarray(mask[top : top + height, left : left + width])
    cut = np.ascontiguousarray(picture[top : top + height, left : left + width])
    grey = np.asarray(cv2.cvtColor(cut, cv2.COLOR_RGB2GRAY))
    found = [*_shape(inside, max(picture.shape[:2])), *_colour(cut, grey, inside), *_texture(grey, inside)]
    return np.asarray(found, np.float32)


def _shape(mask: np.ndarray, side: int) -> list[float]:
    # A rim of background around the cell, so that an outline along the border of the cut is an outline.
    region = regionprops(np.pad(mask, 1).astype(np.uint8))[0]
    perimeter = float(region.perimeter)
    return [
        float(region.area) / side**2,
        float(region.equivalent_diameter_area) / side,
        perimeter / side,
        float(region.eccentricity),
        float(region.solidity),
        float(region.area) / mask.size,
        4 * math.pi * float(region.area) / perimeter**2 if perimeter > 0 else 0.0,
    ]


def _colour(picture: np.ndarray, grey: np.ndarray, mask: np.ndarray) -> list[float]:
    levels = [picture[..., channel][mask] for channel in range(3)] + [grey[mask]]
    return [float(value) for level in levels for value in (level.mean() / 255, level.std() / 255)]


def _texture(grey: np.ndarray, mask: np.ndarray) -> list[float]:
    # Level 0 stands for what is not cell, and its row and column are dropped: no pair reaches over the edge.
    levels = np.where(mask, grey // (256 // LEVELS) + 1, 0).astype(np.uint8)
    angles = [0.0, math.pi / 4, math.pi / 2, 3 * math.pi / 4]
    pairs = graycomatrix(levels, list(DISTANCES), angles, levels=LEVELS + 1, symmetric=True)[1:, 1:]
    there = pairs.sum(axis=(0, 1)) > 0
    found = []
    for number in range(len(DISTANCES)):
        for name in _TEXTURES.values():
            values = graycoprops(pairs[:, :, number : number + 1], name)[0]
            # A cell too thin for a pair in some direction speaks through the others.
            found.append(float(values[there[number]].mean()) if there[number].any() else 0.0)
    return found


@dataclass(frozen=True)
class Handmade:
    """Stored hand-made features of a list of images.

    Attributes:
        store: where their rows lie, float32 (len(NAMES),) each.
        index: int64 (n,), the row of each image; (n, views) where views were asked for.
        computed: how many images or views were measured now.
    """

    store: ArrayStore
    index: np.ndarray
    computed: int


def facts(image_address: str) -> dict[str, Any]:
    """Everything but the pixels that shapes a row."""
    packages = ("scikit-image", "scipy", "opencv-python-headless")
    return {
        "images": image_address,
        "version": VERSION,
        "names": list(NAMES),
        "versions": {name: version(name) for name in packages},
    }


def extract(
    pictures: Pictures,
    *,
    cache: Path,
    progress: Progress,
    places: np.ndarray | None = None,
    kind: Kind | None = None,
    threads: int | None = None,
) -> Handmade:
    """Makes sure that every picture, or every view of some, has its features in the store.

    Memory does not grow with the number of images: `_BLOCK` pictures are held at a time, and written when they are measured.

    Args:
        places: int (n,), which of the pictures (None: all).
        kind: views of them (None: the pictures themselves).
        threads: at work (None: one a core); scikit-image's loops let go of Python's lock.
    """
    store = ArrayStore(cache, "handmade", facts(pictures.store.address), (len(NAMES),), "float32")
    views = views_of(pictures, kind or Plain(), places)
    index, computed = store_views(
        store,
        views,
        lambda keys, items, append: _fill(views, keys, items, append, progress, threads),
        lambda: progress.say("waiting for another process that is measuring cells"),
    )
    return Handmade(store, index[:, 0] if kind is None else index, computed)


def _fill(
    views: Views,
    keys: Sequence[str],
    items: np.ndarray,
    append: Append,
    progress: Progress,
    threads: int | None,
) -> None:
    with (
        ThreadPoolExecutor(threads or cores(), thread_name_prefix="measure") as pool,
        progress.stage("measuring cells", len(keys), "images") as advance,
    ):
        for begin in range(0, len(keys), _BLOCK):
            block = views[items[begin : begin + _BLOCK]]
            append(keys[begin : begin + _BLOCK], np.stack(list(pool.map(measure, block))))
            advance(len(block))
