"""What a grid will take, in time and on disk, from a short measurement of its own networks on this machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_leuk.grid.execute import Going, survey
from keras_leuk.grid.layout import GridFolder
from keras_leuk.grid.plan import Plan, Route
from keras_leuk.models import heads
from keras_leuk.progress import Progress, Recorder
from keras_leuk.store.address import address
from keras_leuk.training import results
from keras_leuk.training.measure import NetworkCosts, measure

CELL_SECONDS = 3.0
"""Evaluating a cell and drawing its figures. Assumed: as measured on 2 cores for some hundred images."""

START_SECONDS = 8.0
"""Starting a process with TensorFlow. Assumed, as above."""

CELL_BYTES = 1.5e6
"""Tables and figures of a cell, its weights apart. Assumed, as above."""


@dataclass(frozen=True)
class Piece:
    """What one path will take.

    Attributes:
        epochs: that are to be trained.
        extraction: seconds for features that no path before it in the plan extracts.
        training, cells: seconds for its epochs, and for evaluating its cells.
        disk: bytes of its cells, its checkpoint and its features.
    """

    route: Route
    waiting: int
    epochs: int
    extraction: float
    training: float
    cells: float
    disk: float

    @property
    def seconds(self) -> float:
        return START_SECONDS + self.extraction + self.training + self.cells


def estimate(plan: Plan, out: Path, progress: Progress) -> list[Piece]:
    """What every path that is not finished will take, one after another.

    Each network is built and measured once: a forward pass, and an epoch of its head or a step of all of it.
    """
    costs: dict[str, NetworkCosts] = {}
    extracted: set[str] = set()
    pieces = []
    waiting = [going for going in survey(plan.routes, GridFolder(Path(out)), retry_failed=True) if going.state == "waiting"]
    networks = {_network(plan, going.route) for going in waiting}
    with progress.stage("measuring", len(networks), "networks") as advance:
        for going in waiting:
            key = _network(plan, going.route)
            if key not in costs:
                costs[key] = _measured(plan, going.route)
                advance(1)
            pieces.append(_piece(going, costs[key], extracted))
    return pieces


def together(pieces: Sequence[Piece], jobs: int) -> float:
    """Seconds that all paths take with so many processes at a time: extraction uses the whole machine, training a share."""
    alone = [piece.seconds - piece.extraction for piece in pieces]
    return sum(piece.extraction for piece in pieces) + max(sum(alone) / jobs, max(alone, default=0.0))


def _piece(going: Going, costs: NetworkCosts, extracted: set[str]) -> Piece:
    route, wanted = going.route, going.wanted
    epochs = wanted[-1].epochs
    extraction = disk = 0.0
    if route.features is not None and route.features not in extracted:
        extracted.add(route.features)
        extraction = costs.missing / costs.images_per_second
        disk = costs.missing * costs.feature_bytes
    training = 0.0 if heads.classical(route.recipe.model.head) is not None else epochs * costs.epoch_seconds
    # The weights of a frozen backbone are one file for all cells; a checkpoint holds the weights, the best ones, and at most two
    # moments of each.
    frozen = route.features is not None
    disk += len(wanted) * (CELL_BYTES + (costs.trained_bytes if frozen else costs.weight_bytes)) + 4 * costs.trained_bytes
    return Piece(route, len(wanted), epochs, extraction, training, len(wanted) * CELL_SECONDS, disk)


def _network(plan: Plan, route: Route) -> str:
    recipe = route.recipe
    return address(
        {
            "model": recipe.model.model_dump(mode="json", exclude={"weights_seed"}),
            "size": recipe.images.size,
            "batch": recipe.training.batch_size,
            "precision": recipe.training.mixed_precision,
            "features": route.features,
            "images": len(plan.ground.splits(recipe)[0].rows),
        }
    )


def _measured(plan: Plan, route: Route) -> NetworkCosts:
    recipe = route.recipe
    materials = plan.ground.materials(recipe)
    context = results.Context(recipe, materials, plan.ground.cache, (), Recorder(), 0.0, time.perf_counter())
    sides = plan.ground.splits(recipe)[0].rows["split"].to_numpy(dtype=str)
    return measure(context, int(np.count_nonzero(sides == "train")), int(np.count_nonzero(sides == "validation")))
