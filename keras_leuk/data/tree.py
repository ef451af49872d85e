"""What lies in a folder: images, other files and subfolders, without the junk that operating systems leave.

Each folder is listed once and no file is touched beyond that listing, so that 12,528 images on a slow disk take about a
second. Start at `folders`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from keras_leuk.data.table import IMAGE_SUFFIXES
from keras_leuk.errors import DataError

# Left behind by Finder, Explorer and macOS' zip; '._1.bmp' looks like an image and is none.
_JUNK = frozenset({"__macosx", "thumbs.db", "desktop.ini"})


@dataclass(frozen=True)
class Folder:
    """One folder of a tree.

    Attributes:
        parts: names of the folders from the root to this one; empty for the root.
        images: names of its image files (by suffix), sorted.
        others: names of its other files, sorted.
        folders: names of its subfolders, sorted.
    """

    parts: tuple[str, ...]
    images: tuple[str, ...]
    others: tuple[str, ...]
    folders: tuple[str, ...]

    def below(self, name: str) -> str:
        """Path of a file of this folder relative to the root, with '/' between folders."""
        return "/".join((*self.parts, name))


def is_image(name: str) -> bool:
    """Whether a file name ends like an image that we read."""
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def folders(root: Path) -> Iterator[Folder]:
    """The root and every folder below it, outer before inner, in name order; hidden ones are passed over.

    Links to folders are followed, except those that lead back to a folder they lie in. A link to a file counts as the
    file even when its target is missing: whoever opens it says so, which is better than an image that silently is not
    there.

    Raises:
        DataError: a folder that cannot be listed, or a file name that is not UTF-8.
    """
    yield from _folders(str(root), (), ())


def _folders(path: str, parts: tuple[str, ...], above: tuple[tuple[int, int], ...]) -> Iterator[Folder]:
    images, others, subfolders = [], [], []
    try:
        here = os.stat(path)
        if (here.st_dev, here.st_ino) in above:
            return
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.lower() in _JUNK:
                    continue
                _require_text(entry.name, path)
                if entry.is_dir():
                    subfolders.append(entry.name)
                elif is_image(entry.name):
                    images.append(entry.name)
                else:
                    others.append(entry.name)
    except OSError as error:
        raise DataError(f"folder cannot be read: {path} ({error.strerror or error})") from None
    yield Folder(parts, tuple(sorted(images)), tuple(sorted(others)), tuple(sorted(subfolders)))
    for name in sorted(subfolders):
        yield from _folders(os.path.join(path, name), (*parts, name), (*above, (here.st_dev, here.st_ino)))


def _require_text(name: str, folder: str) -> None:
    # Such a name could be read from disk but not be written into split.csv or predictions.csv.
    if not name.isascii():
        try:
            name.encode("utf-8")
        except UnicodeEncodeError:
            raise DataError(f"file name is not UTF-8 in {folder}: {name.encode('utf-8', 'backslashreplace').decode()}") from None
