from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_leuk.papers import replicate_costs
from keras_leuk.papers.replicate_costs import MEASURED_SIZE, REFERENCE, UnitCosts, Work, costs_of, seconds, unit_costs

UNITS = {"a": UnitCosts(10, 50, 1, 2, 20), "b": UnitCosts(100, 400, 2, 3, 30)}


@pytest.fixture(autouse=True)
def _stated_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Costs that stand in the test: the measured ones are another machine's on another day."""
    monkeypatch.setattr(replicate_costs, "unit_costs", lambda: UNITS)
    for name, value in {"START_SECONDS": 5, "CELL_SECONDS": 1, "HEAD_SECONDS": 2, "HEAD_MS": 0.02, "PAGE_SECONDS": 20}.items():
        monkeypatch.setattr(replicate_costs, name, value)


def path(**given: object) -> Work:
    settings = {
        "backbone": "a",
        "frozen": True,
        "features": "a/224",
        "views_of": None,
        "size": 224,
        "images": 1000,
        "training": 800,
        "views": 0,
        "epochs": 100,
        "cells": 8,
    }
    return Work(**(settings | given))  # type: ignore[arg-type]


def test_shipped_costs_are_positive_and_have_the_reference() -> None:
    shipped = unit_costs()
    assert REFERENCE in shipped
    assert all(getattr(costs, one.name) > 0 for costs in shipped.values() for one in fields(costs))
    assert all(costs.step_ms > costs.forward_ms for costs in shipped.values())


def test_a_network_that_was_not_measured_costs_as_the_dearest() -> None:
    assert costs_of("a") == UNITS["a"]
    assert costs_of("unheard-of") == UNITS["b"]


def test_a_frozen_path_by_hand() -> None:
    # Forward: 1,000 images at 10 ms, compiling 2 s. Process, building, 8 cells, head: 5 + 1 + 8 + 2; 80,000 steps of 0.02 ms.
    assert seconds([path()], 1.0, 1) == pytest.approx(20 + (10 + 2) + (16 + 1.6))


def test_a_trained_path_by_hand() -> None:
    one = path(frozen=False, features=None, epochs=3, cells=1)
    # 3 epochs of 800 steps at 50 ms and 200 looks at 10 ms; then all 1,000 images once more; 5 + 1 + 1 and compiling 20 + 2 * 2.
    assert seconds([one], 1.0, 4) == pytest.approx(20 + 3 * (40 + 2) + 10 + 7 + 24)


def test_features_are_paid_for_once_and_views_for_every_seed() -> None:
    two = [path(), path()]
    assert seconds(two, 1.0, 1) - seconds(two[:1], 1.0, 1) == pytest.approx(17.6)
    seeds = [path(views=4, views_of=f"a/224/{seed}") for seed in (0, 1)]
    one_seed = [path(views=4, views_of="a/224/0")] * 2
    assert seconds(seeds, 1.0, 1) - seconds(one_seed, 1.0, 1) == pytest.approx(4 * 800 * 0.010)


def test_a_slower_machine_takes_longer_but_for_the_page() -> None:
    assert seconds([path()], 3.0, 1) - 20 == pytest.approx(3 * (seconds([path()], 1.0, 1) - 20))


def test_pixels_cost_by_their_number() -> None:
    half = path(frozen=False, features=None, size=MEASURED_SIZE // 2, epochs=3, cells=1)
    assert seconds([half], 1.0, 1) == pytest.approx(20 + (3 * 42 + 10) / 4 + 31)


works = st.builds(
    Work,
    backbone=st.sampled_from(["a", "b", "c"]),
    frozen=st.booleans(),
    features=st.sampled_from(["one", "two"]),
    views_of=st.sampled_from(["one/0", "one/1"]),
    size=st.integers(32, 480),
    images=st.integers(200, 20_000),
    training=st.integers(1, 200),
    views=st.integers(0, 5),
    epochs=st.integers(1, 100),
    cells=st.integers(1, 8),
)


@given(works, st.sampled_from(["size", "images", "views", "epochs", "cells"]), st.integers(1, 4), st.booleans())
def test_more_of_anything_never_takes_less(one: Work, what: str, jobs: int, twice: bool) -> None:
    more = replace(one, **{what: getattr(one, what) + 1})
    assert seconds([more], 1.0, jobs) >= seconds([one], 1.0, jobs)
    assert seconds([one] * (1 + twice), 1.0, jobs) >= seconds([one], 1.0, jobs)


@given(st.lists(works, max_size=6), st.integers(1, 8))
def test_more_processes_never_take_longer_nor_do_fewer_paths(paths: list[Work], jobs: int) -> None:
    assert seconds(paths, 1.0, jobs + 1) <= seconds(paths, 1.0, jobs)
    assert seconds(paths[:-1], 1.0, jobs) <= seconds(paths, 1.0, jobs)
