"""Sections of a recipe: how the weights are found."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from keras_leuk.recipe.augment import Augment
from keras_leuk.recipe.section import Penalty, Positive, Section, Share


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
