"""How many labels contradict a model by more than its own doubt: logistic regression with contaminated responses.

A model that is unsure is often wrong without a single wrong label, so images it gets wrong are no count of wrong labels. Wrong
labels
show differently: the model is contradicted as often where it is sure as where it is not. With q the model's probabilities, made
sharper or softer by an exponent a, a label y has the chance (1 - g) q_y + g (1 - q_y) / (classes - 1); a and g are fitted
together.

Source: Copas 1988, Binary regression models for contaminated data, Journal of the Royal Statistical Society B 50, for two
    classes.
"""

from __future__ import annotations

import numpy as np

from keras_leuk.audit.probe import CONFIDENCE, one_thread
from keras_leuk.evaluation.counts import Floats
from keras_leuk.evaluation.intervals import Interval, Units, draws, percentile_interval

RESAMPLES = 200
"""Each one is a fit."""

_SMALLEST = 1e-12
_EXPONENT, _SHARE = (0.02, 50.0), (0.0, 0.49)
"""Bounds of a and g."""
_START = 0.01
_LARGEST = 300.0
"""Powers of e beyond say nothing more, and their squares would not fit."""


def contaminated(probabilities: Floats, labels: np.ndarray, units: Units, seed: int = 0) -> tuple[float, Interval]:
    """Share of labels that contradict the model beyond its doubt.

    Args:
        probabilities: (n, classes), out of fold; two classes or more.
        labels: int (n,).
        units: the subjects, for the interval (percentile bootstrap; the model is taken as it is).

    Returns:
        the share, within 0 and 0.49, and its interval.
    """
    logs = np.log(np.maximum(probabilities, _SMALLEST))
    own = logs[np.arange(len(labels)), labels]
    # The label's own column is 0 and would only cost time.
    others = np.array([[k for k in range(logs.shape[1]) if k != label] for label in range(logs.shape[1])])
    lead = np.take_along_axis(logs, others[labels], axis=1) - own[:, None]
    found = []
    with one_thread():
        exponent, share = _fit(lead, np.ones(len(labels)), (1.0, _START))
        for drawn in draws(units, RESAMPLES, seed, "contamination"):
            found += [_fit(lead, weights[units.of_row], (exponent, max(share, _START)))[1] for weights in drawn]
    return share, percentile_interval(np.array(found), CONFIDENCE, "subject", len(units.names))


def _fit(lead: Floats, weights: Floats, start: tuple[float, float]) -> tuple[float, float]:
    """The exponent a and the share g of the greatest likelihood.

    Args:
        lead: (n, classes - 1), log of every other class's probability over that of the label.
        weights: (n,), how often each image counts.
    """
    from scipy.optimize import minimize

    kept = weights > 0
    lead, weights = lead[kept], weights[kept]
    total, others = float(weights.sum()), lead.shape[1]

    def cost(at: Floats) -> tuple[float, Floats]:
        exponent, share = at
        powers = np.exp(np.minimum(exponent * lead, _LARGEST))
        own = 1 / (1 + powers.sum(axis=1))
        chance = (1 - share) * own + share * (1 - own) / others
        rate = weights / np.maximum(chance, 1e-300)
        by_exponent = (1 - share - share / others) * -(own**2) * (lead * powers).sum(axis=1)
        by_share = (1 - own) / others - own
        slope = np.array([rate @ by_exponent, rate @ by_share])
        return -float(weights @ np.log(np.maximum(chance, 1e-300))) / total, -slope / total

    best = minimize(cost, np.array(start), jac=True, method="L-BFGS-B", bounds=(_EXPONENT, _SHARE)).x
    return float(best[0]), float(best[1])
