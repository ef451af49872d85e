"""A protocol of a paper: a recipe, the grids over it, and the arms that read an open choice otherwise.

``paper`` does what the paper did, as far as it says; ``honest`` puts no subject on two sides, keeps subjects together who hold
the same cells, chooses on validation and tests once. Both are recipes and lists that ``keras-leuk train`` and ``grid`` take.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from keras_leuk.errors import DataError, LeukError, UsageError, suggestion
from keras_leuk.papers.library_facts import Arm, GridFacts, ProtocolFacts
from keras_leuk.papers.library_reading import read
from keras_leuk.recipe import Recipe, load
from keras_leuk.recipe.loading import dotted

if TYPE_CHECKING:
    from keras_leuk.grid.plan import Axis

FLAGS: Mapping[str, str] = {
    "backbones": "model.backbone",
    "heads": "model.head",
    "splits": "split.strategy",
    "image_sizes": "images.size",
    "learning_rates": "training.learning_rate.initial",
    "seeds": "seed",
    "optimizers": "training.optimizer.name",
    "epochs": "training.epochs",
}
"""Names of axes in a grid file, which are flags of ``keras-leuk grid``, and the keys of the recipe that they vary."""


@dataclass(frozen=True)
class Grid:
    """Lists for ``keras-leuk grid``.

    Attributes:
        name: of its file; meaning: the file's first line.
        lists: keys of the recipe, each with the values it takes, in the order of the file. One value is a list, too.
        words: the same as words of a command line.
    """

    name: str
    meaning: str
    lists: tuple[tuple[str, tuple[Any, ...]], ...]
    words: tuple[str, ...]

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The lists as `grid.plan.make_plan` takes them."""
        from keras_leuk.grid.plan import Axis  # brings scikit-learn, for which a listing of papers need not wait

        return tuple(Axis(key, values) for key, values in self.lists)

    def cells(self) -> tuple[dict[str, Any], ...]:
        """Every combination of the values, as dotted key → value."""
        keys = [key for key, _ in self.lists]
        return tuple(dict(zip(keys, values, strict=True)) for values in product(*(values for _, values in self.lists)))


@dataclass(frozen=True)
class Protocol:
    """How a paper's experiment is run.

    Attributes:
        name: paper or honest; meaning: one sentence.
        recipe_file: a recipe that ``keras-leuk train`` takes.
        grids: what is varied over it.
        arms: readings that it can be run with, the default first as in the file.
    """

    name: str
    meaning: str
    recipe_file: Path
    grids: tuple[Grid, ...]
    arms: tuple[Arm, ...]

    def recipe(self, arm: str | None = None) -> Recipe:
        """The recipe under an arm; the default arm is the file as it stands.

        Raises:
            UsageError: there is no such arm in this protocol.
            RecipeError: the file or the arm has a key or value that a recipe cannot have.
        """
        return load(str(self.recipe_file), sets=settings(self.arm(arm)))

    def arm(self, name: str | None = None) -> Arm:
        """An arm by name; None is the default.

        Raises:
            UsageError: there is no such arm in this protocol.
        """
        if name is None:
            return next(arm for arm in self.arms if arm.default)
        for arm in self.arms:
            if arm.name == name:
                return arm
        raise UsageError(f"no such arm of protocol {self.name}: {name!r}{suggestion(name, [arm.name for arm in self.arms])}")

    def command(self, grid: str | None = None, arm: str | None = None) -> str:
        """The command line that runs a grid (None: the first) under an arm; add ``--data``.

        Raises:
            UsageError: there is no such grid or arm, or the arm sets what the grid varies.
        """
        known = {one.name: one for one in self.grids}
        name = grid if grid is not None else self.grids[0].name
        if name not in known:
            raise UsageError(f"no such grid of protocol {self.name}: {name!r}{suggestion(name, known)}")
        chosen = self.arm(arm)
        for key, _ in known[name].lists:
            if key in chosen.keys:
                raise UsageError(f"arm {chosen.name!r} sets {key}, which grid {name!r} varies; take another grid or arm")
        return shlex.join(["keras-leuk", "grid", str(_shown(self.recipe_file)), *known[name].words, *_words(chosen)])

    def train_command(self, arm: str | None = None) -> str:
        """The command line that trains the recipe alone under an arm; add ``--data``.

        Raises:
            UsageError: there is no such arm.
        """
        return shlex.join(["keras-leuk", "train", str(_shown(self.recipe_file)), *_words(self.arm(arm))])


def settings(arm: Arm) -> list[str]:
    """The keys of an arm as words of ``--set``."""
    return [f"{key}={_flow(value)}" for key, value in arm.keys.items()]


def _words(arm: Arm) -> list[str]:
    return [word for text in settings(arm) for word in ("--set", text)]


def read_protocol(folder: Path, name: str, facts: ProtocolFacts, arms: tuple[Arm, ...]) -> Protocol:
    """A protocol of the paper in a folder, with everything in it tried out.

    Raises:
        DataError: a recipe, grid or arm that keras-leuk would refuse, or an arm that changes nothing; the line names the file.
    """
    grids = tuple(_grid(folder / "grids" / f"{grid}.yaml", name) for grid in facts.grids)
    if not grids:
        raise DataError(f"{folder / 'paper.yaml'}: protocols.{name}.grids: names no grid")
    path = folder / "recipes" / f"{name}.yaml"
    found = Protocol(name, facts.meaning, path, grids, tuple(arm for arm in arms if name in arm.protocols))
    plain = _tried(path, found, None)
    for arm in found.arms:
        if not arm.default and dotted(_tried(path, found, arm.name)) == dotted(plain):
            raise DataError(f"{folder / 'paper.yaml'}: arms: {arm.name!r} changes nothing in {path.name}")
    return found


def _tried(path: Path, protocol: Protocol, arm: str | None) -> Recipe:
    try:
        return protocol.recipe(arm)
    except LeukError as error:
        where = f"{path}: arm {arm!r}" if arm is not None else str(path)
        raise DataError(f"{where}: {error}") from None


def _grid(path: Path, protocol: str) -> Grid:
    facts = read(path, GridFacts)
    if facts.protocol != protocol:
        raise DataError(f"{path}: protocol is {facts.protocol!r}, but paper.yaml lists it under {protocol!r}")
    for name, values in [*facts.axes.items(), *facts.set.items()]:
        if name in facts.axes and name not in FLAGS:
            raise DataError(f"{path}: axes.{name}: no such axis{suggestion(name, FLAGS)}")
        if not values or any(value in values[:place] for place, value in enumerate(values)):
            raise DataError(f"{path}: {name}: needs at least one value, each once")
    lists = [(FLAGS[name], tuple(values)) for name, values in facts.axes.items()] + list(facts.set.items())
    words = [
        word for name, values in facts.axes.items() for word in (f"--{name.replace('_', '-')}", ",".join(map(_flow, values)))
    ]
    words += [word for key, values in facts.set.items() for word in ("--set", f"{key}={'|'.join(map(_flow, values))}")]
    first = path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ").strip()
    return Grid(path.stem, first, tuple(lists), tuple(words))


def _flow(value: Any) -> str:
    """A value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000).strip()
    return text.removesuffix("...").strip()


def _shown(path: Path) -> Path:
    """A path as a reader would type it from where they are."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
