"""What the shifts between parts amount to, in sentences."""

from __future__ import annotations

from typing import Any

from keras_leuk.audit.shortcut_words import LEVEL, STRONG, interval_words

Json = dict[str, Any]

_NAMED = 4
"""Descriptors that a sentence names; the table has all."""


def findings(section: Json) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Warnings, those of them that are strong, and notes.

    One warning a pair for the descriptors that differ after Holm's correction, strong from `STRONG` on, and one for each class
    whose share does. Few subjects show no shift however large, so a pair without a warning is not a pair without a shift.

    Args:
        section: as `Shift.as_json` gives it, without the sentences.
    """
    warnings, strong, notes = list[str](), list[str](), list[str]()
    for partition in section["partitions"]:
        for pair in partition["pairs"]:
            differing = sorted((one for one in pair["descriptors"] if differs(one)), key=_reach, reverse=True)
            large = [one for one in differing if _reach(one) >= STRONG]
            if large:
                warnings.append(_sentence(pair, large, section))
                strong.append(warnings[-1])
            if small := [one for one in differing if _reach(one) < STRONG]:
                warnings.append(_sentence(pair, small, section))
            warnings += [mix_words(entry, pair) for entry in pair["mix"] if differs(entry)]
            notes += [f"{pair['first']} and {pair['second']}: {pair['note']}."] if pair["note"] else []
    if not section["partitions"]:
        notes.append("The data have no split, parts or folds to compare.")
    ordered = sorted(warnings, key=lambda line: line not in strong)
    return tuple(ordered), tuple(strong), tuple(notes)


def differs(one: Json) -> bool:
    """Whether a descriptor, or the share of a class, differs after Holm's correction."""
    return one["p_holm"] is not None and one["p_holm"] < LEVEL


def mix_words(entry: Json, pair: Json) -> str:
    """'ALL: 68.2 % of train, 65.0 % of test (difference -3.2 points, -12.0 to +5.6)'."""
    shares = f"{100 * entry['share_first']:.1f} % of {pair['first']}, {100 * entry['share_second']:.1f} % of {pair['second']}"
    ends = "no interval" if entry["low"] is None else f"{100 * entry['low']:+.1f} to {100 * entry['high']:+.1f}"
    return f"{entry['class']}: {shares} (difference {100 * entry['difference']:+.1f} points, {ends})."


def _reach(one: Json) -> float:
    return max(float(one["auc"]), 1 - float(one["auc"]))


def _sentence(pair: Json, differing: list[Json], section: Json) -> str:
    named = ", ".join(_difference(one) for one in differing[:_NAMED])
    more = f" and {len(differing) - _NAMED} more" if len(differing) > _NAMED else ""
    within = "Within the same class, " if pair["classes"] else "Without regard to classes, "
    count = max(one["units"] for one in differing)
    unit = "medians of subjects" if section["unit"] == "subject" else "images"
    return f"{within}{pair['second']} differs from {pair['first']}: {named}{more}; {count:,} {unit} compared."


def _difference(one: Json) -> str:
    return f"{one['label']} {'larger' if one['auc'] > 0.5 else 'smaller'}, effect {interval_words(one)}"
