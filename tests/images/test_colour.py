"""Colour operations against tf.image, which mulya2023's authors had, and against Pillow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from keras_leuk.devices.start import start
from keras_leuk.images import colour


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)


def changed(picture: np.ndarray, operation, *arguments: float) -> np.ndarray:
    out = picture.copy()
    operation(out, *arguments)
    return out


def tensorflow(picture: np.ndarray, name: str, argument: float) -> np.ndarray:
    start()
    import tensorflow as tf

    made = getattr(tf.image, name)(tf.constant(picture / 255.0, tf.float32), argument)
    return np.clip(made.numpy() * 255.0, 0, 255)


@pytest.mark.parametrize("factor", [0.0, 0.5, 1.0, 1.7])
def test_contrast_is_tensorflows(picture: np.ndarray, factor: float) -> None:
    assert np.abs(changed(picture, colour.contrast, factor) - tensorflow(picture, "adjust_contrast", factor)).max() <= 0.51


@pytest.mark.parametrize("exponent", [0.4, 1.0, 2.2])
def test_gamma_is_tensorflows(picture: np.ndarray, exponent: float) -> None:
    assert np.abs(changed(picture, colour.gamma, exponent) - tensorflow(picture, "adjust_gamma", exponent)).max() <= 0.51


@pytest.mark.parametrize("factor", [0.0, 0.3, 1.5, 4.0])
def test_saturation_is_tensorflows(picture: np.ndarray, factor: float) -> None:
    made = changed(picture, colour.saturation_and_hue, factor, 0.0)
    assert np.abs(made - tensorflow(picture, "adjust_saturation", factor)).max() <= 0.6


@pytest.mark.parametrize("turns", [-0.5, -0.1, 0.25])
def test_hue_is_tensorflows(picture: np.ndarray, turns: float) -> None:
    made = changed(picture, colour.saturation_and_hue, 1.0, turns)
    assert np.abs(made - tensorflow(picture, "adjust_hue", turns)).max() <= 0.6


@pytest.mark.parametrize("factor", [0.0, 0.29, 0.5, 1.0, 1.1, 1.73, 3.0])
def test_brightness_is_pillows(factor: float) -> None:
    every_level = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    expected = np.asarray(ImageEnhance.Brightness(Image.fromarray(every_level)).enhance(factor))
    assert (changed(every_level, colour.shift_and_brighten, 0.0, factor) == expected).all()


@settings(max_examples=60, deadline=None)
@given(levels=st.floats(-255, 255), low=st.integers(0, 255), span=st.integers(0, 255))
def test_shift_stays_within_the_pictures_own_levels(levels: float, low: int, span: int) -> None:
    high = min(255, low + span)
    picture = np.random.default_rng(1).integers(low, high, (6, 7, 3), np.uint8, endpoint=True)
    expected = np.clip(picture.astype(int) + round(levels), picture.min(), picture.max())
    assert (changed(picture, colour.shift, levels) == expected).all()


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        (colour.shift, (0.0,)),
        (colour.shift_and_brighten, (0.0, 1.0)),
        (colour.contrast, (1.0,)),
        (colour.gamma, (1.0,)),
        (colour.saturation_and_hue, (1.0, 0.0)),
    ],
)
def test_what_changes_nothing_changes_nothing(picture: np.ndarray, operation, arguments: tuple[float, ...]) -> None:
    assert (changed(picture, operation, *arguments) == picture).all()


def test_background_is_what_is_dark_in_every_channel() -> None:
    picture = np.array([[[0, 0, 0], [10, 10, 10], [11, 0, 0], [0, 0, 200]]], np.uint8)
    assert (colour.background(picture) == [[255, 255, 0, 0]]).all()
