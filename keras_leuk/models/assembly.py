"""From registry records to one flat functional graph: preprocessing → backbone → pooling → head.

Flat, because a backbone nested as a layer hides its inner layers from class maps and export. The input is always 0..255 RGB
of the backbone's size: preprocessing is part of the graph, so training and prediction cannot differ in it.
"""

from __future__ import annotations

import contextlib
import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_leuk.devices.start import start
from keras_leuk.errors import WeightsError
from keras_leuk.models import torch_weights
from keras_leuk.models.backbones import KERAS, PREPROCESSING, Backbone
from keras_leuk.models.blocks import blocks, trained_layers
from keras_leuk.models.heads import units
from keras_leuk.models.weights import Weights
from keras_leuk.recipe.model import BatchNormalization, Dense, Dropout, Head, Output, Regularizer, Standardize
from keras_leuk.recipe.randomness import small_seed

_CAFFE_MEAN_BGR = [103.939, 116.779, 123.68]
_TORCH_MEAN = [0.485, 0.456, 0.406]
_TORCH_VARIANCE = [0.229**2, 0.224**2, 0.225**2]


@dataclass(frozen=True)
class Classifier:
    """A network in its parts; all parts share their variables.

    Attributes:
        model: 0..255 images → outputs, the whole flat graph.
        trunk: images → what the head's first layer sees: pooled features (n, channels), or the feature map when the head
            flattens it.
        head: what the trunk gives → outputs.
        backbone_layers: layers of the backbone in graph order, without our preprocessing.
    """

    model: Any
    trunk: Any
    head: Any
    backbone_layers: tuple[Any, ...]


def build(
    backbone: Backbone,
    head: Head,
    *,
    size: int,
    classes: int,
    seed: int,
    weights: Weights | None,
    fine_tune: str | int = "none",
    batch_norm: str = "inference",
    mixed_precision: str = "off",
    rescale: str = "backbone",
    placement: Any = None,
) -> Classifier:
    """Builds the network.

    Args:
        size: side of the input in pixels.
        classes: number of classes.
        seed: of the head's first weights and of its dropout.
        weights: the backbone's first weights; None leaves them to a later loading of the whole model.
        fine_tune: ``none``, ``all``, or which of the backbone's layers are trained; see `models.blocks.trained_layers`.
        batch_norm: ``inference`` or ``train``; see `set_trainable`.
        mixed_precision: ``off``, ``float16`` or ``bfloat16``; the output is float32 whatever it is.
        rescale: ``backbone``: what the backbone was trained with; ``1/255``: 0..1 in its place; ``none``: 0..255 in its place;
            ``1/255+backbone``: what it was trained with, applied to 0..1. A backbone that holds its preprocessing (EfficientNet)
            goes on to apply it, to 0..1 too, so that ``1/255`` means ``1/255+backbone`` there: that is what notebooks do that
            divide by 255 by habit, and what replaying them needs.
        placement: a TensorFlow distribution strategy that says where variables lie; None leaves it to TensorFlow.

    Raises:
        WeightsError: the weight file does not fit the backbone.
    """
    start()
    import keras

    keras.backend.clear_session()
    policy = "float32" if mixed_precision == "off" else f"mixed_{mixed_precision}"
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        with placement.scope() if placement is not None else contextlib.nullcontext():
            classifier = _assemble(backbone, head, size, classes, seed, weights, rescale)
    finally:
        keras.config.set_dtype_policy(before)
    set_trainable(classifier, fine_tune, batch_norm)
    return classifier


def _assemble(
    backbone: Backbone, head: Head, size: int, classes: int, seed: int, weights: Weights | None, rescale: str
) -> Classifier:
    import keras

    if weights is not None and weights.kind == "random":
        # The constructors of backbones take no initialisers; this is the one seed they follow.
        keras.utils.set_random_seed(small_seed(weights.seed or 0, "backbone"))
    inputs = keras.Input((size, size, 3), name="image")
    tensor = _preprocess(inputs, backbone, rescale)
    ours = {id(layer) for layer in keras.Model(inputs, tensor).layers}
    body = _body(backbone, tensor)
    if weights is not None and weights.path is not None:
        _load(body, weights, backbone)
    features = body.output
    if head.pooling == "avg":
        features = keras.layers.GlobalAveragePooling2D(name="pooling")(features)
    elif head.pooling == "max":
        features = keras.layers.GlobalMaxPooling2D(name="pooling")(features)
    # Features are stored and standardised in float32 whatever the backbone computes in.
    features = keras.layers.Activation("linear", dtype="float32", name="features")(features)
    stack = _head_layers(head, classes, seed)
    head_input = keras.Input(features.shape[1:], name="features_input")
    return Classifier(
        model=keras.Model(inputs, _apply(stack, features), name="classifier"),
        trunk=keras.Model(inputs, features, name="trunk"),
        head=keras.Model(head_input, _apply(stack, head_input), name="head"),
        backbone_layers=tuple(layer for layer in body.layers if id(layer) not in ours),
    )


def last_feature_map(classifier: Classifier) -> str:
    """Name of the layer, in the flat graph, that gives what is pooled: (n, height, width, channels), for class maps.

    Against `Backbone.last_convolution` it stands behind what follows the last convolution: normalisation, activation, the sum
    with a shortcut. DenseNet's last convolution gives 32 of the 1,024 channels of this map.
    """
    name: str = next(layer.name for layer in reversed(classifier.backbone_layers) if len(layer.output.shape) == 4)
    return name


def standardize(classifier: Classifier, mean: np.ndarray, variance: np.ndarray) -> None:
    """Sets the statistics of every ``standardize`` layer of the head.

    Args:
        mean, variance: float (channels,), over the training images.
    """
    for layer in classifier.head.layers:
        if layer.name.startswith("standardize"):
            layer.set_weights([mean.astype(np.float32), variance.astype(np.float32), np.zeros((), layer.weights[2].dtype)])
            layer.finalize_state()


def needs_statistics(head: Head) -> bool:
    """Whether the head holds a ``standardize`` layer."""
    return any(isinstance(layer, Standardize) for layer in head.layers)


def rescaling(backbone: Backbone, rescale: str) -> str:
    """What stands between 0..255 RGB and the backbone, in words."""
    own = PREPROCESSING[backbone.preprocessing]
    if rescale == "backbone":
        return own
    first = "as it is (0..255)" if rescale == "none" else "x / 255"
    if backbone.preprocessing == "inside":
        return f"{first}; then the backbone's own"
    return f"{first}; then, as if that were 0..255: {own}" if rescale == "1/255+backbone" else first


def _preprocess(inputs: Any, backbone: Backbone, rescale: str) -> Any:
    import keras

    layers = keras.layers
    if rescale == "1/255":
        return layers.Rescaling(1 / 255.0, dtype="float32", name="preprocess_scale")(inputs)
    if rescale == "1/255+backbone":
        inputs = layers.Rescaling(1 / 255.0, dtype="float32", name="preprocess_scale_before")(inputs)
    if rescale == "none" or backbone.preprocessing == "inside":
        return inputs
    if backbone.preprocessing == "tf":
        return layers.Rescaling(1 / 127.5, offset=-1.0, dtype="float32", name="preprocess_scale")(inputs)
    if backbone.preprocessing == "torch":
        scaled = layers.Rescaling(1 / 255.0, dtype="float32", name="preprocess_scale")(inputs)
        return layers.Normalization(mean=_TORCH_MEAN, variance=_TORCH_VARIANCE, dtype="float32", name="preprocess_normalize")(
            scaled
        )
    flipped = keras.ops.flip(inputs, axis=-1)
    return layers.Normalization(mean=_CAFFE_MEAN_BGR, variance=[1.0, 1.0, 1.0], dtype="float32", name="preprocess_center")(
        flipped
    )


def _body(backbone: Backbone, tensor: Any) -> Any:
    constructor = getattr(importlib.import_module(backbone.module), backbone.constructor)
    if backbone.module == KERAS:
        return constructor(include_top=False, weights=None, input_tensor=tensor)
    return constructor(tensor)


def _load(body: Any, weights: Weights, backbone: Backbone) -> None:
    if weights.path is not None and weights.path.suffix.lower() in torch_weights.SUFFIXES:
        torch_weights.load(body, weights.path, backbone.name)
        return
    try:
        body.load_weights(str(weights.path))
    except Exception as error:  # h5py and Keras raise OSError, ValueError, KeyError, TypeError for files that do not fit
        text = str(error).strip().splitlines()
        reason = text[0][:160] if text else type(error).__name__
        raise WeightsError(f"weight file {weights.path} does not fit {backbone.name} without its top: {reason}") from None
    if scale_is_folded(weights, backbone) and backbone.imagenet_scale is not None:
        _fold_scale(body, backbone.imagenet_scale)


def scale_is_folded(weights: Weights, backbone: Backbone) -> bool:
    """Whether Keras' extra scale goes with these weights: its ImageNet ones, or a file that bears their name.

    It shapes the features, so it is part of their content address.
    """
    if backbone.imagenet_scale is None or weights.path is None:
        return False
    return weights.kind == "imagenet" or weights.path.name == backbone.weights_file


def _fold_scale(body: Any, deviations: tuple[float, float, float]) -> None:
    """Keras divides by the root of the deviations in a layer that it adds for ImageNet weights only; we fold it into the
    variance of the Normalization before it, so that one graph serves every kind of weights:
    (x - m) / sqrt(v) / sqrt(s) = (x - m) / sqrt(v * s)."""
    import keras

    layer = next(layer for layer in body.layers if isinstance(layer, keras.layers.Normalization))
    mean, variance, count = layer.get_weights()
    layer.set_weights([mean, (variance.astype(np.float64) * np.array(deviations)).astype(np.float32), count])
    layer.finalize_state()


def _head_layers(head: Head, classes: int, seed: int) -> list[Any]:
    import keras

    layers = keras.layers
    stack: list[Any] = [layers.Flatten(name="flatten")] if head.pooling == "flatten" else []
    for number, spec in enumerate(head.layers):
        name = f"{spec.type}_{number}"
        if isinstance(spec, Dense):
            stack.append(
                layers.Dense(
                    spec.units,
                    activation=spec.activation,
                    kernel_initializer=keras.initializers.GlorotUniform(seed=small_seed(seed, "kernel", number)),
                    kernel_regularizer=_penalty(spec.kernel_regularizer),
                    bias_regularizer=_penalty(spec.bias_regularizer),
                    activity_regularizer=_penalty(spec.activity_regularizer),
                    name=name,
                )
            )
        elif isinstance(spec, BatchNormalization):
            stack.append(layers.BatchNormalization(momentum=spec.momentum, epsilon=spec.epsilon, name=name))
        elif isinstance(spec, Dropout):
            stack.append(layers.Dropout(spec.rate, seed=small_seed(seed, "dropout", number), name=name))
        else:
            stack.append(layers.Normalization(axis=-1, dtype="float32", name=name))
    stack.append(_output_layer(head.output, classes, seed))
    return stack


def _output_layer(output: Output, classes: int, seed: int) -> Any:
    import keras

    return keras.layers.Dense(
        units(output, classes),
        activation=output.activation,
        kernel_initializer=keras.initializers.GlorotUniform(seed=small_seed(seed, "kernel", -1)),
        kernel_regularizer=_penalty(output.kernel_regularizer),
        bias_regularizer=_penalty(output.bias_regularizer),
        dtype="float32",
        name="output",
    )


def _penalty(penalty: Regularizer | None) -> Any:
    import keras

    if penalty is None or (penalty.l1 == 0 and penalty.l2 == 0):
        return None
    return keras.regularizers.L1L2(l1=penalty.l1, l2=penalty.l2)


def _apply(stack: list[Any], tensor: Any) -> Any:
    for layer in stack:
        tensor = layer(tensor)
    return tensor


def set_trainable(classifier: Classifier, fine_tune: str | int, batch_norm: str = "inference") -> None:
    """Says which layers of the backbone are trained; the model must be compiled afterwards.

    Args:
        fine_tune: see `models.blocks.trained_layers`.
        batch_norm: ``inference``: batch normalisation of trained blocks stays as it is, too, statistics, scale and offset; with
            small batches of another kind of pictures, moving statistics would undo what the pretrained layers know. ``train``: it
            is trained like the rest.
    """
    import keras

    layers = classifier.backbone_layers
    trained = trained_layers([layer.name for layer in layers], fine_tune)
    for number, layer in enumerate(layers):
        # A layer that is not trained also runs in inference mode: the moving statistics of its batch normalisation stay put.
        kept = batch_norm == "inference" and isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = number >= len(layers) - trained and not kept


def rate_factors(classifier: Classifier, backbone_factor: float, block_decay: float) -> dict[str, float]:
    """Learning rate of each variable of the backbone as a multiple of the head's, by the variable's path.

    Args:
        backbone_factor: of the last block.
        block_decay: what each block takes of the rate of the block behind it (Howard and Ruder 2018, section 3.2).
    """
    layers = classifier.backbone_layers
    numbers = blocks([layer.name for layer in layers])
    return {
        variable.path: backbone_factor * block_decay ** (max(numbers) - number)
        for layer, number in zip(layers, numbers, strict=True)
        for variable in layer.variables
    }
