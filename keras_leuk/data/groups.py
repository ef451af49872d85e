"""Who belongs together: subjects, and subjects under whose names the same image stands.

C-NMC's official subjects are not independent. UID_H2_30_2_hem.bmp and UID_H4_8_1_hem.bmp are the same picture, so H2 and
H4 must stand on one side of a split, and so must whoever shares a picture with either of them. Start at `link_equal`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from keras_leuk.data.table import natural_key


@dataclass(frozen=True)
class Link:
    """Two subjects that hold the same images.

    Attributes:
        first, second: the subjects, in natural order.
        images: an image of the first and an image of the second that are equal pixel by pixel; one pair or more.
        group: name of the group that both belong to.
    """

    first: str
    second: str
    images: tuple[tuple[str, str], ...]
    group: str

    @property
    def first_image(self) -> str:
        """An image of the first subject that the second holds as well."""
        return self.images[0][0]

    @property
    def second_image(self) -> str:
        """The equal image of the second subject."""
        return self.images[0][1]


@dataclass(frozen=True)
class Groups:
    """Group of each image, in the order given, and which subjects were linked, in natural order."""

    names: tuple[str, ...]
    links: tuple[Link, ...]


def link_equal(image: Sequence[str], subject: Sequence[str | None], pixels: Sequence[str]) -> Groups:
    """Groups images that may not be parted.

    Two images are of one group if they are of one subject or have equal pixels, and so on through any chain of images
    (connected components).

    Args:
        image: n names.
        subject: n subjects, None where unknown; an image without one is linked through its pixels alone.
        pixels: n hashes of the decoded pixels.

    Returns:
        names as ``H2+H4+H5``, the group's subjects in natural order; ``pixels <hash>`` where no subject is known.
    """
    parent: dict[Hashable, Hashable] = {}

    def find(node: Hashable) -> Hashable:
        parent.setdefault(node, node)
        root = node
        while parent[root] != root:
            root = parent[root]
        while parent[node] != root:
            parent[node], node = root, parent[node]
        return root

    of = [("subject", s) if s is not None else ("pixels", p) for s, p in zip(subject, pixels, strict=True)]
    for node, hashed in zip(of, pixels, strict=True):
        parent[find(node)] = find(("pixels", hashed))
    members: dict[Hashable, set[str]] = {}
    hashes: dict[Hashable, str] = {}
    for node, who, hashed in zip(of, subject, pixels, strict=True):
        root = find(node)
        members.setdefault(root, set()).update([who] if who is not None else [])
        hashes[root] = min(hashed, hashes.get(root, hashed))
    name = {root: "+".join(sorted(whos, key=natural_key)) if whos else f"pixels {hashes[root]}" for root, whos in members.items()}
    names = tuple(name[find(node)] for node in of)
    pairs = _equal_pairs(image, subject, pixels)
    group_of = dict(zip(subject, names, strict=True))
    order = sorted(pairs, key=lambda two: (natural_key(two[0]), natural_key(two[1])))
    return Groups(names, tuple(Link(*two, tuple(pairs[two]), group_of[two[0]]) for two in order))


def _equal_pairs(
    image: Sequence[str], subject: Sequence[str | None], pixels: Sequence[str]
) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Equal images by pair of subjects. Of a picture that more than two share, each is paired with the first subject's."""
    holders: dict[str, dict[str, str]] = {}
    for name, who, hashed in zip(image, subject, pixels, strict=True):
        if who is not None:
            holders.setdefault(hashed, {}).setdefault(who, name)
    pairs: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for images in holders.values():
        first, *others = sorted(images, key=natural_key)
        for other in others:
            pairs.setdefault((first, other), []).append((images[first], images[other]))
    return pairs
