from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from keras_leuk.errors import DataError
from keras_leuk.images import decode as module
from keras_leuk.images.decode import Workspace, decode, pixel_hash

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


def test_the_hash_is_of_pixels_height_and_width() -> None:
    assert pixel_hash(PIXELS) == blake3(PIXELS.tobytes() + struct.pack("<II", 12, 9)).hexdigest()
    assert len(pixel_hash(PIXELS)) == 64
    assert pixel_hash(PIXELS[:, ::-1]) == pixel_hash(np.ascontiguousarray(PIXELS[:, ::-1]))


# --- bitmaps without Pillow ---------------------------------------------------------------------------------------------

pictures = arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(3)))


def bitmap(pixels: np.ndarray, *, top_down: bool = False, header: int = 40, gap: int = 0, **fields: int) -> bytes:
    """An uncompressed 24-bit bitmap, written by hand."""
    height, width = pixels.shape[:2]
    rows = pixels[..., ::-1] if top_down else pixels[::-1, :, ::-1]
    padded = np.zeros((height, (3 * width + 3) // 4 * 4), np.uint8)
    padded[:, : 3 * width] = rows.reshape(height, -1)
    offset = 14 + header + gap
    size = {"size": header, "width": width, "height": -height if top_down else height, "planes": 1, "bits": 24, "compression": 0}
    start = struct.pack("<2sI4xI", b"BM", offset + padded.size, offset)
    start += struct.pack("<IiiHHI", *(size | fields).values()) + struct.pack("<IiiII", padded.size, 2835, 2835, 0, 0)
    return start.ljust(offset, b"\0") + padded.tobytes()


def _without_pillow(data: bytes, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    with monkeypatch.context() as patch:
        patch.setattr(module.Image, "open", lambda *_, **__: pytest.fail("Pillow was asked"))
        return decode(data, "x")


@settings(deadline=None)
@given(pictures, st.booleans(), st.sampled_from([40, 108, 124]), st.integers(0, 90))
def test_plain_bitmaps_are_pillows_pixels(pixels: np.ndarray, top_down: bool, header: int, gap: int) -> None:
    data = bitmap(pixels, top_down=top_down, header=header, gap=gap)
    with Image.open(io.BytesIO(data)) as picture:
        assert (np.asarray(picture.convert("RGB")) == pixels).all()
    workspace = Workspace()
    assert (decode(data, "x", workspace) == pixels).all()
    assert (decode(memoryview(data), "x", workspace) == pixels).all()


def test_plain_bitmaps_do_not_need_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (_without_pillow(bitmap(PIXELS), monkeypatch) == PIXELS).all()
    assert (_without_pillow(_encoded(Image.fromarray(PIXELS), "BMP"), monkeypatch) == PIXELS).all()
    assert (_without_pillow(bitmap(PIXELS) + b"what some programs append", monkeypatch) == PIXELS).all()


@pytest.mark.parametrize("top_down", [False, True])
def test_a_plain_bitmap_that_lacks_a_byte_is_an_error(top_down: bool) -> None:
    whole = bitmap(PIXELS, top_down=top_down)
    assert (decode(whole[:-1], "x") == PIXELS).all()  # the padding of the last row is no pixel
    for count in (2, 3, 28, len(whole) - 60, len(whole) - 40, len(whole) - 3):
        with pytest.raises(DataError, match="unreadable image"):
            decode(whole[:-count], "x")


ODD_HEADERS: list[dict[str, int]] = [
    {"width": 0},
    {"height": 0},
    {"width": -9},
    {"bits": 23},
    {"compression": 9},
    {"width": 2**31 - 1, "height": 2**31 - 1},
]


@pytest.mark.parametrize("fields", ODD_HEADERS)
def test_odd_headers_are_left_to_pillow_and_its_errors(fields: dict[str, int]) -> None:
    with pytest.raises(DataError):
        decode(bitmap(PIXELS, **fields), "x")


def test_two_pictures_in_one_workspace_share_its_memory() -> None:
    workspace = Workspace()
    first = decode(bitmap(PIXELS), "x", workspace)
    again = decode(bitmap(PIXELS[:5, :4]), "x", workspace)
    assert np.shares_memory(first, again)
    assert (again == PIXELS[:5, :4]).all()
    assert not np.shares_memory(decode(bitmap(PIXELS), "x"), decode(bitmap(PIXELS), "x"))


@pytest.mark.real
def test_real_cells_are_pillows_pixels(cnmc_sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in sorted(cnmc_sample.rglob("*.bmp"))[::40]:
        with Image.open(path) as picture:
            expected = np.asarray(picture.convert("RGB"))
        assert (_without_pillow(path.read_bytes(), monkeypatch) == expected).all()
