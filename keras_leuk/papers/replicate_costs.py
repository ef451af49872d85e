"""What studies cost, from measured costs of one image in each network, scaled to a machine.

unit_costs.csv was measured by benchmarks/unit_costs.py on the reference machine (2 cores with AVX2, no GPU). Another machine is
taken to be as many times faster in everything as it is in one network, which `machine_factor` measures in a few seconds. That is
rough, and good enough to choose what to leave out of a replication, or to tell hours from weeks.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

MEASURED_SIZE = 224
REFERENCE = "mobilenet"
"""The network that another machine is compared by."""

START_SECONDS = 5.0
"""A process with TensorFlow, its data and its first weights. Assumed: as seen on the reference machine."""

CELL_SECONDS = 1.0
"""Metrics and report of a cell without figures, for some hundred images. Assumed, as above."""

HEAD_MS = 0.15
"""A training step of a head on stored features, an image: as seen of 512 units on 512 features. Assumed of all heads."""

HEAD_SECONDS = 2.0
"""Building and compiling a head. Assumed, as above."""

PAGE_SECONDS = 20.0
"""Figures and pages of the replication. Assumed, as above."""


@dataclass(frozen=True)
class UnitCosts:
    """Of one network: milliseconds an image at 224 pixels, and seconds that building and compiling take.

    Attributes:
        forward_ms, step_ms: inference; a training step of all layers, forward and back.
    """

    forward_ms: float
    step_ms: float
    build_s: float
    compile_forward_s: float
    compile_step_s: float


@cache
def unit_costs() -> Mapping[str, UnitCosts]:
    """Measured costs by backbone."""
    with (Path(__file__).with_name("unit_costs.csv")).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row.pop("backbone"): UnitCosts(**{key: float(value) for key, value in row.items()}) for row in rows}


def costs_of(backbone: str) -> UnitCosts:
    """Costs of a network; of one that was not measured, those of the dearest that was."""
    known = unit_costs()
    return known.get(backbone) or max(known.values(), key=lambda costs: costs.step_ms)


def machine_factor() -> float:
    """How many times as long this machine takes as the reference machine, by one network's forward pass."""
    import numpy as np

    from keras_leuk.devices.start import start
    from keras_leuk.models.assembly import build
    from keras_leuk.models.backbones import BACKBONES
    from keras_leuk.models.weights import resolve
    from keras_leuk.recipe.model import Head
    from keras_leuk.training.forward import BATCH, Forward

    start()
    backbone = BACKBONES[REFERENCE]
    weights = resolve("random", backbone)
    classifier = build(backbone, Head(), size=MEASURED_SIZE, classes=2, seed=0, weights=weights)
    forward = Forward(classifier.trunk)
    pictures = np.zeros((BATCH, MEASURED_SIZE, MEASURED_SIZE, 3), np.uint8)
    forward(pictures)
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        forward(pictures)
        seconds.append(time.perf_counter() - began)
    return 1000 * min(seconds) / BATCH / costs_of(REFERENCE).forward_ms


@dataclass(frozen=True)
class Work:
    """One path of a grid, as far as its cost goes.

    Attributes:
        frozen: whether the backbone is.
        features: stands for what a frozen backbone makes of the images, which other paths may share; None if it is trained.
        views_of: stands likewise for what it makes of augmented views, which are drawn anew for each seed.
        size: side of the input.
        images, training: labelled images; those of the training side.
        views: augmented views of a training image that a frozen backbone sees.
        epochs: of the longest cell; cells: how many.
    """

    backbone: str
    frozen: bool
    features: str | None
    views_of: str | None
    size: int
    images: int
    training: int
    views: int
    epochs: int
    cells: int


def seconds(work: Iterable[Work], factor: float, jobs: int, speedup: float = 1.0) -> float:
    """What paths take on a machine, with so many processes at a time where backbones are frozen.

    Args:
        factor: how many times as long this machine takes as the reference machine.
        speedup: how many times as fast networks alone are, for projections to a GPU.
    """
    extraction, heads, tuned = 0.0, 0.0, 0.0
    seen: set[str | None] = set()
    for path in work:
        unit = costs_of(path.backbone)
        scale = (path.size / MEASURED_SIZE) ** 2 / 1000 / speedup
        overhead = START_SECONDS + unit.build_s + path.cells * CELL_SECONDS
        if not path.frozen:
            tuned += overhead + unit.compile_step_s + 2 * unit.compile_forward_s + scale * _trained(path, unit)
            continue
        if path.features not in seen:
            extraction += unit.compile_forward_s + scale * unit.forward_ms * path.images
        if path.views and path.views_of not in seen:
            extraction += scale * unit.forward_ms * path.views * path.training
        seen |= {path.features, path.views_of}
        heads += overhead + HEAD_SECONDS + path.epochs * path.training * HEAD_MS / 1000
    return factor * (extraction + heads / jobs + tuned) + PAGE_SECONDS


def _trained(path: Work, unit: UnitCosts) -> float:
    """Milliseconds at the measured size that a trained backbone takes: its epochs, each with a look at the other images, and
    a look at all of them for every cell."""
    epoch = path.training * unit.step_ms + (path.images - path.training) * unit.forward_ms
    return path.epochs * epoch + path.cells * path.images * unit.forward_ms
