"""The search itself: what really was measured is always found, what is found is always true, and nothing else is."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from keras_leuk.papers import attainable_binary, attainable_units
from keras_leuk.papers.attainable import DEFINITIONS, Fit, accuracy_sizes, fit, measures, scan, searchable
from keras_leuk.papers.attainable_boxes import Box, Printed, printed

MEASURES = ("accuracy", "precision", "recall", "f1")


def cut(value: Fraction, decimals: int, mode: str) -> Printed:
    """Prints a fraction, rounding half up or down by whole numbers only."""
    scaled = value * 10**decimals
    digits = scaled.__floor__() if mode == "truncated" else (scaled + Fraction(1, 2)).__floor__()
    whole, behind = divmod(digits, 10**decimals)
    return printed(f"{whole}.{behind:0{decimals}d}", percent=False)


def true_values(definition: str, tp: int, fp: int, fn: int, tn: int) -> dict[str, Fraction]:
    """The measures by their textbook definitions, in fractions; 0 / 0 counts as 0."""

    def share(part: Fraction | int, whole: Fraction | int) -> Fraction:
        return Fraction(part) / whole if whole else Fraction(0)

    def one(hit: int, false: int, missed: int) -> list[Fraction]:
        return [share(hit, hit + false), share(hit, hit + missed), share(2 * hit, 2 * hit + false + missed)]

    size = tp + fp + fn + tn
    accuracy = share(tp + tn, size)
    first, other = one(tp, fp, fn), one(tn, fn, fp)
    three = {
        "binary": first,
        "other": other,
        "macro": [(a + b) / 2 for a, b in zip(first, other, strict=True)],
        "weighted": [(a * (tp + fn) + b * (fp + tn)) / size for a, b in zip(first, other, strict=True)],
        "micro": [accuracy] * 3,
    }[definition]
    return dict(zip(MEASURES, [accuracy, *three], strict=True))


counts = st.tuples(*[st.integers(0, 40)] * 4).filter(lambda m: m[0] + m[2] > 0 and m[1] + m[3] > 0)
modes = st.sampled_from(["rounded", "truncated"])
some_measures = st.sets(st.sampled_from(MEASURES), min_size=1)


@settings(max_examples=150, deadline=None)
@given(
    matrix=counts,
    definition=st.sampled_from(["binary", "other", "macro", "weighted", "micro"]),
    mode=modes,
    decimals=st.integers(1, 5),
    kept=some_measures,
    known=st.booleans(),
)
def test_what_was_measured_is_found_at_its_size(matrix, definition, mode, decimals, kept, known) -> None:
    tp, fp, fn, tn = matrix
    size, support = sum(matrix), (tp + fn, tp + fn) if known else None
    values = true_values(definition, *matrix)
    boxes = {name: cut(values[name], decimals, mode).box(mode) for name in kept}
    found = fit(boxes, definition, size, support)
    assert found.count > 0
    assert scan(boxes, definition, np.array([size]), support)[0].all()
    assert scan(boxes, definition, np.arange(max(1, size - 2), size + 1), support)[0][-1]
    wanted = [tp, fp, fn, tn] if definition != "micro" else [tp + tn, fp + fn, fp + fn, tp + tn]
    swapped = [tn, fn, fp, tp]  # macro and weighted averages do not tell the classes apart
    listed = found.matrices.tolist()
    assert wanted in listed or (definition in ("macro", "weighted") and not known and swapped in listed)


@settings(max_examples=60, deadline=None)
@given(matrix=counts, mode=modes, decimals=st.integers(1, 4), kept=some_measures)
def test_mixed_boxes_hold_both_kinds(matrix, mode, decimals, kept) -> None:
    values = true_values("binary", *matrix)
    boxes = {name: cut(values[name], decimals, mode).box("either") for name in kept}
    assert fit(boxes, "binary", sum(matrix)).count > 0


@settings(max_examples=80, deadline=None)
@given(
    outcomes=st.tuples(*[st.integers(0, 25)] * 4).filter(lambda o: sum(o) > 0),
    ties=st.integers(0, 50),
    mode=modes,
    decimals=st.integers(1, 5),
    by_unit=st.booleans(),
    kept=some_measures,
)
def test_units_of_real_images_are_found(outcomes, ties, mode, decimals, by_unit, kept) -> None:
    both, only_right, only_wrong, none = outcomes
    size, tp, fp = sum(outcomes), both + only_right, both + only_wrong
    correct = only_right + min(ties, both + none)
    values = {
        "accuracy": Fraction(tp + size - fp, 2 * size) if by_unit else Fraction(correct, size),
        "precision": Fraction(tp, tp + fp) if tp + fp else Fraction(0),
        "recall": Fraction(tp, size),
        "f1": Fraction(2 * tp, tp + fp + size),
    }
    boxes = {name: cut(values[name], decimals, mode).box(mode) for name in kept}
    found = fit(boxes, "units-binary" if by_unit else "units", size)
    assert [tp, fp, size - tp, size - fp] in found.matrices.tolist()
    first, last = attainable_units.both_units(size, tp, fp, correct)
    assert first <= both <= last


@settings(max_examples=60, deadline=None)
# 0 / 0 counts as 0, and a truncated 0 holds that.
@example(size=2, definition="binary", texts=(0, 0, 0, 0), kept={"accuracy", "precision"}, mode="truncated")
@example(size=2, definition="binary", texts=(0, 0, 0, 0), kept={"recall"}, mode="truncated")
@example(size=3, definition="binary", texts=(0, 0, 0, 0), kept={"f1"}, mode="truncated")
@given(
    size=st.integers(2, 11),
    definition=st.sampled_from(["binary", "macro", "weighted"]),
    texts=st.tuples(*[st.integers(0, 20)] * 4),
    kept=some_measures,
    mode=st.sampled_from(["rounded", "truncated", "either"]),
)
def test_nothing_is_missed_and_nothing_invented(size, definition, texts, kept, mode) -> None:
    """Against a plain loop over every matrix, in fractions."""
    values = dict(zip(MEASURES, (printed(f"{n // 20}.{n % 20 * 5:02d}", percent=False) for n in texts), strict=True))
    boxes = {name: values[name].box(mode) for name in kept}
    first = 0 if definition == "binary" else 1
    every = {
        (tp, fp, p - tp, size - p - fp)
        for p in range(first, size + 1 - first)
        for tp, fp in product(range(p + 1), range(size - p + 1))
        if all(values[name].says(true_values(definition, tp, fp, p - tp, size - p - fp)[name])[mode] for name in kept)
    }
    found = fit(boxes, definition, size, (first, size - first))
    assert {tuple(row) for row in found.matrices.tolist()} == every
    assert found.count == len(every)
    if definition == "binary":
        assert bool(attainable_binary.sizes(boxes, size)[size]) == bool(every)


@settings(max_examples=60, deadline=None)
@given(
    tp=st.integers(1, 60),
    fp=st.integers(0, 60),
    fn=st.integers(0, 60),
    mode=modes,
    decimals=st.integers(1, 4),
    rates=st.booleans(),
)
def test_a_class_of_several_is_found_by_its_support(tp, fp, fn, mode, decimals, rates) -> None:
    values = true_values("binary", tp, fp, fn, 0)
    boxes = {"f1": cut(values["f1"], decimals, mode).box(mode)}
    for name in ("precision", "recall"):
        if rates:  # a false detection rate or false negative rate is cut itself, not its complement
            shown = cut(1 - values[name], decimals, mode)
            boxes[name] = Printed(shown.text, shown.digits, shown.decimals, False, complement=True).box(mode)
        else:
            boxes[name] = cut(values[name], decimals, mode).box(mode)
    numbers, found = attainable_binary.supports(boxes, 1, 130)
    assert tp + fn in numbers
    for number, (hit, false, missed) in zip(numbers.tolist(), found.tolist(), strict=True):
        assert hit + missed == number
        for name, value in true_values("binary", hit, false, missed, 0).items():
            if name in boxes:
                assert boxes[name].holds(np.array(value.numerator), np.array(value.denominator))


@settings(max_examples=40, deadline=None)
@given(matrix=counts)
def test_measures_are_those_of_scikit_learn(matrix) -> None:
    tp, fp, fn, tn = matrix
    truth, said = [1] * (tp + fn) + [0] * (fp + tn), [1] * tp + [0] * fn + [1] * fp + [0] * tn
    for definition, how in (("binary", {"average": "binary"}), ("other", {"average": "binary", "pos_label": 0}), ("macro", {})):
        how = how or {"average": "macro"}
        expected = precision_recall_fscore_support(truth, said, zero_division=0, labels=[0, 1], **how)[:3]
        told = measures(definition, np.array([matrix]))
        assert [told[name][0] for name in ("precision", "recall", "f1")] == pytest.approx(expected, abs=1e-12)
        assert told["accuracy"][0] == pytest.approx(accuracy_score(truth, said), abs=1e-12)
    expected = precision_recall_fscore_support(truth, said, zero_division=0, labels=[0, 1], average="weighted")[:3]
    assert [measures("weighted", np.array([matrix]))[name][0] for name in ("precision", "recall", "f1")] == pytest.approx(
        expected
    )


def test_zeros_at_the_end_are_decimals() -> None:
    assert printed("87.00", percent=True).box("rounded") == Box(17399, 17401, 20000)
    assert printed("87", percent=True).box("rounded") == Box(173, 175, 200)
    assert printed("0.5", percent=False, decimals=3).box("rounded") == printed("0.500", percent=False).box("rounded")


@pytest.mark.parametrize("text", ["", ".", "-0.5", "1e-3", "0,5", "abc", "1.01", "0.1234567"])
def test_what_is_no_printed_share(text: str) -> None:
    with pytest.raises(ValueError):
        printed(text, percent=False)


def test_grim() -> None:
    """k / n as in Brown and Heathers: 0.81 of 28 answers cannot be, 0.82 (23 of 28) can."""
    sizes = np.array([28])
    assert not accuracy_sizes(printed("0.81", percent=False).box("rounded"), sizes).any()
    assert accuracy_sizes(printed("0.82", percent=False).box("rounded"), sizes).all()
    # 1855/2133 = 0.86967, 1856/2133 = 0.87014: 87.00 is not to be had, 87 is; 1749/2133 = 0.819972 gives 82.00 only if rounded
    assert not accuracy_sizes(printed("87.00", percent=True).box("either"), np.array([2133])).any()
    assert accuracy_sizes(printed("87", percent=True).box("rounded"), np.array([2133])).all()
    assert accuracy_sizes(printed("82.00", percent=True).box("rounded"), np.array([2133])).all()
    assert not accuracy_sizes(printed("82.00", percent=True).box("truncated"), np.array([2133])).any()


def test_an_impossible_row() -> None:
    """Nearly all named are right and nearly all are named, and yet one image of ten is right: under no definition, at no size."""
    texts = {"accuracy": "0.10", "precision": "0.99", "recall": "0.99"}
    boxes = {name: printed(text, percent=False).box("either") for name, text in texts.items()}
    for definition in DEFINITIONS:
        assert not scan(boxes, definition, np.arange(1, 201))[0].any()


def test_a_scan_says_what_it_left_out() -> None:
    boxes = {"precision": printed("0.8", percent=False).box("rounded")}
    _, left = scan(boxes, "weighted", np.arange(1, 3001))
    assert left.startswith("from ")
    assert not searchable(boxes, "macro", 3000)
    assert not searchable(boxes, "binary", 9000)
    assert searchable(boxes, "macro", 3000, (500, 501))
    assert searchable(boxes, "units", 9000)


def test_more_than_a_million_matrices_are_counted_and_their_ends_kept() -> None:
    boxes = {"accuracy": printed("0.5", percent=False).box("rounded")}
    found = fit(boxes, "binary", 400)
    assert found.count > 1_000_000
    assert 0 < len(found.matrices) < found.count
    assert (found.matrices >= 0).all()
    assert (found.matrices.sum(axis=1) == 400).all()
    measured = found.measured["accuracy"]
    assert (measured.min(), measured.max()) == (0.45, 0.55)


def test_supports_of_a_fit() -> None:
    over_units = Fit("units", 3, 1, np.array([[1, 1, 2, 2]]))
    assert over_units.supports().all()
    mirrored = Fit("macro", 5, 1, np.array([[1, 0, 1, 3]]))
    assert np.flatnonzero(mirrored.supports()).tolist() == [2, 3]
