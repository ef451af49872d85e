"""Cells of a grid share the file of a frozen backbone's weights, and still are models of their own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from keras_leuk.recipe import Recipe
from keras_leuk.runs.folder import RunFolder
from keras_leuk.training.predictor import load_predictor
from keras_leuk.training.trajectory import train_trajectory


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3)).astype(np.uint8)


def test_budgets_share_one_file_and_predict_what_whole_runs_predict(
    tiny_recipe: Callable[..., Recipe], tmp_path: Path, cache: Path, pictures: np.ndarray
) -> None:
    shared = {1: tmp_path / "shared" / "one", 2: tmp_path / "shared" / "two"}
    train_trajectory(tiny_recipe(), shared, state=tmp_path / "state", cache=cache, backbones=tmp_path / "backbones")
    whole = {1: tmp_path / "whole" / "one", 2: tmp_path / "whole" / "two"}
    train_trajectory(tiny_recipe(), whole, state=tmp_path / "state-of-whole", cache=cache)
    (file,) = (tmp_path / "backbones").iterdir()
    assert file.stat().st_nlink == 3
    keys = [str(number) * 64 for number in range(len(pictures))]
    for epochs, path in shared.items():
        assert not RunFolder(whole[epochs]).backbone.exists()
        assert RunFolder(path).weights.stat().st_size < RunFolder(whole[epochs]).weights.stat().st_size
        np.testing.assert_array_equal(
            load_predictor(RunFolder(path)).outputs(pictures, keys),
            load_predictor(RunFolder(whole[epochs])).outputs(pictures, keys),
        )
    # A cell that is copied elsewhere needs nothing of the grid.
    shutil.copytree(shared[2], tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "backbones")
    np.testing.assert_array_equal(
        load_predictor(RunFolder(tmp_path / "elsewhere")).outputs(pictures, keys),
        load_predictor(RunFolder(whole[2])).outputs(pictures, keys),
    )
