"""Precision and recall over the two sigmoid units of a two-class network, as Keras counts them on one-hot labels.

`keras.metrics.Precision()` and `Recall()` without `class_id` put every unit of every image into one table at threshold 0.5: n
images are 2 n decisions, n of them positive. A unit is right or wrong on its own, so an image may have both units above 0.5, or
none. Accuracy is that of the larger unit (`CategoricalAccuracy`, what "accuracy" means for two units), or, as another
definition, the share of right decisions (`BinaryAccuracy`).
"""

from __future__ import annotations

import numpy as np

from keras_leuk.papers.attainable_boxes import UNBOUNDED, Box, Ints

Boxes = dict[str, Box]


def allowed(boxes: Boxes, size: int, by_unit: bool = False) -> bool:
    """Whether some table of 2 × `size` units gives all values."""
    _, first, last = _intervals(boxes, size, by_unit)
    return bool((first <= last).any())


def matrices(boxes: Boxes, size: int, by_unit: bool = False) -> tuple[int, Ints]:
    """Every table of 2 × `size` units that gives all values.

    Args:
        boxes: of accuracy, precision, recall, f1, or some of them.
        by_unit: whether accuracy is the share of right units; else that of images whose larger unit is right.

    Returns:
        how many there are; and (k, 4) units TP, FP, FN, TN, of all of them, or of the ends of each run of FP if there are more
        than a million.
    """
    positives, first, last = _intervals(boxes, size, by_unit)
    fitting = first <= last
    positives, first, last = positives[fitting], first[fitting], last[fitting]
    lengths = last - first + 1
    count = int(lengths.sum())
    if count > 1_000_000:
        positives, wrong = np.concatenate([positives, positives]), np.concatenate([first, last])
    else:
        starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
        wrong = np.repeat(first, lengths) + np.arange(count) - starts
        positives = np.repeat(positives, lengths)
    return count, np.stack([positives, wrong, size - positives, size - wrong], axis=1)


def correct_images(size: int, positives: int, wrong: int) -> tuple[int, int]:
    """Least and greatest number of images whose larger unit is right, given TP and FP over units.

    Of b images with both units above 0.5 and z with none, any number may be right by the larger one. Those with only the right
    unit above 0.5 are right, those with only the wrong one are not.
    """
    return max(0, positives - wrong), min(size, size - wrong + positives)


def both_units(size: int, positives: int, wrong: int, correct: int) -> tuple[int, int]:
    """Least and greatest number of images with both units above 0.5, given TP, FP over units and images right by the larger."""
    return max(0, positives + wrong - size, positives - correct, correct - size + wrong), min(positives, wrong)


def _intervals(boxes: Boxes, size: int, by_unit: bool) -> tuple[Ints, Ints, Ints]:
    """For each TP that recall allows: TP, and the interval of FP that all else allows."""
    whole = np.array([size], np.int64)
    least, most = (int(end[0]) for end in boxes["recall"].part_of_whole(whole)) if "recall" in boxes else (0, size)
    positives = np.arange(least, most + 1, dtype=np.int64)
    first, last = np.zeros_like(positives), np.full_like(positives, size)
    if "precision" in boxes:
        low, high = boxes["precision"].rest_of_part(positives)
        first, last = np.maximum(first, low), np.minimum(last, high)
    if "f1" in boxes:
        # 2 TP / (2 TP + FP + FN), FN = n - TP
        low, high = boxes["f1"].rest_of_part(2 * positives)
        first, last = np.maximum(first, low - size + positives), np.minimum(last, np.minimum(high, UNBOUNDED) - size + positives)
    if "accuracy" in boxes and by_unit:
        low, high = boxes["accuracy"].part_of_whole(2 * whole)
        first, last = np.maximum(first, positives + size - high), np.minimum(last, positives + size - low)
    elif "accuracy" in boxes:
        low, high = boxes["accuracy"].part_of_whole(whole)
        if int(low[0]) > int(high[0]):
            return positives, first, np.full_like(positives, -1)
        first, last = np.maximum(first, positives - high), np.minimum(last, size + positives - low)
    return positives, first, last
