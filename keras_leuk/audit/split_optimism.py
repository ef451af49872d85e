"""How much a random split flatters: one classifier, judged on folds over images and on folds over subjects.

The area under the ROC curve is taken among the images of a held-out fold, because scores of different models do not stand on one
scale; folds are weighted by their pairs of images. Each way of making folds is drawn several times, because which subjects meet
in a fold can matter as much as the question itself. Differences are of the same images, under the same resamples of subjects.
Start at `flatter`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from keras_leuk.audit.probe import CONFIDENCE, FOLDS, LEAST_SUBJECTS, RESAMPLES, Json, folds_of, number, out_of_fold, undefined
from keras_leuk.evaluation.counts import Floats
from keras_leuk.evaluation.intervals import Units, draws, percentile_interval
from keras_leuk.evaluation.ranking import Ranking
from keras_leuk.progress import Progress
from keras_leuk.recipe.randomness import generator, small_seed

DESIGNS = {
    "copies_loose": "random folds over images, copies of a cell anywhere",
    "random": "random folds over images, copies of a cell in one fold",
    "by_subject": "folds over subjects",
}
"""What is kept together, in the order of the page."""

DIFFERENCES = {"random_minus_by_subject": ("random", "by_subject"), "copies_minus_random": ("copies_loose", "random")}

SMALL = 2000
"""Up to so many images the folds are drawn `OFTEN` times, with more `SELDOM`: chance matters less, and time more."""
OFTEN, SELDOM = 5, 3


def flatter(
    features: np.ndarray,
    labels: np.ndarray,
    cell: np.ndarray,
    person: np.ndarray,
    names: Sequence[str],
    positive: str | None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Json:
    """Area under the ROC curve by design, and their differences.

    Args:
        features: float (n, d).
        labels: int (n,), index into `names`; every class has images.
        cell: int (n,); images of one number are the same cell.
        person: int (n,); images of one number may not be parted by the folds over subjects, those of one cell least of all.
        names: of the classes; positive: of two classes, the one that scores are of; else the mean over each class against the
            rest.

    Returns:
        measure, images, subjects, copies (images beyond the first of their cell), folds, drawn (how often), designs and
        differences (each: value, low, high); figures without value say why.
    """
    people, of_row = np.unique(person, return_inverse=True)
    found: Json = {
        "measure": f"AUC for {positive}" if positive is not None else "macro AUC (each class against the rest)",
        "images": len(labels),
        "subjects": len(people),
        "copies": len(labels) - len(np.unique(cell)),
        "folds": FOLDS,
        "drawn": OFTEN if len(labels) <= SMALL else SELDOM,
    }
    reason = _too_few(labels, person, names)
    if reason is not None:
        nothing = {
            "designs": dict.fromkeys(DESIGNS, undefined(reason)),
            "differences": dict.fromkeys(DIFFERENCES, undefined(reason)),
        }
        return found | nothing
    sought = [names.index(positive)] if positive is not None else list(range(len(names)))
    areas = _areas(features, labels, cell, person, sought, len(names), found["drawn"], seed, progress or Progress())
    units = Units("subject", tuple(map(str, people)), of_row.reshape(-1))
    point = {design: float(area(np.ones((1, len(labels))))[0]) for design, area in areas.items()}
    resampled: dict[str, list[Floats]] = {design: [] for design in areas}
    for weights in draws(units, RESAMPLES, seed, "flatter"):
        for design, area in areas.items():
            resampled[design].append(area(weights[:, units.of_row]))
    values = {design: np.concatenate(parts) for design, parts in resampled.items()}

    def figure(value: float, spread: Floats) -> Json:
        return number(value, percentile_interval(spread, CONFIDENCE, "subject", len(people)))

    return found | {
        "designs": {design: figure(point[design], values[design]) for design in DESIGNS},
        "differences": {name: figure(point[a] - point[b], values[a] - values[b]) for name, (a, b) in DIFFERENCES.items()},
    }


def _too_few(labels: np.ndarray, person: np.ndarray, names: Sequence[str]) -> str | None:
    holders = [len(np.unique(person[labels == label])) for label in range(len(names))]
    few = [f"{name}: {count}" for name, count in zip(names, holders, strict=True) if count < LEAST_SUBJECTS]
    return f"too few subjects ({', '.join(few)}; {LEAST_SUBJECTS} a class are needed)" if few else None


def _areas(
    features: np.ndarray,
    labels: np.ndarray,
    cell: np.ndarray,
    person: np.ndarray,
    sought: Sequence[int],
    classes: int,
    times: int,
    seed: int,
    progress: Progress,
) -> dict[str, FoldedArea]:
    found: dict[str, FoldedArea] = {design: FoldedArea(labels, sought) for design in DESIGNS}
    if len(np.unique(cell)) == len(labels):
        # Without copies both random designs are one.
        found["copies_loose"] = found["random"]
    with progress.stage("judging splits", times * len(set(found.values())), "rounds") as advance:
        for time in range(times):
            for design, fold in fold_designs(labels, cell, person, seed, time).items():
                if design == "copies_loose" and found[design] is found["random"]:
                    continue
                progress.check()
                found[design].add(out_of_fold(features, labels, fold, classes), fold)
                advance(1)
    return found


def fold_designs(labels: np.ndarray, cell: np.ndarray, person: np.ndarray, seed: int, time: int) -> dict[str, np.ndarray]:
    """Fold of each image, int (n,), by design; `time` tells the draws apart."""
    from sklearn.model_selection import StratifiedGroupKFold

    # A cell has the place of its first image, so that data without copies have the same folds twice.
    images = generator(seed, "audit folds", time).permutation(len(labels))
    cells = np.full(int(cell.max()) + 1, len(labels))
    np.minimum.at(cells, cell, images)
    by_subject = np.zeros(len(labels), np.int64)
    drawn = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=small_seed(seed, "audit subject folds", time))
    for held_out, (_, held) in enumerate(drawn.split(labels, labels, person)):
        by_subject[held] = held_out
    return {"copies_loose": folds_of(labels, images), "random": folds_of(labels, cells[cell]), "by_subject": by_subject}


class FoldedArea:
    """The area under the ROC curve within folds, for many weightings of the images.

    Args:
        labels: int (n,).
        sought: the classes whose one-against-rest areas are averaged.
    """

    def __init__(self, labels: np.ndarray, sought: Sequence[int]):
        self._labels, self._sought = labels, sought
        self._strata: list[tuple[int, np.ndarray, Ranking, Floats]] = []

    def add(self, probabilities: Floats, fold: np.ndarray) -> None:
        """Takes in one round: float (n, classes) and int (n,), the fold in which each image was held out."""
        for label in self._sought:
            for held in np.unique(fold):
                rows = np.flatnonzero(fold == held)
                member = self._labels[rows] == label
                self._strata.append((label, rows, Ranking.of(probabilities[rows, label], member), member.astype(np.float64)))

    def __call__(self, weights: Floats) -> Floats:
        """The area for each of (b, n) weightings, (b,): of a class member and another image of its fold, how often the member
        scores higher, ties counting half; NaN where a class has no such pair."""
        won = {label: np.zeros(len(weights)) for label in self._sought}
        pairs = {label: np.zeros(len(weights)) for label in self._sought}
        for label, rows, ranking, member in self._strata:
            own = weights[:, rows]
            positives = own @ member
            count = positives * (own.sum(axis=1) - positives)
            won[label] += np.nan_to_num(ranking.areas(own)[0]) * count
            pairs[label] += count
        with np.errstate(invalid="ignore"):
            return np.asarray(np.mean([won[label] / pairs[label] for label in self._sought], axis=0))
