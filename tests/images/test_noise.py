from __future__ import annotations

import numpy as np
import pytest

from keras_leuk.images import noise


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5])
def test_salt_and_pepper_turns_its_share_of_pixels(share: float) -> None:
    picture = np.full((40, 50, 3), 100, np.uint8)
    noise.salt_and_pepper(picture, share, np.random.default_rng(0))
    changed = (picture != 100).all(axis=2)
    assert changed.sum() == round(share * 2000)
    assert ((picture == 255).all(axis=2).sum(), (picture == 0).all(axis=2).sum()) == (changed.sum() // 2, -(-changed.sum() // 2))


def test_blur_keeps_the_mean_and_spreads_over_its_kernel() -> None:
    picture = np.zeros((41, 41, 3), np.uint8)
    picture[20, 20] = 255
    noise.gaussian_blur(picture, 1)
    assert (picture > 0).any(axis=2).sum() == 1
    for kernel in (3, 9, 17):
        blurred = np.zeros((41, 41, 3), np.uint8)
        blurred[15:26, 15:26] = 200
        noise.gaussian_blur(blurred, kernel)
        touched = np.flatnonzero((blurred > 0).any(axis=(1, 2)))
        assert 15 - kernel // 2 <= touched[0] < 15
        assert int(blurred.sum()) == pytest.approx(11 * 11 * 3 * 200, rel=0.02)
