"""Which pictures of a data set show the same cell: candidates by their coarse texture, confirmed on pixels.

Pictures with equal pixels are one picture here; `keras_leuk.images.likeness` says what makes two others the same cell. What was
found is kept in the cache with the pictures that were compared, so that a training on them, or on a part of them, knows it
(`recall`). Start at `find`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from sklearn.neighbors import NearestNeighbors

from keras_leuk.images import likeness
from keras_leuk.images.ahead import ahead
from keras_leuk.images.decode import decoder
from keras_leuk.images.survey import Survey
from keras_leuk.progress import Progress
from keras_leuk.runs.atomic import replacing, write_json
from keras_leuk.store.address import address
from keras_leuk.store.arrays import StoredRows

KIND = "duplicates"
"""Folder below the cache folder; its entries look like array stores without rows, so that the cache command knows them."""

_CHUNK = 512
"""Pictures whose neighbours are looked for at a time: memory stays flat."""
_TASK = 16
"""Pairs that a thread compares at a time."""


@dataclass(frozen=True)
class Pair:
    """Two pictures of one cell.

    Attributes:
        one, other: their pixel hashes, in alphabetical order.
        orientation: index into `likeness.ORIENTATIONS`: how `one` must be laid to show what `other` shows.
        agreement: of `likeness.agreement`, rounded to four digits.
    """

    one: str
    other: str
    orientation: int
    agreement: float


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        pairs: in the order of their hashes.
        pictures: pictures compared, equal ones counted once.
        candidates: how many pairs were compared on pixels, by orientation.
        blank: pictures without texture, which cannot be compared.
    """

    pairs: tuple[Pair, ...]
    pictures: int
    candidates: tuple[int, ...]
    blank: int

    def among(self, hashes: set[str]) -> tuple[Pair, ...]:
        """The pairs whose pictures are both among these."""
        return tuple(pair for pair in self.pairs if pair.one in hashes and pair.other in hashes)


def find(survey: Survey, *, cache: Path, threads: int | None = None, progress: Progress | None = None) -> Found:
    """Compares all pictures of a survey with each other, or recalls what such a search found."""
    progress = progress or Progress()
    hashes = sorted(set(survey.pixels))
    known = recall(cache, hashes)
    if known is not None:
        return known
    held = survey.squares.positions()
    rows = survey.squares.rows()
    index = np.array([held[key] for key in hashes], np.int64)
    descriptors = _descriptors(rows, index, threads, progress)
    textured = np.flatnonzero(descriptors.any(axis=1))
    candidates = [*_candidates(descriptors, textured, progress)]
    best: dict[tuple[int, int], tuple[float, int]] = {}
    with progress.stage("comparing pairs", len(candidates), "pairs") as advance:
        for (one, other, orientation), agreed in zip(candidates, _agreements(rows, index, candidates, threads), strict=True):
            advance(1)
            if agreed >= likeness.THRESHOLD:
                best[one, other] = max(best.get((one, other), (-1.0, 0)), (agreed, -orientation))
    pairs = tuple(Pair(hashes[i], hashes[j], -turn, round(agreed, 4)) for (i, j), (agreed, turn) in sorted(best.items()))
    counts = np.bincount([orientation for *_, orientation in candidates], minlength=len(likeness.ORIENTATIONS))
    found = Found(pairs, len(hashes), tuple(int(n) for n in counts), len(hashes) - len(textured))
    _keep(found, hashes, cache)
    return found


def recall(cache: Path, hashes: Sequence[str]) -> Found | None:
    """What an earlier search found among these pictures, or among more; None where there was none, or an older method's."""
    wanted = set(hashes)
    for facts in sorted(Path(cache).glob(f"{KIND}/*/facts.json")):
        if _method(json.loads(facts.read_text(encoding="utf-8"))) != _method(_facts()):
            continue
        try:
            searched = set((facts.parent / "keys.txt").read_text(encoding="ascii").split())
            if wanted <= searched:
                plain = json.loads((facts.parent / "found.json").read_text(encoding="utf-8"))
                found = Found(
                    tuple(Pair(**pair) for pair in plain["pairs"]), plain["pictures"], tuple(plain["candidates"]), plain["blank"]
                )
                return replace(found, pairs=found.among(wanted), pictures=len(wanted))
        except FileNotFoundError:
            continue  # being written, or being cleared
    return None


def _facts() -> dict[str, Any]:
    return {"decoder": decoder(), "opencv": cv2.__version__, "method": likeness.METHOD, "threshold": likeness.THRESHOLD}


def _method(facts: dict[str, Any]) -> dict[str, Any]:
    return {key: facts.get(key) for key in _facts()}


def _keep(found: Found, hashes: Sequence[str], cache: Path) -> None:
    facts = {**_facts(), "pictures": address({"hashes": list(hashes)})}
    folder = Path(cache) / KIND / address(facts)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "found.json", {**asdict(found), "pairs": [asdict(pair) for pair in found.pairs]})
    with replacing(folder / "keys.txt") as temporary:
        temporary.write_text("".join(f"{key}\n" for key in hashes), encoding="ascii")
    write_json(folder / "facts.json", facts)


def _descriptors(rows: StoredRows, index: np.ndarray, threads: int | None, progress: Progress) -> np.ndarray:
    blocks = [index[begin : begin + _CHUNK] for begin in range(0, len(index), _CHUNK)]

    def work(block: np.ndarray) -> np.ndarray:
        return np.stack([likeness.describe(square) for square in rows[block]])

    found = []
    with progress.stage("describing cells", len(index), "images") as advance:
        for block in ahead(work, blocks, threads=threads):
            found.append(block)
            advance(len(block))
    return np.concatenate(found)


def _candidates(descriptors: np.ndarray, textured: np.ndarray, progress: Progress) -> Iterator[tuple[int, int, int]]:
    """(i, j, orientation) of pictures whose descriptors are near when i is laid so; i < j, ordered."""
    if len(textured) < 2:
        return
    search = NearestNeighbors(radius=likeness.RADIUS, algorithm="brute", metric="euclidean").fit(descriptors[textured])
    with progress.stage("looking for candidates", len(textured), "images") as advance:
        for begin in range(0, len(textured), _CHUNK):
            asked = textured[begin : begin + _CHUNK]
            near: list[tuple[int, int, int]] = []
            for orientation in range(len(likeness.ORIENTATIONS)):
                laid = likeness.oriented(descriptors[asked], orientation)
                for one, others in zip(asked, search.radius_neighbors(laid, return_distance=False), strict=True):
                    near += [(int(one), int(other), orientation) for other in textured[others] if other > one]
            yield from sorted(near)
            advance(len(asked))


def _agreements(
    rows: StoredRows, index: np.ndarray, candidates: Sequence[tuple[int, int, int]], threads: int | None
) -> Iterator[float]:
    tasks = [candidates[begin : begin + _TASK] for begin in range(0, len(candidates), _TASK)]

    def work(task: Sequence[tuple[int, int, int]]) -> list[float]:
        return [
            likeness.agreement(likeness.orient(rows[int(index[one])], orientation), rows[int(index[other])])
            for one, other, orientation in task
        ]

    for agreed in ahead(work, tasks, threads=threads):
        yield from agreed
