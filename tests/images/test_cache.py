from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_leuk.errors import DataError
from keras_leuk.images import cache as module
from keras_leuk.images.cache import ingest, read_picture
from keras_leuk.images.decode import decode, pixel_hash
from keras_leuk.images.preprocessing import Preparation, prepare

SMALL = Preparation(8)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    rng = np.random.default_rng(1)
    paths = []
    for number in range(7):
        path = tmp_path / "data" / f"{number}.bmp"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 20, 3), np.uint8)).save(path)
        paths.append(path)
    Image.open(paths[0]).save(tmp_path / "data" / "twin.png")
    return [*paths, tmp_path / "data" / "twin.png"]


def _ingest(files: list[Path], cache: Path, **settings: object):
    return ingest(files, **{"preparation": SMALL, "cache": cache} | settings)


def test_rows_are_what_a_single_reading_gives(files: list[Path], tmp_path: Path) -> None:
    found = _ingest(files, tmp_path / "cache")
    rows, index = found.store.rows(), found.row_numbers()
    assert found.paths == tuple(files)
    for place, path in enumerate(files):
        fingerprint, row = read_picture(path, SMALL)
        assert (rows[index[place]] == row).all()
        assert found.fingerprints[place] == fingerprint


def test_equal_pictures_share_a_row(files: list[Path], tmp_path: Path) -> None:
    found = _ingest(files, tmp_path / "cache")
    assert len(found.store.rows()) == 7
    assert found.pixels[0] == found.pixels[-1]
    assert found.fingerprints[0] == found.fingerprints[-1]


def test_a_row_is_the_decoded_and_prepared_picture(files: list[Path], tmp_path: Path) -> None:
    preparation = Preparation(11, "area", "cell", None, 0.2, "stretch")
    found = _ingest(files, tmp_path / "cache", preparation=preparation)
    assert found.preparation == preparation
    for path, fingerprint, row in zip(files, found.fingerprints, found.row_numbers(), strict=True):
        pixels = decode(path.read_bytes(), path)
        assert (fingerprint.pixels, fingerprint.width, fingerprint.height) == (pixel_hash(pixels), 20, 20)
        assert (found.store.rows()[int(row)] == prepare(pixels, preparation)).all()


def test_another_preparation_is_another_store_but_no_other_hash(files: list[Path], tmp_path: Path) -> None:
    first = _ingest(files, tmp_path / "cache")
    second = _ingest(files, tmp_path / "cache", preparation=Preparation(8, contrast="equalize"))
    assert second.decoded == 8
    assert first.store.path != second.store.path
    assert first.pixels == second.pixels


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("block", [1, 4, 256])
def test_the_order_is_kept_whatever_the_blocks(
    block: int, threads: int, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK", block)
    monkeypatch.setattr(module, "_TASK_BYTES", 3 * block * 192)
    found = _ingest(files, tmp_path / "cache", threads=threads)
    assert found.row_numbers().tolist() == [0, 1, 2, 3, 4, 5, 6, 0]
    rows = found.store.rows()
    for number, path in enumerate(files[:-1]):
        assert (rows[number] == read_picture(path, SMALL)[1]).all()


def test_what_was_read_before_a_damaged_file_is_kept(files: list[Path], tmp_path: Path) -> None:
    files[5].write_bytes(b"BM")
    with pytest.raises(DataError, match=r"5\.bmp"):
        _ingest(files, tmp_path / "cache")
    found = _ingest(files, tmp_path / "cache", on_unreadable="skip")
    assert found.decoded == 3  # the damaged file and what stands behind it


def test_a_second_reading_decodes_nothing(files: list[Path], tmp_path: Path) -> None:
    assert _ingest(files, tmp_path / "cache").decoded == 8
    assert _ingest(files, tmp_path / "cache").decoded == 0
    assert _ingest(files[:3], tmp_path / "cache").decoded == 0


def test_a_changed_file_is_decoded_again(files: list[Path], tmp_path: Path) -> None:
    before = _ingest(files, tmp_path / "cache").pixels[2]
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(files[2])
    found = _ingest(files, tmp_path / "cache")
    assert found.decoded == 1
    assert found.pixels[2] != before


def test_a_damaged_file_stops_or_is_left_out(files: list[Path], tmp_path: Path) -> None:
    files[3].write_bytes(files[3].read_bytes()[:300])
    with pytest.raises(DataError, match=r"3\.bmp"):
        _ingest(files, tmp_path / "cache")
    found = _ingest(files, tmp_path / "cache", on_unreadable="skip")
    assert files[3] not in found.paths
    assert len(found.paths) == 7
    assert [path for path, _ in found.unreadable] == [files[3]]


def test_a_missing_file_is_one_line(files: list[Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.bmp"):
        _ingest([*files, tmp_path / "gone.bmp"], tmp_path / "cache")


def test_not_one_readable_file(tmp_path: Path) -> None:
    (tmp_path / "a.bmp").write_bytes(b"x")
    with pytest.raises(DataError, match="not one of 1 images"):
        _ingest([tmp_path / "a.bmp"], tmp_path / "cache", on_unreadable="skip")


def _work(files: list[str], cache: str) -> None:
    _ingest([Path(f) for f in files], Path(cache))


def test_two_processes_build_it_at_once(files: list[Path], tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_work, args=([str(f) for f in files], str(tmp_path / "cache"))) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    found = _ingest(files, tmp_path / "cache")
    assert found.decoded == 0
    assert len(found.store.rows()) == 7
