"""The ways in which a data set is parted, and which parts are compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from keras_leuk.data.table import natural_key

MOST = 4
"""Up to so many parts each is compared with each, six pairs; of more, each with all others."""

_ORDER = ("train", "training", "validation", "test", "preliminary", "final")


@dataclass(frozen=True)
class Pair:
    """Two tables of images that are compared, with their names."""

    names: tuple[str, str]
    first: pd.DataFrame
    second: pd.DataFrame


@dataclass(frozen=True)
class Partition:
    """One way to part images.

    Attributes:
        name: 'split', 'part', 'fold' or 'data set'; words: what it is called on a page.
        parts: name of each part and its images, two parts or more.
    """

    name: str
    words: str
    parts: dict[str, pd.DataFrame]

    def pairs(self) -> Iterator[Pair]:
        """Each part with each later one, or, of many, each with all others."""
        names = list(self.parts)
        if self.name == "data set":
            # The user asked how the others differ from his own, which is the first.
            for name in names[1:]:
                yield Pair((names[0], name), self.parts[names[0]], self.parts[name])
        elif len(names) <= MOST:
            for i, first in enumerate(names):
                for second in names[i + 1 :]:
                    yield Pair((first, second), self.parts[first], self.parts[second])
        else:
            for name in names:
                rest = pd.concat([self.parts[other] for other in names if other != name])
                yield Pair((name, "the rest"), self.parts[name], rest)


def partitions(images: pd.DataFrame, others: Mapping[str, pd.DataFrame], name: str) -> list[Partition]:
    """All ways to part the images: the split, the data's own parts and folds, other data sets.

    Args:
        images: with columns fold and part, perhaps split; None where an image is in none, and such an image is not compared.
        others: more data sets by name; name: what this one is called.
    """
    found = []
    for column, words in (("split", "Sides of the split"), ("part", "The data's own parts"), ("fold", "The data's own folds")):
        if column not in images or images[column].nunique() < 2:
            continue
        known = images[images[column].notna()]
        label = "fold {}" if column == "fold" else "{}"
        order = sorted(
            set(known[column]), key=lambda part: (_ORDER.index(part) if part in _ORDER else len(_ORDER), natural_key(part))
        )
        found.append(Partition(column, words, {label.format(part): known[known[column] == part] for part in order}))
    if others:
        # Subject 1 here and subject 1 there are two people.
        own = {f"{name} (this)" if name in others else name: images, **others}
        parts = {
            key: table.assign(group=f"{number}: " + table["group"].astype(str)) for number, (key, table) in enumerate(own.items())
        }
        found.append(Partition("data set", "Against other data", parts))
    return found
