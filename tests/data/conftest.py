"""Fixtures of the data tests. `samples` and `cnmc_sample` stand here until tests/conftest.py brings them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def samples() -> Path:
    """The shared folder with real data; skips where it is not there."""
    if not (SHARED / "README.md").is_file():
        pytest.skip("the shared folder with real data is not there")
    return SHARED


@pytest.fixture(scope="session")
def cnmc_sample(samples: Path) -> Path:
    """The unpacked real C-NMC sample."""
    done = subprocess.run(["sh", str(samples / "unpack")], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())
