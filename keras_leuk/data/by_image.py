"""Puts single images on sides, class by class, where nothing is known of subjects or nobody asks for them.

Counts are exact: of n images a share s is the smallest whole number not below s * n, as in scikit-learn, so 10,661 cells at
80/20 are 8,528 and 2,133 (Fata et al. 2023). Start at `draw_by_image`, `draw_balanced` and `deal_by_image`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from keras_leuk.data.table import natural_key
from keras_leuk.errors import DataError


def share_of(share: float, total: int) -> int:
    """Number of images that a share is, rounded up; 0.07 of 100 is 7, although 0.07 * 100 is 7.000000000000001."""
    return math.ceil(round(share * total, 9))


def draw_by_image(
    label: Sequence[str], shares: Mapping[str, float], rest: str, rng: np.random.Generator, *, advice: str = ""
) -> list[str]:
    """A side for each image, the classes in equal proportion on each.

    Args:
        label: n class names.
        shares: share of all images by side, all above 0; the remaining images go to `rest`.
        rest: name of the side that gets what remains.
        rng: draws which images go where.
        advice: what the user may do about an error.

    Returns:
        n names of sides; every side has images of every class.

    Raises:
        DataError: a class has fewer images than there are sides, or a side would have fewer images than classes.
    """
    members = _by_class(label)
    _require_enough(members, [rest, *shares], advice)
    taken = {side: share_of(share, len(label)) for side, share in shares.items()}
    taken[rest] = len(label) - sum(taken.values())
    for side, number in taken.items():
        if number < len(members):
            raise DataError(
                f"the {side} side would have {number} of {len(label)} images, but there are {len(members)} classes{advice}"
            )
    shuffled = {name: list(rng.permutation(places)) for name, places in members.items()}
    sides = [rest] * len(label)
    for position, side in enumerate(shares):
        later = len(shares) - position  # sides that must still find an image of each class
        remaining = {name: len(places) for name, places in shuffled.items()}
        for name, number in apportion(taken[side], remaining, {name: n - later for name, n in remaining.items()}).items():
            for place in shuffled[name][:number]:
                sides[place] = side
            del shuffled[name][:number]
    return sides


def draw_balanced(
    label: Sequence[str], shares: Mapping[str, float], rest: str, rng: np.random.Generator, *, advice: str = ""
) -> list[str]:
    """A side for each image, as many images of each class on every side but `rest`.

    Of n images of k classes, a side with share s gets the smallest whole number not below s * n / k of each class: 0.15 of 10,661
    cells are 800 and 800 (Mantri et al. 2024).

    Args:
        label, shares, rest, rng, advice: see `draw_by_image`.

    Returns:
        n names of sides; `rest` has at least one image of every class.

    Raises:
        DataError: a class has too few images.
    """
    members = _by_class(label)
    of_each = {side: share_of(share / len(members), len(label)) for side, share in shares.items()}
    sides = [rest] * len(label)
    for name, places in members.items():
        if len(places) <= sum(of_each.values()):
            wanted = ", ".join(f"{number} for {side}" for side, number in of_each.items())
            have = f"{len(places)} image{'s' * (len(places) != 1)}"
            raise DataError(
                f"class {name!r} has {have} only; as many of each class are needed: {wanted}, and one at least for {rest}{advice}"
            )
        order = iter(rng.permutation(places))
        for side, number in of_each.items():
            for _ in range(number):
                sides[next(order)] = side
    return sides


def deal_by_image(label: Sequence[str], names: Sequence[str], rng: np.random.Generator, *, advice: str = "") -> list[str]:
    """One of several equal folds for each image, dealt class by class like cards.

    Returns:
        n names of folds; in each class, and in all, fold sizes differ by at most 1.

    Raises:
        DataError: a class has fewer images than there are folds.
    """
    members = _by_class(label)
    _require_enough(members, names, advice)
    folds = [""] * len(label)
    dealt = 0
    for places in members.values():
        for place in rng.permutation(places):
            folds[place] = names[dealt % len(names)]
            dealt += 1
    return folds


def apportion(number: int, available: Mapping[str, int], most: Mapping[str, int]) -> dict[str, int]:
    """Parts a number of images between classes in proportion to what is available (largest remainders).

    Args:
        number: at least one a class, at most the sum of `most`.
        available: images of each class; the proportions.
        most: images of each class that may be taken, at least one each.

    Returns:
        images a class, at least one each, together `number`.
    """
    total = sum(available.values())
    wish = {name: number * n / total for name, n in available.items()}
    given = {name: min(max(math.floor(wish[name]), 1), most[name]) for name in available}
    # Rounded, and then in the order of the classes, so that equal remainders fall the same way on every machine.
    while sum(given.values()) < number:
        open_classes = [name for name in given if given[name] < most[name]]
        given[max(open_classes, key=lambda name: round(wish[name] - given[name], 9))] += 1
    while sum(given.values()) > number:
        open_classes = [name for name in given if given[name] > 1]
        given[min(open_classes, key=lambda name: round(wish[name] - given[name], 9))] -= 1
    return given


def _by_class(label: Sequence[str]) -> dict[str, list[int]]:
    members: dict[str, list[int]] = {name: [] for name in sorted(set(label), key=natural_key)}
    for place, name in enumerate(label):
        members[name].append(place)
    return members


def _require_enough(members: Mapping[str, Sequence[int]], sides: Sequence[str], advice: str) -> None:
    for name, places in members.items():
        if len(places) < len(sides):
            have = f"{len(places)} image{'s' * (len(places) != 1)}"
            raise DataError(f"class {name!r} has {have} only; {len(sides)} are needed, one each for {', '.join(sides)}{advice}")
