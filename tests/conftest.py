"""Fixtures that many tests share. Real samples and weights are used where they lie; the suite passes without them.

The folder of samples is named by KERAS_LEUK_SAMPLES, or is the folder `shared` beside the project.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keras_leuk.data.demo import make_demo
from keras_leuk.devices.threads import cores, grant
from keras_leuk.recipe import Recipe
from keras_leuk.recipe.loading import validate
from keras_leuk.runs.folder import RunFolder

ROOT = Path(__file__).parents[1]
SAMPLES = Path(os.environ.get("KERAS_LEUK_SAMPLES", ROOT.parent / "shared"))

# Tests must not read what the user has set, nor write into the user's cache.
os.environ.pop("KERAS_LEUK_WEIGHTS", None)

# Processes of tests divide the machine among them: two that each have all cores take a third longer.
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    grant(max(1, cores() // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder that the whole session shares."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(cache: Path) -> None:
    os.environ["KERAS_LEUK_CACHE"] = str(cache)


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of real samples and weights."""
    if not (SAMPLES / "data" / "unpack").is_file():
        pytest.skip(f"no real samples in {SAMPLES}")
    return SAMPLES


@pytest.fixture(scope="session")
def cnmc_sample(samples: Path) -> Path:
    """The unpacked sample of C-NMC 2019."""
    answer = subprocess.run(["sh", str(samples / "data" / "unpack")], capture_output=True, text=True, check=True)
    return Path(answer.stdout.strip())


@pytest.fixture(scope="session")
def imagenet(samples: Path) -> Path:
    """The folder of real ImageNet weights."""
    return samples / "weights"


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


@pytest.fixture(scope="session", autouse=True)
def _drawing() -> Iterator[Any]:
    """Runs write their report without figures, which take most of the time of a tiny run; gives what draws them."""
    from keras_leuk.reporting import report

    draw = report._draw
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "_draw", _drawing_nothing)
        yield draw


def _drawing_nothing(folder: RunFolder, contents: Any, progress: Any) -> list[Any]:
    folder.figures.mkdir(exist_ok=True)
    return []


@pytest.fixture
def figures(_drawing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of this test draw their figures."""
    monkeypatch.setattr("keras_leuk.reporting.report._draw", _drawing)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest tests first: begun last, one of them would leave all other processes waiting for it."""
    items.sort(key=lambda item: "killed_again_and_again" not in item.name)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says how many of the tests on real samples ran: a green suite must not hide that none did."""

    def count(outcome: str) -> int:
        return sum(
            "real" in report.keywords and report.when in ("call", "setup") for report in terminalreporter.stats.get(outcome, [])
        )

    terminalreporter.write_line(f"tests on real samples ({SAMPLES}): {count('passed')} ran, {count('skipped')} skipped")
