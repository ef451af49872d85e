"""The tf.data pipeline: rows of a memory map in, batches out, the same batches for the same (seed, epoch).

A `Feed` serves cached pictures (uint8) and stored features (float32) alike. It holds no copy of the data: each batch is gathered
from the memory map when it is its turn, one batch ahead of training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from keras_leuk.devices.start import start
from keras_leuk.recipe.randomness import generator

Transform = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
"""``transform(batch, positions, epoch)``: changes a batch of pictures; `positions` are places in the training table."""

PREFETCH = 2


class Feed:
    """Batches of one side of the split.

    Args:
        rows: (stored, *shape) memory map.
        index: int (n,), the row of each item.
        targets: float32 (n, units).
        weights: float32 (n,) sample weights, or None.
        batch_size: items a batch; the last one may be smaller.
        shuffle_seed: None keeps the order (validation, test); else the order of epoch e depends on (seed, e) alone.
        transform: changes of training pictures; never given for validation or test.
    """

    def __init__(
        self,
        rows: np.ndarray,
        index: np.ndarray,
        targets: np.ndarray,
        *,
        weights: np.ndarray | None = None,
        batch_size: int,
        shuffle_seed: int | None = None,
        transform: Transform | None = None,
    ):
        self.rows, self.index, self.targets, self.weights = rows, index, targets, weights
        self.batch_size, self.shuffle_seed, self.transform = batch_size, shuffle_seed, transform
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.index)

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return -(-len(self.index) // self.batch_size)

    def order(self, epoch: int) -> np.ndarray:
        """Places in the side's table, in the order of an epoch."""
        if self.shuffle_seed is None:
            return np.arange(len(self.index))
        return generator(self.shuffle_seed, "order", epoch).permutation(len(self.index))

    def batches(self) -> Iterator[tuple[np.ndarray, ...]]:
        """(inputs, targets[, weights]) of the epoch that `epoch` names when iteration starts."""
        epoch = self.epoch
        order = self.order(epoch)
        for start_at in range(0, len(order), self.batch_size):
            places = order[start_at : start_at + self.batch_size]
            batch = self.rows[self.index[places]]
            if self.transform is not None:
                batch = self.transform(batch, places, epoch)
            if self.weights is None:
                yield batch, self.targets[places]
            else:
                yield batch, self.targets[places], self.weights[places]

    def dataset(self) -> Any:
        """A `tf.data.Dataset` over `batches`; each iteration takes the epoch that `self.epoch` names by then."""
        start()
        import tensorflow as tf

        signature = [
            tf.TensorSpec((None, *self.rows.shape[1:]), tf.as_dtype(self.rows.dtype)),
            tf.TensorSpec((None, *self.targets.shape[1:]), tf.float32),
        ]
        if self.weights is not None:
            signature.append(tf.TensorSpec((None,), tf.float32))
        data = tf.data.Dataset.from_generator(self.batches, output_signature=tuple(signature))
        options = tf.data.Options()
        # Batches come from Python: there is nothing that several replicas could read a share of.
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
        return data.apply(tf.data.experimental.assert_cardinality(self.steps)).prefetch(PREFETCH).with_options(options)


def flips(count: int, seed: int, *, horizontal: bool, vertical: bool) -> Transform | None:
    """Random mirror images; whether an image is flipped in an epoch depends on (seed, epoch, image) alone.

    Args:
        count: items of the training side.
    """
    if not (horizontal or vertical):
        return None

    def transform(batch: np.ndarray, places: np.ndarray, epoch: int) -> np.ndarray:
        draws = generator(seed, "flip", epoch).random((count, 2))[places] < 0.5
        batch = np.array(batch)
        if horizontal:
            batch[draws[:, 0]] = batch[draws[:, 0], :, ::-1]
        if vertical:
            batch[draws[:, 1]] = batch[draws[:, 1], ::-1]
        return batch

    return transform
