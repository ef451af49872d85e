"""The measurement of a machine, stage by stage. Start at `bench`, which is its table of contents.

Everything that is written while measuring (bitmaps, image caches, feature stores) goes into one temporary folder and is removed
with it, however the measurement ends.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from keras_leuk.bench import heads, machine, networks, reading
from keras_leuk.bench.allowance import Allowance, Task
from keras_leuk.bench.pictures import files
from keras_leuk.bench.projection import PAPER, grid_of, project, slower
from keras_leuk.bench.request import Request
from keras_leuk.bench.turns import Way, summary, take_turns
from keras_leuk.devices.threads import cores
from keras_leuk.images.cache import Pictures
from keras_leuk.models.assembly import Classifier
from keras_leuk.models.backbones import Backbone, find
from keras_leuk.papers.library import paper
from keras_leuk.papers.replicate_costs import HEAD_MS, MEASURED_SIZE, costs_of
from keras_leuk.progress import Progress
from keras_leuk.recipe import load
from keras_leuk.store.address import cache_folder
from keras_leuk.training.engine_choice import choose
from keras_leuk.training.engines import described
from keras_leuk.training.preflight import check

STAGES = ("decode", "augment", "extract", "head", "fine-tune")

WEIGHTS = {"decode": 1.0, "augment": 1.0, "extract": 5.0, "head": 2.0, "fine-tune": 5.0}
"""Shares of the seconds, relative to each other."""

MOST = 4096
"""Most images of a turn; a larger number would measure nothing new."""

HEAD_SECONDS = 6.0
"""With less time for a head, its epochs have fewer rows."""

FEW_ROWS = 1024

HEAD_COMPILES = 2.0
"""Seconds for compiling the ways of training a head. Assumed: as seen on 2 cores."""


def bench(request: Request, *, command: Sequence[str] = (), progress: Progress | None = None) -> dict[str, Any]:
    """Measures every stage that the seconds allow.

    Args:
        command: words of the command line, for the record.

    Returns:
        plain values, what bench.json holds: ``machine``, ``settings``, ``stages`` (see `turns.summary`), ``not_measured`` (stage,
        backbone and why) and ``projection`` (see `projection.project`).

    Raises:
        LeukError: the images or the network cannot be had.
    """
    progress = progress or Progress()
    with tempfile.TemporaryDirectory(prefix="keras-leuk-bench-") as folder:
        facts = machine.machine()
        going = _Measurement(request, Path(folder), progress)
        going.all_stages()
    return {
        "command": list(command),
        "machine": facts,
        "settings": going.settings(),
        "stages": going.stages,
        "not_measured": going.left_out,
        "projection": project(grid_of(paper(PAPER)), going.stages),
    }


@dataclass(frozen=True)
class _Race:
    """Ways to be measured against each other; `beside` are no ceiling, images come in multiples of `step` up to `most`."""

    ways: Mapping[str, Way]
    step: int = reading.BATCH
    most: int | None = None
    beside: tuple[str, ...] = ()


class _Measurement:
    """A measurement under way: what has been measured, and the seconds that are left."""

    def __init__(self, request: Request, folder: Path, progress: Progress):
        self.request, self.folder, self.progress = request, folder, progress
        self.stages: list[dict[str, Any]] = []
        self.left_out: list[dict[str, str | None]] = []
        self.threads = cores()
        self.files = files(request.data, request.seconds, folder, progress)
        self.allowance = Allowance(request.seconds, self._tasks())
        self.engines: dict[str, str] = {}
        self.frozen: tuple[str, Classifier] | None = None

    def _tasks(self) -> list[Task]:
        tasks = [Task(stage, None, WEIGHTS[stage], lambda: 0.0) for stage in STAGES[:2]]
        # Features of all networks before training of any: that takes longest, and is what a short measurement does without.
        for stages in (STAGES[2:4], STAGES[4:]):
            for network in self.request.networks:
                tasks += [Task(stage, network.name, WEIGHTS[stage], partial(self._least, stage, network)) for stage in stages]
        return tasks

    def _least(self, stage: str, network: Backbone) -> float:
        """Seconds that the least of a stage is expected to take: compiling, and two batches of each way."""
        size = self.request.size_of(network)
        return least(stage, network.name, size, slowness(self.stages))

    def all_stages(self) -> None:
        """Measures one after another."""
        with self.progress.stage("measuring", len(self.allowance.tasks), "stages") as advance:
            while (due := self.allowance.next()) is not None:
                task, seconds, needed = due
                if seconds is None:
                    left = f"{max(self.allowance.left, 0):.0f} of {self.request.seconds:g} s were left"
                    why = f"it needs about {needed:.0f} s; {left}"
                    self.left_out.append({"stage": task.stage, "backbone": task.backbone, "why": why})
                else:
                    self._measure(task, seconds)
                advance(1)

    def _measure(self, task: Task, seconds: float) -> None:
        self.progress.say(f"measuring {task.stage} {task.backbone or ''}".rstrip())
        network = find(task.backbone) if task.backbone else self.request.networks[0]
        size = self.request.size_of(network)
        race = self._race(task.stage, network, size, seconds)
        turns = take_turns(race.ways, seconds=seconds, step=race.step, most=race.most or MOST, progress=self.progress)
        self.stages.append({"stage": task.stage, "backbone": task.backbone, "size": size, **summary(turns, beside=race.beside)})

    def _race(self, stage: str, network: Backbone, size: int, seconds: float) -> _Race:
        paths = self.files.paths
        match stage:
            case "decode":
                ways = reading.decoding(paths, size, self.threads, self.folder)
                return _Race(ways, min(reading.BATCH, len(paths)), len(paths))
            case "augment":
                return _Race(reading.augmenting(self._cached(size), self.threads))
            case "extract":
                ways = networks.extracting(
                    self._frozen(network, size), self._cached(size), self._engine(network), self.threads, self.folder
                )
                return _Race(ways, beside=(networks.NOTEBOOK,))
            case "head":
                rows = heads.ROWS if seconds >= HEAD_SECONDS else FEW_ROWS
                return _Race(
                    heads.training_heads(self._frozen(network, size), rows, self.folder), rows, 10 * rows, (heads.MODEL_FIT,)
                )
            case _:
                return _Race(networks.tuning(network, size, self._cached(size), MOST))

    def _cached(self, size: int) -> Pictures:
        """The pictures in an image cache; decoded once a size."""
        return reading.cached(self.files.paths, size, self.threads, self.folder)

    def _frozen(self, network: Backbone, size: int) -> Classifier:
        """The network with its backbone frozen; only the last one is held."""
        if self.frozen is None or self.frozen[0] != network.name:
            self.frozen = network.name, networks.network(network, size, "none")
        return self.frozen[1]

    def _engine(self, network: Backbone) -> str:
        """The engine that training would take for a frozen backbone; what it tries to know is kept for training, too."""
        flags = {"model.backbone": network.name, "images.size": self.request.image_size, "model.engine": self.request.engine}
        recipe = load(None, flags=flags)
        engine = choose(recipe, check(recipe), cache_folder(None), self.progress)
        self.engines[network.name] = described(engine)
        return engine

    def settings(self) -> dict[str, Any]:
        """What was asked for, with whatever it left open."""
        return {
            "backbones": list(self.request.backbones),
            "image_size": self.request.image_size,
            "engine": self.request.engine,
            "engines": dict(self.engines),
            "threads": self.threads,
            "seconds": self.request.seconds,
            "images": self.files.words,
            "batch": reading.BATCH,
            "head": networks.HEAD,
            "augmentation": reading.AUGMENTATION,
        }


def slowness(stages: Sequence[Mapping[str, Any]]) -> float:
    """How many times as long this machine takes as the reference machine, by the networks measured so far; 1 before the first."""
    found = [slower(stage) for stage in stages if stage["stage"] == "extract"]
    return statistics.median(found) if found else 1.0


def least(stage: str, backbone: str, size: int, slow: float) -> float:
    """Seconds that the least of a network's stage takes, roughly: compiling, and a warm-up and a turn of each way.

    Args:
        slow: see `slowness`.
    """
    unit, batches = costs_of(backbone), 2 * reading.BATCH * (size / MEASURED_SIZE) ** 2 / 1000 * slow
    match stage:
        case "extract":
            return unit.build_s + 3 * (unit.compile_forward_s + batches * unit.forward_ms)
        case "head":
            return HEAD_COMPILES + 10 * FEW_ROWS * HEAD_MS / 1000
        case _:
            return unit.build_s + 2 * (unit.compile_step_s + batches * unit.step_ms)
