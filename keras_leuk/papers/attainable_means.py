"""Means over the two classes: which confusion matrices give printed macro or weighted averages.

For a test set of n images, p of them of the first class, a matrix is (p, correct images, TP). Macro recall is linear in TP, so
recall and accuracy leave an interval of TP for each p and number of correct images; what is left is tried one by one, in whole
numbers. Both classes must be in the test set. The averages are those of scikit-learn.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_leuk.papers.attainable_boxes import Bools, Box, Ints

Boxes = dict[str, Box]

_AT_ONCE = 2_000_000


def matrices(boxes: Boxes, size: int, average: str, support: tuple[int, int] | None = None) -> tuple[int, Ints]:
    """Every matrix of that many images whose averages are as printed.

    Args:
        boxes: of accuracy, precision, recall, f1, or some of them.
        average: 'macro' or 'weighted'.
        support: least and greatest number of images of the first class; None tries all up to half of the images, which is enough,
            because the averages stay when the classes change places.

    Returns:
        how many there are, and (k, 4) counts TP, FP, FN, TN.
    """
    first, last = support or (1, size // 2)
    share = np.arange(max(first, 1), min(last, size - 1) + 1, dtype=np.int64)
    right = _right(boxes, size, average)
    if not len(share) or not len(right):
        return 0, np.zeros((0, 4), np.int64)
    found = [_fitting(boxes, average, *block) for block in _blocks(boxes, size, average, share, right)]
    kept = np.concatenate([np.zeros((0, 4), np.int64), *found])
    return len(kept), kept


def work(boxes: Boxes, size: int, average: str, support: tuple[int, int] | None = None) -> int:
    """About how many matrices `matrices` must try."""
    first, last = support or (1, size // 2)
    right, classes = len(_right(boxes, size, average)), max(0, last - first + 1)
    every = right * classes * size // 4
    if average == "weighted" or "recall" not in boxes:
        return every
    box = boxes["recall"]
    # Of all matrices, about as many lie in the recall's box as the box takes of 0 to 1, and somewhat more.
    return right * classes + min(every, 3 * every * (box.high - box.low) // box.scale)


def _right(boxes: Boxes, size: int, average: str) -> Ints:
    """Numbers of correct images that accuracy allows; weighted recall is accuracy."""
    least, most = 0, size
    for name in ("accuracy", "recall") if average == "weighted" else ("accuracy",):
        if name in boxes:
            low, high = boxes[name].part_of_whole(np.array([size], np.int64))
            least, most = max(least, int(low[0])), min(most, int(high[0]))
    return np.arange(least, most + 1, dtype=np.int64)


def _blocks(boxes: Boxes, size: int, average: str, share: Ints, right: Ints) -> Iterator[tuple[Ints, Ints, Ints, Ints]]:
    """Candidates as p, q, TP, TN, a few million at a time."""
    rows = max(1, _AT_ONCE // len(share))
    for start in range(0, len(right), rows):
        first_class, correct = (grid.ravel() for grid in np.meshgrid(share, right[start : start + rows]))
        least, most = np.maximum(correct - size + first_class, 0), np.minimum(first_class, correct)
        if average == "macro" and "recall" in boxes:
            least, most = _by_recall(boxes["recall"], first_class, size - first_class, correct, least, most)
        lengths = np.maximum(most - least + 1, 0)
        ends = np.cumsum(lengths)
        begin = 0
        while begin < len(ends):
            done = int(ends[begin - 1]) if begin else 0
            end = max(begin + 1, int(np.searchsorted(ends, done + _AT_ONCE, side="right")))
            some = slice(begin, end)
            counts = lengths[some]
            starts = np.repeat(np.cumsum(counts) - counts, counts)
            positives = np.repeat(least[some], counts) + np.arange(int(counts.sum())) - starts
            whole, hits = np.repeat(first_class[some], counts), np.repeat(correct[some], counts)
            yield whole, size - whole, positives, hits - positives
            begin = end


def _by_recall(box: Box, p: Ints, q: Ints, correct: Ints, least: Ints, most: Ints) -> tuple[Ints, Ints]:
    """Narrows the interval of TP by macro recall = (TP (q - p) + p · correct) / (2 p q)."""
    low = 2 * p * q * box.low + box.open_low - p * correct * box.scale
    high = 2 * p * q * box.high - box.open_high - p * correct * box.scale
    slope = (q - p) * box.scale
    steep = np.where(slope == 0, 1, np.abs(slope))
    # With a falling slope -TP takes the place of TP, and the interval turns round.
    first = np.where(slope > 0, -(-low // steep), -(high // steep))
    last = np.where(slope > 0, high // steep, -low // steep)
    flat = (slope == 0) & (low <= 0) & (high >= 0)
    first = np.where(slope == 0, np.where(flat, least, most + 1), first)
    last = np.where(slope == 0, most, last)
    return np.maximum(least, first), np.minimum(most, last)


def _fitting(boxes: Boxes, average: str, p: Ints, q: Ints, positives: Ints, negatives: Ints) -> Ints:
    """The candidates whose precision, recall and F1 are as printed."""
    wrong, missed = q - negatives, p - positives
    keep: Bools = np.ones(len(p), np.bool_)
    if "recall" in boxes and average == "macro":
        keep &= boxes["recall"].holds(positives * q + negatives * p, 2 * p * q)
    parts = {
        "precision": (positives, positives + wrong, negatives, negatives + missed),
        "f1": (2 * positives, p + positives + wrong, 2 * negatives, q + negatives + missed),
    }
    for name, (one, of_one, other, of_other) in parts.items():
        if name in boxes:
            chosen = np.flatnonzero(keep)
            a, b, c, d = (values[chosen] for values in (one, of_one, other, of_other))
            # A class that is never named has precision 0 / 0, which counts as 0.
            b, d = np.maximum(b, 1), np.maximum(d, 1)
            weight, other_weight = (p[chosen], q[chosen]) if average == "weighted" else (1, 1)
            total = p[chosen] + q[chosen] if average == "weighted" else 2
            keep[chosen] = boxes[name].holds(weight * a * d + other_weight * c * b, total * b * d)
    return np.stack([positives, wrong, missed, negatives], axis=1)[keep]
