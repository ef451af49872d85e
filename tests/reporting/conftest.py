"""What tests of reports share."""

from __future__ import annotations

import pytest
from fabricated import EIGHT, fabricate


@pytest.fixture
def make_run(tmp_path):
    return lambda name="run", *args, **kwargs: fabricate(tmp_path / name, *args, **kwargs)


@pytest.fixture(scope="session")
def eight():
    return EIGHT
