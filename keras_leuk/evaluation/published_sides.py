"""One side of one run, boiled down to what adds up over images; and resamples of its units, drawn once for all runs.

A measure of a resample is a formula of sums: of images by true and predicted class, of output units above and below 0.5, of
losses. So a resample costs a product of the draws with a table, and runs that judge the same people share the draws.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from keras_leuk.evaluation.calibration import exact_halves
from keras_leuk.evaluation.counts import Floats
from keras_leuk.evaluation.intervals import Units, draws, units_of
from keras_leuk.evaluation.predictions import Predictions, output_columns

THRESHOLD = 0.5
"""Above it an output unit says yes, as in Keras' metrics of thresholds; at it, no."""

LEAST = 1e-15
"""Smallest probability that a logarithm is taken of."""

KEPT = 2**26
"""Draws kept at once, in numbers of two bytes (128 MiB); 2,000 resamples of 15,000 images are half of it."""

_CHUNK = 2**20


@dataclass(frozen=True)
class Side:
    """What published measures need of one side of one run, n >= 1 rows.

    Attributes:
        classes: k names in label order; positive: the positive class of two, else None.
        units: what is resampled.
        cells: (n,) true class times k plus predicted class.
        outputs: (n, 4) how many output units of a row are TP, FP, FN and TN at `THRESHOLD`; output_units: how many there are.
        activation: of the outputs, 'softmax' or 'sigmoid'.
        losses: (n,) negative natural logarithm of the true class's probability, clipped at `LEAST`.
        resamples, confidence, seed: of the run's bootstrap.
    """

    classes: tuple[str, ...]
    positive: str | None
    units: Units
    cells: npt.NDArray[np.intp]
    outputs: npt.NDArray[np.uint16]
    output_units: int
    activation: str
    losses: Floats
    resamples: int
    confidence: float
    seed: int

    @property
    def n(self) -> int:
        """Rows; in a cross-validation those of all folds."""
        return len(self.cells)

    @property
    def subjects(self) -> int | None:
        return len(self.units.names) if self.units.kind == "subject" else None

    @cached_property
    def tallies(self) -> Any:
        """Sparse (k * k + 6, u), sums over the rows of each unit: confusion matrix, `outputs`, two halves of the loss."""
        k, u = len(self.classes), len(self.units.names)
        # Halves, so that sums are exact and do not depend on the order of rows.
        columns = np.column_stack([self.outputs, *exact_halves(self.losses)])
        data = np.append(np.ones(self.n), columns.T)
        place = np.append(self.cells, np.repeat(np.arange(k * k, k * k + 6), self.n))
        return sparse.coo_array((data, (place, np.tile(self.units.of_row, 7))), shape=(k * k + 6, u)).tocsr()

    def sums(self, weights: Floats) -> Floats:
        """What the rows add up to, (b, k * k + 6), under weights (b, u) of the units."""
        # Sparse: an image stands in one cell of many, and no threads of a linear algebra library wait for each other.
        found: Floats = np.ascontiguousarray((self.tallies @ np.ascontiguousarray(weights.T)).T)
        return found

    def totals(self) -> Floats:
        """(1, k * k + 6): each row once."""
        return self.sums(np.ones((1, len(self.units.names))))

    def counts_of(self, sums: Floats) -> Floats:
        """Confusion matrices (b, k, k), rows = true class, from sums (b, k * k + 6)."""
        k = len(self.classes)
        return sums[:, : k * k].reshape(len(sums), k, k)

    def output_sums(self, sums: Floats) -> Floats:
        """TP, FP, FN, TN over all output units, (b, 4)."""
        return sums[:, -6:-2]

    def loss_of(self, sums: Floats) -> Floats:
        """Summed loss, (b,)."""
        return sums[:, -2] + sums[:, -1]


def side_of(predictions: Predictions, name: str) -> Side | None:
    """One side of a run; None where it has no images."""
    rows, meaning = predictions.side(name), predictions.meaning
    if rows.empty:
        return None
    true, k = predictions.labels(rows, "true"), len(predictions.classes)
    own = predictions.probabilities(rows)[np.arange(len(rows)), true]
    return Side(
        classes=predictions.classes,
        positive=predictions.positive,
        units=units_of(rows),
        cells=true * k + predictions.labels(rows, "predicted"),
        outputs=_decided(rows[output_columns(meaning.units)].to_numpy(dtype=np.float64), _wanted(predictions, true)),
        output_units=meaning.units,
        activation=meaning.activation,
        losses=-np.log(np.maximum(own, LEAST)),
        resamples=meaning.resamples,
        confidence=meaning.confidence,
        seed=meaning.seed,
    )


def _wanted(predictions: Predictions, true: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """What each output unit should say, (n, units): the classes in label order, or the positive class where there is one unit."""
    one = predictions.meaning.units == 1 and predictions.positive is not None
    of_unit = [predictions.classes.index(predictions.positive or "")] if one else range(predictions.meaning.units)
    wanted: npt.NDArray[np.bool_] = true[:, None] == np.array(of_unit)
    return wanted


def _decided(outputs: Floats, wanted: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint16]:
    said = outputs > THRESHOLD
    pairs = ((said, wanted), (said, ~wanted), (~said, wanted), (~said, ~wanted))
    return np.column_stack([(a & b).sum(axis=1) for a, b in pairs]).astype(np.uint16)


class Draws:
    """Resamples of units, kept for the next run that asks for the same ones."""

    def __init__(self) -> None:
        self._kept: dict[tuple[object, ...], npt.NDArray[np.uint16]] = {}

    def of(self, units: Units, resamples: int, seed: int, stream: str, chunk: int = _CHUNK) -> Iterator[Floats]:
        """As `keras_leuk.evaluation.intervals.draws`, with `stream` for the side: the same numbers in other chunks."""
        u = len(units.names)
        if resamples * u > KEPT:
            yield from draws(units, resamples, seed, stream, chunk)
            return
        key = (units.kind, units.names, resamples, seed, stream)
        if key not in self._kept:
            if (sum(kept.size for kept in self._kept.values()) + resamples * u) > KEPT:
                self._kept.clear()
            # Two bytes are enough: a unit is drawn once on average.
            parts = [part.astype(np.uint16) for part in draws(units, resamples, seed, stream, _CHUNK)]
            self._kept[key] = np.concatenate(parts)
        whole = self._kept[key]
        size = max(1, chunk // max(u, len(units.of_row)))
        for start in range(0, resamples, size):
            yield whole[start : start + size].astype(np.float64)
