"""What is done to a decoded picture, once, before it is cached: crop → contrast → resize, to a square of 8-bit RGB.

Everything here is deterministic and part of the content address (`Preparation.facts`); training and prediction go through the
same `prepare`. The pixel work is OpenCV's. Start at `Preparation` and `prepare`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from keras_leuk.recipe.data import Images

MARGIN = 0.1
"""Rim around a cell that the recipe leaves open, as a share of the cell's longer side."""

STEPS = 1
"""Counted up whenever a step changes in a way that no other fact shows."""

# A background is dark where even its brightest channel is below this level.
_DARK = 128
# Stained cells on a bright field are at least this colourful (largest minus smallest channel, background made white). In
# PBC, red cells reach about 25, pale platelets 40, nuclei 100.
_COLOURFUL = 32
# What is connected to a cell belongs to it down to this share of the threshold that found it: its cytoplasm.
_CYTOPLASM = 0.6

_INTERPOLATION = {
    "nearest": cv2.INTER_NEAREST_EXACT,
    "bilinear": cv2.INTER_LINEAR,
    "bicubic": cv2.INTER_CUBIC,
    "lanczos": cv2.INTER_LANCZOS4,
    "area": cv2.INTER_AREA,
}


@dataclass(frozen=True)
class Preparation:
    """Deterministic steps between a decoded picture and its cached square.

    Attributes:
        size: side of the square in pixels.
        interpolation: nearest, bilinear, bicubic, lanczos or area; see `resize`.
        crop: none, center or cell.
        crop_size: of the centre crop: pixels (int), a share of the shorter side (float), or None for the shorter side.
        crop_margin: rim left around the cell, as a share of its longer side; None unless the crop is by cell.
        contrast: none, stretch, equalize or adaptive; see `enhance`.
    """

    size: int
    interpolation: str = "bilinear"
    crop: str = "none"
    crop_size: int | float | None = None
    crop_margin: float | None = None
    contrast: str = "none"

    @staticmethod
    def of(images: Images, size: int) -> Preparation:
        """The recipe's steps, with the size that was resolved for them."""
        margin = MARGIN if images.crop == "cell" and images.crop_margin is None else images.crop_margin
        return Preparation(size, images.interpolation, images.crop, images.crop_size, margin, images.contrast)

    def as_json(self) -> dict[str, Any]:
        """Plain values; ``Preparation(**values)`` is the same preparation again."""
        return {
            "size": self.size,
            "interpolation": self.interpolation,
            "crop": self.crop,
            "crop_size": self.crop_size,
            "crop_margin": self.crop_margin,
            "contrast": self.contrast,
        }

    def facts(self) -> dict[str, Any]:
        """Everything that shapes the square, the decoding apart, for the content address."""
        return {**self.as_json(), "layout": "rgb8", "steps": STEPS, "opencv": cv2.__version__}


def prepare(pixels: np.ndarray, preparation: Preparation, out: np.ndarray | None = None) -> np.ndarray:
    """Crops, enhances and resizes one picture.

    Args:
        pixels: uint8 (height, width, 3), RGB.
        out: uint8 (size, size, 3), contiguous; where the result is put, if given.
    Returns:
        uint8 (size, size, 3). It may be `pixels` itself, where there is nothing to do and no `out`.
    """
    if preparation.crop == "center":
        pixels = crop_center(pixels, preparation.crop_size)
    elif preparation.crop == "cell":
        pixels = crop_cell(pixels, MARGIN if preparation.crop_margin is None else preparation.crop_margin)
    return resize(enhance(pixels, preparation.contrast), preparation.size, preparation.interpolation, out)


def crop_center(pixels: np.ndarray, size: int | float | None = None) -> np.ndarray:
    """A square around the middle.

    Args:
        pixels: uint8 (height, width, 3).
        size: side in pixels (int), as a share of the shorter side (float), or the shorter side (None).
    Returns:
        uint8 (side, side, 3). Where the square is larger than the picture, the background's colour fills it up: cells keep
        their size in pixels whatever the picture's.
    """
    height, width = pixels.shape[:2]
    side = size if isinstance(size, int) else max(1, round(min(height, width) * (1.0 if size is None else size)))
    return _square(pixels, (width - side) // 2, (height - side) // 2, side)


def crop_cell(pixels: np.ndarray, margin: float = MARGIN) -> np.ndarray:
    """A square around the cell (`find_cell`); the background's colour fills it up beyond the border.

    Args:
        pixels: uint8 (height, width, 3).
        margin: rim on each side, as a share of the longer side of the cell's bounding box.
    Returns:
        uint8 (side, side, 3). Where there is nothing but background: the whole picture, filled up to a square.
    """
    found = find_cell(pixels)
    if found is None:
        height, width = pixels.shape[:2]
        side = max(height, width)
        return _square(pixels, (width - side) // 2, (height - side) // 2, side)
    left, top, width, height = found
    side = max(1, round(max(width, height) * (1 + 2 * margin)))
    return _square(pixels, left + (width - side) // 2, top + (height - side) // 2, side)


def find_cell(pixels: np.ndarray) -> tuple[int, int, int, int] | None:
    """Bounding box of the cell (`cell_mask`).

    Args:
        pixels: uint8 (height, width, 3).
    Returns:
        (left, top, width, height) in pixels, or None where there is nothing but background.
    """
    mask = cell_mask(pixels)
    if mask is None:
        return None
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    return left, top, width, height


def cell_mask(pixels: np.ndarray) -> np.ndarray | None:
    """Pixels of the largest thing that is not background.

    On a dark background (segmented cells) that is whatever differs from it, by the triangle threshold (Zack et al. 1977) of the
    largest difference in a channel. On a bright one (smears), red cells differ from the background too, and lie against the
    cell; but against a background made white they are nearly grey, and stain is not. So there it is whatever is colourful, by
    Otsu's threshold, and what is connected to it and still a little colourful. Where a bright picture holds no stain: whatever
    differs from the background, by Otsu's threshold.

    Args:
        pixels: uint8 (height, width, 3).
    Returns:
        bool (height, width), one component (8 neighbours), or None where there is nothing but background.
    """
    ground = background(pixels)
    difference = _largest(cv2.absdiff(pixels, np.full_like(pixels, ground)))
    if max(ground) < _DARK:
        return _largest_component(cv2.threshold(difference, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_TRIANGLE)[1])
    white = cv2.LUT(pixels, _whitening(ground))
    # Grain of the camera and of JPEG is far finer than a cell.
    colour = cv2.GaussianBlur(_largest(white) - _smallest(white), (0, 0), max(0.3, min(pixels.shape[:2]) / 200))
    threshold = max(cv2.threshold(colour, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[0], _COLOURFUL)
    stained = cv2.threshold(colour, threshold, 255, cv2.THRESH_BINARY)[1]
    around = cv2.threshold(colour, max(_CYTOPLASM * threshold, _COLOURFUL), 255, cv2.THRESH_BINARY)[1]
    found = _largest_component(stained, around)
    if found is not None:
        return found
    return _largest_component(cv2.threshold(difference, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1])


def background(pixels: np.ndarray) -> tuple[int, int, int]:
    """Colour of the background: the median of the outermost ring of pixels, channel by channel."""
    ring = np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])
    red, green, blue = (int(level) for level in np.median(ring, axis=0))
    return red, green, blue


def enhance(pixels: np.ndarray, contrast: str) -> np.ndarray:
    """Raises the contrast of the lightness (L of CIELab); the colour (a, b) stays.

    Black (0 in all channels), which surrounds segmented cells, is neither counted nor changed.

    Args:
        pixels: uint8 (height, width, 3).
        contrast: ``none``; ``stretch``, from the 2nd to the 98th percentile; ``equalize``, the whole histogram; ``adaptive``,
            by tiles (CLAHE, Zuiderveld 1994: 8x8 tiles, clip limit 2), where black counts as what the cell holds on average.
    Returns:
        uint8 (height, width, 3).
    """
    if contrast == "none":
        return pixels
    counted = cv2.inRange(pixels, (0, 0, 0), (0, 0, 0)) == 0
    if not counted.any():
        return pixels
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)
    before = cv2.extractChannel(lab, 0)
    after = _RAISE[contrast](before, counted)
    if np.array_equal(after, before):
        return pixels  # the way through Lab and back would change colours by a level
    enhanced = cv2.cvtColor(cv2.insertChannel(after, lab, 0), cv2.COLOR_LAB2RGB)
    enhanced[~counted] = 0
    return np.asarray(enhanced)


def resize(pixels: np.ndarray, size: int, interpolation: str, out: np.ndarray | None = None) -> np.ndarray:
    """A square; the aspect ratio is not kept, as in Keras.

    OpenCV's interpolations look at a few neighbours only, however much the picture shrinks. So, but for ``nearest``, an axis at
    least twice as long as the target is first averaged over blocks of pixels, by the largest whole factor that leaves it no
    shorter than the target; then it is interpolated. ``area`` averages over the target's own blocks, in one step. That is
    this project's definition of anti-aliasing.

    Args:
        pixels: uint8 (height, width, 3).
        size: side of the square in pixels.
        interpolation: nearest, bilinear, bicubic, lanczos (8x8 neighbours) or area.
        out: uint8 (size, size, 3), contiguous; where the result is put, if given.
    Returns:
        uint8 (size, size, 3); `pixels` itself, where it has that size and there is no `out`.
    """
    if pixels.shape[:2] == (size, size):
        if out is None:
            return pixels
        np.copyto(out, pixels)
        return out
    if interpolation not in ("nearest", "area"):
        height, width = pixels.shape[:2]
        down, across = max(1, height // size), max(1, width // size)
        if down > 1 or across > 1:
            reduced = (width // across, height // down)
            straight = reduced == (size, size)
            pixels = cv2.resize(pixels, reduced, dst=out if straight else None, interpolation=cv2.INTER_AREA)
            if straight:
                return pixels
    return np.asarray(cv2.resize(pixels, (size, size), dst=out, interpolation=_INTERPOLATION[interpolation]))


def _square(pixels: np.ndarray, left: int, top: int, side: int) -> np.ndarray:
    """A square of the picture, filled up with the background's colour where it reaches over the border."""
    height, width = pixels.shape[:2]
    inside = pixels[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)]
    over = (max(-top, 0), max(top + side - height, 0), max(-left, 0), max(left + side - width, 0))
    if not any(over):
        return inside
    return np.asarray(cv2.copyMakeBorder(inside, *over, cv2.BORDER_CONSTANT, value=background(pixels)))


def _largest(pixels: np.ndarray) -> np.ndarray:
    red, green, blue = cv2.split(pixels)
    return np.asarray(cv2.max(cv2.max(red, green), blue))


def _smallest(pixels: np.ndarray) -> np.ndarray:
    red, green, blue = cv2.split(pixels)
    return np.asarray(cv2.min(cv2.min(red, green), blue))


def _whitening(ground: tuple[int, int, int]) -> np.ndarray:
    """Look-up table (1, 256, 3) that divides each channel by the background's."""
    divisor = np.array(ground)
    levels = np.arange(256)[None, :, None] * (255 / np.maximum(divisor, 1))
    return np.where(divisor > 0, np.minimum(np.rint(levels), 255), 255).astype(np.uint8)


def _largest_component(mask: np.ndarray, around: np.ndarray | None = None) -> np.ndarray | None:
    """Largest component of a mask, bool (height, width); if `around` is given, the component of it that holds that one."""
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count < 2:
        return None
    chosen = 1 + int(boxes[1:, cv2.CC_STAT_AREA].argmax())
    if around is not None:
        row, column = np.unravel_index(int((labels == chosen).argmax()), labels.shape)
        labels = cv2.connectedComponents(around, connectivity=8)[1]
        chosen = labels[row, column]
    return np.asarray(labels == chosen)


def _stretch(light: np.ndarray, counted: np.ndarray) -> np.ndarray:
    low, high = np.percentile(light[counted], (2, 98))
    if high <= low:
        return light
    table = np.clip(np.rint((np.arange(256) - low) * (255 / (high - low))), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(light, table))


def _equalize(light: np.ndarray, counted: np.ndarray) -> np.ndarray:
    result = light.copy()
    result[counted] = cv2.equalizeHist(light[counted][None])[0]
    return result


def _adapt(light: np.ndarray, counted: np.ndarray) -> np.ndarray:
    # CLAHE knows no mask. Black is filled with levels of the cell, evenly drawn by steps of the golden ratio, so that a tile that
    # is half black leans towards the histogram of the whole cell, and not towards black.
    filled = light.copy()
    levels = light[counted]
    gaps = int((~counted).sum())
    filled[~counted] = levels[(np.arange(gaps) * 0.6180339887498949 % 1 * len(levels)).astype(np.int64)]
    return np.asarray(cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(filled))


_RAISE = {"stretch": _stretch, "equalize": _equalize, "adaptive": _adapt}
