"""The search space: what each searched key of a recipe may be, and whether the recipe takes it.

How a space is written: `keras_leuk.tuning.spelling`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras_leuk.errors import RecipeError, UsageError
from keras_leuk.recipe import Recipe
from keras_leuk.training.preflight import check
from keras_leuk.tuning.keys import short_names, with_values

_FEW = 32
"""A range with at most so many members is tried whole; of others both ends."""
_COMBINATIONS = 1000
"""Combinations of other keys that a value is tried with before it is called impossible."""


@dataclass(frozen=True)
class Choices:
    """One of some values.

    Attributes:
        key: dotted key of the recipe.
        values: what the recipe gets; labels: their names in tables and in the study, in the same order.
    """

    key: str
    values: tuple[Any, ...]
    labels: tuple[str, ...]
    scale = "choices"

    @property
    def text(self) -> str:
        return "|".join(self.labels)

    def suggest(self, trial: Any) -> tuple[Any, Any]:
        """A value for one of Optuna's trials, and its label."""
        label = trial.suggest_categorical(self.key, list(self.labels))
        return self.values[self.labels.index(label)], label

    def probes(self) -> tuple[Any, ...]:
        return self.values


@dataclass(frozen=True)
class Range:
    """A number between two ends, both included.

    Attributes:
        step: distance of neighbours; None: any number (any whole number).
        log: drawn evenly by logarithm.
        whole: whole numbers only.
    """

    key: str
    low: float
    high: float
    step: float | None
    log: bool
    whole: bool

    @property
    def scale(self) -> str:
        return "log" if self.log else "linear"

    @property
    def text(self) -> str:
        step = f"/{self.step!r}" if self.step is not None else ""
        return f"{'log:' if self.log else ''}{self.low!r}..{self.high!r}{step}"

    def suggest(self, trial: Any) -> tuple[Any, Any]:
        """A value for one of Optuna's trials, twice: it is its own label."""
        if self.whole:
            value: Any = trial.suggest_int(self.key, self.low, self.high, step=self.step or 1, log=self.log)
        else:
            value = trial.suggest_float(self.key, self.low, self.high, step=self.step, log=self.log)
        return value, value

    def probes(self) -> tuple[Any, ...]:
        step = self.step or (1 if self.whole else None)
        if step is not None and (self.high - self.low) / step < _FEW:
            count = round((self.high - self.low) / step) + 1
            return tuple(min(self.low + number * step, self.high) for number in range(count))
        return (self.low, self.high)


Part = Choices | Range


@dataclass(frozen=True)
class Space:
    """What is searched, sorted by key, so that the order in which it was given changes nothing."""

    parts: tuple[Part, ...]

    @property
    def texts(self) -> dict[str, str]:
        """Key to its canonical text; equal spaces have equal texts."""
        return {part.key: part.text for part in self.parts}

    @property
    def short(self) -> dict[str, str]:
        """Key to the name that tables and figures have room for."""
        return short_names(list(self.texts))

    def suggest(self, trial: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Values for one of Optuna's trials, by key: as the recipe takes them, and as tables show them."""
        drawn = {part.key: part.suggest(trial) for part in self.parts}
        return {key: pair[0] for key, pair in drawn.items()}, {key: pair[1] for key, pair in drawn.items()}


def check_space(recipe: Recipe, space: Space) -> Recipe:
    """Tries every choice, every member of small ranges and both ends of others in the recipe.

    A value passes if the recipe takes it with some values of the other keys; what excludes each other only in combination
    shows when it is drawn, and is a failed trial.

    Returns:
        a recipe of the space, the first that is valid.

    Raises:
        UsageError: a value that the recipe never takes.
    """
    probes = {part.key: part.probes() for part in space.parts}
    start = _first_valid(recipe, probes, {})
    for part in space.parts:
        for value in probes[part.key]:
            others = {key: (start[key], *found) for key, found in probes.items() if key != part.key}
            _first_valid(recipe, others, {part.key: value})
    return with_values(recipe, start)


def _first_valid(recipe: Recipe, probes: Mapping[str, Sequence[Any]], fixed: Mapping[str, Any]) -> dict[str, Any]:
    first: RecipeError | None = None
    for drawn in itertools.islice(itertools.product(*probes.values()), _COMBINATIONS):
        values: dict[str, Any] = {**dict(zip(probes, drawn, strict=True)), **fixed}
        try:
            check(with_values(recipe, values))
        except RecipeError as error:
            first = first or error
            continue
        return values
    named = ", ".join(f"--search {key}={value}" for key, value in fixed.items()) or "the search space"
    raise UsageError(f"{named}: {first}")
