"""Made-up run folders: what training would leave, in a second and without TensorFlow."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import yaml

from keras_leuk.evaluation.predictions import DECISION, most_confident_mistakes, write_predictions
from keras_leuk.evaluation.reading import read_predictions
from keras_leuk.runs.folder import RunFolder

EIGHT = ("basophil", "eosinophil", "erythroblast", "immature granulocyte", "lymphocyte", "monocyte", "neutrophil", "platelet")


def fabricate(
    path,
    classes=("HEM", "ALL"),
    *,
    n=1500,
    subjects=100,
    folds=0,
    selection="validation",
    strategy="subject",
    epochs=23,
    resamples=200,
    pictures=12,
    seed=0,
    warnings=(),
    weights="imagenet",
    extras=True,
):
    """Writes a plausible run folder and returns it."""
    path.mkdir(parents=True, exist_ok=True)
    folder = RunFolder(path)
    generator = np.random.default_rng(seed)
    write_predictions(folder.predictions, _frame(generator, classes, n, subjects, folds, strategy))
    meaning = {
        "schema": 1,
        "classes": list(classes),
        "positive": classes[-1] if len(classes) == 2 else None,
        "outputs": {
            "activation": "softmax",
            "units": len(classes),
            "to_probability": "The outputs of the softmax are the probabilities.",
        },
        "decision": DECISION,
        "split": {"strategy": strategy, "seed": seed, "description": "no subject stands on two sides; shares 0.6, 0.2, 0.2"},
        "selection": selection,
        "interval": {"resamples": resamples, "confidence": 0.95, "seed": seed},
        "calibration_bins": 15,
        "data": "demo (generated cells)",
        "model": f"efficientnetb3, {weights} weights, frozen, linear head",
        "warnings": list(warnings),
    }
    folder.meaning.write_text(json.dumps(meaning))
    if extras:
        _history(generator, selection, epochs, folds).to_csv(folder.history, index=False)
        folder.recipe.write_text(yaml.safe_dump(_recipe(seed, weights)))
        environment = {
            "versions": {"keras_leuk": "0.1.0", "tensorflow": "2.20.0", "numpy": np.__version__},
            "device": "cpu",
            "command": "keras-leuk train --data demo --out run",
            "data": {"fingerprint": "3f2a" * 16},
        }
        folder.environment.write_text(json.dumps(environment))
        if pictures:
            rows = most_confident_mistakes(read_predictions(folder), "test", pictures)
            cells = np.stack([_cell(generator) for _ in range(len(rows))])
            np.savez(folder.mistakes, image=rows["image"].to_numpy(dtype=str), picture=cells)
    return folder


def _frame(generator, classes, n, subjects, folds, strategy):
    k = len(classes)
    share = generator.dirichlet(np.full(k, 6.0))
    whose = np.sort(generator.integers(subjects, size=n)) if subjects else np.arange(n)
    # With two classes a subject is ill or healthy; with more, each person has cells of all kinds.
    true = (whose % 3 > 0).astype(int) if subjects and k == 2 else generator.choice(k, p=share, size=n)
    skill = 1.6 + (generator.normal(size=whose.max() + 1)[whose] if subjects else 0.0)
    raw = generator.normal(size=(n, k)) + np.asarray(skill).reshape(-1, 1) * np.eye(k)[true]
    probability = (np.exp(1.5 * raw) / np.exp(1.5 * raw).sum(axis=1, keepdims=True)).astype(np.float32)
    names = np.array(classes, dtype=object)
    base = pd.DataFrame(
        {
            "image": [f"cells/{i:05}.bmp" for i in range(n)],
            "subject": [f"S{w}" for w in whose] if subjects else None,
            "true": names[true],
            "predicted": names[probability.argmax(axis=1)],
            **{f"output_{c}": raw[:, c].astype(np.float32) for c in range(k)},
            **{f"probability_{name}": probability[:, c] for c, name in enumerate(classes)},
        }
    )
    home = generator.permutation(whose.max() + 1)[whose] if strategy != "random" else generator.permutation(n)
    if not folds:
        return base.assign(fold=None, split=np.array(["train", "train", "train", "validation", "test"])[home % 5])
    parts = []
    for fold in range(folds):
        side = np.where(home % folds == fold, "test", np.where(home % folds == (fold + 1) % folds, "validation", "train"))
        parts.append(base.assign(fold=str(fold + 1), split=side))
    return pd.concat(parts, ignore_index=True)


def _history(generator, selection, epochs, folds):
    parts = []
    for fold in range(max(folds, 1)):
        last = epochs + int(generator.integers(0, 6)) if folds else epochs
        t = np.arange(1, last + 1)
        loss = 0.15 + 0.6 * np.exp(-t / 5) + generator.normal(scale=0.01, size=last)
        table = {"epoch": t, "learning_rate": 0.001, "loss": loss, "accuracy": 1 - loss / 1.5}
        for side in ("val", "test") if selection == "test" else ("val",):
            other = loss + 0.004 * np.abs(t - 12) + 0.05 + generator.normal(scale=0.02, size=last)
            table |= {f"{side}_loss": other, f"{side}_accuracy": 1 - other / 1.5}
        part = pd.DataFrame(table)
        if folds:
            part.insert(0, "fold", str(fold + 1))
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _recipe(seed, weights):
    return {
        "seed": seed,
        "model": {"backbone": "efficientnetb3", "weights": weights, "head": "linear", "fine_tune": "none"},
        "training": {
            "optimizer": {"name": "adam"},
            "learning_rate": {"initial": 0.001, "schedule": "constant"},
            "batch_size": 32,
            "early_stopping": {"metric": "loss", "min_delta": 0.0},
        },
    }


def _cell(generator):
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    round_ = (x**2 + y**2 < generator.uniform(0.3, 0.7))[..., None]
    noise = generator.normal(scale=12, size=(64, 64, 3))
    return np.clip(np.where(round_, [120, 60, 150], [20, 20, 20]) + noise, 0, 255).astype(np.uint8)
