"""What stands in a paper's ``paper.yaml`` and in its grids, as frozen dataclasses that check their values.

These are the words of the files and no more. What they mean together is told in `library` (a paper) and `protocol` (recipes and
grids); published tables are described in `library_table_facts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from keras_leuk.papers.library_figure_facts import FigureFacts
from keras_leuk.papers.library_reading import STRICT

Keys = Mapping[str, Any]
"""Dotted keys of the recipe with values."""


@dataclass(frozen=True, config=STRICT)
class DataSide:
    """One side of the paper's own split: its images, or its share of them, and how that is known."""

    side: Literal["train", "validation", "test"]
    basis: str
    images: int | None = None
    share: float | None = None

    @model_validator(mode="after")
    def _has_a_size(self) -> DataSide:
        if (self.images is None) == (self.share is None):
            raise ValueError("give images or share")
        return self


@dataclass(frozen=True, config=STRICT)
class PaperData:
    """The data that a paper used, and where a reader gets them.

    Attributes:
        images: number of images by class name in our protocol ``paper``, as our readers name the classes.
        images_basis: where these counts are from, if not from the paper.
        subjects: people that they are of.
        sides: of the paper's own split.
    """

    name: str
    images: Mapping[str, int]
    subjects: int
    sides: tuple[DataSide, ...]
    get: str
    images_basis: str | None = None


@dataclass(frozen=True, config=STRICT)
class OpenChoice:
    """Something the paper does not say: what we took, and why."""

    what: str
    ours: str
    why: str


@dataclass(frozen=True, config=STRICT)
class Result:
    """A table or figure of the paper, and what of ours stands beside it.

    Attributes:
        table: name of the published table that holds its numbers; None where they are in a figure only.
        figure: what our counterpart draws; None for what is a table.
    """

    name: str
    shows: str
    ours: str
    table: str | None = None
    figure: FigureFacts | None = None


@dataclass(frozen=True, config=STRICT)
class ProtocolFacts:
    """A protocol in the file: what it is, and the names of its grids."""

    meaning: str
    grids: tuple[str, ...]


@dataclass(frozen=True, config=STRICT)
class Arm:
    """A plausible reading where the paper leaves a choice open.

    Attributes:
        keys: dotted keys of the recipe that it changes; none for the default, which is the recipe as it stands.
        protocols: the protocols that it belongs to.
    """

    name: str
    why: str
    keys: Keys = field(default_factory=dict)
    default: bool = False
    protocols: tuple[Literal["paper", "honest"], ...] = ("paper", "honest")

    @model_validator(mode="after")
    def _changes_something(self) -> Arm:
        if self.default == bool(self.keys):
            raise ValueError(f"arm {self.name!r}: the default changes no keys, every other arm changes some")
        return self


@dataclass(frozen=True, config=STRICT)
class PaperFacts:
    """paper.yaml."""

    key: str
    title: str
    authors: tuple[str, ...]
    year: int
    bibtex: str
    data: PaperData
    stated: tuple[str, ...]
    open: tuple[OpenChoice, ...]
    contradicts: tuple[str, ...]
    results: tuple[Result, ...]
    protocols: Mapping[Literal["paper", "honest"], ProtocolFacts]
    arms: tuple[Arm, ...]
    cost: str
    venue: str | None = None
    doi: str | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> PaperFacts:
        names = [arm.name for arm in self.arms]
        if len(set(names)) != len(names):
            raise ValueError("two arms have one name")
        if sum(arm.default for arm in self.arms) != 1:
            raise ValueError("exactly one arm is the default")
        if set(self.protocols) != {"paper", "honest"}:
            raise ValueError("protocols are 'paper' and 'honest'")
        return self


@dataclass(frozen=True, config=STRICT)
class GridFacts:
    """A file of ``grids/``: lists under the names of flags of ``keras-leuk grid``, and under dotted keys (its ``--set``)."""

    protocol: Literal["paper", "honest"]
    axes: Mapping[str, tuple[Any, ...]]
    set: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
