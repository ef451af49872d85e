"""What a replication is asked to do, and which grids of the paper that means.

A `Study` is one grid of one protocol, with one kind of weights: what `keras-leuk grid` would run. Words of ``--only`` leave
values out of its axes (`replicate_only`); an arm changes its recipe; another backbone takes the place of the paper's. Start at
`studies`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from keras_leuk.errors import UsageError, suggestion
from keras_leuk.models.backbones import find
from keras_leuk.papers.library import Paper
from keras_leuk.papers.protocol import Grid, Protocol, settings
from keras_leuk.papers.replicate_only import only
from keras_leuk.recipe import Recipe, load

BACKBONE = "model.backbone"
SEED = "seed"


@dataclass(frozen=True)
class Wanted:
    """What was asked for.

    Attributes:
        data: folder, table or demo, as for ``train``.
        protocols: names, in the order in which they are reported.
        arm: name of a reading; None is the default.
        only: words that values must match, such as ``VGG16`` and ``Adam``; within one axis they are alternatives.
        budget: seconds that it may take on this machine, None for all that the paper did.
        stand_ins: published class name → class of the data that stands in its place.
        instead: backbone of the paper → backbone that stands in its place.
        random_weights: whether a backbone whose ImageNet weights are out of reach goes on with random ones.
        flags: dotted keys of the recipe that say where things lie: reader, weights folder.
        sets: further settings, ``key=value``.
    """

    data: str
    protocols: tuple[str, ...] = ("paper", "honest")
    arm: str | None = None
    only: tuple[str, ...] = ()
    budget: float | None = None
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    instead: Mapping[str, str] = field(default_factory=dict)
    random_weights: bool = False
    flags: Mapping[str, Any] = field(default_factory=dict)
    sets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Study:
    """A grid to be run.

    Attributes:
        protocol, grid: of the paper.
        lists: dotted key → values, what is left of the grid's lists.
        sets: settings of arm, adaptation and budget, ``key=value``.
        weights: what its backbones start from: '' as the recipe says, or ``random`` because ImageNet's are out of reach.
        instead: backbone of the paper → the one that is run in its place.
        most_epochs: where a budget ends trainings before the paper's, the run of so many epochs stands for every longer one.
    """

    protocol: Protocol
    grid: Grid
    lists: Mapping[str, tuple[Any, ...]]
    sets: tuple[str, ...]
    weights: str = ""
    instead: Mapping[str, str] = field(default_factory=dict)
    most_epochs: int | None = None

    @property
    def name(self) -> str:
        """Of its folder."""
        return self.grid.name + ("-random-weights" if self.weights == "random" else "")

    @property
    def all_sets(self) -> tuple[str, ...]:
        """Its settings and those of its weights."""
        return (*self.sets, *(("model.weights=random",) if self.weights == "random" else ()))

    @property
    def set_keys(self) -> frozenset[str]:
        """Dotted keys that its settings set."""
        return frozenset(text.partition("=")[0].strip() for text in self.sets)

    @property
    def recipe(self) -> Recipe:
        """Of its runs, but for what its lists vary and where the data lie."""
        return _loaded(str(self.protocol.recipe_file), self.all_sets)

    @property
    def plain(self) -> Recipe:
        """The recipe of its protocol as it stands."""
        return _loaded(str(self.protocol.recipe_file), ())

    @property
    def backbones(self) -> tuple[str, ...]:
        """Names of the networks that it runs."""
        return self.lists.get(BACKBONE, (self.recipe.model.backbone,))


@cache
def _loaded(file: str, sets: tuple[str, ...]) -> Recipe:
    # A budget asks for the same recipes again and again, and reading YAML takes long.
    return load(file, sets=sets)


def touches(key: str, other: str) -> bool:
    """Whether setting one dotted key changes the other: they are one, or one of them is a section that holds the other."""
    return key == other or key.startswith(f"{other}.") or other.startswith(f"{key}.")


def studies(paper: Paper, wanted: Wanted) -> tuple[list[Study], list[str]]:
    """The grids of a replication, before data, weights and budget are looked at.

    Returns:
        studies in the order of the protocols, and a line for whatever of the protocols is not run as it stands.

    Raises:
        UsageError: an unknown protocol, arm or backbone, a setting of what a grid varies, or a word that fits no value.
        RecipeError: there is no backbone of the name that is to take another's place.
    """
    known = [arm.name for arm in paper.arms]
    if wanted.arm is not None and wanted.arm not in known:
        raise UsageError(f"no such arm of {paper.key}: {wanted.arm!r}{suggestion(wanted.arm, known)}")
    found: list[Study] = []
    notes: list[str] = []
    for name in wanted.protocols:
        own, lines = _of_protocol(paper.protocol(name), wanted)
        found += own
        notes += lines
    if not found:
        raise UsageError(f"arm {wanted.arm!r} leaves no grid of {paper.key}: {'; '.join(notes)}")
    kept = only(found, wanted.only)
    for name in dict.fromkeys(study.protocol.name for study in found):
        if not any(study.protocol.name == name for study in kept):
            notes.append(f"protocol {name} is left out: no grid of it has {', '.join(wanted.only)} all at once")
    return _instead(kept, found, wanted.instead), notes


def _of_protocol(protocol: Protocol, wanted: Wanted) -> tuple[list[Study], list[str]]:
    """The grids of a protocol under an arm, and a line for each that the arm leaves out."""
    notes = []
    asked = wanted.arm
    if asked is not None and len(wanted.protocols) > 1 and asked not in [arm.name for arm in protocol.arms]:
        notes.append(f"protocol {protocol.name} has no arm {asked!r}; it is run as it stands")
        asked = None
    arm = protocol.arm(asked)
    found = []
    for grid in protocol.grids:
        taken = sorted(key for key, _ in grid.lists if any(touches(key, other) for other in arm.keys))
        if taken:
            notes.append(f"grid {grid.name} is left out: arm {arm.name!r} sets {', '.join(taken)}, which it varies")
            continue
        _refuse_varied(grid, wanted.sets)
        found.append(_settled(Study(protocol, grid, dict(grid.lists), (*settings(arm), *wanted.sets))))
    return found, notes


def _settled(study: Study) -> Study:
    """The study with nothing left to what the cache happens to hold.

    ``auto`` links subjects by a search for equal cells as soon as one was made. The honest protocol makes it, and the cells of
    the other one would then be trained again under another address.
    """
    if study.recipe.split.link_subjects != "auto":
        return study
    return replace(study, sets=(*study.sets, "split.link_subjects=known"))


def _refuse_varied(grid: Grid, sets: Sequence[str]) -> None:
    """Settings come after what a grid varies: they would make all its cells the same."""
    for text in sets:
        for key, _ in grid.lists:
            if touches(text.partition("=")[0].strip(), key):
                raise UsageError(f"--set {text!r}: grid {grid.name} varies {key}; choose among its values with --only")


def _instead(kept: Sequence[Study], found: Sequence[Study], asked: Mapping[str, str]) -> list[Study]:
    """Studies with other backbones in the place of the paper's.

    Args:
        kept, found: those that are to be run; those of the paper.

    Raises:
        UsageError: the paper has no such backbone.
        RecipeError: there is no such backbone to take its place.
    """
    known = sorted({name for study in found for name in study.backbones})
    for name in asked:
        if name not in known:
            raise UsageError(f"--instead {name!r} is no backbone of the paper{suggestion(name, known)}")
    meant = {name: find(other).name for name, other in asked.items()}
    return [_replaced(study, {name: other for name, other in meant.items() if name in study.backbones}) for study in kept]


def _replaced(study: Study, meant: Mapping[str, str]) -> Study:
    if not meant:
        return study
    if BACKBONE in study.lists:
        names = tuple(dict.fromkeys(meant.get(name, name) for name in study.lists[BACKBONE]))
        return replace(study, lists={**study.lists, BACKBONE: names}, instead=meant)
    return replace(study, sets=(*study.sets, f"{BACKBONE}={meant[study.backbones[0]]}"), instead=meant)
