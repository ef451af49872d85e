"""Sections of a recipe: backbone and head."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from keras_leuk.recipe.section import Penalty, Positive, Section, Share

ALSO = {"model.fine_tune": ("a number of layers", "blocks:N", "from:LAYER")}
"""What else a key may be, in words, where its type is not only a list of choices."""

LastLayers = Annotated[str, Field(pattern=r"^(from:.+|blocks:[1-9]\d*)$")]


class Regularizer(Section):
    """L1 and L2 penalties."""

    l1: Penalty = 0.0
    l2: Penalty = 0.0


class Dense(Section):
    """A fully connected layer."""

    type: Literal["dense"] = "dense"
    units: int = Field(ge=1, le=65536)
    activation: Literal["relu", "elu", "gelu", "selu", "sigmoid", "swish", "tanh", "linear"] = "relu"
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None


class BatchNormalization(Section):
    """Batch normalisation over the feature axis."""

    type: Literal["batch_normalization"] = "batch_normalization"
    momentum: float = Field(0.99, ge=0.0, lt=1.0)
    epsilon: Positive = 1e-3


class Dropout(Section):
    """Dropout; which units are dropped depends on (seed, epoch, step) alone."""

    type: Literal["dropout"] = "dropout"
    rate: Share


class Standardize(Section):
    """Each feature minus its mean, over its standard deviation, both of the training images (frozen backbone only)."""

    type: Literal["standardize"] = "standardize"


HeadLayer = Annotated[Dense | BatchNormalization | Dropout | Standardize, Field(discriminator="type")]


class Output(Section):
    """The last layer."""

    activation: Literal["softmax", "sigmoid"] = "softmax"
    units: Literal["one", "classes"] = Field(
        "classes", description="'one': a single sigmoid for the positive class; 'classes': a unit per class"
    )
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None

    @model_validator(mode="after")
    def _one_softmax_unit_is_constant(self) -> Output:
        if self.activation == "softmax" and self.units == "one":
            raise ValueError("a softmax over one unit is always 1; use activation 'sigmoid', or units 'classes'")
        return self


class Head(Section):
    """What stands on the backbone."""

    pooling: Literal["avg", "max", "flatten"] = "avg"
    layers: tuple[HeadLayer, ...] = ()
    output: Output = Output()


class Model(Section):
    """Backbone, its weights, and the head on it."""

    backbone: str = Field("efficientnetb3", description="see: keras-leuk backbones")
    weights: str = Field("imagenet", description="imagenet, random, or a weight file", min_length=1)
    weights_dir: str | None = Field(None, description="folder with Keras' own weight files, looked at first")
    weights_seed: int | None = Field(
        None,
        ge=0,
        description="seed of random weights (null: 0 for a frozen backbone, so that runs share features; else the seed)",
    )
    head: str | Head = Field(
        "linear", description="a named head; sklearn:logistic, sklearn:svm, sklearn:forest; or pooling, layers and output"
    )
    features: Literal["cnn", "hand", "both"] = Field(
        "cnn", description="what a sklearn head sees: the backbone's features, hand-made ones (no backbone), or both side by side"
    )
    engine: Literal["auto", "tensorflow", "xla", "openvino"] = Field(
        "auto",
        description="what computes a frozen backbone; auto: openvino where it is installed and there is no GPU, else the faster "
        "of tensorflow and xla, tried once a machine; a fine-tuned network, mixed precision and several devices: tensorflow",
    )
    features_dtype: Literal["float32", "float16"] = Field(
        "float32", description="how a frozen backbone's features are stored; training reads them as float32 either way"
    )
    fine_tune: Literal["none", "all"] | Annotated[int, Field(ge=1)] | LastLayers = Field(
        "none",
        description="none: frozen backbone; all; the number of last layers to train; blocks:N for the last N blocks; "
        "from:LAYER for that layer and all behind it",
    )
    batch_norm: Literal["auto", "inference", "train"] = Field(
        "auto",
        description="batch normalisation of a fine-tuned backbone: inference keeps its statistics, scale and offset; "
        "auto: inference, but train where the backbone starts from random weights",
    )
