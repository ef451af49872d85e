from __future__ import annotations

import csv
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_leuk.errors import UsageError
from keras_leuk.papers.library import Paper, PublishedTable, paper, papers
from keras_leuk.papers.library_tables import checksum, column_sum

TABLES = [(found.key, table) for found in papers() for table in found.tables]
DIGITS = [
    (table, row, column, place)
    for _, table in TABLES
    for row, texts in enumerate(table.rows)
    for column, text in enumerate(texts)
    for place, letter in enumerate(text)
    if letter in "0123456789"
]


def numbers(table: PublishedTable, column: str) -> list[Decimal]:
    return [cell.value for cell in table.cells if cell.column == column and cell.value is not None]


@given(st.sampled_from(DIGITS), st.sampled_from("0123456789"))
def test_any_changed_digit_is_found(place: tuple[PublishedTable, int, int, int], digit: str) -> None:
    table, row, column, at = place
    rows = [list(texts) for texts in table.rows]
    text = rows[row][column]
    rows[row][column] = text[:at] + digit + text[at + 1 :]
    # 100 and 0100 are one number; no published one begins with a 0 that could hide a change.
    assert (checksum(table.header, rows) == table.sha256) == (text[at] == digit)


@given(st.sampled_from([table for _, table in TABLES if table.cells]), st.data())
def test_exchanged_values_are_found(table: PublishedTable, data: st.DataObject) -> None:
    column = data.draw(st.sampled_from([i for i, told in enumerate(table.facts.columns) if told.measure is not None]))
    i, j = data.draw(st.lists(st.integers(0, len(table.rows) - 1), min_size=2, max_size=2, unique=True))
    rows = [list(texts) for texts in table.rows]
    same = rows[i][column] == rows[j][column] or column_sum([rows[i][column]]) == column_sum([rows[j][column]])
    rows[i][column], rows[j][column] = rows[j][column], rows[i][column]
    assert same or checksum(table.header, rows) != table.sha256


@given(st.lists(st.decimals(0, 1000, places=2), max_size=20))
def test_sums_are_exact(values: list[Decimal]) -> None:
    assert column_sum([*map(str, values), "84-87", "about 10.500", ""]) == sum(values, Decimal(0))


def test_a_cell_keeps_what_was_printed() -> None:
    table = paper("mantri2024").table("table5")
    for row, printed, decimals in (
        ("InceptionV3", "84", 0),
        ("EfficientNet", "84.5", 1),
        ("Proposed EfficientNetB3", "96.87", 2),
    ):
        cell = table.cell(row, "Accuracy (%)")
        assert (cell.printed, cell.value, cell.decimals) == (printed, Decimal(printed), decimals)
    cell = paper("vijesh2024").table("table1").cell("Efficient Net B0", "Validation Recall")
    assert (cell.printed, cell.decimals, cell.fraction) == ("1.0000", 4, Decimal("1.0000"))
    assert table.cell("EfficientNet", "Accuracy (%)").fraction == Decimal("0.845")


def test_what_is_no_plain_number_has_no_value() -> None:
    prose = paper("fata2023").table("prose")
    cell = prose.cell("VGG16 / both / all (range)", "Test accuracy (%)")
    assert (cell.printed, cell.value, cell.fraction, cell.ours) == ("84-87", None, None, None)
    assert paper("mulya2023").table("prose").cell("Training data (70%)", "Value").value is None


def test_unknown_cells_are_told_the_nearest() -> None:
    table = paper("fata2023").table("table1")
    with pytest.raises(UsageError, match="Table 1: no such row: '70'"):
        table.cell("70", "Adam (%)")
    with pytest.raises(UsageError, match=r"no such column: 'Adam'; did you mean 'Adam \(%\)'"):
        table.cell("10", "Adam")
    with pytest.raises(UsageError, match="no such table of fata2023: 'table8'"):
        paper("fata2023").table("table8")


def test_rows_and_columns_name_the_run_beside_them() -> None:
    fata = paper("fata2023")
    assert fata.table("table2").cell("80", "RMSprop (%)").ours == {
        "model.backbone": "resnet50",
        "training.epochs": 80,
        "training.optimizer.name": "rmsprop",
    }
    assert fata.table("table3").cell("Totals", "Recall").ours is None
    assert fata.table("table7").cell("[10] / VGGNet (SESSA)", "Accuracy (%)").ours is None
    bone_marrow = paper("badruzzaman2024")
    cell = bone_marrow.table("table3").cell("Blast", "ResNeXt 50 (%)")
    assert (cell.ours, cell.class_name, cell.average) == ({"model.backbone": "resnext50"}, "BLA", "class")


def test_measures_of_single_rows() -> None:
    prose = paper("mantri2024").table("prose")
    found = {
        cell.row.removeprefix("Proposed EfficientNetB3 / "): (cell.measure, cell.average, cell.side, cell.images)
        for cell in prose.cells
    }
    assert found == {
        "Training accuracy": ("accuracy", None, "train", None),
        "Testing accuracy": ("accuracy", None, "test", 1600),
        "Precision": ("precision", "positive", "test", 1600),
        "Recall": ("recall", "positive", "test", 1600),
        "F1-Score": ("f1", "positive", "test", 1600),
    }
    told = {cell.row: (cell.measure, cell.unit, cell.side) for cell in paper("mulya2023").table("prose").cells}
    assert told["Average loss (three folds)"] == ("loss", "loss", "train")
    assert told["Fold 1 early stopping epoch"] == ("epochs", "count", "train")


@pytest.mark.parametrize("name", ["table3", "table4", "table5", "table6"])
def test_totals_of_fata2023_are_column_means(name: str) -> None:
    table = paper("fata2023").table(name)
    for column in ("Recall", "Prec.", "F1-Score"):
        *values, printed = numbers(table, column)
        mean = (sum(values) / len(values)).quantize(Decimal("0.01"), ROUND_HALF_UP)
        # The one that differs: its column has the mean 0.80375.
        assert (mean == printed) == ((name, column) != ("table3", "Recall"))


def test_f1_of_the_classes_have_the_printed_mean() -> None:
    found = paper("badruzzaman2024")
    macro = {cell.row: cell.value for cell in found.table("table2").cells if cell.measure == "f1"}
    for model, printed in macro.items():
        classes = numbers(found.table("table3"), f"{model} (%)")
        assert len(classes) == 12
        assert printed is not None
        assert abs(sum(classes) / 12 - printed) <= Decimal("0.005")


def test_accuracies_of_vijesh2024_are_whole_images_of_440() -> None:
    for cell in paper("vijesh2024").table("table1").cells:
        if cell.measure == "accuracy":
            assert cell.value is not None
            half = Fraction(1, 2 * 10**cell.decimals)
            assert abs(Fraction(round(Fraction(cell.value) * 440), 440) - Fraction(cell.value)) <= half


@pytest.mark.parametrize("table", [table for _, table in TABLES], ids=[f"{key}-{table.name}" for key, table in TABLES])
def test_every_row_of_results_says_what_of_ours_stands_beside_it(table: PublishedTable) -> None:
    if table.facts.kind in ("results", "cited"):
        named = table.facts.rows_set is not None or set(table.facts.rows) >= set(table.row_names)
        assert named, "a row is in no list; give it a cell, or null"
        assert any(cell.ours for cell in table.cells)
        assert table.facts.side != "none"
    else:
        assert all(cell.ours is None for cell in table.cells)
    assert table.facts.caption.endswith(".")


OUTSIDE = {
    "prose": {
        "fata2023": "text-test-accuracy",
        "mantri2024": "text-metrics",
        "vijesh2024": "text-metrics",
        "mulya2023": "text-metrics",
    }
}


@pytest.mark.real
@pytest.mark.parametrize(("key", "table"), TABLES, ids=[f"{key}-{table.name}" for key, table in TABLES])
def test_equals_another_transcription(samples: Path, key: str, table: PublishedTable) -> None:
    other = OUTSIDE["prose"][key] if table.name == "prose" else {"settings": "text-settings"}.get(table.name, table.name)
    with (samples / "papers" / "tables" / f"{key}-{other}.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    # The other one has columns of its own behind the printed ones: notes, and sentences of the paper.
    wide = len(table.header)
    assert tuple(header[:wide]) == table.header
    assert [tuple(row[:wide]) for row in rows] == list(table.rows)
    assert len(header) == wide or (key, table.name) in {("fata2023", "table7"), ("mantri2024", "table4")}


@pytest.mark.parametrize("found", papers(), ids=lambda found: found.key)
def test_claims_were_copied_from_the_same_numbers(found: Paper) -> None:
    printed = {cell.printed for table in found.tables for cell in table.cells}
    with (found.folder / "claims.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    claimed = {
        row[name] for row in rows for name in ("accuracy", "precision", "recall", "f1", "fdr", "fnr", "loss") if row.get(name)
    }
    # Claims put 0.76 beside percentages as 76, and try 87.00 as a two-digit value.
    printed |= {text.removeprefix("0.") for text in printed if len(text) == 4} | {text.removesuffix(".00") for text in printed}
    assert claimed
    assert claimed <= printed
