from __future__ import annotations

import hashlib
import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_leuk.errors import LeukError
from keras_leuk.store.arrays import ArrayStore, Blocks, aligned, clear, inventory


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


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_aligned_arrays_begin_where_tensorflow_wants_them(dtype: str) -> None:
    for shape in ((1,), (3, 5, 7), (32, 10, 10, 3)):
        array = aligned(shape, dtype)
        assert (array.shape, array.dtype) == (shape, np.dtype(dtype))
        assert array.ctypes.data % 64 == 0
        assert array.flags.c_contiguous


def test_blocks_are_used_again_when_nobody_holds_them_and_not_before() -> None:
    blocks = Blocks()
    first = blocks.take((4, 5), "float32")
    first[...] = 1
    place = first.ctypes.data
    part = first[2:]
    del first
    second = blocks.take((4, 5), "float32")
    assert second.ctypes.data != place
    second[...] = 2
    assert (part == 1).all()
    del part
    assert blocks.take((3, 5), "float32").ctypes.data == place
    held = [blocks.take((2,), "uint8") for _ in range(200)]
    assert len({array.ctypes.data for array in held}) == 200


def test_stored_rows_are_indexed_like_an_array(tmp_path: Path) -> None:
    store = _store(tmp_path)
    _append(store, list(range(9)))
    rows = store.rows()
    whole = np.stack([_row(number) for number in range(9)])
    assert len(rows) == 9
    assert rows.shape == whole.shape
    assert (np.asarray(rows) == whole).all()
    for index in (3, -1, slice(2, 7), slice(None, None, 3), [4, 5, 6, 1, 1, 0], np.array([8, 7]), np.array([], np.int64)):
        assert (rows[index] == whole[index]).all()
        assert rows[index].shape == whole[index].shape
    with pytest.raises(IndexError):
        rows[9]
    out = np.empty((2, 3), np.float32)
    rows.read(5, out)
    assert (out == 5).all()


def test_rows_that_were_cut_off_are_an_error(tmp_path: Path) -> None:
    store = _store(tmp_path)
    _append(store, [1, 2, 3])
    rows = store.rows()
    with open(store.path / "rows.bin", "ab") as file:
        file.truncate(30)
    with pytest.raises(LeukError, match="cut short"):
        rows[2]


def test_without_preadv_rows_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = _store(tmp_path)
    _append(store, [1, 2, 3])
    monkeypatch.delattr("os.preadv")
    assert (store.rows()[[2, 0]] == [_row(3), _row(1)]).all()
