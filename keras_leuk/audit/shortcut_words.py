"""What the shortcuts of a data set amount to, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras_leuk.audit.descriptors import SHORTCUT

Json = dict[str, Any]

STRONG = 0.75
"""A descriptor that reaches this area alone, whichever way, is a strong one."""

LEVEL = 0.05
"""Of p after Holm's correction."""

SEES = {
    "all": "all trivial descriptors together",
    "shortcuts": "only the file, its name and the picture around the cell",
    "cell": "only the cell's area, mean colour and sharpness",
}


def findings(section: Json) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Warnings, those of them that are strong, and notes.

    A warning is what tells the classes after Holm's correction; for size, colour and sharpness of the cell, which may be
    biology, only from `STRONG` on. Below that they are notes.

    Args:
        section: as `Shortcuts.as_json` gives it, without the sentences.
    """
    warnings, strong, notes = list[str](), list[str](), list[str]()
    for one in section["descriptors"]:
        telling = [entry for entry in one["against"] if tells(entry)]
        if not telling:
            continue
        line = _alone(one, telling, section)
        if reach(telling[0]) >= STRONG:
            strong.append(line)
        (warnings if one["kind"] == SHORTCUT or reach(telling[0]) >= STRONG else notes).append(line)
    for one in section["together"]:
        if line := _together(one, section):
            if _headline(one)["auc"] >= STRONG:
                strong.append(line)
            (warnings if one["name"] == "shortcuts" or _headline(one)["auc"] >= STRONG else notes).append(line)
    ordered = sorted(warnings, key=lambda line: line not in strong)
    return tuple(ordered), tuple(line for line in ordered if line in strong), (*notes, *_said_nothing(section))


def reach(entry: Json) -> float:
    """The area that a classifier of this descriptor reaches, whichever way it turns; 0.5 where nothing is known."""
    shape = entry.get("any_shape")
    values = [0.5] if entry["auc"] is None else [entry["auc"], 1 - entry["auc"]]
    return max([*values, shape["auc"] if shape and entry["differs"] else 0.5])


def tells(entry: Json) -> bool:
    """Whether a descriptor tells a class after Holm's correction. A classifier that is worse than chance says nothing."""
    return _below(entry) or _by_shape(entry)


def _below(entry: Json) -> bool:
    return entry["p_holm"] is not None and entry["p_holm"] < LEVEL


def _by_shape(entry: Json) -> bool:
    shape = entry.get("any_shape")
    return bool(entry["differs"] and shape and _below(shape) and shape["auc"] > 0.5)


def _alone(one: Json, telling: Sequence[Json], section: Json) -> str:
    best, positive = telling[0], section["positive"]
    whom = best["class"] if positive is not None else f"{best['class']} against the rest"
    if _by_shape(best):
        area, value = best["any_shape"], interval_words(best["any_shape"])
        way = (
            "large and small values mean the same class, so that a plain ranking shows less"
            if _below(best)
            else "not by a plain ranking"
        )
    else:
        area, way = best, f"{'larger' if best['auc'] > 0.5 else 'smaller'} in {best['class']}"
        value = interval_words(best if best["auc"] > 0.5 else mirrored(best))
    more = f" It tells {len(telling)} of the {len(one['against'])} classes from the rest." if len(telling) > 1 else ""
    return f"A classifier that sees only {one['words']} reaches AUC {value} for {whom}: {way}; {size_words(area, section)}.{more}"


def _together(one: Json, section: Json) -> str:
    area = _headline(one)
    if area is None or not _below(area) or area["auc"] <= 0.5:
        return ""
    mean = "a mean AUC over the classes of" if section["positive"] is None else "AUC"
    return f"A classifier that sees {SEES[one['name']]} reaches {mean} {interval_words(area)}; {size_words(area, section)}."


def _headline(one: Json) -> Any:
    return one["macro"] or (one["against"][0] if one["against"] else None)


def _said_nothing(section: Json) -> list[str]:
    silent = [f"{one['label']} ({one['reason']})" for one in section["descriptors"] if one["reason"] is not None]
    return [f"Nothing can be said of {'; '.join(silent)}."] if silent else []


def mirrored(area: Json) -> Json:
    """The area of the same values turned round."""
    turned = {key: None if area[key] is None else 1 - area[key] for key in ("auc", "low", "high")}
    return {**area, "auc": turned["auc"], "low": turned["high"], "high": turned["low"]}


def interval_words(area: Json) -> str:
    """'0.81 (0.74–0.87)'."""
    value = f"{area['auc']:.2f}"
    return value if area["low"] is None else f"{value} ({area['low']:.2f}–{area['high']:.2f})"


def size_words(area: Json, section: Json) -> str:
    """'n=7,947, subjects=73'; groups where subjects are linked, images alone where none is known."""
    words = f"n={area['n']:,}"
    if section["subjects"] is None:
        return f"{words}, subjects unknown"
    return f"{words}, subjects={area['groups']:,}{' (linked ones as one)' if section['groups'] < section['subjects'] else ''}"
