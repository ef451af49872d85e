"""What the section on subjects says in words, for the page, the terminal and audit.json."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

NAMED = 5
"""Subjects named in a line."""
RARE = 0.1
"""Share of the images outside their subject's main class from which on subjects simply have cells of several classes."""


def lines(found: Json) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Warnings and notes, one line each.

    Args:
        found: images, known, variance, recognition, optimism and purity of `keras_leuk.audit.subjects.Subjects`.
    """
    warnings: list[str] = []
    notes: list[str] = []
    optimism, variance, recognition = found["optimism"], found["variance"], found["recognition"]["all"]
    gain = optimism["differences"]["random_minus_by_subject"]
    if gain["value"] is None:
        notes.append(f"what a random split flatters by cannot be estimated: {gain['reason']}")
    else:
        (warnings if _above_0(gain) else notes).append(_flatters(optimism, gain))
        copies = optimism["differences"]["copies_minus_random"]
        if optimism["copies"] and _above_0(copies):
            warnings.append(f"copies of cells in several folds add {_figure(copies)} to the AUC of random folds")
    if variance["share"]["value"] is None:
        notes.append(f"the subject's share of the variance cannot be estimated: {variance['share']['reason']}")
    else:
        share = _percent(variance["share"])
        size = f"n = {variance['images']:,} images, {variance['subjects']:,} subjects"
        notes.append(f"{share} of what the features vary by within a class is the subject ({size})")
    if recognition["accuracy"]["value"] is None:
        notes.append(f"how well subjects are recognised cannot be estimated: {recognition['accuracy']['reason']}")
    else:
        size = f"n = {recognition['images']:,} images, {recognition['subjects']:,} subjects"
        notes.append(
            f"the subject of a cell is recognised among those of its class in {_percent(recognition['accuracy'])} of the images; "
            f"always naming the largest subject gives {100 * recognition['chance']:.1f} % ({size})"
        )
    _purity(found["purity"], found["known"], warnings, notes)
    if found["known"] < found["images"]:
        unnamed = found["images"] - found["known"]
        notes.append(f"{unnamed:,} of {found['images']:,} images name no subject and are left out of this section")
    return tuple(warnings), tuple(notes)


def _flatters(optimism: Json, gain: Json) -> str:
    random, by_subject = (_figure(optimism["designs"][name]) for name in ("random", "by_subject"))
    size = f"n = {optimism['images']:,} images, {optimism['subjects']:,} subjects"
    head = "a random split flatters" if _above_0(gain) else "that a random split flatters is not shown"
    return (
        f"{head}: the {optimism['measure']} of the same classifier is {random} under random folds and {by_subject} under "
        f"folds over subjects; difference {_figure(gain)}; {size}"
    )


def _purity(purity: Json, known: int, warnings: list[str], notes: list[str]) -> None:
    total, several = purity["subjects"], purity["subjects"] - purity["of_one_class"]
    if not several:
        notes.append(f"each of {total:,} subjects is of one class, so that whatever tells the subject tells the class")
        return
    named = ", ".join(
        f"{one['subject']} ({', '.join(f'{n:,} {name}' for name, n in one['classes'].items())})"
        for one in purity["of_several"][:NAMED]
    )
    more = f" and {several - NAMED:,} more" if several > NAMED else ""
    line = f"{several:,} of {total:,} subjects are of several classes: {named}{more}"
    # People can have cells of several kinds; but where few cells stand apart, their labels are in question.
    (warnings if purity["outside_main_class"] < RARE * known else notes).append(line)


def _above_0(figure: Json) -> bool:
    return figure["low"] is not None and figure["low"] > 0


def _figure(figure: Json) -> str:
    if figure["low"] is None:
        return f"{figure['value']:.3f}"
    return f"{figure['value']:.3f} ({figure['low']:.3f}–{figure['high']:.3f})"


def _percent(figure: Json) -> str:
    if figure["low"] is None:
        return f"{100 * figure['value']:.1f} %"
    return f"{100 * figure['value']:.1f} % ({100 * figure['low']:.1f}–{100 * figure['high']:.1f})"
