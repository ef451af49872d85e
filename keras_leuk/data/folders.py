"""The folders reader: one folder a class, with or without folders train, val and test above them.

Folders that only wrap others are skipped, and what lies in a subfolder of a class belongs to the class. Nothing is known
of subjects. Start at `read`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_leuk.data.table import IMAGE_SUFFIXES, PART_NAMES, ImageTable, make_table, uneven_parts
from keras_leuk.data.tree import Folder, folders
from keras_leuk.errors import DataError

_Parts = tuple[str, ...]


@dataclass(frozen=True)
class _Tree:
    """The listing by folder, with the images that lie in or below each."""

    root: Path
    by_parts: dict[_Parts, Folder]

    def below(self, parts: _Parts) -> list[str]:
        """Paths of all images in or below a folder."""
        inside = (folder for at, folder in self.by_parts.items() if at[: len(parts)] == parts)
        return [folder.below(name) for folder in inside for name in folder.images]

    def children(self, parts: _Parts) -> list[_Parts]:
        return [(*parts, name) for name in self.by_parts[parts].folders if (*parts, name) in self.by_parts]

    def loose(self, parts: _Parts) -> list[str]:
        """Paths of the images directly in a folder."""
        return [self.by_parts[parts].below(name) for name in self.by_parts[parts].images]

    def unwrapped(self, parts: _Parts, *, keep_parts: bool) -> _Parts:
        """The folder that holds more than one folder: the given one, or the one that it merely wraps.

        Args:
            keep_parts: a single folder called train, or the like, is a part of the data and no wrapping.
        """
        while not self.by_parts[parts].images:
            children = self.children(parts)
            # A single folder without folders of its own is no wrapping either: it is the only class.
            if len(children) != 1 or not self.children(children[0]) or (keep_parts and _part(children[0]) is not None):
                break
            parts = children[0]
        return parts


def looks_like(path: Path) -> bool:
    """Whether there is an image in some folder below this one."""
    return path.is_dir() and any(folder.images for folder in folders(path))


def read(path: Path) -> ImageTable:
    """Reads a class-per-folder tree; no image is opened.

    Args:
        path: the folder that holds the class folders, or train, val and test folders that do.

    Returns:
        table with the class folders' names as labels in natural order, and part training, validation or test where
        folders of such names (train, training, val, valid, validation, test, testing; any case) lie above them.

    Raises:
        DataError: no images, one class only, or a class folder without images.
    """
    tree = _Tree(path, {folder.parts: folder for folder in folders(path)})
    top = tree.unwrapped((), keep_parts=True)
    if not tree.below(top):
        # make_table knows the words for it.
        return make_table([], root=path, name="", reader="folders")
    part_folders = [child for child in tree.children(top) if _part(child) is not None]
    beside: list[str] = []
    loose = tree.loose(top)
    records: list[dict[str, str | None]] = []
    if part_folders:
        beside = [image for child in tree.children(top) if child not in part_folders for image in tree.below(child)]
        for part_folder in part_folders:
            holder = tree.unwrapped(part_folder, keep_parts=False)
            loose += tree.loose(holder)
            records += _records(tree, holder, _part(part_folder))
    else:
        records = _records(tree, top, None)
    if not records:
        lost = loose + beside
        raise DataError(f"no class folders with images in {path}; {len(lost)} images lie outside such folders: {lost[0]}")
    warnings = uneven_parts(records)
    if loose:
        warnings.append(f"{len(loose)} images lie beside the class folders, have no label and were left out: {loose[0]}")
    if beside:
        names = ", ".join(child[-1] for child in part_folders)
        warnings.append(f"{len(beside)} images lie beside the folders {names} and were left out: {beside[0]}")
    return make_table(
        records,
        root=path,
        name=os.path.basename(os.path.abspath(path)),
        reader="folders",
        notes=_notes(tree, top, [child[-1] for child in part_folders]),
        warnings=warnings,
    )


def _part(parts: _Parts) -> str | None:
    return PART_NAMES.get(parts[-1].lower())


def _records(tree: _Tree, holder: _Parts, part: str | None) -> list[dict[str, str | None]]:
    records: list[dict[str, str | None]] = []
    for class_folder in tree.children(holder):
        images = tree.below(class_folder)
        if not images:
            raise DataError(f"class folder without images: {tree.root.joinpath(*class_folder)}")
        records += [{"image": image, "label": class_folder[-1], "part": part} for image in images]
    return records


def _notes(tree: _Tree, top: _Parts, part_names: Sequence[str]) -> list[str]:
    notes = []
    if top:
        notes.append(f"the class folders lie in {'/'.join(top)}")
    if part_names:
        notes.append(f"the data's own split: {', '.join(part_names)}")
    others = [folder.below(name) for folder in tree.by_parts.values() for name in folder.others]
    if others:
        suffixes = ", ".join(suffix.lstrip(".") for suffix in IMAGE_SUFFIXES)
        notes.append(f"{len(others)} files are not images ({suffixes}) and were passed over: {others[0]}")
    return notes
