"""The tf.data pipeline: rows of a store in, batches out, the same batches for the same (seed, epoch).

A `Feed` serves cached pictures (uint8) and stored features (float32) alike. It holds no copy of the data: each batch is gathered
when its turn comes, a few batches ahead of training. Pictures are augmented while they are gathered, a batch a thread, so that
the order in which threads are done changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import cv2
import numpy as np

from keras_leuk.devices.start import preparing, start
from keras_leuk.images.ahead import ahead
from keras_leuk.images.augmentation import Augmentation, Picture, draw
from keras_leuk.recipe.augment import Augment
from keras_leuk.recipe.randomness import generator
from keras_leuk.store.arrays import Blocks, StoredRows, aligned

PREFETCH = 2

Batch = tuple[np.ndarray, ...]
"""(inputs, targets) or (inputs, targets, sample weights)."""


class Augmenter:
    """Draws and applies the augmentation of training pictures.

    Args:
        augment: the recipe's section.
        seed: of the run.
        keys: content hash of the picture at each place of the training side.
        shape: (height, width, 3) of the pictures.
    """

    def __init__(self, augment: Augment, seed: int, keys: Sequence[str], shape: tuple[int, ...]):
        self.augment, self.seed, self.keys = augment, seed, list(keys)
        self.height, self.width = int(shape[0]), int(shape[1])
        self._augmentation = Augmentation(augment, self.height, self.width)
        self._blocks = Blocks()

    def batch(
        self, rows: StoredRows | np.ndarray, numbers: np.ndarray, places: np.ndarray, copies: np.ndarray, epoch: int
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """The pictures that an epoch shows, and mixup's shares.

        Args:
            rows: store of the pictures.
            numbers: int (n,), their rows.
            places: int (n,), places in the training side.
            copies: int (n,), 0 for the first time that the epoch shows the picture, then 1 and so on.

        Returns:
            uint8 (n, height, width, 3), and float64 (n,), or None without mixup.
        """
        pictures = [Picture(self.keys[place], int(copy)) for place, copy in zip(places, copies, strict=True)]
        draws = draw(self.augment, self.seed, epoch, pictures, self.height, self.width)
        matrices = self._augmentation.matrices(draws)
        out = self._blocks.take((len(places), self.height, self.width, 3), np.uint8)
        # One buffer for all: a fresh one for each picture would cost more than reading it.
        buffer = np.empty((self.height, self.width, 3), np.uint8)
        for at, number in enumerate(numbers):
            if isinstance(rows, StoredRows):
                rows.read(int(number), buffer)
            self._augmentation.apply(buffer if isinstance(rows, StoredRows) else rows[number], out[at], draws, at, matrices[at])
        return out, draws.mix if self.augment.mixup else None


class Feed:
    """Batches of one side of the split.

    Args:
        rows: store of pictures or features, (stored, *shape).
        index: int (n,), the row of each item; or (views, n), where epoch e takes view (e - 1 + copy) modulo views.
        targets: float32 (n, units).
        weights: float32 (n,) sample weights, or None.
        batch_size: items a batch; the last one may be smaller.
        shuffle_seed: None keeps the order (validation, test); else the order of epoch e depends on (seed, e) alone.
        oversample: int (n,), the class of each item: every epoch shows each item once, and items of smaller classes drawn at
            random, with replacement, until all classes are as large as the largest. None shows each item once.
        augmenter: changes of training pictures; never given for validation or test.
        threads: that augment (None: `devices.start.preparing`).
    """

    def __init__(
        self,
        rows: StoredRows | np.ndarray,
        index: np.ndarray,
        targets: np.ndarray,
        *,
        weights: np.ndarray | None = None,
        batch_size: int,
        shuffle_seed: int | None = None,
        oversample: np.ndarray | None = None,
        augmenter: Augmenter | None = None,
        threads: int | None = None,
    ):
        if oversample is not None and shuffle_seed is None:
            raise ValueError("over-sampling needs a seed")
        self.rows, self.index, self.targets, self.weights = rows, np.atleast_2d(index), targets, weights
        self.batch_size, self.shuffle_seed, self.augmenter = batch_size, shuffle_seed, augmenter
        self.oversample, self.threads = oversample, threads
        self.epoch = 0

    def __len__(self) -> int:
        """Items that an epoch shows, repetitions included."""
        if self.oversample is None:
            return len(self.targets)
        counts = np.bincount(self.oversample)
        return int(counts.max() * (counts > 0).sum())

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return -(-len(self) // self.batch_size)

    def order(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """What an epoch shows: places in the side's table, and which time it is that the epoch shows that item (0, 1, …)."""
        places = np.arange(len(self.targets))
        copies = np.zeros_like(places)
        if self.shuffle_seed is None:
            return places, copies
        if self.oversample is not None:
            extra = _extra(self.oversample, generator(self.shuffle_seed, "oversample", epoch))
            places, copies = np.concatenate([places, extra]), np.concatenate([copies, 1 + _times_before(extra)])
        shuffled = generator(self.shuffle_seed, "order", epoch).permutation(len(places))
        return places[shuffled], copies[shuffled]

    def numbers(self, epoch: int, places: np.ndarray, copies: np.ndarray) -> np.ndarray:
        """The row that each entry of an epoch's order shows, int64 (n,)."""
        shown: np.ndarray = self.index[(epoch - 1 + copies) % len(self.index), places]
        return shown

    def batches(self) -> Iterator[Batch]:
        """Batches of the epoch that `epoch` names when iteration starts."""
        epoch = self.epoch
        places, copies = self.order(epoch)
        parts = [
            (places[at : at + self.batch_size], copies[at : at + self.batch_size])
            for at in range(0, len(places), self.batch_size)
        ]
        make = partial(self._batch, epoch)
        return map(make, parts) if self.augmenter is None else ahead(make, parts, threads=self.threads or preparing())

    def _batch(self, epoch: int, part: tuple[np.ndarray, np.ndarray]) -> Batch:
        places, copies = part
        numbers = self.numbers(epoch, places, copies)
        targets = self.targets[places]
        weights = None if self.weights is None else self.weights[places]
        if self.augmenter is None:
            inputs = self.rows[numbers]
        else:
            inputs, shares = self.augmenter.batch(self.rows, numbers, places, copies, epoch)
            if shares is not None:
                inputs, targets, weights = mixed(inputs, targets, weights, shares)
        return (inputs, targets) if weights is None else (inputs, targets, weights)

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
        # There is nothing to tune here, and the end of an epoch would now and then wait for the tuning thread to wake up.
        options.autotune.enabled = False
        # Batches come from Python: there is nothing that several replicas could read a share of.
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
        return data.apply(tf.data.experimental.assert_cardinality(self.steps)).prefetch(PREFETCH).with_options(options)


def near(data: Any) -> Any:
    """The same data set; where there is a GPU, batches are copied to it, as bytes, while it computes on the ones before."""
    start()
    import tensorflow as tf

    gpus = tf.config.list_logical_devices("GPU")
    return data.apply(tf.data.experimental.prefetch_to_device(gpus[0].name, PREFETCH)) if len(gpus) == 1 else data


def mixed(
    pictures: np.ndarray, targets: np.ndarray, weights: np.ndarray | None, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Mixup (Zhang et al. 2018): each picture with the next one of its batch, the last with the first.

    Args:
        pictures: uint8 (n, height, width, 3).
        targets: float32 (n, units), mixed in the same shares; so are the weights.
        shares: float64 (n,), how much of the picture itself stays.
    """
    out = aligned(pictures.shape, np.uint8)
    for number, share in enumerate(shares):
        cv2.addWeighted(pictures[number], share, pictures[(number + 1) % len(pictures)], 1.0 - share, 0.0, dst=out[number])
    own = shares.astype(np.float32)
    column = own[:, None]
    targets = column * targets + (1 - column) * np.roll(targets, -1, axis=0)
    return out, targets, None if weights is None else own * weights + (1 - own) * np.roll(weights, -1)


def _extra(classes: np.ndarray, random: np.random.Generator) -> np.ndarray:
    counts = np.bincount(classes)
    drawn = [random.choice(np.flatnonzero(classes == c), counts.max() - n) for c, n in enumerate(counts) if 0 < n < counts.max()]
    return np.concatenate(drawn) if drawn else np.empty(0, np.int64)


def _times_before(places: np.ndarray) -> np.ndarray:
    """How often each entry has occurred before it in the array."""
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    first = np.searchsorted(ordered, ordered)
    before = np.empty_like(places)
    before[order] = np.arange(len(places)) - first
    return before
