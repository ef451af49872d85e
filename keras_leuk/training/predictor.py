"""From pictures to probabilities, the same way during a run and long after it.

A frozen backbone and its head are two compiled functions here, as they are in training, where features are stored between
them; so `keras-leuk predict` gives a training picture the very bits that stand in predictions.csv.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_leuk.errors import RunError
from keras_leuk.models import backbones
from keras_leuk.models.assembly import Classifier, build
from keras_leuk.models.heads import probabilities
from keras_leuk.recipe.schema import Head
from keras_leuk.runs.folder import RunFolder
from keras_leuk.training.forward import Forward

MODEL_SCHEMA = 1


@dataclass(frozen=True)
class ModelCard:
    """What is needed to rebuild a model from the registry (`model.json`)."""

    backbone: str
    head: Head
    size: int
    interpolation: str
    classes: tuple[str, ...]
    positive: str | None
    frozen: bool
    mixed_precision: str

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": MODEL_SCHEMA,
            "backbone": self.backbone,
            "head": self.head.model_dump(mode="json"),
            "input": {
                "size": self.size,
                "interpolation": self.interpolation,
                "channels": "RGB",
                "range": [0, 255],
                "preprocessing": backbones.PREPROCESSING[backbones.find(self.backbone).preprocessing],
            },
            "classes": list(self.classes),
            "positive": self.positive,
            "frozen": self.frozen,
            "mixed_precision": self.mixed_precision,
        }

    @staticmethod
    def read(run: RunFolder) -> ModelCard:
        """The card of a finished run.

        Raises:
            RunError: it is missing, damaged, or of a later version.
        """
        facts = run.read_json(run.model)
        if facts.get("schema") != MODEL_SCHEMA:
            raise RunError(f"{run.model} has schema {facts.get('schema')!r}; this version reads {MODEL_SCHEMA}")
        try:
            return ModelCard(
                backbone=facts["backbone"],
                head=Head.model_validate(facts["head"]),
                size=facts["input"]["size"],
                interpolation=facts["input"]["interpolation"],
                classes=tuple(facts["classes"]),
                positive=facts["positive"],
                frozen=facts["frozen"],
                mixed_precision=facts["mixed_precision"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{run.model} is damaged: {error}") from None


class Predictor:
    """Pictures to raw outputs and probabilities.

    Args:
        classifier: with its final weights.
        card: what it is.
    """

    def __init__(self, classifier: Classifier, card: ModelCard):
        self.card = card
        if card.frozen:
            self._stages = [Forward(classifier.trunk, "uint8"), Forward(classifier.head, "float32")]
        else:
            self._stages = [Forward(classifier.model, "uint8")]

    def outputs(self, pictures: np.ndarray) -> np.ndarray:
        """Raw outputs, float32 (n, units), for at most 32 uint8 pictures (n, size, size, 3)."""
        for stage in self._stages:
            pictures = stage(pictures)
        return pictures

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """float64 (n, classes), in the order of the card's classes."""
        positive = self.card.classes.index(self.card.positive) if self.card.positive else None
        return probabilities(outputs, self.card.head.output, positive)


def load_predictor(run: RunFolder) -> Predictor:
    """The model of a finished run.

    Raises:
        RunError: the run holds no model (a cross-validation holds one a fold), or its weights do not fit.
    """
    if run.folds.is_dir() and not run.model.exists():
        names = ", ".join(str(path) for path in sorted(run.folds.iterdir())[:5])
        raise RunError(f"{run.path} is a cross-validation with a model for each fold; name one of them: {names}")
    card = ModelCard.read(run)
    classifier = build(
        backbones.find(card.backbone),
        card.head,
        size=card.size,
        classes=len(card.classes),
        seed=0,
        weights=None,
        fine_tune="none",
        mixed_precision=card.mixed_precision,
    )
    try:
        classifier.model.load_weights(str(run.weights))
    except Exception as error:  # h5py and Keras raise OSError, ValueError, KeyError for files that do not fit
        text = str(error).strip().splitlines()
        raise RunError(f"{run.weights} cannot be loaded: {text[0][:160] if text else type(error).__name__}") from None
    return Predictor(classifier, card)
