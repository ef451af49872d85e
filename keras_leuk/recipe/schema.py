"""The recipe: everything that shapes a run, validated and immutable.

Its sections (`data`, `model`, `training`, `augment`) know types, ranges and what excludes what within a recipe. What depends on
a registry (is there such a backbone, is the image large enough for it) or on the data (is there such a class) is checked by
`keras_leuk.training.preflight`, which may look at both.

Nothing here imports TensorFlow, and nothing here knows where results go: output folder, cache folder and progress shape no
number and are not part of a recipe.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from keras_leuk.recipe.data import Data, Images, Split
from keras_leuk.recipe.model import Head, Model
from keras_leuk.recipe.section import Section
from keras_leuk.recipe.training import BINARY_LOSSES, Training


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
