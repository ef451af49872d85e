"""How values that a grid varies are written: lists, arithmetic progressions with dots, and ``key=v1|v2``."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import yaml

from keras_leuk.errors import UsageError

DOTS = ("...", "…")


def names(flag: str, text: str) -> tuple[str, ...]:
    """``a,b`` as its members.

    Raises:
        UsageError: an empty member, or one that is named twice.
    """
    members = [part.strip() for part in text.split(",")]
    if any(not member for member in members):
        raise UsageError(f"{flag} {text!r}: a member is empty; expected a list such as a,b")
    return tuple(_once(flag, text, members))


def whole_numbers(flag: str, text: str) -> tuple[int, ...]:
    """``1,2,5`` or ``10,20,...,100``, the arithmetic progression that the first two members start, to its end.

    Raises:
        UsageError: a member that is no whole number, dots without two members before and one behind, an end that the
            progression does not meet, or a number named twice.
    """
    numbers = _numbers(flag, text, "10,20,...,100")
    for number in numbers:
        if number != number.to_integral_value():
            raise UsageError(f"{flag} {text!r}: {number} is not a whole number")
    return tuple(int(number) for number in numbers)


def real_numbers(flag: str, text: str) -> tuple[float, ...]:
    """Like `whole_numbers`, for any numbers: ``1e-4,1e-3`` or ``0.1,0.2,...,0.5``. Steps are exact decimals."""
    return tuple(float(number) for number in _numbers(flag, text, "0.1,0.2,...,0.5"))


def alternatives(text: str) -> tuple[str, tuple[Any, ...]]:
    """``dotted.key=v1|v2`` as the key and its values, each read as YAML.

    Raises:
        UsageError: no key, no value, no YAML, or a value that is named twice.
    """
    key, equals, values = text.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--set {text!r}: expected dotted.key=value, or dotted.key=value|value to vary it")
    parts = [part.strip() for part in values.split("|")]
    if len(parts) > 1 and any(not part for part in parts):
        raise UsageError(f"--set {text!r}: a value is empty; expected dotted.key=value|value")
    try:
        found = [yaml.safe_load(part) for part in parts]
    except yaml.YAMLError:
        raise UsageError(f"--set {text!r}: {values!r} is not YAML") from None
    return key.strip(), tuple(_once("--set", text, found))


def _numbers(flag: str, text: str, example: str) -> list[Decimal]:
    members = [part.strip() for part in text.split(",")]
    dots = [place for place, member in enumerate(members) if member in DOTS]
    if not dots:
        return _once(flag, text, [_number(flag, text, member, example) for member in members])
    if len(dots) > 1 or dots[0] != len(members) - 2:
        raise UsageError(f"{flag} {text!r}: dots stand once, before the last member, as in {example}")
    if len(members) < 4:
        raise UsageError(f"{flag} {text!r}: dots continue what two members start; write {_hint(members) or example}")
    given = [_number(flag, text, member, example) for member in members if member not in DOTS]
    *start, end = given
    step = start[1] - start[0]
    found = list(start[:2])
    while step and (end - found[-1]) / step > 0:
        found.append(found[-1] + step)
    if not step or found[: len(start)] != start:
        raise UsageError(f"{flag} {text!r}: the members before the dots are no arithmetic progression, such as {example}")
    if found[-1] != end:
        near = f"{found[-2]} or {found[-1]}" if len(found) > 2 else str(found[-1])
        raise UsageError(f"{flag} {text!r}: steps of {step} do not meet {end}; end at {near}")
    return found


def _hint(members: Sequence[str]) -> str | None:
    """What ``10,...,100`` may have meant."""
    try:
        first, last = Decimal(members[0]), Decimal(members[-1])
    except InvalidOperation:
        return None
    second = 2 * first
    fits = first > 0 and second <= last and (last - first) % first == 0
    return f"{first},{second},...,{last}" if fits else None


def _number(flag: str, text: str, member: str, example: str) -> Decimal:
    try:
        number = Decimal(member)
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise UsageError(f"{flag} {text!r}: {member!r} is not a number; expected a list such as {example}")
    return number


def _once(flag: str, text: str, members: list[Any]) -> list[Any]:
    for place, member in enumerate(members):
        if member in members[:place]:
            raise UsageError(f"{flag} {text!r}: {member} is named twice")
    return members
