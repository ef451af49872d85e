"""From pictures to probabilities, the same way during a run and long after it.

A frozen backbone and its head are two compiled functions here, as they are in training, where features are stored between
them; so `keras-leuk predict` gives a training picture the very bits that stand in predictions.csv.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_leuk.errors import RunError
from keras_leuk.images.preprocessing import Preparation
from keras_leuk.images.views import Kind
from keras_leuk.images.views import as_json as views_as_json
from keras_leuk.images.views import from_json as views_from_json
from keras_leuk.models import backbones
from keras_leuk.models.assembly import Classifier, build, rescaling
from keras_leuk.models.heads import averaged
from keras_leuk.progress import Progress
from keras_leuk.recipe.model import Head
from keras_leuk.runs.folder import RunFolder
from keras_leuk.training.classical_predictor import KIND as CLASSICAL
from keras_leuk.training.classical_predictor import ClassicalPredictor, load_classical
from keras_leuk.training.engines import make_forward, usable
from keras_leuk.training.forward import Forward, ForwardPass

MODEL_SCHEMA = 2


@dataclass(frozen=True)
class ModelCard:
    """What is needed to rebuild a model from the registry, and to prepare pictures for it (`model.json`).

    Attributes:
        preparation: what is done to a decoded picture before the network sees it.
        rescale: ``backbone``, ``1/255``, ``none`` or ``1/255+backbone``; see `keras_leuk.models.assembly.build`.
        frozen: the backbone was not trained.
        views: the views of a picture over which outputs and probabilities are averaged.
        engine: what computed a frozen backbone; see `training.engines`.
        features_dtype: what its features were stored in, and are rounded to here, too.
    """

    backbone: str
    head: Head
    preparation: Preparation
    rescale: str
    classes: tuple[str, ...]
    positive: str | None
    frozen: bool
    mixed_precision: str
    views: Kind
    engine: str = "tensorflow"
    features_dtype: str = "float32"

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": MODEL_SCHEMA,
            "backbone": self.backbone,
            "head": self.head.model_dump(mode="json"),
            "input": {
                "preparation": self.preparation.as_json(),
                "channels": "RGB",
                "range": [0, 255],
                "rescale": self.rescale,
                "preprocessing": rescaling(backbones.find(self.backbone), self.rescale),
            },
            "classes": list(self.classes),
            "positive": self.positive,
            "frozen": self.frozen,
            "mixed_precision": self.mixed_precision,
            "views": views_as_json(self.views),
            "engine": self.engine,
            "features_dtype": self.features_dtype,
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
                preparation=Preparation(**facts["input"]["preparation"]),
                rescale=facts["input"]["rescale"],
                classes=tuple(facts["classes"]),
                positive=facts["positive"],
                frozen=facts["frozen"],
                mixed_precision=facts["mixed_precision"],
                views=views_from_json(facts["views"]),
                # Cards of earlier versions have neither; there was one engine and one type then.
                engine=facts.get("engine", "tensorflow"),
                features_dtype=facts.get("features_dtype", "float32"),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{run.model} is damaged: {error}") from None


class Predictor:
    """Pictures to raw outputs and probabilities.

    Args:
        classifier: with its final weights.
        card: what it is.
        engine: for a frozen backbone (None: the card's).
    """

    def __init__(self, classifier: Classifier, card: ModelCard, engine: str | None = None):
        self.card = card
        self._stages: list[ForwardPass]
        if card.frozen:
            # A head is TensorFlow's in every run: it is what learns, and it costs next to nothing.
            self._stages = [make_forward(classifier.trunk, engine or card.engine), Forward(classifier.head, "float32")]
        else:
            self._stages = [Forward(classifier.model, "uint8")]

    def outputs(self, pictures: np.ndarray, keys: Sequence[str]) -> np.ndarray:
        """Raw outputs for every view of at most 32 pictures.

        Args:
            pictures: uint8 (n, size, size, 3).
            keys: content hash of each, from which drawn views are drawn.

        Returns:
            float32 (n, views, units).
        """
        shown = [self.card.views.show(pictures, keys, view) for view in range(self.card.views.count)]
        return np.stack([self._forward(view) for view in shown], axis=1)

    def averaged(self, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean outputs, float32 (n, units), and mean probabilities, float64 (n, classes), in the order of the card's classes."""
        positive = self.card.classes.index(self.card.positive) if self.card.positive else None
        return averaged(outputs, self.card.head.output, positive)

    def _forward(self, pictures: np.ndarray) -> np.ndarray:
        if not self.card.frozen:
            return self._stages[0](pictures)
        trunk, head = self._stages
        return head(trunk(pictures).astype(self.card.features_dtype).astype(np.float32))


def load_predictor(run: RunFolder, progress: Progress | None = None) -> Predictor | ClassicalPredictor:
    """The model of a finished run, computed by the engine that the run used, or by TensorFlow where it is not installed.

    Args:
        progress: hears a warning in that case.

    Raises:
        RunError: the run holds no model (a cross-validation holds one a fold), or its weights do not fit.
    """
    if run.folds.is_dir() and not run.model.exists():
        names = ", ".join(str(path) for path in sorted(run.folds.iterdir())[:5])
        raise RunError(f"{run.path} is a cross-validation with a model for each fold; name one of them: {names}")
    if run.ensemble.exists():
        members = ", ".join(member["run"] for member in run.read_json(run.ensemble)["members"])
        raise RunError(f"{run.path} is an ensemble and has no model of its own; predict with each member: {members}")
    facts = run.read_json(run.model)
    if facts.get("kind") == CLASSICAL:
        return load_classical(run, facts, progress)
    card = ModelCard.read(run)
    classifier = build(
        backbones.find(card.backbone),
        card.head,
        size=card.preparation.size,
        classes=len(card.classes),
        seed=0,
        weights=None,
        fine_tune="none",
        mixed_precision=card.mixed_precision,
        rescale=card.rescale,
    )
    parts = [(run.weights, classifier.model)]
    if run.backbone.is_file():
        parts = [(run.backbone, classifier.trunk), (run.weights, classifier.head)]
    file = run.weights
    try:
        for file, part in parts:
            part.load_weights(str(file))
    except Exception as error:  # h5py and Keras raise OSError, ValueError, KeyError for files that do not fit
        text = str(error).strip().splitlines()
        raise RunError(f"{file} cannot be loaded: {text[0][:160] if text else type(error).__name__}") from None
    return Predictor(classifier, card, usable(card.engine, progress or Progress()))
