"""A tiny data set, and searches on it that pretend to train."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import pytest
from pretend import Pretender

from keras_leuk.progress import Progress
from keras_leuk.recipe import Recipe
from keras_leuk.recipe.loading import validate
from keras_leuk.reporting.tuning import write_tuning
from keras_leuk.tuning import report, study, trials
from keras_leuk.tuning.storage import database, opened

SPACE = {"training.learning_rate.initial": "log:1e-5..1e-1", "training.optimizer.name": "adam|sgd"}


@pytest.fixture(scope="session")
def small_recipe(tiny: Path):
    """Makes a recipe for the tiny set; sections as keywords."""

    def make(**sections: Any) -> Recipe:
        tree: dict[str, Any] = {
            "data": {"path": str(tiny)},
            "images": {"size": 32},
            "model": {"backbone": "mobilenet", "weights": "random"},
            "training": {"epochs": 6, "batch_size": 8},
            "evaluation": {"resamples": 100},
        }
        for name, section in sections.items():
            tree[name] = {**tree.get(name, {}), **section} if isinstance(section, dict) else section
        return validate(tree)

    return make


class Pretending:
    """Searches without training. A study lives in memory, which takes a tenth of the time, unless a test asks for its database.

    Attributes:
        root: folder of the searches' folders.
    """

    def __init__(self, root: Path, cache: Path, make_recipe: Any, monkeypatch: pytest.MonkeyPatch):
        self.root, self.cache, self.make_recipe, self.monkeypatch = root, cache, make_recipe, monkeypatch
        self.databases: dict[str, Any] = {}

    def __call__(
        self,
        pretender: Pretender | None = None,
        out: str = "search",
        *,
        recipe: Recipe | None = None,
        space: dict[str, Any] | None = None,
        progress: Progress | None = None,
        draw: bool = False,
        on_disk: bool = False,
        **how: Any,
    ) -> study.Found:
        self.monkeypatch.setattr(trials, "train", pretender or Pretender())
        self.monkeypatch.setattr(report, "write_tuning", write_tuning if draw else lambda folder: None)
        self.monkeypatch.setattr(study, "opened", opened if on_disk else self._opened)
        asked = recipe or self.make_recipe()
        return study.search(asked, space or SPACE, self.root / out, study.How(**how), cache=self.cache, progress=progress)

    def study(self, out: str = "search") -> Any:
        """Optuna's study of a search in memory."""
        return self._open(database(None, self.root / out), "tune", None)

    def _open(self, url: str, name: str, direction: str | None) -> Any:
        storage = self.databases.setdefault(url, optuna.storages.InMemoryStorage())
        before = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.CRITICAL)
        try:
            return optuna.create_study(study_name=name, storage=storage, direction=direction, load_if_exists=True)
        finally:
            optuna.logging.set_verbosity(before)

    @contextmanager
    def _opened(self, url: str, name: str, direction: str) -> Iterator[Any]:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
            yield self._open(url, name, direction)


@pytest.fixture
def pretending(small_recipe, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pretending:
    return Pretending(tmp_path, cache, small_recipe, monkeypatch)
