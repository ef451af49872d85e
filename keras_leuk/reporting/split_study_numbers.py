"""The numbers of a study of splits, from study.json and the run folders that it names. Start at `read_study`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from keras_leuk.errors import RunError
from keras_leuk.evaluation.intervals import Interval
from keras_leuk.evaluation.overlapping import MEASURES, Mean, difference, mean_over_draws
from keras_leuk.evaluation.predictions import Predictions
from keras_leuk.evaluation.reading import read_predictions
from keras_leuk.runs.folder import RunFolder, open_for_reading

Json = dict[str, Any]

KINDS = {
    "subjects": "subjects",
    "linked": "groups of subjects that hold the same cells",
    "equal": "equal images",
    "cells": "other images of the same cell",
}
"""What is looked for on two sides, by the beginning of its line in predictions.json."""

_LINE = re.compile(r"^(?:fold .+?: )?(?P<what>.+?) on two sides: (?:(?P<none>none)|(?P<count>\d+)|not checked)")


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
    means = {name: mean_over_draws([predictions for _, predictions in runs], name) for name, runs in read.items()}
    against = means[facts["reference"]]
    ways = []
    for way in facts["ways"]:
        own = means[way["name"]]
        runs = [
            _run(entry, *one, own, place) for place, (entry, one) in enumerate(zip(way["runs"], read[way["name"]], strict=True))
        ]
        differences = {} if way["name"] == facts["reference"] else _differences(own, against)
        told = {"runs": runs, "parted": _parted(runs), "unit": own["roc_auc"].kind, "units": own["roc_auc"].units}
        measures = {measure: _mean(mean) for measure, mean in own.items()}
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
        kind = next((kind for kind, words in KINDS.items() if match and match["what"].startswith(words)), None)
        if match is None or kind is None or (match["none"] is None and match["count"] is None):
            continue
        found[kind] = [*(found[kind] or []), int(match["count"] or 0)]
    return found


def _run(entry: Json, folder: RunFolder, predictions: Predictions, means: Mapping[str, Mean], place: int) -> Json:
    metrics = folder.read_json(folder.metrics)
    test, train = metrics["test"], metrics["train"]
    meaning = predictions.meaning
    return entry | {
        "n": test["n"],
        "subjects": test["subjects"],
        "trained_on": round(train["n"] / max(1, len(predictions.folds))),
        "description": meaning.description,
        "checked": list(meaning.checked),
        "measures": {
            measure: {"value": means[measure].values[place]} | {end: test[measure].get(end) for end in ("low", "high")}
            for measure in MEASURES
        },
    }


def _parted(runs: Sequence[Json]) -> Json:
    """Fewest and most over runs and folds of what stands on two sides."""
    found: Json = {}
    for kind in KINDS:
        counts = [parted_counts(run["checked"])[kind] for run in runs]
        known = [number for one in counts if one is not None for number in one]
        found[kind] = [min(known), max(known)] if known and None not in counts else None
    return found


def _mean(mean: Mean) -> Json:
    return {"value": mean.value, "sd": mean.sd} | _ends(mean.interval)


def _differences(own: Mapping[str, Mean], against: Mapping[str, Mean]) -> Json:
    found = {}
    for measure in MEASURES:
        value, interval = difference(own[measure], against[measure])
        shown = None if interval.low is None or interval.high is None else not interval.low <= 0 <= interval.high
        found[measure] = {"value": value, "shown": shown} | _ends(interval)
    return found


def _ends(interval: Interval) -> Json:
    return {"low": interval.low, "high": interval.high} | ({"reason": interval.reason} if interval.reason else {})


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
