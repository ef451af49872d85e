"""A small head on made-up features that tell the classes apart, but not quite."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_leuk.devices.start import start

_RNG = np.random.default_rng(0)

ROWS = _RNG.normal(size=(90, 12)).astype(np.float32)
LABELS = (ROWS[:, 0] + 0.5 * _RNG.normal(size=90) > 0).astype(int)
TARGETS = np.eye(2, dtype=np.float32)[LABELS]


def small_head() -> Any:
    """An untrained head with batch normalisation and dropout, the same at each call."""
    start()
    import keras

    keras.backend.clear_session()
    inputs = keras.Input((12,))
    tensor = keras.layers.Dense(8, activation="relu", kernel_initializer=keras.initializers.GlorotUniform(seed=1))(inputs)
    tensor = keras.layers.BatchNormalization()(tensor)
    tensor = keras.layers.Dropout(0.4, seed=1)(tensor)
    outputs = keras.layers.Dense(2, activation="softmax", kernel_initializer=keras.initializers.GlorotUniform(seed=2))(tensor)
    return keras.Model(inputs, outputs)
