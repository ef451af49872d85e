"""Made-up grid folders: what `keras-leuk grid` would leave, without TensorFlow; and what the reports make of them."""

from __future__ import annotations

import itertools
import json
import re

import numpy as np
import pandas as pd

from keras_leuk.reporting.grid_contents import MEASURES
from keras_leuk.reporting.grid_reading import read_grid
from keras_leuk.reporting.grid_tables import table_groups

EPOCHS, OPTIMIZER, BACKBONE, RATE = (
    "training.epochs",
    "training.optimizer.name",
    "model.backbone",
    "training.learning_rate.initial",
)
BUDGETS = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
PAPER = {BACKBONE: ["vgg16", "resnet50"], OPTIMIZER: ["adam", "rmsprop", "sgd"], EPOCHS: BUDGETS}
SIZES = {"train": (388, 45), "validation": (131, 14), "test": (129, 20)}
SMALL = {BACKBONE: ["vgg16", "resnet50"], OPTIMIZER: ["adam", "sgd"], EPOCHS: [2, 4, 10]}


def fabricate_grid(path, varied=PAPER, *, classes=("HEM", "ALL"), sides=SIZES, states=None, histories=True, seed=0, **facts):
    """Writes a plausible grid folder: accuracy grows with the logarithm of epochs, differs by setting, and is whole images."""
    generator = np.random.default_rng(seed)
    path.mkdir(parents=True, exist_ok=True)
    skill = {(key, str(value)): generator.normal(scale=0.03) for key, values in varied.items() for value in values}
    rows = []
    for values in itertools.product(*varied.values()):
        setting = dict(zip(varied, values, strict=True))
        cell = "-".join(re.sub(r"[^A-Za-z0-9.]+", "", str(value)) for value in values)
        row = {"cell": cell, "state": (states or {}).get(cell, "finished"), **{k: _spelt(v) for k, v in setting.items()}}
        if row["state"] == "finished":
            budget = setting.get(EPOCHS, 30)
            height = 0.74 + 0.03 * np.log10(budget) + sum(skill[key, str(value)] for key, value in setting.items())
            row |= _numbers(generator, height, sides, budget)
            row |= {"run": f"cells/{cell}", "error": ""}
            if histories:
                _history(generator, path / "cells" / cell, height, int(budget), "validation" in sides)
        else:
            row |= dict.fromkeys(_numbers(generator, 0.5, {}, 1))
            row |= {"run": "", "error": "loss is not a number | after step 3" if row["state"] == "failed" else ""}
        rows.append(row)
    pd.DataFrame(rows).to_csv(path / "grid.csv", index=False)
    content = {
        "schema": 1,
        "varied": varied,
        "data": "C-NMC 2019 (made up)",
        "model": "imagenet weights, frozen, linear head",
        "split": {"strategy": "subject", "description": "no subject on two sides", "unit": "subject"},
        "interval": {"confidence": 0.95, "resamples": 2000},
        "classes": list(classes),
        "positive": classes[-1] if len(classes) == 2 else None,
        "independent": False,
        "command": "keras-leuk grid --data C-NMC --vary training.epochs=10,20",
        "warnings": [],
        "notes": [],
    }
    (path / "grid.json").write_text(json.dumps(content | facts))
    return path


def _spelt(value):
    return json.dumps(value) if isinstance(value, dict | list) else value


def _numbers(generator, height, sides, budget):
    row = {
        "epochs_run": budget,
        "best_epoch": max(1, budget - 3),
        "stopped_early": False,
        "seconds": round((3 + 0.8 * budget) * generator.uniform(0.9, 1.3), 2),
    }
    for side in ("train", "validation", "test"):
        n, subjects = sides.get(side, (0, None))
        row |= {f"{side}_n": n, f"{side}_subjects": subjects}
        row |= {f"{side}_{measure}{end}": None for measure in MEASURES for end in ("", "_low", "_high")}
        if n:
            lift = {"train": 0.05, "validation": 0.0, "test": -0.02}[side]
            for measure in MEASURES[:-1]:
                value = round(n * min(0.99, height + lift + generator.normal(scale=0.012))) / n
                row |= {
                    f"{side}_{measure}": value,
                    f"{side}_{measure}_low": value - 0.07,
                    f"{side}_{measure}_high": min(1, value + 0.06),
                }
            row[f"{side}_log_loss"] = 1.3 - height + generator.normal(scale=0.01)
    return row


def _history(generator, folder, height, budget, validated):
    folder.mkdir(parents=True)
    t = np.arange(1, budget + 1)
    table = pd.DataFrame({"epoch": t, "learning_rate": 0.001})
    for prefix, gap in (("", 0.05), ("val_", 0.0)) if validated else (("", 0.05),):
        accuracy = height + gap - 0.25 * np.exp(-t / 6) + generator.normal(scale=0.006, size=budget)
        table[f"{prefix}loss"] = 1.6 * (1 - accuracy)
        table[f"{prefix}accuracy"] = accuracy
    table.to_csv(folder / "history.csv", index=False)


def read(path):
    """grid.csv as it lies there, for answers that do not come from the code under test."""
    return pd.read_csv(path / "grid.csv")


def tables_of(path):
    return {table.name: table for group in table_groups(read_grid(path)) for table in group.tables}
