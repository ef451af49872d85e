"""Dotted keys of a recipe: which may be searched, which numbers they take, and a recipe with other values at some of them.

Beyond `keras_leuk.recipe.load`, a number in a key counts the layers of a head that is spelt out: ``model.head.layers.1.rate``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from keras_leuk.errors import RecipeError, suggestion
from keras_leuk.recipe import Recipe
from keras_leuk.recipe.loading import validate

FIXED = {
    "seed": "it is no setting, and the luckiest of many seeds says nothing of the next",
    "name": "it shapes no number",
    "resources": "they shape no number",
    "data": "trials judged on different images cannot be compared",
    "split": "trials judged on different images cannot be compared",
    "training.monitor": "a search is judged on validation",
    "evaluation.resamples": "it shapes how a trial is judged, not what it learns",
    "evaluation.confidence": "it shapes how a trial is judged, not what it learns",
    "evaluation.calibration_bins": "it shapes how a trial is judged, not what it learns",
}
"""Keys, with all below them, that must be the same for all trials, and why."""


def require_searchable(key: str) -> None:
    """Refuses a key that must be the same for all trials.

    Raises:
        RecipeError: it is one of `FIXED`, or below one.
    """
    for fixed, why in FIXED.items():
        if key == fixed or key.startswith(f"{fixed}."):
            raise _error(key, f"{key} cannot be searched: {why}")


def number_types(recipe: Recipe, key: str) -> set[type]:
    """The types of numbers that a key takes: none, int, float, or both.

    Raises:
        RecipeError: there is no such key.
    """
    place: Any = recipe
    annotation: Any = Recipe
    for depth in range(len(key.split("."))):
        place, annotation = _step(key, depth, place, annotation)
    return {member for member in _members(annotation) if member in (int, float)}


def with_values(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """The recipe with other values at some dotted keys, validated anew.

    Raises:
        RecipeError: an unknown key, or a value that the recipe refuses.
    """
    tree = recipe.model_dump(mode="json")
    for key, value in values.items():
        *parents, leaf = key.split(".")
        place: Any = tree
        for depth, part in enumerate(parents):
            if isinstance(place, list):
                place = place[_index(key, part, place)]
                continue
            if place.get(part) is None:
                place[part] = {}
            place = place[part]
            if not isinstance(place, dict | list):
                inner = ".".join(key.split(".")[: depth + 1])
                raise _error(key, f"{key} cannot be searched: {inner} is {place!r}, which has no keys")
        if isinstance(place, list):
            place[_index(key, leaf, place)] = value
        else:
            place[leaf] = value
    return validate(tree)


def short_names(keys: list[str]) -> dict[str, str]:
    """Keys without their first part (``learning_rate.initial``) where that tells them apart."""
    short = {key: key.partition(".")[2] or key for key in keys}
    names = list(short.values())
    return {key: name if names.count(name) == 1 else key for key, name in short.items()}


def _step(key: str, depth: int, place: Any, annotation: Any) -> tuple[Any, Any]:
    """One part of a key further down: the value there (None where there is none) and the type."""
    part = key.split(".")[depth]
    if isinstance(place, tuple):
        inner = place[_index(key, part, place)]
        return inner, type(inner)
    if isinstance(place, str | int | float):
        raise _error(key, f"{key} cannot be searched: {'.'.join(key.split('.')[:depth])} is {place!r}, which has no keys")
    if isinstance(place, BaseModel):
        sections = [type(place)]
    else:
        sections = [member for member in _members(annotation) if isinstance(member, type) and issubclass(member, BaseModel)]
    for section in sections:
        if part in section.model_fields:
            return getattr(place, part, None), section.model_fields[part].annotation
    mapping = next((member for member in _members(annotation) if get_origin(member) is dict), None)
    if mapping is not None:
        return None, get_args(mapping)[1]
    raise _unknown(key, part, [name for section in sections for name in section.model_fields])


def _members(annotation: Any) -> list[Any]:
    """The types that an annotation allows, unions and ``Annotated`` taken apart."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _members(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return [member for inner in get_args(annotation) for member in _members(inner)]
    return [annotation]


def _index(key: str, part: str, place: Any) -> int:
    if not part.isdigit() or int(part) >= len(place):
        valid = f"0 to {len(place) - 1}" if len(place) else "none, it is empty"
        raise _error(key, f"{key}: {part!r} is not a place in the list (valid: {valid})")
    return int(part)


def _unknown(key: str, part: str, choices: list[str]) -> RecipeError:
    return _error(key, f"{key}: no such key{suggestion(part, sorted(choices))}")


def _error(key: str, text: str) -> RecipeError:
    """A recipe error whose line is not of the form "key: value reason"."""
    error = RecipeError(key, None, text)
    error.args = (text,)
    return error
