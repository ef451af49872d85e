"""The audit of published tables: known answers on made tables, and what the arithmetic of the five papers allows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from keras_leuk.errors import UsageError
from keras_leuk.papers import claims_means, claims_rows, claims_sizes
from keras_leuk.papers.claims import audit, find
from keras_leuk.papers.claims_table import COLUMNS, Claim, read_claims
from keras_leuk.reporting.claims import page
from keras_leuk.reporting.claims_words import findings

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def table(path: Path, text: str) -> list[Claim]:
    path.write_text(text, encoding="utf-8")
    return read_claims(path)


# --- made tables


def test_a_made_table_gives_its_test_set_back(tmp_path: Path) -> None:
    """Two classifiers on 97 images, 41 of them positive: (37, 6, 4, 50) and (30, 11, 11, 45)."""
    rows = table(
        tmp_path / "made.csv",
        "table,row,accuracy,precision,recall,f1\nT,good,0.8969,0.8605,0.9024,0.8810\nT,fair,0.7732,0.7317,0.7317,0.7317\n",
    )
    (found,) = audit([("made", rows)], largest=300)["papers"][0]["tables"]
    binary = next(entry for entry in found["definitions"] if (entry["definition"], entry["mode"]) == ("binary", "rounded"))
    assert binary["sizes"][0] == [97, 97]
    assert binary["supports"][0] == {"n": 97, "supports": [[41, 41]]}
    assert found["focus"] == [97]
    fits = [next(fit for fit in row["fits"] if fit["definition"] == "binary") for row in found["rows"]]
    assert [list(fit["counts"].values()) for fit in fits] == [[37, 6, 4, 50], [30, 11, 11, 45]]
    assert any("all 2 rows together as values of the positive class, rounded, for n = 97" in line for line in findings(found))


def test_rows_of_two_test_sets_are_told_apart(tmp_path: Path) -> None:
    """Each row is attainable, but no number of images gives both: 1/7 and 1/11 to four decimals, below 77."""
    rows = table(tmp_path / "made.csv", "row,accuracy,recall,precision\na,0.1429,0.1429,0.1429\nb,0.0909,0.0909,0.0909\n")
    (found,) = audit([("made", rows)], largest=76)["papers"][0]["tables"]
    assert found["accuracy"]["rounded"]["sizes"] == []
    assert not any(entry["sizes"] for entry in found["definitions"])
    lines = findings(found)
    assert any("allows none for all 2 rows together under any definition, all rounded" in line for line in lines)
    assert any(line.startswith("a, alone: ") and "micro (rounded) n = 7, 14" in line for line in lines)


def test_one_share_of_positives_is_asked_for(tmp_path: Path) -> None:
    """Both rows fit 10 images as one class's values, (4, 1, 1, 4) and (3, 1, 1, 5), but with 5 positive images and with 4."""
    rows = table(tmp_path / "made.csv", "row,accuracy,precision,recall\na,0.8000,0.8000,0.8000\nb,0.8000,0.7500,0.7500\n")
    for row, support in zip(rows, (5, 4), strict=True):
        (alone,) = [
            e for e in claims_sizes.by_definition([row], np.array([10])) if (e["definition"], e["mode"]) == ("binary", "rounded")
        ]
        assert alone["supports"] == [{"n": 10, "supports": [[support, support]]}]
    assert not any(entry["definition"] == "binary" for entry in claims_sizes.by_definition(rows, np.array([10])))


def test_what_is_too_much_is_not_searched_and_said(tmp_path: Path) -> None:
    rows = table(tmp_path / "made.csv", "row,n,precision,f1\na,9000,0.81,0.79\nb,50000,0.81,0.79\n")
    told = findings(audit([("made", rows)])["papers"][0]["tables"][0])
    assert told[0].startswith("n = 9,000, not searched in every row, because there are too many matrices")
    assert told[0].endswith(": positive class, macro, weighted.")
    assert any(line.startswith("n = 50,000 is too large for a search of matrices") for line in told)


def test_a_row_that_needs_a_size_says_so(tmp_path: Path) -> None:
    rows = table(tmp_path / "made.csv", "row,accuracy,precision,f1\na,,0.81,0.79\nb,0.9,0.81,0.79\n")
    told = findings(audit([("made", rows)])["papers"][0]["tables"][0])
    assert told[0] == "Matrices need an accuracy or a number of images (column n); neither is given in a."


def test_softmax_has_no_units_of_its_own(tmp_path: Path) -> None:
    rows = table(tmp_path / "made.csv", "row,accuracy,precision,recall,outputs\na,0.7,0.6,0.9,softmax\nb,0.7,0.6,0.9,\n")
    assert "units" not in claims_rows.definitions(rows[0])
    assert "units" in claims_rows.definitions(rows[1])


def test_means(tmp_path: Path) -> None:
    rows = table(
        tmp_path / "made.csv",
        "row,role,accuracy,recall,loss\na,,0.81,0.5,0.10\nb,,0.82,0.5,0.30\nmean,mean,0.82,0.9,0.2\n",
    )
    accuracy, recall, loss = claims_means.means(rows)
    assert (accuracy["mean_of_printed"], accuracy["of_printed"], accuracy["allows"]) == (
        0.815,
        ["rounded"],
        ["rounded", "truncated"],
    )
    assert (recall["of_printed"], recall["allows"]) == ([], [])
    assert loss["of_printed"] == ["rounded", "truncated"]


def test_a_mean_over_classes_needs_all_of_them(tmp_path: Path) -> None:
    text = "row,class,role,classes,f1\nnet,a,,{},0.50\nnet,b,,{},0.70\nnet,,mean,{},0.60\n"
    assert claims_means.means(table(tmp_path / "three.csv", text.replace("{}", "3"))) == []
    assert claims_means.means(table(tmp_path / "two.csv", text.replace("{}", "2")))[0]["of_printed"] == ["rounded", "truncated"]


def test_f1_and_the_harmonic_mean(tmp_path: Path) -> None:
    right, wrong = table(tmp_path / "made.csv", "row,precision,recall,f1\na,0.80,0.60,0.69\nb,0.80,0.60,0.72\n")
    assert claims_means.harmonic(right)["allows"]
    assert not claims_means.harmonic(wrong)["allows"]


def test_one_row_alone_names_its_nearest_matrix(tmp_path: Path) -> None:
    """(45, 5, 5, 45) with an accuracy that 100 images cannot give."""
    (claim,) = table(tmp_path / "made.csv", "row,n,accuracy,precision,recall\na,100,0.915,0.9000,0.9000\n")
    found = audit([("made", [claim])])["papers"][0]["tables"][0]
    assert found["rows"][0]["fits"] == []
    entry = next(e for e in found["rows"][0]["left_out"] if (e["definition"], e["measure"]) == ("binary", "accuracy"))
    assert entry["low"] <= 0.9 <= entry["high"]
    assert "arithmetic does not allow the row under any definition" in findings(found)[0]


def test_the_same_again_is_the_same() -> None:
    both = [page(audit(find("vijesh2024"))) for _ in range(2)]
    assert both[0] == both[1]


# --- reading


def test_what_a_row_says(tmp_path: Path) -> None:
    (claim,) = table(tmp_path / "made.tsv", "Row\tN\tsupport\tAccuracy\tFDR\tdecimals\nx\t10 20\t3-5\t97.5%\t2.5%\t2\n")
    assert (claim.sizes, claim.support, claim.search) == ((10, 20), (3, 5), None)
    assert claim.values["accuracy"].box("rounded").scale == 20000
    assert claim.values["precision"].value * 1000 == 975


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("row,acuracy\na,0.9\n", "column 'acuracy' is unknown; did you mean 'accuracy'?"),
        ("table,accuracy\na,0.9\n", "no column 'row'"),
        ("row,accuracy\na,1.7%x\n", "line 2: accuracy '1.7%x' is not a number"),
        ("row,accuracy\na,101\n", "accuracy '101' is above 100 %"),
        ("row,accuracy\na,\n", "no value; one of accuracy"),
        ("row,accuracy\n", "a header and no rows"),
        ("row,accuracy,n\na,0.9,x\n", "n 'x' is not a whole number"),
        ("row,accuracy,n\na,0.9,9-3\n", "the range ends before it begins"),
        ("row,accuracy,n\na,0.9,0\n", "must lie between 1 and"),
        ("row,accuracy,unit\na,0.9,percnt\n", "did you mean 'percent'"),
        ("row,accuracy,unit\na,9%,fraction\n", "unit is fraction"),
        ("row,accuracy,definition\na,0.9,makro\n", "did you mean 'macro'"),
        ("row,accuracy,role\na,0.9,average\n", "role 'average' is unknown"),
        ("row,precision,fdr\na,0.9,0.1\n", "fdr and precision say the same thing"),
        ("row,accuracy,decimals\na,0.987,2\n", "has 3 decimals, not 2"),
        ("row,loss\na,low\n", "loss 'low' is not a number"),
        ("row,recall,support\na,0.9,1-5000000\n", "too long a range"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        table(tmp_path / "made.csv", text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_ranges_that_share_nothing(tmp_path: Path) -> None:
    rows = table(tmp_path / "made.csv", "row,accuracy,n\na,0.9,1-50\nb,0.9,60-90\n")
    with pytest.raises(UsageError, match="no number in common"):
        audit([("made", rows)])


def test_papers_are_found_by_name() -> None:
    (name, claims), *rest = find("vijesh2024")
    assert (name, len(claims), rest) == ("vijesh2024", 7, [])
    assert [name for name, _ in find(None)] == sorted(name for name, _ in find(None))
    with pytest.raises(UsageError, match="did you mean 'vijesh2024'"):
        find("vijesh")
    with pytest.raises(UsageError, match="no such table"):
        find("nowhere.csv")


def test_every_column_is_read_and_told() -> None:
    used = {column for path in EXPERIMENTS.glob("*/claims.csv") for column in path.read_text().splitlines()[0].split(",")}
    assert used <= COLUMNS.keys()
