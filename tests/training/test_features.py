from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from keras_leuk.progress import Progress, Recorder
from keras_leuk.recipe import Recipe
from keras_leuk.training.features import OTHER, Features, statistics
from keras_leuk.training.materials import gather
from keras_leuk.training.network import build_network, stored_features
from keras_leuk.training.results import Context


@given(arrays(np.float32, (13, 4), elements=st.floats(-100, 100, width=32)), st.integers(1, 20))
def test_statistics_in_blocks_are_numpys(rows: np.ndarray, block: int) -> None:
    index = np.array([0, 3, 3, 7, 12])
    mean, variance = statistics(rows, index, block)
    part = rows[index].astype(np.float64)
    np.testing.assert_allclose(mean, part.mean(axis=0), atol=1e-9)
    expected = part.var(axis=0)
    np.testing.assert_allclose(variance, np.where(variance == 1.0, 1.0, expected), atol=1e-8)


def test_tiny_features_keep_their_own_scale() -> None:
    rows = np.random.default_rng(0).normal(0, 1e-6, (500, 3)).astype(np.float32)
    _, variance = statistics(rows, np.arange(500))
    np.testing.assert_allclose(variance, 1e-12, rtol=0.2)


def test_a_channel_that_never_varies_becomes_zero_not_infinite() -> None:
    mean, variance = statistics(np.full((4, 2), 7, np.float32), np.arange(4))
    assert mean.tolist() == [7, 7]
    assert variance.tolist() == [1, 1]


@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_both_poolings_are_stored_in_one_pass_with_the_bits_of_their_own(
    pooling: str, tiny_recipe: Callable[..., Recipe], cache: Path, tmp_path: Path
) -> None:
    def extracted(of: str, folder: Path) -> Features:
        recipe = tiny_recipe(model__head={"pooling": of})
        materials = gather(recipe, cache=cache, progress=Progress())
        context = Context(recipe, replace(materials, cache=folder), folder, (), Recorder(), 0.0, 0.0)
        return stored_features(build_network(context), context)

    asked = extracted(pooling, tmp_path)
    beside = extracted(OTHER[pooling], tmp_path)
    assert asked.computed > 0
    assert beside.computed == 0
    assert beside.store.address != asked.store.address
    alone = extracted(OTHER[pooling], tmp_path / "alone")
    assert alone.computed == asked.computed
    np.testing.assert_array_equal(beside.store.rows()[beside.index], alone.store.rows()[alone.index])
