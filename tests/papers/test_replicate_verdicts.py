from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from comparable_runs import make_run
from hypothesis import given
from hypothesis import strategies as st

from keras_leuk.evaluation.metrics import write_metrics
from keras_leuk.evaluation.published import Asked, Reader
from keras_leuk.grid.plan import EPOCHS, Cell
from keras_leuk.papers.library import Paper, paper, papers
from keras_leuk.papers.library_tables import PublishedCell
from keras_leuk.papers.replicate_budget import Cut, apply
from keras_leuk.papers.replicate_data import DataFacts
from keras_leuk.papers.replicate_request import BACKBONE, Study, Wanted, studies
from keras_leuk.papers.replicate_verdicts import ON_TEST, Trial, beside, measured, verdict
from keras_leuk.recipe.loading import dotted

CNMC = DataFacts("C-NMC 2019", False, {"HEM": 4037, "ALL": 8491}, "ALL", 101, (), {}, {"": {"HEM": 4037, "ALL": 8491}})


def trials_of(found: Sequence[Study], folders: Sequence[Path] = ()) -> list[Trial]:
    """A trial for every cell, as a plan would have it, without data and weights; the first ones have a run."""
    made: list[Trial] = []
    for study in found:
        for values in product(*study.lists.values()):
            varied = dict(zip(study.lists, values, strict=True))
            name, number = study.protocol.name, len(made)
            folder = folders[number] if number < len(folders) else None
            cell = Cell(varied, study.recipe, f"{number:064x}", f"cell{number}")
            keys = dotted(study.recipe) | varied
            made.append(Trial(f"{name[0]}{number + 1}", name, study, cell, keys, folder, None, "imagenet"))
    return made


def asked(key: str, protocol: str = "paper", **settings: Any) -> list[Study]:
    return studies(paper(key), Wanted("demo", (protocol,), **settings))[0]


def published(**given: Any) -> PublishedCell:
    settings: dict[str, Any] = {
        "row": "a row",
        "column": "a column",
        "printed": "0.76",
        "value": Decimal("0.76"),
        "decimals": 2,
        "measure": "accuracy",
        "average": None,
        "unit": "fraction",
        "side": "test",
        "images": 100,
        "class_name": None,
        "ours": {},
    }
    return PublishedCell(**(settings | given))


def cells_of(one: Paper) -> list[PublishedCell]:
    return [cell for table in one.tables for cell in table.cells if cell.ours is not None]


@pytest.mark.parametrize("one", papers(), ids=lambda one: one.key)
def test_every_published_row_of_ours_finds_its_runs(one: Paper) -> None:
    made = trials_of(asked(one.key))
    for cell in cells_of(one):
        found = beside(cell, made)
        assert found, (cell.row, cell.column, cell.ours)
        assert cell.ours is not None
        for trial in found:
            assert {key: trial.keys[key] for key in cell.ours} == dict(cell.ours)
        # All of them are one setting: what is told apart by seeds alone may be averaged.
        assert len({tuple((k, v) for k, v in trial.cell.values.items() if k != "seed") for trial in found}) == 1


def test_every_run_of_fata2023_stands_beside_some_row() -> None:
    made = trials_of(asked("fata2023"))
    assert {trial.name for cell in cells_of(paper("fata2023")) for trial in beside(cell, made)} == {trial.name for trial in made}


def test_seeds_that_a_row_does_not_name_stand_beside_it_together() -> None:
    made = trials_of(asked("fata2023", "honest"))
    cell = published(ours={BACKBONE: "vgg16", "training.optimizer.name": "adam", EPOCHS: 100})
    assert [trial.keys["seed"] for trial in beside(cell, made)] == [0, 1, 2, 3, 4]
    rows = [cell for cell in paper("mulya2023").table("table1").cells if cell.column == "Loss"]
    assert [[trial.keys["seed"] for trial in beside(row, trials_of(asked("mulya2023")))] for row in rows] == [[0], [1], [2]]


def test_a_row_that_names_nothing_has_no_run() -> None:
    assert beside(published(ours=None), trials_of(asked("mulya2023"))) == []


def test_an_arm_that_replaces_the_head_stands_for_that_head_alone() -> None:
    made = trials_of(asked("mantri2024", arm="average-pooling"))
    rows = {cell.row: beside(cell, made) for cell in paper("mantri2024").table("table5").cells}
    assert [trial.keys[BACKBONE] for trial in rows["Proposed EfficientNetB3"]] == ["efficientnetb3"]
    assert [trial.keys[BACKBONE] for trial in rows["Modified VGG-16"]] == ["vgg16"]
    for row in ("VGG-16", "EfficientNet", "Modified EfficientNetB3 without L1 and L2 regularizers"):
        assert rows[row] == [], row


@pytest.mark.parametrize(
    ("key", "arm"), [(one.key, arm.name) for one in papers() for arm in one.arms if "paper" in arm.protocols and not arm.default]
)
def test_under_an_arm_every_row_of_a_grid_that_is_left_finds_its_runs(key: str, arm: str) -> None:
    plain, under = trials_of(asked(key)), trials_of(asked(key, arm=arm))
    left = {trial.study.grid.name for trial in under}
    for cell in cells_of(paper(key)):
        expected = [(trial.study.grid.name, trial.cell.values) for trial in beside(cell, plain)]
        found = [(trial.study.grid.name, trial.cell.values) for trial in beside(cell, under)]
        assert found == [one for one in expected if one[0] in left]


def test_a_substitute_stands_where_the_papers_network_stood() -> None:
    made = trials_of(asked("fata2023", instead={"resnet50": "mobilenet"}))
    row = {"training.optimizer.name": "adam", EPOCHS: 10}
    assert [trial.keys[BACKBONE] for trial in beside(published(ours={BACKBONE: "resnet50", **row}), made)] == ["mobilenet"]
    assert [trial.keys[BACKBONE] for trial in beside(published(ours={BACKBONE: "vgg16", **row}), made)] == ["vgg16"]
    # Changing places changes what stands where.
    swapped = trials_of(asked("fata2023", instead={"vgg16": "resnet50", "resnet50": "vgg16"}))
    assert [trial.keys[BACKBONE] for trial in beside(published(ours={BACKBONE: "vgg16", **row}), swapped)] == ["resnet50"]
    one = trials_of(asked("mulya2023", instead={"inceptionv3": "mobilenet"}))
    assert len(beside(published(ours={BACKBONE: "inceptionv3"}), one)) == 3
    assert beside(published(ours={BACKBONE: "vgg16"}), one) == []


def test_a_training_that_a_budget_ends_earlier_stands_for_every_longer_one() -> None:
    left = [apply(paper("fata2023"), study, Cut(epochs=30), CNMC)[0] for study in asked("fata2023", arm="fine-tuned")]
    made = trials_of(left)
    row = {BACKBONE: "vgg16", "training.optimizer.name": "adam"}
    epochs = {n: [trial.keys[EPOCHS] for trial in beside(published(ours={**row, EPOCHS: n}), made)] for n in (10, 20, 40, 100)}
    assert epochs == {10: [10], 20: [20], 40: [30], 100: [30]}


def test_a_key_that_no_recipe_has_matches_nothing() -> None:
    made = trials_of(asked("mulya2023"))
    assert beside(published(ours={"no.such.key": None}), made) == []
    assert beside(published(ours={"no.such.key": "none"}), made) == []


@pytest.mark.parametrize(
    ("printed", "unit", "low", "high", "expected"),
    [
        ("0.76", "fraction", 0.70, 0.755, "within"),  # 0.755 rounds to 0.76, or to 0.75: both ends count
        ("0.76", "fraction", 0.70, 0.7549, "outside"),
        ("0.76", "fraction", 0.765, 0.80, "within"),
        ("0.76", "fraction", 0.7651, 0.80, "outside"),
        ("0.760", "fraction", 0.70, 0.7595, "within"),  # a trailing zero is a digit
        ("0.760", "fraction", 0.70, 0.7594, "outside"),
        ("76", "percent", 0.70, 0.755, "within"),
        ("76", "percent", 0.70, 0.7549, "outside"),
        ("76.0", "percent", 0.70, 0.7594, "outside"),
        ("76.00", "percent", 0.70, 0.75995, "within"),
        ("76.00", "percent", 0.70, 0.75994, "outside"),
        ("0.0137", "loss", 0.01375, 0.5, "within"),
        ("0.0137", "loss", 0.013751, 0.5, "outside"),
        ("1", "fraction", 0.4, 0.5, "within"),
        ("0.76", "fraction", 0.76, 0.76, "within"),
        ("0.76", "fraction", None, None, "no interval"),
    ],
)
def test_within_means_that_the_printed_digits_meet_the_interval(
    printed: str, unit: str, low: float | None, high: float | None, expected: str
) -> None:
    decimals = len(printed.partition(".")[2])
    cell = published(
        printed=printed, value=Decimal(printed), decimals=decimals, unit=unit, measure="loss" if unit == "loss" else "accuracy"
    )
    assert verdict(cell, 0.5, low, high) == expected


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000))
def test_a_wider_interval_keeps_what_a_narrow_one_holds(thousandths: int, one: int, other: int) -> None:
    text = f"{thousandths / 1000:.3f}"
    cell = published(printed=text, value=Decimal(text), decimals=3)
    low, high = sorted((one / 1000, other / 1000))
    if verdict(cell, low, low, high) == "within":
        assert verdict(cell, low, low - 0.01, high + 0.01) == "within"
    assert (verdict(cell, low, low, high) == "within") == (
        2 * low * 1000 <= 2 * thousandths + 1 and 2 * high * 1000 >= 2 * thousandths - 1
    )


@pytest.mark.parametrize(
    ("measure", "value", "expected"),
    [("parameters", 11_182_668, "equal"), ("parameters", 11_182_669, "differs"), ("epochs", 11_182_668.5, "differs")],
)
def test_exact_counts_are_equal_or_not(measure: str, value: float, expected: str) -> None:
    cell = published(printed="11182668", value=Decimal(11182668), decimals=0, unit="count", measure=measure)
    assert verdict(cell, value, None, None) == expected


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("runs")
    return [make_run(root / str(i), skill=1.0 + i, noise=i).path for i in range(3)]


def test_what_is_measured_is_what_the_reader_says(runs: list[Path]) -> None:
    made = trials_of(asked("mulya2023"), runs[:1])[:1]
    found = measured(published(), made, CNMC, Reader())
    told = Reader().read(runs[:1], _accuracy("test"))
    assert (found["value"], found["low"], found["high"], found["n"]) == (told.value, told.low, told.high, told.n)
    assert found["difference"] == pytest.approx(told.value - 0.76)
    assert (found["runs"], found["sd"], found["reason"], found["weights"]) == (1, None, None, "imagenet")
    assert found["verdict"] in ("within", "outside")


def test_seeds_are_averaged_and_those_that_are_missing_told(runs: list[Path]) -> None:
    found = measured(published(), trials_of(asked("mulya2023"), runs), CNMC, Reader())
    assert found["runs"] == 3
    assert found["sd"] > 0
    assert found["reason"] is None
    found = measured(published(), trials_of(asked("mulya2023"), runs[:2]), CNMC, Reader())
    assert (found["runs"], found["reason"]) == (2, "1 of 3 runs are not finished")


def test_percent_is_compared_as_a_fraction(runs: list[Path]) -> None:
    made = trials_of(asked("mulya2023"), runs[:1])[:1]
    one = measured(published(), made, CNMC, Reader())
    other = measured(published(printed="76", value=Decimal(76), decimals=0, unit="percent"), made, CNMC, Reader())
    assert other["difference"] == pytest.approx(one["difference"])


def test_a_range_has_no_difference_but_a_measured_value(runs: list[Path]) -> None:
    found = measured(published(printed="81-87", value=None), trials_of(asked("mulya2023"), runs), CNMC, Reader())
    assert (found["verdict"], found["difference"]) == ("no number", None)
    assert found["value"] is not None


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"measure": "images", "side": "none"}, "a fact of the data, which are compared above"),
        ({"side": "none"}, "it is on no side of a split"),
        ({"class_name": "BLA"}, "the data have no class BLA, and nothing stands in for it"),
    ],
)
def test_what_cannot_be_measured_says_why(given: dict[str, Any], reason: str, runs: list[Path]) -> None:
    found = measured(published(**given), trials_of(asked("mulya2023"), runs), CNMC, Reader())
    assert (found["verdict"], found["reason"], found["value"], found["n"]) == ("not measured", reason, None, 0)


def test_a_row_of_others_has_nothing_beside_it() -> None:
    assert measured(published(ours=None), [], CNMC, Reader())["reason"] == "nothing of ours stands beside it"


def test_honest_numbers_are_those_of_the_test_side_where_a_paper_has_validation(runs: list[Path]) -> None:
    made = trials_of(asked("mulya2023", "honest"), runs)
    found = measured(published(side="validation"), made, CNMC, Reader())
    test = measured(published(side="test"), made, CNMC, Reader())
    assert found["value"] == test["value"]
    assert found["reason"].startswith(ON_TEST)


def test_unfinished_runs_and_rows_without_runs_are_told_apart(runs: list[Path]) -> None:
    assert measured(published(), trials_of(asked("mulya2023")), CNMC, Reader())["reason"] == "the runs beside it are not finished"
    assert measured(published(), [], CNMC, Reader())["reason"] == "no run of this protocol stands beside it"


def test_a_class_is_looked_up_by_its_published_name_or_its_stand_in(runs: list[Path]) -> None:
    made = trials_of(asked("mulya2023"), runs)
    cell = published(measure="recall", average="class", class_name="hem")
    told = Reader().read(runs, _recall("HEM"))
    assert measured(cell, made, CNMC, Reader())["value"] == told.value
    stand_in = DataFacts("other", False, {"HEM": 1, "ALL": 1}, "ALL", None, (), {"BLA": "ALL"}, {})
    cell = published(measure="recall", average="class", class_name="BLA")
    assert measured(cell, made, stand_in, Reader())["value"] == Reader().read(runs, _recall("ALL")).value


def test_without_validation_images_the_test_side_takes_their_place(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", subjects=5)  # one subject a place: validation has S03
    table = run.predictions.read_text().replace(",validation,", ",train,")
    run.predictions.write_text(table)
    write_metrics(run)
    made = trials_of(asked("mulya2023"), [run.path])[:1]
    found = measured(published(side="validation"), made, CNMC, Reader())
    assert found["value"] == Reader().read([run.path], _accuracy("test")).value
    assert "on the test side, because there is no validation side" in found["reason"]


def _accuracy(side: str) -> Asked:
    return Asked("accuracy", None, None, side)


def _recall(name: str) -> Asked:
    return Asked("recall", "class", name, "test")


def test_another_network_in_a_papers_place_is_said_beside_its_number(runs: list[Path]) -> None:
    made = trials_of(asked("mulya2023", instead={"inceptionv3": "xception"}), runs)
    assert "xception in the place of inceptionv3" in measured(published(), made, CNMC, Reader())["reason"]
    assert measured(published(), trials_of(asked("mulya2023"), runs), CNMC, Reader())["reason"] is None
