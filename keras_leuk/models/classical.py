"""Classifiers of scikit-learn on feature vectors, and how they are kept: as plain arrays, never as a pickle.

scikit-learn fits (`fit`); what it found is copied into arrays, and `Classical.probabilities` computes from these alone. So a
file from elsewhere can be opened without running its code, a later version of scikit-learn changes no prediction, and an
image gets the same bits in training and long after, alone or among others. Against scikit-learn's own `predict_proba`: tests.

The settings are fixed: whoever compares hand-made with learnt features must not tune one side. All three see each feature
minus its mean over its standard deviation (`StandardScaler`), both of the training images.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from keras_leuk.errors import DataError, RunError
from keras_leuk.recipe.randomness import small_seed
from keras_leuk.runs.atomic import replacing

FOLDS = 5
"""Most folds within the training side."""
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Values of C that a logistic regression chooses from; the smallest is the strongest penalty."""
MARGIN = 1.0
"""C of the support vector machine, scikit-learn's default."""
TREES = 500

_SCHEMA = 1
_BLOCK = 256


@dataclass(frozen=True)
class Classical:
    """A fitted classifier.

    Attributes:
        kind: ``logistic``, ``svm`` or ``forest``.
        classes: number of classes of the data.
        arrays: what was fitted; see the `_fit_*` functions for names and shapes. Always ``mean`` and ``scale``, float64
            (features,), and ``present``, int64: the classes that the training side holds.
        facts: what was chosen on the way, in plain values.
    """

    kind: str
    classes: int
    arrays: Mapping[str, np.ndarray]
    facts: dict[str, Any] = field(default_factory=dict)

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Probability of each class, float64 (n, classes); a class that was not trained on gets 0.

        Args:
            features: float (n, features), as they are, not standardised.
        """
        rows = (np.asarray(features, np.float64) - self.arrays["mean"]) / self.arrays["scale"]
        with _one_thread():
            chances = _CHANCES[self.kind](rows, self.arrays)
        table = np.zeros((len(rows), self.classes))
        table[:, self.arrays["present"]] = chances
        return table

    def save(self, path: Path) -> None:
        """Writes an .npz without pickled objects."""
        text = json.dumps({"schema": _SCHEMA, "kind": self.kind, "classes": self.classes, "facts": self.facts})
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, allow_pickle=False, described=np.array(text), **self.arrays)

    @staticmethod
    def load(path: Path) -> Classical:
        """Reads what `save` wrote; nothing in the file is run.

        Raises:
            RunError: it is missing, damaged, or of a later version.
        """
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as kept:
                described = json.loads(str(kept["described"]))
                if described["schema"] != _SCHEMA:
                    raise RunError(f"{path} has schema {described['schema']!r}; this version reads {_SCHEMA}")
                arrays = {name: kept[name] for name in kept.files if name != "described"}
                return Classical(described["kind"], int(described["classes"]), arrays, described["facts"])
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise RunError(f"{path} cannot be read: {error}") from None


def fit(
    kind: str,
    features: np.ndarray,
    labels: np.ndarray,
    *,
    classes: int,
    groups: np.ndarray,
    weights: np.ndarray | None,
    seed: int,
) -> Classical:
    """Fits one classifier to the training side, which is all that it ever sees.

    Args:
        kind: ``logistic``: L2, C from `PENALTIES` by the lowest log loss on the held-out groups of `inner_folds`;
            ``svm``: radial basis function, C `MARGIN`, gamma 1 / (features * variance); for more than two classes one machine a
            class against the rest; probabilities by Platt's sigmoid (1999), fitted to the decisions on held-out groups of
            `inner_folds`; ``forest``: `TREES` trees with scikit-learn's defaults, probability = mean share of the class in the
            leaves.
        features: float (n, features).
        labels: int (n,), index into the class order.
        groups: (n,), who belongs together (linked subjects; a picture where its subject is unknown).
        weights: float (n,), how much each image counts in the fit; None: all alike.
        seed: of the forest's draws; the others draw nothing.

    Raises:
        DataError: the training side holds fewer than two classes, or, except for a forest, a class of a single image.
    """
    present, targets = np.unique(labels, return_inverse=True)
    if len(present) < 2:
        raise DataError(f"a scikit-learn head needs two classes to train on; the {len(labels)} training images are of one")
    counted = np.ones(len(labels)) if weights is None else np.asarray(weights, np.float64)
    with _one_thread():
        arrays, facts = _FITS[kind](np.asarray(features, np.float64), targets, groups, counted, seed)
    return Classical(kind, classes, {**arrays, "present": present.astype(np.int64)}, facts)


def inner_folds(labels: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, str]:
    """Folds within the training side that part no group: a GroupKFold that looks at classes, too.

    The groups that hold the rarest class (of fewest groups) come first, the largest among them first; each goes to the fold with
    the fewest images of its rarest class. At most `FOLDS`, and no more than the rarest class has groups. Where a class would then
    be of one fold alone, and the others could not be judged on it, images take the place of groups, which the second value says.

    Args:
        labels: int (n,), from 0 on without a gap.
        groups: (n,), names.

    Returns:
        Fold of each image, int64 (n,), and ``groups`` or ``images``.

    Raises:
        DataError: a class has a single image.
    """
    names, group = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), labels.max() + 1), np.int64)
    np.add.at(counts, (group, labels), 1)
    holders = (counts > 0).sum(axis=0)
    rarest = np.where(counts > 0, holders, len(names) + 1).argmin(axis=1)
    load = np.zeros((max(2, min(FOLDS, int(holders.min()))), counts.shape[1]), np.int64)
    fold = np.zeros(len(names), np.int64)
    for place in np.lexsort((np.arange(len(names)), -counts.sum(axis=1), holders[rarest])):
        fold[place] = np.lexsort((load.sum(axis=1), load[:, rarest[place]]))[0]
        load[fold[place]] += counts[place]
    if ((load > 0).sum(axis=0) > 1).all():
        return fold[group], "groups"
    if len(names) == len(labels):
        raise DataError("a class has a single training image; sklearn:logistic and sklearn:svm need two, sklearn:forest does not")
    return inner_folds(labels, np.arange(len(labels)))[0], "images"


def _one_thread() -> Any:
    """Linear algebra by one thread: ten times as quick on a few hundred rows, and the same bits on any number of cores."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, user_api="blas")


_Found = tuple[dict[str, np.ndarray], dict[str, Any]]


def _standardized(features: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(features)
    return (features - scaler.mean_) / scaler.scale_, {"mean": scaler.mean_, "scale": scaler.scale_}


def _fit_logistic(features: np.ndarray, targets: np.ndarray, groups: np.ndarray, weights: np.ndarray, seed: int) -> _Found:
    """Arrays: coefficients (k, features) and intercepts (k,); k = 1, for the later class, where there are two classes."""
    folds, by = inner_folds(targets, groups)
    costs = np.zeros(len(PENALTIES))
    for fold in np.unique(folds):
        held = folds == fold
        rows, scaling = _standardized(features[~held])
        others = (features[held] - scaling["mean"]) / scaling["scale"]
        for number, penalty in enumerate(PENALTIES):
            fitted = _logistic(rows, targets[~held], weights[~held], penalty)
            chance = _logistic_chances(others, fitted)[np.arange(held.sum()), targets[held]]
            costs[number] -= float(weights[held] @ np.log(np.maximum(chance, 1e-15)))
    # The strongest penalty of equals: a tie says that the others buy nothing.
    penalty = PENALTIES[int(costs.argmin())]
    rows, scaling = _standardized(features)
    chosen = {"C": penalty, "log_loss": dict(zip(map(str, PENALTIES), (costs / weights.sum()).tolist(), strict=True))}
    return {**scaling, **_logistic(rows, targets, weights, penalty)}, {**chosen, "folds": len(np.unique(folds)), "held_out": by}


def _logistic(rows: np.ndarray, targets: np.ndarray, weights: np.ndarray, penalty: float) -> dict[str, np.ndarray]:
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=penalty, max_iter=10_000).fit(rows, targets, sample_weight=weights)
    return {"coefficients": fitted.coef_, "intercepts": fitted.intercept_}


def _logistic_chances(rows: np.ndarray, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    # A row at a time: a product of matrices gives a row other last bits in other company.
    scores = np.empty((len(rows), len(arrays["coefficients"])))
    for number, row in enumerate(rows):
        scores[number] = (arrays["coefficients"] * row).sum(axis=1) + arrays["intercepts"]
    if scores.shape[1] == 1:
        return _of_two(_sigmoid(scores[:, 0]))
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _fit_svm(features: np.ndarray, targets: np.ndarray, groups: np.ndarray, weights: np.ndarray, seed: int) -> _Found:
    """Arrays: gamma (); for machine m, of class m against the rest (of the later class, where there are two): ``vectors_m`` (v,
    features), ``duals_m`` (v,), ``intercept_m`` (), ``slope_m`` and ``offset_m`` (): P = sigmoid(slope * decision + offset)."""
    folds, by = inner_folds(targets, groups)
    rows, scaling = _standardized(features)
    gamma = _gamma(rows)
    arrays: dict[str, np.ndarray] = {**scaling, "gamma": np.array(gamma)}
    sought = [1] if targets.max() == 1 else range(targets.max() + 1)
    for number, wanted in enumerate(sought):
        is_it = targets == wanted
        held_out = np.zeros(len(rows))
        for fold in np.unique(folds):
            held = folds == fold
            others, inner = _standardized(features[~held])
            machine = _machine(others, is_it[~held], weights[~held], _gamma(others))
            held_out[held] = _decisions((features[held] - inner["mean"]) / inner["scale"], _gamma(others), *machine)
        machine = _machine(rows, is_it, weights, gamma)
        slope, offset = platt(held_out, is_it, weights)
        named = zip(("vectors", "duals", "intercept", "slope", "offset"), (*machine, slope, offset), strict=True)
        arrays |= {f"{name}_{number}": np.asarray(value) for name, value in named}
    return arrays, {"C": MARGIN, "gamma": gamma, "folds": len(np.unique(folds)), "held_out": by}


def _gamma(rows: np.ndarray) -> float:
    """scikit-learn's ``scale``."""
    spread = float(rows.var())
    return 1.0 / (rows.shape[1] * spread) if spread > 0 else 1.0


def _machine(rows: np.ndarray, is_it: np.ndarray, weights: np.ndarray, gamma: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from sklearn.svm import SVC

    fitted = SVC(C=MARGIN, kernel="rbf", gamma=gamma).fit(rows, is_it, sample_weight=weights)
    return fitted.support_vectors_, fitted.dual_coef_[0], fitted.intercept_[0]


def _decisions(rows: np.ndarray, gamma: float, vectors: np.ndarray, duals: np.ndarray, intercept: np.ndarray) -> np.ndarray:
    squares = (vectors**2).sum(axis=1)
    found = np.empty(len(rows))
    for number, row in enumerate(rows):
        distances = np.maximum(squares + (row**2).sum() - 2 * (vectors @ row), 0.0)
        found[number] = (duals * np.exp(-gamma * distances)).sum() + intercept
    return found


def platt(decisions: np.ndarray, is_it: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Slope and offset of the sigmoid that turns decisions into probabilities.

    Platt 1999, section 2.2: the least cross-entropy against targets that are drawn in a little from 0 and 1.

    Args:
        decisions: float (n,), of images that the machine was not fitted to.
        is_it: bool (n,).
        weights: float (n,), as in the machine's own fit: else the sigmoid would take the balance of classes back.
    """
    from scipy.optimize import minimize

    many, few = float(weights[is_it].sum()), float(weights[~is_it].sum())
    wanted = np.where(is_it, (many + 1) / (many + 2), 1 / (few + 2))

    def cost(line: np.ndarray) -> tuple[float, np.ndarray]:
        scores = line[0] * decisions + line[1]
        rest = weights * (_sigmoid(scores) - wanted)
        return float(weights @ (np.logaddexp(0, scores) - wanted * scores)), np.array([rest @ decisions, rest.sum()])

    start = np.array([0.0, np.log((many + 1) / (few + 1))])
    found = minimize(cost, start, jac=True, method="BFGS", options={"gtol": 1e-8 * len(decisions)}).x
    return float(found[0]), float(found[1])


def _svm_chances(rows: np.ndarray, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    machines = sum(name.startswith("slope_") for name in arrays)
    chances = np.empty((len(rows), machines))
    for number in range(machines):
        own = (arrays[f"{name}_{number}"] for name in ("vectors", "duals", "intercept"))
        decisions = _decisions(rows, float(arrays["gamma"]), *own)
        chances[:, number] = _sigmoid(arrays[f"slope_{number}"] * decisions + arrays[f"offset_{number}"])
    if machines == 1:
        return _of_two(chances[:, 0])
    total = chances.sum(axis=1, keepdims=True)
    # All machines can say no; nothing then speaks for one class or another.
    return np.where(total > 0, chances / np.where(total > 0, total, 1.0), 1.0 / machines)


def _fit_forest(features: np.ndarray, targets: np.ndarray, groups: np.ndarray, weights: np.ndarray, seed: int) -> _Found:
    """Arrays of the nodes of all trees, one tree behind the other: ``left``, ``right`` and ``feature``, int32 (left is -1 in a
    leaf), ``threshold``, float64, ``share``, float64 (nodes, classes); ``roots``, int64 (trees,)."""
    from sklearn.ensemble import RandomForestClassifier

    rows, scaling = _standardized(features)
    forest = RandomForestClassifier(TREES, random_state=small_seed(seed, "forest"), n_jobs=-1)
    trees = [tree.tree_ for tree in forest.fit(rows, targets, sample_weight=weights).estimators_]
    roots = np.cumsum([0, *(tree.node_count for tree in trees[:-1])])
    shares = np.concatenate([tree.value[:, 0, :] for tree in trees])

    def below(name: str) -> np.ndarray:
        sides = [getattr(tree, name) for tree in trees]
        moved = [np.where(side < 0, -1, side + root) for side, root in zip(sides, roots, strict=True)]
        return np.concatenate(moved).astype(np.int32)

    arrays = {
        "roots": roots.astype(np.int64),
        "left": below("children_left"),
        "right": below("children_right"),
        "feature": np.maximum(np.concatenate([tree.feature for tree in trees]), 0).astype(np.int32),
        "threshold": np.concatenate([tree.threshold for tree in trees]),
        "share": shares / shares.sum(axis=1, keepdims=True),
    }
    return {**scaling, **arrays}, {"trees": TREES}


def _forest_chances(rows: np.ndarray, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    left, right, feature, threshold = (arrays[name] for name in ("left", "right", "feature", "threshold"))
    # scikit-learn's trees compare single precision.
    values = rows.astype(np.float32)
    chances = np.empty((len(rows), arrays["share"].shape[1]))
    for begin in range(0, len(rows), _BLOCK):
        block = values[begin : begin + _BLOCK]
        node = np.tile(arrays["roots"], (len(block), 1))
        places = np.arange(len(block))[:, None]
        while (inner := left[node] >= 0).any():
            goes_left = block[places, feature[node]] <= threshold[node]
            node = np.where(inner, np.where(goes_left, left[node], right[node]), node)
        for number, share in enumerate(arrays["share"].T):
            chances[begin : begin + len(block), number] = share[node].mean(axis=1)
    return chances


def _sigmoid(scores: np.ndarray) -> np.ndarray:
    small = np.exp(-np.abs(scores))
    return np.asarray(np.where(scores >= 0, 1.0, small) / (1.0 + small))


def _of_two(later: np.ndarray) -> np.ndarray:
    return np.stack([1.0 - later, later], axis=1)


_Fitter = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int], _Found]
_FITS: Mapping[str, _Fitter] = {"logistic": _fit_logistic, "svm": _fit_svm, "forest": _fit_forest}
_CHANCES: Mapping[str, Callable[[np.ndarray, Mapping[str, np.ndarray]], np.ndarray]] = {
    "logistic": _logistic_chances,
    "svm": _svm_chances,
    "forest": _forest_chances,
}
