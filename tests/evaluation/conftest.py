"""Made-up predictions for the tests of evaluation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from keras_leuk.evaluation.predictions import Meaning, Predictions, column_names
from keras_leuk.evaluation.reading import check_table


def _frame(n=120, classes=("HEM", "ALL"), subjects=12, folds=0, seed=0, skill=1.5):
    """A frame as training would make it: float32 numbers, None where a subject is unknown."""
    generator = np.random.default_rng(seed)
    k = len(classes)
    true = np.concatenate([np.arange(k), generator.integers(k, size=n - k)])
    whose = generator.integers(subjects, size=n) if subjects else None
    raw = generator.normal(size=(n, k)) + skill * np.eye(k)[true]
    probability = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    probability = probability.astype(np.float32)
    names = np.array(classes, dtype=object)
    base = {
        "image": [f"cells/{i}.bmp" for i in range(n)],
        "subject": [None if whose is None else f"S{w}" for w in whose] if whose is not None else [None] * n,
        "true": names[true],
        "predicted": names[probability.argmax(axis=1)],
        **{f"output_{c}": raw[:, c].astype(np.float32) for c in range(k)},
        **{f"probability_{name}": probability[:, c] for c, name in enumerate(classes)},
    }
    home = np.arange(n) % max(folds, 1) if whose is None else whose % max(folds, 1)
    parts = []
    for fold in range(max(folds, 1)):
        part = pd.DataFrame(base)
        if folds:
            part["fold"] = str(fold + 1)
            part["split"] = np.where(home == fold, "test", np.where(home == (fold + 1) % folds, "validation", "train"))
        else:
            part["fold"] = None
            part["split"] = np.array(["train", "train", "validation", "test"])[np.arange(n) % 4]
        parts.append(part)
    return pd.concat(parts, ignore_index=True)[column_names(classes, k)]


def _predictions(frame=None, classes=("HEM", "ALL"), resamples=200, **settings):
    if frame is None:
        frame = _frame(classes=classes)
    text = frame.assign(**{c: frame[c].fillna("") for c in ("subject", "fold")})
    meaning = Meaning(tuple(classes), classes[-1] if len(classes) == 2 else None, len(classes), resamples=resamples, **settings)
    return Predictions(check_table(text, meaning), meaning)


@pytest.fixture
def make_frame():
    return _frame


@pytest.fixture
def make_predictions():
    return _predictions
