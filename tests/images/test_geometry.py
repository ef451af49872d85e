"""Resampling against the retired ImageDataGenerator: the same drawn parameters must give the same picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_leuk.images.geometry import affine_matrices, warp


def matrix(height: int, width: int, **parameters: Any) -> np.ndarray:
    plain = {"theta": 0.0, "tx": 0.0, "ty": 0.0, "shear": 0.0, "zx": 1.0, "zy": 1.0}
    given = {name: np.array([parameters.get(name, value)], float) for name, value in plain.items()}
    flips = {name: np.array([parameters.get(name, False)]) for name in ("flip_horizontal", "flip_vertical")}
    return affine_matrices(height=height, width=width, **given, **flips)[0]


def warped(picture: np.ndarray, fill_mode: Any = "nearest", cval: float = 0.0, **parameters: Any) -> np.ndarray:
    out = np.empty_like(picture)
    warp(picture, matrix(*picture.shape[:2], **parameters), out, fill_mode, cval)
    return out


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_nothing_drawn_changes_nothing() -> None:
    assert (matrix(20, 30) == [[1, 0, 0], [0, 1, 0]]).all()
    assert (warped(picture(20, 30)) == picture(20, 30)).all()


@pytest.mark.parametrize("shape", [(16, 16), (12, 20)])
def test_flips_are_exact(shape: tuple[int, int]) -> None:
    image = picture(*shape)
    assert (warped(image, flip_horizontal=True) == image[:, ::-1]).all()
    assert (warped(image, flip_vertical=True) == image[::-1]).all()
    assert (warped(image, flip_horizontal=True, flip_vertical=True) == image[::-1, ::-1]).all()


@pytest.mark.parametrize("side", [15, 16])
def test_quarter_and_half_turns_of_a_square_are_exact(side: int) -> None:
    image = picture(side, side)
    assert (warped(image, theta=180) == image[::-1, ::-1]).all()
    assert (warped(image, theta=90) == np.rot90(image)).all()


@pytest.mark.parametrize(("fill_mode", "border"), [("nearest", "edge"), ("constant", "constant"), ("reflect", "symmetric")])
def test_whole_shifts_are_exact_and_filled(fill_mode: str, border: str) -> None:
    image = picture(14, 18)
    padded = np.pad(image, ((5, 5), (5, 5), (0, 0)), border)
    # tx runs along columns, as in the retired class: what stood 3 columns to the right comes here.
    assert (warped(image, fill_mode, tx=3) == padded[5:19, 8:26]).all()
    assert (warped(image, fill_mode, ty=-4) == padded[1:15, 5:23]).all()


def test_constant_fills_with_its_level() -> None:
    assert (warped(picture(10, 10), "constant", 77, tx=4)[:, 6:] == 77).all()


@settings(max_examples=40, deadline=None)
@given(
    level=st.integers(0, 255),
    theta=st.floats(-180, 180),
    zoom=st.floats(0.5, 1.5),
    shear=st.floats(-30, 30),
    shift=st.floats(-20, 20),
    fill_mode=st.sampled_from(["nearest", "reflect", "wrap"]),
)
def test_an_even_picture_stays_even(level: int, theta: float, zoom: float, shear: float, shift: float, fill_mode: str) -> None:
    even = np.full((24, 31, 3), level, np.uint8)
    assert (warped(even, fill_mode, theta=theta, zx=zoom, zy=1 / zoom, shear=shear, tx=shift) == level).all()


@settings(max_examples=40, deadline=None)
@given(theta=st.floats(-180, 180), zx=st.floats(0.5, 2), zy=st.floats(0.5, 2), tx=st.floats(-9, 9), ty=st.floats(-9, 9))
def test_a_flip_after_the_rest_is_the_flipped_result(theta: float, zx: float, zy: float, tx: float, ty: float) -> None:
    image = picture(16, 22)
    parameters = {"theta": theta, "zx": zx, "zy": zy, "tx": tx, "ty": ty}
    flipped = warped(image, **parameters, flip_horizontal=True, flip_vertical=True).astype(int)
    # Places that differ by a rounding of the last bit may fall on different sides of a half.
    assert np.abs(flipped - warped(image, **parameters)[::-1, ::-1]).max() <= 1
