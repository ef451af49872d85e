"""A tiny generated data set and recipes that train on it in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from keras_leuk.data.demo import make_demo
from keras_leuk.recipe import Recipe
from keras_leuk.recipe.loading import validate


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 cells of 9 subjects, and 15 preliminary ones of 3 more, 48 pixels wide."""
    return make_demo(tmp_path_factory.mktemp("tiny"), cells=60, subjects=9, size=48)


@pytest.fixture(scope="session")
def tiny_recipe(tiny: Path):
    """Makes a recipe for the tiny set; keys are dotted with '__'."""

    def make(**settings: Any) -> Recipe:
        tree: dict[str, Any] = {
            "data": {"path": str(tiny)},
            "images": {"size": 32},
            "model": {"backbone": "mobilenet", "weights": "random"},
            "training": {"epochs": 4, "batch_size": 8},
            "evaluation": {"resamples": 100},
        }
        for key, value in settings.items():
            *parents, leaf = key.split("__")
            place = tree
            for parent in parents:
                place = place.setdefault(parent, {})
            place[leaf] = value
        return validate(tree)

    return make


@pytest.fixture(scope="session")
def run_files() -> set[str]:
    """What every run folder holds, whatever was trained; the model's own file comes on top."""
    tables = {"split.csv", "history.csv", "predictions.csv", "predictions.json", "metrics.json", "mistakes.npz"}
    return tables | {"recipe.yaml", "environment.json", "timing.json", "model.json", "report.md", "figures", "complete.json"}
