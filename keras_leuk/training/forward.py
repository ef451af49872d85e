"""The forward pass over many rows, in batches of one fixed shape.

The last batch is padded: every image goes through the very same compiled function whatever its company, so the same picture
gives the same bits in training, evaluation and prediction.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_leuk.devices.start import start
from keras_leuk.images.views import Views
from keras_leuk.progress import Progress
from keras_leuk.store.arrays import StoredRows

BATCH = 32

Rows = np.ndarray | StoredRows | Views
"""Whatever an array of row numbers fetches rows from."""


class Forward:
    """A compiled inference pass.

    Args:
        model: Keras model with one input and one output.
        dtype: of the rows it will be fed (uint8 pictures, float32 features).
    """

    def __init__(self, model: Any, dtype: Any = "uint8"):
        start()
        import tensorflow as tf

        self.output_shape = tuple(model.output.shape[1:])
        signature = [tf.TensorSpec((BATCH, *model.input.shape[1:]), tf.as_dtype(dtype))]
        # Compute type is the model's; inputs are cast inside, so pictures travel as bytes.
        self._call = tf.function(lambda rows: tf.cast(model(tf.cast(rows, tf.float32), training=False), tf.float32), signature)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Outputs for at most `BATCH` rows, float32 (n, *output_shape)."""
        import tensorflow as tf

        count = len(rows)
        if count < BATCH:
            rows = np.concatenate([rows, np.zeros((BATCH - count, *rows.shape[1:]), rows.dtype)])
        outputs: np.ndarray = self._call(tf.constant(rows)).numpy()
        return outputs[:count]

    def blocks(self, rows: Rows, index: np.ndarray) -> Iterator[np.ndarray]:
        """Outputs for rows of a store, a batch at a time."""
        for begin in range(0, len(index), BATCH):
            yield self(rows[index[begin : begin + BATCH]])

    def all(self, rows: Rows, index: np.ndarray, progress: Progress | None = None, stage: str = "predicting") -> np.ndarray:
        """Outputs for rows of a store, float32 (n, *output_shape)."""
        outputs = np.empty((len(index), *self.output_shape), np.float32)
        done = 0
        with (progress or Progress()).stage(stage, len(index), "images") as advance:
            for block in self.blocks(rows, index):
                outputs[done : done + len(block)] = block
                done += len(block)
                advance(len(block))
        return outputs
