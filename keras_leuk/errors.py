"""The errors that keras-leuk raises for its users.

Every error is raised where the wrong thing is seen and carries one line: what was wrong, where, what was received,
and the nearest valid choice. Only the command line turns an error into printed text and an exit code.

    LeukError            something is wrong in the world (exit code 1)
    ├── DataError        images, labels, tables or folders
    ├── WeightsError     weights missing, unreachable or of another model
    ├── RunError         a run folder: locked, finished, incomplete, unwritable
    └── UsageError       what the user typed (exit code 2)
        └── RecipeError  a key of the recipe: names the key, the value and the nearest valid choice
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LeukError(Exception):
    """Base of every error a user may see; ``str(error)`` is one line."""

    exit_code = 1


class DataError(LeukError):
    """Something is wrong with images, labels, tables or folders."""


class WeightsError(LeukError):
    """Weights are missing, out of reach, or belong to another model."""


class RunError(LeukError):
    """A run folder cannot be written, read, continued or replaced."""


class UsageError(LeukError):
    """What the user typed cannot be meant."""

    exit_code = 2


class RecipeError(UsageError):
    """A key of the recipe has a value it cannot have.

    Args:
        key: dotted key, such as ``model.backbone``.
        value: the received value.
        reason: what was expected, without a full stop.
        choices: valid values; the nearest one is suggested.
    """

    def __init__(self, key: str, value: object, reason: str, choices: Iterable[str] = ()):
        self.key, self.value, self.reason = key, value, reason
        super().__init__(f"{key}: {value!r} {reason}{suggestion(value, choices)}")


def suggestion(value: object, choices: Iterable[str]) -> str:
    """``"; did you mean 'a'? (a, b, c)"``, or an empty string when there is nothing to choose from."""
    known = [str(choice) for choice in choices]
    if not known:
        return ""
    folded = {choice.lower(): choice for choice in known}
    near = difflib.get_close_matches(str(value).lower(), list(folded), n=1, cutoff=0.5)
    listing = ", ".join(known)
    return f"; did you mean {folded[near[0]]!r}? (valid: {listing})" if near else f"; valid: {listing}"
