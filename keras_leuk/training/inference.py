"""Classifying images that are not part of a run, with the run's model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from keras_leuk.errors import DataError
from keras_leuk.images.cache import read_picture
from keras_leuk.progress import Progress
from keras_leuk.runs.folder import RunFolder
from keras_leuk.training.forward import BATCH
from keras_leuk.training.predictor import load_predictor


@dataclass(frozen=True)
class Predicted:
    """Predictions of a list of images.

    Attributes:
        table: image, predicted, output_<unit>…, probability_<class>…; one row an image, in the order asked for.
        left_out: (path, reason) of damaged images.
    """

    table: pd.DataFrame
    left_out: tuple[tuple[Path, str], ...]


def predict_images(
    run: RunFolder, images: Sequence[Path], *, skip_unreadable: bool = False, progress: Progress | None = None
) -> Predicted:
    """Predicts images, a batch at a time; memory does not grow with their number.

    Raises:
        DataError: a damaged image (unless they are skipped), or not one readable image.
        RunError: the run's model cannot be rebuilt.
    """
    progress = progress or Progress()
    predictor = load_predictor(run, progress)
    card = predictor.card
    kept: list[Path] = []
    left_out: list[tuple[Path, str]] = []
    outputs: list[np.ndarray] = []
    with progress.stage("predicting", len(images), "images") as advance:
        for begin in range(0, len(images), BATCH):
            rows, keys = [], []
            for path in images[begin : begin + BATCH]:
                try:
                    fingerprint, row = read_picture(path, card.preparation)
                    rows.append(row)
                    keys.append(fingerprint.pixels)
                    kept.append(path)
                except DataError as error:
                    if not skip_unreadable:
                        raise
                    left_out.append((path, str(error)))
            if rows:
                outputs.append(predictor.outputs(np.stack(rows), keys))
            advance(len(images[begin : begin + BATCH]))
    if not kept:
        raise DataError(f"not one of {len(images)} images can be read; the first: {left_out[0][1]}")
    for _, reason in left_out:
        progress.warn(reason)
    raw, chance = predictor.averaged(np.concatenate(outputs))
    table = pd.DataFrame({"image": [str(path) for path in kept], "predicted": [card.classes[i] for i in chance.argmax(axis=1)]})
    for unit in range(raw.shape[1]):
        table[f"output_{unit}"] = [float(str(value)) for value in raw[:, unit]]
    for number, name in enumerate(card.classes):
        table[f"probability_{name}"] = chance[:, number]
    return Predicted(table, tuple(left_out))
