"""Content addresses: a hash of everything that shaped a thing is the only way to share it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import platformdirs

ENVIRONMENT_VARIABLE = "KERAS_LEUK_CACHE"


def address(facts: Mapping[str, Any]) -> str:
    """40 hexadecimal digits that stand for `facts` (plain JSON values; the order of keys does not matter)."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, read in blocks."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cache_folder(given: str | os.PathLike[str] | None = None) -> Path:
    """Where shared work lies: `given`, else the environment variable, else the user's cache folder."""
    if given:
        return Path(given).expanduser()
    if os.environ.get(ENVIRONMENT_VARIABLE):
        return Path(os.environ[ENVIRONMENT_VARIABLE]).expanduser()
    return Path(platformdirs.user_cache_dir("keras-leuk", appauthor=False))
