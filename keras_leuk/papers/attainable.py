"""The definitions of precision, recall and F1 that a table of a two-class classifier may mean, and the search under each.

Start at `fit` (one number of images) and `scan` (many). A definition is a name in DEFINITIONS. Counts are always told of the
first (positive) class, units of the two units together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keras_leuk.papers import attainable_binary, attainable_means, attainable_units
from keras_leuk.papers.attainable_boxes import Bools, Box, Ints

Boxes = dict[str, Box]

DEFINITIONS = {
    "binary": "precision, recall and F1 of the positive class",
    "other": "those of the other class",
    "macro": "means of the two classes",
    "weighted": "means of the two classes, weighted by their images (recall is then accuracy)",
    "micro": "all classes pooled (precision, recall, F1 and accuracy are then one number)",
    "units": "Keras' Precision() and Recall() over two sigmoid units at 0.5, accuracy by the larger unit",
    "units-binary": "the same over units, accuracy over units, too",
}
WORK = 20_000_000
"""Matrices that a scan may try for one row under one definition; a few seconds."""

MOST_WORK = 50_000_000
"""Matrices that may be tried for one row at one number of images."""


@dataclass(frozen=True)
class Fit:
    """What gives all values of a row at one number of images.

    Attributes:
        definition: a name in DEFINITIONS; size: number of images.
        count: how many matrices do.
        matrices: (k, 4) TP, FP, FN, TN; all of them up to a million.
    """

    definition: str
    size: int
    count: int
    matrices: Ints

    @property
    def measured(self) -> dict[str, NDArray[np.float64]]:
        """Each measure of each matrix, (k,)."""
        return measures(self.definition, self.matrices)

    def supports(self) -> Bools:
        """(size + 1,) whether some matrix has that many images of the first class; all true where classes play no part."""
        if not sees_classes(self.definition):
            return np.ones(self.size + 1, np.bool_)
        found = np.zeros(self.size + 1, np.bool_)
        positives = self.matrices[:, 0] + self.matrices[:, 2]
        found[positives] = True
        if self.definition in ("macro", "weighted"):
            found[self.size - positives] = True
        return found


def sees_classes(definition: str) -> bool:
    """Whether the number of images of each class has a part in a definition."""
    return definition in ("binary", "other", "macro", "weighted")


def fit(boxes: Boxes, definition: str, size: int, support: tuple[int, int] | None = None) -> Fit:
    """Searches all matrices of one number of images.

    Args:
        boxes: of accuracy, precision, recall, f1, or some of them.
        support: least and greatest number of images of the positive class, None for any.
    """
    if definition == "binary":
        return Fit(definition, size, *attainable_binary.matrices(boxes, size, support))
    if definition == "other":
        count, found = attainable_binary.matrices(boxes, size, _others(support, size))
        return Fit(definition, size, count, found[:, ::-1])
    if definition in ("macro", "weighted"):
        return Fit(definition, size, *attainable_means.matrices(boxes, size, definition, support))
    if definition == "micro":
        return Fit(definition, size, *_pooled(boxes, size))
    return Fit(definition, size, *attainable_units.matrices(boxes, size, definition == "units-binary"))


def searchable(boxes: Boxes, definition: str, size: int, support: tuple[int, int] | None = None) -> bool:
    """Whether the matrices of one number of images are few enough to be searched in seconds."""
    if definition in ("macro", "weighted"):
        return attainable_means.work(boxes, size, definition, support) <= MOST_WORK
    if definition in ("binary", "other") and "recall" not in boxes:
        first, last = support or (0, size)
        return (last - first + 1) * size <= MOST_WORK // 4
    return True


def scan(boxes: Boxes, definition: str, sizes: Ints, support: tuple[int, int] | None = None) -> tuple[Bools, str]:
    """For which numbers of images some matrix gives all values.

    Args:
        sizes: ascending numbers of images.

    Returns:
        (k,) booleans, one a size; and what was left out, '' for nothing.
    """
    if not len(sizes):
        return np.zeros(0, np.bool_), ""
    largest = int(sizes[-1])
    if len(sizes) > 1 and (definition == "binary" or (definition == "other" and support is None)):
        return attainable_binary.sizes(boxes, largest, support)[sizes], ""
    if definition.startswith("units"):
        by_unit = definition == "units-binary"
        return np.array([attainable_units.allowed(boxes, size, by_unit) for size in sizes.tolist()], np.bool_), ""
    found, left = np.zeros(len(sizes), np.bool_), WORK
    for i, size in enumerate(sizes.tolist()):
        if definition in ("macro", "weighted"):
            left -= attainable_means.work(boxes, size, definition, support)
            if left < 0:
                return found, f"from {size:,} images on"
        found[i] = fit(boxes, definition, size, support).count > 0
    return found, ""


def accuracy_sizes(box: Box, sizes: Ints) -> Bools:
    """Which numbers of images n have a whole number k with k / n in the box (GRIM's question)."""
    first, last = box.part_of_whole(sizes)
    return np.asarray(first <= last)


def measures(definition: str, matrices: Ints) -> dict[str, NDArray[np.float64]]:
    """Accuracy (where the counts decide it), precision, recall and F1 of each matrix, 0 / 0 counting as 0.

    Args:
        matrices: (k, 4) TP, FP, FN, TN, as in `Fit`.

    Returns:
        measure → (k,) values.
    """
    tp, fp, fn, tn = (matrices[:, i].astype(np.float64) for i in range(4))
    size = tp + fp + fn + tn
    one = _one_class(tp, fp, fn)
    if definition in ("units", "micro"):
        return one | ({"accuracy": _ratio(tp, tp + fn)} if definition == "micro" else {})
    accuracy = {"accuracy": _ratio(tp + tn, size)}
    if definition in ("binary", "units-binary"):
        return accuracy | one
    other = _one_class(tn, fn, fp)
    if definition == "other":
        return accuracy | other
    weight = _ratio(tp + fn, size) if definition == "weighted" else np.full(len(size), 0.5)
    return accuracy | {name: weight * one[name] + (1 - weight) * other[name] for name in one}


def _one_class(tp: NDArray[np.float64], fp: NDArray[np.float64], fn: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    return {"precision": _ratio(tp, tp + fp), "recall": _ratio(tp, tp + fn), "f1": _ratio(2 * tp, 2 * tp + fp + fn)}


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _others(support: tuple[int, int] | None, size: int) -> tuple[int, int] | None:
    return None if support is None else (size - support[1], size - support[0])


def _pooled(boxes: Boxes, size: int) -> tuple[int, Ints]:
    """Numbers k of correct images; as decisions, k are TP, n - k are FP and FN, and k are TN."""
    least, most = 0, size
    for box in boxes.values():
        low, high = box.part_of_whole(np.array([size], np.int64))
        least, most = max(least, int(low[0])), min(most, int(high[0]))
    right = np.arange(least, most + 1, dtype=np.int64)
    return len(right), np.stack([right, size - right, size - right, right], axis=1)
