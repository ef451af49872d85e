"""What a run folder holds, read once for the figures and the page.

Only predictions.csv and predictions.json must be there; whatever else is absent is None (or empty) and its part of the report
is left out. Nothing is written here.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml

from keras_leuk.errors import RunError
from keras_leuk.evaluation.metrics import evaluate
from keras_leuk.evaluation.predictions import Predictions
from keras_leuk.evaluation.reading import read_predictions
from keras_leuk.runs.folder import RunFolder

Pictures = dict[str, npt.NDArray[np.uint8]]


@dataclass(frozen=True)
class Contents:
    """A run, read.

    Attributes:
        predictions: checked predictions.
        metrics: metrics.json, computed anew where the file is absent.
        history: history.csv with fold as str, or None.
        recipe, environment: their files' content, {} where absent.
        pictures: picture (h, w, 3) of each image in mistakes.npz.
        members: run and weight of each member of an ensemble; empty for a run.
    """

    predictions: Predictions
    metrics: dict[str, Any]
    history: pd.DataFrame | None
    recipe: dict[str, Any]
    environment: dict[str, Any]
    pictures: Pictures
    members: tuple[tuple[str, float], ...] = ()

    @property
    def at_once(self) -> bool:
        """Whether the head is one of scikit-learn's, which is fitted without epochs."""
        return str((self.recipe.get("model") or {}).get("head")).startswith("sklearn:")

    @property
    def judged(self) -> str:
        """The side the figures show: test, or what there is."""
        return next(side for side in ("test", "validation", "train") if self.metrics[side]["n"])


def read_contents(folder: RunFolder) -> Contents:
    """Reads a run folder.

    Raises:
        RunError: the predictions are missing or wrong, or a file that is there cannot be read.
    """
    predictions = read_predictions(folder)
    metrics = folder.read_json(folder.metrics) if folder.metrics.is_file() else evaluate(predictions)
    return Contents(
        predictions,
        metrics,
        _history(folder),
        _recipe(folder),
        folder.read_json(folder.environment) if folder.environment.is_file() else {},
        _pictures(folder),
        _members(folder),
    )


def _history(folder: RunFolder) -> pd.DataFrame | None:
    if not folder.history.is_file():
        return None
    try:
        history = pd.read_csv(folder.history, dtype={"fold": str})
    except (OSError, ValueError) as error:
        raise RunError(f"{folder.history} cannot be read: {error}") from None
    if "epoch" not in history.columns:
        raise RunError(f"{folder.history} lacks the column epoch")
    return history if len(history) else None


def _recipe(folder: RunFolder) -> dict[str, Any]:
    try:
        recipe = yaml.safe_load(folder.recipe.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise RunError(f"{folder.recipe} cannot be read: {' '.join(str(error).split())}") from None
    return recipe if isinstance(recipe, dict) else {}


def _members(folder: RunFolder) -> tuple[tuple[str, float], ...]:
    if not folder.ensemble.is_file():
        return ()
    members = folder.read_json(folder.ensemble).get("members") or []
    return tuple((str(member["run"]), float(member["weight"])) for member in members)


def _pictures(folder: RunFolder) -> Pictures:
    if not folder.mistakes.is_file():
        return {}
    try:
        with np.load(folder.mistakes, allow_pickle=False) as arrays:
            return {str(name): picture for name, picture in zip(arrays["image"], arrays["picture"], strict=True)}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise RunError(f"{folder.mistakes} cannot be read: {error}") from None
