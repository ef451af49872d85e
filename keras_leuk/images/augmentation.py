"""What a network sees of a training picture: draws from (seed, epoch, image), and their application.

The words are those of Keras' retired `ImageDataGenerator`, with its distributions, its order of composition, its centre, its fill
modes and its bilinear interpolation (reference: keras.src.legacy.preprocessing.image, Keras 3). To these come the colour
operations of mulya2023 (saturation, contrast, brightness, gamma), hue, blur, noise and mixup.

Order: one affine resampling (rotation, shift, shear, zoom, flips); channel shift; brightness; contrast; gamma; saturation and
hue; blur; salt and pepper. Mixup mixes whole batches (`images.pipeline`).

Deviations from the retired class, all on purpose:

- Pictures stay 8-bit: the result is rounded to whole levels after resampling and after each colour operation. Before
  brightness the retired class cuts fractions off, and so do we, but from resampled levels that are already rounded.
- With ``fill_mode: constant`` levels run into ``cval`` over one pixel at the border, instead of being cut off.
- Draws come from (seed, epoch, image), not from NumPy's global state.

Kept although it looks like a mistake: ``height_shift_range`` moves along columns and ``width_shift_range`` along rows, and the
shear stretches as well (its matrix has a cosine on the diagonal), because that is what the class did (keras-team/tf-keras#310).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import cv2
import numpy as np
from scipy.special import betaincinv

from keras_leuk.images import colour, noise
from keras_leuk.images.geometry import affine_matrices, warp
from keras_leuk.recipe.augment import Augment, Shift
from keras_leuk.recipe.randomness import generator, uniforms

_COUNT = 20
"""Uniform numbers drawn for a picture. Each operation has its own, so switching one on does not change what another draws."""


@dataclass(frozen=True)
class Draws:
    """Drawn parameters of n pictures; what is not drawn has the value that changes nothing.

    Attributes:
        theta, shear: degrees.
        tx, ty: pixels.
        zx, zy: zoom; below 1 enlarges.
        flip_horizontal, flip_vertical: bool.
        channel_shift: grey levels.
        brightness, contrast, gamma, saturation: factors (gamma: exponent).
        hue: turns of the colour wheel.
        blur: side of the kernel, odd; 1 is none.
        mix: share of the picture itself in mixup; 1 is none.
        noise: key of the salt and pepper of each picture.
    """

    theta: np.ndarray
    tx: np.ndarray
    ty: np.ndarray
    shear: np.ndarray
    zx: np.ndarray
    zy: np.ndarray
    flip_horizontal: np.ndarray
    flip_vertical: np.ndarray
    channel_shift: np.ndarray
    brightness: np.ndarray
    contrast: np.ndarray
    gamma: np.ndarray
    saturation: np.ndarray
    hue: np.ndarray
    blur: np.ndarray
    mix: np.ndarray
    noise: np.ndarray

    def __len__(self) -> int:
        return len(self.theta)

    def of(self, number: int) -> dict[str, Any]:
        """The parameters of one picture, as plain numbers."""
        return {field.name: getattr(self, field.name)[number].item() for field in fields(self)}


@dataclass(frozen=True)
class Picture:
    """Which picture a draw is for.

    Attributes:
        key: hexadecimal content hash of its pixels.
        copy: 0, 1, 2… for a picture that an epoch shows several times (over-sampling).
    """

    key: str
    copy: int = 0


def draw(augment: Augment, seed: int, epoch: int, pictures: Sequence[Picture], height: int, width: int) -> Draws:
    """What epoch number `epoch` (from 1) draws for some pictures; each depends on (seed, epoch, picture) alone.

    Args:
        height, width: of the pictures, in pixels.
    """
    numbers = [int(picture.key[:16], 16) for picture in pictures]
    identities = [(epoch, number, picture.copy) for number, picture in zip(numbers, pictures, strict=True)]
    raw = [uniforms(seed, "augment", *identity, count=_COUNT) for identity in identities]
    u = np.stack(raw).T if raw else np.empty((_COUNT, 0))
    one, zoom = np.ones(len(pictures)), _zoom(augment)
    return Draws(
        theta=_around(0.0, augment.rotation_range, u[0]),
        tx=_shift(augment.height_shift_range, height, u[1], u[2]),
        ty=_shift(augment.width_shift_range, width, u[3], u[4]),
        shear=_around(0.0, augment.shear_range, u[5]),
        zx=_between(zoom, u[6]),
        zy=_between(zoom, u[7]),
        flip_horizontal=(u[8] < 0.5) & augment.horizontal_flip,
        flip_vertical=(u[9] < 0.5) & augment.vertical_flip,
        channel_shift=_around(0.0, augment.channel_shift_range, u[10]),
        brightness=_between(augment.brightness_range, u[11]),
        contrast=_between(augment.contrast_range, u[12]),
        gamma=_between(augment.gamma_range, u[13]),
        saturation=_between(augment.saturation_range, u[14]),
        hue=_around(0.0, augment.hue_range, u[15]),
        blur=1 + 2 * np.floor(u[16] * ((augment.gaussian_blur - 1) // 2 + 1 if augment.gaussian_blur else 1)).astype(np.int64),
        mix=betaincinv(augment.mixup, augment.mixup, u[17]) if augment.mixup else one,
        noise=np.floor(u[18] * 2.0**53).astype(np.int64),
    )


class Augmentation:
    """Applies draws to pictures of one size.

    Args:
        augment: the recipe's section.
        height, width: of the pictures, in pixels.
    """

    def __init__(self, augment: Augment, height: int, width: int):
        self.augment, self.height, self.width = augment, height, width
        operations = set(augment.operations)
        self._resamples = bool(
            operations & {"rotation_range", "width_shift_range", "height_shift_range", "shear_range", "zoom_range"}
        )
        self._saturates = bool(operations & {"saturation_range", "hue_range"})
        self._recolours = bool(operations - {"mixup"}) and augment.keep_background

    def matrices(self, draws: Draws) -> np.ndarray:
        """Affine matrices of some draws, float64 (n, 2, 3)."""
        return affine_matrices(
            height=self.height,
            width=self.width,
            theta=draws.theta,
            tx=draws.tx,
            ty=draws.ty,
            shear=draws.shear,
            zx=draws.zx,
            zy=draws.zy,
            flip_horizontal=draws.flip_horizontal,
            flip_vertical=draws.flip_vertical,
        )

    def apply(self, picture: np.ndarray, out: np.ndarray, draws: Draws, number: int, matrix: np.ndarray) -> None:
        """Writes one changed picture.

        Args:
            picture: uint8 (height, width, 3).
            out: uint8, of the same shape; not `picture` itself.
            number: which of the draws.
            matrix: that draw's matrix.
        """
        augment = self.augment
        if self._resamples:
            warp(picture, matrix, out, augment.fill_mode, augment.cval)
        else:
            _flip(picture, out, bool(draws.flip_horizontal[number]), bool(draws.flip_vertical[number]))
        before = out.copy() if self._recolours else None
        if augment.brightness_range is not None:
            colour.shift_and_brighten(out, float(draws.channel_shift[number]), float(draws.brightness[number]))
        elif augment.channel_shift_range:
            colour.shift(out, float(draws.channel_shift[number]))
        if augment.contrast_range is not None:
            colour.contrast(out, float(draws.contrast[number]))
        if augment.gamma_range is not None:
            colour.gamma(out, float(draws.gamma[number]))
        if self._saturates:
            colour.saturation_and_hue(out, float(draws.saturation[number]), float(draws.hue[number]))
        if augment.gaussian_blur:
            noise.gaussian_blur(out, int(draws.blur[number]))
        if augment.salt_and_pepper:
            noise.salt_and_pepper(out, augment.salt_and_pepper, generator(int(draws.noise[number]), "salt and pepper"))
        if before is not None:
            cv2.copyTo(before, colour.background(before), out)

    def all(self, pictures: np.ndarray, draws: Draws) -> np.ndarray:
        """Changed pictures of a whole stack, uint8 (n, height, width, 3)."""
        out = np.empty_like(pictures)
        matrices = self.matrices(draws)
        for number, picture in enumerate(pictures):
            self.apply(picture, out[number], draws, number, matrices[number])
        return out


def _flip(picture: np.ndarray, out: np.ndarray, horizontal: bool, vertical: bool) -> None:
    if horizontal or vertical:
        cv2.flip(picture, -1 if horizontal and vertical else 1 if horizontal else 0, out)
    else:
        out[...] = picture


def _zoom(augment: Augment) -> tuple[float, float]:
    zoom = augment.zoom_range
    return zoom if isinstance(zoom, tuple) else (1.0 - zoom, 1.0 + zoom)


def _around(centre: float, reach: float, u: np.ndarray) -> np.ndarray:
    return centre + reach * (2.0 * u - 1.0)


def _between(ends: tuple[float, float] | None, u: np.ndarray) -> np.ndarray:
    low, high = ends if ends is not None else (1.0, 1.0)
    return low + (high - low) * u


def _shift(reach: Shift, side: int, u: np.ndarray, sign: np.ndarray) -> np.ndarray:
    """Shift in pixels: a list or an integer draws a member (of 0, 1, …, n - 1) and a sign, a number draws between -n and n."""
    if isinstance(reach, tuple):
        pixels = np.array(reach)[np.floor(u * len(reach)).astype(np.int64)] * np.where(sign < 0.5, -1, 1)
    elif isinstance(reach, int):
        pixels = np.floor(u * reach) * np.where(sign < 0.5, -1, 1)
    else:
        pixels = _around(0.0, reach, u)
    shares = max(reach) < 1 if isinstance(reach, tuple) else reach < 1
    return np.asarray(pixels * side if shares else pixels, np.float64)
