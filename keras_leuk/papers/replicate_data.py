"""The data of a replication, held against the paper's. Start at `look`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from keras_leuk.data.read import DEMO, DEMOS, LEUKOCYTES
from keras_leuk.data.table import ImageTable
from keras_leuk.errors import UsageError, suggestion
from keras_leuk.papers.library import Paper
from keras_leuk.progress import Progress
from keras_leuk.recipe import load
from keras_leuk.training.materials import read_table

MANY_CLASSES = 2
"""Papers with more classes take the demo that has more."""


@dataclass(frozen=True)
class Check:
    """One line of the comparison: what, how many in the paper, how many here."""

    what: str
    paper: str
    here: str
    agrees: bool
    words: str


@dataclass(frozen=True)
class DataFacts:
    """The data at hand.

    Attributes:
        name: for titles.
        classes: images of each class, in label order.
        subjects: people, None where unknown.
        checks: against the paper's data.
        stand_ins: published class → class here.
        in_parts: part of the data ('' where unknown) → images of each class in it.
    """

    name: str
    demo: bool
    classes: Mapping[str, int]
    positive: str | None
    subjects: int | None
    checks: tuple[Check, ...]
    stand_ins: Mapping[str, str]
    in_parts: Mapping[str, Mapping[str, int]]

    @property
    def images(self) -> int:
        """Labelled ones."""
        return sum(self.classes.values())

    @property
    def parts(self) -> frozenset[str]:
        """Names of the data's own parts."""
        return frozenset(self.in_parts) - {""}

    def classes_in(self, parts: Sequence[str] | None) -> dict[str, int]:
        """Images of each class in some parts; None means all, and so do parts that the data do not have."""
        if parts is None or not set(parts) <= self.parts:
            return dict(self.classes)
        return {name: sum(self.in_parts[part].get(name, 0) for part in parts) for name in self.classes}

    @property
    def the_papers(self) -> bool:
        """Whether everything that can be counted agrees."""
        return not self.demo and all(check.agrees for check in self.checks)

    def part_of(self, paper: Paper) -> bool:
        """Whether these are images of the data set that the paper used, as far as its name and its classes tell, but not all."""
        stated = paper.facts.data
        same = {name.casefold() for name in stated.images} == {name.casefold() for name in self.classes} and not self.stand_ins
        return not self.demo and same and stated.name.startswith(self.name.split(" (")[0])

    def class_of(self, published: str) -> str | None:
        """The class here that has, or stands in for, a published name; None where there is none."""
        wanted = self.stand_ins.get(published, published)
        return next((name for name in self.classes if name.casefold() == wanted.casefold()), None)


def demo_for(paper: Paper, data: str) -> str:
    """What ``demo`` means for a paper: generated cells with as many classes as it needs."""
    return LEUKOCYTES if data == DEMO and len(paper.facts.data.images) > MANY_CLASSES else data


def look(paper: Paper, source: Mapping[str, Any], stand_ins: Mapping[str, str], cache: Path) -> DataFacts:
    """Reads the data's table and compares it with the paper's: those parts that its own protocol uses, as far as they are here.

    Args:
        source: dotted keys that say where the data lie.
        stand_ins: published class → class of the data.

    Raises:
        DataError: the data cannot be read.
        UsageError: a stand-in that is no class here, or for no class of the paper.
    """
    whole = read_table(load(None, flags=source), cache, Progress())
    rows = whole.labelled
    groups = rows.groupby(rows["part"].fillna(""), sort=False)["label"]
    found = DataFacts(
        whole.name,
        str(source["data.path"]) in DEMOS,
        {name: int((rows["label"] == name).sum()) for name in whole.classes},
        whole.positive,
        int(rows["subject"].nunique()) if whole.has_subjects else None,
        (),
        _stand_ins(paper, whole, stand_ins),
        {str(part): {str(name): int(n) for name, n in labels.value_counts().items()} for part, labels in groups},
    )
    parts = paper.protocol("paper").recipe().data.parts
    if parts is not None and set(parts) <= found.parts:
        rows = rows[rows["part"].isin(parts)]
    people = int(rows["subject"].nunique()) if whole.has_subjects else None
    return replace(found, checks=_checks(paper, found, found.classes_in(parts), people))


def _stand_ins(paper: Paper, table: ImageTable, asked: Mapping[str, str]) -> dict[str, str]:
    for published, here in asked.items():
        if published not in paper.facts.data.images:
            raise UsageError(
                f"--stand-in {published!r} is no class of {paper.key}{suggestion(published, paper.facts.data.images)}"
            )
        if here not in table.classes:
            raise UsageError(f"--stand-in {here!r} is no class of the data{suggestion(here, table.classes)}")
    return dict(asked)


def _checks(paper: Paper, found: DataFacts, shown: Mapping[str, int], people: int | None) -> tuple[Check, ...]:
    stated = paper.facts.data
    checks = [_count("images", sum(stated.images.values()), sum(shown.values()))]
    matched = set()
    for name, number in stated.images.items():
        here = found.class_of(name)
        if here is None:
            checks.append(Check(f"images of {name}", f"{number:,}", "none", False, "no such class here"))
            continue
        matched.add(here)
        label = name if here.casefold() == name.casefold() else f"{name} (here {here})"
        checks.append(_count(f"images of {label}", number, shown[here]))
    for name in shown:
        if name not in matched:
            checks.append(Check(f"images of {name}", "none", f"{shown[name]:,}", False, "no such class in the paper"))
    if people is None:
        checks.append(Check("subjects", f"{stated.subjects:,}", "unknown", False, "the data name no subjects"))
    else:
        checks.append(_count("subjects", stated.subjects, people))
    return tuple(checks)


def _count(what: str, paper: int, here: int) -> Check:
    words = "the same" if paper == here else f"{abs(here - paper):,} {'more' if here > paper else 'fewer'}"
    return Check(what, f"{paper:,}", f"{here:,}", paper == here, words)
