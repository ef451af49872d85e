"""What the arithmetic of the five papers allows and does not allow."""

from __future__ import annotations

from pathlib import Path

import pytest
from sklearn.metrics import precision_recall_fscore_support

from keras_leuk.papers import claims_classes, claims_means, claims_rows
from keras_leuk.papers.attainable import fit
from keras_leuk.papers.claims import audit
from keras_leuk.papers.claims_table import Claim, read_claims
from keras_leuk.reporting.claims_words import findings

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def claims_of(paper: str, start: str = "") -> list[Claim]:
    return [claim for claim in read_claims(EXPERIMENTS / paper / "claims.csv") if claim.table.startswith(start)]


def audited(paper: str, start: str = "") -> dict:
    (only,) = audit([(paper, claims_of(paper, start))])["papers"][0]["tables"]
    return only


def counts(found: list[dict], definition: str, mode: str = "rounded") -> int:
    return next((fit["count"] for fit in found if (fit["definition"], fit["mode"]) == (definition, mode)), 0)


def test_vijesh2024_is_jointly_allowed_over_units_at_440_and_its_multiples() -> None:
    found = audited("vijesh2024")
    assert found["accuracy"]["rounded"]["sizes"] == [[n, n] for n in (440, 880, 1320, 1760, 2200, 2640)]
    assert [(e["definition"], e["mode"], e["sizes"]) for e in found["definitions"] if e["sizes"]] == [
        ("units", "rounded", [[n, n] for n in (440, 880, 1320, 1760, 2200, 2640)])
    ]
    units = [
        next(fit for fit in row["fits"] if (fit["definition"], fit["mode"]) == ("units", "rounded")) for row in found["rows"]
    ]
    assert [fit["count"] for fit in units] == [1] * 7
    assert [tuple(fit["counts"].values()) for fit in units] == [
        (435, 429, 5, 11),
        (404, 331, 36, 109),
        (338, 138, 102, 302),
        (337, 124, 103, 316),
        (440, 440, 0, 0),
        (336, 107, 104, 333),
        (336, 107, 104, 333),
    ]
    assert [fit["correct"] for fit in units] == [[k, k] for k in (310, 318, 323, 325, 220, 336, 334)]
    assert (units[0]["both_units"], units[1]["both_units"]) == ([424, 429], [295, 331])
    # Other definitions at 440: one class's only for the network that names one class, weighted only where recall is accuracy.
    others = {(row["row"], fit["definition"]) for row in found["rows"] for fit in row["fits"]} - {
        (r["row"], "units") for r in found["rows"]
    }
    assert others == {("Efficient Net B0", "binary"), ("Efficient Net B0", "units-binary"), ("ResNet101", "weighted")}
    shares = [row["share"]["value"] for row in found["rows"]]
    assert shares == pytest.approx([0.2996, 0.3325, 0.4875, 0.5066, 0.5, 0.4930, 0.5024], abs=5e-5)
    assert any("does not allow that reading" in line for line in findings(found))


def test_mantri2024_at_1600() -> None:
    found = audited("mantri2024", "Section 4")
    (row,) = found["rows"]
    assert row["fits"] == []
    accuracy = next(e for e in row["left_out"] if (e["definition"], e["measure"]) == ("binary", "accuracy"))
    assert list(accuracy["counts"].values()) == [767, 19, 30, 784]
    assert accuracy["nearest"] == 1551 / 1600
    named = {mode: found["accuracy"][mode]["named"][0]["correct"] for mode in ("rounded", "truncated")}
    # 1550/1600 = 96.875 %: truncated it is 96.87, and it lies on the very edge of rounding.
    assert named == {mode: {"proposed EfficientNetB3": [1550, 1550]} for mode in named}
    sizes = {entry["mode"]: entry["sizes"] for entry in found["definitions"] if entry["definition"] == "binary"}
    assert sizes["rounded"] == [[1563, 1568], [1723, 1728], [2138, 2144], [2297, 2304], [2712, 2720], [2871, 2880]]
    assert sizes["truncated"] == [[1566, 1570], [2141, 2147], [2556, 2564], [2716, 2724]]


def test_mantri2024_table_v() -> None:
    own = audited("mantri2024", "Table V, modified")["accuracy"]
    assert own["rounded"]["sizes"] == [[2494, 2494], [2782, 2784], [2906, 2907], [2999, 2999]]
    assert own["truncated"]["sizes"] == [[2496, 2496], [2785, 2787], [2909, 2909]]
    assert own["truncated"]["named"][0]["not"] == ["Modified VGG-16"]
    plain = audited("mantri2024", "Table V, plain")["accuracy"]
    assert plain["rounded"]["named"][0]["not"] == ["VGG-16", "MobileNetV2", "ResNet18"]
    # 84.5 is 1352/1600 exactly, and one decimal lets its neighbours in.
    assert plain["rounded"]["named"][0]["correct"]["EfficientNet"] == [1352, 1352]


def test_fata2023_training_accuracies() -> None:
    found = audited("fata2023", "Tables 1 and 2")["accuracy"]
    fitting = {entry["n"]: entry["rows"] for entry in found["rounded"]["named"]}
    assert fitting == {6822: 20, 6823: 22, 7675: 23, 7676: 23, 8512: 30, 8528: 32, 8529: 28}
    chance = next(entry["all"] for entry in found["chance"] if entry["n"] == 8528)
    assert chance == pytest.approx(0.0061, abs=5e-5)


def test_fata2023_averages() -> None:
    """Counts of matrices with 1,455 and 678 images, by table and epoch."""
    rows = [claim for number in "3456" for claim in claims_of("fata2023", f"Table {number}, ") if not claim.mean]
    found = {(claim.table[6], claim.row.removeprefix("epoch ")): claims_rows.fits(claim, 2133) for claim in rows}
    expected = {
        ("3", "10"): (85, 0, 0, 0),
        ("3", "20"): (225, 339, 130, 31),
        ("3", "30"): (0, 253, 0, 0),
        ("3", "100"): (6, 0, 214, 49),
        ("4", "10"): (0, 0, 0, 0),
        ("4", "50"): (101, 322, 0, 1),
        ("5", "10"): (435, 1361, 265, 62),
        ("5", "30"): (0, 0, 0, 0),
        ("6", "10"): (143, 0, 0, 0),
        ("6", "80"): (150, 0, 170, 31),
    }
    names = ("macro", "weighted", "binary", "other")
    assert {key: tuple(counts(found[key], name) for name in names) for key in expected} == expected
    allowed = {name: sum(counts(fits, name) > 0 for fits in found.values()) for name in names}
    assert allowed == {"macro": 29, "weighted": 13, "binary": 23, "other": 24}
    first = next(fit for fit in found["3", "10"] if (fit["definition"], fit["mode"]) == ("macro", "rounded"))
    assert first["accuracy"] == pytest.approx([0.836, 0.840], abs=5e-4)


def test_fata2023_rows_that_no_average_allows() -> None:
    bad = {
        claim.table[6]: claim
        for n, epoch in (("4", "10"), ("5", "30"))
        for claim in claims_of("fata2023", f"Table {n}")
        if claim.row == f"epoch {epoch}"
    }
    for claim, low, high in ((bad["4"], 0.7935, 0.8033), (bad["5"], 0.7615, 0.7711)):
        assert claims_rows.fits(claim, 2133) == []
        f1 = next(entry for entry in claims_rows.left_out(claim, 2133, "macro") if entry["measure"] == "f1")
        assert (f1["low"], f1["high"]) == pytest.approx((low, high), abs=5e-5)


def test_fata2023_table_4_epoch_10_is_a_weighted_average_of_other_class_sizes() -> None:
    """With 1,549 and 584 images a weighted average is as printed; scikit-learn agrees."""
    (claim,) = [c for c in claims_of("fata2023", "Table 4") if c.row == "epoch 10"]
    told = claims_rows.other_supports(claim, 2133, "weighted")
    assert told is not None
    assert told["nearest"] == 1549
    found = fit(claim.boxes("rounded"), "weighted", 2133, (1549, 1549))
    tp, fp, fn, tn = found.matrices[0].tolist()
    truth, said = [1] * (tp + fn) + [0] * (fp + tn), [1] * tp + [0] * fn + [1] * fp + [0] * tn
    values = precision_recall_fscore_support(truth, said, average="weighted")[:3]
    assert [round(value, 2) for value in values] == [0.81, 0.79, 0.73]


def test_fata2023_totals() -> None:
    means = {
        (claims[0].table[6], entry["measure"]): entry
        for claims in (claims_of("fata2023", f"Table {n}, ") for n in "3456")
        for entry in claims_means.means(claims)
    }
    assert len(means) == 12
    assert [key for key, entry in means.items() if not entry["of_printed"]] == [("3", "recall")]
    recall = means["3", "recall"]
    assert recall["mean_of_printed"] == 0.80375
    # Of values before rounding the printed .81 is still possible.
    assert (recall["low"], recall["high"], recall["allows"]) == (
        pytest.approx(0.79875),
        pytest.approx(0.80875),
        ["rounded", "truncated"],
    )


def test_mulya2023_means() -> None:
    accuracy, loss = claims_means.means(claims_of("mulya2023"))
    assert (accuracy["printed"], accuracy["of_printed"]) == ("0.9896", ["truncated"])
    assert loss["of_printed"] == ["rounded", "truncated"]


def test_badruzzaman2024_blasts_and_macro_means() -> None:
    claims = claims_of("badruzzaman2024")
    (blast,) = claims_classes.supports(claims, 6000)
    assert blast["rounded"]["all"] == [2510, 5020]
    assert blast["rounded"]["counts"][0]["rows"]["ResNet 18"] == {"tp": 2011, "fp": 541, "fn": 499}
    assert blast["rounded"]["counts"][0]["rows"]["EfficientNetV2M"] == {"tp": 1727, "fp": 317, "fn": 783}
    assert blast["truncated"]["all"] == []
    means = claims_means.means(claims)
    assert [entry["measure"] for entry in means] == ["f1"] * 5
    assert all("rounded" in entry["of_printed"] for entry in means)
    harmonic = [claims_means.harmonic(claim)["allows"] for claim in claims if claims_means.harmonic(claim)]
    assert (harmonic.count(True), harmonic.count(False)) == (5, 5)
