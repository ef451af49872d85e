"""Whether two pictures show the same cell, though one is mirrored, turned, re-encoded, resized, paler, or photographed again.

Perceptual hashes fail here: on a black background every cell looks alike to them. What tells cells apart is the fine texture of
the nucleus, so that alone is compared:

1. `cut` takes the cell (on a black background) or the whole picture (on any other) to a grey square of `SIDE` pixels;
2. `describe` makes a short vector of its coarse texture, by which candidates are looked for in all eight orientations;
3. `agreement` lays one square over the other (affine, ECC: Evangelidis and Psarakis 2008) and correlates their fine texture,
   locally normalised, away from the outline, whose shading all cells share.

Constants were set on 7,947 cells of C-NMC 2019 without labels. Photographs of one cell are never mirrored or turned there, so
what is found in the seven other orientations are false alarms, and tell how many there are in the upright one (as decoys do in
the search of mass spectra: Elias and Gygi 2007). The highest of 1,958 such candidates agrees by 0.451; of the 1,488 upright ones,
none lies between 0.383 and 0.511, and those above show one cell to the eye: see reports/README.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

SIDE = 96
"""Pixels of a square's side."""

METHOD = 2
"""Counted up whenever a step or a constant changes what is found."""

THRESHOLD = 0.48
"""Pictures that agree at least so well show the same cell."""

RADIUS = 0.85
"""Greatest distance of descriptors (Euclidean, of unit vectors) at which pictures are compared."""

ORIENTATIONS = (
    "upright",
    "turned 90",
    "turned 180",
    "turned 270",
    "mirrored",
    "turned 90, mirrored",
    "turned 180, mirrored",
    "turned 270, mirrored",
)
"""How one picture of a pair must be laid to show what the other shows; turns are anticlockwise, as `numpy.rot90` makes them."""

_GREY = np.full((1, 3), 1 / 3, np.float32)
_BLACK = 16
# A background below this level in every channel is black; JPEG leaves up to some ten levels on it.
_RING = 0.9
# Share of the outermost ring of pixels that must be black in a segmented picture: a cell may touch the border.
_GRID = 16
_COARSE, _WIDE = 3.0, 12.0
_FINE, _MIDDLE, _LOCAL = 1.0, 4.0, 6.0
# Widths (standard deviations, in pixels of the square) of the Gaussians: of the band of texture that is described, of the band
# that is compared, and of the neighbourhood that its strength is measured in.
_NOISE = 0.3
# Grey levels; texture weaker than this is not amplified.
_FLAT = 1e-4
# Mean square of normalised texture below which there is none, only rounding.
_RIM, _OUTLINE = 15, 19
# Pixels: twice the depth to which the cell's border is left out in describing and in comparing.
_LEAST = 100
# Pixels that must be left to compare.
_HOPELESS = 0.1
# Pictures that agree less than so at half the resolution are not compared at the full one.
_STILL = 0.7
# Pictures that could not be laid over each other are the same where they agree so well as they are.


@dataclass(frozen=True)
class Cut:
    """The part of a picture that is compared.

    Attributes:
        square: uint8 (SIDE, SIDE), grey; 0 outside the cell, at least 1 inside.
        box: (left, top, width, height) of the part, in the picture's own pixels.
        mask: uint8 (height, width) of the box, 1 in the cell; None where the whole picture is compared.
    """

    square: np.ndarray
    box: tuple[int, int, int, int]
    mask: np.ndarray | None

    @property
    def size(self) -> int:
        """The longer side of the box."""
        return max(self.box[2:])


def cut(pixels: np.ndarray) -> Cut:
    """Takes the cell out of its black background; where the background is not black, the whole picture.

    Args:
        pixels: uint8 (height, width, 3).
    """
    found = _cell(pixels)
    if found is None:
        height, width = pixels.shape[:2]
        square = cv2.resize(cv2.transform(pixels, _GREY), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        return Cut(np.maximum(square, 1), (0, 0, width, height), None)
    mask, (left, top, width, height) = found
    grey = cv2.transform(pixels[top : top + height, left : left + width], _GREY)
    side = max(width, height)
    above, before = (side - height) // 2, (side - width) // 2
    rim = (above, side - height - above, before, side - width - before)
    framed = [cv2.copyMakeBorder(plane, *rim, cv2.BORDER_CONSTANT, value=0) for plane in (grey * mask, mask * 255)]
    shade, inside = (cv2.resize(plane, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for plane in framed)
    return Cut(np.where(inside > 127, np.maximum(shade, 1), 0).astype(np.uint8), (left, top, width, height), mask)


def describe(square: np.ndarray) -> np.ndarray:
    """Coarse texture of a square as a vector of unit length, float32 (256,); all 0 where there is no texture.

    A turned or mirrored square has a turned or mirrored 16x16 grid: see `orient`.
    """
    inside = _eroded(square > 0, _RIM)
    texture = _texture(square.astype(np.float32), inside, _COARSE, _WIDE, _WIDE)
    grid = cv2.resize(texture, (_GRID, _GRID), interpolation=cv2.INTER_AREA)
    grid -= grid.mean()
    length = float(np.sqrt((grid**2).sum()))
    return np.asarray(grid / length if length > 1e-3 else np.zeros_like(grid)).reshape(-1)


def orient(squares: np.ndarray, orientation: int) -> np.ndarray:
    """Squares, (…, side, side), laid as `ORIENTATIONS` names it."""
    turned = np.rot90(squares, orientation % 4, (-2, -1))
    return np.ascontiguousarray(turned[..., ::-1] if orientation >= 4 else turned)


def oriented(descriptors: np.ndarray, orientation: int) -> np.ndarray:
    """Descriptors (n, 256) of the same squares laid otherwise."""
    return orient(descriptors.reshape(-1, _GRID, _GRID), orientation).reshape(len(descriptors), -1)


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """How well the fine texture of two squares agrees: a correlation, from -1 to 1; -1 where they cannot be laid over each other.

    The same in either order: each is laid over the other, and the better counts, because the search for the best place
    sometimes ends in one direction only.

    Args:
        one, other: squares of `cut`, laid alike.
    """
    return max(_agreement(one, other), _agreement(other, one))


def _agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Of `other` laid over `one`; or left where it is, where that agrees well enough to be beyond chance."""
    aligned = _aligned(one, other)
    if aligned >= THRESHOLD:
        return aligned
    # A picture that is mostly burnt out gives the search for a place no hold.
    still = _correlation(one, other, 1.0)
    return still if still >= _STILL else aligned


def _aligned(one: np.ndarray, other: np.ndarray) -> float:
    halves = [cv2.resize(square, (SIDE // 2, SIDE // 2), interpolation=cv2.INTER_AREA) for square in (one, other)]
    warp = _laid_over(halves[0], halves[1], np.eye(2, 3, dtype=np.float32), 40)
    if warp is None or _correlation(halves[0], _moved(halves[1], warp), 0.5) < _HOPELESS:
        return -1.0
    warp[:, 2] *= 2
    finer = _laid_over(one, other, warp, 30)
    return -1.0 if finer is None else _correlation(one, _moved(other, finer), 1.0)


def _cell(pixels: np.ndarray) -> tuple[np.ndarray, tuple[int, int, int, int]] | None:
    """The largest thing on a black background: mask within its bounding box, and the box; None elsewhere."""
    red, green, blue = cv2.split(pixels)
    bright = cv2.max(cv2.max(red, green), blue)
    ring = np.concatenate([bright[0], bright[-1], bright[1:-1, 0], bright[1:-1, -1]])
    if np.mean(ring < _BLACK) < _RING:
        return None
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(cv2.compare(bright, _BLACK, cv2.CMP_GE), connectivity=8)
    if count < 2:
        return None
    chosen = 1 + int(boxes[1:, cv2.CC_STAT_AREA].argmax())
    left, top, width, height = (int(value) for value in boxes[chosen, :4])
    return np.asarray(labels[top : top + height, left : left + width] == chosen, np.uint8), (left, top, width, height)


def _laid_over(one: np.ndarray, other: np.ndarray, warp: np.ndarray, steps: int) -> np.ndarray | None:
    """The affine map that lays `other` over `one`, float32 (2, 3); None where there is none to be found."""
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, steps, 1e-4)
    try:
        return np.asarray(cv2.findTransformECC(one, other, warp, cv2.MOTION_AFFINE, stop, None, 5)[1])
    except cv2.error:
        return None


def _moved(square: np.ndarray, warp: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.warpAffine(square, warp, square.shape[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP))


def _correlation(one: np.ndarray, other: np.ndarray, scale: float) -> float:
    inside = _eroded((one > 0) & (other > 0), round(_OUTLINE * scale))
    place = inside > 0
    if np.count_nonzero(place) < _LEAST * scale**2:
        return -1.0
    bands = [
        _texture(square.astype(np.float32), inside, _FINE * scale, _MIDDLE * scale, _LOCAL * scale)[place]
        for square in (one, other)
    ]
    first, second = (band - band.mean() for band in bands)
    powers = float(first @ first), float(second @ second)
    if min(powers) < _FLAT * len(first):
        return -1.0
    return float(first @ second) / math.sqrt(powers[0] * powers[1])


def _eroded(mask: np.ndarray, width: int) -> np.ndarray:
    """The mask without its border, float32; a mask that fills the square has none."""
    whole = mask.astype(np.uint8)
    if whole.all():
        return whole.astype(np.float32)
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    eroded = cv2.erode(whole, element, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(eroded, np.float32)


def _texture(grey: np.ndarray, inside: np.ndarray, fine: float, wide: float, local: float) -> np.ndarray:
    """A band of the picture's texture inside a mask, divided by its own strength nearby; 0 outside."""
    band = (_smooth(grey, inside, fine) - _smooth(grey, inside, wide)) * inside
    strength = np.sqrt(_smooth(band * band, inside, local) + _NOISE**2)
    return np.asarray(band / strength * inside)


def _smooth(values: np.ndarray, inside: np.ndarray, width: float) -> np.ndarray:
    """Gaussian mean over the mask alone."""
    return np.asarray(cv2.GaussianBlur(values * inside, (0, 0), width) / (cv2.GaussianBlur(inside, (0, 0), width) + 1e-3))
