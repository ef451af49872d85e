"""What kinds of files a data set is mixed of, and whether its classes are mixed alike. Start at `file_mix`.

A classifier that can tell the classes by format, mode, size or compression need not look at the cell. Whether such a difference
is more than chance is for the shortcuts' section, which respects subjects; here it is only counted and said.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from keras_leuk.images.file_facts import FORMAT_OF_SUFFIX

Json = dict[str, Any]

UNEVEN = 0.05
"""Classes are called unevenly mixed where the shares of some value differ by more."""

LISTED = 8
"""Values that are listed of each kind; the rest is counted together."""

OTHERS = "others"

NAMED = 5

_PLURAL = {"format": "formats", "mode": "pixel modes", "size": "picture sizes", "quality": "JPEG qualities"}


def file_mix(images: pd.DataFrame, classes: Sequence[str]) -> Json:
    """Counts formats, modes, sizes and JPEG qualities.

    Args:
        images: columns image, label, format, mode, file_size, width, height, quality; one row an image.
        classes: names in label order.

    Returns:
        bytes: total, min, median and max of a file.
        misnamed: n, first (files whose name ends in another format).
        kinds: one entry for each of format, mode, size and quality (the last only where there are JPEG files): kind, distinct
        (number of values), values (value, images, classes; the most frequent first, at most `LISTED`, then `OTHERS`), uneven,
        words (None where there is one value only).
    """
    size = images["file_size"]
    kinds = {
        "format": images["format"],
        "mode": images["mode"],
        "size": images["width"].map("{:.0f}".format) + " × " + images["height"].map("{:.0f}".format),
    }
    if images["quality"].notna().any():
        kinds["quality"] = images["quality"].map("{:.0f}".format).replace("nan", "no JPEG")
    return {
        "bytes": {"total": int(size.sum()), "min": int(size.min()), "median": float(size.median()), "max": int(size.max())},
        "misnamed": _misnamed(images),
        "kinds": [_kind(name, values, images["label"], classes) for name, values in kinds.items()],
    }


def _misnamed(images: pd.DataFrame) -> Json:
    names = [
        f"{image} ({kind})"
        for image, kind in zip(images["image"], images["format"], strict=True)
        # MPO is what phones make of a JPEG, under JPEG's name.
        if FORMAT_OF_SUFFIX.get(os.path.splitext(image)[1].lower()) != {"MPO": "JPEG"}.get(kind, kind)
    ]
    return {"n": len(names), "first": names[:NAMED]}


def _kind(kind: str, values: pd.Series, labels: pd.Series, classes: Sequence[str]) -> Json:
    counts = Counter(str(value) for value in values)
    order = sorted(counts, key=lambda value: (-counts[value], value))
    listed = order if len(order) <= LISTED + 1 else order[:LISTED]
    shown = pd.Series([value if value in listed else OTHERS for value in values.astype(str)], index=labels.index)
    rows = []
    for value in dict.fromkeys([*listed, *([OTHERS] if len(listed) < len(order) else [])]):
        mine = Counter(labels[shown == value])
        rows.append({"value": value, "images": mine.total(), "classes": {name: mine[name] for name in classes}})
    uneven, words = _compared(kind, rows, Counter(labels), len(order))
    return {"kind": kind, "distinct": len(order), "values": rows, "uneven": uneven, "words": words}


def _compared(kind: str, rows: Sequence[Json], sizes: Mapping[str, int], distinct: int) -> tuple[bool, str | None]:
    """Whether the classes are mixed unevenly, and the value whose shares in two classes differ most, in words."""
    if distinct == 1:
        return False, None
    # A class whose images are all unreadable has no shares.
    shares = [{name: n / sizes[name] for name, n in row["classes"].items() if sizes[name]} for row in rows]
    widths = [max(share.values()) - min(share.values()) for share in shares]
    width = max(widths)
    row, share = rows[widths.index(width)], shares[widths.index(width)]
    where = " but ".join(
        f"{row['classes'][name]:,} of {sizes[name]:,} images of {name}"
        for name in (max(share, key=share.__getitem__), min(share, key=share.__getitem__))
    )
    value = _value(kind, row["value"])
    if width > UNEVEN:
        return True, f"{_PLURAL[kind]} are not mixed alike in the classes: {value} in {where}"
    alike = f"{_PLURAL[kind]} are mixed ({distinct:,} different ones), but in all classes about alike"
    return False, f"{alike}; the widest difference is {value}: {where}"


def _value(kind: str, value: str) -> str:
    if value == OTHERS:
        return "other values"
    return f"quality {value}" if kind == "quality" and value != "no JPEG" else value
