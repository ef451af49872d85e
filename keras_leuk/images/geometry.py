"""Rotation, shift, shear, zoom and flips as one affine matrix, and pictures resampled by it once.

Matrices are those of Keras' retired `ImageDataGenerator` (keras.src.legacy.preprocessing.image, Keras 3): rotation, shift, shear
and zoom multiplied in this order, about a centre, then the flips. They map a pixel of the result to where it comes from, in the
order (column, row).
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

FillMode = Literal["nearest", "constant", "reflect", "wrap"]

_BORDERS = {"nearest": cv2.BORDER_REPLICATE, "constant": cv2.BORDER_CONSTANT, "reflect": cv2.BORDER_REFLECT}
_FLAGS = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


def affine_matrices(
    *,
    height: int,
    width: int,
    theta: np.ndarray,
    tx: np.ndarray,
    ty: np.ndarray,
    shear: np.ndarray,
    zx: np.ndarray,
    zy: np.ndarray,
    flip_horizontal: np.ndarray,
    flip_vertical: np.ndarray,
) -> np.ndarray:
    """One matrix a picture.

    Args:
        height, width: of the pictures, in pixels.
        theta, shear: degrees, (n,).
        tx, ty: pixels along columns and rows, (n,). The retired class draws tx from ``height_shift_range`` and ty from
            ``width_shift_range`` (keras-team/tf-keras#310); so do we.
        zx, zy: zoom along columns and rows, (n,); below 1 enlarges.
        flip_horizontal, flip_vertical: bool (n,).

    Returns:
        float64 (n, 2, 3). The centre is at column height/2 - 0.5 and row width/2 - 0.5, as in the retired class: the middle of a
        square picture, and beside the middle of an oblong one.
    """
    cosine, sine = np.cos(np.deg2rad(theta)), np.sin(np.deg2rad(theta))
    sheared = np.deg2rad(shear)
    lean, stretch = -np.sin(sheared), np.cos(sheared)
    # rotation . shift . shear . zoom, multiplied out: the linear part, and where the origin goes.
    linear = np.empty((len(theta), 2, 2))
    linear[:, 0, 0] = cosine * zx
    linear[:, 0, 1] = (cosine * lean - sine * stretch) * zy
    linear[:, 1, 0] = sine * zx
    linear[:, 1, 1] = (sine * lean + cosine * stretch) * zy
    moved = np.stack([cosine * tx - sine * ty, sine * tx + cosine * ty], axis=1)
    centre = np.array([height / 2 - 0.5, width / 2 - 0.5])
    offset = moved + centre - linear @ centre
    # A flip of the result: column c of it is column width - 1 - c of what stood there before.
    offset += linear[:, :, 0] * np.where(flip_horizontal, width - 1, 0)[:, None]
    offset += linear[:, :, 1] * np.where(flip_vertical, height - 1, 0)[:, None]
    linear[:, :, 0] *= np.where(flip_horizontal, -1.0, 1.0)[:, None]
    linear[:, :, 1] *= np.where(flip_vertical, -1.0, 1.0)[:, None]
    return np.concatenate([linear, offset[:, :, None]], axis=2)


def warp(picture: np.ndarray, matrix: np.ndarray, out: np.ndarray, fill_mode: FillMode, cval: float = 0.0) -> None:
    """Resamples one picture, bilinear, into `out`.

    Args:
        picture: uint8 (height, width, 3).
        matrix: float64 (2, 3), from `affine_matrices`.
        out: uint8, of the same shape; not `picture` itself.
        fill_mode: what lies beyond the border, as in SciPy's ``ndimage``. With ``constant``, levels run into `cval` over the
            pixel at the border, where SciPy cuts them off.
        cval: grey level of ``constant``.
    """
    height, width = picture.shape[:2]
    if fill_mode == "wrap":
        columns, rows = _wrapped_places(matrix, height, width)
        cv2.remap(picture, columns, rows, cv2.INTER_LINEAR, dst=out, borderMode=cv2.BORDER_REPLICATE)
        return
    border = (cval, cval, cval)
    cv2.warpAffine(picture, matrix, (width, height), out, _FLAGS, _BORDERS[fill_mode], border)


def _wrapped_places(matrix: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """SciPy's ``wrap`` lays the last pixel over the first, a period of n - 1, which OpenCV's border mode does not know."""
    column, row = np.meshgrid(np.arange(width), np.arange(height))
    places = np.tensordot(matrix[:, :2], np.stack([column, row]), 1) + matrix[:, 2, None, None]
    for place, side in zip(places, (width, height), strict=True):
        outside = (place < 0) | (place > side - 1)
        place[outside] %= max(side - 1, 1)
    return places[0].astype(np.float32), places[1].astype(np.float32)
