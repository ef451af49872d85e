"""Optimisers, learning-rate schedules and losses by name."""

from __future__ import annotations

from typing import Any

from keras_leuk.devices.start import start
from keras_leuk.recipe.schema import LearningRate, Training

OPTIMIZERS = {"adam": "Adam", "rmsprop": "RMSprop", "adamax": "Adamax", "sgd": "SGD", "adamw": "AdamW"}


def make_optimizer(training: Training) -> Any:
    """The Keras optimiser of a recipe; settings that the recipe does not name are Keras' own defaults."""
    start()
    import keras

    settings: dict[str, Any] = {"learning_rate": make_schedule(training.learning_rate)}
    if training.optimizer.momentum is not None:
        settings["momentum"] = training.optimizer.momentum
    if training.optimizer.weight_decay is not None:
        settings["weight_decay"] = training.optimizer.weight_decay
    return getattr(keras.optimizers, OPTIMIZERS[training.optimizer.name])(**settings)


def make_schedule(rate: LearningRate) -> Any:
    """A number, or Keras' exponential decay over steps (batches)."""
    import keras

    if rate.schedule == "constant":
        return rate.initial
    return keras.optimizers.schedules.ExponentialDecay(rate.initial, rate.decay_steps, rate.decay_rate, staircase=rate.staircase)


def rate_at(rate: LearningRate, step: int) -> float:
    """The learning rate that step number `step` (from 0) takes."""
    if rate.schedule == "constant":
        return rate.initial
    passed = step / rate.decay_steps
    return float(rate.initial * rate.decay_rate ** (int(passed) if rate.staircase else passed))


def make_metric(units: int) -> Any:
    """Accuracy of the class with the largest output; of the 0.5 threshold where there is one unit."""
    import keras

    return keras.metrics.BinaryAccuracy(name="accuracy") if units == 1 else keras.metrics.CategoricalAccuracy(name="accuracy")
