"""Several fixed views of each picture: the eight turned and mirrored ones, or some that are drawn as in training.

A `Views` is indexed like a store of pictures, so that whatever reads rows (the forward pass, the feature store) reads views.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np

from keras_leuk.images.augmentation import Augmentation, Picture, draw
from keras_leuk.images.cache import Pictures
from keras_leuk.recipe.augment import Augment
from keras_leuk.store.arrays import ArrayStore, StoredRows, aligned


class Kind(Protocol):
    """A way of viewing pictures."""

    @property
    def count(self) -> int:
        """Views of each picture."""
        ...

    def facts(self, view: int) -> dict[str, Any]:
        """Everything but the pixels that shapes view number `view` (from 0); empty if it is the picture itself."""
        ...

    def show(self, pictures: np.ndarray, keys: Sequence[str], view: int) -> np.ndarray:
        """View number `view` of each picture, uint8 (n, height, width, 3)."""
        ...


@dataclass(frozen=True)
class Plain:
    """The picture itself."""

    count: int = 1

    def facts(self, view: int) -> dict[str, Any]:
        return {}

    def show(self, pictures: np.ndarray, keys: Sequence[str], view: int) -> np.ndarray:
        return pictures


@dataclass(frozen=True)
class Dihedral:
    """The eight turned and mirrored views of a square: quarter turns (view modulo 4), mirrored from view 4 on.

    A cell under the microscope has no up and no left.
    """

    count: int = 8

    def facts(self, view: int) -> dict[str, Any]:
        return {"dihedral": view} if view else {}

    def show(self, pictures: np.ndarray, keys: Sequence[str], view: int) -> np.ndarray:
        turned = np.rot90(pictures, view % 4, axes=(1, 2))
        return np.ascontiguousarray(turned[:, :, ::-1] if view >= 4 else turned)


@dataclass(frozen=True)
class Drawn:
    """Views drawn as in training: view v is what epoch v + 1 would draw.

    Attributes:
        augment: the recipe's section; mixup, which is nothing that one picture can do, is left out.
        seed: of the run.
        count: views of each picture.
    """

    augment: Augment
    seed: int
    count: int

    def facts(self, view: int) -> dict[str, Any]:
        settings = self.augment.model_dump(mode="json", exclude={"mixup", "views"})
        return {"augment": settings, "seed": self.seed, "epoch": view + 1, "opencv": cv2.__version__}

    def show(self, pictures: np.ndarray, keys: Sequence[str], view: int) -> np.ndarray:
        height, width = pictures.shape[1:3]
        drawn = draw(self.augment, self.seed, view + 1, [Picture(key) for key in keys], height, width)
        return Augmentation(self.augment, height, width).all(pictures, drawn)


def as_json(kind: Kind) -> dict[str, Any]:
    """Plain values from which `from_json` makes the same views."""
    if isinstance(kind, Drawn):
        return {"kind": "drawn", "count": kind.count, "seed": kind.seed, "augment": kind.augment.model_dump(mode="json")}
    return {"kind": "dihedral" if isinstance(kind, Dihedral) else "plain"}


def from_json(facts: dict[str, Any]) -> Kind:
    """The views that `as_json` described.

    Raises:
        KeyError, ValueError: it did not.
    """
    if facts["kind"] == "drawn":
        return Drawn(Augment.model_validate(facts["augment"]), int(facts["seed"]), int(facts["count"]))
    kinds: dict[str, Kind] = {"plain": Plain(), "dihedral": Dihedral()}
    return kinds[facts["kind"]]


class Views:
    """Views of some pictures, indexed like a store: item i * count + v is view v of picture i.

    Args:
        rows: store of pictures.
        numbers: int (n,), rows of the pictures.
        keys: content hash of each picture's pixels.
        kind: which views.
    """

    def __init__(self, rows: StoredRows | np.ndarray, numbers: np.ndarray, keys: Sequence[str], kind: Kind):
        self.rows, self.numbers, self.keys, self.kind = rows, numbers, list(keys), kind
        self.shape, self.dtype = (len(numbers) * kind.count, *rows.shape[1:]), rows.dtype

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, items: np.ndarray) -> np.ndarray:
        """The views of some items, uint8 (n, height, width, 3)."""
        pictures, views = np.divmod(np.asarray(items), self.kind.count)
        stack = aligned((len(pictures), *self.shape[1:]), self.dtype)
        for view in np.unique(views):
            places = np.flatnonzero(views == view)
            shown = pictures[places]
            stack[places] = self.kind.show(self.rows[self.numbers[shown]], [self.keys[i] for i in shown], int(view))
        return stack

    def item_keys(self) -> list[str]:
        """A content hash for every item, 64 hexadecimal digits; a picture itself keeps its own."""
        facts = [self.kind.facts(view) for view in range(self.kind.count)]
        texts = [json.dumps(fact, sort_keys=True) if fact else "" for fact in facts]
        return [hashlib.sha256((key + text).encode()).hexdigest() if text else key for key in self.keys for text in texts]


def views_of(pictures: Pictures, kind: Kind, places: np.ndarray | None = None) -> Views:
    """Views of cached pictures.

    Args:
        places: int (n,), which of the pictures (None: all).
    """
    pixels = pictures.pixels
    chosen = np.arange(len(pixels)) if places is None else places
    return Views(pictures.store.rows(), pictures.row_numbers()[chosen], [pixels[place] for place in chosen], kind)


Append = Callable[[Sequence[str], np.ndarray], None]


def store_views(
    store: ArrayStore, views: Views, fill: Callable[[list[str], np.ndarray, Append], None], on_wait: Callable[[], object]
) -> tuple[np.ndarray, int]:
    """Makes sure that a store holds what is computed from every view.

    Args:
        fill: computes what is missing: ``fill(keys, items, append)``, where items are int (n,), those of the keys.
        on_wait: called if another process is filling the store.

    Returns:
        int64 (pictures, views), the row of every view, and how many views were computed now.
    """
    keys = views.item_keys()
    computed = 0
    if store.missing(keys):
        with store.appending(on_wait) as append:
            # Whoever held the lock before may have computed the very same.
            todo = store.missing(keys)
            computed = len(todo)
            if todo:
                items = {key: item for item, key in enumerate(keys)}
                fill(todo, np.array([items[key] for key in todo], np.int64), append)
    held = store.positions()
    return np.array([held[key] for key in keys], np.int64).reshape(-1, views.kind.count), computed
