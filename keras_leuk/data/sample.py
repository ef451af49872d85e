"""Some of the labelled images in the place of all of them (data.sample), chosen before any is decoded.

A sample keeps the share of each class in each part of the data, and takes the images of a class by turns from its subjects, so
that each subject keeps some as long as there is room. The order in which images come in hangs on nothing but their names and the
data: it is the same on every machine and for every seed, and a larger sample holds a smaller one. Start at `sample`.

Sources: Tijdeman 1980, The chairman assignment problem, https://doi.org/10.1016/0012-365X(80)90269-1. Largest remainders come as
near to the shares, but a larger sample may then have fewer images of a class than a smaller one (the Alabama paradox).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from keras_leuk.data.table import ImageTable, natural_key, with_rows
from keras_leuk.errors import RecipeError

_KEY = "data.sample"


def sample(table: ImageTable, number: int | None) -> ImageTable:
    """The table with so many of its labelled images; its name says so. All unlabelled ones stay.

    Args:
        number: None, or as many as there are or more, changes nothing.

    Raises:
        RecipeError: a class would be without an image.
    """
    labelled = table.labelled
    if number is None or number >= len(labelled):
        return table
    order = in_order(labelled)
    chosen = labelled.iloc[order[:number]]
    _require_every_class(labelled, order, number)
    rows = table.rows[table.rows["label"].isna() | table.rows["image"].isin(chosen["image"])]
    return replace(with_rows(table, rows), name=f"{table.name} ({number:,} of {len(labelled):,} images)")


def in_order(rows: pd.DataFrame) -> list[int]:
    """Places of all rows in the order in which they come into a sample.

    Among the first h of n images, of which m are of one class and part, h m / n of these are wanted; the number there deviates
    from it by at most 1 - 1 / (2 k - 2), with k classes and parts together.

    Args:
        rows: labelled rows; columns image, label, subject and part (None where unknown).
    """
    strata: dict[tuple[str, str], list[int]] = {}
    for place, (part, label) in enumerate(zip(rows["part"], rows["label"], strict=True)):
        strata.setdefault((part or "", label), []).append(place)
    names = sorted(strata, key=lambda stratum: tuple(natural_key(name) for name in stratum))
    images, subjects = list(rows["image"]), list(rows["subject"])
    waiting = [iter(_by_turns(strata[name], images, subjects)) for name in names]
    return [next(waiting[stratum]) for stratum in _turns([len(strata[name]) for name in names])]


def _by_turns(places: Sequence[int], images: Sequence[str], subjects: Sequence[str | None]) -> list[int]:
    """First one image of each subject, then a second one of each that has two, and so on.

    Images whose subject is unknown are taken as of one.
    """
    held: dict[str, list[int]] = {}
    for place in sorted(places, key=lambda place: (_hash(images[place].rpartition("/")[2]), images[place])):
        held.setdefault(subjects[place] or "", []).append(place)
    turns = [(turn, _hash(who), place) for who, own in held.items() for turn, place in enumerate(own)]
    return [place for *_, place in sorted(turns)]


def _hash(name: str) -> bytes:
    return hashlib.sha256(f"{_KEY}\0{name}".encode()).digest()


def _turns(sizes: Sequence[int]) -> Iterator[int]:
    """Whose turn it is, until all have had as many turns as their size (Tijdeman 1980, with constant weights)."""
    size = np.array(sizes, dtype=np.int64)
    total, had = int(size.sum()), np.zeros(len(size), dtype=np.int64)
    slack = max(2 * len(size) - 2, 1)
    for turn in range(1, total + 1):
        lag = slack * (turn * size - had * total)  # how far behind its share each is, in units of 1 / (slack * total)
        # Of those who may come, who must come first; in whole numbers up to the division, so that every machine does the same.
        until = np.where(lag >= total, (total * (slack - 1) - lag) / size, np.inf)
        chosen = int(np.argmin(until))
        had[chosen] += 1
        yield chosen


def _require_every_class(labelled: pd.DataFrame, order: Sequence[int], number: int) -> None:
    labels = list(labelled["label"].iloc[list(order)])
    first = {name: labels.index(name) for name in sorted(set(labels), key=natural_key)}
    without = [name for name, place in first.items() if place >= number]
    if without:
        reason = (
            f"leaves no image of class {', '.join(without)}; {max(first.values()) + 1} images are the fewest with every class"
        )
        raise RecipeError(_KEY, number, reason)
