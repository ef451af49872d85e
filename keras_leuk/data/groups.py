"""Who belongs together: subjects, and subjects under whose names the same cell stands.

C-NMC's official subjects are not independent. UID_H2_30_2_hem.bmp and UID_H4_8_1_hem.bmp are the same picture, so H2 and
H4 must stand on one side of a split, and so must whoever shares a cell with either of them. What tells it: equal pixels; a
search for other pictures of one cell (`keras_leuk.images.duplicates`); and, for C-NMC, the subjects that such a search linked in
all cells that we could see (`keras_leuk.data.linked`). Start at `link_subjects`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from keras_leuk.data.table import natural_key

EQUAL, SAME_CELL, KNOWN = "equal", "same cell", "known"
"""Why two subjects are linked, the strongest reason first."""


@dataclass(frozen=True)
class Link:
    """Two subjects that hold the same cells.

    Attributes:
        first, second: the subjects, in natural order.
        images: an image of the first and an image of the second that show the same cell; one pair or more. Of `KNOWN`, one pair
            of file names, which need not be among the data.
        group: name of the group that both belong to.
        why: `EQUAL` (pixel by pixel), `SAME_CELL` (found by comparing pictures) or `KNOWN` (of this data set, from elsewhere).
    """

    first: str
    second: str
    images: tuple[tuple[str, str], ...]
    group: str
    why: str = EQUAL

    @property
    def first_image(self) -> str:
        """An image of the first subject whose cell the second holds as well."""
        return self.images[0][0]

    @property
    def second_image(self) -> str:
        """The image of the second subject that shows it."""
        return self.images[0][1]


@dataclass(frozen=True)
class KnownLink:
    """Two subjects of a data set that are known to hold the same cells, with the file names of one such cell."""

    first: str
    second: str
    first_image: str
    second_image: str


@dataclass(frozen=True)
class Knowledge:
    """What is known, beside equal pixels, of who holds the same cells.

    Attributes:
        subjects: links between subjects of this data set.
        cells: pairs of pixel hashes that show the same cell; None where nobody has looked.
    """

    subjects: tuple[KnownLink, ...] = ()
    cells: tuple[tuple[str, str], ...] | None = None

    def used(self, which: str) -> Knowledge:
        """The part that a setting of the recipe's split.link_subjects uses (none, equal, known, audited)."""
        return Knowledge(self.subjects if which in ("known", "audited") else (), self.cells if which == "audited" else None)


NOTHING_KNOWN = Knowledge()


@dataclass(frozen=True)
class Groups:
    """Group of each image, in the order given, and which subjects were linked, in natural order."""

    names: tuple[str, ...]
    links: tuple[Link, ...]


def link_subjects(
    image: Sequence[str],
    subject: Sequence[str | None],
    pixels: Sequence[str],
    knowledge: Knowledge = NOTHING_KNOWN,
    *,
    equal: bool = True,
) -> Groups:
    """Groups images that may not be parted.

    Two images are of one group if they are of one subject, have equal pixels, show the same cell, or are of subjects known to
    hold the same cells, and so on through any chain of images (connected components).

    Args:
        image: n names.
        subject: n subjects, None where unknown; an image without one is linked through its pixels alone.
        pixels: n hashes of the decoded pixels.
        knowledge: what is known beside equal pixels; of subjects and cells that are not among the images nothing follows.
        equal: whether equal pixels link.

    Returns:
        names as ``H2+H4+H5``, the group's subjects in natural order; ``pixels <hash>`` where no subject is known.
    """
    of: list[Hashable] = [("subject", s) if s is not None else ("pixels", p) for s, p in zip(subject, pixels, strict=True)]
    forest = _Forest()
    if equal:
        for node, hashed in zip(of, pixels, strict=True):
            forest.join(node, ("pixels", hashed))
    cells = list(_held(knowledge.cells or (), pixels))
    nodes = _nodes(of, pixels)
    for one, other in cells:
        for node in (*nodes[one], *nodes[other]):
            forest.join(nodes[one][0], node)
    present = set(subject)
    known = [link for link in knowledge.subjects if link.first in present and link.second in present]
    for link in known:
        forest.join(("subject", link.first), ("subject", link.second))
    names = _names(of, subject, pixels, forest)
    pairs: dict[tuple[str, str], tuple[str, list[tuple[str, str]]]] = {}
    for why, found in (
        (EQUAL, _equal_pairs(image, subject, pixels) if equal else {}),
        (SAME_CELL, _cell_pairs(image, subject, pixels, cells)),
        (KNOWN, {(link.first, link.second): [(link.first_image, link.second_image)] for link in known}),
    ):
        for two, images in found.items():
            pairs.setdefault(two, (why, images))
    group_of = dict(zip(subject, names, strict=True))
    order = sorted(pairs, key=lambda two: (natural_key(two[0]), natural_key(two[1])))
    return Groups(names, tuple(Link(*two, tuple(pairs[two][1]), group_of[two[0]], pairs[two][0]) for two in order))


class _Forest:
    """Which things are connected (union-find)."""

    def __init__(self) -> None:
        self._parent: dict[Hashable, Hashable] = {}

    def root(self, node: Hashable) -> Hashable:
        self._parent.setdefault(node, node)
        root = node
        while self._parent[root] != root:
            root = self._parent[root]
        while self._parent[node] != root:
            self._parent[node], node = root, self._parent[node]
        return root

    def join(self, one: Hashable, other: Hashable) -> None:
        self._parent[self.root(one)] = self.root(other)


def connected(nodes: Iterable[Hashable], pairs: Iterable[tuple[Hashable, Hashable]]) -> list[Hashable]:
    """One name for each node, the same for all that a chain of pairs connects."""
    forest = _Forest()
    for one, other in pairs:
        forest.join(one, other)
    return [forest.root(node) for node in nodes]


def _names(of: Sequence[Hashable], subject: Sequence[str | None], pixels: Sequence[str], forest: _Forest) -> tuple[str, ...]:
    members: dict[Hashable, set[str]] = {}
    hashes: dict[Hashable, str] = {}
    for node, who, hashed in zip(of, subject, pixels, strict=True):
        root = forest.root(node)
        members.setdefault(root, set()).update([who] if who is not None else [])
        hashes[root] = min(hashed, hashes.get(root, hashed))
    name = {root: "+".join(sorted(whos, key=natural_key)) if whos else f"pixels {hashes[root]}" for root, whos in members.items()}
    return tuple(name[forest.root(node)] for node in of)


def _held(cells: Iterable[tuple[str, str]], pixels: Sequence[str]) -> Iterator[tuple[str, str]]:
    there = set(pixels)
    return ((one, other) for one, other in cells if one in there and other in there)


def _nodes(of: Sequence[Hashable], pixels: Sequence[str]) -> dict[str, list[Hashable]]:
    """Who holds each picture."""
    nodes: dict[str, list[Hashable]] = {}
    for node, hashed in zip(of, pixels, strict=True):
        nodes.setdefault(hashed, []).append(node)
    return nodes


def _holders(image: Sequence[str], subject: Sequence[str | None], pixels: Sequence[str]) -> dict[str, dict[str, str]]:
    """Of each picture the subjects that hold it, with their first image of it."""
    holders: dict[str, dict[str, str]] = {}
    for name, who, hashed in zip(image, subject, pixels, strict=True):
        if who is not None:
            holders.setdefault(hashed, {}).setdefault(who, name)
    return holders


def _cell_pairs(
    image: Sequence[str], subject: Sequence[str | None], pixels: Sequence[str], cells: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Images of one cell by pair of subjects."""
    holders = _holders(image, subject, pixels)
    pairs: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for one, other in cells:
        for who, name in holders.get(one, {}).items():
            for twin, other_name in holders.get(other, {}).items():
                if who != twin:
                    (first, a), (second, b) = sorted(((who, name), (twin, other_name)), key=lambda held: natural_key(held[0]))
                    pairs.setdefault((first, second), []).append((a, b))
    return {two: sorted(images, key=lambda names: natural_key(names[0])) for two, images in pairs.items()}


def _equal_pairs(
    image: Sequence[str], subject: Sequence[str | None], pixels: Sequence[str]
) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Equal images by pair of subjects. Of a picture that more than two share, each is paired with the first subject's."""
    holders = _holders(image, subject, pixels)
    pairs: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for images in holders.values():
        first, *others = sorted(images, key=natural_key)
        for other in others:
            pairs.setdefault((first, other), []).append((images[first], images[other]))
    return pairs
