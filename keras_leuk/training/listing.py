"""Images that a user names for prediction: files, or folders to be searched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from keras_leuk.data.table import IMAGE_SUFFIXES, natural_key
from keras_leuk.data.tree import folders
from keras_leuk.errors import DataError, UsageError


def find_images(paths: Sequence[str | Path]) -> list[Path]:
    """Every image named or below a named folder, each once; folders in natural order, hidden files left out.

    Raises:
        UsageError: a path does not exist.
        DataError: a folder holds no image.
    """
    found: dict[Path, None] = {}
    for given in paths:
        path = Path(given).expanduser()
        if path.is_file():
            found[path] = None
        elif path.is_dir():
            inside = [path / folder.below(name) for folder in folders(path) for name in folder.images]
            if not inside:
                raise DataError(f"no images in {given} (looked for {', '.join(s.lstrip('.') for s in IMAGE_SUFFIXES)})")
            found |= dict.fromkeys(sorted(inside, key=lambda image: natural_key(str(image))))
        else:
            raise UsageError(f"image or folder not found: {given}")
    return list(found)
