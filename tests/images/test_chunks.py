from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_leuk.images.augmentation import Augment
from keras_leuk.images.chunks import PIECES, Chunks
from keras_leuk.images.pipeline import Augmenter, Feed

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(40, 3)).astype(np.float32)
ROW_BYTES = 12


def _feed(count: int, views: int, batch_size: int, *, even: bool, weights: bool, rows: Any = ROWS) -> Feed:
    classes = np.arange(count) % 3
    return Feed(
        rows,
        np.random.default_rng(1).integers(0, len(rows), (views, count)),
        np.eye(3, dtype=np.float32)[classes],
        weights=np.linspace(1, 2, count, dtype=np.float32) if weights else None,
        batch_size=batch_size,
        shuffle_seed=2,
        oversample=classes if even else None,
    )


def _shown(chunks: Chunks, epoch: int) -> list[np.ndarray]:
    """What the chunks of an epoch show, column by column."""
    parts = [(chunk.rows.numpy()[chunk.order.numpy()], *(c.numpy() for c in chunk.columns)) for chunk in chunks.of(epoch)]
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 30),
    views=st.integers(1, 3),
    batch_size=st.integers(1, 9),
    held=st.integers(1, 60 * ROW_BYTES),
    even=st.booleans(),
    weights=st.booleans(),
)
def test_chunks_show_what_batches_show(count: int, views: int, batch_size: int, held: int, even: bool, weights: bool) -> None:
    feed = _feed(count, views, batch_size, even=even, weights=weights)
    chunks = Chunks(feed, held)
    for epoch in (1, 2):
        feed.epoch = epoch
        expected = [np.concatenate(column) for column in zip(*feed.batches(), strict=True)]
        assert all((a == b).all() for a, b in zip(_shown(chunks, epoch), expected, strict=True))
        found = list(chunks.of(epoch))
        assert sum(chunk.steps for chunk in found) == feed.steps
        # Whole batches, but for the last one.
        assert all(len(chunk.order) == chunk.steps * batch_size for chunk in found[:-1])
        assert all(len(chunk.rows) <= max(held // ROW_BYTES, batch_size) for chunk in found)


class Counted:
    """Rows that say how many were fetched, and hold back until they are let go on."""

    shape, dtype = ROWS.shape, ROWS.dtype

    def __init__(self) -> None:
        self.fetched: list[int] = []
        self.go_on = threading.Semaphore(0)

    def __getitem__(self, index: Any) -> np.ndarray:
        assert self.go_on.acquire(timeout=10)
        self.fetched.append(len(index))
        return ROWS[index]

    def __len__(self) -> int:
        return len(ROWS)


def test_a_small_side_is_fetched_once() -> None:
    rows = Counted()
    rows.go_on.release(1)
    chunks = Chunks(_feed(30, 1, 4, even=False, weights=False, rows=rows))
    for epoch in (1, 2, 3):
        assert len(list(chunks.of(epoch))) == 1
    assert len(rows.fetched) == 1


def test_the_next_piece_is_read_while_one_is_trained_on_and_no_more() -> None:
    rows = Counted()
    feed = Feed(rows, np.arange(40), np.zeros((40, 1), np.float32), batch_size=4, shuffle_seed=0)
    pieces = Chunks(feed, PIECES * 8 * ROW_BYTES).of(1)
    rows.go_on.release(10)
    next(pieces)
    for _ in range(200):
        if len(rows.fetched) == 2:
            break
        threading.Event().wait(0.01)
    threading.Event().wait(0.1)
    assert rows.fetched == [8, 8]
    assert len(list(pieces)) == 4
    assert rows.fetched == [8] * 5


def test_augmented_pictures_are_no_chunks() -> None:
    pictures = np.zeros((2, 8, 8, 3), np.uint8)
    augmenter = Augmenter(Augment(horizontal_flip=True), 0, ["a", "b"], (8, 8, 3))
    with pytest.raises(ValueError, match="a batch at a time"):
        Chunks(Feed(pictures, np.arange(2), np.zeros((2, 1), np.float32), batch_size=1, shuffle_seed=0, augmenter=augmenter))
