"""Optimisers, learning-rate schedules, losses and metrics by name."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keras_leuk.devices.start import start
from keras_leuk.recipe.training import LearningRate, Training
from keras_leuk.training.fused import fused

OPTIMIZERS = {"adam": "Adam", "rmsprop": "RMSprop", "adamax": "Adamax", "sgd": "SGD", "adamw": "AdamW"}

ARITHMETIC = 2
"""Counted up whenever training leads to other numbers in a way that no other fact shows (2: updates by TensorFlow's kernels)."""

LOSSES = {
    "categorical_crossentropy": "CategoricalCrossentropy",
    "binary_crossentropy": "BinaryCrossentropy",
    "categorical_focal_crossentropy": "CategoricalFocalCrossentropy",
    "binary_focal_crossentropy": "BinaryFocalCrossentropy",
}


@dataclass(frozen=True)
class Span:
    """How long a phase of training is.

    Attributes:
        steps: batches an epoch.
        epochs: of the phase.
        accumulation: batches an update.
    """

    steps: int
    epochs: int
    accumulation: int = 1

    def updates(self, epochs: float) -> int:
        """Updates of the weights that so many epochs make."""
        return int(round(self.steps * epochs) // self.accumulation)


def make_optimizer(training: Training, rate: LearningRate, span: Span, factors: Mapping[str, float] | None = None) -> Any:
    """The Keras optimiser of a recipe; settings that the recipe does not name are Keras' own defaults.

    Args:
        rate: the learning rate of this phase.
        factors: learning rate of some variables, by path, as a multiple of the rate. Keras has no groups of parameters, and
            scaling gradients would do nothing to Adam, so the rate itself is scaled, variable by variable.
    """
    start()
    import keras

    optimizer = training.optimizer
    named = {
        "momentum": optimizer.momentum,
        "weight_decay": optimizer.weight_decay,
        "clipnorm": optimizer.clip_norm,
        "global_clipnorm": optimizer.clip_global_norm,
        "clipvalue": optimizer.clip_value,
        "ema_momentum": optimizer.ema,
    }
    settings: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    settings["learning_rate"] = make_schedule(rate, span)
    if optimizer.ema is not None:
        settings["use_ema"] = True
    if training.accumulation_steps > 1:
        settings["gradient_accumulation_steps"] = training.accumulation_steps
    kind: Any = fused(getattr(keras.optimizers, OPTIMIZERS[optimizer.name]))
    scales = {path: factor for path, factor in (factors or {}).items() if factor != 1.0}
    if not scales:
        return kind(**settings)

    class Scaled(kind):  # type: ignore[misc]
        """The same optimiser with a rate for each variable."""

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            super().update_step(gradient, variable, learning_rate * scales.get(_path(variable), 1.0))

    return Scaled(**settings)


def _path(variable: Any) -> str:
    """Path of a variable. Keras hands TensorFlow's own to an optimiser, named by the path with ':0' and the replica behind it."""
    if hasattr(variable, "path"):
        return str(variable.path)
    return re.sub(r"(/replica_\d+)?(:\d+)?$", "", variable.name)


def make_schedule(rate: LearningRate, span: Span) -> Any:
    """A number, or a Keras schedule over updates: Keras' own decay, behind a warm-up where there is one."""
    import keras

    if rate.schedule == "constant" and not rate.warmup_epochs:
        return rate.initial
    schedules, warmup = keras.optimizers.schedules, span.updates(rate.warmup_epochs)
    if rate.schedule == "exponential":
        inner = schedules.ExponentialDecay(rate.initial, rate.decay_steps, rate.decay_rate, staircase=rate.staircase)
    elif rate.schedule == "cosine":
        inner = schedules.CosineDecay(rate.initial, max(span.updates(span.epochs) - warmup, 1), alpha=rate.final)
    else:
        inner = schedules.PolynomialDecay(rate.initial, 1, rate.initial)
    if warmup == 0:
        return inner

    class WarmUp(schedules.LearningRateSchedule):  # type: ignore[misc, name-defined]
        """Equal steps up to the first rate of the schedule that follows."""

        def __call__(self, step: Any) -> Any:
            ops = keras.ops
            done = ops.cast(step, "float32")
            rising = rate.initial * (done + 1.0) / (warmup + 1.0)
            return ops.where(done < warmup, rising, inner(ops.maximum(done - warmup, 0.0)))

        def get_config(self) -> dict[str, Any]:
            return {}

    return WarmUp()


def rate_at(rate: LearningRate, span: Span, update: int) -> float:
    """The learning rate of update number `update` (from 0) of a phase."""
    warmup = span.updates(rate.warmup_epochs)
    if update < warmup:
        return rate.initial * (update + 1) / (warmup + 1)
    passed = update - warmup
    if rate.schedule == "exponential":
        decays = passed / rate.decay_steps
        return float(rate.initial * rate.decay_rate ** (int(decays) if rate.staircase else decays))
    if rate.schedule == "cosine":
        share = min(passed / max(span.updates(span.epochs) - warmup, 1), 1.0)
        return rate.initial * (rate.final + (1 - rate.final) * (1 + math.cos(math.pi * share)) / 2)
    return rate.initial


def make_loss(training: Training) -> Any:
    """The Keras loss of a recipe."""
    import keras

    settings: dict[str, Any] = {"label_smoothing": training.label_smoothing}
    if "focal" in training.loss:
        settings["gamma"] = training.focal_gamma
    return getattr(keras.losses, LOSSES[training.loss])(**settings)


def make_metric(units: int) -> Any:
    """Accuracy of the class with the largest output; of the 0.5 threshold where there is one unit."""
    import keras

    return keras.metrics.BinaryAccuracy(name="accuracy") if units == 1 else keras.metrics.CategoricalAccuracy(name="accuracy")
