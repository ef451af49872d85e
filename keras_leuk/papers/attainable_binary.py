"""Precision, recall and F1 of one class out of two (or of many): which counts TP, FP, FN, TN give all printed values.

For each FP and FN, every printed value of recall, precision and F1 leaves one interval of TP, because all three rise with TP,
and accuracy leaves one interval of TP + TN: `sizes` needs no more. For a known number of images, `matrices` takes each number of
positive images and each TP that recall allows; all else leaves one interval of FP. So no matrix is missed.
"""

from __future__ import annotations

import numpy as np

from keras_leuk.papers.attainable_boxes import UNBOUNDED, Bools, Box, Ints

Boxes = dict[str, Box]

_AT_ONCE = 2_000_000


def sizes(boxes: Boxes, largest: int, support: tuple[int, int] | None = None) -> Bools:
    """Test-set sizes for which some matrix gives all values.

    Args:
        boxes: of accuracy, precision, recall, f1, or some of them.
        largest: largest size searched.
        support: least and greatest number of images of the positive class, if known.

    Returns:
        (largest + 1,) booleans, by size.
    """
    marks = np.zeros(largest + 2, np.int64)
    search = _Search(boxes, largest, support)
    for errors in range(largest + 1):
        right_first, right_last = search.right(errors)
        if right_first > min(right_last, largest - errors):
            continue
        first, last, _ = search.true_positives(errors)
        fitting = first <= np.minimum(last, largest - errors)
        if not fitting.any():
            continue
        # TN is free, so from the least TP upwards every size will do that accuracy allows; 0 images are no test set.
        least = max(int(first[fitting].min()), right_first, 1 - errors)
        most = min(right_last, largest - errors)
        if least <= most:
            marks[least + errors] += 1
            marks[most + errors + 1] -= 1
    return np.cumsum(marks[:-1]) > 0


def matrices(boxes: Boxes, size: int, support: tuple[int, int] | None = None) -> tuple[int, Ints]:
    """Every matrix of that many images that gives all values.

    Returns:
        how many there are; and (k, 4) counts TP, FP, FN, TN, of all of them, or of the ends of each run of FP if there are more
        than a million.
    """
    first, last = support or (0, size)
    whole = np.arange(max(first, 0), min(last, size) + 1, dtype=np.int64)
    found: list[Ints] = [np.zeros((0, 4), np.int64)]
    rows = max(1, _AT_ONCE // (size + 1)) if "recall" not in boxes else len(whole)
    for start in range(0, len(whole), max(rows, 1)):
        positives, support_of, low, high = _false_positives(boxes, whole[start : start + rows], size)
        fitting = low <= high
        found.append(np.stack([positives, low, support_of - positives, high], axis=1)[fitting])
    runs = np.concatenate(found)
    lengths = runs[:, 3] - runs[:, 1] + 1
    count = int(lengths.sum())
    if count > 1_000_000:
        runs, wrong = np.concatenate([runs, runs]), np.concatenate([runs[:, 1], runs[:, 3]])
    else:
        wrong = np.repeat(runs[:, 1], lengths) + np.arange(count) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        runs = np.repeat(runs, lengths, axis=0)
    positives, missed = runs[:, 0], runs[:, 2]
    return count, np.stack([positives, wrong, missed, size - positives - wrong - missed], axis=1)


def _false_positives(boxes: Boxes, whole: Ints, size: int) -> tuple[Ints, Ints, Ints, Ints]:
    """For each number of positive images and each TP that recall allows: TP, that number, and the interval of FP."""
    positives, whole = _true_positives(boxes, whole)
    low, high = _by_precision(boxes, positives, whole)
    if "accuracy" in boxes:
        right = boxes["accuracy"].part_of_whole(np.array([size], np.int64))
        low = np.maximum(low, positives + size - whole - right[1])
        high = np.minimum(high, positives + size - whole - right[0])
    return positives, whole, np.maximum(low, 0), np.minimum(high, size - whole)


def _true_positives(boxes: Boxes, whole: Ints) -> tuple[Ints, Ints]:
    """Each TP that recall allows, and the number of images of the class that it belongs to."""
    if "recall" in boxes:
        least, most = boxes["recall"].part_of_whole(whole)
    else:
        least, most = np.zeros_like(whole), whole
    lengths = np.maximum(most - least + 1, 0)
    starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
    return np.repeat(least, lengths) + np.arange(int(lengths.sum())) - starts, np.repeat(whole, lengths)


def _by_precision(boxes: Boxes, positives: Ints, whole: Ints) -> tuple[Ints, Ints]:
    """Interval of FP that precision and F1 allow."""
    low, high = np.zeros_like(positives), np.full_like(positives, UNBOUNDED)
    if "precision" in boxes:
        low, high = boxes["precision"].rest_of_part(positives)
    if "f1" in boxes:
        # F1 = 2 TP / (2 TP + FP + FN)
        wrong_low, wrong_high = boxes["f1"].rest_of_part(2 * positives)
        low, high = np.maximum(low, wrong_low - whole + positives), np.minimum(high, wrong_high - whole + positives)
    return np.maximum(low, 0), high


def supports(boxes: Boxes, first: int, last: int) -> tuple[Ints, Ints]:
    """Numbers of images of a class for which some TP, FP, FN give its precision, recall and F1; all else is free.

    Args:
        boxes: of recall, and of precision, f1 or both.
        first, last: least and greatest number searched.

    Returns:
        (k,) numbers, ascending; and (k, 3) the counts TP, FP, FN with the fewest FP for each.
    """
    whole = np.arange(max(first, 1), last + 1, dtype=np.int64)
    positives, whole = _true_positives(boxes, whole)
    low, high = _by_precision(boxes, positives, whole)
    fitting = low <= high
    numbers, where = np.unique(whole[fitting], return_index=True)
    counts = np.stack([positives, low, whole - positives], axis=1)[fitting][where]
    return numbers, counts


class _Search:
    """Intervals that are looked up by a number of errors, reckoned once."""

    def __init__(self, boxes: Boxes, largest: int, support: tuple[int, int] | None):
        self.rest = np.arange(largest + 1, dtype=np.int64)
        self.support = support
        self.accuracy, self.precision, self.recall, self.f1 = (
            boxes[name].part_of_rest(self.rest) if name in boxes else None for name in ("accuracy", "precision", "recall", "f1")
        )

    def right(self, errors: int) -> tuple[int, int]:
        """Interval of TP + TN that the accuracy allows."""
        if self.accuracy is None:
            return 0, UNBOUNDED
        return int(self.accuracy[0][errors]), int(self.accuracy[1][errors])

    def true_positives(self, errors: int) -> tuple[Ints, Ints, Ints]:
        """For FP = 0..errors: least and greatest TP, and FP itself, each (errors + 1,)."""
        false_positives = self.rest[: errors + 1]
        first, last = np.zeros(errors + 1, np.int64), np.full(errors + 1, UNBOUNDED, np.int64)
        if self.recall is not None:
            first = np.maximum(first, self.recall[0][errors::-1])
            last = np.minimum(last, self.recall[1][errors::-1])
        if self.precision is not None:
            first = np.maximum(first, self.precision[0][: errors + 1])
            last = np.minimum(last, self.precision[1][: errors + 1])
        if self.f1 is not None:
            first = np.maximum(first, (self.f1[0][errors] + 1) // 2)
            last = np.minimum(last, self.f1[1][errors] // 2)
        if self.support is not None:
            missed = errors - false_positives
            first = np.maximum(first, self.support[0] - missed)
            last = np.minimum(last, self.support[1] - missed)
        return first, last, false_positives
