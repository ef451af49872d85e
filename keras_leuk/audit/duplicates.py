"""Duplicates: images of the same cell, equal or not, in groups, and the subjects that they link. Start at `duplicates`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import beta

from keras_leuk.data.groups import KNOWN, Groups, Knowledge, connected, link_subjects
from keras_leuk.data.table import natural_key
from keras_leuk.images import likeness
from keras_leuk.images.duplicates import Found, Pair
from keras_leuk.runs.atomic import write_text

Json = dict[str, Any]

METHOD = (
    "Equal: the same pixels, whatever the file. Same cell: the cell is cut out of its black background (elsewhere the whole "
    "picture is taken); candidates are near in coarse texture in any of eight orientations (distance at most "
    f"{likeness.RADIUS}), and show the same cell where their fine texture, laid over each other, correlates by at least "
    f"{likeness.THRESHOLD}."
)

_UPRIGHT = 0


@dataclass(frozen=True)
class Duplicates:
    """What was found.

    Attributes:
        images: number of images; distinct: pictures that differ in their pixels; blank: those without texture to compare.
        groups: one entry a group of images of one cell, most telling first: name, subjects, labels, agreement (the least that
            joins it; 1 where all are equal), equal (whether all are), images (image, subject, label, fold, part, orientation
            against the first).
        pairs: every pair of images, as a table: group, first, second, subject_first, subject_second, why (equal or same cell),
            orientation, agreement.
        links: subjects that are linked, as a table: first, second, cells, equal, first_file, second_file, agreement, why.
        linked: names of the groups of linked subjects.
        candidates: pairs of pictures that were compared, by orientation; confirmed: those of the same cell.
    """

    images: int
    distinct: int
    blank: int
    groups: tuple[Json, ...]
    pairs: pd.DataFrame
    links: pd.DataFrame
    linked: tuple[str, ...]
    candidates: dict[str, int]
    confirmed: dict[str, int]

    @property
    def conflicts(self) -> list[Json]:
        """Groups whose images stand under several classes."""
        return [group for group in self.groups if len(group["labels"]) > 1]

    def as_json(self) -> Json:
        """Plain values; the pairs stand in duplicates.csv, the links in linked_subjects.csv."""
        return {
            "images": self.images,
            "distinct": self.distinct,
            "blank": self.blank,
            "pairs": len(self.pairs),
            "equal": int((self.pairs["why"] == "equal").sum()),
            "across_subjects": int((self.pairs["subject_first"] != self.pairs["subject_second"]).sum()),
            "groups": list(self.groups),
            "links": self.links.astype(object).where(self.links.notna(), None).to_dict(orient="records"),
            "linked": list(self.linked),
            "candidates": self.candidates,
            "confirmed": self.confirmed,
            "false_alarms": self.false_alarms(),
            "method": METHOD,
            "tables": {"pairs": "duplicates.csv", "links": "linked_subjects.csv"},
        }

    def false_alarms(self) -> Json:
        """How many of the upright pairs are false, from what the other orientations found.

        Photographs of one cell are seldom turned or mirrored. Where nothing at all was found in the seven other orientations,
        their candidates say how rarely chance passes; where something was, it may be copies that somebody turned, and nothing
        can be said.
        """
        others = sum(count for name, count in self.candidates.items() if name != likeness.ORIENTATIONS[_UPRIGHT])
        passed = sum(count for name, count in self.confirmed.items() if name != likeness.ORIENTATIONS[_UPRIGHT])
        upright = self.confirmed[likeness.ORIENTATIONS[_UPRIGHT]]
        if passed or not others or not upright:
            return {"decoys": others, "passed": passed, "expected": None, "most": None}
        # Clopper-Pearson, 97.5 %: how high a share may be of which none was seen.
        highest = float(beta.ppf(0.975, 1, others))
        return {"decoys": others, "passed": 0, "expected": 0.0, "most": highest * others / (len(likeness.ORIENTATIONS) - 1)}

    def write_tables(self, folder: Path) -> None:
        """Writes duplicates.csv and linked_subjects.csv."""
        for table, name in ((self.pairs, "duplicates.csv"), (self.links, "linked_subjects.csv")):
            write_text(folder / name, table.to_csv(index=False, lineterminator="\n"))


def duplicates(images: pd.DataFrame, found: Found, knowledge: Knowledge) -> Duplicates:
    """Groups of images of one cell, and who is linked by them.

    Args:
        images: columns image, label, subject, fold, part, pixels; text, None where unknown.
        found: what a search among their pictures found.
        knowledge: what is known of their subjects, with the search's pairs.
    """
    held: dict[str, list[int]] = defaultdict(list)
    for row, hashed in enumerate(images["pixels"]):
        held[hashed].append(row)
    near = found.among(set(held))
    pairs = _pairs(images, held, near)
    names = (list(images["image"]), list(images["subject"]), list(images["pixels"]))
    linked = link_subjects(*names, knowledge)
    confirmed = dict.fromkeys(likeness.ORIENTATIONS, 0)
    for pair in near:
        confirmed[likeness.ORIENTATIONS[pair.orientation]] += 1
    joined = sorted({link.group for link in linked.links}, key=natural_key)
    groups, number_of = _groups(images, held, near)
    pairs.insert(0, "group", [number_of[image] for image in pairs["first"]])
    return Duplicates(
        len(images),
        len(held),
        found.blank,
        groups,
        pairs.sort_values(["group", "first", "second"], key=_natural, kind="stable").reset_index(drop=True),
        _links(pairs, linked),
        tuple(joined),
        dict(zip(likeness.ORIENTATIONS, found.candidates, strict=True)),
        confirmed,
    )


def _natural(column: pd.Series) -> pd.Series:
    order = {value: place for place, value in enumerate(sorted(set(column), key=natural_key))}
    return column.map(order)


def _pairs(images: pd.DataFrame, held: dict[str, list[int]], near: Sequence[Pair]) -> pd.DataFrame:
    rows = []
    subjects, names = list(images["subject"]), list(images["image"])

    def add(one: int, other: int, why: str, orientation: int, agreement: float) -> None:
        first, second = sorted((one, other), key=lambda row: natural_key(names[row]))
        rows.append(
            (names[first], names[second], subjects[first], subjects[second], why, likeness.ORIENTATIONS[orientation], agreement)
        )

    for same in held.values():
        for place, one in enumerate(same):
            for other in same[place + 1 :]:
                add(one, other, "equal", _UPRIGHT, 1.0)
    for pair in near:
        for one in held[pair.one]:
            for other in held[pair.other]:
                add(one, other, "same cell", pair.orientation, pair.agreement)
    columns = ["first", "second", "subject_first", "subject_second", "why", "orientation", "agreement"]
    return pd.DataFrame(rows, columns=columns)


def _groups(images: pd.DataFrame, held: dict[str, list[int]], near: Sequence[Pair]) -> tuple[tuple[Json, ...], dict[str, str]]:
    """Groups, those that matter most first: of several classes, of several subjects, then those that agree least."""
    joined = connected(list(images["pixels"]), [(pair.one, pair.other) for pair in near])
    members: dict[Any, list[int]] = defaultdict(list)
    for row, root in enumerate(joined):
        members[root].append(row)
    least: dict[Any, float] = defaultdict(lambda: 1.0)
    turned: dict[str, int] = {}
    root_of = dict(zip(images["pixels"], joined, strict=True))
    for pair in near:
        root = root_of[pair.one]
        least[root] = min(least[root], pair.agreement)
        turned[pair.one] = turned[pair.other] = max(turned.get(pair.one, 0), turned.get(pair.other, 0), pair.orientation)
    found: list[Json] = []
    for root, rows in members.items():
        if len(rows) < 2:
            continue
        rows = sorted(rows, key=lambda row: natural_key(images["image"].iloc[row]))
        some = images.iloc[rows]
        subjects = sorted({who for who in some["subject"] if who is not None}, key=natural_key)
        found.append(
            {
                "subjects": subjects,
                "labels": sorted({label for label in some["label"] if label is not None}, key=natural_key),
                "agreement": least[root],
                "equal": len({*some["pixels"]}) == 1,
                "turned": any(turned.get(hashed, 0) for hashed in some["pixels"]),
                "images": some[["image", "subject", "label", "fold", "part"]].astype(object).to_dict(orient="records"),
            }
        )
    found.sort(
        key=lambda g: (-len(g["labels"]), -len(g["subjects"]), g["equal"], g["agreement"], natural_key(g["images"][0]["image"]))
    )
    width = len(str(len(found)))
    named = tuple({"name": f"g{number:0{width}d}", **group} for number, group in enumerate(found, start=1))
    return named, {image["image"]: group["name"] for group in named for image in group["images"]}


def _links(pairs: pd.DataFrame, linked: Groups) -> pd.DataFrame:
    """One row a pair of linked subjects, with how many pairs of images link them and the pair that agrees best."""
    between: dict[tuple[str, str], list[tuple[float, str, str, str]]] = defaultdict(list)
    for one, other, who, twin, why, _, agreement in pairs[
        ["first", "second", "subject_first", "subject_second", "why", "orientation", "agreement"]
    ].itertuples(index=False):
        if who is not None and twin is not None and who != twin:
            (first, a), (second, b) = sorted(((who, one), (twin, other)), key=lambda side: natural_key(side[0]))
            between[first, second].append((agreement, a, b, why))
    rows = []
    for link in linked.links:
        here = sorted(between[link.first, link.second], key=lambda seen: (seen[3] != "equal", -seen[0], natural_key(seen[1])))
        agreement, first, second = here[0][:3] if here else (np.nan, link.first_image, link.second_image)
        files = (first.rsplit("/", 1)[-1], second.rsplit("/", 1)[-1])
        equal = sum(seen[3] == "equal" for seen in here)
        rows.append((link.first, link.second, len(here), equal, *files, agreement, "here" if here else KNOWN, link.group))
    columns = ["first", "second", "cells", "equal", "first_file", "second_file", "agreement", "why", "group"]
    return pd.DataFrame(rows, columns=columns)
