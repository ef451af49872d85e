"""From a file to a square of 8-bit RGB, the same way for training and for prediction.

Everything here is deterministic and ends up in the content address of the image cache (`steps`). A picture that cannot be
decoded whole is an error that names the file; it is never replaced by another.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from PIL import Image, ImageOps, features

from keras_leuk.errors import DataError

# Bound of the pixels of one picture: a whole-slide image is not a cell image, and would not fit into memory.
Image.MAX_IMAGE_PIXELS = 200_000_000

_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "area": Image.Resampling.BOX,
}


def decoder() -> str:
    """Name and version of what turns bytes into pixels (JPEG libraries differ in their last bit)."""
    jpeg = features.version_feature("libjpeg_turbo") or features.version_codec("jpg") or "none"
    return f"pillow {PIL.__version__}, jpeg {jpeg}"


def steps(size: int, interpolation: str) -> dict[str, Any]:
    """Everything deterministic between a file and its cached array, for the content address."""
    return {"decoder": decoder(), "size": size, "interpolation": interpolation, "layout": "rgb8"}


def decode(data: bytes, name: str | Path) -> np.ndarray:
    """Decodes one picture.

    Args:
        data: the file's bytes (BMP, PNG, JPEG or TIFF; RGB, RGBA, palette, grey, 16-bit grey).
        name: what an error calls it.
    Returns:
        uint8 array (height, width, 3). Transparent pixels lie on black, as the background of segmented cells does;
        16-bit grey is scaled to 8 bits; a rotation noted by a camera is applied.
    Raises:
        DataError: unreadable, truncated, or of a kind that has no 8-bit meaning (floating point).
    """
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


def resize(pixels: np.ndarray, size: int, interpolation: str) -> np.ndarray:
    """A uint8 array (size, size, 3); anti-aliased where the picture shrinks. The aspect ratio is not kept, as in Keras."""
    if pixels.shape[:2] == (size, size):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((size, size), _RESAMPLING[interpolation]))


def pixel_hash(pixels: np.ndarray) -> str:
    """SHA-256 of height, width and pixels."""
    digest = hashlib.sha256(np.array(pixels.shape[:2], "<u4").tobytes())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


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
