"""ROC and precision-recall curves of one side with pointwise bootstrap bands.

The curve is what the rows say; the band is drawn on a fixed grid from the same resamples of subjects (or images) as the
intervals in metrics.json, so that a figure and the number beside it cannot disagree about what was resampled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from keras_leuk.evaluation.counts import Floats
from keras_leuk.evaluation.intervals import LEAST_DEFINED, draws, units_of
from keras_leuk.evaluation.predictions import Predictions
from keras_leuk.evaluation.ranking import Ranking, precision_at, roc_at

GRID = np.linspace(0.0, 1.0, 101)
"""False positive rates (ROC) or recalls (precision-recall) at which the band is computed."""


@dataclass(frozen=True)
class Curves:
    """The two curves of one class against the rest.

    Attributes:
        label: name of the class.
        roc: columns false_positive_rate, true_positive_rate, threshold (P of the class; inf at the origin).
        precision_recall: columns recall, precision, threshold.
        roc_band, precision_band: columns at (the grid), low, high; None where no band can be drawn.
        prevalence: share of the class among the rows.
        area, average: area under the ROC curve and average precision.
    """

    label: str
    roc: pd.DataFrame
    precision_recall: pd.DataFrame
    roc_band: pd.DataFrame | None
    precision_band: pd.DataFrame | None
    prevalence: float
    area: float
    average: float


def curves_of(predictions: Predictions, side: str) -> list[Curves]:
    """Curves of the positive class, or of each class against the rest where there are more than two.

    Classes of which the side has no image, or nothing else, have no curve and are left out; bands are drawn for two classes
    only (eight overlapping bands hide what they should show).
    """
    rows = predictions.side(side)
    if rows.empty:
        return []
    labels, probability = predictions.labels(rows), predictions.probabilities(rows)
    shown = (
        range(len(predictions.classes)) if predictions.positive is None else (predictions.classes.index(predictions.positive),)
    )
    result = []
    for c in shown:
        member = labels == c
        if member.any() and not member.all():
            ranking = Ranking.of(probability[:, c], member)
            bands = _bands(predictions, rows, side, ranking) if predictions.positive is not None else (None, None)
            result.append(_curves(predictions.classes[c], ranking, bands))
    return result


def _curves(label: str, ranking: Ranking, bands: tuple[pd.DataFrame | None, pd.DataFrame | None]) -> Curves:
    weights = np.ones((1, len(ranking.order)))
    hits, alarms = (part[0] for part in ranking.cumulative(weights))
    area, average = ranking.areas(weights)
    roc = pd.DataFrame(
        {
            "false_positive_rate": np.append(0.0, alarms / alarms[-1]),
            "true_positive_rate": np.append(0.0, hits / hits[-1]),
            "threshold": np.append(np.inf, ranking.threshold),
        }
    )
    # The curve ends where all of the class is found; what follows only adds wrong rows at recall 1.
    end = int(np.searchsorted(hits, hits[-1])) + 1
    recall = pd.DataFrame(
        {"recall": (hits / hits[-1])[:end], "precision": (hits / (hits + alarms))[:end], "threshold": ranking.threshold[:end]}
    )
    return Curves(label, roc, recall, bands[0], bands[1], float(ranking.hit.mean()), float(area[0]), float(average[0]))


def _bands(
    predictions: Predictions, rows: pd.DataFrame, side: str, ranking: Ranking
) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    meaning, units = predictions.meaning, units_of(rows)
    if len(units.names) < 2:
        return None, None
    roc: list[Floats] = []
    precision: list[Floats] = []
    for drawn in draws(units, meaning.resamples, meaning.seed, side):
        pair = ranking.cumulative(drawn[:, units.of_row])
        roc.append(roc_at(*pair, GRID))
        precision.append(precision_at(*pair, GRID))
    return _band(np.concatenate(roc), meaning.confidence), _band(np.concatenate(precision), meaning.confidence)


def _band(values: Floats, confidence: float) -> pd.DataFrame | None:
    defined = values[~np.isnan(values[:, 0])]
    if len(defined) < LEAST_DEFINED * len(values):
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(defined, [tail, 1 - tail], axis=0)
    return pd.DataFrame({"at": GRID, "low": low, "high": high})
