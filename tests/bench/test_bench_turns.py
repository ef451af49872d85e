"""Measuring ways turn by turn, on a clock that the test moves."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_leuk.bench.turns import OURS, REPEATS, Span, Turns, summary, take_turns, timing
from keras_leuk.progress import Progress


class Clock:
    """Seconds that pass when somebody works."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[tuple[str, int]] = []

    def __call__(self) -> float:
        return self.now

    def way(self, name: str, each: float, image: float, first: float = 0.0):
        """A way that takes so long a call and an image, and longer the first time."""
        waiting = [first]

        def work(images: int) -> Span:
            took = each + image * images + (waiting.pop() if waiting else 0.0)
            self.now += took
            self.calls.append((name, images))
            return Span(images, took, took)

        return work


@given(
    each=st.floats(0, 3),
    image=st.floats(1e-5, 1),
    compiling=st.floats(0, 20),
    seconds=st.floats(0.1, 100),
    step=st.integers(1, 64),
    most=st.integers(1, 5000),
)
def test_an_allowance_is_kept_wherever_one_turn_fits(each, image, compiling, seconds, step, most) -> None:
    clock = Clock()
    ways = {OURS: clock.way(OURS, each, image, compiling), "bare": clock.way("bare", each / 2, image / 2)}
    turns = take_turns(ways, seconds=seconds, step=step, most=most, clock=clock)
    assert 1 <= turns.repeats <= REPEATS
    assert turns.images % step == 0
    assert step <= turns.images <= max(most, step)
    least = compiling + 2 * 1.5 * (each + image * step)  # warming up, and one turn of one step
    assert clock.now <= max(seconds, least) * (1 + 1e-9)
    for way in ways:
        assert turns.rates(way) == pytest.approx(
            [turns.images / (each + image * turns.images) * (1 + (way != OURS))] * turns.repeats
        )
    assert turns.warming == pytest.approx(compiling + 1.5 * (each + image * step))


def test_more_time_means_more_images_and_all_repeats() -> None:
    found = {}
    for seconds in (6, 60):
        clock = Clock()
        turns = take_turns(
            {OURS: clock.way(OURS, 0.1, 0.01), "b": clock.way("b", 0.1, 0.01)}, seconds=seconds, step=32, most=4096, clock=clock
        )
        found[seconds] = turns.images
        assert turns.repeats == REPEATS
        assert clock.now > 0.5 * seconds
    assert found[60] > 5 * found[6]


def test_another_way_begins_in_each_turn_and_all_do_the_same() -> None:
    clock = Clock()
    ways = {name: clock.way(name, 0, 0.1) for name in (OURS, "a", "b")}
    take_turns(ways, seconds=60, step=10, most=10, clock=clock)
    turns = [clock.calls[at : at + 3] for at in range(0, len(clock.calls), 3)]
    assert [turn[0][0] for turn in turns[1:]] == [OURS, "a", "b", OURS, "a"]
    assert all({name for name, _ in turn} == set(ways) and {n for _, n in turn} == {10} for turn in turns)


def test_an_interrupt_is_heard_between_two_ways() -> None:
    class Stopping(Progress):
        def check(self) -> None:
            raise KeyboardInterrupt

    clock = Clock()
    with pytest.raises(KeyboardInterrupt):
        take_turns({OURS: clock.way(OURS, 0, 1)}, seconds=9, step=1, most=1, progress=Stopping(), clock=clock)
    assert clock.calls == []


def test_a_summary_by_hand() -> None:
    turns = Turns(
        100,
        {
            OURS: (Span(100, 1.0, 2.0), Span(100, 2.0, 2.0), Span(100, 4.0, 2.0)),  # 100, 50, 25 images/s
            "slow": (Span(100, 10.0, 1.0),) * 3,
            "bare": (Span(100, 0.5, 1.0), Span(100, 1.0, 1.0), Span(100, 1.0, 1.0)),  # 200, 100, 100
            "beside": (Span(100, 0.1, 0.1),) * 3,
        },
    )
    found = summary(turns, beside=("beside",))
    assert found["ceiling"] == "bare"
    assert found["share"] == {"value": 0.5, "low": 0.25, "high": 0.5, "turns": [0.5, 0.5, 0.25]}
    assert found["ways"][OURS] == {"value": 50.0, "low": 25.0, "high": 100.0, "turns": [100.0, 50.0, 25.0], "cores_busy": 1.0}
    assert (found["images"], found["repeats"]) == (100, 3)


def test_timing_tells_work_from_waiting() -> None:
    with timing() as waited:
        time.sleep(0.05)
    with timing() as worked:
        sum(range(2_000_000))
    assert waited.span(3).seconds >= 0.05
    assert waited.span(3).processor < 0.04
    assert worked.processor > 0.5 * min(worked.seconds, 0.02)
