"""ResNet-18 and ResNeXt-50 (32x4d) in torchvision's layout, which keras.applications does not have.

Convolutions have no bias; the stride of a bottleneck is on its 3x3 convolution (V1.5); zeros are padded on both sides before
strided convolutions and the maximum, where TensorFlow's "same" would pad one side more than the other. A weight file of torch
so gives torch's numbers. Only in training is there a difference: torch's running variance divides by n - 1, Keras' by n.

Sources: He et al. 2015, arXiv:1512.03385, Table 1; Xie et al. 2016, arXiv:1611.05431, Table 1; torchvision/models/resnet.py.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

_EPSILON = 1e-5
_MOMENTUM = 0.9
"""Torch's momentum of 0.1 is the share of the new value; Keras' is the share of the old one."""

_SHORTCUT = {"downsample_conv": "downsample.0", "downsample_bn": "downsample.1"}
"""Torch numbers the layers of a shortcut."""


@dataclass(frozen=True)
class _Plan:
    """What tells one network from the other.

    Attributes:
        name: of the model.
        blocks: residual blocks of each stage.
        groups: of the 3x3 convolution of a bottleneck; 0 where blocks are two 3x3 convolutions.
        group_width: channels of a group in the first stage; it doubles from stage to stage.
    """

    name: str
    blocks: tuple[int, ...]
    groups: int = 0
    group_width: int = 0


def resnet18(tensor: Any) -> Any:
    """ResNet-18 without its top.

    Args:
        tensor: Keras tensor (n, side, side, 3), normalised with ImageNet's mean and deviation.

    Returns:
        Keras model from the input behind `tensor` to the feature map (n, side / 32, side / 32, 512), sides rounded up.
    """
    return _network(tensor, _Plan("resnet18", (2, 2, 2, 2)))


def resnext50(tensor: Any) -> Any:
    """ResNeXt-50 (32x4d) without its top: as `resnet18`, the feature map has 2048 channels."""
    return _network(tensor, _Plan("resnext50", (3, 4, 6, 3), groups=32, group_width=4))


def torch_name(layer: str) -> str:
    """The name of a layer in a state dict of torchvision or timm: ``layer1_0_conv2`` is ``layer1.0.conv2``."""
    found = re.fullmatch(r"(layer\d)_(\d+)_(\w+)", layer)
    if found is None:
        return layer
    stage, block, part = found.groups()
    return f"{stage}.{block}.{_SHORTCUT.get(part, part)}"


def _network(tensor: Any, plan: _Plan) -> Any:
    import keras

    layers = keras.layers
    x = _convolution(tensor, 64, 7, 2, "conv1")
    x = layers.Activation("relu", name="conv1_relu")(_normalized(x, "bn1"))
    # What comes here is not negative, so the maximum over padded zeros is torch's, which pads with minus infinity.
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)
    for stage, blocks in enumerate(plan.blocks):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            x = _block(x, plan, stage, stride, f"layer{stage + 1}_{block}")
    return keras.Model(keras.utils.get_source_inputs(tensor), x, name=plan.name)


def _block(x: Any, plan: _Plan, stage: int, stride: int, name: str) -> Any:
    import keras

    layers = keras.layers
    channels = 64 * 2**stage
    width = plan.groups * plan.group_width * 2**stage
    # Filters, side, stride and groups of each convolution.
    steps = (
        ((channels, 3, stride, 1), (channels, 3, 1, 1))
        if not plan.groups
        else ((width, 1, 1, 1), (width, 3, stride, plan.groups), (4 * channels, 1, 1, 1))
    )
    y = x
    for number, (filters, side, step, groups) in enumerate(steps, 1):
        y = _normalized(_convolution(y, filters, side, step, f"{name}_conv{number}", groups), f"{name}_bn{number}")
        if number < len(steps):
            y = layers.Activation("relu", name=f"{name}_relu{number}")(y)
    if stride > 1 or x.shape[-1] != y.shape[-1]:
        x = _normalized(_convolution(x, y.shape[-1], 1, stride, f"{name}_downsample_conv"), f"{name}_downsample_bn")
    return layers.Activation("relu", name=f"{name}_out")(layers.Add(name=f"{name}_add")([x, y]))


def _normalized(x: Any, name: str) -> Any:
    import keras

    return keras.layers.BatchNormalization(momentum=_MOMENTUM, epsilon=_EPSILON, name=name)(x)


def _convolution(x: Any, filters: int, side: int, stride: int, name: str, groups: int = 1) -> Any:
    import keras

    if stride > 1 and side > 1:
        x = keras.layers.ZeroPadding2D(side // 2, name=f"{name}_pad")(x)
    layer = keras.layers.Conv2D(
        filters,
        side,
        strides=stride,
        padding="valid" if stride > 1 else "same",
        groups=groups,
        use_bias=False,
        # As in He et al. 2015, arXiv:1502.01852, and torchvision: deviations that keep the gradient's size.
        kernel_initializer=keras.initializers.VarianceScaling(2.0, mode="fan_out", distribution="untruncated_normal"),
        name=name,
    )
    if groups > 1:
        # The layer stays a Conv2D in every saved file; plain Keras reads it, and computes the same numbers, only slower.
        layer.convolution_op = functools.partial(_grouped, layer)
    return layer(x)


def _grouped(layer: Any, inputs: Any, kernel: Any) -> Any:
    """A grouped convolution that can be trained on a CPU.

    Keras compiles each grouped convolution with XLA, whose gradient on a CPU takes two hundred times as long or more (17 s in
    place of 33 ms for 8 maps of 56x56x128 on 2 cores). TensorFlow's own operation has a gradient on GPUs and, with oneDNN, on
    CPUs; where it has none, each group is a convolution of its own.

    Args:
        inputs: (n, height, width, channels).
        kernel: (side, side, channels / groups, filters).
    """
    import tensorflow as tf

    def convolved(x: Any, k: Any) -> Any:
        return tf.nn.conv2d(x, k, layer.strides, layer.padding.upper())

    if _has_gradient(kernel.dtype):
        return convolved(inputs, kernel)
    parts = zip(tf.split(inputs, layer.groups, axis=-1), tf.split(kernel, layer.groups, axis=-1), strict=True)
    return tf.concat([convolved(part, own) for part, own in parts], axis=-1)


@functools.cache
def _has_gradient(dtype: Any) -> bool:
    """Whether TensorFlow on this machine can differentiate a grouped convolution: tried on two groups of two channels."""
    import tensorflow as tf

    # Keras asks while it draws a graph; the trial is at once, outside of it. A tape would not record there.
    with tf.init_scope():
        inputs, kernel, ahead = tf.ones((1, 3, 3, 4), dtype), tf.ones((3, 3, 2, 4), dtype), tf.ones((1, 1, 1, 4), dtype)
        settings = {"out_backprop": ahead, "strides": [1, 1, 1, 1], "padding": "VALID"}
        try:
            back = tf.raw_ops.Conv2DBackpropInput(input_sizes=inputs.shape, filter=kernel, **settings)
            change = tf.raw_ops.Conv2DBackpropFilter(input=inputs, filter_sizes=kernel.shape, **settings)
        except tf.errors.OpError:
            return False
        # An input reaches the two filters of its group, a weight sees one input.
        return bool(tf.reduce_all(back == 2) and tf.reduce_all(change == 1))
