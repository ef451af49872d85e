"""Draws one stained white cell of twelve kinds on a smear: what the demo ``demo:leukocytes`` is made of.

Imitated are the pictures of the bone marrow set of the MLL Munich Leukemia Laboratory: one leukocyte in the middle of a bright
ground with pieces of red cells. The drawing is our own, in optical density (Beer-Lambert law). What tells the kinds apart is what
a haematologist looks at: size, nucleus to cytoplasm, lobes, chromatin, nucleoli, granules, colour of the cytoplasm, outline. Each
cell lies on the way from its own kind to a neighbour, as cells that mature do, so the kinds overlap and a model can be wrong.

A cell knows only the seed, its class and its number, so any cell can be drawn without the others. Start from `draw_leukocyte`.
The drawn cells prove that software works; they prove nothing about leukaemia, and no haematologist has checked them.

Source: Matek, C., Krappe, S., Münzenmayer, C., Haferlach, T., & Marr, C. (2021). Highly accurate differentiation of bone marrow
cell morphologies using deep neural networks on a large image data set. Blood, 138(20), 1917-1927.
https://doi.org/10.1182/blood.2020010568
"""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from keras_leuk.data.demo_leukocyte_kinds import KINDS, NEIGHBOURS, Kind
from keras_leuk.recipe.randomness import generator

Floats = npt.NDArray[np.float64]

VERSION = 1
"""Counted up whenever the drawing changes in a way that no constant below shows."""


DRIFT = 0.28  # standard deviation of the way to a neighbour
LONGEST_DRIFT = 0.65  # beyond the middle: such a cell looks like its neighbour
SPREAD = 0.08  # log spread of every trait from cell to cell
SMEAR_STAIN = 0.10  # log spread of the dyes' absorption in each colour channel
SMEAR_AMOUNT = 0.10  # log spread of the amount of dye
LAMP = (241.0, 234.0, 238.0)
LAMP_SPREAD = 0.02
RADIUS_RANGE = (0.30, 0.78)
OUTLINE = 0.025  # size of the bumps of the outline

NUCLEUS_DYE = (0.92, 1.42, 0.46)  # violet
RED_CELL_DYE = (0.05, 0.34, 0.30)
RED_CELL_RADIUS = (0.30, 0.37)
RED_CELLS = 4.5  # expected number near the picture
FINE_SCALE = 0.012  # of the width: sigma of fine chromatin
COARSE_SCALE = 0.040  # sigma of clumps
CHROMATIN = (0.07, 0.20)  # contrast of fine and of clumped chromatin
FOCUS = (0.004, 0.009)  # sigma of the blur, of the width
SENSOR_NOISE = 1.5  # grey levels
STEPS = 40  # points along the nucleus


def draw_leukocyte(seed: int, name: str, number: int, size: int) -> npt.NDArray[np.uint8]:
    """Cell `number` of a class.

    Args:
        seed: another seed is another world.
        name: a name of `KINDS`.
        size: width and height in pixels.

    Returns:
        uint8 array (size, size, 3), RGB.
    """
    rng = generator(seed, f"demo leukocyte {name}", number)
    traits = _traits(rng, name)
    axis = (np.arange(size) + 0.5) / size * 2.0 - 1.0
    centre = 0.05 * rng.standard_normal(2)
    x, y = axis[None, :] - centre[0], axis[:, None] - centre[1]
    cell = _soft(_cell_depth(rng, traits, x, y), size)
    depth = _nucleus_depth(rng, traits, x, y)
    nucleus = np.minimum(_soft(depth, size), cell)
    density = _red_cells(rng, traits.radius, x, y, size)[..., None] * np.array(RED_CELL_DYE) * (1.0 - cell)[..., None]
    density += _cytoplasm(rng, traits, cell, nucleus, depth, x, y)
    density += (nucleus * traits.stain * _chromatin(rng, traits, depth, x, y))[..., None] * np.array(NUCLEUS_DYE)
    density += _granules(rng, traits, cell, nucleus, x, y)
    return _photograph(rng, density, size)


def parameters() -> dict[str, str]:
    """Every constant that shapes a cell, for the content address: a changed constant is another demo."""
    return {name: repr(value) for name, value in sorted(globals().items()) if name.lstrip("_").isupper()}


def _traits(rng: np.random.Generator, name: str) -> Kind:
    """A cell between its kind and a neighbour, with every trait a little off."""
    way = min(abs(DRIFT * rng.standard_normal()), LONGEST_DRIFT)
    other = NEIGHBOURS[name][int(rng.integers(len(NEIGHBOURS[name])))]
    values: list[Any] = []
    for own, its in zip(astuple(KINDS[name]), astuple(KINDS[other]), strict=True):
        mixed = (1.0 - way) * np.asarray(own) + way * np.asarray(its)
        mixed = mixed * np.exp(SPREAD * rng.standard_normal())
        values.append(tuple(mixed.tolist()) if mixed.ndim else float(mixed))
    mean = Kind(*values)
    return Kind(float(np.clip(mean.radius, *RADIUS_RANGE)), min(mean.nucleus, 0.92), *astuple(mean)[2:])


def _cell_depth(rng: np.random.Generator, traits: Kind, x: Floats, y: Floats) -> Floats:
    """How deep each pixel lies within the outline, below 0 outside."""
    distance, angle = np.hypot(x, y), np.arctan2(y, x)
    bend = 0.05 * rng.standard_normal() * np.cos(2.0 * (angle - rng.uniform(0, np.pi)))
    for harmonic in range(3, 8):
        bend = bend + OUTLINE * rng.standard_normal() * (3.0 / harmonic) * np.cos(harmonic * angle + rng.uniform(0, 2 * np.pi))
    if traits.hair > 0.01:
        teeth = rng.uniform(14, 22)
        waves = np.cos(teeth * angle + 2.0 * np.sin(2.0 * angle + rng.uniform(0, 6)) + rng.uniform(0, 6))
        bend = bend + traits.hair * np.clip(waves, 0.0, None) ** 3 * (1.0 + 0.5 * np.cos(angle - rng.uniform(0, 6)))
    return np.asarray(traits.radius * (1.0 + np.clip(bend, -0.3, 0.3)) - distance)


def _nucleus_depth(rng: np.random.Generator, traits: Kind, x: Floats, y: Floats) -> Floats:
    """How deep each pixel lies within a nucleus that is bent along an arc and pinched into lobes."""
    along = np.linspace(0.0, 1.0, STEPS)
    lobes = max(1, int(np.rint(traits.lobes + 0.6 * rng.standard_normal())))
    # Between two lobes, not at the ends; the root makes the bridges long and thin.
    bridge = np.sqrt(0.5 + 0.5 * np.cos(2.0 * np.pi * lobes * along)) * (np.abs(along - 0.5) < 0.5 - 0.4 / lobes)
    pinched = 1.0 - traits.pinch * bridge if lobes > 1 else np.ones(STEPS)
    uneven = 1.0 + 0.12 * np.cos(2.0 * np.pi * along * rng.uniform(0.5, 1.5) + rng.uniform(0, 6))
    thick = traits.radius * traits.nucleus * pinched * uneven
    # The arc fills what the thickness leaves of the cell; with no span it is a point.
    reach = max(0.0, 0.88 * traits.radius - float(thick.max()))
    angle = (along - 0.5) * min(traits.span, 5.4) + rng.uniform(0, 2 * np.pi)
    arc = reach * min(1.0, 0.45 + 0.15 * traits.span)
    points = np.stack([np.cos(angle), np.sin(angle)]) * arc
    where = rng.uniform(0, 2 * np.pi)
    shift = min(traits.offset * traits.radius, max(0.0, 0.97 * traits.radius - float(thick.max())))
    points += shift * np.array([[np.cos(where)], [np.sin(where)]]) - 0.8 * points.mean(axis=1, keepdims=True)
    away = np.hypot(x[..., None] - points[0], y[..., None] - points[1])
    turn = np.arctan2(y - points[1].mean(), x - points[0].mean())
    dents = 0.012 * rng.standard_normal() * np.cos(3 * turn + rng.uniform(0, 6)) + 0.008 * np.cos(5 * turn + rng.uniform(0, 6))
    return np.asarray((thick - away).max(axis=-1) + dents)


def _cytoplasm(
    rng: np.random.Generator, traits: Kind, cell: Floats, nucleus: Floats, depth: Floats, x: Floats, y: Floats
) -> Floats:
    """Optical density (h, w, 3), cleared on one side of the nucleus and by vacuoles."""
    size = len(cell)
    amount = 1.0 + 0.10 * _noise(rng, size, 0.06)
    angle = np.arctan2(y, x)
    side = 0.5 + 0.5 * np.cos(angle - rng.uniform(0, 2 * np.pi))
    amount = amount * (1.0 - 0.75 * min(traits.pale, 1.0) * side * np.exp(-np.clip(-depth, 0.0, None) / 0.10))
    for _ in range(int(rng.poisson(4.0 * traits.pale))):
        where, out = rng.uniform(0, 2 * np.pi), traits.radius * np.sqrt(rng.uniform(0.2, 0.8))
        spot = np.hypot(x - out * np.cos(where), y - out * np.sin(where)) / rng.uniform(0.025, 0.055)
        amount = amount * (1.0 - 0.7 * np.exp(-(spot**4)))
    return np.asarray((cell * (1.0 - nucleus) * np.clip(amount, 0.05, None))[..., None] * np.array(traits.cytoplasm))


def _chromatin(rng: np.random.Generator, traits: Kind, depth: Floats, x: Floats, y: Floats) -> Floats:
    """Relative amount of dye in the nucleus: grain, clumps, a darker edge, pale nucleoli."""
    size, clumping = len(depth), float(np.clip(traits.clumping, 0.0, 1.0))
    clumps = np.tanh(1.5 * _noise(rng, size, COARSE_SCALE))
    pattern = 1.0 + CHROMATIN[0] * np.sqrt(1.0 - clumping) * _noise(rng, size, FINE_SCALE) + CHROMATIN[1] * clumping * clumps
    for _ in range(min(int(rng.poisson(traits.nucleoli)), 4)):
        where, out = rng.uniform(0, 2 * np.pi), traits.radius * traits.nucleus * rng.uniform(0.1, 0.6)
        spot = np.hypot(x - out * np.cos(where), y - out * np.sin(where)) / rng.uniform(0.05, 0.09)
        pattern = pattern - rng.uniform(0.20, 0.34) * np.exp(-(spot**4))
    return np.asarray(np.clip(pattern + 0.10 * np.exp(-np.clip(depth, 0.0, None) / 0.04), 0.2, None))


def _granules(rng: np.random.Generator, traits: Kind, cell: Floats, nucleus: Floats, x: Floats, y: Floats) -> Floats:
    """Optical density (h, w, 3) of round granules strewn over the cell."""
    amount = np.zeros_like(cell)
    for _ in range(int(rng.poisson(max(traits.granules, 0.0)))):
        where, out = rng.uniform(0, 2 * np.pi), traits.radius * 0.94 * np.sqrt(rng.uniform())
        spot = traits.granule * np.exp(0.2 * rng.standard_normal())
        at, dark = (out * np.cos(where), out * np.sin(where)), rng.uniform(0.6, 1.0)
        # Beyond twice its radius a granule is nothing.
        left, right = np.searchsorted(x[0], (at[0] - 2.0 * spot, at[0] + 2.0 * spot))
        top, bottom = np.searchsorted(y[:, 0], (at[1] - 2.0 * spot, at[1] + 2.0 * spot))
        away = np.hypot(x[:, left:right] - at[0], y[top:bottom] - at[1]) / spot
        amount[top:bottom, left:right] = np.maximum(amount[top:bottom, left:right], dark * np.exp(-(away**4)))
    shown = amount * cell * (1.0 - nucleus * (1.0 - min(traits.over, 1.0)))
    return np.asarray(shown[..., None] * np.array(traits.granule_dye))


def _red_cells(rng: np.random.Generator, radius: float, x: Floats, y: Floats, size: int) -> Floats:
    """Amount (h, w) of red cells around a leukocyte; they lie beside it or are cut off by the picture's edge."""
    amount = np.zeros((size, size))
    for _ in range(int(rng.poisson(RED_CELLS))):
        own = rng.uniform(*RED_CELL_RADIUS)
        where, out = rng.uniform(0, 2 * np.pi), max(radius + own * rng.uniform(0.8, 1.1), rng.uniform(0.8, 1.4))
        squeeze, turn = rng.uniform(0.85, 1.0), rng.uniform(0, np.pi)
        dx, dy = x - out * np.cos(where), y - out * np.sin(where)
        away = np.hypot(dx * np.cos(turn) + dy * np.sin(turn), (dy * np.cos(turn) - dx * np.sin(turn)) / squeeze)
        dimple = 0.62 + 0.38 * np.clip(away / own, 0.0, 1.0) ** 2
        amount = np.maximum(amount, rng.uniform(0.8, 1.1) * dimple * _soft(own - away, size))
    return amount


def _photograph(rng: np.random.Generator, density: Floats, size: int) -> npt.NDArray[np.uint8]:
    """Light that passes the stained smear, channel by channel."""
    stain = np.exp(SMEAR_STAIN * np.clip(rng.standard_normal(3), -2, 2) + SMEAR_AMOUNT * rng.standard_normal())
    ground = 0.02 + 0.012 * _noise(rng, size, 0.2)
    blurred = gaussian_filter(density, (size * rng.uniform(*FOCUS),) * 2 + (0,))
    lamp = np.array(LAMP) * np.exp(LAMP_SPREAD * rng.standard_normal(3))
    light = lamp * np.exp(-(blurred * stain + ground[..., None])) + SENSOR_NOISE * rng.standard_normal((size, size, 1))
    return np.asarray(np.clip(np.rint(light), 0, 255), np.uint8)


def _soft(depth: Floats, size: int) -> Floats:
    """Depth as coverage, 0 to 1, about two pixels soft."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(depth * size, -30, 30))))


def _noise(rng: np.random.Generator, size: int, scale: float) -> Floats:
    """Smooth noise of mean 0 and standard deviation 1 with structures of `scale` times the width."""
    field: Floats = gaussian_filter(rng.standard_normal((size, size)), max(scale * size, 0.5), mode="wrap")
    field -= field.mean()
    field /= field.std()
    return field
