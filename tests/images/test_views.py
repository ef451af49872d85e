from __future__ import annotations

import hashlib

import numpy as np
import pytest

from keras_leuk.images.augmentation import Augmentation, Picture, draw
from keras_leuk.images.views import Dihedral, Drawn, Plain, Views
from keras_leuk.recipe.augment import Augment

PICTURES = np.random.default_rng(0).integers(0, 256, (5, 12, 12, 3), np.uint8)
KEYS = [hashlib.sha256(picture).hexdigest() for picture in PICTURES]


def views(kind) -> Views:
    return Views(PICTURES, np.array([4, 0, 2]), [KEYS[n] for n in (4, 0, 2)], kind)


def test_a_plain_view_is_the_picture() -> None:
    plain = views(Plain())
    assert (plain[np.arange(3)] == PICTURES[[4, 0, 2]]).all()
    assert plain.item_keys() == [KEYS[4], KEYS[0], KEYS[2]]


def test_dihedral_views_are_the_eight_symmetries_of_a_square() -> None:
    all_views = views(Dihedral())[np.arange(24)].reshape(3, 8, 12, 12, 3)
    expected = [np.rot90(PICTURES[4], k) for k in range(4)] + [np.rot90(PICTURES[4], k)[:, ::-1] for k in range(4)]
    assert (all_views[0] == expected).all()
    assert len({view.tobytes() for view in all_views[1]}) == 8
    # A group: each view of a view is one of the eight again.
    again = Views(np.ascontiguousarray(all_views[1]), np.arange(8), ["0"] * 8, Dihedral())[np.arange(64)]
    assert {view.tobytes() for view in again} == {view.tobytes() for view in all_views[1]}


def test_a_drawn_view_is_what_training_draws_in_that_epoch() -> None:
    augment = Augment(rotation_range=40, zoom_range=0.2, channel_shift_range=20)
    drawn = views(Drawn(augment, seed=7, count=3))
    augmentation = Augmentation(augment, 12, 12)
    for epoch in (1, 2, 3):
        expected = augmentation.all(PICTURES[[0]], draw(augment, 7, epoch, [Picture(KEYS[0])], 12, 12))
        assert (drawn[np.array([3 + epoch - 1])] == expected).all()


@pytest.mark.parametrize("kind", [Dihedral(), Drawn(Augment(rotation_range=40), 0, 4)])
def test_items_come_alike_alone_and_together(kind) -> None:
    every = views(kind)
    together = every[np.arange(len(every))]
    for item in (0, 5, len(every) - 1):
        assert (every[np.array([item])][0] == together[item]).all()
    assert (every[np.array([7, 1])] == together[[7, 1]]).all()


def test_a_view_has_a_key_of_its_own() -> None:
    kinds = [Plain(), Dihedral(), Drawn(Augment(rotation_range=4), 0, 2), Drawn(Augment(rotation_range=5), 0, 2)]
    kinds.append(Drawn(Augment(rotation_range=4), 1, 2))
    keys = [key for kind in kinds for key in views(kind).item_keys()]
    assert all(len(key) == 64 for key in keys)
    # The untouched view of the eight is the picture, and shares its key; nothing else is shared.
    assert len(keys) - len(set(keys)) == 3
    assert views(Drawn(Augment(rotation_range=4, mixup=1.0, views=2), 0, 2)).item_keys() == views(kinds[2]).item_keys()
