"""The demo: official layout, same bytes every time, cells that do not depend on each other, errors of one line."""

from __future__ import annotations

import csv
import errno
import hashlib
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_leuk.data import cells as drawing
from keras_leuk.data import demo
from keras_leuk.data.demo import PRELIMINARY, TRAINING, DemoSpec, make_demo
from keras_leuk.errors import DataError

TINY = {"cells": 24, "subjects": 6, "size": 32, "seed": 7}
NAME = re.compile(r"UID_(H?\d+)_(\d+)_(\d+)_(all|hem)\.bmp")


def digest(root: Path) -> str:
    """SHA-256 over the names and bytes of all files below a folder."""
    sha = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        sha.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return sha.hexdigest()


def training_cells(root: Path) -> list[tuple[str, str, str]]:
    """(fold, label, subject) of every training cell, read off the tree."""
    found = []
    for path in sorted((root / TRAINING).rglob("*.bmp")):
        subject, _, _, label = NAME.fullmatch(path.name).groups()
        assert path.parent.name == label
        assert subject.startswith("H") == (label == "hem")
        found.append((path.parent.parent.name, label, subject))
    return found


def preliminary_rows(root: Path) -> list[dict[str, str]]:
    with open(root / PRELIMINARY / f"{PRELIMINARY}_labels.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    return make_demo(tmp_path_factory.mktemp("cache"), **TINY)


def test_training_folds_are_official_and_share_no_subject(tiny):
    cells = training_cells(tiny)
    assert len(cells) == 24
    assert {(fold, label) for fold, label, _ in cells} == {(f"fold_{i}", label) for i in range(3) for label in ("all", "hem")}
    homes = {}
    for fold, _, subject in cells:
        homes.setdefault(subject, set()).add(fold)
    assert len(homes) == 6
    assert all(len(folds) == 1 for folds in homes.values())


def test_preliminary_set_is_labelled_and_has_its_own_subjects(tiny):
    rows = preliminary_rows(tiny)
    assert list(rows[0]) == ["Patient_ID", "new_names", "labels"]
    assert [row["new_names"] for row in rows] == [f"{i + 1}.bmp" for i in range(len(rows))]
    pictures = {path.name for path in (tiny / PRELIMINARY / PRELIMINARY).iterdir()}
    assert pictures == {row["new_names"] for row in rows}
    for row in rows:
        assert row["labels"] == {"all": "1", "hem": "0"}[NAME.fullmatch(row["Patient_ID"]).group(4)]
    assert {row["labels"] for row in rows} == {"0", "1"}
    subjects = {NAME.fullmatch(row["Patient_ID"]).group(1) for row in rows}
    assert subjects.isdisjoint(subject for _, _, subject in training_cells(tiny))


def test_default_plan_has_the_promised_size():
    planned = list(demo._plan(DemoSpec()))
    training = [cell for cell in planned if cell.path.startswith(TRAINING)]
    assert (len(training), len(planned) - len(training)) == (480, 120)
    assert len({cell.path for cell in planned}) == len({cell.official_name for cell in planned}) == 600
    assert {label: len({c.subject for c in training if c.label == label}) for label in ("all", "hem")} == {"all": 14, "hem": 10}
    assert len({cell.subject for cell in planned}) == 24 + 8
    assert sum(cell.label == "all" for cell in training) / 480 == pytest.approx(2 / 3, abs=0.02)
    counts = {cell.subject: sum(c.subject == cell.subject for c in training) for cell in training}
    assert len(set(counts.values())) > 5
    bytes_on_disk = len(planned) * (54 + 3 * DemoSpec.size**2)
    assert bytes_on_disk <= 70e6


def test_cells_are_coloured_on_black_and_inside_the_picture(tiny):
    for path in tiny.rglob("*.bmp"):
        with Image.open(path) as picture:
            assert (picture.format, picture.mode, picture.size) == ("BMP", "RGB", (32, 32))
            pixels = np.asarray(picture)
        cell = pixels.any(axis=-1)
        assert 0.08 < cell.mean() < 0.75
        edge = np.concatenate([cell[0], cell[-1], cell[:, 0], cell[:, -1]])
        assert not edge.any()
        red, green, blue = pixels[cell].mean(axis=0)
        assert green < min(red, blue), "Giemsa stain is violet: green is absorbed most"


def test_same_bytes_over_two_generations(tiny, tmp_path):
    again = make_demo(tmp_path, **TINY)
    assert again.name == tiny.name
    assert digest(again) == digest(tiny)


def test_every_part_of_the_specification_changes_the_address():
    changes = ({}, {"cells": 25}, {"subjects": 7}, {"size": 33}, {"seed": 8})
    addresses = {DemoSpec(**{**TINY, **change}).address for change in changes}
    assert len(addresses) == 5


def test_a_changed_constant_or_version_changes_the_address(monkeypatch):
    before = DemoSpec().address
    monkeypatch.setattr(drawing, "VERSION", drawing.VERSION + 1)
    after = DemoSpec().address
    monkeypatch.setattr(demo, "UNEVENNESS", 0.0)
    assert len({before, after, DemoSpec().address}) == 3


def test_one_cell_does_not_depend_on_the_others(tiny):
    first = next((tiny / TRAINING / "fold_1" / "hem").iterdir())
    subject, image, cell = NAME.fullmatch(first.name).group(1, 2, 3)
    number = 3 * (int(image) - 1) + int(cell) - 1
    alone = drawing.draw_cell(TINY["seed"], drawing.draw_subject(TINY["seed"], subject, drawing.HEM), number, TINY["size"])
    with Image.open(first) as picture:
        assert np.array_equal(np.asarray(picture), alone)


def test_more_cells_leave_the_first_cells_as_they_are(tiny, tmp_path):
    larger = make_demo(tmp_path, **{**TINY, "cells": 60})
    first = f"{TRAINING}/fold_0/all/UID_1_1_1_all.bmp"
    assert (larger / first).read_bytes() == (tiny / first).read_bytes()


def test_second_call_draws_nothing(tiny, monkeypatch):
    monkeypatch.setattr(demo.drawing, "draw_cell", lambda *args: pytest.fail("drew a cell again"))
    start = time.perf_counter()
    assert make_demo(tiny.parent, **TINY) == tiny
    assert time.perf_counter() - start < 1


def test_two_processes_at_once_agree(tmp_path):
    code = f"from keras_leuk.data.demo import make_demo; print(make_demo({str(tmp_path)!r}, **{TINY!r}))"
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    roots = {process.communicate(timeout=120)[0].strip() for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(roots) == 1
    assert len(training_cells(Path(roots.pop()))) == 24
    assert not list(tmp_path.glob(".part-*"))


def test_leftovers_of_a_killed_process_are_replaced(tiny, tmp_path):
    leftover = tmp_path / f".part-{tiny.name}" / "half.bmp"
    leftover.parent.mkdir()
    leftover.write_bytes(b"BM")
    assert digest(make_demo(tmp_path, **TINY)) == digest(tiny)
    assert not leftover.exists()


def test_full_disk_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(DataError, match="No space left on device") as caught:
        make_demo(tmp_path, **TINY)
    assert "\n" not in str(caught.value)
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_unwritable_cache_folder_is_one_line(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataError, match="cannot write the demo cells") as caught:
        make_demo(tmp_path / "file" / "cache", **TINY)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wrong", [{"subjects": 5}, {"cells": 11}, {"size": 8}])
def test_impossible_specifications_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="Received: "):
        make_demo(tmp_path, **{**TINY, **wrong})


def test_classes_differ_on_average_but_overlap():
    """Blasts are larger, yet many a normal cell is larger than many a blast: a model can be wrong."""
    areas = {}
    for kind, prefix in ((drawing.ALL, ""), (drawing.HEM, "H")):
        people = [drawing.draw_subject(1, f"{prefix}{i}", kind) for i in range(12)]
        areas[prefix] = [drawing.draw_cell(1, person, n, 32).any(axis=-1).mean() for person in people for n in range(5)]
    assert np.mean(areas[""]) > np.mean(areas["H"])
    assert np.quantile(areas[""], 0.1) < np.quantile(areas["H"], 0.9)
