"""Small pictures for the page of an audit: groups of duplicates side by side, and single images. Start at `write_groups`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from keras_leuk.images import likeness
from keras_leuk.images.ahead import ahead
from keras_leuk.images.decode import decode

SIDE = 112
"""Pixels of a picture's side."""
MOST = 6
"""Pictures of one group that are shown."""
QUALITY = 90

_GAP = 4
_STRETCH = (1, 99)
# Percentiles of the cell's levels that are drawn as black and white: cells on black are too dark to be compared by eye.


def write_groups(groups: Sequence[Mapping[str, Any]], root: Path, folder: Path) -> None:
    """Writes pictures/<name>.jpg for each group of duplicates: its first images, cut out and raised in contrast.

    Args:
        groups: with name, and images (each with image, a path relative to `root`).
    """
    (folder / "pictures").mkdir(parents=True, exist_ok=True)

    def draw(group: Mapping[str, Any]) -> None:
        tiles = [_tile(root / one["image"]) for one in group["images"][:MOST]]
        gap = np.zeros((SIDE, _GAP, 3), np.uint8)
        strip = np.hstack([part for tile in tiles for part in (tile, gap)][:-1])
        Image.fromarray(strip).save(folder / "pictures" / f"{group['name']}.jpg", quality=QUALITY)

    for _ in ahead(draw, groups):
        pass


def write_singles(files: Mapping[str, str], root: Path, folder: Path) -> None:
    """Writes one small picture an image.

    Args:
        files: image, relative to `root` → file, relative to `folder`.
    """
    for image, file in files.items():
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(_tile(root / image)).save(target)


def _tile(path: Path) -> np.ndarray:
    """The cell on its black background, raised in contrast; elsewhere the whole picture as it is."""
    pixels = decode(path.read_bytes(), path)
    cut = likeness.cut(pixels)
    left, top, width, height = cut.box
    part = pixels[top : top + height, left : left + width]
    if cut.mask is not None:
        part = _raised(part, cut.mask > 0)
    scale = SIDE / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    tile = np.zeros((SIDE, SIDE, 3), np.uint8)
    above, before = (SIDE - size[1]) // 2, (SIDE - size[0]) // 2
    tile[above : above + size[1], before : before + size[0]] = small
    return tile


def _raised(part: np.ndarray, inside: np.ndarray) -> np.ndarray:
    low, high = np.percentile(part[inside], _STRETCH)
    levels = (part.astype(np.float32) - low) * (255 / max(high - low, 1.0))
    return np.where(inside[..., None], np.clip(levels, 0, 255), 0).astype(np.uint8)
