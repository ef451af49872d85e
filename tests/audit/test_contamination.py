from __future__ import annotations

import numpy as np
import pytest

from keras_leuk.audit import contamination
from keras_leuk.audit.contamination import contaminated
from keras_leuk.evaluation.intervals import Units


def drawn(share, classes=2, n=2000, exponent=1.0, sure=2.0, seed=0):
    """Probabilities of a model, labels drawn from them made sharper by the exponent, and a share of the labels changed."""
    draw = np.random.default_rng(seed)
    scores = sure * draw.normal(size=(n, classes))
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    true = chances**exponent / (chances**exponent).sum(axis=1, keepdims=True)
    labels = np.array([draw.choice(classes, p=row) for row in true])
    changed = draw.random(n) < share
    labels = np.where(changed, (labels + draw.integers(1, classes, size=n)) % classes, labels)
    return chances, labels, Units("subject", tuple(map(str, range(100))), np.arange(n) % 100)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(contamination, "RESAMPLES", 60)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("exponent", [0.8, 1.0, 2.0])
def test_the_share_of_wrong_labels_is_found_however_sure_the_model_is(classes, exponent):
    found = [contaminated(*drawn(0.06, classes, exponent=exponent, seed=seed)) for seed in range(6)]
    assert np.mean([share for share, _ in found]) == pytest.approx(0.06, abs=0.025)
    assert sum(interval.low < 0.06 < interval.high for _, interval in found) >= 4


@pytest.mark.parametrize("exponent", [0.6, 1.0, 2.0])
def test_doubt_is_no_wrong_label(exponent):
    share, interval = contaminated(*drawn(0.0, exponent=exponent))
    assert share < 0.02
    assert interval.low * 2000 < 1


def test_it_is_the_likelihoods_top():
    chances, labels, units = drawn(0.1, n=300, exponent=1.3)
    share, _ = contaminated(chances, labels, units)

    def cost(exponent, wrong):
        sharp = chances**exponent / (chances**exponent).sum(axis=1, keepdims=True)
        own = sharp[np.arange(300), labels]
        return -np.log((1 - wrong) * own + wrong * (1 - own)).sum()

    grid = {wrong: min(cost(exponent, wrong) for exponent in np.linspace(0.3, 4, 75)) for wrong in np.linspace(0, 0.3, 61)}
    assert share == pytest.approx(min(grid, key=lambda wrong: grid[wrong]), abs=0.01)


def test_certainties_are_no_obstacle():
    chances, labels = np.array([[1.0, 0.0], [0.0, 1.0]] * 30), np.array([0, 1] * 30)
    labels[:3] = 1 - labels[:3]
    share, interval = contaminated(chances, labels, Units("subject", tuple(map(str, range(20))), np.arange(60) % 20))
    assert share == pytest.approx(3 / 60, abs=1e-3)
    assert interval.low <= share <= interval.high
