"""What is handed back for a published number, and the words that go with it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_leuk.evaluation.counts import Floats
from keras_leuk.evaluation.intervals import Interval
from keras_leuk.evaluation.published_measures import Asked, remark, resolved
from keras_leuk.evaluation.published_sides import Side


@dataclass(frozen=True)
class Reading:
    """A measured number.

    Attributes:
        value: a fraction; for 'loss' in nats, for 'epochs' and 'parameters' a count. None where there is none.
        low, high: ends of the percentile interval, None together.
        n: rows of the side, of the run with fewest; 0 for a count. subjects: likewise, None where one run does not know them.
        unit: what was resampled, 'subject' or 'image'; None where nothing was measured on images.
        runs: how many runs the value is the mean of.
        sd: sample standard deviation (n - 1) over runs, None for one run.
        reason: clauses, joined by '; ': why there is no value or no interval, or what must be known of how it was taken.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    subjects: int | None
    unit: str | None
    runs: int
    sd: float | None
    reason: str | None


def nothing(reason: str, runs: int) -> Reading:
    """No number, and no images to take it from."""
    return Reading(None, None, None, 0, None, None, runs, None, reason)


def counted(counts: Sequence[tuple[float | None, str | None]]) -> Reading:
    """The mean of exact counts, each with its remark, or with None and why."""
    numbers = [number for number, _ in counts if number is not None]
    if len(numbers) < len(counts):
        whys = sorted({str(words) for number, words in counts if number is None})
        return nothing(of_runs(" or ".join(whys), len(counts) - len(numbers), len(counts)), len(counts))
    sd = statistics.stdev(numbers) if len(numbers) > 1 else None
    words = joined(sorted({words for _, words in counts if words}))
    return Reading(statistics.fmean(numbers), None, None, 0, None, None, len(numbers), sd, words)


def undefined(sides: Sequence[Side], reason: str) -> Reading:
    """No number, though there are images."""
    return of_sides(sides, None, Interval(None, None), None, reason)


def of_sides(sides: Sequence[Side], value: float | None, interval: Interval, sd: float | None, reason: str | None) -> Reading:
    """A number that was measured on one side of one or several runs."""
    known = [side.subjects for side in sides]
    subjects = None if None in known else min(number for number in known if number is not None)
    unit = "image" if subjects is None else "subject"
    return Reading(value, interval.low, interval.high, min(side.n for side in sides), subjects, unit, len(sides), sd, reason)


def of_metrics(metrics: Mapping[str, Any], asked: Asked) -> Reading | None:
    """What a run's metrics.json says, None where it does not say it."""
    side, classes, positive = metrics.get(asked.side) or {}, metrics.get("classes") or [], metrics.get("positive")
    number = _number(side, asked, positive) if side.get("n") else None
    if number is None:
        return None
    how = remark(asked, classes, positive) if number["value"] is not None else None
    words = joined([how, number.get("reason")])
    ends = number["low"], number["high"]
    return Reading(number["value"], *ends, side["n"], side["subjects"], side["unit"], 1, None, words)


def _number(side: Mapping[str, Any], asked: Asked, positive: str | None) -> Mapping[str, Any] | None:
    """The entry of a measure in one side of metrics.json."""
    average, label = resolved(asked, positive)
    found: Mapping[str, Any] | None
    if average == "class":
        found = side.get("per_class", {}).get(label, {}).get(asked.measure)
        return found
    names = {
        ("macro", "f1"): "macro_f1",
        ("macro", "recall"): "balanced_accuracy",
        ("macro", "precision"): "precision" if positive is None else "",
        ("weighted", "f1"): "weighted_f1",
        ("weighted", "recall"): "accuracy",
        ("micro", "precision"): "accuracy",
        ("micro", "recall"): "accuracy",
        ("micro", "f1"): "accuracy",
    }
    found = side.get(asked.measure if average is None else names.get((average, asked.measure), ""))
    return found


def of_runs(words: str, some: int, all_: int) -> str:
    """A clause that holds for some of the runs."""
    return words if all_ == 1 else f"{words} in {some} of {all_} runs"


def joined(clauses: Sequence[str | None]) -> str | None:
    """The clauses there are, in one line."""
    return "; ".join(clause for clause in clauses if clause) or None


def mean_over(values: Floats) -> Floats:
    """Mean over the first axis, NaN where one of the values is.

    It does not depend on their order, and the mean of equal values is that value to the last bit.
    """
    ordered = np.sort(values, axis=0)
    mean: Floats = np.minimum(ordered[0] + (ordered - ordered[0]).sum(axis=0) / len(ordered), ordered[-1])
    return mean
