"""Trivial measurements of a picture: things that should not tell its class, and sometimes do.

None of them looks at the texture of the nucleus. What the file says of itself (bytes, format, quality) stands in
`keras_leuk.images.file_facts`; here is what the pixels say. Start at `measure`.
"""

from __future__ import annotations

import cv2
import numpy as np

from keras_leuk.images.likeness import Cut
from keras_leuk.images.preprocessing import cell_mask

VERSION = 1
"""Counted up whenever a measurement changes its meaning."""

TRIVIA: dict[str, str] = {
    "background": "median grey level of the picture's outermost ring",
    "red": "mean level of red in the cell",
    "green": "mean level of green in the cell",
    "blue": "mean level of blue in the cell",
    "cell_area": "pixels of the cell",
    "sharpness": "variance of the Laplacian of the grey levels in the cell, its outline left out",
    "blockiness": "mean step between neighbouring pixels across the borders of JPEG's 8x8 blocks over that elsewhere",
}
"""Name of each measurement and what it is, in the order of a row.

The cell is the largest thing on a black background, else what `preprocessing.cell_mask` finds; where that finds nothing, its
area is undefined and colour and sharpness are those of the whole picture.
"""

_OUTLINE = 9
# Pixels: twice the depth to which the cell's border is left out of its sharpness; the step to the background is no texture.
_BLOCK = 8


def measure(pixels: np.ndarray, cut: Cut) -> np.ndarray:
    """All of `TRIVIA`, float32 (len(TRIVIA),); NaN where undefined.

    Args:
        pixels: uint8 (height, width, 3), RGB.
        cut: what `likeness.cut` made of them.
    """
    ring = np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]]).mean(axis=1)
    part, mask, area = _cell(pixels, cut)
    colour = cv2.mean(part, mask)[:3]
    grey = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY)
    return np.array([np.median(ring), *colour, area, _sharpness(grey, mask), _blockiness(pixels)], np.float32)


def _cell(pixels: np.ndarray, cut: Cut) -> tuple[np.ndarray, np.ndarray, float]:
    """The part of the picture that holds the cell, its mask there (uint8, 1 inside), and its area."""
    mask = cut.mask
    if mask is None:
        found = cell_mask(pixels)
        if found is None:
            return pixels, np.ones(pixels.shape[:2], np.uint8), np.nan
        mask = found.astype(np.uint8)
        left, top, width, height = cv2.boundingRect(mask)
        mask = np.ascontiguousarray(mask[top : top + height, left : left + width])
    else:
        left, top, width, height = cut.box
    return np.ascontiguousarray(pixels[top : top + height, left : left + width]), mask, float(np.count_nonzero(mask))


def _sharpness(grey: np.ndarray, mask: np.ndarray) -> float:
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_OUTLINE, _OUTLINE))
    inside = cv2.erode(mask, element, borderType=cv2.BORDER_CONSTANT, borderValue=0) if not mask.all() else mask
    if not inside.any():
        return np.nan
    spread = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S), mask=inside)[1]
    return float(spread[0, 0]) ** 2


def _blockiness(pixels: np.ndarray) -> float:
    """Source: the idea of Wang, Sheikh and Bovik 2002, https://doi.org/10.1109/ICIP.2002.1038064, in its simplest form."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    across, elsewhere = [0.0, 0], [0.0, 0]
    for picture in (grey, grey.T):
        picture = np.ascontiguousarray(picture)
        steps = cv2.reduce(cv2.absdiff(picture[:, 1:], picture[:, :-1]), 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[0]
        border = np.arange(1, len(steps) + 1) % _BLOCK == 0
        for total, chosen in ((across, border), (elsewhere, ~border)):
            total[0] += float(steps[chosen].sum())
            total[1] += int(chosen.sum()) * len(picture)
    if not across[1] or not elsewhere[0]:
        return np.nan
    return across[0] / across[1] / (elsewhere[0] / elsewhere[1])
