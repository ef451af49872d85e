"""The recipe: everything that shapes a run, validated and immutable.

This module knows types, ranges and what excludes what within a recipe. What depends on a registry (is there such a
backbone, is the image large enough for it) or on the data (is there such a class) is checked by
`keras_leuk.training.preflight`, which may look at both.

Nothing here imports TensorFlow, and nothing here knows where results go: output folder, cache folder and progress shape no
number and are not part of a recipe.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Strategy = Literal["auto", "subject", "random", "official", "folds", "table"]
Part = Literal["training", "preliminary", "validation", "test"]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Penalty = Annotated[float, Field(ge=0.0)]
Range = tuple[Penalty, Penalty]
ALSO = {"model.fine_tune": ("a number of layers", "blocks:N", "from:LAYER")}
"""What else a key may be, in words, where its type is not only a list of choices."""

LastLayers = Annotated[str, Field(pattern=r"^(from:.+|blocks:[1-9]\d*)$")]


class Section(BaseModel):
    """A frozen part of the recipe that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), validate_default=True)


class Data(Section):
    """Which images, and what their labels mean."""

    path: str = Field("demo", description="folder, CSV/TSV table, or generated cells: 'demo', 'demo:leukocytes'", min_length=1)
    reader: str = Field("auto", description="auto recognises by looking; cnmc, folders, table, demo")
    parts: tuple[Part, ...] | None = Field(None, description="use only these parts of the data (null: all labelled images)")
    sample: int | None = Field(
        None,
        ge=2,
        description="use only so many of the labelled images, in the shares of the data; a larger sample holds a smaller one "
        "(null: all)",
    )
    classes: tuple[str, ...] | None = Field(None, description="label order (null: the reader's own, which is printed)")
    positive: str | None = Field(
        None, description="positive class of a two-class problem (null: the one named like a disease, such as ALL, else the last)"
    )
    unreadable: Literal["error", "skip"] = Field(
        "error", description="an image that cannot be decoded stops the run, or is left out and listed"
    )


class Split(Section):
    """Which image stands on which side."""

    strategy: Strategy = Field("auto", description="auto: subject where subjects are known, else the data's own, else random")
    test: Share = Field(0.2, description="share of the images used for testing (subject, random)")
    validation: Share = Field(
        0.2,
        description="share used for validation: of all images (subject, random) or of the training side (official, folds, table)",
    )
    folds: int | None = Field(None, ge=2, le=100, description="number of folds (null: the data's own folds)")
    fold: str | None = Field(None, description="train this fold only (null: all of them)")
    file: str | None = Field(None, description="reuse this split.csv of another run")
    balanced: bool = Field(
        False, description="random: as many images of each class for test, and for validation; the rest is trained on"
    )
    drop_linked: bool = Field(
        False,
        description="official, table, folds: leave out what would be trained or validated on and is linked to the test side: "
        "subjects that count as one with a tested subject, and equal images",
    )
    seed: int | None = Field(None, ge=0, lt=2**31, description="seed of the split (null: the run's seed)")
    link_subjects: Literal["auto", "none", "equal", "known", "audited"] = Field(
        "auto",
        description="subjects that count as one: none; equal (hold equal images); known (those, and C-NMC's known groups); "
        "audited (those, and whoever holds the same cell, by a search); auto: audited where the cache has a search of these "
        "images, else known",
    )

    @field_validator("fold", mode="before")
    @classmethod
    def _fold_is_a_name(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _leaves_training(self) -> Split:
        if self.strategy in ("auto", "subject", "random") and self.test + self.validation >= 1.0:
            raise ValueError(f"test {self.test} + validation {self.validation} leave nothing to train on")
        if (self.folds is not None or self.fold is not None) and self.strategy != "folds":
            raise ValueError(f"folds and fold need strategy 'folds', not {self.strategy!r}")
        if self.file is not None and self.strategy == "folds":
            raise ValueError("file cannot be combined with strategy 'folds'")
        return self

    @model_validator(mode="after")
    def _goes_with_the_strategy(self) -> Split:
        if self.balanced and self.strategy != "random":
            raise ValueError(f"balanced needs strategy 'random', not {self.strategy!r}")
        if self.drop_linked and self.strategy not in ("official", "table", "folds"):
            raise ValueError(f"drop_linked needs strategy 'official', 'table' or 'folds', not {self.strategy!r}")
        return self


class Images(Section):
    """Deterministic steps between a file and the network's input, in this order; all but the last once, into the image cache."""

    crop: Literal["none", "center", "cell"] = Field(
        "none", description="center: a square around the middle; cell: a square around the largest thing that is not background"
    )
    crop_size: Annotated[int, Field(ge=1, le=65536)] | Annotated[float, Field(gt=0.0, le=1.0)] | None = Field(
        None, description="side of the centre crop: pixels, or a share of the shorter side (null: the shorter side)"
    )
    crop_margin: float | None = Field(
        None, ge=0.0, le=2.0, description="rim left around the cell, as a share of its longer side (null: 0.1)"
    )
    contrast: Literal["none", "stretch", "equalize", "adaptive"] = Field(
        "none",
        description="on the lightness: stretch its 2nd to 98th percentile, equalise its histogram, or that by tiles (CLAHE)",
    )
    size: int | None = Field(None, ge=1, le=4096, description="side of the square input in pixels (null: the backbone's own)")
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos", "area"] = Field(
        "bilinear", description="resampling; but for nearest, a picture of twice the size or more is first averaged by blocks"
    )
    rescale: Literal["backbone", "1/255", "none", "1/255+backbone"] = Field(
        "backbone",
        description="what the network is fed: its own preprocessing; 0..1 or 0..255 in its place; or its own applied to 0..1",
    )

    @model_validator(mode="after")
    def _crop_settings_belong_together(self) -> Images:
        if self.crop_size is not None and self.crop != "center":
            raise ValueError(f"crop_size needs crop 'center', not {self.crop!r}")
        if self.crop_margin is not None and self.crop != "cell":
            raise ValueError(f"crop_margin needs crop 'cell', not {self.crop!r}")
        return self


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


class Plateau(Section):
    """A lower rate whenever the watched loss no longer gets better (Keras' ReduceLROnPlateau)."""

    factor: float = Field(0.5, gt=0.0, lt=1.0)
    patience: int = Field(5, ge=1)
    min_delta: Penalty = 1e-4
    minimum: Penalty = Field(0.0, description="lowest rate")


class LearningRate(Section):
    """Constant; ``initial * decay_rate ** (step / decay_steps)``; or a half cosine from ``initial`` to ``final * initial``.

    A step is an update of the weights: a batch, or `Training.accumulation_steps` of them.
    """

    initial: Positive = 1e-3
    schedule: Literal["constant", "exponential", "cosine"] = "constant"
    decay_steps: int = Field(900, ge=1, description="exponential: steps (updates), not epochs")
    decay_rate: float = Field(0.95, gt=0.0, le=1.0)
    staircase: bool = False
    final: float = Field(0.0, ge=0.0, le=1.0, description="cosine: share of the initial rate that is left at the last step")
    warmup_epochs: Penalty = Field(0.0, description="the rate rises in equal steps over so many epochs before the schedule")
    plateau: Plateau | None = Field(None, description="lower a constant rate whenever the watched loss stands still")
    backbone_factor: Positive = Field(1.0, description="rate of a fine-tuned backbone as a multiple of the head's")
    block_decay: float = Field(
        1.0, gt=0.0, le=1.0, description="fine-tuned backbone: each block takes this share of the rate of the block behind it"
    )

    @model_validator(mode="after")
    def _plateau_is_constant(self) -> LearningRate:
        if self.plateau is not None and (self.schedule != "constant" or self.warmup_epochs):
            raise ValueError("plateau lowers a constant rate; set schedule 'constant' and warmup_epochs 0, or leave plateau out")
        return self


class Optimizer(Section):
    """Adam, RMSprop, Adamax, SGD or AdamW, with Keras' own defaults for everything not named."""

    name: Literal["adam", "rmsprop", "adamax", "sgd", "adamw"] = "adam"
    momentum: float | None = Field(None, ge=0.0, lt=1.0, description="sgd, rmsprop")
    weight_decay: Penalty | None = Field(None, description="adamw")
    clip_norm: Positive | None = Field(None, description="longest gradient of each variable")
    clip_global_norm: Positive | None = Field(None, description="longest gradient of all variables together")
    clip_value: Positive | None = Field(None, description="largest element of a gradient")
    ema: float | None = Field(
        None, gt=0.0, lt=1.0, description="momentum of a moving average of the weights, which is what is evaluated and kept"
    )

    @model_validator(mode="after")
    def _has_such_a_setting(self) -> Optimizer:
        if self.momentum is not None and self.name not in ("sgd", "rmsprop"):
            raise ValueError(f"momentum belongs to sgd and rmsprop, not to {self.name!r}")
        if self.weight_decay is not None and self.name != "adamw":
            raise ValueError(f"weight_decay belongs to adamw, not to {self.name!r}")
        if sum(limit is not None for limit in (self.clip_norm, self.clip_global_norm, self.clip_value)) > 1:
            raise ValueError("give one of clip_norm, clip_global_norm and clip_value")
        return self


class EarlyStopping(Section):
    """Stop when the monitored loss or accuracy no longer gets better."""

    enabled: bool | None = Field(None, description="null: wherever there is something to watch")
    metric: Literal["loss", "accuracy"] = "loss"
    patience: int = Field(10, ge=1)
    min_delta: Penalty = 0.0
    restore_best: bool = Field(True, description="end with the weights of the best epoch, not of the last")


Shift = Annotated[int, Field(ge=0)] | Penalty | tuple[float, ...]


class Augment(Section):
    """Random changes of training images, in the words of Keras' retired ImageDataGenerator and with their meaning there.

    Each draw is a function of (seed, epoch, image) alone. What the words mean, and where they deviate: `images.augmentation`.
    """

    rotation_range: float = Field(0.0, ge=0.0, le=360.0, description="degrees, to either side")
    width_shift_range: Shift = Field(
        0, description="below 1: share of the width; else pixels; an integer n: whole pixels below n; a list: one of its members"
    )
    height_shift_range: Shift = Field(0, description="as width_shift_range, of the height")
    shear_range: float = Field(0.0, ge=0.0, lt=90.0, description="degrees, to either side")
    zoom_range: Annotated[float, Field(ge=0.0, lt=1.0)] | tuple[Positive, Positive] = Field(
        0.0, description="z means [1-z, 1+z], or that pair; drawn for each axis on its own; below 1 enlarges"
    )
    horizontal_flip: bool = False
    vertical_flip: bool = False
    fill_mode: Literal["nearest", "constant", "reflect", "wrap"] = Field("nearest", description="what lies beyond the border")
    cval: float = Field(0.0, ge=0.0, le=255.0, description="grey level beyond the border with fill_mode 'constant'")
    channel_shift_range: float = Field(0.0, ge=0.0, le=255.0, description="grey levels added to all channels, to either side")
    brightness_range: Range | None = Field(None, description="factor; 1 changes nothing")
    contrast_range: Range | None = Field(None, description="factor of each channel's distance from its mean")
    gamma_range: tuple[Positive, Positive] | None = Field(None, description="exponent of the level as a share of 255")
    saturation_range: Range | None = Field(None, description="factor of the saturation (HSV)")
    hue_range: float = Field(0.0, ge=0.0, le=0.5, description="turns of the colour wheel, to either side")
    gaussian_blur: int = Field(
        0, ge=0, le=17, description="largest kernel (odd, at most 17): drawn from 1 (none), 3, 5 and so on"
    )
    salt_and_pepper: Share = Field(0.0, description="share of pixels turned white or black")
    mixup: Penalty = Field(0.0, description="alpha of mixup's Beta(alpha, alpha); 0: none (Zhang et al. 2018)")
    keep_background: bool = Field(
        False, description="colour and noise leave black background (at most 10 in every channel) as it is"
    )
    views: int | None = Field(
        None, ge=1, le=1000, description="frozen backbone: this many fixed augmented views an image, one after another by epoch"
    )

    @field_validator("gaussian_blur")
    @classmethod
    def _kernel_is_odd(cls, value: int) -> int:
        if value and (value < 3 or value % 2 == 0):
            raise ValueError(f"a kernel has an odd side from 3 to 17, not {value}")
        return value

    @field_validator("zoom_range", "brightness_range", "contrast_range", "gamma_range", "saturation_range")
    @classmethod
    def _low_before_high(cls, value: Any) -> Any:
        if isinstance(value, tuple) and value[0] > value[1]:
            raise ValueError(f"the lower end comes first: [{value[1]}, {value[0]}]")
        return value

    @field_validator("width_shift_range", "height_shift_range")
    @classmethod
    def _some_shift(cls, value: Any) -> Any:
        if value == ():
            raise ValueError("an empty list holds no shift to draw; give 0")
        return value

    @property
    def operations(self) -> tuple[str, ...]:
        """Names of the operations that change pictures, in the order in which they are applied."""
        drawn = (
            ("rotation_range", self.rotation_range > 0),
            ("width_shift_range", _shifts(self.width_shift_range)),
            ("height_shift_range", _shifts(self.height_shift_range)),
            ("shear_range", self.shear_range > 0),
            ("zoom_range", self.zoom_range not in (0.0, (1.0, 1.0))),
            ("horizontal_flip", self.horizontal_flip),
            ("vertical_flip", self.vertical_flip),
            ("channel_shift_range", self.channel_shift_range > 0),
            ("brightness_range", self.brightness_range is not None),
            ("contrast_range", self.contrast_range is not None),
            ("gamma_range", self.gamma_range is not None),
            ("saturation_range", self.saturation_range is not None),
            ("hue_range", self.hue_range > 0),
            ("gaussian_blur", self.gaussian_blur > 0),
            ("salt_and_pepper", self.salt_and_pepper > 0),
            ("mixup", self.mixup > 0),
        )
        return tuple(name for name, wanted in drawn if wanted)


def _shifts(value: Any) -> bool:
    return any(value) if isinstance(value, tuple) else value > 0


class HeadFirst(Section):
    """Two phases: the head alone on the frozen backbone, then the backbone, too."""

    epochs: int = Field(5, ge=1, description="of training.epochs, how many come first for the head alone")
    learning_rate: Positive = Field(1e-3, description="constant rate of these epochs; training.learning_rate is that of the rest")


BINARY_LOSSES = ("binary_crossentropy", "binary_focal_crossentropy")
"""Losses that count every output unit by itself, as sigmoids need."""


class Training(Section):
    """How the weights are found."""

    epochs: int = Field(50, ge=1, le=100_000)
    batch_size: int = Field(32, ge=1, le=65536)
    optimizer: Optimizer = Optimizer()
    learning_rate: LearningRate = LearningRate()
    head_first: HeadFirst | None = Field(None, description="fine-tuned backbone: train the head alone for some epochs before")
    accumulation_steps: int = Field(1, ge=1, le=1024, description="batches whose gradients are averaged into one update")
    loss: Literal[
        "categorical_crossentropy", "binary_crossentropy", "categorical_focal_crossentropy", "binary_focal_crossentropy"
    ] = "categorical_crossentropy"
    label_smoothing: Share = 0.0
    focal_gamma: Penalty = Field(2.0, description="focal losses: how much less a well-classified image counts (Lin et al. 2017)")
    balance: Literal["none", "oversample", "class_weight"] = Field(
        "none",
        description="training side only; oversample: an epoch draws smaller classes up to the largest; class_weight: in the loss",
    )
    class_weight: dict[str, Positive] | None = Field(
        None, description="a weight per class name (null: as many times as the class is smaller than an even share)"
    )
    monitor: Literal["validation", "test"] = Field(
        "validation", description="'test' watches the test set, to reproduce a protocol that does; every output then says so"
    )
    early_stopping: EarlyStopping = EarlyStopping()
    augment: Augment = Augment()
    mixed_precision: Literal["off", "float16", "bfloat16"] = Field("off", description="compute type; the output stays float32")

    @field_validator("optimizer", mode="before")
    @classmethod
    def _named_optimizer(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @field_validator("learning_rate", mode="before")
    @classmethod
    def _plain_rate(cls, value: Any) -> Any:
        return {"initial": value} if isinstance(value, int | float | str) and not isinstance(value, bool) else value

    @field_validator("mixed_precision", mode="before")
    @classmethod
    def _yaml_reads_off_as_false(cls, value: Any) -> Any:
        return "off" if value is False else value

    @model_validator(mode="after")
    def _weights_are_used(self) -> Training:
        if self.class_weight is not None and self.balance != "class_weight":
            raise ValueError(f"class_weight needs balance 'class_weight', not {self.balance!r}")
        return self

    @model_validator(mode="after")
    def _epochs_are_left(self) -> Training:
        if self.head_first is not None and self.head_first.epochs >= self.epochs:
            raise ValueError(f"head_first.epochs {self.head_first.epochs} leave none of {self.epochs} epochs to fine-tune in")
        return self


class Evaluation(Section):
    """How the numbers and their intervals are made."""

    resamples: int = Field(2000, ge=100, le=100_000, description="bootstrap resamples")
    confidence: float = Field(0.95, gt=0.5, lt=1.0)
    calibration_bins: int = Field(15, ge=2, le=100)
    test_time_augmentation: Literal["none", "dihedral"] | Annotated[int, Field(ge=1, le=1000)] = Field(
        "none",
        description="average the probabilities of the 8 turned and mirrored views, or of this many views drawn as in training",
    )


class Resources(Section):
    """What a cell of a grid asks a cluster for. It shapes no number."""

    cpus: int | None = Field(None, ge=1, le=4096, description="processor cores (null: the executor's choice)")
    gpus: float | None = Field(None, ge=0.0, le=64.0, description="GPUs (null: 1 where the cluster has any, else 0)")


class Recipe(Section):
    """Everything that shapes a run, and what it may take to run it."""

    name: str | None = Field(None, description="a short name for run folders and titles", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    seed: int = Field(0, ge=0, lt=2**31)
    data: Data = Data()
    split: Split = Split()
    images: Images = Images()
    model: Model = Model()
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _fits_together(self) -> Recipe:
        head = self.model.head
        if isinstance(head, Head):
            if head.output.units == "one" and self.training.loss not in BINARY_LOSSES:
                raise ValueError("model.head.output.units 'one' needs training.loss 'binary_crossentropy'")
            if head.output.activation == "sigmoid" and self.training.loss not in BINARY_LOSSES:
                raise ValueError("model.head.output.activation 'sigmoid' needs training.loss 'binary_crossentropy'")
            if self.model.fine_tune != "none" and any(layer.type == "standardize" for layer in head.layers):
                raise ValueError("a 'standardize' layer needs a frozen backbone (model.fine_tune 'none')")
        views = self.evaluation.test_time_augmentation
        if isinstance(views, int) and not set(self.training.augment.operations) - {"mixup"}:
            raise ValueError("evaluation.test_time_augmentation draws views as in training; set an operation of training.augment")
        return self
