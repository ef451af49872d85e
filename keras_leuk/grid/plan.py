"""From what is varied to cells, and from cells to paths: the trainings that several cells share.

A cell is a recipe and a place to put its run. Its address is a hash of everything that shapes its numbers, so a cell that stands
already is found whatever grid made it. Cells that differ in nothing but their epochs lie on one path
(`training.trajectory.shares_epochs`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from keras_leuk.devices.start import versions
from keras_leuk.errors import UsageError
from keras_leuk.grid.ground import Ground
from keras_leuk.grid.layout import GridFolder
from keras_leuk.models import heads
from keras_leuk.progress import Progress
from keras_leuk.recipe import Recipe, load, resolved_yaml
from keras_leuk.recipe.loading import shaping
from keras_leuk.recipe.randomness import small_seed
from keras_leuk.store.address import address
from keras_leuk.training.optimizers import ARITHMETIC
from keras_leuk.training.trajectory import shares_epochs, with_epochs

EPOCHS = "training.epochs"

MOST_CELLS = 10_000

_SHAPING = ("keras-leuk", "tensorflow", "keras", "numpy", "opencv-python-headless", "scikit-learn", "scikit-image")


@dataclass(frozen=True)
class Axis:
    """A key of the recipe and the values that it takes, in the order given."""

    key: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Cell:
    """One run of the grid.

    Attributes:
        values: dotted key → value of everything that is varied.
        recipe: resolved.
        address: hash of all that shapes its numbers.
        name: of its folder.
    """

    values: Mapping[str, Any]
    recipe: Recipe
    address: str
    name: str

    @property
    def epochs(self) -> int:
        return self.recipe.training.epochs


@dataclass(frozen=True)
class Route:
    """A path: one training that leaves several cells.

    Attributes:
        cells: in the order of their epochs.
        address: hash of all that shapes its numbers but the number of epochs.
        features: stands for the frozen backbone's features, which other paths may share; None if it is trained.
        why_alone: why cells that differ only in epochs are not on one path; None where they are.
    """

    cells: tuple[Cell, ...]
    address: str
    features: str | None
    why_alone: str | None = None

    @property
    def recipe(self) -> Recipe:
        return self.cells[-1].recipe

    @property
    def epochs(self) -> int:
        return self.cells[-1].epochs

    @property
    def title(self) -> str:
        """What is varied on it, epochs apart."""
        words = [word for key, value in self.cells[0].values.items() if key != EPOCHS for word in [_word(key, value)]]
        return " ".join(words) or self.recipe.model.backbone


@dataclass(frozen=True)
class Plan:
    """A grid that can be executed.

    Attributes:
        axes: what is varied.
        cells: all of them, the last axis fastest.
        routes: the paths that they lie on.
        ground: data, splits and first weights that the cells stand on.
        independent: every cell has its own seed, and its own path.
    """

    axes: tuple[Axis, ...]
    cells: tuple[Cell, ...]
    routes: tuple[Route, ...]
    ground: Ground
    independent: bool
    notes: tuple[str, ...] = field(default=())


def make_plan(
    source: str | None,
    axes: Sequence[Axis],
    *,
    flags: Mapping[str, Any],
    sets: Sequence[str],
    cache: Path,
    progress: Progress,
    independent: bool = False,
) -> Plan:
    """Reads the data, and works out every cell before the first one is trained.

    Args:
        source, flags, sets: see `recipe.load`; what all cells have in common.
        axes: what is varied.
        independent: draw a seed for every cell instead of sharing paths. Splits stay those of the seed that is given.

    Raises:
        LeukError: any cell's recipe, the data or the weights are wrong.
    """
    _check_axes(axes)
    ground = Ground(cache, progress)
    cells = []
    for values in product(*(axis.values for axis in axes)):
        varied = dict(zip((axis.key for axis in axes), values, strict=True))
        asked = load(source, flags={**flags, **_keys(varied)}, sets=sets)
        if independent:
            asked = _own_seed(asked, varied)
        recipe = ground.resolve(asked)
        known = address(facts(recipe, ground))
        cells.append(Cell(varied, recipe, known, _name(varied, recipe, known)))
    routes = _routes(cells, ground, independent)
    return Plan(tuple(axes), tuple(cells), routes, ground, independent, _notes(routes))


def facts(recipe: Recipe, ground: Ground) -> dict[str, Any]:
    """Everything that shapes the numbers of a cell, as plain values."""
    found = versions()
    return {
        # What lies at places is in the address by its content.
        "recipe": shaping(recipe),
        **ground.facts(recipe),
        "versions": {name: found[name] for name in _SHAPING},
        "arithmetic": ARITHMETIC,
    }


def _check_axes(axes: Sequence[Axis]) -> None:
    keys = [axis.key for axis in axes]
    for key in keys:
        if keys.count(key) > 1:
            raise UsageError(f"{key} is varied twice")
    cells = 1
    for axis in axes:
        cells *= len(axis.values)
    if cells > MOST_CELLS:
        raise UsageError(f"the grid has {cells:,} cells; more than {MOST_CELLS:,} are hardly meant")


def _keys(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as keys of a recipe; a split may be named by the split.csv of another run."""
    found = dict(values)
    split = found.get("split.strategy")
    if isinstance(split, str) and (split.endswith(".csv") or Path(split).is_file()):
        found["split.file"] = found.pop("split.strategy")
    layers = found.get("model.fine_tune")
    if isinstance(layers, str) and layers.isdigit():
        found["model.fine_tune"] = int(layers)
    return found


def _own_seed(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    identity = address({key: value for key, value in values.items() if key != "seed"})
    seed = small_seed(recipe.seed, f"grid/{identity}")
    given = recipe.split.seed if recipe.split.seed is not None else recipe.seed
    split = recipe.split.model_copy(update={"seed": given})
    return recipe.model_copy(update={"seed": seed, "split": split})


def _routes(cells: Sequence[Cell], ground: Ground, independent: bool) -> tuple[Route, ...]:
    gathered: dict[str, list[Cell]] = {}
    for cell in cells:
        shared = shares_epochs(cell.recipe) and not independent
        key = address(facts(with_epochs(cell.recipe, 1), ground)) if shared else cell.address
        gathered.setdefault(key, []).append(cell)
    return tuple(
        Route(
            tuple(sorted(found, key=lambda cell: cell.epochs)),
            key,
            ground.features(found[0].recipe),
            _why_alone(found[0].recipe, independent),
        )
        for key, found in gathered.items()
    )


def _why_alone(recipe: Recipe, independent: bool) -> str | None:
    if independent:
        return "--independent draws a seed for every cell"
    if recipe.training.learning_rate.schedule == "cosine":
        return "a cosine schedule depends on the number of epochs"
    if heads.classical(recipe.model.head) is not None:
        return f"{recipe.model.head} is fitted at once and has no epochs"
    return None


def _notes(routes: Sequence[Route]) -> tuple[str, ...]:
    """What a user must know who expects epochs to be shared."""
    alone = [route for route in routes if route.why_alone is not None]
    several = {_without_epochs(route.cells[0]) for route in alone}
    reasons = dict.fromkeys(str(route.why_alone) for route in alone)
    return (
        tuple(f"each number of epochs is trained on its own: {reason}" for reason in reasons) if len(alone) > len(several) else ()
    )


def _without_epochs(cell: Cell) -> str:
    return str({key: value for key, value in cell.values.items() if key != EPOCHS})


_SHORT = {EPOCHS: "e", "seed": "s", "images.size": "px", "training.learning_rate.initial": "lr", "training.batch_size": "b"}


def _word(key: str, value: Any) -> str:
    if key in ("model.backbone", "training.optimizer.name", "model.head", "split.strategy"):
        return Path(value).parent.name if str(value).endswith(".csv") else str(value)
    return f"{_SHORT.get(key, key.rsplit('.', 1)[-1] + ' ')}{value}"


def _name(values: Mapping[str, Any], recipe: Recipe, known: str) -> str:
    """A name that says what is varied, and ends in the cell's address."""
    words = [_word(key, f"{value:03d}" if key == EPOCHS else value) for key, value in values.items()] or [recipe.model.backbone]
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", "-".join(words)).strip("-.")[:80]
    return f"{plain}-{known[: GridFolder.DIGITS]}"


def of_share(routes: Sequence[Route], share: tuple[int, int]) -> list[Route]:
    """The paths of one of n shares (1 to n). Paths with the same features are kept in one share while there are enough of them.

    Args:
        share: (i, n).
    """
    number, shares = share
    ordered = sorted(range(len(routes)), key=lambda place: (routes[place].features or "", place))
    begin, end = (len(routes) * (number - 1)) // shares, (len(routes) * number) // shares
    return [routes[place] for place in sorted(ordered[begin:end])]


def recipe_text(route: Route) -> str:
    """The recipe of a path's last cell, as YAML."""
    return resolved_yaml(route.recipe)
