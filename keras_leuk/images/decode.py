"""From a file's bytes to 8-bit RGB pixels, the same way for training and for prediction, and what they are known by.

A picture that cannot be decoded whole is an error that names the file; it is never replaced by another.
"""

from __future__ import annotations

import io
import math
import struct
from pathlib import Path

import cv2
import numpy as np
import PIL
from blake3 import blake3
from PIL import Image, ImageOps, features

from keras_leuk.errors import DataError

# Bound of the pixels of one picture: a whole-slide image is not a cell image, and would not fit into memory.
MAXIMUM_PIXELS = 200_000_000
Image.MAX_IMAGE_PIXELS = MAXIMUM_PIXELS

_BITMAP = struct.Struct("<2s4x4xIIiiHHI")
"""Of a Windows bitmap: magic, offset of the pixels, size of the second header, width, height, planes, bits, compression."""

_BITMAP_READER = 1
"""Counted up whenever `_plain_bitmap` changes: hashes that an earlier one found are then looked for anew."""

_BITMAP_HEADERS = (40, 52, 56, 64, 108, 124)


class Workspace:
    """Arrays that one thread uses again and again: a fresh one a picture costs more, in page faults, than to decode it."""

    def __init__(self) -> None:
        self._held: dict[str, np.ndarray] = {}

    def array(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """A uint8 array of that shape; what it held is lost when the same name is asked for again."""
        size = math.prod(shape)
        held = self._held.get(name)
        if held is None or held.size < size:
            held = self._held[name] = np.empty(size, np.uint8)
        return held[:size].reshape(shape)


def decoder() -> str:
    """Name and version of what turns bytes into pixels (JPEG libraries differ in their last bit)."""
    jpeg = features.version_feature("libjpeg_turbo") or features.version_codec("jpg") or "none"
    return f"pillow {PIL.__version__}, jpeg {jpeg}, bitmaps {_BITMAP_READER}"


def decode(data: bytes | memoryview, name: str | Path, workspace: Workspace | None = None) -> np.ndarray:
    """Decodes one picture.

    Args:
        data: the file's bytes (BMP, PNG, JPEG or TIFF; RGB, RGBA, palette, grey, 16-bit grey).
        name: what an error calls it.
        workspace: where the pixels may be put; they stay there until the next picture is decoded with it.
    Returns:
        uint8 array (height, width, 3). Transparent pixels lie on black, as the background of segmented cells does;
        16-bit grey is scaled to 8 bits; a rotation noted by a camera is applied.
    Raises:
        DataError: unreadable, truncated, or of a kind that has no 8-bit meaning (floating point).
    """
    plain = _plain_bitmap(data, workspace or Workspace())
    if plain is not None:
        return plain
    try:
        with Image.open(io.BytesIO(data), formats=("BMP", "PNG", "JPEG", "TIFF")) as picture:
            picture.load()
            turned = ImageOps.exif_transpose(picture)
            return np.asarray(_as_rgb(turned, name))
    except DataError:
        raise
    except PIL.UnidentifiedImageError:
        raise DataError(f"unreadable image (not BMP, PNG, JPEG or TIFF): {name}") from None
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError, struct.error, … for damaged files
        raise DataError(f"unreadable image ({_first_line(error)}): {name}") from None


def pixel_hash(pixels: np.ndarray) -> str:
    """BLAKE3 of pixels, height and width, 64 hexadecimal digits: what a picture is known by, whatever its file."""
    # Pixels come first, because BLAKE3 is faster on data that begin where one of its chunks does.
    return blake3(np.ascontiguousarray(pixels).data).update(struct.pack("<II", *pixels.shape[:2])).hexdigest()


def _plain_bitmap(data: bytes | memoryview, workspace: Workspace) -> np.ndarray | None:
    """Pixels of an uncompressed 24-bit bitmap that is whole; None leaves everything else, and every error, to Pillow.

    The cells of C-NMC are such files. Their bytes are the pixels (BGR, rows padded to four bytes, mostly from the bottom up), so
    there is nothing to decode but to swap them, which takes a twentieth of Pillow's time.
    """
    if len(data) < _BITMAP.size:
        return None
    magic, offset, header, width, height, planes, bits, compression = _BITMAP.unpack_from(data)
    rows, stride = abs(height), (3 * width + 3) // 4 * 4
    plain = magic == b"BM" and header in _BITMAP_HEADERS and planes == 1 and bits == 24 and compression == 0
    if not plain or width < 1 or rows < 1 or rows * width > MAXIMUM_PIXELS:
        return None
    # Some programs leave out the padding of the last row.
    if offset < 14 + header or offset + (rows - 1) * stride + 3 * width > len(data):
        return None
    stored = np.ndarray((rows, width, 3), np.uint8, data, offset, (stride, 3, 1))
    pixels = workspace.array("pixels", (rows, width, 3))
    cv2.cvtColor(stored, cv2.COLOR_BGR2RGB, dst=pixels)
    if height > 0:
        cv2.flip(pixels, 0, dst=pixels)
    return pixels


def _as_rgb(picture: Image.Image, name: str | Path) -> Image.Image:
    mode = picture.mode
    if mode == "RGB":
        return picture
    if mode.startswith("I;16"):
        grey = np.asarray(picture).astype(np.uint32)
        return Image.fromarray(((grey * 255 + 32767) // 65535).astype(np.uint8)).convert("RGB")
    if mode in ("F", "I"):
        raise DataError(f"unreadable image (pixel type {mode!r} has no 8-bit meaning): {name}")
    if "A" in mode or mode == "La" or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (0, 0, 0, 255))
        return Image.alpha_composite(ground, layer).convert("RGB")
    return picture.convert("RGB")


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return text[0][:120] if text else type(error).__name__
