from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_leuk.devices.start import start
from keras_leuk.images.augmentation import Augmentation, Picture, draw
from keras_leuk.images.pipeline import Augmenter, Feed, mixed, near
from keras_leuk.recipe.augment import Augment

COUNT = 30
PICTURES = np.random.default_rng(0).integers(0, 256, (COUNT, 16, 16, 3), np.uint8)
KEYS = [hashlib.sha256(picture).hexdigest() for picture in PICTURES]
CLASSES = np.array([0] * 20 + [1] * 7 + [2] * 3)
TARGETS = np.eye(3, dtype=np.float32)[CLASSES]
STRONG = Augment(rotation_range=90, width_shift_range=0.2, zoom_range=0.3, channel_shift_range=30, salt_and_pepper=0.05)


def feed(augment: Augment | None = STRONG, **settings) -> Feed:
    given = {"batch_size": 7, "shuffle_seed": 3} | settings
    augmenter = Augmenter(augment, 5, KEYS, (16, 16, 3)) if augment else None
    return Feed(PICTURES, np.arange(COUNT), TARGETS, augmenter=augmenter, **given)


def epoch(of: Feed, number: int) -> tuple[np.ndarray, ...]:
    of.epoch = number
    return tuple(np.concatenate(parts) for parts in zip(*of.batches(), strict=True))


def test_each_picture_of_an_epoch_is_the_draw_of_seed_epoch_and_picture() -> None:
    training = feed()
    pictures, targets = epoch(training, 4)
    places, copies = training.order(4)
    assert (copies == 0).all()
    assert (targets == TARGETS[places]).all()
    augmentation = Augmentation(STRONG, 16, 16)
    for number in (0, 11, 29):
        place = places[number]
        expected = augmentation.all(PICTURES[[place]], draw(STRONG, 5, 4, [Picture(KEYS[place])], 16, 16))
        assert (pictures[number] == expected[0]).all()


@pytest.mark.parametrize("threads", [1, 5])
def test_neither_threads_nor_batches_nor_a_resume_change_a_pixel(threads: int) -> None:
    first = feed()
    epoch(first, 1)
    expected = epoch(first, 2)
    for batch_size in (1, 7, 64):
        resumed = epoch(feed(batch_size=batch_size, threads=threads), 2)
        assert all((a == b).all() for a, b in zip(expected, resumed, strict=True))


def test_epochs_differ() -> None:
    training = feed(shuffle_seed=None)
    assert (epoch(training, 1)[0] != epoch(training, 2)[0]).any()


def test_without_an_augmenter_pictures_are_as_stored() -> None:
    for number in (1, 2):
        pictures, _ = epoch(feed(None, shuffle_seed=None), number)
        assert (pictures == PICTURES).all()


def test_tensorflow_gets_the_same_batches() -> None:
    training = feed(Augment(rotation_range=30, mixup=0.5), weights=np.linspace(0, 1, COUNT, dtype=np.float32))
    data = training.dataset()
    for number in (1, 2):
        training.epoch = number
        got = [tuple(part.numpy() for part in batch) for batch in data]
        expected = list(training.batches())
        assert len(got) == training.steps == 5
        assert all((a == b).all() for one, other in zip(got, expected, strict=True) for a, b in zip(one, other, strict=True))


@settings(max_examples=30, deadline=None)
@given(
    counts=st.lists(st.integers(0, 12), min_size=2, max_size=4).filter(lambda counts: max(counts) > 0), seed=st.integers(0, 99)
)
def test_oversampling_shows_every_picture_and_evens_the_classes(counts: list[int], seed: int) -> None:
    classes = np.repeat(np.arange(len(counts)), counts)
    even = Feed(np.zeros((len(classes), 1)), np.arange(len(classes)), np.zeros((len(classes), 1)), batch_size=4,
                shuffle_seed=seed, oversample=classes)  # fmt: skip
    places, copies = even.order(1)
    assert len(places) == len(even) == max(counts) * sum(count > 0 for count in counts)
    assert set(places) == set(range(len(classes)))
    shown = np.bincount(classes[places], minlength=len(counts))
    assert all(number == (max(counts) if count else 0) for number, count in zip(shown, counts, strict=True))
    # Every time that the epoch shows a picture has a number of its own, so that it is drawn anew.
    assert len(set(zip(places, copies, strict=True))) == len(places)
    assert all(sorted(copies[places == place]) == list(range((places == place).sum())) for place in set(places))


def test_oversampling_draws_anew_each_epoch_and_the_same_again() -> None:
    training = feed(oversample=CLASSES)
    pictures, targets = epoch(training, 1)
    assert (targets.sum(axis=0) == 20).all()
    assert all((a == b).all() for a, b in zip(epoch(feed(oversample=CLASSES), 1), (pictures, targets), strict=True))
    assert sorted(training.order(1)[0]) != sorted(training.order(2)[0])
    # Copies of one picture are augmented each in its own way.
    places, _ = training.order(1)
    twice = next(place for place in range(27, 30) if (places == place).sum() > 1)
    copies = pictures[places == twice]
    assert (copies[0] != copies[1]).any()


def test_views_take_turns_by_epoch() -> None:
    features = np.arange(12, dtype=np.float32).reshape(12, 1)
    index = np.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]])
    training = Feed(features, index, np.zeros((3, 1), np.float32), batch_size=2)
    seen = [epoch(training, number)[0].ravel().tolist() for number in (1, 2, 3, 4)]
    assert seen == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 1, 2]]


@settings(max_examples=30, deadline=None)
@given(shares=st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_mixup_mixes_pictures_targets_and_weights_alike(shares: list[float]) -> None:
    share = np.array(shares)
    count = len(share)
    weights = np.arange(1, count + 1, dtype=np.float32)
    pictures, targets, mixed_weights = mixed(PICTURES[:count], TARGETS[10 : 10 + count], weights, share)
    for n in range(count):
        after = (n + 1) % count
        expected = share[n] * PICTURES[n].astype(float) + (1 - share[n]) * PICTURES[after]
        assert np.abs(pictures[n] - expected).max() <= 0.51
        assert targets[n] == pytest.approx(share[n] * TARGETS[10 + n] + (1 - share[n]) * TARGETS[10 + after], abs=1e-6)
        assert mixed_weights is not None
        assert mixed_weights[n] == pytest.approx(share[n] * weights[n] + (1 - share[n]) * weights[after], abs=1e-5)
    assert targets.sum(axis=1) == pytest.approx(np.ones(count), abs=1e-6)


def test_without_a_gpu_a_data_set_stays_where_it_is() -> None:
    data = feed().dataset()
    assert near(data) is data


def test_beside_one_gpu_batches_are_copied_to_it_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU stands in for it: the same batches, as bytes."""
    start()
    import tensorflow as tf

    stand_in = tf.config.list_logical_devices("CPU")
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: stand_in)
    training = feed()
    data = near(training.dataset())
    for number in (1, 2):
        training.epoch = number
        got = [tuple(part.numpy() for part in batch) for batch in data]
        assert got[0][0].dtype == np.uint8
        expected = list(training.batches())
        assert len(got) == len(expected) == 5
        assert all((a == b).all() for one, other in zip(got, expected, strict=True) for a, b in zip(one, other, strict=True))
