"""The demo of twelve classes: its counts, same bytes every time, errors of one line, cells that can be told apart, not all."""

from __future__ import annotations

import errno
import hashlib
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from keras_leuk.data import demo_leukocytes as demo
from keras_leuk.data import leukocytes as drawing
from keras_leuk.data.demo_leukocytes import LEAST, PUBLIC_COUNTS, LeukocyteSpec, make_leukocytes
from keras_leuk.data.read import read
from keras_leuk.errors import DataError, RecipeError, UsageError
from keras_leuk.papers.library import paper

SMALL = {"cells": 300, "size": 48, "seed": 7}


def digest(root: Path) -> str:
    """SHA-256 over the names and bytes of all files below a folder."""
    sha = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        sha.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return sha.hexdigest()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_leukocytes(tmp_path_factory.mktemp("cache"), **SMALL)


def pictures(root: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (n, size, size, 3) and class names (n,)."""
    paths = sorted(root.rglob("*.bmp"))
    return np.stack([np.asarray(Image.open(path)) for path in paths]), np.array([path.parent.name for path in paths])


def statistics(pixels: np.ndarray) -> np.ndarray:
    """Simple statistics of colour and shape, (n, 17): shares and radii of what is dark, quantiles of each colour, contrasts."""
    size = pixels.shape[1]
    values = pixels.astype(np.float64) / 255.0
    y, x = np.mgrid[:size, :size] / size - 0.5
    distance = np.hypot(x, y)
    middle = distance < 0.33
    dark = (values[..., 0] < 0.5) & (distance < 0.42)
    area = np.maximum(dark.sum(axis=(1, 2)), 1)
    shape = [dark.mean(axis=(1, 2)), (dark * distance).sum(axis=(1, 2)) / area, (dark & (distance < 0.1)).sum(axis=(1, 2)) / area]
    inside = values[:, middle]
    colour = [np.quantile(inside[..., c], q, axis=1) for c in range(3) for q in (0.1, 0.35, 0.65, 0.9)]
    warm = (inside[..., 0] - inside[..., 2]).max(axis=1)
    rough = np.abs(np.diff(values.mean(axis=-1), axis=1))[:, :, :][:, distance[1:] < 0.25].mean(axis=1)
    return np.stack([*shape, *colour, warm, rough], axis=1)


def test_the_default_has_the_public_shares() -> None:
    counts = LeukocyteSpec().counts
    assert tuple(counts) == tuple(drawing.KINDS) == tuple(sorted(PUBLIC_COUNTS))
    assert (sum(counts.values()), min(counts.values())) == (720, LEAST)
    assert {name for name, count in counts.items() if count == LEAST} == {"BAS", "HAC", "MMZ", "MON"}
    shared = [name for name in counts if counts[name] > LEAST]
    shares = [counts[name] / PUBLIC_COUNTS[name] for name in shared]
    assert max(shares) / min(shares) < 1.03


def test_the_classes_are_those_of_the_paper() -> None:
    assert dict(paper("badruzzaman2024").facts.data.images) == PUBLIC_COUNTS


@given(st.integers(LEAST * 12, 20_000))
def test_counts_add_up_and_keep_their_order(cells: int) -> None:
    counts = LeukocyteSpec(cells=cells).counts
    assert sum(counts.values()) == cells
    assert min(counts.values()) >= LEAST
    assert all(counts[a] >= counts[b] for a in counts for b in counts if PUBLIC_COUNTS[a] > PUBLIC_COUNTS[b])


def test_one_folder_a_class(small: Path) -> None:
    found = {folder.name: sorted(path.name for path in folder.iterdir()) for folder in small.iterdir()}
    assert {name: len(files) for name, files in found.items()} == LeukocyteSpec(**SMALL).counts
    assert found["BAS"][:2] == ["BAS_00001.bmp", "BAS_00002.bmp"]
    with Image.open(small / "NGS" / "NGS_00001.bmp") as picture:
        assert (picture.format, picture.mode, picture.size) == ("BMP", "RGB", (48, 48))


def test_cells_are_stained_on_bright_ground(small: Path) -> None:
    pixels, _ = pictures(small)
    assert len(np.unique(pixels.reshape(len(pixels), -1), axis=0)) == len(pixels)
    brightest = np.quantile(pixels, 0.9, axis=(1, 2, 3))
    assert brightest.min() > 180
    nucleus = pixels[:, 14:34, 14:34].reshape(len(pixels), -1, 3)
    darkest = np.take_along_axis(nucleus, nucleus.sum(axis=-1).argsort(axis=1)[:, :40, None], axis=1).mean(axis=1)
    # A stained nucleus is violet: green is absorbed most.
    assert (darkest[:, 1] < darkest[:, 0]).mean() > 0.95
    assert (darkest[:, 1] < darkest[:, 2]).mean() > 0.95


def test_same_bytes_in_another_process(small: Path) -> None:
    code = (
        "import sys; from keras_leuk.data.leukocytes import KINDS, draw_leukocyte as draw\n"
        f"for name in KINDS: sys.stdout.buffer.write(draw({SMALL['seed']}, name, 5, {SMALL['size']}).tobytes())"
    )
    drawn = subprocess.run([sys.executable, "-c", code], check=True, timeout=120, stdout=subprocess.PIPE).stdout
    files = [small / name / f"{name}_00006.bmp" for name in drawing.KINDS]
    assert drawn == b"".join(np.asarray(Image.open(path)).tobytes() for path in files)


def test_same_files_the_second_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "LEAST", 2)
    first, second = (make_leukocytes(tmp_path / str(i), cells=30, size=16, seed=7) for i in range(2))
    assert digest(first) == digest(second)
    assert [path.name for path in first.parent.iterdir() if path.is_dir()] == [first.name]


def test_same_pixels_in_any_thread_and_order(small: Path) -> None:
    found: dict[tuple[str, int], np.ndarray] = {}
    wanted = [(name, number) for number in (3, 0) for name in ("PMO", "EOS")]

    def draw(name: str, number: int) -> None:
        found[name, number] = drawing.draw_leukocyte(SMALL["seed"], name, number, SMALL["size"])

    threads = [threading.Thread(target=draw, args=cell) for cell in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, number in wanted:
        with Image.open(small / name / f"{name}_{number + 1:05}.bmp") as picture:
            assert np.array_equal(np.asarray(picture), found[name, number])


def test_simple_statistics_tell_the_classes_apart_but_not_all_cells(small: Path) -> None:
    pixels, names = pictures(small)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    folds = StratifiedKFold(4, shuffle=True, random_state=0)
    accuracy = cross_val_score(model, statistics(pixels), names, cv=folds).mean()
    # Always naming the largest class would be right for one cell in ten.
    assert 0.45 < accuracy < 0.95


def test_every_part_of_the_specification_changes_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    changes: tuple[dict[str, int], ...] = ({}, {"cells": 301}, {"size": 49}, {"seed": 8})
    found = {LeukocyteSpec(**(SMALL | change)).address for change in changes}
    monkeypatch.setattr(drawing, "DRIFT", 0.3)
    assert len(found | {LeukocyteSpec(**SMALL).address}) == 5


def test_second_call_draws_nothing(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo.drawing, "draw_leukocyte", lambda *args: pytest.fail("drew a cell again"))
    assert make_leukocytes(small.parent, **SMALL) == small


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(DataError, match=r"cannot write the demo cells \(about 3 MB\).*No space left on device") as caught:
        make_leukocytes(tmp_path, **SMALL)
    assert "\n" not in str(caught.value)
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


@pytest.mark.parametrize("wrong", [{"cells": 287}, {"size": 15}])
def test_impossible_specifications_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="Received: "):
        LeukocyteSpec(**(SMALL | wrong))


def test_the_reader_knows_it_by_its_path(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "make_leukocytes", lambda cache, progress: small)
    table = read("demo:leukocytes")
    assert (table.name, table.reader, table.has_subjects) == ("demo:leukocytes", "demo", False)
    assert tuple(table.classes) == tuple(PUBLIC_COUNTS)
    assert len(table.rows) == 300
    assert not table.warnings


def test_other_names_and_readers_are_refused() -> None:
    with pytest.raises(UsageError, match="no such demo: 'demo:leucocytes'; did you mean 'demo:leukocytes'"):
        read("demo:leucocytes")
    with pytest.raises(RecipeError, match=r"data\.reader: 'folders' does not read the generated cells"):
        read("demo:leukocytes", "folders")
