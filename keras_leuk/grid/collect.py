"""From finished cells to grid.csv and grid.json, which everything else is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from keras_leuk.evaluation.reading import read_predictions
from keras_leuk.grid.execute import Going, short
from keras_leuk.grid.layout import GridFolder
from keras_leuk.grid.plan import EPOCHS, Cell, Plan
from keras_leuk.runs.atomic import write_json, write_text
from keras_leuk.runs.folder import RunFolder

SIDES = ("train", "validation", "test")

MEASURES = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "macro_f1", "weighted_f1", "roc_auc")

TIMING = ("seconds",)
"""Columns that may differ between two equal grids."""

_LEAST = 1e-15


def write_grid(grid: GridFolder, plan: Plan, paths: Sequence[Going], command: Sequence[str]) -> pd.DataFrame:
    """Writes grid.csv and grid.json.

    Returns:
        grid.csv as a table; see `row`.
    """
    of_cell = {cell.name: going for going in paths for cell in going.route.cells}
    found = grid.finished()
    runs = [RunFolder(found[short(cell)]) if short(cell) in found else None for cell in plan.cells]
    keys = [axis.key for axis in plan.axes] or [EPOCHS]
    rows = [row(cell, run, of_cell.get(cell.name), keys, grid) for cell, run in zip(plan.cells, runs, strict=True)]
    table = pd.DataFrame(rows, columns=_columns(keys))
    write_text(grid.table, table.to_csv(index=False, lineterminator="\n"))
    write_json(grid.facts, _facts(plan, [run for run in runs if run is not None], command))
    return table


def row(cell: Cell, run: RunFolder | None, going: Going | None, keys: Sequence[str], grid: GridFolder) -> dict[str, Any]:
    """A cell's row: what is varied, what came of it on each side with intervals, how long it took, where its run lies."""
    values = {key: cell.values.get(key, cell.epochs if key == EPOCHS else None) for key in keys}
    head = {"cell": run.path.name if run else cell.name, **values}
    if run is None:
        failed = going is not None and going.state == "failed"
        return head | {"state": "failed" if failed else "missing", "error": going.error if failed and going else None}
    mark, timing = run.read_json(run.mark), run.read_json(run.timing)
    found: dict[str, Any] = head | {
        "state": "finished",
        "epochs_run": mark["epochs"],
        "best_epoch": mark["best_epoch"],
        "stopped_early": {True: "true", False: "false"}.get(mark["stopped_early"]),
        "seconds": timing["seconds"]["training"] if "seconds" in timing else None,
        "run": str(run.path.relative_to(grid.path)),
    }
    return found | _measured(run)


def _measured(run: RunFolder) -> dict[str, Any]:
    metrics = run.read_json(run.metrics)
    losses = _log_losses(run)
    found: dict[str, Any] = {}
    for side in SIDES:
        facts = metrics.get(side)
        if not facts or not facts["n"]:
            continue
        found |= {f"{side}_n": facts["n"], f"{side}_subjects": facts["subjects"], f"{side}_log_loss": losses.get(side)}
        for name in MEASURES:
            value = facts.get(name) or {}
            for part, suffix in (("value", ""), ("low", "_low"), ("high", "_high")):
                found[f"{side}_{name}{suffix}"] = value.get(part)
    return found


def _log_losses(run: RunFolder) -> dict[str, float]:
    """Mean negative logarithm of the true class's probability on each side."""
    predictions = read_predictions(run)
    table, found = predictions.table, {}
    for side, rows in table.groupby("split"):
        true = rows["true"].to_numpy(dtype=str)
        chances = rows[[f"probability_{name}" for name in predictions.meaning.classes]].to_numpy(dtype=float)
        place = {name: number for number, name in enumerate(predictions.meaning.classes)}
        own = chances[np.arange(len(rows)), [place[name] for name in true]]
        found[str(side)] = float(-np.log(np.maximum(own, _LEAST)).mean())
    return found


def _columns(keys: Sequence[str]) -> list[str]:
    measured = [
        name
        for side in SIDES
        for name in (
            f"{side}_n",
            f"{side}_subjects",
            *(f"{side}_{measure}{suffix}" for measure in MEASURES for suffix in ("", "_low", "_high")),
            f"{side}_log_loss",
        )
    ]
    return ["cell", "state", *keys, "epochs_run", "best_epoch", "stopped_early", *measured, "seconds", "run", "error"]


def _facts(plan: Plan, runs: Sequence[RunFolder], command: Sequence[str]) -> dict[str, Any]:
    meanings = [run.read_json(run.meaning) for run in runs]
    first: Mapping[str, Any] = meanings[0] if meanings else {}
    recipe = plan.cells[0].recipe
    materials = plan.ground.materials(recipe)
    warnings = dict.fromkeys(line for meaning in meanings for line in meaning["warnings"])
    return {
        "schema": 1,
        "varied": {axis.key: list(axis.values) for axis in plan.axes},
        "data": first.get("data", materials.table.name),
        "model": _common([str(meaning["model"]) for meaning in meanings]),
        "split": {
            "strategy": recipe.split.strategy,
            "description": first.get("split", {}).get("description", ""),
            "unit": "subject" if materials.table.has_subjects else "image",
        },
        "interval": {"confidence": recipe.evaluation.confidence, "resamples": recipe.evaluation.resamples},
        "classes": list(materials.table.classes),
        "positive": materials.table.positive,
        "independent": plan.independent,
        "command": " ".join(command),
        "warnings": list(warnings),
        "notes": list(plan.notes),
    }


def _common(titles: Sequence[str]) -> str:
    """The parts of the titles that all have in common: ``ImageNet weights, frozen, linear head``."""
    if not titles:
        return ""
    parts = [title.split(", ") for title in titles]
    return ", ".join(part for part in parts[0] if all(part in other for other in parts))
