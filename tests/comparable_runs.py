"""Made-up finished runs of the same images, as `keras-leuk compare` wants them: in a second, without TensorFlow."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from keras_leuk.evaluation.metrics import write_metrics
from keras_leuk.evaluation.predictions import write_predictions
from keras_leuk.runs.folder import RunFolder

SIDES = np.array(["train", "train", "train", "validation", "test"])


def make_run(
    path: Path,
    *,
    skill: float = 1.5,
    noise: int = 0,
    classes: Sequence[str] = ("HEM", "ALL"),
    subjects: int = 60,
    cells: int = 8,
    known: bool = True,
    folds: int = 0,
    selection: str = "validation",
    warnings: Sequence[str] = (),
    model: str = "efficientnetb3, ImageNet weights, frozen, linear head",
) -> RunFolder:
    """Writes a run folder. Runs with equal classes, subjects, cells and folds judge the same images.

    Args:
        skill: how well the model knows the classes; noise: its own seed.
        known: whether images name their subjects.
        folds: pools a cross-validation.
    """
    path.mkdir(parents=True)
    run, k = RunFolder(path), len(classes)
    data, own = np.random.default_rng(0), np.random.default_rng([1, noise])
    whose = np.repeat(np.arange(subjects), cells)
    n = len(whose)
    true = data.integers(k, size=n)
    # Cells of a subject are easy or hard together, for every model and a little more for each alone.
    ease = data.normal(size=subjects)[whose] + 0.5 * own.normal(size=subjects)[whose]
    raw = 0.7 * data.normal(size=(n, k)) + 0.7 * own.normal(size=(n, k)) + (skill + ease)[:, None] * np.eye(k)[true]
    probability = (np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)).astype(np.float32)
    names = np.array(classes, dtype=object)
    base = pd.DataFrame(
        {
            "image": [f"cells/{i:04}.bmp" for i in range(n)],
            "subject": [f"S{w:02}" if known else "" for w in whose],
            "fold": "",
            "true": names[true],
            "predicted": names[probability.argmax(axis=1)],
            **{f"output_{c}": raw[:, c].astype(np.float32) for c in range(k)},
            **{f"probability_{name}": probability[:, c] for c, name in enumerate(classes)},
        }
    )
    parts = [base.assign(split=SIDES[whose % 5])]
    if folds:
        parts = []
        for fold in range(folds):
            side = np.where(whose % folds == fold, "test", np.where(whose % folds == (fold + 1) % folds, "validation", "train"))
            parts.append(base.assign(fold=str(fold), split=side))
    write_predictions(run.predictions, pd.concat(parts, ignore_index=True))
    write_split(run, {image: f"{i:064x}" for i, image in enumerate(base["image"])})
    meaning = {
        "schema": 1,
        "classes": list(classes),
        "positive": classes[-1] if k == 2 else None,
        "outputs": {"activation": "softmax", "units": k, "to_probability": "the outputs are the probabilities"},
        "split": {"strategy": "folds" if folds else "subject", "seed": 0, "description": "no subject on two sides"},
        "selection": selection,
        "interval": {"resamples": 50, "confidence": 0.95, "seed": 0},
        "data": "demo (generated cells)",
        "model": model,
        "warnings": list(warnings),
    }
    run.meaning.write_text(json.dumps(meaning))
    write_metrics(run)
    run.finish({"schema": 1})
    return run


def write_split(run: RunFolder, pixels: dict[str, str]) -> None:
    """Writes what of split.csv a comparison reads: each image with the hash of its pixels."""
    with open(run.split, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([["image", "split", "pixels"], *([image, "test", hashed] for image, hashed in pixels.items())])


def change_predictions(run: RunFolder, change) -> None:
    """Lets `change` edit the table of predictions, all of it text; metrics.json, no longer true, goes."""
    table = pd.read_csv(run.predictions, dtype=str, keep_default_na=False)
    change(table).to_csv(run.predictions, index=False, lineterminator="\n")
    run.metrics.unlink(missing_ok=True)
