import io

import cv2
import numpy as np
import pytest
from PIL import Image

from keras_leuk.images.likeness import cut
from keras_leuk.images.trivia import TRIVIA, measure


def disc(level=(120, 40, 160), ground=0, size=120, radius=40) -> np.ndarray:
    pixels = np.full((size, size, 3), ground, np.uint8)
    cv2.circle(pixels, (size // 2, size // 2), radius, level, -1)
    return pixels


def measured(pixels: np.ndarray) -> dict[str, float]:
    return dict(zip(TRIVIA, measure(pixels, cut(pixels)).tolist(), strict=True))


@pytest.mark.parametrize("ground", [0, 235])
def test_a_disc_is_measured(ground):
    found = measured(disc(ground=ground))
    assert found["background"] == ground
    assert found["cell_area"] == pytest.approx(np.pi * 40**2, rel=0.02)
    assert (found["red"], found["green"], found["blue"]) == pytest.approx((120, 40, 160), abs=5)


def test_where_nothing_is_found_the_area_is_undefined():
    found = measured(np.full((40, 40, 3), 200, np.uint8))
    assert np.isnan(found["cell_area"])
    assert found["red"] == 200
    assert found["sharpness"] == 0


def test_blur_makes_less_sharp():
    noise = np.random.default_rng(0).integers(0, 60, (120, 120, 1), np.uint8)
    textured = np.where(disc() > 0, np.clip(disc().astype(int) + noise - 30, 1, 255), 0).astype(np.uint8)
    soft = np.where(disc() > 0, cv2.GaussianBlur(textured, (0, 0), 2), 0).astype(np.uint8)
    assert measured(textured)["sharpness"] > 5 * measured(soft)["sharpness"]
    # The step from the cell to black is no sharpness of its texture.
    assert measured(disc())["sharpness"] < 1


@pytest.mark.parametrize(("quality", "least", "most"), [(None, 0.9, 1.1), (95, 0.9, 1.25), (30, 1.4, 9.0)])
def test_blockiness_rises_with_compression(quality, least, most):
    smooth = cv2.GaussianBlur(np.random.default_rng(1).normal(128, 60, (160, 160, 3)), (0, 0), 3)
    pixels = np.clip((smooth - smooth.mean()) * 8 + 128, 0, 255).astype(np.uint8)
    if quality is not None:
        held = io.BytesIO()
        Image.fromarray(pixels).save(held, "JPEG", quality=quality)
        pixels = np.asarray(Image.open(held))
    assert least < measured(pixels)["blockiness"] < most


def test_blockiness_of_a_picture_without_steps_is_undefined():
    assert np.isnan(measured(np.full((40, 40, 3), 9, np.uint8))["blockiness"])
