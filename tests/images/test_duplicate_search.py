"""Surveys and searches of small folders; recall and precision on thousands of images are measured in benchmarks/."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_leuk.data.cells import ALL, HEM, draw_cell, draw_subject
from keras_leuk.data.read import read
from keras_leuk.errors import DataError
from keras_leuk.images import duplicates, likeness
from keras_leuk.images.duplicates import find, recall
from keras_leuk.images.survey import COLUMNS, survey
from keras_leuk.images.trivia import TRIVIA


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("originals")
    for kind, name in ((ALL, "a"), (HEM, "h")):
        for number in range(6):
            Image.fromarray(draw_cell(3, draw_subject(3, name, kind), number, 140)).save(folder / f"{name}{number}.bmp")
    return folder


@pytest.fixture
def folder(originals: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(originals, tmp_path / "cells"))


def surveyed(folder: Path, cache: Path):
    return survey(sorted(folder.iterdir()), cache=cache)


def named(found, seen) -> set[tuple[str, str, int]]:
    names: dict[str, str] = {}
    for path, hashed in zip(seen.paths, seen.pixels, strict=True):
        names.setdefault(hashed, path.name)
    return {(*sorted((names[pair.one], names[pair.other])), pair.orientation) for pair in found.pairs}


def test_a_second_survey_opens_nothing(folder, tmp_path):
    first = surveyed(folder, tmp_path / "cache")
    again = surveyed(folder, tmp_path / "cache")
    assert (first.opened, again.opened) == (12, 0)
    assert np.array_equal(first.table(), again.table(), equal_nan=True)
    assert first.table().shape == (12, len(COLUMNS)) == (12, 1 + len(TRIVIA))


def test_equal_pictures_in_two_formats_share_a_row(folder, tmp_path):
    Image.open(folder / "a0.bmp").save(folder / "copy.png")
    seen = surveyed(folder, tmp_path / "cache")
    assert len(seen.squares.positions()) == 12
    by_name = dict(zip((path.name for path in seen.paths), seen.pixels, strict=True))
    assert by_name["copy.png"] == by_name["a0.bmp"]


def test_damaged_files_are_listed_and_left_out(folder, tmp_path):
    (folder / "b.bmp").write_bytes((folder / "a0.bmp").read_bytes()[:500])
    (folder / "c.png").write_text("no picture")
    seen = surveyed(folder, tmp_path / "cache")
    assert len(seen.paths) == 12
    assert [path.name for path, _ in seen.unreadable] == ["b.bmp", "c.png"]
    assert "not BMP, PNG, JPEG or TIFF" in seen.unreadable[1][1]
    with pytest.raises(DataError, match="not one of 1 images can be read"):
        survey([folder / "c.png"], cache=tmp_path / "cache")


def test_a_changed_file_is_looked_at_again(folder, tmp_path):
    before = surveyed(folder, tmp_path / "cache").pixels
    shutil.copy(folder / "h0.bmp", folder / "a0.bmp")
    seen = surveyed(folder, tmp_path / "cache")
    # Its pixels are those of another, so it is hashed again, and no row is new.
    assert seen.opened == 1
    assert seen.pixels[0] == seen.pixels[6] != before[0]


def test_copies_of_every_kind_are_found_and_nothing_else(folder, tmp_path):
    plant = {
        "a0": ("z-jpeg.jpg", lambda picture: picture, 0),
        "a1": ("z-turned.png", lambda picture: picture.transpose(Image.Transpose.ROTATE_90), 1),
        "a2": ("z-mirrored.png", lambda picture: picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 4),
        "h0": ("z-paler.png", lambda picture: Image.fromarray(np.clip(np.asarray(picture) * 1.05, 0, 255).astype(np.uint8)), 0),
        "h1": ("z-smaller.png", lambda picture: picture.resize((110, 110)), 0),
    }
    for name, (copy, change, _) in plant.items():
        change(Image.open(folder / f"{name}.bmp")).save(folder / copy, quality=90)
    shutil.copy(folder / "h2.bmp", folder / "z-equal.bmp")
    seen = surveyed(folder, tmp_path / "cache")
    found = find(seen, cache=tmp_path / "cache")
    pairs = named(found, seen)
    assert {pair[:2] for pair in pairs} == {(f"{name}.bmp", copy) for name, (copy, *_) in plant.items()}
    # A quarter turn to the left of one is one to the right of the other.
    turns = {name.split(".")[0]: turn for name, _, turn in pairs}
    assert all(turns[name] in ({1, 3} if turn == 1 else {turn}) for name, (_, _, turn) in plant.items())
    assert found.pictures == 17
    assert found.blank == 0


def test_a_search_is_kept_and_known_for_fewer_images(folder, tmp_path):
    Image.open(folder / "a0.bmp").save(folder / "z.jpg", quality=90)
    cache = tmp_path / "cache"
    seen = surveyed(folder, cache)
    found = find(seen, cache=cache)
    assert len(found.pairs) == 1
    assert recall(cache, seen.pixels) == found == find(seen, cache=cache)
    pair = found.pairs[0]
    assert recall(cache, [pair.one, pair.other]).pairs == found.pairs
    assert recall(cache, [pair.one]).pairs == ()
    assert recall(cache, [*seen.pixels, "0" * 64]) is None
    assert recall(tmp_path / "another", seen.pixels) is None


def test_what_another_method_found_does_not_count(folder, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    seen = surveyed(folder, cache)
    find(seen, cache=cache)
    monkeypatch.setattr(likeness, "THRESHOLD", 0.7)
    assert recall(cache, seen.pixels) is None


def test_a_half_written_search_is_none(folder, tmp_path):
    cache = tmp_path / "cache"
    seen = surveyed(folder, cache)
    find(seen, cache=cache)
    (facts,) = (cache / duplicates.KIND).glob("*/facts.json")
    (facts.parent / "found.json").unlink()
    assert recall(cache, seen.pixels) is None


def test_pictures_without_texture_are_counted_and_not_compared(folder, tmp_path):
    for level in (40, 80):
        Image.fromarray(np.full((90, 90, 3), level, np.uint8)).save(folder / f"z{level}.png")
    found = find(surveyed(folder, tmp_path / "cache"), cache=tmp_path / "cache")
    assert (found.blank, found.pairs) == (2, ())


def test_order_and_threads_change_nothing(folder, tmp_path):
    Image.open(folder / "a0.bmp").save(folder / "z.jpg", quality=90)
    paths = sorted(folder.iterdir())
    one = find(survey(paths, cache=tmp_path / "1", threads=1), cache=tmp_path / "1", threads=1)
    two = find(survey(paths[::-1], cache=tmp_path / "2", threads=3), cache=tmp_path / "2", threads=3)
    assert one == two


@pytest.mark.real
def test_every_known_pair_of_the_sample_is_found(samples, cnmc_sample, cache):
    table = read(str(cnmc_sample))
    seen = survey([table.root / image for image in table.rows["image"]], cache=cache)
    found = find(seen, cache=cache)
    names: dict[str, list[str]] = {}
    for path, hashed in zip(seen.paths, seen.pixels, strict=True):
        names.setdefault(hashed, []).append(path.name)
    pairs = {frozenset((a, b)) for pair in found.pairs for a in names[pair.one] for b in names[pair.other]}
    pairs |= {frozenset((a, b)) for same in names.values() for a in same for b in same if a != b}
    with open(samples / "data" / "cnmc-near-duplicates.tsv", newline="") as file:
        known = {frozenset((row["file_a"], row["file_b"])) for row in csv.DictReader(file, delimiter="\t")}
    assert len(known) == 47
    assert known <= pairs
    # Twelve more, each looked at: two cells of H2 + H5 + H6 (8 pairs), H11, and three of the preliminary test.
    more = {tuple(sorted(name.removeprefix("UID_").removesuffix(".bmp") for name in pair)) for pair in pairs - known}
    assert len(more) == 12
    assert {pair for pair in more if not pair[0].startswith("H2") and "H5" not in pair[0]} == {
        ("18", "64"),
        ("36", "62"),
        ("72", "87"),
        ("H11_15_3_hem", "H11_19_3_hem"),
    }
    assert {pair.orientation for pair in found.pairs} == {0}


@pytest.mark.real
def test_nearly_the_same_field_of_a_smear_is_found(samples, cache):
    files = sorted((samples / "data" / "all4-sample" / "Benign").iterdir())
    seen = survey(files, cache=cache)
    pairs = {pair[:2] for pair in named(find(seen, cache=cache), seen)}
    assert pairs == {("WBC-Benign-114.jpg", "WBC-Benign-117.jpg"), ("WBC-Benign-201.jpg", "WBC-Benign-204.jpg")}


def test_the_record_is_plain_json(folder, tmp_path):
    cache = tmp_path / "cache"
    find(surveyed(folder, cache), cache=cache)
    (record,) = (cache / duplicates.KIND).glob("*/found.json")
    assert set(json.loads(record.read_text())) == {"pairs", "pictures", "candidates", "blank"}
