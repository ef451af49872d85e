"""Updates by TensorFlow's kernels are those of Keras, but for the last digits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_leuk.devices.start import start
from keras_leuk.training.fused import fused

KINDS = [
    ("Adam", {}),
    ("Adam", {"clipnorm": 0.5}),
    ("Adam", {"use_ema": True, "ema_momentum": 0.9}),
    ("Adam", {"gradient_accumulation_steps": 3}),
    ("AdamW", {"weight_decay": 0.1}),
    ("Adamax", {}),
    ("Adamax", {"global_clipnorm": 1.0, "gradient_accumulation_steps": 2}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.9, "clipvalue": 0.3}),
]


def _course(kind: Any, gradients: np.ndarray, compiled: bool = False, **options: Any) -> list[np.ndarray]:
    """Two variables after each of so many updates; the gradients of the second are a hundredth of the first's."""
    import keras
    import tensorflow as tf

    variables = [keras.Variable(np.linspace(-1, 1, gradients.shape[1]).astype(np.float32), name=name) for name in ("a", "b")]
    optimizer = kind(**options)
    optimizer.build(variables)
    update = tf.function(lambda gradient: optimizer.apply([gradient, gradient / 100], variables)) if compiled else None
    seen = []
    for gradient in gradients:
        (update or (lambda g: optimizer.apply([g, g / 100], variables)))(tf.constant(gradient))
        seen.append(np.concatenate([np.asarray(variable) for variable in variables]))
    return seen


@pytest.mark.parametrize(("name", "options"), KINDS)
def test_a_hundred_updates_end_where_keras_own_end(name: str, options: dict[str, Any]) -> None:
    start()
    import keras

    kind = getattr(keras.optimizers, name)
    gradients = np.random.default_rng(0).normal(size=(100, 40)).astype(np.float32)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    expected = _course(kind, gradients, compiled=True, learning_rate=schedule, **options)
    found = _course(fused(kind), gradients, compiled=True, learning_rate=schedule, **options)
    assert fused(kind) is not kind
    # A step is as large as the learning rate, so this is a thousandth of one.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert not np.array_equal(found[0], found[-1])


@given(
    seed=st.integers(0, 2**32 - 1),
    scale=st.sampled_from([1e-8, 1e-3, 1.0, 1e4]),
    name=st.sampled_from(["Adam", "Adamax", "RMSprop"]),
)
@settings(max_examples=20, deadline=None)
def test_updates_agree_whatever_the_size_of_the_gradients(seed: int, scale: float, name: str) -> None:
    start()
    import keras

    kind = getattr(keras.optimizers, name)
    gradients = (np.random.default_rng(seed).normal(size=(5, 9)) * scale).astype(np.float32)
    expected = _course(kind, gradients, learning_rate=0.01)
    np.testing.assert_allclose(_course(fused(kind), gradients, learning_rate=0.01), expected, rtol=0, atol=1e-5)


def test_what_tensorflow_has_no_kernel_for_stays_keras_own() -> None:
    start()
    import keras

    assert fused(keras.optimizers.SGD) is keras.optimizers.SGD


def test_gradients_of_half_precision_update_weights_of_float32() -> None:
    """Mixed precision keeps float32 weights and hands on gradients of the computation's type."""
    start()
    import keras
    import tensorflow as tf

    variable = keras.Variable(np.ones(3, np.float32))
    optimizer = fused(keras.optimizers.Adam)(learning_rate=0.5)
    optimizer.build([variable])
    optimizer.apply([tf.constant([1.0, -1.0, 0.0], tf.bfloat16)], [variable])
    np.testing.assert_allclose(np.asarray(variable), [0.5, 1.5, 1.0], atol=1e-5)
