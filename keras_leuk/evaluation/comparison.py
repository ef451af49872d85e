"""Finished runs compared on the same images: every pair, every measure, with intervals and corrected p.

Start from `compare`. All runs are measured under the same resamples of subjects, so that a difference is one between models
on the same people. Swapping two runs changes the sign of everything and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from keras_leuk.errors import UsageError, suggestion
from keras_leuk.evaluation.counts import Floats
from keras_leuk.evaluation.intervals import Interval, Units, draws, percentile_interval, units_of
from keras_leuk.evaluation.measures import MEASURES, Measurer, definitions, why_undefined
from keras_leuk.evaluation.metrics import measurer_of
from keras_leuk.evaluation.paired_tests import MCNEMAR, bootstrap_p, holm, mcnemar_forms, smallest_bootstrap_p
from keras_leuk.evaluation.pairing import Entrant
from keras_leuk.progress import Progress

Json = dict[str, Any]


@dataclass(frozen=True)
class Settings:
    """How runs are compared.

    Attributes:
        measures: of `MEASURES`; repetitions are dropped.
        side: 'test' or 'validation'.
        reference: name of the run that all others are compared with; None for all pairs.
        resamples, confidence, seed: of the bootstrap.

    Raises:
        UsageError: an unknown measure, or a number out of range.
    """

    measures: tuple[str, ...] = ("accuracy", "roc_auc")
    side: str = "test"
    reference: str | None = None
    resamples: int = 10_000
    confidence: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        for name in self.measures:
            if name not in MEASURES:
                raise UsageError(f"unknown measure {name!r}{suggestion(name, MEASURES)}")
        if not self.measures:
            raise UsageError(f"no measure to compare by{suggestion('', MEASURES)}")
        if self.resamples < 1 or self.seed < 0:
            raise UsageError(f"--resamples from 1 on and --seed from 0 on. Received: {self.resamples} and {self.seed}")
        if not 0 < self.confidence < 1:
            raise UsageError(f"--confidence must lie between 0 and 1, such as 0.95. Received: {self.confidence:g}")
        object.__setattr__(self, "measures", tuple(dict.fromkeys(self.measures)))


def compare(entrants: Sequence[Entrant], settings: Settings, progress: Progress | None = None) -> Json:
    """Every pair of runs, or every run against one.

    Args:
        entrants: as `keras_leuk.evaluation.pairing.entrants` gives them for the side of `settings`.

    Returns:
        strict JSON: settings; 'runs', each measure of each run with its interval; 'pairs', where a difference is that of
        'second' minus 'first', and 'mcnemar' counts rows. Undefined numbers are None with a reason.

    Raises:
        UsageError: the reference is none of the entrants.
    """
    pairs = _pairs([entrant.name for entrant in entrants], settings.reference)
    rows, meaning = entrants[0].rows, entrants[0].predictions.meaning
    units = units_of(rows)
    measurers = [measurer_of(entrant.predictions, entrant.rows) for entrant in entrants]
    values = _resampled(measurers, units, settings, progress or Progress())
    runs = [
        _facts(entrant) | {"measures": _values(entrant, measurer, resampled, units, settings)}
        for entrant, measurer, resampled in zip(entrants, measurers, values, strict=True)
    ]
    told = definitions(meaning.positive, meaning.bins)
    return {
        "schema": 1,
        "kind": "comparison",
        "side": settings.side,
        "n": len(rows),
        "images": int(rows["image"].nunique()),
        "subjects": len(units.names) if units.kind == "subject" else None,
        "unit": units.kind,
        "classes": list(meaning.classes),
        "positive": meaning.positive,
        "measures": list(settings.measures),
        "reference": settings.reference,
        "comparisons": len(pairs),
        "interval": {
            "method": f"paired percentile bootstrap over {units.kind}s",
            "unit": units.kind,
            "resamples": settings.resamples,
            "confidence": settings.confidence,
            "seed": settings.seed,
        },
        "smallest_bootstrap_p": smallest_bootstrap_p(settings.resamples),
        "definitions": {name: told[name] for name in settings.measures},
        "runs": runs,
        "pairs": _compared(entrants, pairs, runs, values, units, settings),
    }


def _resampled(measurers: Sequence[Measurer], units: Units, settings: Settings, progress: Progress) -> list[dict[str, Floats]]:
    """For each run, each measure (resamples,); resample i draws the same units for all of them."""
    parts: list[dict[str, list[Floats]]] = [{measure: [np.empty(0)] for measure in settings.measures} for _ in measurers]
    if len(units.names) > 1:
        with progress.stage("resampling", settings.resamples, "resamples") as advance:
            for drawn in draws(units, settings.resamples, settings.seed, settings.side):
                weights = drawn[:, units.of_row]
                for measurer, part in zip(measurers, parts, strict=True):
                    overall = measurer(weights).overall
                    for measure, chunks in part.items():
                        chunks.append(overall[measure])
                advance(len(drawn))
    return [{measure: np.concatenate(chunks) for measure, chunks in part.items()} for part in parts]


def _values(entrant: Entrant, measurer: Measurer, resampled: dict[str, Floats], units: Units, settings: Settings) -> Json:
    """Each measure of one run, with its interval."""
    point = measurer(np.ones((1, len(entrant.rows))))
    told = {}
    for measure in settings.measures:
        value = float(point.overall[measure][0])
        reason = None
        if np.isnan(value):
            reason = why_undefined(measure, point.counts[0], entrant.predictions.classes, measurer.positive)
        interval = percentile_interval(resampled[measure], settings.confidence, units.kind, len(units.names))
        told[measure] = _number("value", value, reason, interval)
    return told


def _pairs(names: Sequence[str], reference: str | None) -> list[tuple[int, int]]:
    if reference is None:
        return list(combinations(range(len(names)), 2))
    if reference not in names:
        raise UsageError(f"unknown reference {reference!r}{suggestion(reference, names)}")
    base = names.index(reference)
    return [(base, other) for other in range(len(names)) if other != base]


def _compared(
    entrants: Sequence[Entrant],
    pairs: Sequence[tuple[int, int]],
    runs: Sequence[Json],
    values: Sequence[dict[str, Floats]],
    units: Units,
    settings: Settings,
) -> list[Json]:
    """All pairs, p corrected by Holm over the pairs, within each measure and each form of McNemar's test."""
    result: list[Json] = []
    for a, b in pairs:
        told = {}
        for measure in settings.measures:
            ends = [runs[run]["measures"][measure] for run in (a, b)]
            told[measure] = _difference(ends, values[b][measure] - values[a][measure], units, settings.confidence)
        mcnemar = mcnemar_forms(_right(entrants[a]), _right(entrants[b]), units)
        result.append({"first": entrants[a].name, "second": entrants[b].name, "measures": told, "mcnemar": mcnemar})
    families = [[pair["measures"][measure] for pair in result] for measure in settings.measures]
    families += [[pair["mcnemar"][form] for pair in result] for form in MCNEMAR]
    for family in families:
        for number, corrected in zip(family, holm([number["p"] for number in family]), strict=True):
            number["p_holm"] = corrected
    return result


def _difference(ends: Sequence[Json], resampled: Floats, units: Units, confidence: float) -> Json:
    """Difference of two runs' values, its interval and its p.

    Args:
        ends: the value of the first and of the second run.
        resampled: (b,) second minus first, NaN where one of them was undefined.
    """
    if any(end["value"] is None for end in ends):
        reason = next(end["reason"] for end in ends if end["value"] is None)
        return {"difference": None, "low": None, "high": None, "p": None, "reason": reason}
    interval = _mirrored_interval(resampled, confidence, units)
    number = _number("difference", ends[1]["value"] - ends[0]["value"], None, interval)
    number["p"] = None if interval.reason is not None else bootstrap_p(resampled[~np.isnan(resampled)])
    return number


def _mirrored_interval(differences: Floats, confidence: float, units: Units) -> Interval:
    """`percentile_interval`, in exact mirror image for -differences; interpolated quantiles alone differ in the last digit."""
    telling = differences[~np.isnan(differences) & (differences != 0)]
    if not len(telling) or telling[0] > 0:
        return percentile_interval(differences, confidence, units.kind, len(units.names))
    mirrored = percentile_interval(-differences, confidence, units.kind, len(units.names))
    if mirrored.low is None or mirrored.high is None:
        return mirrored
    # Plus 0.0: there is no use for a negative zero.
    return Interval(0.0 - mirrored.high, 0.0 - mirrored.low, mirrored.left_out)


def _right(entrant: Entrant) -> npt.NDArray[np.bool_]:
    return (entrant.rows["true"] == entrant.rows["predicted"]).to_numpy(dtype=bool)


def _number(key: str, value: float, reason: str | None, interval: Interval) -> Json:
    if reason is not None:
        return {key: None, "low": None, "high": None, "reason": reason}
    number: Json = {key: value, "low": interval.low, "high": interval.high}
    if interval.left_out:
        number["left_out"] = interval.left_out
    if interval.reason is not None:
        number["reason"] = interval.reason
    return number


def _facts(entrant: Entrant) -> Json:
    predictions, meaning = entrant.predictions, entrant.predictions.meaning
    train = predictions.side("train")
    return {
        "name": entrant.name,
        "run": str(entrant.folder.path),
        "data": meaning.data,
        "model": meaning.model,
        "split": {"strategy": meaning.strategy, "seed": meaning.split_seed, "description": meaning.description},
        "selection": meaning.selection,
        "folds": list(predictions.folds),
        "trained_on": int(train["image"].nunique()),
    }
