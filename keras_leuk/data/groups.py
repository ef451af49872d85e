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
    """Subjects that are one group because they hold the same images.

    Attributes:
        group: name of the group.
        subjects: its subjects, in natural order; two or more.
        pairs: the images that link them, each pair equal pixel by pixel and of two subjects.
    """

    group: str
    subjects: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Groups:
    """Group of each image, in the order given, and why subjects were linked (in natural order of the groups)."""

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
    name = {root: "+".join(_sorted(whos)) if whos else f"pixels {hashes[root]}" for root, whos in members.items()}
    names = tuple(name[find(node)] for node in of)
    pairs = _pairs_by_group(image, subject, pixels, names)
    subjects = {name[root]: _sorted(whos) for root, whos in members.items() if len(whos) > 1}
    return Groups(names, tuple(Link(group, subjects[group], tuple(pairs[group])) for group in _sorted(subjects)))


def _sorted(names: set[str] | dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted(names, key=natural_key))


def _pairs_by_group(
    image: Sequence[str], subject: Sequence[str | None], pixels: Sequence[str], names: Sequence[str]
) -> dict[str, list[tuple[str, str]]]:
    """Equal images of different subjects; the first of each other subject is paired with the first of all."""
    pairs: dict[str, list[tuple[str, str]]] = {}
    first: dict[str, dict[str, str]] = {}
    for name, who, hashed, group in zip(image, subject, pixels, names, strict=True):
        if who is None:
            continue
        seen = first.setdefault(hashed, {})
        if who not in seen:
            if seen:
                pairs.setdefault(group, []).append((next(iter(seen.values())), name))
            seen[who] = name
    return pairs
