from __future__ import annotations

import configparser
import re
import shutil
from pathlib import Path

import pytest

from keras_leuk.data.by_image import share_of
from keras_leuk.errors import DataError, UsageError
from keras_leuk.papers import library
from keras_leuk.papers.library import paper, papers, read_paper

ROOT = Path(__file__).parents[2]
KEYS = ("badruzzaman2024", "fata2023", "mantri2024", "mulya2023", "vijesh2024")
NUMBERS = {
    "badruzzaman2024": ["Table 1", "Table 2", "Table 3", "Table 4"],
    "fata2023": [*(f"Table {i}" for i in range(1, 8)), "section 3.2, abstract, conclusion", "sections 2.1 and 2.6"],
    "mantri2024": ["Table I", "Table II", "Table III", "Table IV", "Table V", "Table VI", "abstract, sections 1 and 4"],
    "mulya2023": ["Table 1", "abstract, sections 2.2 and 3, conclusion"],
    "vijesh2024": ["Table 1", "section 4.2.2, abstract", "sections 1, 3 and 4"],
}


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A copy of fata2023 to be spoilt."""
    return Path(shutil.copytree(paper("fata2023").folder, tmp_path / "fata2023"))


def spoil(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def test_papers_are_found_in_a_checkout() -> None:
    assert library.experiments() == ROOT / "experiments"
    assert tuple(paper.key for paper in papers()) == KEYS


def test_papers_are_found_in_an_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site-packages" / "keras_leuk"
    inside = package / "experiments" / "fata2023"
    inside.mkdir(parents=True)
    (inside / "paper.yaml").touch()
    monkeypatch.setattr(library.keras_leuk, "__file__", str(package / "__init__.py"))
    assert library.experiments() == package / "experiments"
    (inside / "paper.yaml").unlink()
    with pytest.raises(DataError, match="papers are missing from this installation"):
        library.experiments()


def test_every_file_is_part_of_the_wheel() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    patterns = settings["options.package_data"]["keras_leuk.experiments"].replace(",", " ").split()
    shipped = {path for pattern in patterns for path in (ROOT / "experiments").glob(pattern)}
    there = {path for path in (ROOT / "experiments").rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert shipped == there


def test_unknown_paper_is_told_the_nearest() -> None:
    with pytest.raises(UsageError, match="no such paper: 'fatah2023'; did you mean 'fata2023'"):
        paper("fatah2023")


@pytest.mark.parametrize("key", KEYS)
def test_tables_are_all_there(key: str) -> None:
    found = paper(key)
    assert [table.number for table in found.tables] == NUMBERS[key]
    result_tables = {table.number for table in found.tables if table.facts.kind in ("results", "cited")}
    told = {result.name for result in found.facts.results}
    assert {number for number in result_tables if number.startswith("Table")} <= told


@pytest.mark.parametrize("key", KEYS)
def test_facts_are_complete(key: str) -> None:
    facts = paper(key).facts
    assert f"{{{key}," in facts.bibtex
    assert facts.title.split()[0] in facts.bibtex
    assert str(facts.year) in facts.bibtex
    assert facts.doi is None or facts.doi in facts.bibtex
    assert facts.stated
    assert facts.open
    assert facts.contradicts
    assert facts.cost
    page = (paper(key).folder / "README.md").read_text()
    assert facts.title in " ".join(page.split())
    for arm in facts.arms:
        assert arm.default or f"`{arm.name}`" in page, arm.name


def test_official_counts_agree_with_the_published_ones() -> None:
    table = paper("mantri2024").table("table1")
    parts = [[int(cell.printed) for cell in table.cells if cell.row == row] for row in table.row_names]
    for all_subjects, hem_subjects, subjects, all_images, hem_images, images in parts:
        assert all_subjects + hem_subjects == subjects
        assert all_images + hem_images == images
    assert sum(row[2] for row in parts) == 118
    assert sum(row[5] for row in parts) == 15_114  # the text has 15,135
    labelled = {"ALL": parts[0][3] + parts[1][3], "HEM": parts[0][4] + parts[1][4]}
    assert dict(paper("mulya2023").facts.data.images) == labelled
    assert paper("mulya2023").facts.data.subjects == parts[0][2] + parts[1][2]
    for key in ("fata2023", "mantri2024", "vijesh2024"):
        assert dict(paper(key).facts.data.images) == {"ALL": parts[0][3], "HEM": parts[0][4]}
        assert paper(key).facts.data.subjects == parts[0][2]


@pytest.mark.parametrize(
    ("key", "side", "images"), [("fata2023", "test", 2133), ("vijesh2024", "validation", 440), ("mantri2024", "test", 1600)]
)
def test_shares_of_the_recipes_give_the_paper_s_counts(key: str, side: str, images: int) -> None:
    found = paper(key)
    split = found.protocol("paper").recipe().split
    assert share_of(split.test if side == "test" else split.validation, sum(found.facts.data.images.values())) == images
    assert images in [told.images for told in found.facts.data.sides if told.side == side]


@pytest.mark.parametrize(
    ("file", "before", "after", "said"),
    [
        ("paper.yaml", "year: 2023", "year: soon", r"paper\.yaml: year: input should be a valid integer"),
        ("paper.yaml", "venue:", "venu:", r"paper\.yaml: venu: no such key; did you mean 'venue'"),
        ("paper.yaml", "key: fata2023", "key: fata", r"paper\.yaml: key: 'fata' is not the name of the folder"),
        ("paper.yaml", "name: preprocessed", "name: flattened", r"paper\.yaml: the file: two arms have one name"),
        ("paper.yaml", "default: true", "default: false", r"arms\.0: arm 'frozen-pooled': the default changes no keys"),
        (
            "paper.yaml",
            "images.rescale: backbone",
            "images.rescale: 1/255",
            r"arms: 'preprocessed' changes nothing in paper\.yaml",
        ),
        ("paper.yaml", "images.rescale: backbone", "images.scale: backbone", r"arm 'preprocessed': images\.scale: no such key"),
        ("paper.yaml", "table: table1}", "table: tabel1}", r"results: Table 1: no such table: 'tabel1'; did you mean 'table1'"),
        ("paper.yaml", "images: 8528, ", "", r"data\.sides\.0: give images or share"),
        ("recipes/honest.yaml", "epochs: 100", "epoch: 100", r"honest\.yaml: training\.epoch: no such key"),
        (
            "grids/paper.yaml",
            "optimizers:",
            "optimisers:",
            r"paper\.yaml: axes\.optimisers: no such axis; did you mean 'optimizers'",
        ),
        (
            "grids/paper.yaml",
            "[vgg16, resnet50]",
            "[vgg16, vgg16]",
            r"paper\.yaml: backbones: needs at least one value, each once",
        ),
        ("grids/paper.yaml", "protocol: paper", "protocol: honest", r"paper\.yaml lists it under 'paper'"),
        ("grids/paper.yaml", "axes:", "\taxes:", r"grids/paper\.yaml: cannot be read"),
        ("published/table1.csv", "84.73", "84.37", r"table1\.csv: column 'Adam \(%\)' sums to 721\.01; tables\.yaml has 721\.37"),
        ("published/settings.csv", "10661", "10616", r"settings\.csv: checksum of the sums is"),
        ("published/table1.csv", "Adam (%)", "Adam", r"table1\.csv: columns are Epoch, Adam, RMSprop \(%\); tables\.yaml has"),
        ("published/table1.csv", "84.73,", "84.73;", r"table1\.csv: line 2 has 2 cells, the header has 3"),
        ("published/table1.csv", "\n20,", "\n10,", r"table1\.csv: row '10' stands there twice"),
        ("published/tables.yaml", "Totals: {cell", "Total: {cell", r"rows: 'Total' is no row; did you mean 'Totals'"),
        ("published/tables.yaml", "key: [Epoch]", "key: [Epochs]", r"key 'Epochs' is no column; did you mean 'Epoch'"),
        ("published/tables.yaml", "name: table2", "name: table1", r"tables\.yaml: table1: stands there twice"),
        ("published/tables.yaml", "unit: percent, ", "", r"measure, unit and sum belong together"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(broken: Path, file: str, before: str, after: str, said: str) -> None:
    spoil(broken / file, before, after)
    with pytest.raises(DataError, match=said) as caught:
        read_paper(broken)
    assert "\n" not in str(caught.value)


def test_missing_and_left_over_files_are_told(broken: Path) -> None:
    (broken / "published" / "table9.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match=r"tables\.yaml: has no entry for table9\.csv"):
        read_paper(broken)
    (broken / "published" / "table9.csv").unlink()
    (broken / "published" / "table1.csv").unlink()
    with pytest.raises(DataError, match=r"table1\.csv: cannot be read"):
        read_paper(broken)


def test_no_file_names_a_place_on_somebody_s_machine() -> None:
    for path in (ROOT / "experiments").rglob("*"):
        if path.is_file():
            assert not re.search(r"(^|[\s\"'(])/(work|tmp|home|root)/", path.read_text()), path
