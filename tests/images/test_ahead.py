from __future__ import annotations

import threading
import time

import pytest

from keras_leuk.images.ahead import ahead


def test_results_come_in_order_whoever_is_done_first() -> None:
    def work(number: int) -> int:
        time.sleep(0.002 * (number % 3 == 0))
        return number * 2

    assert list(ahead(work, range(50), threads=4)) == [2 * number for number in range(50)]


def test_only_a_few_results_wait() -> None:
    begun = []

    def work(number: int) -> int:
        begun.append(number)
        return number

    results = ahead(work, range(100), threads=2, beyond=1)
    next(results)
    time.sleep(0.05)
    assert len(begun) <= 4
    results.close()
    assert len(begun) <= 4


def test_what_work_raises_the_taker_gets() -> None:
    def work(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        return number

    taken = []
    with pytest.raises(ValueError, match="three"):
        taken.extend(ahead(work, range(10), threads=2))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
