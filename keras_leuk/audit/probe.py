"""What a plain, fixed classifier reads from features: the probe of the sections on subjects and on suspicious labels.

Each feature minus its mean over its standard deviation, then at most `COMPONENTS` principal components, then logistic
regression; all three see the training side of a fold and nothing else. Nothing is chosen, so nothing can be chosen on test data.
One
BLAS thread: quicker, and the same bits on any number of cores. Start at `out_of_fold`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_leuk.evaluation.counts import Floats
from keras_leuk.evaluation.intervals import Interval
from keras_leuk.models.classical import inner_folds

Json = dict[str, Any]

COMPONENTS = 128
"""Most principal components; fewer features are taken as they are, without rotation."""
PENALTY = 0.01
"""C of the logistic regression (L2), on components of standardised features."""
FOLDS = 5

CONFIDENCE = 0.95
RESAMPLES = 2000
"""Of bootstraps over subjects."""
LEAST_SUBJECTS = 5
"""With fewer subjects in a class nothing is said about subjects of that class."""

SETTINGS = (
    f"logistic regression (L2, C = {PENALTY:g}) on at most {COMPONENTS} principal components of standardised features, "
    "all fitted to the training side of each fold"
)

_TOLERANCE = 1e-6


def out_of_fold(features: np.ndarray, labels: np.ndarray, fold: np.ndarray, classes: int) -> Floats:
    """Probability of each class for each image, from the model that did not see the image's fold.

    Args:
        features: float (n, d).
        labels: int (n,), index into the class order.
        fold: int (n,).
        classes: how many there are.

    Returns:
        (n, classes); a class that a training side lacks gets 0.
    """
    from sklearn.linear_model import LogisticRegression

    table = np.zeros((len(labels), classes))
    with one_thread():
        for held in np.unique(fold):
            train, test = np.flatnonzero(fold != held), np.flatnonzero(fold == held)
            rows, others = scores(features, train, test)
            # Newton's steps solve for all classes at once, which is quick for two and slow for many.
            solver = "newton-cholesky" if len(np.unique(labels[train])) == 2 else "lbfgs"
            model = LogisticRegression(C=PENALTY, solver=solver, tol=_TOLERANCE, max_iter=2000).fit(rows, labels[train])
            table[np.ix_(test, model.classes_)] = model.predict_proba(others)
    return table


def scores(features: np.ndarray, train: np.ndarray, test: np.ndarray, most: int = COMPONENTS) -> tuple[Floats, Floats]:
    """Both sides on the standardised features, or on the `most` first principal components, of the training side.

    Args:
        features: float (n, d).
        train, test: int, rows of the two sides.
    """
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(features[train])
    rows, others = scaler.transform(features[train]), scaler.transform(features[test])
    if features.shape[1] > most:
        # A fixed seed: the randomised solver draws its starting directions.
        rotation = PCA(min(most, len(train)), svd_solver="randomized", random_state=0).fit(rows)
        rows, others = rotation.transform(rows), rotation.transform(others)
    return np.asarray(rows, np.float64), np.asarray(others, np.float64)


def folds_of(labels: np.ndarray, together: np.ndarray) -> np.ndarray:
    """`FOLDS` folds, or fewer where a class has fewer groups, that part no group and spread every class.

    Args:
        labels: int (n,), index into the class order; together: (n,), sortable names of groups.

    Returns:
        fold of each image, int (n,).

    Raises:
        DataError: a class has a single image.
    """
    return inner_folds(np.unique(labels, return_inverse=True)[1], together)[0]


def joined(*names: Sequence[str] | np.ndarray) -> np.ndarray:
    """Number of the set of images that each image belongs to; any shared name joins two images, and so on through any chain.

    Args:
        names: one or more lists of n names; a name counts within its own list.

    Returns:
        int (n,), in order of first appearance.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n = len(names[0])
    offset, ends = n, []
    for listed in names:
        _, number = np.unique(np.asarray(listed, dtype=str), return_inverse=True)
        ends.append(number.reshape(-1) + offset)
        offset += int(number.max(initial=-1)) + 1
    rows = np.tile(np.arange(n), len(names))
    graph = coo_matrix((np.ones(len(rows), np.int8), (rows, np.concatenate(ends))), shape=(offset, offset))
    part = connected_components(graph, directed=False)[1][:n]
    _, first, inverse = np.unique(part, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse.reshape(-1)]


def one_thread() -> Any:
    """A context in which linear algebra runs in one thread."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, user_api="blas")


def number(value: float, interval: Interval) -> Json:
    """A figure for audit.json: value, low, high, and a reason where the interval is undefined."""
    found: Json = {"value": float(value), "low": interval.low, "high": interval.high}
    return found if interval.reason is None else found | {"reason": interval.reason}


def undefined(reason: str) -> Json:
    """A figure that has no value, and why."""
    return {"value": None, "low": None, "high": None, "reason": reason}
