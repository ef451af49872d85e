"""Puts whole groups on sides so that every side gets its share of every class.

Parting groups of unequal size exactly is a hard problem, and an exact solution would be one split instead of one per
seed. So many seeded random orders are tried; in each, every group goes to the side that needs it most; the order whose
shares come nearest to the wanted wins. Start at `draw_by_group`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from keras_leuk.data.table import natural_key
from keras_leuk.errors import DataError

ORDERS = 64
# Groups that hold several classes can make a side hard to complete; then it is worth looking longer.
_MORE_ORDERS = 1024
# How much the need for images of any class counts beside the need for the group's own classes.
_ALL_IMAGES = 0.25

Counts = NDArray[np.int64]


def draw_by_group(
    group: Sequence[str],
    label: Sequence[str],
    shares: Mapping[str, float],
    rng: np.random.Generator,
    *,
    advice: str = "",
) -> list[str]:
    """A side for each image; the images of a group stand on one side.

    Args:
        group: n names of groups of subjects.
        label: n class names.
        shares: wanted share of the images of each class by side, all above 0, together 1.
        rng: decides between equally good splits.
        advice: what the user may do about the error.

    Returns:
        n names of sides. Every side has images of every class. The order of the images decides nothing.

    Raises:
        DataError: a class stands in fewer groups than there are sides, or groups of several classes leave no way to give
            each side every class.
    """
    groups, group_index = _indexed(group)
    classes, class_index = _indexed(label)
    counts = np.zeros((len(groups), len(classes)), dtype=np.int64)
    np.add.at(counts, (group_index, class_index), 1)
    sides = list(shares)
    for c, name in enumerate(classes):
        there = int((counts[:, c] > 0).sum())
        if there < len(sides):
            raise DataError(
                f"class {name!r} has images of {there} subject{'s' * (there != 1)} only (linked ones count as one); "
                f"{len(sides)} are needed, one each for {', '.join(sides)}{advice}"
            )
    wanted = np.array(list(shares.values()), dtype=float)
    for orders in (ORDERS, _MORE_ORDERS):
        chosen = assign(counts, wanted, rng, orders)
        if chosen is not None:
            return [sides[side] for side in chosen[group_index]]
    raise DataError(f"no way was found to give every side ({', '.join(sides)}) every class without parting a subject{advice}")


def _indexed(names: Sequence[str]) -> tuple[list[str], NDArray[np.intp]]:
    distinct = sorted(set(names), key=natural_key)
    place = {name: i for i, name in enumerate(distinct)}
    return distinct, np.array([place[name] for name in names], dtype=np.intp)


def assign(
    counts: Counts, shares: NDArray[np.float64], rng: np.random.Generator, orders: int = ORDERS
) -> NDArray[np.intp] | None:
    """Side of each group: the best of many greedy assignments, or None if none of them completes every side.

    Args:
        counts: (groups, classes), images; every class has some.
        shares: (sides,), wanted share of each class, together 1.
        rng: draws the orders.
        orders: how many orders to try.

    Returns:
        (groups,) index of the side.
    """
    number, classes = counts.shape
    # Share of its class that a group holds; the last column, all images, evens out what single classes leave uneven.
    weight = np.column_stack([counts / counts.sum(axis=0), counts.sum(axis=1) / counts.sum()])
    importance = weight / weight[:, :classes].sum(axis=1, keepdims=True)
    importance[:, classes] = _ALL_IMAGES
    holds = counts > 0
    order = np.stack([rng.permutation(number) for _ in range(orders)])
    trial = np.arange(orders)
    need = np.tile(shares[None, :, None], (orders, 1, classes + 1))
    lacks = np.ones((orders, len(shares), classes), dtype=bool)
    left = np.tile(holds.sum(axis=0), (orders, 1))  # groups not yet placed that hold the class
    side_of = np.empty((orders, number), dtype=np.intp)
    for group in order.T:
        # Where only as many groups of a class are left as there are sides without it, this one must go to such a side.
        urgent = (left <= lacks.sum(axis=1)) & holds[group]
        must = (lacks & urgent[:, None, :]).sum(axis=2)
        wish = np.einsum("ksc,kc->ks", need, importance[group])
        # Rounded, so that a last binary digit on another machine does not make another split.
        side = np.argmax(np.round(wish, 9) + 1e3 * must, axis=1)
        side_of[trial, group] = side
        need[trial, side] -= weight[group]
        lacks[trial, side] &= ~holds[group]
        left -= holds[group]
    complete = ~lacks.any(axis=(1, 2))
    if not complete.any():
        return None
    # What is still needed at the end is the deviation from the wanted shares; negative means too much.
    deviation = np.where(complete, np.round((need**2).sum(axis=(1, 2)), 9), np.inf)
    best: NDArray[np.intp] = side_of[int(np.argmin(deviation))]
    return best
