"""Choosing among the settings of a grid by validation, and how much choosing on test would have flattered.

Start from `choose`. The best of many test values is too good: among equals, luck decides which is largest. So the setting is
chosen on validation, and its test value is read once; `Choice.bias` is what picking the largest test value would have added.
The validation value of the winner is flattered in the same way, which is why it is no estimate either.

Source: Varma and Simon 2006, BMC Bioinformatics 7:91; Cawley and Talbot 2010, JMLR 11:2079-2107, section 5.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

RULE = (
    "largest validation {measure}; among equals the smaller validation log loss, then fewer epochs run, "
    "then the earlier place in the plan"
)
"""How the winner is found; `measure` is to be filled in."""

DIGITS = 12
"""Values that agree to so many digits are equal: means over seeds that are the same on paper differ in their last bits."""


@dataclass(frozen=True)
class Candidate:
    """One setting, the mean over its repeats (seeds).

    Attributes:
        setting: the value of each key that tells settings apart, as text.
        cells: its cells, in the plan's order.
        validation: mean of the measure on the validation side.
        log_loss: mean validation log loss, None where unknown; epochs: mean of the epochs run, None where unknown.
        test: mean of the measure on the test side, None where undefined or where there is no test side.
    """

    setting: dict[str, str]
    cells: tuple[str, ...]
    validation: float
    log_loss: float | None
    epochs: float | None
    test: float | None


@dataclass(frozen=True)
class Choice:
    """What validation chose.

    Attributes:
        measure: what was compared, such as 'accuracy'.
        winner: the setting chosen, None where none can be; then `reason` says why in one clause, else it is ''.
        candidates: all settings that took part, in the plan's order.
        left_out: settings that did not, because a cell of theirs failed, is missing or has no value.
        decided_by: what told the winner from the next best: 'accuracy', 'log loss', 'epochs', 'place in the plan', or '' where
            there was nothing to choose.
        best_test: the candidate with the largest test value (the first of equals).
        bias: test value of `best_test` minus that of the winner, >= 0; None where one of them is undefined.
    """

    measure: str
    winner: Candidate | None
    reason: str
    candidates: tuple[Candidate, ...] = ()
    left_out: int = 0
    decided_by: str = ""
    best_test: Candidate | None = None
    bias: float | None = None


def choose(table: pd.DataFrame, keys: Sequence[str], measure: str = "accuracy") -> Choice:
    """The setting that validation prefers.

    A setting takes part if all its cells are finished and have a value: a mean over fewer seeds would have better luck.

    Args:
        table: one row a cell in the plan's order: cell, state, the `keys` (text), epochs_run, validation_n,
            validation_<measure>, validation_log_loss, test_<measure> (numbers, NaN where unknown).
        keys: columns that tell settings apart; rows that agree in them are repeats of one setting.
        measure: a measure of which larger is better.
    """
    finished = table[table["state"] == "finished"]
    if finished.empty:
        return Choice(measure, None, "no cell has finished")
    if not finished["validation_n"].fillna(0).gt(0).any():
        return Choice(measure, None, "the runs have no validation images, and choosing on the test images would flatter")
    repeats = _repeats(table, keys)
    candidates = tuple(c for rows in repeats if (c := _candidate(rows, keys, measure)) is not None)
    left_out = len(repeats) - len(candidates)
    if not candidates:
        words = f"no setting has all its cells finished with a validation {measure.replace('_', ' ')}"
        return Choice(measure, None, words, left_out=left_out)
    ranked = sorted(candidates, key=_rank)  # sorted keeps the plan's order among equals
    winner = ranked[0]
    tested = [c for c in candidates if c.test is not None]
    best_test = max(tested, key=lambda c: _rounded(c.test), default=None)
    bias = None
    if best_test is not None and best_test.test is not None and winner.test is not None:
        bias = max(0.0, best_test.test - winner.test)
    decided_by = _decided_by(winner, ranked[1], measure) if len(ranked) > 1 else ""
    return Choice(measure, winner, "", candidates, left_out, decided_by, best_test, bias)


def choose_within(
    table: pd.DataFrame, keys: Sequence[str], apart: Sequence[str], measure: str = "accuracy"
) -> list[tuple[dict[str, str], Choice]]:
    """A choice within each group of cells that were judged on images of one split.

    Args:
        table, keys, measure: as in `choose`.
        apart: those of the keys that change which images a side holds; values across them cannot be compared.
    Returns:
        for each group in the plan's order: the values of `apart`, and what was chosen.
    """
    if not apart:
        return [({}, choose(table, keys, measure))]
    return [
        ({key: str(rows[key].iloc[0]) for key in apart}, choose(rows, keys, measure))
        for _, rows in table.groupby(list(apart), sort=False)
    ]


def mean_sd(values: Sequence[float]) -> tuple[float | None, float | None, int]:
    """Mean, sample standard deviation (n - 1; None for fewer than two values) and number of the values that are not NaN."""
    known = [float(value) for value in values if not math.isnan(value)]
    if not known:
        return None, None, 0
    return statistics.fmean(known), statistics.stdev(known) if len(known) > 1 else None, len(known)


def _repeats(table: pd.DataFrame, keys: Sequence[str]) -> list[pd.DataFrame]:
    """The rows of each setting, in the plan's order."""
    if not keys:
        return [table]
    return [rows for _, rows in table.groupby(list(keys), sort=False)]


def _candidate(rows: pd.DataFrame, keys: Sequence[str], measure: str) -> Candidate | None:
    if (rows["state"] != "finished").any() or rows[f"validation_{measure}"].isna().any():
        return None
    validation = statistics.fmean(rows[f"validation_{measure}"])
    setting = {key: str(rows[key].iloc[0]) for key in keys}
    log_loss, epochs, test = (_whole_mean(rows[c]) for c in ("validation_log_loss", "epochs_run", f"test_{measure}"))
    return Candidate(setting, tuple(rows["cell"]), validation, log_loss, epochs, test)


def _whole_mean(values: pd.Series) -> float | None:
    """The mean, None where one value is unknown."""
    return None if values.isna().any() else statistics.fmean(values)


def _rounded(value: float | None, unknown: float = math.inf) -> float:
    return unknown if value is None else round(value, DIGITS)


def _rank(candidate: Candidate) -> tuple[float, float, float]:
    return -_rounded(candidate.validation), _rounded(candidate.log_loss), _rounded(candidate.epochs)


def _decided_by(first: Candidate, second: Candidate, measure: str) -> str:
    words = (measure.replace("_", " "), "log loss", "epochs")
    for word, one, other in zip(words, _rank(first), _rank(second), strict=True):
        if one != other:
            return word
    return "place in the plan"
