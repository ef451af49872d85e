"""From pictures to the probabilities of a scikit-learn head, the same way during a run and long after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_leuk.errors import RunError
from keras_leuk.images import handmade
from keras_leuk.images.preprocessing import Preparation
from keras_leuk.images.views import Kind
from keras_leuk.images.views import as_json as views_as_json
from keras_leuk.images.views import from_json as views_from_json
from keras_leuk.models import backbones, heads
from keras_leuk.models.assembly import build, rescaling
from keras_leuk.models.classical import Classical
from keras_leuk.progress import Progress
from keras_leuk.recipe.model import Head, Output
from keras_leuk.runs.folder import RunFolder
from keras_leuk.training.engines import make_forward, usable

KIND = "scikit-learn"
"""What model.json calls itself."""

_SCHEMA = 1


@dataclass(frozen=True)
class ClassicalCard:
    """What is needed to rebuild such a model, its fitted arrays and the backbone's weights apart (`model.json`).

    Attributes:
        head: ``sklearn:logistic``, ``sklearn:svm`` or ``sklearn:forest``.
        features: ``cnn``, ``hand`` or ``both``; of both, the backbone's come first.
        backbone: its name; None where the features are hand-made.
        preparation: what is done to a decoded picture before it is looked at.
        rescale: see `keras_leuk.models.assembly.build`.
        views: the views of a picture over which probabilities are averaged.
        chosen: what the fit chose, for the reader.
        engine: what computes the backbone; see `training.engines`.
        features_dtype: what its features were stored in, and are rounded to here, too.
    """

    head: str
    features: str
    backbone: str | None
    preparation: Preparation
    rescale: str
    classes: tuple[str, ...]
    positive: str | None
    mixed_precision: str
    views: Kind
    chosen: dict[str, Any]
    engine: str = "tensorflow"
    features_dtype: str = "float32"

    def as_json(self) -> dict[str, Any]:
        seen: dict[str, Any] = {"preparation": self.preparation.as_json(), "channels": "RGB", "range": [0, 255]}
        if self.backbone is not None:
            preprocessing = rescaling(backbones.find(self.backbone), self.rescale)
            seen |= {"rescale": self.rescale, "preprocessing": preprocessing}
        measured = {"version": handmade.VERSION, "names": list(handmade.NAMES)} if self.features != "cnn" else None
        return {
            "schema": _SCHEMA,
            "kind": KIND,
            "head": self.head,
            "features": self.features,
            "handmade": measured,
            "backbone": self.backbone,
            "input": seen,
            "classes": list(self.classes),
            "positive": self.positive,
            "mixed_precision": self.mixed_precision,
            "views": views_as_json(self.views),
            "chosen": self.chosen,
            "engine": self.engine,
            "features_dtype": self.features_dtype,
        }


class ClassicalPredictor:
    """Pictures to outputs, which are probabilities here.

    Args:
        fitted: the classifier.
        card: what it is.
        trunk: the backbone, a Keras model; None where the features are hand-made.
        engine: that computes it (None: the card's).
    """

    def __init__(self, fitted: Classical, card: ClassicalCard, trunk: Any, engine: str | None = None):
        self.fitted, self.card = fitted, card
        self._forward = None if trunk is None else make_forward(trunk, engine or card.engine)

    def outputs(self, pictures: np.ndarray, keys: Sequence[str]) -> np.ndarray:
        """Probabilities for every view of at most 32 pictures; see `training.predictor.Predictor.outputs`.

        Returns:
            float32 (n, views, classes).
        """
        shown = [self.card.views.show(pictures, keys, view) for view in range(self.card.views.count)]
        return np.stack([self.fitted.probabilities(self._features(view)).astype(np.float32) for view in shown], axis=1)

    def averaged(self, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean outputs, float32, and mean probabilities, float64, both (n, classes) in the order of the card's classes."""
        return heads.averaged(outputs, Output(), None)

    def _features(self, pictures: np.ndarray) -> np.ndarray:
        network = []
        if self._forward is not None:
            network = [self._forward(pictures).astype(self.card.features_dtype).astype(np.float32)]
        hand = [np.stack([handmade.measure(picture) for picture in pictures])] if self.card.features != "cnn" else []
        return np.concatenate([*network, *hand], axis=1)


def load_classical(run: RunFolder, facts: dict[str, Any], progress: Progress | None = None) -> ClassicalPredictor:
    """The model of a finished run whose model.json says that it is of this kind.

    Raises:
        RunError: a file is missing, damaged or of another version.
    """
    card = _read(run, facts)
    fitted = Classical.load(run.classifier)
    if card.backbone is None:
        return ClassicalPredictor(fitted, card, None)
    trunk = build(
        backbones.find(card.backbone),
        Head(),
        size=card.preparation.size,
        classes=len(card.classes),
        seed=0,
        weights=None,
        mixed_precision=card.mixed_precision,
        rescale=card.rescale,
    ).trunk
    try:
        trunk.load_weights(str(run.weights))
    except Exception as error:  # h5py and Keras raise OSError, ValueError, KeyError for files that do not fit
        text = str(error).strip().splitlines()
        raise RunError(f"{run.weights} cannot be loaded: {text[0][:160] if text else type(error).__name__}") from None
    return ClassicalPredictor(fitted, card, trunk, usable(card.engine, progress or Progress()))


def _read(run: RunFolder, facts: dict[str, Any]) -> ClassicalCard:
    if facts.get("schema") != _SCHEMA:
        raise RunError(f"{run.model} has schema {facts.get('schema')!r}; this version reads {_SCHEMA}")
    try:
        if facts["features"] != "cnn" and facts["handmade"]["version"] != handmade.VERSION:
            raise RunError(
                f"{run.path} was trained on hand-made features of version {facts['handmade']['version']}; this version of "
                f"keras-leuk measures version {handmade.VERSION}: train it again"
            )
        return ClassicalCard(
            head=facts["head"],
            features=facts["features"],
            backbone=facts["backbone"],
            preparation=Preparation(**facts["input"]["preparation"]),
            rescale=facts["input"].get("rescale", "backbone"),
            classes=tuple(facts["classes"]),
            positive=facts["positive"],
            mixed_precision=facts["mixed_precision"],
            views=views_from_json(facts["views"]),
            chosen=facts["chosen"],
            # Cards of earlier versions have neither; there was one engine and one type then.
            engine=facts.get("engine", "tensorflow"),
            features_dtype=facts.get("features_dtype", "float32"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{run.model} is damaged: {error}") from None
