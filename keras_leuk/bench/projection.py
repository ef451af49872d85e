"""What the measured speeds mean: a paper's whole grid here, by keras-leuk and the notebook way.

The notebook way is one `Model.fit` for every cell, the frozen backbone inside the model: every image passes it in every epoch. By
keras-leuk every image passes it once, and each optimizer is trained once, up to the largest number of epochs.
`benchmarks/grid.py` runs both ways on a small grid. What was measured and what was not stands beside every part.

A network that was not measured is taken to cost what it costs on the reference machine (`papers.replicate_costs`), times how many
times as long this machine takes for the networks that were measured: TensorFlow's pass both times. Start at `project`.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from keras_leuk.bench.networks import NOTEBOOK
from keras_leuk.bench.turns import OURS
from keras_leuk.grid.estimate import CELL_SECONDS, START_SECONDS
from keras_leuk.grid.plan import EPOCHS
from keras_leuk.models.backbones import BACKBONES
from keras_leuk.papers.library import Paper
from keras_leuk.papers.replicate_costs import MEASURED_SIZE, costs_of
from keras_leuk.papers.replicate_request import BACKBONE, SEED, Wanted, studies

PAPER = "fata2023"

MEASURED, PROJECTED, ASSUMED = "measured here", "projected", "assumed"


@dataclass(frozen=True)
class Grid:
    """The sizes of a paper's grid.

    Attributes:
        images, training, testing: labelled images; those of the training and of the test side.
        backbones: networks.
        variants: trainings of one network that differ in anything but epochs.
        budgets: numbers of epochs.
        size: side of the input in pixels.
    """

    paper: str
    images: int
    training: int
    testing: int
    backbones: tuple[str, ...]
    variants: int
    budgets: tuple[int, ...]
    size: int

    @property
    def cells(self) -> int:
        """Trained classifiers that the paper's tables need."""
        return len(self.backbones) * self.variants * len(self.budgets)


@dataclass(frozen=True)
class Speeds:
    """Images a second of a network.

    Attributes:
        extract, head: our features and our epochs of the head.
        notebook: an epoch with the frozen backbone inside the model.
        basis: how `extract` and `notebook` are known; head_basis: how `head` is.
    """

    extract: float
    head: float
    notebook: float
    basis: str
    head_basis: str


@dataclass(frozen=True)
class Part:
    """Seconds of a part of the work, and how they are known."""

    what: str
    way: str
    seconds: float
    basis: str


def grid_of(paper: Paper) -> Grid:
    """The grid of a paper's own protocol."""
    found, _ = studies(paper, Wanted("demo", ("paper",)))
    study, sides = found[0], {side.side: side.images or 0 for side in paper.facts.data.sides}
    lists = {key: values for key, values in study.lists.items() if key not in (EPOCHS, BACKBONE, SEED)}
    variants = 1
    for values in lists.values():
        variants *= len(values)
    return Grid(
        paper.key,
        sum(paper.facts.data.images.values()),
        sides["train"],
        sides["test"],
        study.backbones,
        variants,
        study.lists.get(EPOCHS, (study.recipe.training.epochs,)),
        study.recipe.images.size or MEASURED_SIZE,
    )


def project(grid: Grid, stages: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The parts of both ways with their seconds; None where no network was measured.

    Args:
        stages: as `run.bench` gives them.
    """
    decode = next((stage for stage in stages if stage["stage"] == "decode"), None)
    speeds = _speeds(grid, stages)
    if decode is None or speeds is None:
        return None
    parts = [Part("images decoded, once", OURS, grid.images / _scaled(_rate(decode, OURS), decode, grid), _how(decode, grid))]
    for name, speed in speeds.items():
        parts += _network(grid, name, speed)
    parts.append(Part(f"{grid.cells} cells evaluated and drawn", OURS, grid.cells * CELL_SECONDS, ASSUMED))
    starts = len(grid.backbones) * grid.variants
    parts.append(Part(f"{starts} processes started", OURS, starts * START_SECONDS, ASSUMED))
    totals = {way: sum(part.seconds for part in parts if part.way == way) for way in (OURS, NOTEBOOK)}
    return {
        "grid": {**asdict(grid), "cells": grid.cells},
        "parts": [asdict(part) for part in parts],
        "ours_seconds": totals[OURS],
        "notebook_seconds": totals[NOTEBOOK],
        "ratio": totals[NOTEBOOK] / totals[OURS],
        "networks": {name: speed.basis for name, speed in speeds.items()},
    }


def _network(grid: Grid, name: str, speed: Speeds) -> list[Part]:
    """Features once and the longest training of each variant; against every cell through the backbone in every epoch."""
    rows = grid.variants * max(grid.budgets) * grid.training
    passes = grid.variants * (sum(grid.budgets) * grid.training + len(grid.budgets) * grid.testing)
    epochs = f"{grid.variants} × {max(grid.budgets)} epochs"
    return [
        Part(f"{name}: features of {grid.images:,} images, once", OURS, grid.images / speed.extract, speed.basis),
        Part(f"{name}: {epochs} of the head", OURS, rows / speed.head, speed.head_basis),
        Part(
            f"{name}: {grid.variants * sum(grid.budgets)} epochs through the backbone, and a test of each cell",
            NOTEBOOK,
            passes / speed.notebook,
            speed.basis,
        ),
    ]


def _speeds(grid: Grid, stages: Sequence[Mapping[str, Any]]) -> dict[str, Speeds] | None:
    extracted = {stage["backbone"]: stage for stage in stages if stage["stage"] == "extract"}
    heads = {stage["backbone"]: stage for stage in stages if stage["stage"] == "head"}
    if not extracted or not heads:
        return None
    slowness = statistics.median(slower(stage) for stage in extracted.values())
    found = {}
    for name in grid.backbones:
        head, head_basis = _head(name, heads)
        if name in extracted:
            stage = extracted[name]
            extract, notebook = (_scaled(_rate(stage, way), stage, grid) for way in (OURS, NOTEBOOK))
            found[name] = Speeds(extract, head, notebook, _how(stage, grid), head_basis)
        else:
            rate = 1000 / (costs_of(name).forward_ms * slowness * (grid.size / MEASURED_SIZE) ** 2)
            found[name] = Speeds(rate, head, rate, PROJECTED, head_basis)
    return found


def slower(stage: Mapping[str, Any]) -> float:
    """How many times as long this machine takes as the reference machine for a network's pass inside `Model.fit`."""
    reference = costs_of(stage["backbone"]).forward_ms * (stage["size"] / MEASURED_SIZE) ** 2
    return float(1000 / _rate(stage, NOTEBOOK) / reference)


def _head(name: str, heads: Mapping[str, Mapping[str, Any]]) -> tuple[float, str]:
    """Rows a second of a head; of a network that was not measured by its number of features, never quicker than measured."""
    if name in heads:
        return _rate(heads[name], OURS), MEASURED
    wide = BACKBONES[name].features
    nearest = min(heads, key=lambda other: (abs(BACKBONES[other].features - wide), other))
    return _rate(heads[nearest], OURS) * min(1.0, BACKBONES[nearest].features / wide), PROJECTED


def _rate(stage: Mapping[str, Any], way: str) -> float:
    return float(stage["ways"][way]["value"])


def _scaled(rate: float, stage: Mapping[str, Any], grid: Grid) -> float:
    """A speed at the grid's size, by the number of pixels."""
    return float(rate * (stage["size"] / grid.size) ** 2)


def _how(stage: Mapping[str, Any], grid: Grid) -> str:
    return MEASURED if stage["size"] == grid.size else PROJECTED
