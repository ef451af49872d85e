from __future__ import annotations

from itertools import pairwise

import pytest

from keras_leuk.devices.start import start
from keras_leuk.recipe.loading import validate
from keras_leuk.training.optimizers import OPTIMIZERS, Span, make_loss, make_optimizer, make_schedule, rate_at


def _training(**settings: object):
    return validate({"training": settings}).training


SPAN = Span(steps=267, epochs=100)


def _optimizer(**settings: object):
    training = _training(**settings)
    return make_optimizer(training, training.learning_rate, SPAN)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_optimizer_is_keras_own_with_its_defaults(name: str) -> None:
    start()
    import keras

    found = _optimizer(optimizer=name, learning_rate=0.01)
    kind = getattr(keras.optimizers, OPTIMIZERS[name])
    assert isinstance(found, kind)
    plain = kind(learning_rate=0.01).get_config()
    assert {k: v for k, v in found.get_config().items() if k != "name"} == {k: v for k, v in plain.items() if k != "name"}


def test_settings_reach_the_optimizer() -> None:
    assert _optimizer(optimizer={"name": "sgd", "momentum": 0.8}).momentum == 0.8
    assert _optimizer(optimizer={"name": "adamw", "weight_decay": 0.1}).weight_decay == 0.1
    assert _optimizer(optimizer={"name": "adam", "clip_norm": 0.5}).clipnorm == 0.5
    assert _optimizer(optimizer={"name": "adam", "clip_global_norm": 0.5}).global_clipnorm == 0.5
    assert _optimizer(optimizer={"name": "adam", "clip_value": 0.5}).clipvalue == 0.5
    ema = _optimizer(optimizer={"name": "adam", "ema": 0.9})
    assert (ema.use_ema, ema.ema_momentum) == (True, 0.9)
    assert _optimizer(accumulation_steps=4).gradient_accumulation_steps == 4


@pytest.mark.parametrize("staircase", [False, True])
def test_our_rate_is_keras_rate(staircase: bool) -> None:
    """fata2023: 1e-4, decay steps 900, decay rate 0.95."""
    start()
    rate = _training(
        learning_rate={"initial": 1e-4, "schedule": "exponential", "decay_steps": 900, "decay_rate": 0.95, "staircase": staircase}
    ).learning_rate
    schedule = make_schedule(rate, SPAN)
    for step in (0, 1, 899, 900, 901, 26_700):
        assert rate_at(rate, SPAN, step) == pytest.approx(float(schedule(step)), rel=1e-5)
    if not staircase:
        assert rate_at(rate, SPAN, 267 * 100) == pytest.approx(2.18e-5, rel=2e-3)


@pytest.mark.parametrize("warmup", [0, 0.5, 2])
@pytest.mark.parametrize(
    "settings", [{}, {"schedule": "cosine"}, {"schedule": "cosine", "final": 0.1}, {"schedule": "exponential", "decay_steps": 7}]
)
def test_a_warm_up_and_a_cosine_are_what_they_say(settings: dict[str, object], warmup: float) -> None:
    start()
    rate = _training(learning_rate={"initial": 0.02, "warmup_epochs": warmup, **settings}).learning_rate
    span = Span(steps=10, epochs=6)
    schedule = make_schedule(rate, span)
    found = [float(schedule(step)) if callable(schedule) else schedule for step in range(61)]
    assert found == pytest.approx([rate_at(rate, span, step) for step in range(61)], rel=1e-4)
    rises = round(10 * warmup)
    assert found[rises] == pytest.approx(0.02, rel=1e-5)
    assert all(later > earlier for earlier, later in pairwise(found[: rises + 1]))
    if "final" in settings:
        assert found[60] == pytest.approx(0.002, rel=1e-5)


def test_accumulated_batches_are_one_update() -> None:
    assert Span(steps=10, epochs=3, accumulation=4).updates(3) == 7
    assert Span(steps=10, epochs=3).updates(0.5) == 5


def test_losses_are_keras_own() -> None:
    start()
    import keras
    import numpy as np

    truth, chance = np.array([[0.0, 1.0], [1.0, 0.0]], np.float32), np.array([[0.3, 0.7], [0.4, 0.6]], np.float32)
    smoothed = make_loss(_training(label_smoothing=0.2))(truth, chance)
    assert float(smoothed) == pytest.approx(float(keras.losses.CategoricalCrossentropy()(truth * 0.8 + 0.1, chance)), rel=1e-6)
    focal = make_loss(_training(loss="binary_focal_crossentropy", focal_gamma=3.0))
    right = np.where(truth == 1, chance, 1 - chance)
    assert float(focal(truth, chance)) == pytest.approx(float(np.mean(-((1 - right) ** 3) * np.log(right))), rel=1e-5)
    plain = make_loss(_training(loss="binary_crossentropy"))
    assert float(plain(truth, chance)) == pytest.approx(float(np.mean(-np.log(right))), rel=1e-5)
