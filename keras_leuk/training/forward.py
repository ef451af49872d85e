"""The forward pass over many rows, in batches of one fixed shape.

The last batch is padded: every image goes through the very same compiled function whatever its company, so the same picture
gives the same bits in training, evaluation and prediction. Rows of the next batch are read while this one is computed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_leuk.devices.start import start
from keras_leuk.images.ahead import ahead
from keras_leuk.images.views import Views
from keras_leuk.progress import Progress
from keras_leuk.store.arrays import StoredRows

BATCH = 32

Rows = np.ndarray | StoredRows | Views
"""Whatever an array of row numbers fetches rows from."""


class ForwardPass(ABC):
    """A compiled inference pass of some engine (`training.engines.make_forward`).

    Attributes:
        output_shape: of one row.
    """

    output_shape: tuple[int, ...]

    @abstractmethod
    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Outputs for at most `BATCH` rows, float32 (n, *output_shape)."""

    @abstractmethod
    def blocks(self, rows: Rows, index: np.ndarray) -> Iterator[np.ndarray]:
        """Outputs for rows of a store, `BATCH` rows at a time, in order; the next batches are read meanwhile."""

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


class Forward(ForwardPass):
    """TensorFlow's own pass; it follows the model's weights as they change.

    Args:
        model: Keras model with one input and one output.
        dtype: of the rows it will be fed (uint8 pictures, float32 features).
        xla: compile the graph with XLA.
    """

    def __init__(self, model: Any, dtype: Any = "uint8", *, xla: bool = False):
        start()
        import tensorflow as tf

        self.output_shape = tuple(model.output.shape[1:])
        signature = [tf.TensorSpec((BATCH, *model.input.shape[1:]), tf.as_dtype(dtype))]
        # Compute type is the model's; inputs are cast inside, so pictures travel as bytes.
        self._call = tf.function(
            lambda rows: tf.cast(model(tf.cast(rows, tf.float32), training=False), tf.float32),
            signature,
            jit_compile=True if xla else None,
        )

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        import tensorflow as tf

        outputs: np.ndarray = self._call(tf.constant(padded(rows, BATCH))).numpy()
        return outputs[: len(rows)]

    def blocks(self, rows: Rows, index: np.ndarray) -> Iterator[np.ndarray]:
        for batch in read_ahead(rows, index):
            yield self(batch)


def read_ahead(rows: Rows, index: np.ndarray) -> Iterator[np.ndarray]:
    """Rows of a store, `BATCH` at a time, read by a thread of its own that is at most two batches ahead."""
    parts = [index[begin : begin + BATCH] for begin in range(0, len(index), BATCH)]
    return ahead(lambda part: rows[part], parts, threads=1, beyond=1)


def padded(rows: np.ndarray, count: int) -> np.ndarray:
    """Rows, and as many of zeros behind them as are wanting to `count`."""
    wanting = count - len(rows)
    return rows if wanting == 0 else np.concatenate([rows, np.zeros((wanting, *rows.shape[1:]), rows.dtype)])
