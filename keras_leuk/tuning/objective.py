"""What a trial is judged by, always on the validation side: one figure at its end, and one after each epoch for the pruner."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_leuk.errors import LeukError, UsageError, suggestion
from keras_leuk.evaluation.intervals import draws, percentile_interval, units_of
from keras_leuk.evaluation.predictions import Predictions
from keras_leuk.recipe import Recipe

MEASURES = ("loss", "accuracy", "balanced_accuracy", "macro_f1", "roc_auc")
"""What may be searched for, in the order of the tables."""

_SHAPES_LOSS = re.compile(
    r"training\.(loss|label_smoothing|focal_gamma)|model\.head(\.layers|\.output.*)?|.*_regularizer(\.l[12])?"
)
"""Keys that change what a training loss is the sum of; losses made of other terms cannot be compared."""

_SMALLEST = 1e-7
"""Least probability in a loss, Keras' own."""


@dataclass(frozen=True)
class Objective:
    """One of `MEASURES` on the validation side.

    Attributes:
        name: of the measure; ``loss`` is the mean of -ln(probability of the true class), whatever loss the recipe trains with.
        epoch_measure: what the pruner is told of each epoch: ``val_loss`` or ``val_accuracy``. Where the search changes what
            the training loss is made of, it is the accuracy.
    """

    name: str
    epoch_measure: str

    @classmethod
    def of(cls, name: str, keys: tuple[str, ...]) -> Objective:
        """The objective of a search over some keys.

        Raises:
            UsageError: no such objective.
        """
        if name not in MEASURES:
            raise UsageError(f"--objective {name!r} is unknown{suggestion(name, MEASURES)}")
        comparable = not any(_SHAPES_LOSS.fullmatch(key) for key in keys)
        return cls(name, "val_loss" if name == "loss" and comparable else "val_accuracy")

    @property
    def smaller_is_better(self) -> bool:
        return self.name == "loss"

    @property
    def direction(self) -> str:
        return "minimize" if self.smaller_is_better else "maximize"

    @property
    def epoch_words(self) -> str:
        """What the pruner is told of an epoch, in the direction of the objective."""
        return "1 - val_accuracy" if self.smaller_is_better and self.epoch_measure == "val_accuracy" else self.epoch_measure

    def after_epoch(self, facts: Mapping[str, float]) -> float:
        """What the pruner is told of one epoch: better in the direction of the objective."""
        value = float(facts[self.epoch_measure])
        return 1.0 - value if self.epoch_words == "1 - val_accuracy" else value

    def better(self, value: float, best: float | None) -> bool:
        if best is None or math.isnan(best):
            return True
        return value < best if self.smaller_is_better else value > best


def keeps_best(recipe: Recipe) -> bool:
    """Whether a run ends with the weights of its best epoch: then an epoch counts as much as the best one so far."""
    stopping = recipe.training.early_stopping
    return stopping.enabled is not False and stopping.restore_best


def measured(predictions: Predictions, metrics: Mapping[str, Any], side: str) -> dict[str, dict[str, Any]]:
    """`MEASURES` on one side of a run, each with value, low, high and, where undefined, a reason.

    Args:
        metrics: content of metrics.json.
    """
    found = {"loss": log_loss(predictions, side)}
    return found | {name: metrics[side][name] for name in MEASURES if name != "loss"}


def log_loss(predictions: Predictions, side: str) -> dict[str, float | None]:
    """Mean of -ln(probability of the true class) over one side, in nats, with its bootstrap interval.

    The interval is made like those of metrics.json: percentiles over subjects where all are known, else over images.

    Raises:
        LeukError: the side holds no images.
    """
    rows, meaning = predictions.side(side), predictions.meaning
    if rows.empty:
        raise LeukError(f"the run has no {side} images")
    chances = predictions.probabilities(rows)[np.arange(len(rows)), predictions.labels(rows)]
    costs = -np.log(np.maximum(chances, _SMALLEST))
    units = units_of(rows)
    resampled = draws(units, meaning.resamples, meaning.seed, side)
    # A sum and no matrix product, whose last bits depend on the number of threads.
    values = [(drawn[:, units.of_row] * costs).sum(axis=1) / drawn[:, units.of_row].sum(axis=1) for drawn in resampled]
    interval = percentile_interval(np.concatenate(values), meaning.confidence, units.kind, len(units.names))
    return {"value": float(costs.mean()), "low": interval.low, "high": interval.high}
