"""Words of ``--only``: which values of a paper's grids are meant by ``VGG16``, ``Adam`` or ``epochs=100``. Start at `only`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from keras_leuk.errors import UsageError, suggestion
from keras_leuk.papers.protocol import FLAGS
from keras_leuk.recipe.loading import dotted

if TYPE_CHECKING:
    from keras_leuk.papers.replicate_request import Study

_Values = dict[str, tuple[Any, ...]]


def only(found: Sequence[Study], words: Sequence[str]) -> list[Study]:
    """Studies with the values that are meant; a study that has none of what one axis asks for is left out.

    Words about one axis are alternatives, words about several must hold together. What a grid does not vary counts with the one
    value that its recipe has.

    Args:
        words: values, or ``axis=value``; capitals, hyphens and spaces do not matter. A number needs its axis.

    Raises:
        UsageError: a word matches no value, or no setting has all of them.
    """
    if not words:
        return list(found)
    held = [_values(study) for study in found]
    axes = _axes(held, words)
    kept = []
    for study, values in zip(found, held, strict=True):
        left = {key: _meant(key, values.get(key, ()), alternatives) for key, alternatives in axes.items()}
        if all(left.values()):
            kept.append(replace(study, lists={key: left.get(key, own) for key, own in study.lists.items()}))
    if not kept:
        raise UsageError(f"--only {','.join(words)}: no setting of the paper has all of these")
    return kept


def _axes(held: Sequence[_Values], words: Sequence[str]) -> dict[str, list[str]]:
    """Each axis that words are about, with these words.

    Raises:
        UsageError: a word is about none.
    """
    axes: dict[str, list[str]] = {}
    for word in words:
        keys = {key: None for values in held for key, own in values.items() if _meant(key, own, [word])}
        if not keys:
            known = dict.fromkeys(str(value) for values in held for own in values.values() for value in own if _named(value))
            raise UsageError(f"--only {word!r} matches no value of the paper's grids{suggestion(word, sorted(known))}")
        for key in keys:
            axes.setdefault(key, []).append(word)
    return axes


def _values(study: Study) -> _Values:
    """What every axis takes in a study, varied or not."""
    recipe = dotted(study.recipe)
    fixed = {key: (recipe[key],) for key in FLAGS.values() if key in recipe}
    return {**fixed, **study.lists}


def _meant(key: str, values: Sequence[Any], words: Sequence[str]) -> tuple[Any, ...]:
    return tuple(value for value in values if any(_matches(word, key, value) for word in words))


def _matches(word: str, key: str, value: Any) -> bool:
    axis, equals, rest = word.partition("=")
    if not equals:
        return _named(value) and _plain(word) == _plain(value)
    return axis.strip() in _spellings(key) and (_plain(rest) == _plain(value) if _named(value) else _number(rest) == value)


def _spellings(key: str) -> set[str]:
    """Names of an axis: its key, the end of it, and the flag of ``keras-leuk grid``, for one and for several."""
    flags = {flag for flag, of in FLAGS.items() if of == key}
    return {key, key.rsplit(".", 1)[-1], *flags, *(flag.removesuffix("s") for flag in flags)}


def _named(value: Any) -> bool:
    return isinstance(value, str)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _plain(value: Any) -> str:
    return "".join(character for character in str(value).lower() if character.isalnum() or character == ".")
