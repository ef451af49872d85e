from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from keras_leuk.errors import RecipeError
from keras_leuk.models import heads
from keras_leuk.recipe.model import Head, Output

ONE = Output(activation="sigmoid", units="one")
SOFTMAX, SIGMOIDS = Output(), Output(activation="sigmoid")


def test_named_and_spelt_out_heads() -> None:
    assert heads.find("linear") == Head()
    own = Head(pooling="max")
    assert heads.find(own) is own
    with pytest.raises(RecipeError, match="did you mean 'linear'"):
        heads.find("liner")


@given(arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(2, 6)), elements=st.floats(0, 1, width=32)))
def test_probabilities_sum_to_one(outputs: np.ndarray) -> None:
    for output in (SOFTMAX, SIGMOIDS):
        found = heads.probabilities(outputs, output, None)
        assert found.dtype == np.float64
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)
        assert ((found >= 0) & (found <= 1)).all()


@pytest.mark.parametrize("positive", [0, 1])
def test_one_unit_speaks_for_the_positive_class(positive: int) -> None:
    found = heads.probabilities(np.array([[0.25]], np.float32), ONE, positive)
    assert found[0, positive] == 0.25
    assert found[0, 1 - positive] == 0.75
    labels = np.array([positive, 1 - positive])
    assert heads.targets(labels, ONE, 2, positive).tolist() == [[1.0], [0.0]]


def test_two_sigmoids_are_normalised() -> None:
    found = heads.probabilities(np.array([[0.2, 0.6], [0.0, 0.0]], np.float32), SIGMOIDS, 1)
    np.testing.assert_allclose(found, [[0.25, 0.75], [0.5, 0.5]], atol=1e-7)


def test_targets_are_one_hot_in_label_order() -> None:
    assert heads.targets(np.array([2, 0]), SOFTMAX, 3, None).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert heads.units(SOFTMAX, 3) == 3
    assert heads.units(ONE, 2) == 1


def test_meaning_names_the_class_of_one_unit() -> None:
    assert "ALL" in heads.meaning(ONE, ["HEM", "ALL"], "ALL")
    assert "softmax" in heads.meaning(SOFTMAX, ["a", "b", "c"], None)
