"""Work done in threads, a little ahead of whoever takes the results, and handed over in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from keras_leuk.devices.threads import cores

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(
    work: Callable[[Item], Result], items: Iterable[Item], *, threads: int | None = None, beyond: int = 2
) -> Iterator[Result]:
    """``map(work, items)`` in threads; memory stays flat, because at most `threads` + `beyond` results wait to be taken.

    Args:
        work: called in threads; what it raises, the taker gets.
        threads: how many (None: one a core).
        beyond: results that may wait while every thread is at work.
    """
    count = threads or cores()
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(count, thread_name_prefix="ahead") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= count + beyond:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
