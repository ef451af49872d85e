"""Made-up replications: the facts of replication.json for a paper of the library, and run folders for its grids."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

from keras_leuk.evaluation.metrics import write_metrics
from keras_leuk.evaluation.predictions import DECISION, write_predictions
from keras_leuk.papers.library import paper
from keras_leuk.papers.library_figure_facts import FigureFacts
from keras_leuk.recipe.loading import dotted
from keras_leuk.runs.folder import RunFolder

EPOCHS = "training.epochs"
RESAMPLES = 20


def fabricate_replication(
    out, key, *, names=("paper", "honest"), the_papers=True, classes=None, scale=0.05, drop=(), epochs=None
):
    """Writes the run folders of a replication and returns its facts.

    Args:
        scale: images here for each of the paper's; drop: ids of runs that did not finish; epochs: at most so many.
        classes: images of each class, in label order; None for the paper's, scaled.
    """
    found = paper(key)
    images = found.facts.data.images if classes is None else classes
    order = sorted(images, key=lambda name: (name == "ALL", name))
    counts = {name: max(8, round(images[name] * (scale if classes is None else 1))) for name in order}
    positive = "ALL" if "ALL" in order else None
    protocols = [_protocol(out, found.protocol(name), counts, positive, drop, epochs) for name in names]
    facts = {
        "schema": 1,
        "paper": {"key": key, "title": found.facts.title},
        "data": {
            "name": f"{found.facts.data.name.split(';')[0].split(',')[0]} ({sum(counts.values()):,} images)",
            "the_papers": the_papers,
            "words": "" if the_papers else "generated cells, not the paper's data",
            "images": sum(counts.values()),
            "classes": counts,
            "positive": positive,
            "subjects": None,
            "checks": [],
            "stand_ins": [],
        },
        "protocols": protocols,
        "tables": [_table(table, protocols) for table in found.tables if table.facts.kind in ("results", "cited")],
        "figures": [
            {
                "name": result.name,
                "shows": result.shows,
                "ours": result.ours,
                "figure": None if result.figure is None else TypeAdapter(FigureFacts).dump_python(result.figure, mode="json"),
            }
            for result in found.facts.results
        ],
    }
    return json.loads(json.dumps(facts))


def _protocol(out, protocol, counts, positive, drop, epochs):
    recipe = dotted(protocol.recipe())
    runs, seen = [], set()
    for cell in [cell for grid in protocol.grids for cell in grid.cells()]:
        cell = {**cell, EPOCHS: min(cell[EPOCHS], epochs or cell[EPOCHS])}
        title = " ".join(f"seed {v}" if k == "seed" else f"{v} epochs" if k == EPOCHS else str(v) for k, v in cell.items())
        if title not in seen:
            seen.add(title)
            runs.append(
                {"id": f"{protocol.name[0]}{len(runs) + 1}", "values": cell, "title": title, "error": None, "weights": "imagenet"}
            )
    for run in runs:
        run["state"] = "failed" if run["id"] in drop else "finished"
        run["folder"] = None if run["id"] in drop else f"grids/{protocol.name}/cells/{run['title'].replace(' ', '-')}"
    sides = _shares(recipe)
    for run in runs:
        if run["folder"]:
            _run(RunFolder(out / run["folder"]), run["values"], recipe, counts, positive, sides)
    axes = {}
    for run in runs:
        for name, value in run["values"].items():
            axes.setdefault(name, [])
            axes[name] += [value] if value not in axes[name] else []
    return {
        "name": protocol.name,
        "meaning": protocol.meaning,
        "recipe": recipe,
        "split": f"{protocol.meaning}; seed 0",
        "selection": "test" if recipe["training.monitor"] == "test" else "validation",
        "trimmed": [] if epochs is None else [f"at most {epochs} epochs"],
        "weights": ["all networks: ImageNet"],
        "warnings": [],
        "runs": runs,
        "axes": axes,
        "sides": {
            side: {"n": len(r), "classes": _per_class(r, counts), "subjects": None} for side, r in _deal(counts, sides).items()
        },
    }


def _shares(recipe):
    test, validation = recipe["split.test"], recipe["split.validation"]
    test, validation = (0.2 if test is None else max(test, 0.12 * (test > 0))), max(validation or 0, 0.12 * bool(validation))
    return {"train": 1 - test - validation, "validation": validation, "test": test}


def _deal(counts, shares):
    """Class index of each image of each side."""
    dealt = {side: [] for side in shares}
    for label, n in enumerate(counts.values()):
        first = round(n * shares["test"])
        second = first + round(n * shares["validation"])
        for side, m in (("test", first), ("validation", second - first), ("train", n - second)):
            dealt[side] += [label] * m
    return dealt


def _per_class(labels, counts):
    return {name: labels.count(i) for i, name in enumerate(counts)}


def _skill(values):
    network = {"resnet50": -0.10, "efficientnetb0": -0.2, "vgg16": 0.02, "resnext50": -0.04}.get(
        values.get("model.backbone"), 0.0
    )
    return network + (0.015 if values.get("training.optimizer.name") == "adam" else 0.0)


def _run(folder, values, recipe, counts, positive, shares):
    folder.path.mkdir(parents=True)
    setting = json.dumps({key: value for key, value in values.items() if key != EPOCHS}, sort_keys=True)
    generator = np.random.default_rng(list(setting.encode()))
    epochs, skill = values[EPOCHS], _skill(values)
    history, best = _history(generator, recipe, epochs, skill)
    stopped = bool(recipe["training.early_stopping.enabled"] is not False and len(history) < epochs)
    folder.history.write_text(history.to_csv(index=False))
    kept = (
        best
        if recipe["training.early_stopping.restore_best"] and recipe["training.early_stopping.enabled"] is not False
        else len(history)
    )
    height = 0.72 + skill + 0.12 * math.log10(1 + len(history)) / 2
    _predictions(folder, np.random.default_rng([*setting.encode(), epochs]), counts, positive, shares, height, recipe)
    write_metrics(folder)
    folder.finish({"schema": 1, "epochs": len(history), "best_epoch": kept, "stopped_early": stopped, "test_n": 1})


def _history(generator, recipe, epochs, skill):
    """One trajectory, of which a shorter budget sees the beginning."""
    t = np.arange(1, 101)
    noise = generator.normal(scale=0.006, size=(4, 100))
    accuracy = np.minimum(0.997, 0.97 + skill - 0.28 * np.exp(-t / 12) + noise[0])
    held = accuracy - 0.04 - 0.0007 * t + 3 * noise[1]
    columns = {"epoch": t, "learning_rate": 0.001, "loss": 1.9 * (1.01 - accuracy) + 0.02 * abs(noise[2]), "accuracy": accuracy}
    prefix = "test_" if recipe["training.monitor"] == "test" else "val_" if recipe["split.validation"] else None
    if prefix:
        columns |= {f"{prefix}loss": 1.9 * (1.02 - held) + 0.004 * t + noise[3], f"{prefix}accuracy": held}
    table = pd.DataFrame(columns)
    if prefix and recipe["training.early_stopping.enabled"] is not False:
        best = int(10 + generator.integers(0, 22))
        table = table[: best + (recipe["training.early_stopping.patience"] or 5)]
    else:
        best = epochs
    table = table[:epochs]
    return table, min(best, len(table))


def _predictions(folder, generator, counts, positive, shares, height, recipe):
    names, dealt = list(counts), _deal(counts, shares)
    true = np.array([label for side in dealt for label in dealt[side]])
    split = [side for side in dealt for _ in dealt[side]]
    right = generator.random(len(true)) < np.where(np.array(split) == "train", min(0.995, height + 0.08), height)
    k = len(names)
    predicted = np.where(right, true, (true + generator.integers(1, k, size=len(true))) % k)
    raw = generator.uniform(0.02, 0.48, size=(len(true), k))
    sigmoid = recipe["model.head"] in ("mantri2024", "mantri2024-plain", "vijesh2024")
    raw[np.arange(len(true)), predicted] = generator.uniform(0.5, 0.99, size=len(true))
    # A second unit above 0.5 is what only a sigmoid can have.
    other = (predicted + 1) % k
    both = (generator.random(len(true)) < 0.25) & sigmoid
    raw[both, other[both]] = 0.5 * raw[both, predicted[both]] + 0.26
    raw[both, predicted[both]] = 0.5 * raw[both, predicted[both]] + 0.5
    probability = raw / raw.sum(axis=1, keepdims=True)
    labels = np.array(names, dtype=object)
    frame = pd.DataFrame({"image": [f"{i:06}.bmp" for i in range(len(true))], "subject": None, "fold": None, "split": split})
    frame["true"], frame["predicted"] = labels[true], labels[probability.argmax(axis=1)]
    for c in range(k):
        frame[f"output_{c}"] = (raw if sigmoid else probability)[:, c]
    for c, name in enumerate(names):
        frame[f"probability_{name}"] = probability[:, c]
    write_predictions(folder.predictions, frame)
    meaning = {
        "schema": 1,
        "classes": names,
        "positive": positive,
        "outputs": {"activation": "sigmoid" if sigmoid else "softmax", "units": k, "to_probability": "shares"},
        "decision": DECISION,
        "split": {"strategy": "random", "seed": 0, "description": "made up"},
        "selection": "validation",
        "interval": {"resamples": RESAMPLES, "confidence": 0.95, "seed": 0},
        "calibration_bins": 15,
        "data": "made up",
        "model": "made up",
    }
    folder.meaning.write_text(json.dumps(meaning))


def _table(table, protocols):
    rows = {
        name: {"name": name, "printed": list(texts), "note": None, "cells": {}}
        for name, texts in zip(table.row_names, table.rows, strict=True)
    }
    for cell in table.cells:
        rows[cell.row]["cells"][cell.column] = {
            "printed": cell.printed,
            "value": None if cell.value is None else float(cell.value),
            "unit": cell.unit,
            "measure": cell.measure,
            "side": cell.side,
            "runs": {} if cell.ours is None else {p["name"]: _beside(p, cell.ours) for p in protocols},
        }
    return {"name": table.name, "number": table.number, "side": table.facts.side, "rows": list(rows.values())}


def _beside(protocol, cell):
    """The runs that stand beside a cell; of a training that was cut, its shorter one."""
    most = max(run["values"][EPOCHS] for run in protocol["runs"])
    cut = {**cell, EPOCHS: min(cell.get(EPOCHS, most), most)}
    return [
        run["id"] for run in protocol["runs"] if all(run["values"].get(k, protocol["recipe"].get(k)) == v for k, v in cut.items())
    ]
