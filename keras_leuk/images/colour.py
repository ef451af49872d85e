"""Levels, contrast and colour of one picture, changed in place.

Levels (channel shift, brightness, contrast, gamma) are tables of 256 entries; saturation and hue go through HSV in floating
point.
"""

from __future__ import annotations

import cv2
import numpy as np

_LEVELS = np.arange(256, dtype=np.float64)

BACKGROUND = 10
"""A pixel with no channel above this is black background: a stained cell is nowhere that dark."""


def background(picture: np.ndarray) -> np.ndarray:
    """Mask of black background, uint8 (height, width): 255 there, else 0."""
    mask: np.ndarray = cv2.inRange(picture, (0, 0, 0), (BACKGROUND, BACKGROUND, BACKGROUND))
    return mask


def shift(picture: np.ndarray, levels: float) -> None:
    """Adds to all channels; the sum stays between the picture's own lowest and highest level.

    Args:
        picture: uint8 (height, width, 3), contiguous.
        levels: grey levels. Of a picture of whole levels, its rounded value gives the rounded sum.
    """
    step = round(levels)
    # One channel, so that a number means every channel; NumPy's minimum with a number takes ten times as long.
    flat = picture.reshape(picture.shape[0], -1)
    if step > 0:
        highest = int(picture.max())
        step = min(step, highest)
        cv2.min(flat, highest - step, dst=flat)
        np.add(picture, np.uint8(step), out=picture)
    elif step < 0:
        lowest = int(picture.min())
        step = min(-step, 255 - lowest)
        cv2.max(flat, lowest + step, dst=flat)
        np.subtract(picture, np.uint8(step), out=picture)


def shift_and_brighten(picture: np.ndarray, levels: float, factor: float) -> None:
    """Adds as `shift`, but cuts fractions off, then multiplies, and cuts them off again, as Pillow does in the retired class."""
    table = _LEVELS
    if levels:
        table = np.clip(table + levels, picture.min(), picture.max())
    # Pillow multiplies in single precision: 100 * 0.29 is 28 in double and 29 in single precision, cut off.
    _look_up(picture, np.floor(np.floor(table).astype(np.float32) * np.float32(factor)))


def contrast(picture: np.ndarray, factor: float) -> None:
    """Multiplies each channel's distance from its mean, as `tf.image.adjust_contrast`."""
    mean = np.array(cv2.mean(picture)[:3])
    _look_up(picture, mean + (_LEVELS[:, None] - mean) * factor)


def gamma(picture: np.ndarray, exponent: float) -> None:
    """(level / 255) ** exponent, as `tf.image.adjust_gamma`."""
    _look_up(picture, 255.0 * (_LEVELS / 255.0) ** exponent)


def saturation_and_hue(picture: np.ndarray, factor: float, turns: float) -> None:
    """Multiplies the saturation and turns the hue, as `tf.image.adjust_saturation` and `adjust_hue`.

    Args:
        factor: of the saturation, which stays at most 1.
        turns: of the colour wheel; 0.5 gives the opposite colour.
    """
    hsv = cv2.cvtColor(picture.astype(np.float32) / 255.0, cv2.COLOR_RGB2HSV)
    if turns:
        hsv[..., 0] = (hsv[..., 0] + 360.0 * turns) % 360.0
    if factor != 1.0:
        hsv[..., 1] = np.minimum(hsv[..., 1] * factor, 1.0)
    picture[...] = _rounded(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * 255.0)


def _rounded(levels: np.ndarray) -> np.ndarray:
    rounded: np.ndarray = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return rounded


def _look_up(picture: np.ndarray, table: np.ndarray) -> None:
    """Replaces each level by its entry: a table (256,) for all channels or (256, 3) for each."""
    rounded = _rounded(table)
    cv2.LUT(picture, rounded if rounded.ndim == 1 else rounded[None], dst=picture)
