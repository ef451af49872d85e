"""What can be known to be wrong before TensorFlow is imported and before an image is opened.

The schema knows a recipe in itself; here it meets the registries and, once read, the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_leuk.data.read import DEMOS
from keras_leuk.data.table import ImageTable
from keras_leuk.errors import RecipeError
from keras_leuk.models import backbones, heads
from keras_leuk.models.backbones import Backbone
from keras_leuk.recipe import Recipe
from keras_leuk.recipe.model import Head, Standardize
from keras_leuk.recipe.training import BINARY_LOSSES
from keras_leuk.training.engines import require

HAND_SIZE = 224
"""Side in pixels of the square that hand-made features are measured on, where the recipe leaves it open: most backbones' own."""


@dataclass(frozen=True)
class Parts:
    """What the names in a recipe stand for."""

    backbone: Backbone
    head: Head
    size: int


def check(recipe: Recipe) -> Parts:
    """Looks the recipe's names up and checks what depends on them.

    Raises:
        RecipeError: an unknown backbone or head, an image size below the backbone's minimum, or a head, loss, regime and
            augmentation that exclude each other.
        LeukError: the engine asked for is not installed.
    """
    backbone = backbones.find(recipe.model.backbone)
    head = heads.find(recipe.model.head)
    _check_classical(recipe)
    _check_engine(recipe)
    hand = recipe.model.features == "hand"
    size = recipe.images.size if recipe.images.size is not None else HAND_SIZE if hand else backbone.default_size
    if size < backbone.minimum_size and not hand:
        raise RecipeError(
            "images.size",
            size,
            f"is below the {backbone.minimum_size} pixels that {backbone.name} needs (its own is {backbone.default_size})",
        )
    if head.output.activation == "sigmoid" and recipe.training.loss not in BINARY_LOSSES:
        raise RecipeError("training.loss", recipe.training.loss, "does not go with a sigmoid output", ["binary_crossentropy"])
    if recipe.model.fine_tune != "none" and any(isinstance(layer, Standardize) for layer in head.layers):
        raise RecipeError(
            "model.fine_tune",
            recipe.model.fine_tune,
            "does not go with a standardize layer, which needs a frozen backbone",
            ["none"],
        )
    _check_augmentation(recipe)
    _check_regime(recipe)
    return Parts(backbone, head, size)


def _check_regime(recipe: Recipe) -> None:
    if recipe.model.fine_tune != "none":
        return
    rate = recipe.training.learning_rate
    for key, value, idle in (
        ("training.head_first", recipe.training.head_first, None),
        ("training.learning_rate.backbone_factor", rate.backbone_factor, 1.0),
        ("training.learning_rate.block_decay", rate.block_decay, 1.0),
        ("model.batch_norm", recipe.model.batch_norm, "auto"),
    ):
        if value != idle:
            raise RecipeError(key, str(value), "needs a fine-tuned backbone (model.fine_tune)")


def _check_engine(recipe: Recipe) -> None:
    """What an engine other than TensorFlow, and stored features, need.

    Raises:
        LeukError: the engine is not installed.
    """
    model, other = recipe.model, ["tensorflow", "auto"]
    if model.engine in ("xla", "openvino"):
        if model.fine_tune != "none":
            raise RecipeError("model.engine", model.engine, "needs a frozen backbone (model.fine_tune: none)", other)
        if recipe.training.mixed_precision != "off":
            raise RecipeError("model.engine", model.engine, "computes in float32 (training.mixed_precision: off)", other)
        require(model.engine)
    if model.features_dtype != "float32" and (model.fine_tune != "none" or model.features == "hand"):
        raise RecipeError("model.features_dtype", model.features_dtype, "needs a frozen backbone's stored features", ["float32"])


def _check_classical(recipe: Recipe) -> None:
    """What a head of scikit-learn, which is fitted at once to features that stay as they are, cannot do."""
    model, training = recipe.model, recipe.training
    if heads.classical(model.head) is None:
        if model.features != "cnn":
            named = model.head if isinstance(model.head, str) else "the head's own layers"
            raise RecipeError("model.features", model.features, f"needs a scikit-learn head, not {named}", heads.CLASSICAL)
        return
    if model.fine_tune != "none":
        raise RecipeError("model.fine_tune", model.fine_tune, f"does not go with {model.head}: it trains no backbone", ["none"])
    if training.balance == "oversample":
        raise RecipeError("training.balance", "oversample", f"is by epochs, and {model.head} has none", ["none", "class_weight"])
    if training.monitor == "test":
        raise RecipeError("training.monitor", "test", f"does not go with {model.head}, which watches nothing", ["validation"])
    if training.early_stopping.enabled:
        raise RecipeError("training.early_stopping.enabled", True, f"does not go with {model.head}, which is fitted at once")
    if model.features != "cnn" and training.augment.operations:
        first = "views" if training.augment.views is not None else training.augment.operations[0]
        raise RecipeError(
            f"training.augment.{first}",
            getattr(training.augment, first),
            f"does not go with model.features {model.features!r}: hand-made features are measured on the pictures themselves",
        )


def _check_augmentation(recipe: Recipe) -> None:
    augment, frozen = recipe.training.augment, recipe.model.fine_tune == "none"
    if frozen and "mixup" in augment.operations:
        raise RecipeError(
            "training.augment.mixup",
            augment.mixup,
            "needs a fine-tuned backbone (model.fine_tune): mixed images have no features",
        )
    if frozen and augment.operations and augment.views is None:
        first = augment.operations[0]
        raise RecipeError(
            f"training.augment.{first}",
            getattr(augment, first),
            "needs a fine-tuned backbone (model.fine_tune), or training.augment.views: a frozen backbone sees each image once, "
            "or that many fixed views of it",
        )
    if augment.views is not None and not frozen:
        raise RecipeError(
            "training.augment.views", augment.views, "needs a frozen backbone: a fine-tuned one sees a new view in every epoch"
        )
    if augment.views is not None and not augment.operations:
        raise RecipeError("training.augment.views", augment.views, "needs an operation, such as training.augment.horizontal_flip")


def check_labels(recipe: Recipe, head: Head, table: ImageTable) -> None:
    """Checks what depends on the classes of the data.

    Raises:
        RecipeError: one output unit for more than two classes, or weights for classes that are not there.
    """
    if head.output.units == "one" and len(table.classes) != 2:
        raise RecipeError("model.head.output.units", "one", f"needs two classes; the data have {len(table.classes)}", ["classes"])
    for name in recipe.training.class_weight or {}:
        if name not in table.classes:
            raise RecipeError("training.class_weight", name, "is not a class of the data", table.classes)


def check_watched(recipe: Recipe, validation: int) -> None:
    """Checks that early stopping, where it was asked for, has something to watch.

    Raises:
        RecipeError: it was asked for and there is no validation side.
    """
    blind = recipe.training.monitor == "validation" and validation == 0
    if blind and recipe.training.learning_rate.plateau is not None:
        raise RecipeError(
            "training.learning_rate.plateau", "set", "needs a validation side, and there is none; give split.validation a share"
        )
    if blind and recipe.training.early_stopping.enabled:
        raise RecipeError(
            "training.early_stopping.enabled",
            True,
            "needs a validation side, and there is none; set it to null or false, or give split.validation a share",
        )


def resolved(recipe: Recipe, parts: Parts, table: ImageTable, *, strategy: str, link_subjects: str, weights: str) -> Recipe:
    """The recipe with everything filled in that was left to be decided; training it again gives the same run."""
    head = recipe.model.head
    return recipe.model_copy(
        update={
            "data": recipe.data.model_copy(
                update={"path": _absolute(recipe.data.path), "classes": tuple(table.classes), "positive": table.positive}
            ),
            "split": recipe.split.model_copy(
                update={
                    "strategy": strategy,
                    "file": _absolute(recipe.split.file) if recipe.split.file else None,
                    "link_subjects": link_subjects,
                }
            ),
            "images": recipe.images.model_copy(update={"size": parts.size}),
            "model": recipe.model.model_copy(
                update={
                    "backbone": parts.backbone.name,
                    "weights": weights if weights in ("imagenet", "random") else _absolute(weights),
                    "weights_dir": _absolute(recipe.model.weights_dir) if recipe.model.weights_dir else None,
                    "head": head,
                    "weights_seed": weights_seed(recipe),
                }
            ),
        }
    )


def weights_seed(recipe: Recipe) -> int:
    """The seed of random weights: shared by all runs with a frozen backbone, so that they share its features."""
    if recipe.model.weights_seed is not None:
        return recipe.model.weights_seed
    return 0 if recipe.model.fine_tune == "none" else recipe.seed


def split_seed(recipe: Recipe) -> int:
    """The seed that the split is drawn with."""
    return recipe.seed if recipe.split.seed is None else recipe.split.seed


def sample_weights(recipe: Recipe, labels: np.ndarray, classes: tuple[str, ...]) -> np.ndarray | None:
    """Weight of each training image in the loss, float32 (n,), or None where all count alike.

    Without weights of the user's own it is scikit-learn's "balanced", n / (classes * images of the class).
    """
    if recipe.training.balance != "class_weight":
        return None
    chosen = recipe.training.class_weight
    if chosen is None:
        counts = np.bincount(labels, minlength=len(classes))
        per_class = np.where(counts > 0, len(labels) / (len(classes) * np.maximum(counts, 1)), 0.0)
    else:
        per_class = np.array([chosen.get(name, 1.0) for name in classes])
    weights: np.ndarray = per_class[labels].astype(np.float32)
    return weights


def _absolute(path: str) -> str:
    return path if path in DEMOS else str(Path(path).expanduser().absolute())
