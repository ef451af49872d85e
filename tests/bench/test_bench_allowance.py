"""Sharing seconds among stages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_leuk.bench.allowance import HEADROOM, Allowance, Task


def task(name: str, weight: float, least: float = 0.0) -> Task:
    return Task(name, None, weight, lambda: least)


def test_shares_follow_the_weights_and_leftovers_are_passed_on() -> None:
    now = [0.0]
    allowance = Allowance(100, [task("a", 1), task("b", 1), task("c", 2)], lambda: now[0])
    assert allowance.next()[1] == pytest.approx(25)
    now[0] = 10.0  # a took 10 of its 25
    assert allowance.next()[1] == pytest.approx(30)
    now[0] = 80.0  # b took far more than its 30
    assert allowance.next()[1] == pytest.approx(20)
    assert allowance.next() is None


def test_what_cannot_be_done_is_left_out_and_leaves_its_share() -> None:
    now = [0.0]
    allowance = Allowance(100, [task("a", 1), task("dear", 8, 95), task("c", 1)], lambda: now[0])
    assert allowance.next()[1] == pytest.approx(50)
    found, seconds, least = allowance.next()
    assert (found.stage, seconds, least) == ("dear", None, 95)
    assert allowance.next()[1] == pytest.approx(100)


def test_nothing_is_begun_when_all_is_spent() -> None:
    now = [0.0]
    allowance = Allowance(10, [task("a", 1), task("b", 1)], lambda: now[0])
    allowance.next()
    now[0] = 12.0
    assert allowance.left == -2
    assert allowance.next()[1] is None


def test_a_task_gets_what_it_needs_at_least() -> None:
    allowance = Allowance(100, [task("a", 1, 60), task("b", 9)], lambda: 0.0)
    assert allowance.next()[1] == pytest.approx(60)


@given(
    seconds=st.floats(1, 500),
    plan=st.lists(st.tuples(st.floats(0.1, 10), st.floats(0, 300), st.floats(0, 1)), min_size=1, max_size=8),
)
def test_tasks_that_keep_to_their_share_keep_the_whole(seconds, plan) -> None:
    now = [0.0]
    allowance = Allowance(seconds, [task(str(at), weight, least) for at, (weight, least, _) in enumerate(plan)], lambda: now[0])
    for _, least, used in plan:
        _, share, needed = allowance.next()
        assert needed == least
        if share is None:
            assert least > HEADROOM * allowance.left or allowance.left <= 0
            continue
        assert min(least, allowance.left) <= share <= allowance.left * (1 + 1e-9)
        now[0] += used * share
    assert now[0] <= seconds * (1 + 1e-9)
