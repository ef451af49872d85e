"""What the section on suspicious labels says in words, for the page, the terminal and audit.json."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

NAMED = 3
"""Subjects named in a line."""


def lines(found: Json) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Warnings and notes, one line each.

    Args:
        found: images, known_subjects, listed, accuracy, beyond_doubt, within_chance, concentrated and mostly_listed of
            `keras_leuk.audit.suspicious.Suspicious`.
    """
    beyond, n, listed = found["beyond_doubt"], found["images"], found["listed"]
    number = f"about {beyond['value']:,.0f}"
    if beyond["low"] is not None:
        number += f" ({beyond['low']:,.0f}–{beyond['high']:,.0f})"
    others = "other subjects" if found["known_subjects"] else "other images"
    warnings: list[str] = []
    notes: list[str] = []
    if found["within_chance"]:
        notes.append(
            f"the labels contradict the model no more than its own doubt explains ({number} of {n:,} do): the list says where to "
            "look first, not that anything is wrong"
        )
    else:
        warnings.append(
            f"{number} of {n:,} labels contradict a model of {others} by more than its own doubt: wrong labels, or cells unlike "
            "those it knows"
        )
    agree = f"the model agrees with {100 * found['accuracy']:.1f} % of the labels"
    notes.append(f"{listed:,} of {n:,} labels are worth a second look; {agree}" if listed else f"no label is listed; {agree}")
    if found["concentrated"] and found["concentrated"][0]["listed"] > 1:
        several = [one for one in found["concentrated"][:NAMED] if one["listed"] > 1]
        named = ", ".join(f"{one['subject']} ({one['listed']:,} of {one['images']:,} images)" for one in several)
        meant = "a model that never saw a subject can be wrong about all of it"
        notes.append(f"subjects with most of the {listed:,} listed images: {named}; {meant}")
    if found["mostly_listed"]:
        named = ", ".join(f"{one['subject']} ({one['listed']:,} of {one['images']:,})" for one in found["mostly_listed"][:NAMED])
        more = len(found["mostly_listed"]) - NAMED
        named += f" and {more} more" if more > 0 else ""
        notes.append(
            f"half of the images or more are listed of {named}: a whole subject labelled wrongly, or only unlike the others?"
        )
    return tuple(warnings), tuple(notes)
