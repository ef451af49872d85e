from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from keras_leuk.cli.main import main
from keras_leuk.devices.start import start
from keras_leuk.errors import RecipeError, RunError
from keras_leuk.images.pipeline import Feed
from keras_leuk.progress import Progress
from keras_leuk.recipe.loading import validate
from keras_leuk.training.fit import phases
from keras_leuk.training.rate_finder import find_rate, suggest, sweep


def curve(loss: np.ndarray, rates: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"step": np.arange(len(loss)) + 1, "learning_rate": rates, "loss": loss, "smoothed": loss})


def test_the_steepest_fall_is_found_under_noise() -> None:
    rates = np.geomspace(1e-6, 1, 100)
    logs = np.log10(rates)
    # Falls from 2 to 0.5 around 1e-3, then explodes behind 0.1.
    loss = 2 - 1.5 / (1 + np.exp(-4 * (logs + 3))) + np.exp(8 * (logs + 0.5))
    noise = np.random.default_rng(0).normal(0, 0.01, 100)
    steepest, tenth = suggest(curve(loss + noise, rates))
    assert 5e-4 < steepest < 2e-3
    assert tenth == pytest.approx(rates[(loss + noise).argmin()] / 10)


def test_a_loss_that_does_not_fall_suggests_nothing() -> None:
    rates = np.geomspace(1e-6, 1, 60)
    with pytest.raises(RunError, match="never fell"):
        suggest(curve(np.linspace(1, 2, 60), rates))
    with pytest.raises(RunError, match="--lowest"):
        suggest(curve(np.ones(4), rates[:4]))


def test_each_batch_is_a_step_at_its_own_rate() -> None:
    start()
    import keras

    rows = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    targets = np.eye(2, dtype=np.float32)[(rows[:, 0] > 0).astype(int)]
    keras.backend.clear_session()
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax", kernel_initializer="zeros")(inputs))
    training = validate({"training": {"optimizer": "sgd", "batch_size": 5}}).training
    feed = Feed(rows, np.arange(20), targets, batch_size=5, shuffle_seed=1)
    rates = np.geomspace(0.01, 1, 12)
    found = sweep(model, feed, phases(training, feed.steps)[0], training, rates, Progress())
    assert found["learning_rate"].to_numpy() == pytest.approx(rates)
    # The same by hand.
    kernel, bias, losses = np.zeros((3, 2)), np.zeros(2), []
    for step, rate in enumerate(rates):
        places = feed.order(step // 4 + 1)[0][5 * (step % 4) : 5 * (step % 4) + 5]
        scores = np.exp(rows[places] @ kernel + bias)
        chance = scores / scores.sum(axis=1, keepdims=True)
        losses.append(-np.log(chance[targets[places] == 1]).mean())
        gradient = (chance - targets[places]) / 5
        kernel, bias = kernel - rate * rows[places].T @ gradient, bias - rate * gradient.sum(axis=0)
    assert found["loss"].to_numpy() == pytest.approx(np.array(losses), rel=1e-4)
    assert found["smoothed"].iloc[0] == pytest.approx(losses[0], rel=1e-5)


def test_the_command_leaves_a_curve_and_says_a_rate(tiny_recipe, tiny: Path, cache: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "rates.png"
    lively = ["--backbone", "vgg16", "--weights", "random", "--image-size", "32", "--batch-size", "8"]
    head = ["--head", "linear-standardized", "--steps", "60", "--lowest", "1e-4", "--highest", "10"]
    assert main(["lr-find", "--data", str(tiny), *lively, *head, "--out", str(out), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert 1e-4 < answer["suggestion"] < 10
    assert out.read_bytes()[1:4] == b"PNG"
    assert pd.read_csv(out.with_suffix(".csv"))["loss"].tolist() == pytest.approx(answer["curve"]["loss"])
    assert main(["lr-find", "--lowest", "1", "--highest", "0.1"]) == 2
    assert main(["lr-find", "--out", "x.jpg"]) == 2
    capsys.readouterr()
    assert main(["lr-find", "--out", str(tmp_path / "nowhere" / "x.png")]) == 2
    assert "no folder" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()


def test_a_head_that_is_fitted_at_once_has_no_rate(tiny_recipe, cache: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no learning rate"):
        find_rate(tiny_recipe(model__head="sklearn:logistic"), tmp_path / "r.png", cache=cache)
