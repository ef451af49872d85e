"""Blur and noise of one picture, changed in place."""

from __future__ import annotations

import cv2
import numpy as np


def gaussian_blur(picture: np.ndarray, kernel: int) -> None:
    """Blurs with an odd kernel; its standard deviation is OpenCV's, 0.3 * ((kernel - 1) / 2 - 1) + 0.8 pixels."""
    if kernel > 1:
        cv2.GaussianBlur(picture, (kernel, kernel), 0, dst=picture)


def salt_and_pepper(picture: np.ndarray, share: float, generator: np.random.Generator) -> None:
    """Turns a share of the pixels white or black, half and half."""
    height, width = picture.shape[:2]
    count = round(share * height * width)
    places = generator.choice(height * width, count, replace=False)
    flat = picture.reshape(-1, 3)
    flat[places[: count // 2]] = 255
    flat[places[count // 2 :]] = 0
