from __future__ import annotations

import pytest

from keras_leuk.devices.start import start
from keras_leuk.recipe.loading import validate
from keras_leuk.training.optimizers import OPTIMIZERS, make_optimizer, make_schedule, rate_at


def _training(**settings: object):
    return validate({"training": settings}).training


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_optimizer_is_keras_own_with_its_defaults(name: str) -> None:
    start()
    import keras

    found = make_optimizer(_training(optimizer=name, learning_rate=0.01))
    assert type(found) is getattr(keras.optimizers, OPTIMIZERS[name])
    plain = type(found)(learning_rate=0.01).get_config()
    assert {k: v for k, v in found.get_config().items() if k != "name"} == {k: v for k, v in plain.items() if k != "name"}


def test_settings_reach_the_optimizer() -> None:
    assert make_optimizer(_training(optimizer={"name": "sgd", "momentum": 0.8})).momentum == 0.8
    assert make_optimizer(_training(optimizer={"name": "adamw", "weight_decay": 0.1})).weight_decay == 0.1


@pytest.mark.parametrize("staircase", [False, True])
def test_our_rate_is_keras_rate(staircase: bool) -> None:
    """fata2023: 1e-4, decay steps 900, decay rate 0.95."""
    start()
    rate = _training(
        learning_rate={"initial": 1e-4, "schedule": "exponential", "decay_steps": 900, "decay_rate": 0.95, "staircase": staircase}
    ).learning_rate
    schedule = make_schedule(rate)
    for step in (0, 1, 899, 900, 901, 26_700):
        assert rate_at(rate, step) == pytest.approx(float(schedule(step)), rel=1e-5)
    if not staircase:
        assert rate_at(rate, 267 * 100) == pytest.approx(2.18e-5, rel=2e-3)
