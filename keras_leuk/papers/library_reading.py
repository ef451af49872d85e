"""Reads the YAML files of a paper: an unknown key, a missing one or a wrong kind of value is one line with file and key."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

from keras_leuk.errors import DataError, suggestion

STRICT = ConfigDict(extra="forbid")
"""A dataclass of a file refuses keys that it does not know."""

T = TypeVar("T")

_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")


def read(path: Path, kind: type[T]) -> T:
    """A file as the dataclass that it is.

    Raises:
        DataError: it is missing, no YAML, or does not hold what it should; the line names file and key.
    """
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    try:
        return TypeAdapter(kind).validate_python(tree)
    except ValidationError as error:
        details = error.errors(include_url=False)
        # A misspelt key is also a missing one; the unknown name is what its author got wrong.
        detail = next((each for each in details if each["type"] in _UNKNOWN), details[0])
        place = [str(part) for part in detail["loc"]]
        if detail["type"] in _UNKNOWN:
            raise DataError(f"{path}: {'.'.join(place)}: no such key{_beside(kind, place)}") from None
        message = str(detail.get("ctx", {}).get("error", detail["msg"]))
        raise DataError(f"{path}: {'.'.join(place) or 'the file'}: {message[0].lower()}{message[1:]}") from None


def _beside(kind: type[Any], place: list[str]) -> str:
    """The nearest key at the top of a file; deeper ones are named by their place alone."""
    return suggestion(place[0], [*kind.__dataclass_fields__]) if len(place) == 1 else ""
