from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_leuk.training.stopwatch import OTHER, STAGES, Stopwatch


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_stage_inside_another_stops_its_clock() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    clock.now += 1
    with watch.stage("writing"):
        clock.now += 2
        with watch.stage("predicting"):
            clock.now += 4
        clock.now += 8
    clock.now += 16
    found = watch.seconds(began=90.0)
    assert {name: value for name, value in found.items() if value} == {
        "starting": 10.0, "writing": 10.0, "predicting": 4.0, OTHER: 17.0}  # fmt: skip


def test_waiting_is_what_the_next_item_takes() -> None:
    clock = Clock()
    watch = Stopwatch(clock)

    def items():
        for number in range(3):
            clock.now += 1
            yield number

    for _ in watch.waiting(items()):
        clock.now += 10
    assert watch.seconds()["waiting_for_data"] == 3.0
    assert watch.seconds()[OTHER] == 30.0


def test_a_stage_that_fails_is_closed() -> None:
    clock = Clock()
    watch = Stopwatch(clock)

    def fail() -> None:
        with watch.stage("steps"):
            clock.now += 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    clock.now += 5
    assert watch.seconds()["steps"] == 1.0


def test_a_stage_has_a_known_name() -> None:
    with pytest.raises(ValueError, match="no such stage: step"), Stopwatch().stage("step"):
        pass


@given(
    events=st.lists(
        st.tuples(st.sampled_from([*STAGES, None]), st.floats(0, 1e4, allow_nan=False, allow_subnormal=False)), max_size=20
    ),
    before=st.floats(0, 1e4),
)
def test_stages_add_up_to_the_wall_time(events: list[tuple[str | None, float]], before: float) -> None:
    """However they are nested; None closes the innermost one. What is still open has its time so far."""
    clock = Clock()
    watch, opened = Stopwatch(clock), []
    for name, seconds in events:
        if name is not None:
            opened.append(watch.stage(name))
            opened[-1].__enter__()
        elif opened:
            opened.pop().__exit__(None, None, None)
        clock.now += seconds
    assert sum(watch.seconds(100.0 - before).values()) == pytest.approx(clock.now - 100.0 + before, rel=1e-9, abs=1e-9)
    while opened:
        opened.pop().__exit__(None, None, None)
