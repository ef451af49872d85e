"""What the runs of a protocol say beyond the published numbers: the setting that validation chooses, and every run's measures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from keras_leuk.evaluation.published import Asked, Reader
from keras_leuk.evaluation.selection import RULE, choose
from keras_leuk.grid.plan import EPOCHS
from keras_leuk.papers.replicate_request import SEED
from keras_leuk.papers.replicate_verdicts import Json, Trial, as_json
from keras_leuk.runs.folder import RunFolder

BEYOND = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "macro_f1", "roc_auc")
"""Measures that every run is told with, whatever the paper printed."""


def choice(trials: Sequence[Trial], reader: Reader) -> Json | None:
    """The setting that validation prefers, by means over seeds; None where there is nothing to choose by."""
    keys = list(dict.fromkeys(key for trial in trials for key in trial.cell.values if key != SEED))
    table = pd.DataFrame([_row(trial, keys, reader) for trial in trials])
    numbers = [name for name in table.columns if name not in ("cell", "state", *keys)]
    table[numbers] = table[numbers].astype(float)
    chosen = choose(table, keys, "accuracy")
    if chosen.winner is None or len(chosen.candidates) < 2:
        return None
    folders = [trial.folder for trial in trials if trial.name in chosen.winner.cells and trial.folder is not None]
    return {
        "setting": chosen.winner.setting,
        "words": f"chosen among {len(chosen.candidates)} settings: {RULE.format(measure='accuracy')}",
        "bias": chosen.bias,
        **{side: _plain(reader, folders, "accuracy", side) for side in ("validation", "test")},
    }


def _row(trial: Trial, keys: Sequence[str], reader: Reader) -> Json:
    """A trial as `choose` takes it."""
    row: Json = {"cell": trial.name, "state": trial.state, "epochs_run": None, "validation_n": None}
    row |= dict.fromkeys(("validation_accuracy", "validation_log_loss", "test_accuracy"))
    row |= {key: str(trial.keys.get(key)) for key in keys}
    if trial.folder is None:
        return row
    run = RunFolder(trial.folder)
    metrics = run.read_json(run.metrics)
    row["epochs_run"] = run.read_json(run.mark).get("epochs")
    for side in ("validation", "test"):
        if metrics[side]["n"]:
            row[f"{side}_n"] = metrics[side]["n"]
            row[f"{side}_accuracy"] = metrics[side]["accuracy"]["value"]
    if row["validation_n"]:
        row["validation_log_loss"] = reader.read([trial.folder], Asked("loss", None, None, "validation")).value
    return row


def beyond(name: str, trials: Sequence[Trial], reader: Reader) -> list[Json]:
    """Every setting that has a finished run, means over seeds.

    Args:
        name: of the protocol, for a setting that varies nothing.
    """
    groups: dict[tuple[tuple[str, Any], ...], list[Trial]] = {}
    for trial in trials:
        if trial.folder is not None:
            setting = tuple((key, value) for key, value in trial.cell.values.items() if key != SEED)
            groups.setdefault(setting, []).append(trial)
    rows = []
    for setting, members in groups.items():
        folders = [trial.folder for trial in members if trial.folder is not None]
        run = RunFolder(folders[0])
        metrics = run.read_json(run.metrics)
        words = ", ".join(f"{value} epochs" if key == EPOCHS else str(value) for key, value in setting)
        row: Json = {"setting": words or name, "runs": [trial.name for trial in members], "weights": members[0].weights}
        row["train"] = {"accuracy": _plain(reader, folders, "accuracy", "train")} if metrics["train"]["n"] else {}
        for side in ("validation", "test"):
            row[side] = {measure: _plain(reader, folders, measure, side) for measure in BEYOND} if metrics[side]["n"] else {}
        rows.append(row)
    return rows


def _plain(reader: Reader, folders: Sequence[Path], measure: str, side: str) -> Json:
    average = {"macro_f1": "macro", "precision": "positive", "recall": "positive", "f1": "positive"}.get(measure)
    name = "f1" if measure == "macro_f1" else measure
    return as_json(reader.read(folders, Asked(name, average, None, side))) | {"difference": None, "verdict": "no number"}
