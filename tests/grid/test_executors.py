"""How many processes train at a time, and which executor is taken."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from keras_leuk.errors import UsageError
from keras_leuk.grid import executors
from keras_leuk.grid.executors import Choice, Processes, fitting
from keras_leuk.grid.plan import Route


def routes(*features: str | None) -> list[Route]:
    return [cast(Route, SimpleNamespace(features=address)) for address in features]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Eight cores and 64 GB, unless a test says otherwise."""
    found: dict[str, Any] = {"cores": 8, "memory": 64e9}
    monkeypatch.setattr(executors, "cores", lambda: found["cores"])
    monkeypatch.setattr(executors, "available", lambda: found["memory"])
    return found


@pytest.mark.parametrize(
    ("memory", "waiting", "processes"),
    [(64e9, 20, 8), (64e9, 3, 3), (7e9, 20, 3), (1e9, 20, 1), (64e9, 0, 1), (None, 20, 8)],
)
def test_heads_share_cores_and_memory(machine: dict[str, Any], memory: float | None, waiting: int, processes: int) -> None:
    machine["memory"] = memory
    assert fitting(routes("f1", "f2"), waiting) == processes


def test_a_fine_tuned_network_has_the_machine_to_itself(machine: dict[str, Any]) -> None:
    assert fitting(routes("f1", None), 20) == 1


def test_a_users_number_stands(machine: dict[str, Any]) -> None:
    made = Choice(jobs=5).make(routes(None), 2)
    assert isinstance(made, Processes)
    assert made.slots == 5
    assert Choice().make(routes("f1"), 2).slots == 2


def test_an_unknown_executor_is_refused_before_anything_is_read() -> None:
    with pytest.raises(UsageError, match="--executor 'rai' is not an executor; did you mean 'ray'"):
        Choice("rai")


def test_an_address_belongs_to_a_cluster() -> None:
    with pytest.raises(UsageError, match="--address belongs to --executor ray"):
        Choice(address="127.0.0.1:6379")


def test_a_cluster_is_asked_for_its_own_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: the cores of the machine that asked were the limit of the whole cluster."""
    seen: list[tuple[str | None, int]] = []
    monkeypatch.setattr("keras_leuk.grid.on_ray.Ray", lambda address, jobs: seen.append((address, jobs)))
    Choice("ray", 0, "10.0.0.1:6379").make(routes("f1"), 20)
    Choice("ray", 4).make(routes("f1"), 20)
    assert seen == [("10.0.0.1:6379", 0), (None, 4)]
