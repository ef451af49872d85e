"""Draws one stained, segmented blood cell: what the demo data are made of.

Imitated are the single cells of C-NMC 2019: a leukaemic B-lymphoblast (ALL) or a normal B-lymphoid cell of a healthy
subject (HEM), cut out on black, dark violet from Jenner-Giemsa stain. The drawing is our own: an outline from a few
harmonics, dye as optical density (Beer-Lambert law), chromatin as filtered noise. What tells the classes apart is what
a haematologist looks at (chromatin, nucleoli, size, outline), and each of these overlaps between the classes.

A cell knows only its seed, its subject and its own number, so any cell can be drawn without the others. Start from
`draw_cell`. The drawn cells prove that software works; they prove nothing about leukaemia.

Source: Gupta, A., & Gupta, R. (2019). ALL Challenge dataset of ISBI 2019 (C-NMC 2019) [Data set]. The Cancer Imaging
Archive. https://doi.org/10.7937/tcia.2019.dc64i46r
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from keras_leuk.recipe.randomness import generator

Floats = npt.NDArray[np.float64]

VERSION = 1
"""Counted up whenever the drawing changes in a way that no constant below shows."""


@dataclass(frozen=True)
class Kind:
    """How cells of a class look on average. Lengths are in half picture widths, the rest are shares and contrasts."""

    radius: float  # mean radius of the cell
    outline: float  # size of the bumps of the outline, relative to the radius
    clumping: float  # share of coarse, clumped chromatin; the rest is fine
    contrast: float  # contrast of the chromatin in optical density
    nucleoli: float  # expected number of pale nucleoli
    rim: float  # thickness of the cytoplasm, relative to the radius


# Blasts are larger, with fine, even chromatin, nucleoli and a scant rim; normal lymphoid cells are smaller, with clumped
# chromatin. The real cells fill 0.48 (ALL) and 0.43 (HEM) of the width, a ratio of 1.11; ours are cropped closer, in nearly
# the same ratio, because the pictures are small. Texture differs more than in life, where frozen networks see little of it.
ALL = Kind(radius=0.65, outline=0.030, clumping=0.20, contrast=0.085, nucleoli=1.5, rim=0.06)
HEM = Kind(radius=0.58, outline=0.023, clumping=0.80, contrast=0.140, nucleoli=0.4, rim=0.08)

# Spread between subjects. It is what a by-subject split takes away from a model: stain and texture of a known subject say
# the label without the cell being understood. Wider than in C-NMC, which is stain-normalised (mean colours of its subjects
# differ by 4 to 8 grey levels, ours by about 11), so that few cells are enough to show how a random split flatters. Measured
# on the default demo with logistic regression on frozen features (majority 0.68), random split against by-subject split:
# MobileNet with ImageNet weights 0.91 against 0.80, EfficientNetB3 with random weights 0.83 against 0.76.
SUBJECT_RADIUS = 0.060
SUBJECT_CLUMPING = 0.25
SUBJECT_CONTRAST = 0.28
SUBJECT_GRAIN = 0.12  # chromatin of one slide is sharper or finer than that of another
SUBJECT_STAIN = 0.10  # log spread of the dye's absorption in each colour channel: hue and saturation
SUBJECT_DENSITY = 0.12  # log spread of the amount of dye: brightness
SUBJECT_LAMP = 0.03  # log spread of the light

# Spread between cells of one subject: with the spread between subjects, why the classes overlap and a model can be wrong.
# Narrow, so that a subject can be recognised.
CELL_RADIUS = 0.035
CELL_CLUMPING = 0.10
CELL_CONTRAST = 0.12
CELL_OUTLINE = 0.30  # log spread
CELL_STAIN = 0.012
CELL_DENSITY = 0.03

RADIUS_RANGE = (0.36, 0.88)  # a cell never touches the edge of the picture
JITTER = 0.03  # the centre is found well but not exactly
ELONGATION = 0.07  # mean difference of the axes

# Optical densities (red, green, blue) chosen so that the mean colour is that of the real cells, about RGB (70, 30, 80).
NUCLEUS_DYE = (1.26, 2.10, 1.13)
CYTOPLASM_DYE = (1.22, 1.55, 0.86)  # basophilic: bluer and paler than the nucleus
FINE_SCALE = 0.011  # of the width: sigma of fine chromatin, about 2 pixels of 192
COARSE_SCALE = 0.034  # sigma of clumps
SHADE_SCALE = 0.16  # sigma of the slow shading by thickness
SHADE = 0.07
FOCUS = (0.003, 0.006)  # sigma of the blur, of the width
SENSOR_NOISE = 1.2  # grey levels


@dataclass(frozen=True)
class Subject:
    """What all cells of one person share: the person's cells and the slide's stain."""

    name: str
    kind: Kind
    radius: float
    clumping: float
    contrast: float
    grain: float
    dye: Floats  # factors on the absorption, (3,)
    lamp: Floats  # light, (3,)


def draw_subject(seed: int, name: str, kind: Kind) -> Subject:
    """The person `name` of the world `seed`; `kind` is `ALL` or `HEM`."""
    rng = generator(seed, f"demo subject {name}")
    return Subject(
        name=name,
        kind=kind,
        radius=kind.radius + SUBJECT_RADIUS * rng.standard_normal(),
        clumping=kind.clumping + SUBJECT_CLUMPING * rng.standard_normal(),
        contrast=kind.contrast * np.exp(SUBJECT_CONTRAST * rng.standard_normal()),
        grain=np.exp(SUBJECT_GRAIN * rng.standard_normal()),
        dye=np.exp(SUBJECT_STAIN * np.clip(rng.standard_normal(3), -1.5, 1.5) + SUBJECT_DENSITY * rng.standard_normal()),
        lamp=255.0 * np.exp(SUBJECT_LAMP * rng.standard_normal(3)),
    )


def draw_cell(seed: int, subject: Subject, number: int, size: int) -> npt.NDArray[np.uint8]:
    """Cell `number` of a subject.

    Returns:
        uint8 array (size, size, 3), RGB; exactly 0 outside the cell, as after segmentation.
    """
    rng = generator(seed, f"demo cell {subject.name}", number)
    cell_edge, nucleus_edge, depth = _outlines(rng, subject, size)
    chromatin = _chromatin(rng, subject, size, depth)
    # Dye in the nucleus and in the cytoplasm, each with its colour; then light is absorbed channel by channel.
    shade = SHADE * _noise(rng, size, SHADE_SCALE)
    amount = np.exp(CELL_DENSITY * rng.standard_normal()) * (1.0 + shade)
    stain = subject.dye * np.exp(CELL_STAIN * rng.standard_normal(3))
    blur = size * rng.uniform(*FOCUS)
    nucleus = gaussian_filter(nucleus_edge * amount * (1.0 + chromatin), blur)
    cytoplasm = gaussian_filter((1.0 - nucleus_edge) * amount, blur)
    density = (nucleus[..., None] * np.array(NUCLEUS_DYE) + cytoplasm[..., None] * np.array(CYTOPLASM_DYE)) * stain
    light = subject.lamp * np.exp(-density) + SENSOR_NOISE * rng.standard_normal((size, size, 1))
    return np.where(cell_edge[..., None], np.clip(np.rint(light), 1, 255), 0).astype(np.uint8)


def _outlines(rng: np.random.Generator, subject: Subject, size: int) -> tuple[npt.NDArray[np.bool_], Floats, Floats]:
    """Where the cell is (bool), how much nucleus there is (0 to 1), and the depth below the nucleus' edge."""
    kind = subject.kind
    axis = (np.arange(size) + 0.5) / size * 2.0 - 1.0
    centre = JITTER * rng.standard_normal(2)
    x, y = axis[None, :] - centre[0], axis[:, None] - centre[1]
    distance, angle = np.hypot(x, y), np.arctan2(y, x)

    radius = np.clip(subject.radius + CELL_RADIUS * rng.standard_normal(), *RADIUS_RANGE)
    roughness = kind.outline * np.exp(CELL_OUTLINE * rng.standard_normal())
    # Harmonic 2 is the elongation, the higher ones are bumps that get smaller the finer they are.
    bend = 0.5 * rng.exponential(ELONGATION) * np.cos(2.0 * (angle - rng.uniform(0, np.pi)))
    for harmonic in range(3, 10):
        size_of_bump = roughness * rng.standard_normal() * (3.0 / harmonic) ** 1.5
        bend = bend + size_of_bump * np.cos(harmonic * angle + rng.uniform(0, 2 * np.pi))
    if rng.random() < 8.0 * roughness:  # a cleft: uneven nuclei are often indented
        width, where = rng.uniform(0.15, 0.35), rng.uniform(0, 2 * np.pi)
        bend = bend - rng.uniform(0.05, 0.16) * np.exp((np.cos(angle - where) - 1.0) / width**2)
    limit = np.minimum(radius * (1.0 + np.clip(bend, -0.35, 0.25)), 0.97)

    # The nucleus lies off centre: the rim is thick on one side and vanishes on the other.
    rim = kind.rim * (1.0 + 0.9 * np.cos(angle - rng.uniform(0, 2 * np.pi))) * rng.uniform(0.5, 1.5)
    depth = limit * (1.0 - rim) - distance
    softness = 2.0 / size
    return distance < limit, 1.0 / (1.0 + np.exp(-np.clip(depth / softness, -30, 30))), depth


def _chromatin(rng: np.random.Generator, subject: Subject, size: int, depth: Floats) -> Floats:
    """Relative deviation of the dye in the nucleus: fine grain, clumps, bright specks and nucleoli."""
    clumping = float(np.clip(subject.clumping + CELL_CLUMPING * rng.standard_normal(), 0.0, 1.0))
    contrast = subject.contrast * np.exp(CELL_CONTRAST * rng.standard_normal())
    fine = _noise(rng, size, FINE_SCALE * subject.grain)
    clumps = np.tanh(1.5 * _noise(rng, size, COARSE_SCALE * subject.grain))
    pattern: Floats = contrast * (np.sqrt(1.0 - clumping) * fine + np.sqrt(clumping) * clumps)

    axis = (np.arange(size) + 0.5) / size * 2.0 - 1.0
    for _ in range(min(int(rng.poisson(subject.kind.nucleoli)), 4)):
        x, y = rng.uniform(-0.35, 0.35, 2)
        spot = rng.uniform(0.06, 0.11)
        away = np.hypot(axis[None, :] - x, axis[:, None] - y) / spot
        pattern -= rng.uniform(0.10, 0.22) * np.exp(-(away**4))
    # Heterochromatin lies against the envelope: the edge is a little darker.
    pattern += 0.08 * np.exp(-np.clip(depth, 0.0, None) / 0.05)
    return pattern


def _noise(rng: np.random.Generator, size: int, scale: float) -> Floats:
    """Smooth noise of mean 0 and standard deviation 1 with structures of `scale` times the width."""
    sigma = max(scale * size, 0.5)
    field: Floats = gaussian_filter(rng.standard_normal((size, size)), sigma, mode="wrap")
    field -= field.mean()
    field /= field.std()
    return field


def parameters() -> dict[str, str]:
    """Every constant that shapes a cell, for the content address: a changed constant is another demo."""
    return {name: repr(value) for name, value in sorted(globals().items()) if name.isupper()}
