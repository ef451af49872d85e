"""metrics.json: every number of a run, with its interval, from the predictions alone.

Start from `evaluate` (predictions in memory) or `write_metrics` (a run folder). The same predictions give the same file to
the byte. A number without a value is null and says why; none is ever replaced by 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from keras_leuk.evaluation.calibration import exact_halves
from keras_leuk.evaluation.counts import Floats
from keras_leuk.evaluation.intervals import Interval, Units, draws, percentile_interval, units_of
from keras_leuk.evaluation.measures import (
    CLASS_MEASURES,
    MEASURES,
    Measured,
    Measurer,
    definitions,
    why_undefined,
    why_undefined_for_class,
)
from keras_leuk.evaluation.predictions import SIDES, Predictions
from keras_leuk.evaluation.reading import read_predictions
from keras_leuk.runs.atomic import write_json
from keras_leuk.runs.folder import RunFolder

Json = dict[str, Any]


def write_metrics(folder: RunFolder) -> Json:
    """Evaluates a run folder, writes its metrics.json and returns what it wrote.

    Raises:
        RunError: the predictions are missing or break their contract.
    """
    metrics = evaluate_run(folder)
    write_json(folder.metrics, metrics)
    return metrics


def evaluate_run(folder: RunFolder) -> Json:
    """The metrics of a run folder, computed anew from predictions.csv and predictions.json; writes nothing.

    Raises:
        RunError: the predictions are missing or break their contract.
    """
    return evaluate(read_predictions(folder))


def evaluate(predictions: Predictions) -> Json:
    """All metrics of checked predictions.

    Returns:
        the content of metrics.json: settings and definitions, then one object for each side ('train', 'validation',
        'test') and, in a cross-validation, 'folds' (point values of each fold's test side) and 'across_folds'.
    """
    meaning = predictions.meaning
    sides = {name: _side(predictions, name) for name in SIDES}
    kinds = {side["unit"] for side in sides.values() if side["n"]}
    unit = kinds.pop() if len(kinds) == 1 else "subject where a side knows all its subjects, else image"
    result: Json = {
        "schema": 1,
        "classes": list(meaning.classes),
        "positive": meaning.positive,
        "selection": meaning.selection,
        "interval": {
            "method": f"percentile bootstrap over {unit}s" if unit in ("subject", "image") else "percentile bootstrap",
            "unit": unit,
            "resamples": meaning.resamples,
            "confidence": meaning.confidence,
            "seed": meaning.seed,
        },
        "definitions": definitions(meaning.positive, meaning.bins),
        **sides,
    }
    if predictions.cross_validated:
        result["pooled"] = (
            "values of a side pool the rows of all folds; 'folds' and 'across_folds' judge each fold's model by itself"
        )
        folds = {fold: _fold(predictions, fold) for fold in predictions.folds}
        result["folds"] = folds
        result["across_folds"] = {"test": {name: _across([fold.get(name) for fold in folds.values()]) for name in MEASURES}}
    return result


def measurer_of(predictions: Predictions, rows: pd.DataFrame) -> Measurer:
    """A `Measurer` of some rows (at least one) of the predictions."""
    positive = None if predictions.positive is None else predictions.classes.index(predictions.positive)
    return Measurer(
        predictions.labels(rows, "true"),
        predictions.labels(rows, "predicted"),
        predictions.probabilities(rows),
        positive,
        predictions.meaning.bins,
    )


def _side(predictions: Predictions, name: str) -> Json:
    rows = predictions.side(name)
    if rows.empty:
        return {"n": 0, "reason": f"the run has no {name} images"}
    meaning, units = predictions.meaning, units_of(rows)
    measurer = measurer_of(predictions, rows)
    point = measurer(np.ones((1, len(rows))))
    by_subject = _subject_accuracy(rows, units) if units.kind == "subject" else None
    resampled: list[Measured] = []
    subject_means: list[Floats] = []
    if len(units.names) > 1:
        for drawn in draws(units, meaning.resamples, meaning.seed, name):
            resampled.append(measurer(drawn[:, units.of_row]))
            if by_subject is not None:
                subject_means.append(_mean_under(drawn, by_subject["accuracy"].to_numpy()))

    def interval(values: list[Floats]) -> Interval:
        joined = np.concatenate(values) if values else np.empty(0)
        return percentile_interval(joined, meaning.confidence, units.kind, len(units.names))

    counts = point.counts[0]
    positive = measurer.positive
    result: Json = {
        "n": len(rows),
        "images": int(rows["image"].nunique()),
        "subjects": len(units.names) if units.kind == "subject" else None,
        "unit": units.kind,
    }
    for measure in MEASURES:
        value = float(point.overall[measure][0])
        reason = why_undefined(measure, counts, meaning.classes, positive) if np.isnan(value) else None
        result[measure] = _number(value, reason, interval([m.overall[measure] for m in resampled]))
    result["per_class"] = {}
    for c, label in enumerate(meaning.classes):
        numbers: Json = {"support": int(counts[c].sum())}
        for measure in CLASS_MEASURES:
            value = float(point.per_class[measure][0, c])
            reason = why_undefined_for_class(measure, label) if np.isnan(value) else None
            numbers[measure] = _number(value, reason, interval([m.per_class[measure][:, c] for m in resampled]))
        result["per_class"][label] = numbers
    result["confusion_matrix"] = {"classes": list(meaning.classes), "counts": counts.astype(int).tolist()}
    if by_subject is None:
        known = int((rows["subject"] != "").sum())
        reason = "subjects are unknown" if not known else f"only {known} of {len(rows)} images name a subject"
        result["per_subject"] = {"mean": _number(np.nan, reason, Interval(None, None)), "subjects": None, "reason": reason}
    else:
        mean = float(_mean_under(np.ones((1, len(units.names))), by_subject["accuracy"].to_numpy())[0])
        result["per_subject"] = {"mean": _number(mean, None, interval(subject_means)), "subjects": _subjects(by_subject)}
    return result


def _number(value: float, reason: str | None, interval: Interval) -> Json:
    if reason is not None:
        return {"value": None, "low": None, "high": None, "reason": reason}
    number: Json = {"value": value, "low": interval.low, "high": interval.high}
    if interval.left_out:
        number["left_out"] = interval.left_out
    if interval.reason is not None:
        number["reason"] = interval.reason
    return number


def _subject_accuracy(rows: pd.DataFrame, units: Units) -> pd.DataFrame:
    """One row a subject, in the order of `units`: n, correct, accuracy, true (its classes, sorted)."""
    u = len(units.names)
    n = np.bincount(units.of_row, minlength=u)
    correct = np.bincount(units.of_row, weights=(rows["true"] == rows["predicted"]).to_numpy(dtype=float), minlength=u)
    classes: list[set[str]] = [set() for _ in range(u)]
    for unit, label in zip(units.of_row, rows["true"], strict=True):
        classes[unit].add(str(label))
    return pd.DataFrame(
        {
            "subject": units.names,
            "n": n,
            "correct": correct.astype(int),
            "accuracy": correct / n,
            "true": [sorted(c) for c in classes],
        }
    )


def _subjects(by_subject: pd.DataFrame) -> Json:
    return {
        row["subject"]: {"n": row["n"], "correct": row["correct"], "accuracy": row["accuracy"], "true": row["true"]}
        for row in by_subject.to_dict("records")
    }


def _mean_under(drawn: Floats, values: Floats) -> Floats:
    high, low = exact_halves(values)
    mean: Floats = ((drawn * high).sum(axis=1) + (drawn * low).sum(axis=1)) / drawn.sum(axis=1)
    return mean


def _fold(predictions: Predictions, fold: str) -> Json:
    rows = predictions.side("test")
    rows = rows[rows["fold"] == fold].reset_index(drop=True)
    if rows.empty:
        return {"n": 0, "reason": "the fold has no test images"}
    measurer = measurer_of(predictions, rows)
    point = measurer(np.ones((1, len(rows))))
    units = units_of(rows)
    result: Json = {"n": len(rows), "subjects": len(units.names) if units.kind == "subject" else None}
    for measure in MEASURES:
        value = float(point.overall[measure][0])
        if np.isnan(value):
            result[measure] = {
                "value": None,
                "reason": why_undefined(measure, point.counts[0], predictions.classes, measurer.positive),
            }
        else:
            result[measure] = {"value": value}
    return result


def _across(numbers: list[Json | None]) -> Json:
    """Mean and sample standard deviation (n - 1) of one measure over the folds that define it."""
    values = np.array([number["value"] for number in numbers if number is not None and number["value"] is not None])
    result: Json = {"mean": float(values.mean()) if len(values) else None, "sd": None, "folds": len(values)}
    if len(values) >= 2:
        result["sd"] = float(values.std(ddof=1))
    else:
        result["reason"] = f"defined in {len(values)} of {len(numbers)} folds"
    return result
