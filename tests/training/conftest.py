"""What runs leave."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def run_files() -> set[str]:
    """What every run folder holds, whatever was trained; the model's own file comes on top."""
    tables = {"split.csv", "history.csv", "predictions.csv", "predictions.json", "metrics.json", "mistakes.npz"}
    return tables | {"recipe.yaml", "environment.json", "timing.json", "model.json", "report.md", "figures", "complete.json"}
