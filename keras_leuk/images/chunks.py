"""What an epoch shows, in chunks that compiled code trains on without asking Python for every batch.

A small side is held once and read through an order of its own in every epoch. A larger one is read anew in each epoch, in
pieces, one of which is read while the one before it is trained on; memory stays flat however many images there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from keras_leuk.devices.start import start
from keras_leuk.images.ahead import ahead
from keras_leuk.images.pipeline import Feed

HELD_BYTES = 64_000_000
"""Most bytes of a side's rows that are held at a time."""

PIECES = 4
"""A side that is larger comes in pieces of a quarter of that: one in training, one being read, and what copying them takes."""


@dataclass(frozen=True)
class Chunk:
    """Consecutive batches of an epoch.

    Attributes:
        rows: tensor (held, *shape), in no order that means anything.
        order: int32 tensor (n,), the place among `rows` of each item that is shown.
        columns: (targets,) or (targets, sample weights), float32 tensors (n, …) in the order of showing.
        steps: batches; the last one of an epoch may be smaller than the others.
    """

    rows: Any
    order: Any
    columns: tuple[Any, ...]
    steps: int


class Chunks:
    """The chunks of a feed that is not augmented.

    Args:
        feed: stored features.
        held_bytes: most bytes of rows that are held at a time (None: `HELD_BYTES`); a batch is held whatever its size.
    """

    def __init__(self, feed: Feed, held_bytes: int | None = None):
        if feed.augmenter is not None:
            raise ValueError("augmented pictures are made a batch at a time")
        self.feed = feed
        held_bytes = HELD_BYTES if held_bytes is None else held_bytes
        row_bytes = int(np.prod(feed.rows.shape[1:])) * np.dtype(feed.rows.dtype).itemsize
        self._distinct, self._place = np.unique(feed.index, return_inverse=True)
        self._place = self._place.reshape(feed.index.shape)
        self._small = len(self._distinct) * row_bytes <= held_bytes
        self._piece = max(held_bytes // PIECES // row_bytes // feed.batch_size, 1) * feed.batch_size
        self._held: Any = None

    def of(self, epoch: int) -> Iterator[Chunk]:
        """The chunks of an epoch, in the order of `Feed.batches`."""
        places, copies = self.feed.order(epoch)
        if self._small:
            yield self._whole(epoch, places, copies)
            return
        parts = [(places[at : at + self._piece], copies[at : at + self._piece]) for at in range(0, len(places), self._piece)]
        yield from ahead(partial(self._read, epoch), parts, threads=1, beyond=1)

    def _whole(self, epoch: int, places: np.ndarray, copies: np.ndarray) -> Chunk:
        if self._held is None:
            self._held = _tensor(self.feed.rows[self._distinct])
        shown = self._place[(epoch - 1 + copies) % len(self._place), places]
        return self._chunk(self._held, shown, places)

    def _read(self, epoch: int, part: tuple[np.ndarray, np.ndarray]) -> Chunk:
        places, copies = part
        # In the order of the file, each row once: less to read, and a disk is spared its seeking.
        numbers, order = np.unique(self.feed.numbers(epoch, places, copies), return_inverse=True)
        return self._chunk(_tensor(self.feed.rows[numbers]), order.reshape(-1), places)

    def _chunk(self, rows: Any, order: np.ndarray, places: np.ndarray) -> Chunk:
        feed = self.feed
        columns = [feed.targets] if feed.weights is None else [feed.targets, feed.weights]
        shown = tuple(_tensor(np.asarray(column[places], np.float32)) for column in columns)
        return Chunk(rows, _tensor(order.astype(np.int32)), shown, -(-len(places) // feed.batch_size))


def _tensor(array: np.ndarray) -> Any:
    """On the device that TensorFlow computes on."""
    start()
    import tensorflow as tf

    return tf.convert_to_tensor(array)
