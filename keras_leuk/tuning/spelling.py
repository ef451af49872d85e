"""How a search space is written.

    a|b|c           choices; each is YAML, so none, 0.1, true and [0.8, 1.2] mean what they mean in a recipe
    1e-5..1e-2      any number between, both ends included; whole numbers where the key takes nothing else, or where it takes
                    both kinds and both ends are written as whole numbers
    16..64/16       every 16th of them: 16, 32, 48, 64
    log:1e-5..1e-2  as likely between 1e-5 and 1e-4 as between 1e-3 and 1e-2

Start at `make_space`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from keras_leuk.errors import UsageError
from keras_leuk.recipe import Recipe
from keras_leuk.tuning.keys import number_types, require_searchable
from keras_leuk.tuning.space import Choices, Part, Range, Space

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"(log:)?\s*({_NUMBER})\s*\.\.\s*({_NUMBER})\s*(?:/\s*({_NUMBER}))?")
_FORMS = "expected choices a|b|c, a range 1e-5..1e-2, a stepped range 16..64/16, or log:1e-5..1e-2"


def make_space(recipe: Recipe, texts: Mapping[str, Any]) -> Space:
    """The space of some keys, checked by itself; see `check_space`.

    Args:
        recipe: whose keys they are.
        texts: key to its space as text, or to a list of choices.

    Raises:
        UsageError: nothing to search, or a space that cannot be read.
        RecipeError: a key that is unknown or may not be searched.
    """
    if not texts:
        raise UsageError(
            "nothing to search; give --search KEY=SPACE, such as --search training.learning_rate.initial=log:1e-5..1e-2"
        )
    parts = []
    for key in sorted(texts):
        require_searchable(key)
        parts.append(_parse(key, texts[key], number_types(recipe, key)))
    return Space(tuple(parts))


def read_texts(searches: Sequence[str], file: str | None) -> dict[str, Any]:
    """Spaces by key from ``KEY=SPACE`` words and from the ``search:`` of a YAML file; a word replaces the file's.

    Raises:
        UsageError: a word that is not KEY=SPACE, a key given twice, or a file that cannot be read.
    """
    given: dict[str, Any] = {}
    for text in searches:
        key, equals, space = text.partition("=")
        if not equals or not key.strip() or not space.strip():
            raise UsageError(f"--search {text!r}: expected KEY=SPACE, such as training.batch_size=16|32|64")
        if key.strip() in given:
            raise UsageError(f"--search {key.strip()} is given twice")
        given[key.strip()] = space.strip()
    return _read_file(file) | given if file else given


def _parse(key: str, given: Any, types: set[type]) -> Part:
    if isinstance(given, list):
        return _choices(key, given)
    text = str(given).strip()
    if "|" in text:
        return _choices(key, [_value(key, word) for word in text.split("|")])
    found = _RANGE.fullmatch(text)
    if found is None:
        alone = "" if ".." in text or text.startswith("log:") else "; a single value belongs in --set"
        raise UsageError(f"--search {key}={text}: {_FORMS}{alone}")
    return _range(key, text, found.groups(), types)


def _range(key: str, text: str, words: tuple[str | None, ...], types: set[type]) -> Range:
    def refused(why: str) -> UsageError:
        return UsageError(f"--search {key}={text}: {why}")

    if not types:
        raise refused(f"{key} takes no numbers; give choices a|b|c")
    log, numbers = words[0] is not None, [word for word in words[1:] if word is not None]
    written = all(re.fullmatch(r"[+-]?\d+", word) for word in numbers)
    whole = written if types == {int, float} else types == {int}
    if not all(math.isfinite(float(word)) for word in numbers):
        raise refused("an end is too large")
    if whole and not all(float(word).is_integer() for word in numbers):
        raise refused(f"{key} takes whole numbers")
    low, high, *step = [int(float(word)) if whole else float(word) for word in numbers]
    if low == high:
        raise refused("both ends are the same; a single value belongs in --set")
    if low > high:
        raise refused(f"the lower end comes first: {high}..{low}")
    if log and low <= 0:
        raise refused("a logarithm needs ends above 0")
    if not step:
        return Range(key, low, high, None, log, whole)
    if log:
        raise refused("log: and a step exclude each other")
    return Range(key, low, _last(low, high, step[0], refused), step[0], log, whole)


def _last(low: float, high: float, step: float, refused: Any) -> float:
    """The upper end, if whole steps lead to it."""
    if step <= 0 or step > high - low:
        raise refused("the step must be above 0 and at most the distance of the ends")
    steps = round((high - low) / step)
    if not math.isclose(low + steps * step, high, rel_tol=1e-9, abs_tol=1e-12):
        below = low + math.floor((high - low) / step) * step
        raise refused(f"no whole number of steps leads to {high:g}; did you mean {low:g}..{below:g}/{step:g}?")
    return high


def _choices(key: str, given: list[Any]) -> Choices:
    values = [_unquoted(value) for value in given]
    labels = tuple(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str) for value in values)
    if len(values) < 2:
        raise UsageError(f"--search {key}: one choice is no search; a single value belongs in --set")
    for label in labels:
        if labels.count(label) > 1:
            raise UsageError(f"--search {key}: {label!r} is named twice")
    return Choices(key, tuple(values), labels)


def _value(key: str, word: str) -> Any:
    if not word.strip():
        raise UsageError(f"--search {key}: an empty choice; {_FORMS}")
    try:
        return yaml.safe_load(word)
    except yaml.YAMLError:
        raise UsageError(f"--search {key}: {word.strip()!r} is not YAML") from None


def _unquoted(value: Any) -> Any:
    """YAML 1.1 takes 1e-3 for text; here it is a number."""
    return float(value) if isinstance(value, str) and re.fullmatch(_NUMBER, value) else value


def _read_file(file: str) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"--space {file}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--space {file} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" (line {where.line + 1})" if where else ""
        raise UsageError(f"--space {file} is not valid YAML{line}: {getattr(error, 'problem', error)}") from None
    spaces = tree.get("search") if isinstance(tree, dict) and set(tree) == {"search"} else None
    if not isinstance(spaces, dict) or not spaces:
        raise UsageError(f"--space {file} must hold `search:` with a space for each key, and nothing else")
    for key, space in spaces.items():
        if not isinstance(space, str | list):
            raise UsageError(f"--space {file}: {key} is {space!r}; {_FORMS}, or a list of choices")
    return {str(key): space for key, space in spaces.items()}
