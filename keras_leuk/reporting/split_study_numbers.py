"""The numbers of a study of splits, from study.json and the run folders that it names. Start at `read_study`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from keras_leuk.errors import RunError
from keras_leuk.evaluation.predictions import Predictions
from keras_leuk.evaluation.published import Asked, Reader, Reading
from keras_leuk.evaluation.reading import read_predictions
from keras_leuk.runs.folder import RunFolder, open_for_reading

Json = dict[str, Any]

MEASURES = ("roc_auc", "accuracy")

KINDS = {
    "subjects": "subjects",
    "linked": "groups of subjects that hold the same cells",
    "equal": "equal images",
    "cells": "other images of the same cell",
}
"""What is looked for on two sides, as the lines of predictions.json name it."""

_LINE = re.compile(
    rf"^(?:fold .+?: )?(?P<what>{'|'.join(KINDS.values())})(?: \(known ones included\))? on two sides: (?P<found>none|\d+)"
)


def read_study(out: Path) -> Json:
    """Everything that page, tables and figure show.

    Args:
        out: folder with study.json (see `grid.split_study`); its runs lie below.

    Returns:
        study.json's facts with, for each of its ways: runs (seed, run, n, subjects, trained_on, description, checked, measures),
        sizes, parted (kind → fewest and most on two sides, None where nobody looked), measures (value, low, high, sd, reason)
        and differences to the reference (likewise, with shown: whether the interval leaves out 0).

    Raises:
        RunError: study.json or a run cannot be read, a run has no test images, or the runs do not belong together.
    """
    facts = _read_json(out / "study.json")
    read: dict[str, list[tuple[RunFolder, Predictions]]] = {}
    for way in facts["ways"]:
        folders = [open_for_reading(out / run["run"]) for run in way["runs"]]
        read[way["name"]] = [(folder, read_predictions(folder)) for folder in folders]
    everyone = [predictions for runs in read.values() for _, predictions in runs]
    _check(everyone)
    reader = Reader()
    readings = {name: _readings(reader, [folder for folder, _ in runs]) for name, runs in read.items()}
    against = readings[facts["reference"]]
    ways = []
    for way in facts["ways"]:
        own = readings[way["name"]]
        runs = [_run(entry, *one) for entry, one in zip(way["runs"], read[way["name"]], strict=True)]
        differences = {} if way["name"] == facts["reference"] else {m: difference(own[m], against[m]) for m in MEASURES}
        told = {"runs": runs, "parted": _parted(runs), "unit": "image" if own["accuracy"].subjects is None else "subject"}
        measures = {measure: _mean(reading) for measure, reading in own.items()}
        ways.append(way | told | {"measures": measures, "differences": differences})
    return facts | _common(everyone) | {"ways": ways}


def runs_table(study: Json) -> pd.DataFrame:
    """One row a run and measure, then one a way (kind 'mean') and one a difference to the reference.

    Returns:
        columns kind ('run', 'mean', 'difference'), split, seed, measure, value, low, high, sd, n, subjects, trained_on, run.
    """
    rows: list[Json] = []
    for way in study["ways"]:
        for measure in MEASURES:
            for run in way["runs"]:
                base = {"kind": "run", "split": way["name"], "measure": measure} | run["measures"][measure]
                rows.append(base | {key: run[key] for key in ("seed", "n", "subjects", "trained_on", "run")})
            rows.append({"kind": "mean", "split": way["name"], "measure": measure} | way["measures"][measure])
            if way["differences"]:
                rows.append({"kind": "difference", "split": way["name"], "measure": measure} | way["differences"][measure])
    columns = ["kind", "split", "seed", "measure", "value", "low", "high", "sd", "n", "subjects", "trained_on", "run"]
    table = pd.DataFrame(rows, columns=columns)
    return table.astype(dict.fromkeys(("seed", "n", "subjects", "trained_on"), "Int64"))


def parted_counts(checked: Sequence[str]) -> dict[str, list[int] | None]:
    """How many stand on two sides, by kind, one number for each line that tells it; None where nobody looked, or cannot tell.

    Args:
        checked: lines of predictions.json, such as 'subjects on two sides: 12 (H1, ...)' or 'fold 2: equal images on ...'.
    """
    found: dict[str, list[int] | None] = dict.fromkeys(KINDS)
    for line in checked:
        match = _LINE.match(line)
        if match is not None:
            kind = next(kind for kind, words in KINDS.items() if words == match["what"])
            found[kind] = [*(found[kind] or []), 0 if match["found"] == "none" else int(match["found"])]
    return found


def difference(one: Reading, other: Reading) -> Json:
    """`one` minus `other` of different test images, with an interval from the two intervals, taken as independent.

    Each end lies as far from the difference as the two ends that make for it lie from their values, added in quadrature: Zou
    and Donner 2008 (MOVER); with Wilson's intervals it is method 10 of Newcombe 1998.

    Returns:
        value, low, high; shown: whether the interval leaves out 0, None where there is none.
    """
    if one.value is None or other.value is None:
        return {"value": None, "low": None, "high": None, "shown": None}
    value = one.value - other.value
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return {"value": value, "low": None, "high": None, "shown": None}
    # The ends of a percentile interval need not lie on both sides of the value.
    below = math.hypot(max(0.0, one.value - one.low), max(0.0, other.high - other.value))
    above = math.hypot(max(0.0, one.high - one.value), max(0.0, other.value - other.low))
    low, high = value - below, value + above
    return {"value": value, "low": low, "high": high, "shown": not low <= 0 <= high}


def _readings(reader: Reader, folders: Sequence[RunFolder]) -> dict[str, Reading]:
    paths = [folder.path for folder in folders]
    return {measure: reader.read(paths, Asked(measure, None, None, "test")) for measure in MEASURES}


def _run(entry: Json, folder: RunFolder, predictions: Predictions) -> Json:
    metrics = folder.read_json(folder.metrics)
    test, train = metrics["test"], metrics["train"]
    return entry | {
        "n": test["n"],
        "subjects": test["subjects"],
        "trained_on": round(train["n"] / max(1, len(predictions.folds))),
        "description": predictions.meaning.description,
        "checked": list(predictions.meaning.checked),
        "measures": {measure: {key: test[measure].get(key) for key in ("value", "low", "high")} for measure in MEASURES},
    }


def _parted(runs: Sequence[Json]) -> Json:
    """Fewest and most over runs and folds of what stands on two sides."""
    found: Json = {}
    for kind in KINDS:
        counts = [parted_counts(run["checked"])[kind] for run in runs]
        known = [number for one in counts if one is not None for number in one]
        found[kind] = [min(known), max(known)] if known and None not in counts else None
    return found


def _mean(reading: Reading) -> Json:
    return {"value": reading.value, "low": reading.low, "high": reading.high, "sd": reading.sd, "reason": reading.reason}


def _common(runs: Sequence[Predictions]) -> Json:
    """What all runs have in common; a warning that only some have is of their split, which the page tells of."""
    first = runs[0].meaning
    shared = [line for line in first.warnings if all(line in run.meaning.warnings for run in runs)]
    return {
        "model": first.model,
        "data": first.data,
        "classes": list(first.classes),
        "positive": first.positive,
        "confidence": first.confidence,
        "resamples": first.resamples,
        "warnings": shared,
    }


def _check(runs: Sequence[Predictions]) -> None:
    first = runs[0].meaning
    for run in runs:
        if (run.meaning.classes, run.meaning.positive) != (first.classes, first.positive):
            raise RunError("the runs of the study have different classes; make it again in an empty folder")
        if run.side("test").empty:
            raise RunError("a run of the study has no test images; give split.test a share above 0")


def _read_json(path: Path) -> Json:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{path.parent} has no {path.name}: is it a study of splits? (keras-leuk splits makes one)") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {error}") from None
    if not isinstance(found, dict) or found.get("kind") != "splits":
        raise RunError(f"{path} is not a study of splits")
    return found
