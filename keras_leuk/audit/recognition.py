"""How well a subject is recognised from the features, among the subjects of its class.

If one cell tells its owner, a classifier that has seen the owner's other cells can answer from memory. Cells of each subject are
dealt to folds; a linear discriminant analysis names the owner of each held-out cell. Start at `recognise`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from keras_leuk.audit.probe import (
    COMPONENTS,
    CONFIDENCE,
    FOLDS,
    LEAST_SUBJECTS,
    RESAMPLES,
    Json,
    number,
    one_thread,
    scores,
    undefined,
)
from keras_leuk.evaluation.counts import Floats
from keras_leuk.evaluation.intervals import Units, draws, percentile_interval
from keras_leuk.recipe.randomness import generator

METHOD = (
    f"linear discriminant analysis on at most {COMPONENTS} principal components of standardised features, {FOLDS} folds within "
    "each subject, copies of a cell in one fold"
)


@dataclass(frozen=True)
class Recognition:
    """Who was recognised.

    Attributes:
        classes: one entry a class: class, images, subjects, left_out (subjects of a single cell), accuracy (value, low, high),
            chance (of always naming the largest subject).
        all: the same over the classes that could be judged.
        hit: float (n,), 1 recognised, 0 not, NaN not judged.
    """

    classes: tuple[Json, ...]
    all: Json
    hit: Floats


def recognise(
    features: np.ndarray, labels: np.ndarray, subject: np.ndarray, cell: np.ndarray, names: Sequence[str], seed: int = 0
) -> Recognition:
    """Judges each class by itself.

    Args:
        features: float (n, d).
        labels: int (n,), index into `names`.
        subject: int (n,), who the image is from.
        cell: int (n,); images of one number are the same cell.
        names: of the classes.
    """
    hit = np.full(len(labels), np.nan)
    largest = np.zeros(len(names))
    classes = []
    for label, name in enumerate(names):
        rows = np.flatnonzero(labels == label)
        people = np.unique(subject[rows])
        judged = rows[_has_two_cells(subject[rows], cell[rows])]
        left = np.unique(subject[judged])
        entry: Json = {"class": name, "images": len(judged), "subjects": len(left), "left_out": len(people) - len(left)}
        if len(left) < LEAST_SUBJECTS:
            reason = f"{len(left)} subjects of {name} have two cells or more; {LEAST_SUBJECTS} are needed"
            classes.append(entry | {"accuracy": undefined(reason), "chance": None})
            continue
        hit[judged] = _named(features[judged], subject[judged], dealt(subject[judged], cell[judged], seed))
        largest[label] = np.unique(subject[judged], return_counts=True)[1].max()
        entry |= {"accuracy": _accuracy(hit[judged], subject[judged], seed), "chance": float(largest[label] / len(judged))}
        classes.append(entry)
    judged = np.flatnonzero(~np.isnan(hit))
    everybody: Json = {"images": len(judged), "subjects": len(np.unique(subject[judged]))}
    if len(judged):
        everybody |= {"accuracy": _accuracy(hit[judged], subject[judged], seed), "chance": float(largest.sum() / len(judged))}
    else:
        everybody |= {"accuracy": undefined("no class has enough subjects"), "chance": None}
    return Recognition(tuple(classes), everybody, hit)


def dealt(subject: np.ndarray, cell: np.ndarray, seed: int) -> npt.NDArray[np.intp]:
    """Folds that take their share of each subject's cells, (n,); images of one cell share a fold.

    Cells are dealt round, in a drawn order within each subject, so that a subject of two cells has them in two folds.
    """
    cells, first, of_row = np.unique(cell, return_index=True, return_inverse=True)
    drawn = generator(seed, "audit recognition").permutation(len(cells))
    order = np.lexsort((drawn, subject[first]))
    fold = np.empty(len(cells), np.intp)
    fold[order] = np.arange(len(cells)) % FOLDS
    return fold[of_row.reshape(-1)]


def _has_two_cells(subject: np.ndarray, cell: np.ndarray) -> npt.NDArray[np.bool_]:
    """Which images (n,) are of a subject with two different cells: one cell cannot be recognised by itself."""
    whose = np.unique(np.stack([subject, cell], axis=1), axis=0)[:, 0]
    people, cells = np.unique(whose, return_counts=True)
    return np.asarray(np.isin(subject, people[cells > 1]))


def _named(features: np.ndarray, subject: np.ndarray, fold: np.ndarray) -> Floats:
    """Whether each image's owner is named by the model that did not see its fold, (n,) of 0 and 1."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    found = np.empty(len(subject))
    with one_thread():
        for held in np.unique(fold):
            train, test = np.flatnonzero(fold != held), np.flatnonzero(fold == held)
            # As many directions as the cells within subjects can tell the spread of.
            spare = len(train) - len(np.unique(subject[train]))
            rows, others = scores(features, train, test, max(1, min(COMPONENTS, spare // 2)))
            model = LinearDiscriminantAnalysis().fit(rows, subject[train])
            found[test] = model.predict(others) == subject[test]
    return found


def _accuracy(hit: Floats, subject: np.ndarray, seed: int) -> Json:
    """Share of hits with its interval by the bootstrap over subjects, who keep all their images."""
    people, of_row = np.unique(subject, return_inverse=True)
    units = Units("subject", tuple(map(str, people)), of_row.reshape(-1))
    right, images = np.bincount(units.of_row, weights=hit), np.bincount(units.of_row).astype(np.float64)
    values = [(drawn @ right) / (drawn @ images) for drawn in draws(units, RESAMPLES, seed, "recognition")]
    return number(hit.mean(), percentile_interval(np.concatenate(values), CONFIDENCE, "subject", len(people)))
