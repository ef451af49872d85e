from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from keras_leuk.errors import DataError
from keras_leuk.images.decode import decode, pixel_hash, resize

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (12, 9, 3), np.uint8)


def _encoded(picture: Image.Image, kind: str, **settings: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **settings)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["BMP", "PNG", "TIFF"])
def test_lossless_formats_give_the_very_pixels(kind: str) -> None:
    found = decode(_encoded(Image.fromarray(PIXELS), kind), "x")
    assert (found == PIXELS).all()
    assert found.dtype == np.uint8


def test_jpeg_is_close() -> None:
    smooth = np.asarray(Image.fromarray(PIXELS).resize((90, 120), Image.Resampling.BICUBIC))
    found = decode(_encoded(Image.fromarray(smooth), "JPEG", quality=95), "x")
    assert np.abs(found.astype(int) - smooth).mean() < 5


def test_grey_palette_and_one_bit_become_rgb() -> None:
    grey = Image.fromarray(PIXELS[..., 0])
    assert (decode(_encoded(grey, "PNG"), "x") == PIXELS[..., :1]).all()
    palette = Image.fromarray(PIXELS).quantize(16)
    assert (decode(_encoded(palette, "BMP"), "x") == np.asarray(palette.convert("RGB"))).all()
    bits = grey.convert("1")
    assert set(np.unique(decode(_encoded(bits, "TIFF"), "x"))) <= {0, 255}


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    values = np.array([[0, 257, 32768, 65535]], np.uint16)
    found = decode(_encoded(Image.fromarray(values), "TIFF"), "x")
    assert found[0, :, 0].tolist() == [0, 1, 128, 255]


def test_what_is_transparent_lies_on_black() -> None:
    rgba = np.dstack([PIXELS, np.full(PIXELS.shape[:2], 255, np.uint8)])
    rgba[0] = (255, 255, 255, 0)
    found = decode(_encoded(Image.fromarray(rgba), "PNG"), "x")
    assert (found[0] == 0).all()
    assert (found[1:] == PIXELS[1:]).all()


def test_a_palette_with_a_transparent_colour_lies_on_black() -> None:
    palette = Image.fromarray(np.zeros((4, 4), np.uint8), "L").convert("P")
    palette.putpalette([255, 0, 0] + [0, 0, 0] * 255)
    assert (decode(_encoded(palette, "PNG", transparency=0), "x") == 0).all()


def test_a_rotation_that_a_camera_noted_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    found = decode(_encoded(Image.fromarray(PIXELS), "PNG", exif=exif), "x")
    assert (found == np.rot90(PIXELS, -1)).all()


@pytest.mark.parametrize("kind", ["BMP", "PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.9])
def test_truncated_files_are_one_line_with_the_name(kind: str, share: float) -> None:
    whole = _encoded(Image.fromarray(RNG.integers(0, 256, (64, 64, 3), np.uint8)), kind)
    with pytest.raises(DataError, match=r"cells/a\.bmp") as caught:
        decode(whole[: int(share * len(whole))], "cells/a.bmp")
    assert "\n" not in str(caught.value)


def test_text_and_floating_point_are_refused() -> None:
    with pytest.raises(DataError, match="not BMP, PNG, JPEG or TIFF"):
        decode(b"not an image at all", "x")
    with pytest.raises(DataError, match="pixel type 'F'"):
        decode(_encoded(Image.fromarray(np.zeros((3, 3), np.float32)), "TIFF"), "x")


def test_equal_pixels_have_equal_hashes_whatever_the_format() -> None:
    bmp, png = (decode(_encoded(Image.fromarray(PIXELS), kind), "x") for kind in ("BMP", "PNG"))
    assert pixel_hash(bmp) == pixel_hash(png)
    assert pixel_hash(bmp) != pixel_hash(bmp[::-1])
    flat = np.zeros((2, 6, 3), np.uint8)
    assert pixel_hash(flat) != pixel_hash(flat.reshape(3, 4, 3))


def test_resizing_averages_where_it_shrinks() -> None:
    checkers = np.indices((64, 64)).sum(axis=0)[..., None] % 2 * np.full(3, 255, np.uint8)
    small = resize(checkers.astype(np.uint8), 16, "bilinear")
    assert small.shape == (16, 16, 3)
    assert np.abs(small.astype(int) - 127).max() <= 2
    assert resize(PIXELS[:9], 9, "bilinear") is not None
