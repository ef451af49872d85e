"""What a recipe file marks as assumed, in the comments behind its keys. Start at `assumed`."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

_LINE = re.compile(r"^(?P<indent> *)(?P<key>\w+):(?P<value>[^#]*)(?:#\s*(?P<comment>.*))?$")
_MARK = re.compile(r"\bassumed\b|\bby arithmetic\b")


def assumed(recipe: Path, set_keys: Collection[str] = ()) -> list[str]:
    """Dotted key, value and comment of each line of a recipe file that is marked as assumed or found by arithmetic.

    Args:
        set_keys: dotted keys that were set otherwise; what the file says of these does not hold.
    """
    found: list[str] = []
    above: list[str] = []
    for line in recipe.read_text(encoding="utf-8").splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        above = [*above[: len(match["indent"]) // 2], match["key"]]
        key, value, comment = ".".join(above), match["value"].strip(), (match["comment"] or "").strip()
        if _MARK.search(comment) and not any(key == other or key.startswith(f"{other}.") for other in set_keys):
            found.append(f"{key}{f' {value}' if value else ''}: {comment}")
    return found
