"""Augmentation against the class whose words it speaks, keras.src.legacy.preprocessing.image.ImageDataGenerator."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import stats

from keras_leuk.data.cells import ALL, draw_cell, draw_subject
from keras_leuk.devices.start import start
from keras_leuk.images.augmentation import Augmentation, Picture, draw
from keras_leuk.recipe.augment import Augment

ALONE: dict[str, dict[str, Any]] = {
    "rotation": {"rotation_range": 40},
    "width shift": {"width_shift_range": 0.25},
    "height shift": {"height_shift_range": 0.25},
    "shear": {"shear_range": 20.0},
    "zoom": {"zoom_range": 0.3},
    "zoom pair": {"zoom_range": (0.6, 1.1)},
    "horizontal flip": {"horizontal_flip": True},
    "vertical flip": {"vertical_flip": True},
    "channel shift": {"channel_shift_range": 40.0},
    "brightness": {"brightness_range": (0.4, 1.6)},
}
SETTINGS = ALONE | {
    "geometry": {
        "rotation_range": 30,
        "width_shift_range": 0.25,
        "height_shift_range": 0.2,
        "shear_range": 15.0,
        "zoom_range": 0.3,
        "horizontal_flip": True,
        "vertical_flip": True,
    }
}
SETTINGS["all"] = SETTINGS["geometry"] | {"channel_shift_range": 20.0, "brightness_range": (0.6, 1.4)}
FILLS = ("nearest", "constant", "reflect", "wrap")
GEOMETRIC = {"rotation", "width shift", "height shift", "shear", "zoom", "zoom pair", "geometry", "all"}


def key(name: object) -> str:
    return hashlib.sha256(str(name).encode()).hexdigest()


def draw_one_cell(size: int) -> np.ndarray:
    """A generated cell on black."""
    return draw_cell(0, draw_subject(0, "1", ALL), 0, size)


def generated(size: int) -> list[np.ndarray]:
    """A cell on black, as in C-NMC, and a smooth picture that fills its frame."""
    random = np.random.default_rng(3)
    field = Image.fromarray(random.integers(0, 256, (size // 6, size // 6, 3), np.uint8))
    return [draw_one_cell(size), np.asarray(field.resize((size, size), Image.Resampling.BICUBIC))]


def reference(settings: dict[str, Any], fill_mode: str) -> Any:
    start()
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    return ImageDataGenerator(fill_mode=fill_mode, cval=30.0, **settings)


def in_its_words(parameters: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Our draws as the retired class names them."""
    names = ("theta", "tx", "ty", "shear", "zx", "zy", "flip_horizontal", "flip_vertical")
    words = {name: parameters[name] for name in names}
    words["channel_shift_intensity"] = parameters["channel_shift"] if "channel_shift_range" in settings else None
    words["brightness"] = parameters["brightness"] if "brightness_range" in settings else None
    return words


def away_from_border(matrix: np.ndarray, height: int, width: int) -> np.ndarray:
    """Pixels that do not come from within a pixel and a half of the source's border, bool (height, width)."""
    column, row = np.meshgrid(np.arange(width), np.arange(height))
    x, y = np.tensordot(matrix[:, :2], np.stack([column, row]), 1) + matrix[:, 2, None, None]
    near = [np.abs(place - edge) < 1.5 for place, side in ((x, width), (y, height)) for edge in (0, side - 1)]
    return ~np.any(near, axis=0)


def differences(pictures: list[np.ndarray], settings: dict[str, Any], fill_mode: str, draws: int) -> np.ndarray:
    theirs = reference(settings, fill_mode)
    found = []
    for number, picture in enumerate(pictures):
        height, width = picture.shape[:2]
        ours = Augmentation(Augment(fill_mode=fill_mode, cval=30.0, **settings), height, width)
        drawn = draw(ours.augment, 0, 1, [Picture(key((number, n))) for n in range(draws)], height, width)
        made = ours.all(np.repeat(picture[None], draws, axis=0), drawn)
        matrices = ours.matrices(drawn)
        for n in range(draws):
            expected = theirs.apply_transform(picture.astype(np.float32), in_its_words(drawn.of(n), settings))
            inside = away_from_border(matrices[n], height, width)
            found.append(np.abs(made[n].astype(np.float64) - expected)[inside].ravel())
    return np.concatenate(found)


@pytest.mark.parametrize(
    ("name", "fill_mode"), [(name, fill) for name in SETTINGS for fill in FILLS if name in GEOMETRIC or fill == "nearest"]
)
def test_same_draws_give_the_same_picture(name: str, fill_mode: str) -> None:
    square = generated(96)
    oblong = [square[0][10:80], square[1][:, 20:70]]
    found = differences([*square, *oblong], SETTINGS[name], fill_mode, draws=5)
    assert found.mean() <= 0.5
    assert np.percentile(found, 99) <= 2.0


@pytest.mark.real
@pytest.mark.parametrize("fill_mode", FILLS)
def test_same_draws_give_the_same_picture_of_real_cells(fill_mode: str, cnmc_sample: Path, samples: Path) -> None:
    files = [*sorted(cnmc_sample.rglob("*.bmp"))[:2], *sorted((samples / "data" / "pbc8-sample").rglob("*.jpg"))[:2]]
    pictures = [np.asarray(Image.open(file).convert("RGB").resize((160, 160))) for file in files]
    pictures += [pictures[0][20:120], pictures[2][:, 30:140]]
    for chosen in SETTINGS.values():
        found = differences(pictures, chosen, fill_mode, draws=2)
        assert found.mean() <= 0.5, chosen
        assert np.percentile(found, 99) <= 2.0, chosen


DISTRIBUTIONS: dict[str, dict[str, Any]] = ALONE | {
    "whole pixels": {"width_shift_range": 7, "height_shift_range": 3},
    "pixels": {"width_shift_range": 5.5},
    "list of pixels": {"height_shift_range": (2.0, 9.0, 4.0)},
    "list of shares": {"width_shift_range": (0.1, 0.3)},
    "mantri2024": {
        "rotation_range": 30,
        "width_shift_range": 0.25,
        "height_shift_range": 0.25,
        "zoom_range": 0.3,
        "shear_range": 0.2,
        "channel_shift_range": 10.0,
        "horizontal_flip": True,
        "vertical_flip": True,
    },
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_parameters_are_drawn_from_the_same_distributions(name: str) -> None:
    """Two-sample Kolmogorov-Smirnov tests of every parameter; with fixed seeds, so that they never fail by chance."""
    settings, count = DISTRIBUTIONS[name], 4000
    theirs = reference(settings, "nearest")
    np.random.seed(1)
    expected = [theirs.get_random_transform((40, 60, 3)) for _ in range(count)]
    ours = draw(Augment(**settings), 1, 1, [Picture(key(n)) for n in range(count)], 40, 60)
    drawn = [in_its_words(ours.of(n), settings) for n in range(count)]
    for parameter in expected[0]:
        mine, others = ([0.0 if d[parameter] is None else float(d[parameter]) for d in side] for side in (drawn, expected))
        assert set(np.unique(mine)) == set(np.unique(others)) or len(np.unique(others)) > 20, parameter
        assert stats.ks_2samp(mine, others).pvalue > 0.001, parameter


def test_what_is_drawn_depends_on_seed_epoch_and_picture_alone() -> None:
    everything = Augment(rotation_range=30, zoom_range=0.2, channel_shift_range=10, gaussian_blur=9, mixup=0.3, hue_range=0.1)
    together = draw(everything, 5, 3, [Picture(key(n)) for n in range(8)], 20, 20)
    alone = draw(everything, 5, 3, [Picture(key(6))], 20, 20)
    assert together.of(6) == alone.of(0)
    others = [(6, 3, Picture(key(6))), (5, 4, Picture(key(6))), (5, 3, Picture(key(7))), (5, 3, Picture(key(6), copy=1))]
    for seed, epoch, picture in others:
        assert draw(everything, seed, epoch, [picture], 20, 20).of(0)["theta"] != alone.of(0)["theta"]


def test_one_operation_does_not_change_what_another_draws() -> None:
    pictures = [Picture(key(n)) for n in range(5)]
    few = draw(Augment(rotation_range=30), 0, 1, pictures, 20, 20)
    many = draw(Augment(rotation_range=30, zoom_range=0.5, horizontal_flip=True, mixup=1.0), 0, 1, pictures, 20, 20)
    assert (few.theta == many.theta).all()


def test_nobody_is_drawn_for() -> None:
    assert len(draw(Augment(rotation_range=3), 0, 1, [], 8, 8)) == 0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), epoch=st.integers(1, 500))
def test_draws_stay_in_their_ranges(seed: int, epoch: int) -> None:
    augment = Augment(
        rotation_range=20,
        width_shift_range=4,
        height_shift_range=(3.0, 8.0),
        zoom_range=(0.5, 0.9),
        gamma_range=(0.8, 1.2),
        hue_range=0.1,
        gaussian_blur=7,
        mixup=0.2,
    )
    drawn = draw(augment, seed, epoch, [Picture(key((seed, n))) for n in range(20)], 50, 40)
    assert (np.abs(drawn.theta) <= 20).all()
    assert set(drawn.ty) <= {-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0}
    assert set(drawn.tx) <= {-8.0, -3.0, 3.0, 8.0}
    assert ((drawn.zx >= 0.5) & (drawn.zx <= 0.9)).all()
    assert ((drawn.gamma >= 0.8) & (drawn.gamma <= 1.2)).all()
    assert (np.abs(drawn.hue) <= 0.1).all()
    assert set(drawn.blur) <= {1, 3, 5, 7}
    assert ((drawn.mix >= 0) & (drawn.mix <= 1)).all()


def test_mixup_draws_its_beta() -> None:
    shares = draw(Augment(mixup=0.4), 2, 1, [Picture(key(n)) for n in range(3000)], 8, 8).mix
    assert stats.kstest(shares, stats.beta(0.4, 0.4).cdf).pvalue > 0.001


STRONG = {
    "channel_shift_range": 60.0,
    "brightness_range": (1.2, 1.6),
    "contrast_range": (0.4, 0.6),
    "gamma_range": (0.4, 0.6),
    "saturation_range": (0.2, 0.4),
    "hue_range": 0.3,
    "gaussian_blur": 17,
    "salt_and_pepper": 0.2,
}


@pytest.mark.parametrize("operation", [*STRONG, "all of them"])
def test_keep_background_leaves_black_background_as_it_is(operation: str) -> None:
    cell = draw_one_cell(96)
    background = cell.max(axis=2) <= 10
    assert 0.3 < background.mean() < 0.95
    chosen = STRONG if operation == "all of them" else {operation: STRONG[operation]}
    pictures = [Picture(key(n)) for n in range(6)]
    for kept in (True, False):
        augmentation = Augmentation(Augment(keep_background=kept, **chosen), 96, 96)
        made = augmentation.all(np.repeat(cell[None], 6, axis=0), draw(augmentation.augment, 0, 1, pictures, 96, 96))
        changed_background = (made != cell)[:, background].any()
        assert (made != cell)[:, ~background].any()
        if kept:
            assert not changed_background
        elif operation in ("channel_shift_range", "contrast_range", "gaussian_blur", "salt_and_pepper", "all of them"):
            assert changed_background


def test_keep_background_follows_the_cell() -> None:
    cell = draw_one_cell(96)
    both = {"rotation_range": 90, "width_shift_range": 0.2, "fill_mode": "constant"}
    pictures = [Picture(key(n)) for n in range(4)]
    moved = Augmentation(Augment(**both), 96, 96)
    recoloured = Augmentation(Augment(**both, keep_background=True, channel_shift_range=50.0), 96, 96)
    stack = np.repeat(cell[None], 4, axis=0)
    plain = moved.all(stack, draw(moved.augment, 0, 1, pictures, 96, 96))
    kept = recoloured.all(stack, draw(recoloured.augment, 0, 1, pictures, 96, 96))
    background = plain.max(axis=3) <= 10
    assert (kept[background] == plain[background]).all()
    assert (kept[~background] != plain[~background]).any()


def test_the_picture_itself_is_not_touched() -> None:
    cell = draw_one_cell(64)
    before = cell.copy()
    augmentation = Augmentation(Augment(rotation_range=20, **STRONG), 64, 64)
    augmentation.all(cell[None], draw(augmentation.augment, 0, 1, [Picture(key(0))], 64, 64))
    assert (cell == before).all()
