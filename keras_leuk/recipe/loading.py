"""From a YAML file, a shipped name, flags and ``--set`` to one `Recipe`; and back to YAML.

Every failure is one `RecipeError` that names the key, the value and the nearest valid choice.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from keras_leuk.errors import RecipeError, UsageError, suggestion
from keras_leuk.recipe.model import ALSO
from keras_leuk.recipe.schema import Recipe

_SUFFIXES = (".yaml", ".yml")


def shipped() -> dict[str, str]:
    """Names of the shipped recipes, each with its first comment line."""
    found = {}
    for entry in sorted(resources.files("keras_leuk.recipe").joinpath("shipped").iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".yaml"):
            first = entry.read_text(encoding="utf-8").splitlines()[0]
            found[entry.name.removesuffix(".yaml")] = first.lstrip("# ").strip()
    return found


def shipped_text(name: str) -> str:
    """The YAML of a shipped recipe.

    Raises:
        UsageError: there is no recipe of that name.
    """
    known = shipped()
    if name not in known:
        raise UsageError(f"recipe {name!r} is neither a shipped recipe nor a YAML file{suggestion(name, known)}")
    return resources.files("keras_leuk.recipe").joinpath("shipped", f"{name}.yaml").read_text(encoding="utf-8")


def load(source: str | None = None, *, flags: Mapping[str, Any] | None = None, sets: Sequence[str] = ()) -> Recipe:
    """The recipe that a user asked for.

    Args:
        source: a YAML file, the name of a shipped recipe, or None for ``default``.
        flags: dotted key to value; later than the file, earlier than `sets`. None values are left out.
        sets: ``dotted.key=value`` with the value in YAML.

    Raises:
        UsageError: no such file or recipe, or unreadable YAML.
        RecipeError: an unknown key, a wrong value, or values that exclude each other.
    """
    tree = _read(source or "default")
    for key, value in (flags or {}).items():
        if value is not None:
            _assign(tree, key, value)
    for text in sets:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set {text!r}: expected dotted.key=value")
        try:
            _assign(tree, key.strip(), yaml.safe_load(value))
        except yaml.YAMLError:
            raise UsageError(f"--set {text!r}: {value!r} is not YAML") from None
    return validate(tree)


def validate(tree: Mapping[str, Any]) -> Recipe:
    """A recipe from a tree of plain values.

    Raises:
        RecipeError: see `load`.
    """
    try:
        return Recipe.model_validate(tree)
    except ValidationError as error:
        raise _explain(error) from None


def resolved_yaml(recipe: Recipe) -> str:
    """The whole recipe as YAML, defaults included; `load` reads it back to an equal recipe."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=120)


def dotted(recipe: Recipe) -> dict[str, Any]:
    """Every leaf of the recipe under its dotted key."""
    leaves: dict[str, Any] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                walk(f"{prefix}.{key}" if prefix else key, inner)
        else:
            leaves[prefix] = value

    walk("", recipe.model_dump(mode="json"))
    return leaves


PLACES = ("name", "data.path", "data.reader", "model.weights", "model.weights_dir", "split.file")
"""Keys that name a run, or say where something lies: they shape no number, but what lies there does."""


LATER = {"model.engine": "tensorflow", "model.features_dtype": "float32"}
"""Keys that recipes once did not have, with what was done then: at that value they are left out, so that addresses stay."""


def shaping(recipe: Recipe) -> dict[str, Any]:
    """The leaves of a recipe that shape numbers: all but names, places and resources."""
    return {
        key: value
        for key, value in dotted(recipe).items()
        if key not in PLACES and not key.startswith("resources") and LATER.get(key) != value
    }


def _read(source: str) -> dict[str, Any]:
    path = Path(source)
    if path.suffix in _SUFFIXES or path.is_file():
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise UsageError(f"recipe file not found: {source}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"recipe file {source} cannot be read: {error}") from None
    else:
        text = shipped_text(source)
    try:
        tree = copy.deepcopy(_parsed(text))
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" (line {where.line + 1})" if where else ""
        raise UsageError(f"recipe file {source} is not valid YAML{line}: {getattr(error, 'problem', error)}") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise UsageError(f"recipe file {source} must hold keys and values, not a {type(tree).__name__}")
    return tree


@lru_cache(maxsize=64)
def _parsed(text: str) -> Any:
    """The same recipe is read for every cell of a grid, and parsing YAML takes longer than all the rest of it."""
    return yaml.safe_load(text)


def _assign(tree: dict[str, Any], key: str, value: Any) -> None:
    *parents, leaf = key.split(".")
    for depth, name in enumerate(parents):
        below = tree.get(name)
        if below is None:
            below = tree[name] = {}
        elif not isinstance(below, dict):
            # `optimizer: adam` is short for `optimizer: {name: adam}`; `learning_rate: 0.1` for `{initial: 0.1}`.
            short = {"optimizer": "name", "learning_rate": "initial"}.get(name)
            if short is None:
                inner = ".".join(key.split(".")[: depth + 1])
                out = "; spell the head out in YAML: model.head={pooling: avg, layers: []}" if inner == "model.head" else ""
                raise RecipeError(key, value, f"cannot be set: {inner} is {below!r}, which has no keys{out}")
            below = tree[name] = {short: below}
        tree = below
    tree[leaf] = value


def _explain(error: ValidationError) -> RecipeError:
    details = error.errors(include_url=False)
    # Unions report one failure a member; the first unknown key, else the deepest failure, is what the user got wrong.
    unknown = [d for d in details if d["type"] == "extra_forbidden"]
    detail = unknown[0] if unknown else max(details, key=lambda d: (len(d["loc"]), d["type"] != "string_type"))
    path = [part for part in detail["loc"] if not _is_union_tag(part)]
    key = ".".join(str(part) for part in path) or "recipe"
    value = detail["input"]
    if detail["type"] == "extra_forbidden":
        return _sentence(key, value, f"{key}: no such key{suggestion(path[-1], _keys_beside(path))}. Received: {value!r}")
    if detail["type"] == "value_error":
        reason = str(detail["ctx"]["error"])
        return _sentence(key, value, reason if key == "recipe" else f"{key}: {reason}")
    choices = _choices(path)
    reason = "is not one of the choices" if detail["type"] == "literal_error" else _reason(detail)
    return RecipeError(key, value, reason, choices)


def _sentence(key: str, value: object, text: str) -> RecipeError:
    """A recipe error whose line is not of the form "key: value reason"."""
    error = RecipeError(key, value, text)
    error.args = (text,)
    return error


def _is_union_tag(part: Any) -> bool:
    """Pydantic puts the name of a union's member into the location; it is no key of ours."""
    tags = {
        "Head",
        "str",
        "dense",
        "batch_normalization",
        "dropout",
        "standardize",
        "int",
        "float",
        "constrained-int",
        "constrained-float",
    }
    return isinstance(part, str) and (part in tags or "[" in part)


def _reason(detail: ErrorDetails) -> str:
    if detail["type"] == "tuple_type":
        return "is not valid: a list is needed, such as [0.8, 1.2]"
    message = detail["msg"]
    return f"is not valid: {message[0].lower()}{message[1:]}"


def _choices(path: Sequence[Any]) -> list[str]:
    return [str(choice) for choice in _literals(_annotation(path))] + list(ALSO.get(".".join(map(str, path)), ()))


def _literals(annotation: Any) -> list[Any]:
    origin = get_origin(annotation)
    if origin in (Annotated, Union, UnionType, tuple):
        found: list[Any] = []
        for member in get_args(annotation):
            found += _literals(member)
        return found
    if getattr(origin, "__name__", str(origin)) in ("Literal", "typing.Literal"):
        return list(get_args(annotation))
    return []


def _sections(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    found: list[type[BaseModel]] = []
    for member in get_args(annotation):
        found += _sections(member)
    return found


def _annotation(path: Sequence[Any]) -> Any:
    """The type at a dotted place of the recipe, or None."""
    annotation: Any = Recipe
    for part in path:
        if isinstance(part, int):
            continue
        fields = [model.model_fields[part] for model in _sections(annotation) if part in model.model_fields]
        if not fields:
            return None
        annotation = fields[0].annotation if not fields[0].metadata else Annotated[fields[0].annotation, *fields[0].metadata]
    return annotation


def _keys_beside(path: Sequence[Any]) -> list[str]:
    parents = [part for part in path[:-1] if not isinstance(part, int)]
    models = _sections(_annotation(parents)) if parents else [Recipe]
    return sorted({name for model in models for name in model.model_fields}) if models else []
