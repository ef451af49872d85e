from __future__ import annotations

import hashlib
import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_leuk.errors import LeukError
from keras_leuk.store.arrays import ArrayStore, clear, inventory


def _key(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def _store(cache: Path, **facts: int) -> ArrayStore:
    return ArrayStore(cache, "images", facts, (2, 3), "float32")


def _row(number: int) -> np.ndarray:
    return np.full((2, 3), number, np.float32)


def _append(store: ArrayStore, numbers: list[int]) -> None:
    with store.appending() as append:
        missing = set(store.missing([_key(n) for n in numbers]))
        fresh = [n for n in dict.fromkeys(numbers) if _key(n) in missing]
        if fresh:
            append([_key(n) for n in fresh], np.stack([_row(n) for n in fresh]))


@settings(max_examples=25, deadline=None)
@given(batches=st.lists(st.lists(st.integers(0, 30), max_size=8), max_size=6))
def test_every_row_is_found_by_its_key(batches: list[list[int]], tmp_path_factory: pytest.TempPathFactory) -> None:
    cache = tmp_path_factory.mktemp("store")
    for batch in batches:
        _append(_store(cache), batch)
    store = _store(cache)
    wanted = {n for batch in batches for n in batch}
    assert len(store.rows()) == len(wanted)
    for n in wanted:
        assert (store.rows()[store.positions()[_key(n)]] == n).all()


def test_other_facts_are_another_store(tmp_path: Path) -> None:
    _append(_store(tmp_path, size=1), [1])
    assert _store(tmp_path, size=2).missing([_key(1)]) == [_key(1)]
    assert _store(tmp_path, size=1).missing([_key(1)]) == []


def test_bytes_that_a_killed_writer_left_are_overwritten(tmp_path: Path) -> None:
    store = _store(tmp_path)
    _append(store, [1, 2])
    with open(store.path / "rows.bin", "ab") as file:
        file.write(b"half a row")
    with open(store.path / "keys.txt", "ab") as file:
        file.write(b"abc")
    assert len(store.rows()) == 2
    _append(store, [3])
    clean = ArrayStore(tmp_path / "clean", "images", {}, (2, 3), "float32")
    _append(clean, [1, 2])
    _append(clean, [3])
    for name in ("rows.bin", "keys.txt"):
        assert (store.path / name).read_bytes() == (clean.path / name).read_bytes()


def test_a_key_without_its_row_does_not_count(tmp_path: Path) -> None:
    store = _store(tmp_path)
    _append(store, [1])
    with open(store.path / "keys.txt", "ab") as file:
        file.write(f"{_key(2)}\n".encode())
    assert store.missing([_key(1), _key(2)]) == [_key(2)]


def test_a_block_of_another_shape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="block of shape"), _store(tmp_path).appending() as append:
        append([_key(1)], np.zeros((1, 3, 2), np.float32))


def _work(cache: str, numbers: list[int]) -> None:
    for n in numbers:
        _append(_store(Path(cache)), [n, n + 1])


def test_processes_that_write_at_once_store_each_row_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_work, args=(str(tmp_path), list(range(20)))) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    store = _store(tmp_path)
    assert len(store.rows()) == 21
    for n in range(21):
        assert (store.rows()[store.positions()[_key(n)]] == n).all()


def test_inventory_and_clear_touch_nothing_else(tmp_path: Path) -> None:
    _append(_store(tmp_path), [1, 2])
    (tmp_path / "mine.txt").write_text("x")
    (tmp_path / "fingerprints.sqlite").write_text("x")
    items = inventory(tmp_path)
    assert [(item["kind"], item["rows"]) for item in items] == [("images", 2)]
    assert clear(tmp_path) > 2 * 24
    assert inventory(tmp_path) == []
    assert (tmp_path / "mine.txt").exists()
    assert not (tmp_path / "fingerprints.sqlite").exists()


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LeukError, match="--cache-dir"):
        _store(tmp_path / "file")
