"""Choosing by validation: the rule, its ties, what takes no part, and the selection bias."""

from __future__ import annotations

import itertools
import math
import statistics

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_leuk.evaluation.selection import choose, choose_within, mean_sd

NAN = math.nan


def cells(validation, test=None, log_loss=None, epochs=None, states=None, settings=None, n=100):
    """A grid's table of one varied key, one row a cell."""
    count = len(validation)
    return pd.DataFrame(
        {
            "cell": [f"c{i}" for i in range(count)],
            "state": states or ["finished"] * count,
            "key": settings or [f"s{i}" for i in range(count)],
            "epochs_run": [float(e) for e in epochs] if epochs else [NAN] * count,
            "validation_n": [float(n)] * count,
            "validation_accuracy": validation,
            "validation_log_loss": log_loss or [NAN] * count,
            "test_accuracy": test or [NAN] * count,
        }
    )


def test_validation_decides_and_the_bias_is_what_test_would_have_added():
    choice = choose(cells([0.80, 0.85, 0.70], test=[0.90, 0.78, 0.80]), ["key"])
    assert choice.winner.cells == ("c1",)
    assert choice.winner.setting == {"key": "s1"}
    assert (choice.winner.validation, choice.winner.test) == (0.85, 0.78)
    assert choice.best_test.cells == ("c0",)
    assert choice.bias == pytest.approx(0.12)
    assert choice.decided_by == "accuracy"
    assert (len(choice.candidates), choice.left_out, choice.reason) == (3, 0, "")


@pytest.mark.parametrize(
    ("log_loss", "epochs", "winner", "decided_by"),
    [
        ([0.5, 0.4, 0.6], [10, 20, 5], "c1", "log loss"),
        ([0.5, 0.5, 0.5], [20, 20, 10], "c2", "epochs"),
        ([0.5, 0.5, 0.5], [10, 10, 10], "c0", "place in the plan"),
        ([NAN, NAN, 0.9], [1, 1, 90], "c2", "log loss"),  # what has a log loss comes before what has none
        ([NAN, NAN, NAN], [30, NAN, 20], "c2", "epochs"),
        ([NAN, NAN, NAN], [NAN, NAN, NAN], "c0", "place in the plan"),
    ],
)
def test_ties(log_loss, epochs, winner, decided_by):
    choice = choose(cells([0.8, 0.8, 0.8], log_loss=log_loss, epochs=epochs), ["key"])
    assert choice.winner.cells == (winner,)
    assert choice.decided_by == decided_by


def test_means_over_seeds_that_differ_only_in_rounding_are_equal():
    """0.7, 0.9 and 0.8 have the mean of three times 0.8, but not in binary, which must not decide anything."""
    table = cells([0.8, 0.8, 0.8, 0.7, 0.9, 0.8], epochs=[9, 9, 9, 5, 5, 5], settings=["a", "a", "a", "b", "b", "b"])
    assert statistics.fmean([0.8, 0.8, 0.8]) > statistics.fmean([0.7, 0.9, 0.8])
    choice = choose(table, ["key"])
    assert choice.winner.setting == {"key": "b"}
    assert choice.decided_by == "epochs"


def test_a_setting_is_the_mean_of_its_seeds_and_takes_part_only_whole():
    table = cells(
        [0.9, 0.7, 0.82, 0.82, 0.99, NAN],
        test=[0.8, 0.6, 0.71, 0.73, 0.9, NAN],
        states=["finished"] * 5 + ["failed"],
        settings=["a", "a", "b", "b", "lucky", "lucky"],
    )
    choice = choose(table, ["key"])
    assert choice.winner.setting == {"key": "b"}
    assert choice.winner.cells == ("c2", "c3")
    assert choice.winner.validation == pytest.approx(0.82)
    assert choice.winner.test == pytest.approx(0.72)
    assert (len(choice.candidates), choice.left_out) == (2, 1)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (cells([NAN, NAN], states=["failed", "missing"]), "no cell has finished"),
        (cells([NAN, NAN], n=0, test=[0.9, 0.8]), "no validation images"),
        (cells([NAN, NAN]), "no setting has all its cells finished with a validation accuracy"),
        (cells([0.8, NAN], states=["finished", "missing"], settings=["a", "a"]), "no setting has all its cells finished"),
    ],
)
def test_nobody_is_named_and_why(table, reason):
    choice = choose(table, ["key"])
    assert choice.winner is None
    assert reason in choice.reason
    assert choice.bias is None


def test_without_test_values_there_is_a_winner_but_no_bias():
    choice = choose(cells([0.7, 0.8]), ["key"])
    assert choice.winner.cells == ("c1",)
    assert (choice.best_test, choice.bias) == (None, None)


def test_one_cell_is_chosen_from_nothing():
    choice = choose(cells([0.7], test=[0.6]), [])
    assert (choice.winner.setting, choice.decided_by, choice.bias) == ({}, "", 0.0)


def test_splits_are_not_compared():
    table = cells([0.9, 0.95, 0.6, 0.7], test=[0.9, 0.9, 0.6, 0.5]).assign(split=["random", "random", "subject", "subject"])
    found = choose_within(table, ["split", "key"], ["split"])
    assert [own for own, _ in found] == [{"split": "random"}, {"split": "subject"}]
    assert [choice.winner.cells for _, choice in found] == [("c1",), ("c3",)]
    assert [round(choice.bias, 6) for _, choice in found] == [0.0, 0.1]


counts = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3), st.integers(1, 3), st.integers(0, 8)), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(counts)
def test_the_winner_is_the_first_of_the_table_sorted_by_the_rule(rows):
    """Against pandas' own stable sort; whole eighths, so that ties are frequent."""
    validation, loss, epochs, test = (list(column) for column in zip(*rows, strict=True))
    table = cells([v / 8 for v in validation], [t / 8 for t in test], [x / 4 for x in loss], epochs)
    ordered = table.sort_values(
        ["validation_accuracy", "validation_log_loss", "epochs_run"], ascending=[False, True, True], kind="stable"
    )
    choice = choose(table, ["key"])
    assert choice.winner.cells == (ordered["cell"].iloc[0],)
    assert choice.bias == table["test_accuracy"].max() - ordered["test_accuracy"].iloc[0]
    assert choice.bias >= 0


@settings(max_examples=25, deadline=None)
@given(counts, st.randoms(use_true_random=False))
def test_nothing_is_chosen_on_test(rows, random):
    """Whatever the test values are, the same setting wins."""
    validation, loss, epochs, test = (list(column) for column in zip(*rows, strict=True))
    other = [random.random() for _ in test]
    before, after = (
        choose(cells([v / 8 for v in validation], values, [x / 4 for x in loss], epochs), ["key"]) for values in (test, other)
    )
    assert before.winner.cells == after.winner.cells


def test_the_bias_of_equal_settings_is_the_expected_maximum():
    """Ten equally good settings: the largest of ten standard normal values is 1.5388 on average (Tippett 1925, David 1970)."""
    generator = np.random.default_rng(0)
    found = [choose(cells(list(generator.normal(size=10)), list(generator.normal(size=10))), ["key"]).bias for _ in range(250)]
    assert np.mean(found) == pytest.approx(1.5388, abs=4 * np.std(found) / math.sqrt(len(found)))


def test_mean_and_sd():
    values = [0.5, 0.75, 0.625, 1.0]
    assert mean_sd(values) == (np.mean(values), pytest.approx(np.std(values, ddof=1)), 4)
    assert mean_sd([0.5, NAN]) == (0.5, None, 1)
    assert mean_sd([NAN]) == (None, None, 0)
    means = {mean_sd(list(order))[0] for order in itertools.permutations([0.1, 0.2, 0.3, 0.7])}
    assert len(means) == 1, "the mean depends on the order"
