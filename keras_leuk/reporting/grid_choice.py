"""What validation chose, and what choosing on test would have flattered: in words for the page, in numbers for machines.

Start from `choices_of`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from keras_leuk.evaluation.selection import RULE, Candidate, Choice, choose_within
from keras_leuk.reporting.grid_contents import Grid
from keras_leuk.reporting.grid_layout import Reading, reading, repeat_words, size_words, words_of
from keras_leuk.reporting.page import Block, Heading, Paragraph, Points

MEASURE = "accuracy"

LEAST_BIAS = 0.0005
"""Less does not show in three digits."""

Chosen = tuple[dict[str, str], Choice]
"""The values of the keys that set apart what cannot be compared (none: {}), and what was chosen within."""


def choices_of(grid: Grid) -> list[Chosen]:
    """What validation chooses; one choice for each split or data set, where these vary."""
    return choose_within(grid.table, grid.settings, grid.apart, MEASURE)


def choice_blocks(grid: Grid, choices: Sequence[Chosen]) -> list[Block]:
    """The section of the page that names the winner."""
    blocks: list[Block] = [Heading("Chosen by validation")]
    if grid.apart:
        keys = " and ".join(grid.of(key).words for key in grid.apart)
        blocks.append(
            Paragraph(
                f"Cells with another {keys} are judged on other images. Their values cannot be compared, so each {keys} "
                "has a choice of its own."
            )
        )
    for own, choice in choices:
        if own:
            blocks.append(Heading(words_of(grid, own), 3))
        blocks += _winner(grid, own, choice) if choice.winner is not None else [_nobody(choice)]
    return blocks


def choice_lines(grid: Grid) -> list[str]:
    """The choice in a few lines for a terminal."""
    lines = []
    for own, choice in choices_of(grid):
        within = f" ({words_of(grid, own)})" if own else ""
        if choice.winner is None:
            lines.append(f"no winner is named{within}: {choice.reason}")
            continue
        seen = [f"{side} {_value(grid, value)}" for side in ("validation", "test") if (value := _of(grid, choice.winner, side)).n]
        n = len(choice.candidates)
        name = (
            f"chosen by validation{within} of {n} settings: {_name(grid, own, choice.winner)}"
            if n > 1
            else f"one setting{within}"
        )
        lines.append(f"{name}; {MEASURE}: {', '.join(seen)}")
        if choice.best_test is not None and choice.bias is not None and n > 1:
            more = f"choosing on test would have shown {choice.best_test.test:.3f}, {choice.bias:.3f} more"
            lines.append(f"selection bias: {more if choice.bias >= LEAST_BIAS else 'none here, the winner is also best on test'}")
    return lines


def choice_facts(grid: Grid, choices: Sequence[Chosen]) -> dict[str, Any]:
    """The same for machines: `winner` (None where there is none, or one for each of several splits) and all `choices`."""
    listed = [_facts(grid, own, choice) for own, choice in choices]
    return {
        "rule": RULE.format(measure=MEASURE),
        "winner": listed[0]["winner"] if len(listed) == 1 else None,
        "selection_bias": listed[0]["selection_bias"] if len(listed) == 1 else None,
        "choices": listed,
    }


def _winner(grid: Grid, own: dict[str, str], choice: Choice) -> list[Block]:
    winner, n = choice.winner, len(choice.candidates)
    assert winner is not None
    validation, test = (_of(grid, winner, side) for side in ("validation", "test"))
    cells = _cells(grid, winner)
    lines = [f"Rule: {RULE.format(measure=MEASURE)}. {_decided(choice)}".strip()]
    lines.append(
        f"Validation {MEASURE}: {_value(grid, validation)}, {size_words(cells, 'validation')}. {_near(choice, validation)}"
    )
    if test.mean is not None:
        honest = "This is the figure to quote: the test images took no part in the choice."
        spoilt = "Training itself watched the test side, so this figure is too good and validates nothing."
        told = spoilt if grid.watched_on_test else honest
        lines.append(f"Test {MEASURE}: {_value(grid, test)}, {size_words(cells, 'test')}. {told}")
    if choice.left_out:
        settings = "1 setting" if choice.left_out == 1 else f"{choice.left_out} settings"
        lines.append(f"{settings} took no part, because a cell failed, is missing or has no value.")
    name = _name(grid, own, winner)
    blocks: list[Block] = [
        Paragraph(f"{name}, of {n} settings." if n > 1 else f"{name}; there was nothing to choose from.", lead="Winner:"),
        Points(tuple(line.strip() for line in lines)),
    ]
    if n > 1 and choice.bias is not None:
        blocks.append(_bias(grid, choice, choice.bias))
    return blocks


def _name(grid: Grid, own: dict[str, str], winner: Candidate) -> str:
    """The setting in words, without what all that it was chosen from have in common."""
    return words_of(grid, {key: value for key, value in winner.setting.items() if key not in own}) or "the only setting"


def _nobody(choice: Choice) -> Paragraph:
    return Paragraph(f"{choice.reason}.", lead="No winner is named:")


def _bias(grid: Grid, choice: Choice, bias: float) -> Paragraph:
    """The selection bias, for readers who never heard of it."""
    winner, best, n = choice.winner, choice.best_test, len(choice.candidates)
    assert winner is not None
    assert best is not None
    lead = "Why not the best on test?"
    if bias < LEAST_BIAS:
        return Paragraph(
            f"Here it makes no difference: none of the {n} settings has a larger test {MEASURE} than the winner's "
            f"{winner.test:.3f}. That could not be known beforehand, and the rule stays.",
            lead,
        )
    return Paragraph(
        f"The largest test {MEASURE} among the {n} settings is {best.test:.3f} ({words_of(grid, best.setting)}). "
        f"That is {bias:.3f} above the winner's {winner.test:.3f}. Among {n} tries some do well on just these test images by "
        "luck, and whoever quotes the largest value quotes its luck, too. How much of the surplus is luck, these images cannot "
        f"tell; on new images the lucky part is gone. So up to {bias:.3f} would have been selection bias: {MEASURE} gained by "
        "looking at the answers.",
        lead,
    )


def _decided(choice: Choice) -> str:
    if choice.decided_by in ("", MEASURE):
        return ""
    return f"Here the largest value occurs more than once, and the {choice.decided_by} decided."


def _near(choice: Choice, validation: Reading) -> str:
    """How many others validation can hardly tell from the winner."""
    others = len(choice.candidates) - 1
    low = validation.low
    if low is None or others < 1:
        return ""
    inside = sum(candidate.validation >= low for candidate in choice.candidates) - 1
    return f"Of the other {others}, {inside} lie within this interval." if others > 1 else ""


def _value(grid: Grid, value: Reading) -> str:
    if value.mean is None:
        return value.state
    if grid.repeats:
        return f"{value.mean:.3f}" + (f" ± {value.sd:.3f} (mean ± sd over {repeat_words(grid)})" if value.sd is not None else "")
    if value.low is None or value.high is None:
        return f"{value.mean:.3f} (no interval)"
    return f"{value.mean:.3f} ({100 * grid.confidence:g} % interval {value.low:.3f}–{value.high:.3f})"


def _cells(grid: Grid, candidate: Candidate) -> pd.DataFrame:
    return grid.table[grid.table["cell"].isin(candidate.cells)]


def _of(grid: Grid, candidate: Candidate, side: str) -> Reading:
    return reading(_cells(grid, candidate), side, MEASURE)


def _facts(grid: Grid, own: dict[str, str], choice: Choice) -> dict[str, Any]:
    return {
        "within": own,
        "winner": None if choice.winner is None else _candidate_facts(grid, choice.winner),
        "reason": choice.reason or None,
        "decided_by": choice.decided_by or None,
        "settings": len(choice.candidates),
        "left_out": choice.left_out,
        "best_on_test": None if choice.best_test is None else _candidate_facts(grid, choice.best_test),
        "selection_bias": choice.bias,
    }


def _candidate_facts(grid: Grid, candidate: Candidate) -> dict[str, Any]:
    cells = _cells(grid, candidate)
    sides: dict[str, Any] = {}
    for side in ("validation", "test"):
        value = _of(grid, candidate, side)
        counts = {"images": cells[f"{side}_n"], "subjects": cells[f"{side}_subjects"]}
        sides[side] = {
            MEASURE: value.mean,
            "low": value.low,
            "high": value.high,
            "sd": value.sd,
            **{name: None if n.isna().any() or n.nunique() != 1 else int(n.iloc[0]) for name, n in counts.items()},
        }
    return {"setting": candidate.setting, "cells": list(candidate.cells), "runs": list(cells["run"]), **sides}
