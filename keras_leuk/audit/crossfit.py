"""Classifiers of descriptors, each judged on groups that it has not seen.

Two of scikit-learn's, with fixed settings; both take a missing value as a value, and both follow relations that rise and fall.
`boosted` sees many descriptors: gradient boosted trees (`ROUNDS` rounds of at most `LEAVES` leaves, rate 0.1). `tree` sees one: a
single tree of at most `LEAVES` leaves. A leaf holds at least 20 images, a twentieth of the training images where these are few.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from keras_leuk.evaluation.counts import Floats

Numbers = npt.NDArray[np.intp]

FOLDS = 5
"""Most folds."""
LEAST_GROUPS = 4
"""Groups of a class that two folds need, two each: one alone would not show how groups differ."""
ROUNDS = 50
LEAVES = 8
_LEAF = 20
_TRIES = 10

SETTINGS = {
    "boosted": f"gradient boosted trees (scikit-learn's HistGradientBoostingClassifier, {ROUNDS} rounds of at most {LEAVES} "
    "leaves, learning rate 0.1)",
    "tree": f"a decision tree of at most {LEAVES} leaves (scikit-learn's DecisionTreeClassifier)",
}
"""The classifiers, in words."""


def folds(label: Numbers, group: npt.ArrayLike) -> Numbers | None:
    """Test fold of each image: groups stay whole, and each fold tests at least two groups of each class.

    scikit-learn's StratifiedGroupKFold, of one row a group and class, so that it spreads groups and not images evenly: groups
    are what an interval counts. As many folds as that allows, `FOLDS` at most.

    Args:
        label: (n,) class numbers; group: (n,) names.
    Returns:
        (n,) from 0 on; None where some class has fewer than four groups.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    names, number = np.unique(np.asarray(group, dtype=str), return_inverse=True)
    rows = np.unique(np.column_stack([number, label]), axis=0)
    holders = np.unique(rows[:, 1], return_counts=True)[1]
    for count in range(min(FOLDS, 2 * int(holders.min()) // LEAST_GROUPS), 1, -1):
        for seed in range(_TRIES):
            splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
            fold = np.zeros(len(names), np.intp)
            for place, (_, test) in enumerate(splitter.split(rows, rows[:, 1], rows[:, 0])):
                fold[rows[test, 0]] = place
            table = np.zeros((count, len(holders)), np.intp)
            np.add.at(table, (fold[rows[:, 0]], np.unique(rows[:, 1], return_inverse=True)[1]), 1)
            if table.min() >= 2:
                return fold[number]
    return None


def out_of_fold(kind: str, values: Floats, label: Numbers, fold: Numbers, classes: int) -> Floats:
    """Probabilities of each image by the model of the other folds.

    Args:
        kind: of `SETTINGS`.
        values: (n, d), NaN where missing; label: (n,) class numbers below `classes`; fold: (n,).
    Returns:
        (n, classes); 0 for a class that the other folds lack.
    """
    from threadpoolctl import threadpool_limits

    found = np.zeros((len(values), classes))
    with threadpool_limits(1):
        for number in np.unique(fold):
            test = fold == number
            model = _MODELS[kind](int((~test).sum())).fit(values[~test], label[~test])
            found[np.ix_(test, model.classes_)] = model.predict_proba(values[test])
    return found


def _boosted(images: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=ROUNDS,
        learning_rate=0.1,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=_leaf(images),
        early_stopping=False,
        random_state=0,
    )


def _tree(images: int) -> Any:
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(max_leaf_nodes=LEAVES, min_samples_leaf=_leaf(images), random_state=0)


def _leaf(images: int) -> int:
    return max(1, min(_LEAF, images // 20))


_MODELS: dict[str, Callable[[int], Any]] = {"boosted": _boosted, "tree": _tree}
