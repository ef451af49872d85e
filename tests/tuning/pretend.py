"""A stand-in for `keras_leuk.training.run.train`: a run folder in a moment, whose figures are a function of its recipe.

It keeps what a search relies on: epochs are told through ``progress.stage("training")``, a run is resumable after any epoch, and
the folder is whole before complete.json is written.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from keras_leuk.errors import LeukError, RunError
from keras_leuk.evaluation.metrics import write_metrics
from keras_leuk.evaluation.predictions import DECISION, write_predictions
from keras_leuk.progress import Progress
from keras_leuk.recipe import Recipe, resolved_yaml
from keras_leuk.runs.folder import RunFolder
from keras_leuk.training.preflight import check

N = 90


class Killed(BaseException):
    """What SIGKILL would be: nothing catches it."""


def distance(recipe: Recipe) -> float:
    """How far a recipe is from the best one, from 0 up."""
    far = abs(math.log10(recipe.training.learning_rate.initial) + 3.0)
    return far + (0.4 if recipe.training.optimizer.name == "sgd" else 0.0)


def loss_after(recipe: Recipe, epoch: int) -> float:
    """Validation loss of an epoch: falls, and falls further for a better recipe; every third epoch is a bad one."""
    return 0.2 + 0.15 * distance(recipe) + 0.5 * math.exp(-epoch / 3) + (0.3 if epoch % 3 == 0 else 0.0)


class Pretender:
    """Called like `train`.

    Attributes:
        calls: of each call its recipe, command, number, whether the run was continued (resumed) and the epochs it trained.
        at_epoch: called after each epoch was told, with the number of the call and the epoch; may raise.
        test_flipped: gives the test side the wrong labels.
    """

    def __init__(self, at_epoch: Callable[[int, int], None] | None = None, test_flipped: bool = False):
        self.calls: list[SimpleNamespace] = []
        self.at_epoch, self.test_flipped = at_epoch, test_flipped

    def __call__(
        self, recipe: Recipe, out: Path, *, cache: Path, resume: bool, command: tuple[str, ...], progress: Progress
    ) -> SimpleNamespace:
        check(recipe)
        run = RunFolder(out)
        if run.finished or (run.started and not resume):
            raise RunError(f"{out} is taken")
        call = SimpleNamespace(recipe=recipe, resumed=resume, command=command, epochs=[], number=len(self.calls))
        self.calls.append(call)
        out.mkdir(parents=True, exist_ok=True)
        if not resume:
            run.recipe.write_text(resolved_yaml(recipe))
        progress.say("what every run says")
        progress.warn("what every run warns of")
        self._train(recipe, run, call, progress)
        _finish(recipe, run, self.test_flipped)
        return SimpleNamespace(run=run)

    def _train(self, recipe: Recipe, run: RunFolder, call: SimpleNamespace, progress: Progress) -> None:
        kept = run.path / "epochs_done"
        done = int(kept.read_text()) if kept.exists() else 0
        with progress.stage("training", recipe.training.epochs, "epochs", start=done) as advance:
            for epoch in range(done + 1, recipe.training.epochs + 1):
                loss = loss_after(recipe, epoch)
                if distance(recipe) > 2.6:
                    raise LeukError(f"the loss became inf in epoch {epoch}, batch 1; try a lower --learning-rate")
                call.epochs.append(epoch)
                advance(1, loss=loss, val_loss=loss, val_accuracy=1 - loss / 2)
                kept.write_text(str(epoch))
                if self.at_epoch is not None:
                    self.at_epoch(call.number, epoch)


def _finish(recipe: Recipe, run: RunFolder, test_flipped: bool) -> None:
    epochs = range(1, recipe.training.epochs + 1)
    best = min(epochs, key=lambda epoch: loss_after(recipe, epoch))
    write_predictions(run.predictions, _frame(recipe, best, test_flipped))
    run.meaning.write_text(json.dumps(_meaning(recipe)))
    write_metrics(run)
    (run.path / "epochs_done").unlink()
    run.finish({"schema": 1, "epochs": recipe.training.epochs, "best_epoch": best, "stopped_early": False, "test_n": N // 3})


def _frame(recipe: Recipe, best: int, test_flipped: bool) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    side = np.repeat(["train", "validation", "test"], N // 3)
    ill = np.arange(N) % 2
    strength = 2.0 / loss_after(recipe, best)
    score = strength * (ill - 0.5) + generator.normal(size=N)
    chance = 1 / (1 + np.exp(-score))
    if test_flipped:
        ill = np.where(side == "test", 1 - ill, ill)
    return pd.DataFrame(
        {
            "image": [f"cells/{number:03d}.bmp" for number in range(N)],
            "subject": [f"S{number // 6}" for number in range(N)],
            "fold": "",
            "split": side,
            "true": np.where(ill == 1, "ALL", "HEM"),
            "predicted": np.where(chance > 0.5, "ALL", "HEM"),
            "output_0": 1 - chance,
            "output_1": chance,
            "probability_HEM": 1 - chance,
            "probability_ALL": chance,
        }
    )


def _meaning(recipe: Recipe) -> dict[str, Any]:
    return {
        "schema": 1,
        "classes": ["HEM", "ALL"],
        "positive": "ALL",
        "outputs": {"activation": "softmax", "units": 2, "to_probability": "the outputs are the probabilities"},
        "decision": DECISION,
        "split": {"strategy": "subject", "seed": recipe.seed, "description": "Split by subject, no subject on two sides."},
        "selection": "validation",
        "interval": {"resamples": 100, "confidence": 0.95, "seed": recipe.seed},
        "calibration_bins": 15,
        "data": "demo (generated cells)",
        "model": "mobilenet, random weights, frozen, linear head",
        "warnings": ["what every run warns of"],
    }


TABLES = ("tune.csv", "tune.json", "best.yaml")
PAGES = ("tune.md", "figures/history.png", "figures/slices.png", "figures/history.csv")


def table(out: Path) -> pd.DataFrame:
    choices = {"training.augment.horizontal_flip": str}
    return pd.read_csv(out / "tune.csv", keep_default_na=False, na_values={"objective": [""], "reported": [""]}, dtype=choices)


def assert_same(a: Path, b: Path, names: tuple[str, ...] = TABLES) -> None:
    for name in names:
        assert (a / name).read_bytes() == (b / name).read_bytes(), name
