"""What trials are judged by: log loss against scikit-learn, and what the pruner is told."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pretend import Pretender
from sklearn import metrics as reference

from keras_leuk.errors import LeukError, UsageError
from keras_leuk.evaluation.predictions import Predictions
from keras_leuk.evaluation.reading import parse_meaning, read_predictions
from keras_leuk.progress import Progress
from keras_leuk.recipe import Recipe
from keras_leuk.recipe.loading import validate
from keras_leuk.runs.folder import RunFolder
from keras_leuk.tuning.objective import MEASURES, Objective, keeps_best, log_loss, measured

CLASSES = ("a", "b", "c")


def predictions(truth: list[int], chances: np.ndarray, subjects: list[str], side: str = "validation") -> Predictions:
    table = pd.DataFrame(
        {
            "image": [str(number) for number in range(len(truth))],
            "subject": subjects,
            "fold": "",
            "split": side,
            "true": [CLASSES[number] for number in truth],
            "predicted": [CLASSES[number] for number in chances.argmax(axis=1)],
            **{f"probability_{name}": chances[:, number] for number, name in enumerate(CLASSES)},
        }
    )
    return Predictions(table, parse_meaning({"schema": 1, "classes": list(CLASSES), "interval": {"resamples": 100}}))


@given(
    st.lists(st.tuples(st.integers(0, 2), st.floats(1e-3, 1), st.floats(1e-3, 1), st.floats(1e-3, 1)), min_size=1, max_size=30)
)
def test_log_loss_is_that_of_scikit_learn(rows: list[tuple[int, float, float, float]]) -> None:
    truth = [row[0] for row in rows]
    chances = np.array([row[1:] for row in rows])
    chances /= chances.sum(axis=1, keepdims=True)
    found = log_loss(predictions(truth, chances, ["s"] * len(rows)), "validation")
    assert found["value"] == pytest.approx(reference.log_loss(truth, chances, labels=[0, 1, 2]), rel=1e-12)
    assert found["low"] is None, "one subject: nothing to resample"


def test_an_impossible_truth_costs_what_keras_charges() -> None:
    found = log_loss(predictions([0], np.array([[0.0, 1.0, 0.0]]), ["s"]), "validation")
    assert found["value"] == pytest.approx(-math.log(1e-7))


def test_the_interval_resamples_subjects() -> None:
    generator = np.random.default_rng(0)
    chances = generator.dirichlet([1, 1, 1], size=60)
    truth = generator.integers(3, size=60).tolist()
    by_subject = predictions(truth, chances, [f"s{number // 20}" for number in range(60)])
    by_image = predictions(truth, chances, [""] * 60)
    wide, narrow = log_loss(by_subject, "validation"), log_loss(by_image, "validation")
    costs = -np.log(chances[np.arange(60), truth])
    means = costs.reshape(3, 20).mean(axis=1)
    # Three subjects: every resample's mean lies between the lowest and the highest subject's.
    assert means.min() - 1e-9 <= wide["low"] <= costs.mean() <= wide["high"] <= means.max() + 1e-9
    assert narrow["low"] < costs.mean() < narrow["high"]
    spread = costs.std() / math.sqrt(60)
    assert narrow["high"] - narrow["low"] == pytest.approx(2 * 1.96 * spread, rel=0.25)
    with pytest.raises(LeukError, match="no test images"):
        log_loss(by_image, "test")


def test_other_measures_are_those_of_the_run(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    Pretender()(Recipe(), run.path, cache=tmp_path, resume=False, command=(), progress=Progress())
    told = json.loads(run.metrics.read_text())
    for side in ("validation", "test"):
        found = measured(read_predictions(run), told, side)
        assert tuple(found) == MEASURES
        for name in MEASURES[1:]:
            assert found[name] == told[side][name]
        rows = read_predictions(run).side(side)
        chances = rows[["probability_HEM", "probability_ALL"]].to_numpy()
        assert found["loss"]["value"] == pytest.approx(reference.log_loss(rows["true"] == "ALL", chances), rel=1e-12)
        assert found["roc_auc"]["value"] == pytest.approx(reference.roc_auc_score(rows["true"] == "ALL", chances[:, 1]))


@pytest.mark.parametrize(
    ("name", "keys", "told", "value"),
    [
        ("loss", ("training.batch_size",), "val_loss", 0.7),
        ("loss", ("training.loss", "training.batch_size"), "1 - val_accuracy", 0.4),
        ("loss", ("training.label_smoothing",), "1 - val_accuracy", 0.4),
        ("loss", ("model.head",), "1 - val_accuracy", 0.4),
        ("loss", ("model.head.layers.0.kernel_regularizer.l2",), "1 - val_accuracy", 0.4),
        ("loss", ("model.head.output.units",), "1 - val_accuracy", 0.4),
        ("loss", ("model.head.layers.0.units", "model.head.layers.1.rate", "training.loss_scale"), "val_loss", 0.7),
        ("accuracy", ("training.loss",), "val_accuracy", 0.6),
        ("roc_auc", ("training.batch_size",), "val_accuracy", 0.6),
    ],
)
def test_epochs_are_told_in_the_direction_of_the_objective(name: str, keys: tuple[str, ...], told: str, value: float) -> None:
    objective = Objective.of(name, keys)
    assert objective.epoch_words == told
    assert objective.after_epoch({"loss": 9.0, "val_loss": 0.7, "val_accuracy": 0.6}) == pytest.approx(value)
    assert objective.better(0.1, 0.2) is objective.smaller_is_better
    assert objective.better(0.2, math.nan)
    assert objective.better(0.2, None)
    assert not objective.better(math.nan, 0.2)
    assert objective.direction == ("minimize" if name == "loss" else "maximize")


def test_unknown_objectives() -> None:
    with pytest.raises(UsageError, match="did you mean 'balanced_accuracy'"):
        Objective.of("balanced-accuracy", ())


def test_a_run_keeps_its_best_epoch_unless_told_otherwise() -> None:
    assert keeps_best(Recipe())
    for stopping in ({"enabled": False}, {"restore_best": False}):
        assert not keeps_best(validate({"training": {"early_stopping": stopping}}))
