"""A published number measured anew: one measure of one or several runs, with its interval.

Start from `Reader.read`. The value of several runs (seeds) is the mean of theirs; its interval resamples the people whose
images the runs judge, not the runs, whose spread is the standard deviation. Everybody whom any run judges is drawn once for
all of them, as in `keras_leuk.evaluation.comparison`: runs of other splits share people. Simulated (5 random splits by image,
100 subjects), that holds the truth in 0.94 of 400 intervals; a draw for each run by itself did in 0.58.

Source: Efron and Tibshirani 1993, chapter 13 (percentile interval).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from keras_leuk.errors import RunError, suggestion
from keras_leuk.evaluation.counts import Floats
from keras_leuk.evaluation.intervals import CHUNK, Interval, Units, percentile_interval
from keras_leuk.evaluation.metrics import measurer_of
from keras_leuk.evaluation.predictions import SIDES
from keras_leuk.evaluation.published_counts import count
from keras_leuk.evaluation.published_measures import COUNTED, NOWHERE, Asked, remark, resolved, unit_remark, values, why
from keras_leuk.evaluation.published_readings import (
    Reading,
    counted,
    joined,
    mean_over,
    nothing,
    of_metrics,
    of_runs,
    of_sides,
    undefined,
)
from keras_leuk.evaluation.published_sides import Draws, Side, side_of
from keras_leuk.evaluation.ranking import Ranking
from keras_leuk.evaluation.reading import read_predictions
from keras_leuk.runs.folder import RunFolder, open_for_reading

__all__ = ["Asked", "Reader", "Reading"]


class Reader:
    """Reads published measures from run folders; keeps what it read and drew, so that the next number is quick.

    A run folder that changes meanwhile is not looked at again.
    """

    def __init__(self) -> None:
        self._metrics: dict[Path, dict[str, Any]] = {}
        self._sides: dict[Path, dict[str, Side | None]] = {}
        self._rankings: dict[tuple[Path, str], list[Ranking]] = {}
        self._sums: dict[tuple[object, ...], Floats] = {}
        self._draws = Draws()

    def read(self, folders: Sequence[Path], asked: Asked) -> Reading:
        """One measure of some runs.

        Args:
            folders: of finished runs; their order changes nothing.

        Raises:
            UsageError: a folder is not there.
            RunError: a run is unfinished or damaged, or the runs have different classes.
        """
        runs = [open_for_reading(Path(folder)) for folder in folders]
        if not runs:
            return nothing("there is no run", 0)
        if asked.measure in COUNTED:
            return counted([count(run, asked.measure) for run in runs])
        if asked.side == NOWHERE:
            return nothing("it was measured on no side", len(runs))
        told = of_metrics(self._told(runs[0]), asked) if len(runs) == 1 else None
        return told or self._measured(runs, asked)

    def confusion(self, folder: Path, side: str) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
        """Class names and the confusion matrix (k, k) of one side of a run, rows = true class.

        Raises:
            UsageError: the folder is not there.
            RunError: the run is unfinished or damaged, or has no such images.
        """
        found = self._side(open_for_reading(Path(folder)), side)
        if found is None:
            raise RunError(f"{folder} has no {side} images")
        return found.classes, found.counts_of(found.totals())[0].astype(np.int64)

    def units(self, folder: Path, side: str) -> tuple[tuple[int, int, int, int] | None, str | None]:
        """(TP, FP, FN, TN) over all output units of all images of a side at threshold 0.5, and how they were taken.

        A sigmoid per class takes as many decisions an image as there are classes, of which one should be yes; one sigmoid
        unit takes one, on the positive class; of a softmax at most one is yes.

        Returns:
            the counts, and a remark or None; None and why where the side has no images.
        Raises:
            UsageError: the folder is not there.
            RunError: the run is unfinished or damaged.
        """
        found = self._side(open_for_reading(Path(folder)), side)
        if found is None:
            return None, f"the run has no {side} images"
        tp, fp, fn, tn = (int(total) for total in found.output_sums(found.totals())[0])
        return (tp, fp, fn, tn), unit_remark(found)

    def _measured(self, runs: Sequence[RunFolder], asked: Asked) -> Reading:
        """The measure from the predictions."""
        found = [self._side(run, asked.side) for run in runs]
        sides = [side for side in found if side is not None]
        if len(sides) < len(found):
            return nothing(of_runs(f"no {asked.side} images", len(found) - len(sides), len(found)), len(found))
        _check_classes(runs, sides)
        _, label = resolved(asked, sides[0].positive)
        if label is not None and label not in sides[0].classes:
            return undefined(sides, f"no class {label!r}{suggestion(label, sides[0].classes)}")
        points = np.concatenate([self._point(run, side, asked) for run, side in zip(runs, sides, strict=True)])
        if np.isnan(points).any():
            whys = sorted({why(asked, side) for side, point in zip(sides, points, strict=True) if np.isnan(point)})
            return undefined(sides, of_runs(" or ".join(whys), int(np.isnan(points).sum()), len(points)))
        sd = statistics.stdev(points.tolist()) if len(points) > 1 else None
        interval = self._interval(runs, sides, asked)
        return of_sides(sides, float(mean_over(points)), interval, sd, joined([*_remarks(asked, sides), interval.reason]))

    def _point(self, run: RunFolder, side: Side, asked: Asked) -> Floats:
        """The measure of a run, (1,), NaN where undefined."""
        if asked.measure == "roc_auc":
            return _area(self._ranked(run, asked.side), np.ones((1, side.n)))
        return values(asked, side.totals(), side)

    def _interval(self, runs: Sequence[RunFolder], sides: Sequence[Side], asked: Asked) -> Interval:
        """The interval of the mean over runs; a resample in which one of them has no value is left out."""
        least = min((side.units for side in sides), key=lambda units: len(units.names))
        confidence, resampled = max(side.confidence for side in sides), np.empty(0)
        if len(least.names) > 1:
            everybody = _everybody([side.units for side in sides])
            settings = max(side.resamples for side in sides), min(side.seed for side in sides)
            parts = [self._resampled(run, side, asked, everybody, *settings) for run, side in zip(runs, sides, strict=True)]
            resampled = mean_over(np.stack(parts))
        return percentile_interval(resampled, confidence, least.kind, len(least.names))

    def _resampled(self, run: RunFolder, side: Side, asked: Asked, everybody: Units, resamples: int, seed: int) -> Floats:
        """The measure of a run under each resample of everybody whom any run judges, (b,)."""
        place = {name: number for number, name in enumerate(everybody.names)}
        own = np.array([place[name] for name in side.units.names], np.intp)
        if asked.measure == "roc_auc":
            rankings, of_row = self._ranked(run, asked.side), own[side.units.of_row]
            drawn = self._draws.of(Units(everybody.kind, everybody.names, of_row), resamples, seed, asked.side, CHUNK)
            return np.concatenate([_area(rankings, weights[:, of_row]) for weights in drawn])
        key = (run.path, asked.side, everybody.names, resamples, seed)
        if key not in self._sums:
            drawn = self._draws.of(everybody, resamples, seed, asked.side)
            self._sums[key] = np.concatenate([side.sums(weights[:, own]) for weights in drawn])
        return values(asked, self._sums[key], side)

    def _told(self, run: RunFolder) -> dict[str, Any]:
        """metrics.json, empty where there is none."""
        if run.path not in self._metrics:
            self._metrics[run.path] = run.read_json(run.metrics) if run.metrics.is_file() else {}
        return self._metrics[run.path]

    def _side(self, run: RunFolder, name: str) -> Side | None:
        if run.path not in self._sides:
            predictions = read_predictions(run)
            self._sides[run.path] = {side: side_of(predictions, side) for side in SIDES}
        return self._sides[run.path][name]

    def _ranked(self, run: RunFolder, name: str) -> list[Ranking]:
        if (run.path, name) not in self._rankings:
            predictions = read_predictions(run)
            self._rankings[run.path, name] = measurer_of(predictions, predictions.side(name)).rankings
        return self._rankings[run.path, name]


def _area(rankings: Sequence[Ranking], weights: Floats) -> Floats:
    """Area under the ROC curve, (b,): of the positive class, or the mean over classes."""
    mean: Floats = np.mean([ranking.areas(weights)[0] for ranking in rankings], axis=0)
    return mean


def _everybody(units: Sequence[Units]) -> Units:
    """All units that any run judges: who is drawn is drawn for every run that judges them."""
    names = tuple(sorted({name for of in units for name in of.names}))
    return Units(units[0].kind, names, np.arange(len(names)))


def _remarks(asked: Asked, sides: Sequence[Side]) -> list[str | None]:
    """What must be known of how the number was taken."""
    first = sides[0]
    found = [remark(asked, first.classes, first.positive)]
    if resolved(asked, first.positive)[0] == "units":
        found += sorted({words for side in sides if (words := unit_remark(side))})
    kinds = sorted({side.units.kind for side in sides}, reverse=True)
    if len({(side.units.kind, side.units.names) for side in sides}) > 1:
        found.append(f"the runs do not judge the same {' or '.join(f'{kind}s' for kind in kinds)}")
    sizes = sorted({side.n for side in sides})
    if len(sizes) > 1:
        found.append(f"{sizes[0]:,} to {sizes[-1]:,} images a run")
    return found


def _check_classes(runs: Sequence[RunFolder], sides: Sequence[Side]) -> None:
    for run, side in zip(runs, sides, strict=True):
        if (side.classes, side.positive) != (sides[0].classes, sides[0].positive):
            raise RunError(
                f"{run.path} has the classes {', '.join(side.classes)}; {runs[0].path} has {', '.join(sides[0].classes)}: "
                "a mean over them means nothing"
            )
