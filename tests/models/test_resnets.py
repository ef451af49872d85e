"""Our own ResNets: published counts, and a grouped convolution that trains on a CPU."""

from __future__ import annotations

import numpy as np
import pytest

from keras_leuk.devices.start import start
from keras_leuk.models import resnets
from keras_leuk.models.assembly import build
from keras_leuk.models.backbones import BACKBONES
from keras_leuk.models.weights import resolve
from keras_leuk.recipe.model import Head

# Trainable parameters with a linear head of 12 classes: badruzzaman2024, Table 2.
PUBLISHED = {"resnet18": 11_182_668, "resnext50": 23_004_492}


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_are_the_published_ones_and_a_step_trains_every_layer(name: str) -> None:
    """A step is taken at once, without a graph: drawing the graph of its gradient takes twenty seconds."""
    weights = resolve("random", BACKBONES[name])
    classifier = build(BACKBONES[name], Head(), size=32, classes=12, seed=0, weights=weights, fine_tune="all", batch_norm="train")
    model = classifier.model
    assert sum(int(np.prod(variable.shape)) for variable in model.trainable_variables) == PUBLISHED[name]
    assert all(layer.trainable for layer in classifier.backbone_layers)
    model.compile("adam", "categorical_crossentropy", run_eagerly=True)
    before = [variable.numpy() for variable in model.trainable_variables]
    pictures = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype(np.float32)
    losses = [float(model.train_on_batch(pictures, np.eye(12, dtype=np.float32)[:4])) for _ in range(2)]
    assert np.isfinite(losses).all()
    assert losses[1] < losses[0]
    after = [variable.numpy() for variable in model.trainable_variables]
    assert all((a != b).any() for a, b in zip(before, after, strict=True))


def test_layers_have_the_names_of_torch() -> None:
    assert resnets.torch_name("conv1") == "conv1"
    assert resnets.torch_name("layer3_5_bn2") == "layer3.5.bn2"
    assert resnets.torch_name("layer2_0_downsample_conv") == "layer2.0.downsample.0"
    assert resnets.torch_name("layer2_0_downsample_bn") == "layer2.0.downsample.1"


def _groups(side: int, stride: int):
    """A grouped convolution of ours and one of Keras' with the same kernel, and an input."""
    import keras

    rng = np.random.default_rng(side)
    inputs = rng.normal(size=(2, side, side, 64)).astype(np.float32)
    ours = resnets._convolution(keras.Input((side, side, 64)), 64, 3, stride, "grouped", groups=32)
    model = keras.Model(ours._keras_history.operation.input, ours)
    layer = model.get_layer("grouped")
    theirs = keras.layers.Conv2D(64, 3, stride, "valid" if stride > 1 else "same", groups=32, use_bias=False)
    theirs.build(inputs.shape)
    theirs.set_weights(layer.get_weights())
    return layer, theirs, inputs


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize(("side", "stride"), [(5, 1), (8, 2)])
def test_a_grouped_convolution_is_keras_own(side: int, stride: int, native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values and gradients, with TensorFlow's operation and with a convolution a group, in a graph."""
    start()
    import tensorflow as tf

    can = resnets._has_gradient("float32")
    monkeypatch.setattr(resnets, "_has_gradient", lambda dtype: native)
    layer, theirs, inputs = _groups(side, stride)
    assert layer.kernel.shape == (3, 3, 2, 64)
    assert layer.get_config()["groups"] == 32
    assert type(layer) is type(theirs)

    @tf.function
    def gradients(one, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = one(x)
            loss = tf.reduce_sum(outputs**2)
        return outputs, *tape.gradient(loss, [x, one.kernel.value])

    if native and not can:
        # A machine whose TensorFlow lacks it is why there is the other way.
        with pytest.raises(tf.errors.OpError):
            gradients(layer, inputs)
        return
    for found, expected in zip(gradients(layer, inputs), gradients(theirs, inputs), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_the_trial_of_the_gradient_believes_numbers_only(monkeypatch: pytest.MonkeyPatch) -> None:
    start()
    import tensorflow as tf

    def refuse(**settings: object) -> None:
        raise tf.errors.InvalidArgumentError(None, None, "Gradients for grouped convolutions are not supported on CPU")

    monkeypatch.setattr(tf.raw_ops, "Conv2DBackpropFilter", refuse)
    resnets._has_gradient.cache_clear()
    try:
        assert not resnets._has_gradient("float32")
        resnets._has_gradient.cache_clear()
        monkeypatch.setattr(tf.raw_ops, "Conv2DBackpropFilter", lambda **settings: tf.zeros((3, 3, 2, 4)))
        assert not resnets._has_gradient("float32")
    finally:
        resnets._has_gradient.cache_clear()
