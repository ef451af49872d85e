"""Verdicts on published cells: constructed tables with known answers, every matrix of small sets, and the audit of claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, localcontext
from fractions import Fraction
from functools import cache
from itertools import product
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from keras_leuk.papers import claims_rows
from keras_leuk.papers.attainability import Arithmetic, Key, arithmetic
from keras_leuk.papers.claims import audit, find
from keras_leuk.papers.library import PublishedCell, PublishedTable, paper, papers
from keras_leuk.papers.library_table_facts import ColumnFacts, TableFacts

RUN = {"model.backbone": "vgg16"}
MEASURES = ("accuracy", "precision", "recall", "f1")
IMPOSSIBLE_F1 = {"accuracy": "1.00", "precision": "1.00", "recall": "1.00", "f1": "0.90"}
ROUNDINGS = (ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_DOWN)


def cell(column: str, printed: str, **told: Any) -> PublishedCell:
    """A cell of row r; its measure is the header of its column unless something else is said."""
    facts: dict[str, Any] = {"row": "r", "measure": column, "average": None, "unit": "fraction", "side": "test", "images": None}
    facts |= {"class_name": None, "ours": RUN} | told
    plain = printed.replace(".", "", 1).isdigit()
    decimals = len(printed.partition(".")[2])
    return PublishedCell(column=column, printed=printed, value=Decimal(printed) if plain else None, decimals=decimals, **facts)


def made(*cells: PublishedCell, name: str = "table1", basis: str = "stated") -> PublishedTable:
    columns = tuple(ColumnFacts(header) for header in dict.fromkeys(c.column for c in cells))
    facts = TableFacts(name, name.title(), "results", "", "test", basis, ("Row",), columns, "")
    return PublishedTable((), (), tuple(dict.fromkeys(c.row for c in cells)), cells, "", facts)


def judged(*tables: PublishedTable, of: str = "fata2023") -> Mapping[Key, Arithmetic]:
    return arithmetic(replace(paper(of), tables=tables))


def verdicts(*cells: PublishedCell) -> dict[str, str]:
    """Column → verdict of one made row."""
    return {key[2]: told.verdict for key, told in judged(made(*cells)).items()}


def values(matrix: tuple[int, int, int, int], average: str) -> dict[str, Fraction]:
    """The measures of a confusion matrix; 0 / 0 counts as 0."""
    tp, fp, fn, tn = matrix

    def one(tp: int, fp: int, fn: int) -> dict[str, Fraction]:
        parts = {"precision": (tp, tp + fp), "recall": (tp, tp + fn), "f1": (2 * tp, 2 * tp + fp + fn)}
        return {name: Fraction(part, whole) if whole else Fraction(0) for name, (part, whole) in parts.items()}

    positive, other = one(tp, fp, fn), one(tn, fn, fp)
    means = {name: (positive[name] + other[name]) / 2 for name in positive}
    return {"accuracy": Fraction(tp + tn, sum(matrix))} | (means if average == "macro" else positive)


def text(value: Fraction, decimals: int, rounding: str) -> str:
    with localcontext(Context(prec=40)):
        return str((Decimal(value.numerator) / value.denominator).quantize(Decimal(1).scaleb(-decimals), rounding))


def row(printed: Mapping[str, str], average: str, size: int, positives: int | None = None, **told: Any) -> list[PublishedCell]:
    return [
        cell(name, shown, average=None if name == "accuracy" else average, images=size, positives=positives, **told)
        for name, shown in printed.items()
    ]


def test_values_agree_with_scikit_learn() -> None:
    """What the other tests take for the truth."""
    tp, fp, fn, tn = matrix = (30, 7, 4, 19)
    truth, said = [1] * (tp + fn) + [0] * (fp + tn), [1] * tp + [0] * fn + [1] * fp + [0] * tn
    for average, theirs in (("macro", "macro"), ("positive", "binary")):
        ours = [float(values(matrix, average)[name]) for name in MEASURES]
        expected = [accuracy_score(truth, said), *precision_recall_fscore_support(truth, said, average=theirs)[:3]]
        assert ours == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("printed", "images", "verdict", "words"),
    [
        ("87.00", 2133, "not attainable", "1,855 give 86.9667 and 1,856 give 87.0136"),
        ("87", 2133, "attainable", "1,846 to 1,866 of 2,133 images"),
        ("94.43", 1600, "attainable", "1,511 of 1,600 images (assumed), truncated"),
        ("33.3", 3, "attainable", "1 of 3 images (assumed)"),
        ("33.4", 3, "not attainable", "1 give 33.333 and 2 give 66.667"),
        ("100.01", 3, "not attainable", "lies outside 0 to 100 %"),
        ("84-87", 2133, "not judged", "is no plain number"),
        ("84.73", None, "not judged", "the number of images is unknown"),
    ],
)
def test_an_accuracy_alone(printed: str, images: int | None, verdict: str, words: str) -> None:
    """87.00 % of 2,133 images is the finding on fata2023; of 3 images one is 33.3 %."""
    basis = "stated" if images == 2133 else "by arithmetic"
    (told,) = judged(made(cell("accuracy", printed, unit="percent", images=images), basis=basis)).values()
    assert told.verdict == verdict
    assert words in told.words


def test_the_odd_one_of_a_row_is_marked_alone() -> None:
    """All ten images right and an F1 of 0.90: without the F1 all is well, and without another value nothing is."""
    told = judged(made(*row(IMPOSSIBLE_F1, "positive", 10)))
    assert {key[2]: found.verdict for key, found in told.items()} == {
        "accuracy": "attainable",
        "precision": "attainable",
        "recall": "attainable",
        "f1": "not attainable",
    }
    assert told["table1", "r", "f1"].words.endswith("all rounded or all truncated; the other values allow 1.0000 for F1")
    assert "f1" not in told["table1", "r", "recall"].words.lower()


def test_a_value_that_is_impossible_alone_leaves_the_others_in_peace() -> None:
    """0.55 is no half of two images of each class; precision and recall of one class go together."""
    told = judged(made(*row({"accuracy": "0.55", "precision": "0.50", "recall": "1.00"}, "positive", 4, 2)))
    assert [found.verdict for found in told.values()] == ["not attainable", "attainable", "attainable"]
    assert "2 give 0.5000 and 3 give 0.7500" in told["table1", "r", "accuracy"].words


def test_where_several_values_could_be_the_wrong_one_all_are_marked() -> None:
    printed = {"recall": "0.79", "precision": "0.81", "f1": "0.73"}
    told = judged(made(*row(printed, "macro", 2133, 1455)))
    assert {found.verdict for found in told.values()} == {"not attainable"}
    assert told["table1", "r", "f1"].words == (
        "no confusion matrix of 2,133 images (1,455 and 678 of the two classes, assumed) gives recall 0.79, precision 0.81"
        " and F1 0.73 together as means over the classes, all rounded or all truncated;"
        " the other values allow 0.7935 to 0.8033 for F1"
    )
    # With a known matrix of those sizes the same row is possible.
    assert set(verdicts(*row(printed | {"f1": "0.80"}, "macro", 2133, 1455)).values()) == {"attainable"}


def test_four_rows_of_one_run_are_one_row() -> None:
    cells = [replace(c, row=c.column, column="value") for c in row(IMPOSSIBLE_F1, "positive", 10)]
    assert [told.verdict for told in judged(made(*cells)).values()] == [*["attainable"] * 3, "not attainable"]
    # Runs of their own are judged on their own.
    apart = [replace(c, ours={"seed": i}) for i, c in enumerate(cells)]
    assert {told.verdict for told in judged(made(*apart)).values()} == {"attainable"}


def test_rates_of_errors_are_judged_as_what_is_left() -> None:
    """FDR 0.25 and FNR 0.40 of five images: precision 3/4, recall 3/5."""
    fitting = {"false_detection_rate": "0.25", "false_negative_rate": "0.40"}
    assert set(verdicts(*row(fitting, "positive", 6, 5)).values()) == {"attainable"}
    # 0.86 is 6/7: three of three found and one more named.
    told = judged(made(*row(fitting | {"f1": "0.86"}, "positive", 6)))
    assert {found.verdict for found in told.values()} == {"not attainable"}
    assert told["table1", "r", "false_negative_rate"].words.endswith("the other values allow 0.0000 for false negative rate")


def test_what_says_nothing_of_images_is_not_judged() -> None:
    cells = [
        cell("loss", "0.3", unit="loss"),
        cell("parameters", "12", unit="count"),
        cell("f1", "0.5", average="macro", images=40),
    ]
    told = judged(made(*cells), of="badruzzaman2024")
    assert {found.verdict for found in told.values()} == {"not judged"}
    assert told["table1", "r", "f1"].words == "a macro over 12 classes leaves too much open"
    many = row({"precision": "0.5012", "f1": "0.6"}, "positive", 50_000)
    assert set(verdicts(*many).values()) == {"not judged"}


@pytest.mark.parametrize(
    ("mean", "verdict", "words"),
    [
        ("0.80", "attainable", "0.80375 as they are printed, which is 0.80 rounded or truncated"),
        ("0.81", "attainable", "which is not 0.81; before rounding it may be 0.79875 to 0.80875, which allows 0.81"),
        ("0.82", "not attainable", "before rounding it may be 0.79875 to 0.80875, which does not allow 0.82"),
    ],
)
def test_a_printed_mean(mean: str, verdict: str, words: str) -> None:
    """The recalls of fata2023's Table 3, their mean printed 0.81."""
    recalls = ("0.76", "0.81", "0.82", "0.79", "0.82", "0.81", "0.81", "0.81")
    members = [cell("recall", shown, row=str(i), average="macro", images=2133) for i, shown in enumerate(recalls)]
    totals = cell("recall", mean, row="Totals", average="macro", images=2133, ours=None, mean_of="table1")
    told = judged(made(*members, totals))["table1", "Totals", "recall"]
    assert told.verdict == verdict
    assert told.words.endswith(words)


def test_a_mean_of_the_rows_of_another_table() -> None:
    """The three folds of mulya2023 and their means in the text."""
    pairs = (("0.978", "0.061"), ("0.996", "0.0137"), ("0.995", "0.019"))
    folds = [cell("a", a, row=str(i), measure="accuracy", side="train") for i, (a, _) in enumerate(pairs)]
    folds += [cell("l", loss, row=str(i), measure="loss", unit="loss", side="train") for i, (_, loss) in enumerate(pairs)]
    text = [
        cell("Value", shown, row=shown, measure=measure, unit=unit, side="train", ours={}, mean_of="table1")
        for shown, measure, unit in (("0.9896", "accuracy", "fraction"), ("0.031", "loss", "loss"), ("0.05", "loss", "loss"))
    ]
    told = judged(made(*folds), made(*text, name="prose"), of="mulya2023")
    assert [told["prose", name, "Value"].verdict for name in ("0.9896", "0.031", "0.05")] == [
        "attainable",
        "attainable",
        "not attainable",
    ]
    assert told["prose", "0.9896", "Value"].words.endswith("which is 0.9896 truncated")


def test_a_mean_over_several_classes_needs_all_of_them() -> None:
    names = tuple(paper("badruzzaman2024").facts.data.images)
    classes = made(*(cell("F1", f"0.{40 + i}", row=n, measure="f1", average="class", class_name=n) for i, n in enumerate(names)))

    def mean(printed: str, of: PublishedTable) -> str:
        of_all = made(cell("f1", printed, average="macro"), name="table2")
        return judged(of, of_all, of="badruzzaman2024")["table2", "r", "f1"].verdict

    assert (mean("0.46", classes), mean("0.48", classes)) == ("attainable", "not attainable")
    assert mean("0.48", replace(classes, cells=classes.cells[1:])) == "not judged"


def test_one_class_of_unknown_size() -> None:
    """Of at most 441 basophils, precision 0.5 and recall 0.5 allow an F1 of 0.5 and no other."""
    for f1, verdict in (("0.500", "attainable"), ("0.510", "not attainable")):
        cells = row({"recall": "0.500", "precision": "0.500", "f1": f1}, "class", 0, class_name="BAS")
        told = judged(made(*(replace(c, images=None) for c in cells)), of="badruzzaman2024")
        assert {found.verdict for found in told.values()} == {verdict}


matrices = st.tuples(*[st.integers(0, 60)] * 4).filter(lambda m: m[0] + m[2] > 0 and m[1] + m[3] > 0)


@settings(max_examples=60, deadline=None)
@given(
    matrices,
    st.sampled_from(["macro", "positive"]),
    st.integers(1, 4),
    st.sampled_from(ROUNDINGS),
    st.booleans(),
    st.sets(st.sampled_from(MEASURES), min_size=1),
)
def test_numbers_of_a_real_matrix_are_never_impossible(
    matrix: tuple[int, int, int, int], average: str, decimals: int, rounding: str, known: bool, named: set[str]
) -> None:
    true = values(matrix, average)
    printed = {name: text(true[name], decimals, rounding) for name in MEASURES if name in named}
    told = verdicts(*row(printed, average, sum(matrix), matrix[0] + matrix[2] if known else None))
    assert "not attainable" not in told.values()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.booleans(), min_size=2, max_size=80), st.data(), st.integers(1, 4), st.sampled_from(ROUNDINGS))
def test_numbers_of_two_real_units_are_never_impossible(
    larger_is_right: list[bool], data: st.DataObject, decimals: int, rounding: str
) -> None:
    """Keras' precision and recall over both sigmoid units of each image."""
    size = len(larger_is_right)
    above = data.draw(st.lists(st.sampled_from(["both", "none", "larger"]), min_size=size, max_size=size))
    tp = sum(a == "both" or (a == "larger" and right) for a, right in zip(above, larger_is_right, strict=True))
    fp = sum(a == "both" or (a == "larger" and not right) for a, right in zip(above, larger_is_right, strict=True))
    true = {"accuracy": Fraction(sum(larger_is_right), size), "recall": Fraction(tp, size)}
    true["precision"] = Fraction(tp, tp + fp) if tp + fp else Fraction(0)
    printed = {name: text(value, decimals, rounding) for name, value in true.items()}
    assert "not attainable" not in verdicts(*row(printed, "units", size)).values()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.fractions(0, 1, max_denominator=500), min_size=2, max_size=6), st.integers(1, 4), st.sampled_from(ROUNDINGS))
def test_a_real_mean_is_never_impossible(true: list[Fraction], decimals: int, rounding: str) -> None:
    cells = [cell("recall", text(value, decimals, rounding), row=str(i), average="macro") for i, value in enumerate(true)]
    mean = cell("recall", text(sum(true) / len(true), decimals, rounding), row="mean", average="macro", mean_of="table1")
    assert judged(made(*cells, mean))["table1", "mean", "recall"].verdict == "attainable"


def gives(matrix: tuple[int, ...], printed: Mapping[str, str], average: str, mode: str) -> bool:
    """Whether a matrix is printed so, by the definition of rounding (both ends) and truncation."""
    true = values(matrix, average)
    for name, shown in printed.items():
        value, unit = Fraction(shown), Fraction(1, 100)
        low, high = (value - unit / 2, value + unit / 2) if mode == "rounded" else (value, value + unit)
        if not (low <= true[name] <= high if mode == "rounded" else low <= true[name] < high):
            return False
    return True


@cache
def of_size(size: int, average: str) -> list[tuple[int, int, int, int]]:
    """Every matrix; a mean over the classes needs images of both."""
    every = ((tp, fp, fn, size - tp - fp - fn) for tp, fp, fn in product(range(size + 1), repeat=3))
    return [m for m in every if m[3] >= 0 and (average != "macro" or (m[0] + m[2] > 0 and m[1] + m[3] > 0))]


def possible(printed: Mapping[str, str], average: str, size: int) -> bool:
    return any(gives(m, printed, average, mode) for mode in ("rounded", "truncated") for m in of_size(size, average))


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 9), st.data(), st.sampled_from(["macro", "positive"]))
def test_verdicts_are_those_of_every_matrix(size: int, data: st.DataObject, average: str) -> None:
    """A real row with one value moved: marked if and only if no matrix gives it, and what is left unmarked goes together."""
    matrix = data.draw(st.sampled_from(of_size(size, average)))
    printed = {name: text(value, 2, ROUND_HALF_UP) for name, value in values(matrix, average).items()}
    moved = data.draw(st.sampled_from(MEASURES))
    printed[moved] = text(Fraction(data.draw(st.integers(0, 100)), 100), 2, ROUND_HALF_UP)
    told = verdicts(*row(printed, average, size))
    good = {name: shown for name, shown in printed.items() if told[name] == "attainable"}
    assert (len(good) == 4) == possible(printed, average, size)
    assume(good)
    assert possible(good, average, size)


@cache
def of_paper(key: str) -> Mapping[Key, Arithmetic]:
    return arithmetic(paper(key))


@cache
def audited(key: str) -> dict[str, dict[str, Any]]:
    """Tables of the audit of claims, by name; test sets of unknown size are searched up to the 440 images of vijesh2024.

    Left out is a table of claims that no published table has, values of one with accuracies of another; and other class sizes,
    which take long and which nothing here compares.
    """
    found = [(name, [c for c in claims if "with the quoted" not in c.table]) for name, claims in find(key)]
    with patch.object(claims_rows, "other_supports", return_value=None):
        return {table["table"]: table for table in audit(found, largest=440)["papers"][0]["tables"]}


def right(table: dict[str, Any], images: int) -> dict[str, bool]:
    """Row → whether its accuracy is k / n, rounded or truncated."""
    named = [entry for mode in ("rounded", "truncated") for entry in table["accuracy"][mode]["named"] if entry["n"] == images]
    return {found["row"]: any(found["row"] in entry["correct"] for entry in named) for found in table["rows"]}


def fitting(table: dict[str, Any], definition: str) -> dict[str, bool]:
    """Row → whether that definition gives it, all rounded or all truncated."""
    rows = [found for found in table["rows"] if not found["mean"]]
    return {
        found["row"]: any((fit["definition"], fit["mode"] != "either") == (definition, True) for fit in found["fits"])
        for found in rows
    }


def verdict_of(key: str, table: str, row: str) -> bool:
    """Whether every judged cell of a row is attainable."""
    found = [told.verdict for place, told in of_paper(key).items() if place[:2] == (table, row)]
    assert set(found) <= {"attainable", "not attainable"}
    return set(found) == {"attainable"}


def test_every_cell_of_results_has_a_verdict() -> None:
    for known in papers():
        cells = [(t.name, c.row, c.column) for t in known.tables if t.facts.kind in ("results", "cited") for c in t.cells]
        assert list(of_paper(known.key)) == cells
        assert all(told.words and not told.words.endswith(".") for told in of_paper(known.key).values())


def test_fata2023_agrees_with_the_audit() -> None:
    tables = audited("fata2023")
    training = right(tables["Tables 1 and 2, training accuracy"], 8528)
    assert len(training) == 32
    for name, allowed in training.items():
        network, optimizer, epoch = name.split(", ")
        place = ("table1" if network == "VGG16" else "table2", epoch.removeprefix("epoch "), f"{optimizer} (%)")
        assert (of_paper("fata2023")[place].verdict == "attainable") == allowed
    bad = set()
    for number in "3456":
        (table,) = [told for name, told in tables.items() if name.startswith(f"Table {number}, ")]
        for epoch, allowed in fitting(table, "macro").items():
            assert verdict_of("fata2023", f"table{number}", epoch.removeprefix("epoch ")) == allowed
            bad |= set() if allowed else {(number, epoch)}
        for mean in table["means"]:
            column = {"recall": "Recall", "precision": "Prec.", "f1": "F1-Score"}[mean["measure"]]
            told = of_paper("fata2023")[f"table{number}", "Totals", column]
            assert (told.verdict == "attainable") == bool(mean["allows"])
            assert ("which is not" in told.words) == (not mean["of_printed"]) == ((number, column) == ("3", "Recall"))
    assert bad == {("3", "epoch 30"), ("4", "epoch 10"), ("5", "epoch 30")}


def test_fata2023_quoted_accuracies_agree_with_the_audit() -> None:
    printed = right(audited("fata2023")["Table 7, test accuracy as printed"], 2133)
    assert printed == {"VGG16, Adam, epoch 100": False, "ResNet50, RMSprop, epoch 80": True}
    for table, first, second in (
        ("prose", "VGG16 / Adam / 100", "ResNet50 / RMSprop / 80"),
        ("table7", "Proposed / TL-VGG16", "Proposed / TL-ResNet50"),
    ):
        column = "Test accuracy (%)" if table == "prose" else "Accuracy (%)"
        told = [of_paper("fata2023")[table, name, column].verdict for name in (first, second)]
        assert told == ["not attainable", "attainable"]
    digits = right(audited("fata2023")["Section 3.2, test accuracy with two digits"], 2133)
    assert digits["VGG16, Adam, epoch 20"] == verdict_of("fata2023", "prose", "VGG16 / Adam / 20") is True


def test_mantri2024_agrees_with_the_audit() -> None:
    tables = audited("mantri2024")
    accuracies = right(tables["Table V, plain networks"], 1600) | right(tables["Table V, modified networks"], 1600)
    assert len(accuracies) == 11
    for name, allowed in accuracies.items():
        assert verdict_of("mantri2024", "table5", name) == allowed
    assert not accuracies["Modified VGG-16"]
    (row,) = tables["Section 4"]["rows"]
    assert row["fits"] == []
    mending = {told["measure"] for told in row["left_out"] if told["definition"] == "binary"}
    names = {"accuracy": "Testing accuracy", "precision": "Precision", "recall": "Recall", "f1": "F1-Score"}
    for measure, name in names.items():
        told = of_paper("mantri2024")["prose", f"Proposed EfficientNetB3 / {name}", "Value (%)"]
        assert told.verdict == "not attainable"
        assert ("the other values allow" in told.words) == (measure in mending)


def test_vijesh2024_agrees_with_the_audit() -> None:
    found = fitting(audited("vijesh2024")["Table 1"], "units")
    assert len(found) == 7
    assert all(found.values())
    assert all(verdict_of("vijesh2024", "table1", name) for name in found)
    # The text rounds 0.70455 once more; 310 of 440 are 70.4545 %.
    place = ("prose", "VGG16 / section 4.2.2, first model paragraph", "Validation Accuracy (%)")
    assert of_paper("vijesh2024")[place].verdict == "not attainable"


def test_badruzzaman2024_agrees_with_the_audit() -> None:
    table = audited("badruzzaman2024")["Tables 2, 3 and 4"]
    (blast,) = table["classes"]
    for model, count in blast["rounded"]["each"].items():
        assert count > 0
        for place in (("table4", model, "FDR (%)"), ("table4", model, "FNR (%)"), ("table3", "Blast", f"{model} (%)")):
            assert of_paper("badruzzaman2024")[place].verdict == "attainable"
    for mean in table["means"]:
        assert mean["allows"]
        assert of_paper("badruzzaman2024")["table2", mean["row"], "F1 Score (%)"].verdict == "attainable"
    assert of_paper("badruzzaman2024")["table2", "ResNet 18", "Accuracy (%)"].verdict == "not judged"


def test_what_is_marked_in_all_papers() -> None:
    """Nothing else than what reports/claims.md finds, and one accuracy of the text of vijesh2024."""
    marked = {
        (known.key, *place[:2])
        for known in papers()
        for place, told in of_paper(known.key).items()
        if told.verdict == "not attainable"
    }
    assert marked == {
        *(("fata2023", *place) for place in (("table3", "30"), ("table4", "10"), ("table5", "30"))),
        *(("fata2023", *place) for place in (("table7", "Proposed / TL-VGG16"), ("prose", "VGG16 / Adam / 100"))),
        *(("mantri2024", "table5", name) for name in ("VGG-16", "MobileNetV2", "ResNet18", "Modified VGG-16")),
        *(
            ("mantri2024", "prose", f"Proposed EfficientNetB3 / {name}")
            for name in ("Testing accuracy", "Precision", "Recall", "F1-Score")
        ),
        ("vijesh2024", "prose", "VGG16 / section 4.2.2, first model paragraph"),
    }


def test_positives_and_means_are_read_and_checked() -> None:
    table = paper("fata2023").table("table3")
    assert {c.positives for c in table.cells} == {1455}
    assert {c.row: c.mean_of for c in table.cells if c.mean_of} == {"Totals": "table3"}
    assert {c.positives for c in paper("fata2023").table("table1").cells} == {None}
    with pytest.raises(ValueError, match="2134 positives are no part of 2133 images"):
        replace(table.facts, positives=2134)
