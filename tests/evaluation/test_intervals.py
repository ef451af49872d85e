"""The bootstrap: what is drawn, that it is fixed by its key, and that its intervals cover what they should."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from keras_leuk.evaluation.intervals import draws, percentile_interval, units_of
from keras_leuk.evaluation.measures import Measurer


def rows(subjects, images=None):
    return pd.DataFrame({"subject": subjects, "image": images or [f"{i}.png" for i in range(len(subjects))]})


def test_units_are_subjects_where_all_are_known():
    units = units_of(rows(["b", "a", "b"]))
    assert (units.kind, units.names, units.of_row.tolist()) == ("subject", ("a", "b"), [1, 0, 1])


def test_else_images_and_their_rows_stay_together():
    units = units_of(rows(["b", "", "b", ""], ["x", "y", "x", "z"]))
    assert (units.kind, units.names, units.of_row.tolist()) == ("image", ("x", "y", "z"), [0, 1, 0, 2])


def test_draws_are_fixed_by_seed_and_side_and_not_by_chunks():
    units = units_of(rows(["a", "b", "c", "d", "e"]))
    whole = np.concatenate(list(draws(units, 300, 7, "test")))
    assert whole.shape == (300, 5)
    np.testing.assert_array_equal(whole.sum(axis=1), 5)
    for chunk in (1, 35, 1000):
        np.testing.assert_array_equal(whole, np.concatenate(list(draws(units, 300, 7, "test", chunk))))
    assert (whole != np.concatenate(list(draws(units, 300, 8, "test")))).any()
    assert (whole != np.concatenate(list(draws(units, 300, 7, "train")))).any()


def test_every_unit_is_drawn_once_on_average():
    units = units_of(rows([str(i) for i in range(20)]))
    mean = np.concatenate(list(draws(units, 4000, 0, "test"))).mean(axis=0)
    np.testing.assert_allclose(mean, 1, atol=0.1)


def test_a_chunk_is_small():
    units = units_of(rows([str(i) for i in range(1500)]))
    assert max(len(drawn) for drawn in draws(units, 2000, 0, "test")) * 1500 <= 2**17


def test_percentiles():
    interval = percentile_interval(np.arange(101.0), 0.9, "subject", 10)
    assert (interval.low, interval.high) == pytest.approx((5.0, 95.0))
    assert (interval.left_out, interval.reason) == (0, None)


def test_undefined_resamples_are_counted_and_left_out():
    values = np.append(np.arange(101.0), [np.nan] * 50)
    interval = percentile_interval(values, 0.9, "subject", 10)
    assert (interval.low, interval.high, interval.left_out) == pytest.approx((5.0, 95.0, 50))


@pytest.mark.parametrize(
    ("values", "units", "reason"),
    [
        (np.empty(0), 1, "only one subject on this side: nothing to resample"),
        (np.append(np.ones(49), [np.nan] * 51), 10, "defined in only 49 of 100 resamples: too few subjects"),
    ],
)
def test_no_interval_with_a_reason(values, units, reason):
    interval = percentile_interval(values, 0.95, "subject", units)
    assert (interval.low, interval.high, interval.reason) == (None, None, reason)


def test_intervals_by_subject_cover_and_by_image_do_not():
    """Cells of a subject resemble each other: only the interval over subjects holds the truth about as often as it says."""
    generator = np.random.default_rng(0)
    subjects, cells, simulations = 40, 25, 150
    covered = {"subject": 0, "image": 0}
    whose = [f"s{s:02}" for s in range(subjects) for _ in range(cells)]
    truth = 0.8
    for _ in range(simulations):
        # Each subject has an accuracy of its own, Beta(4, 1), mean 0.8.
        right = generator.random((subjects, cells)) < generator.beta(4, 1, size=(subjects, 1))
        predicted = right.reshape(-1).astype(int)
        measurer = Measurer(np.ones(len(predicted), dtype=int), predicted, np.eye(2)[predicted], 1)
        for kind, names in (("subject", whose), ("image", [""] * len(whose))):
            units = units_of(rows(names))
            values = np.concatenate(
                [measurer(drawn[:, units.of_row]).overall["accuracy"] for drawn in draws(units, 200, 0, "test")]
            )
            interval = percentile_interval(values, 0.95, kind, len(units.names))
            covered[kind] += interval.low <= truth <= interval.high
    assert 0.87 <= covered["subject"] / simulations <= 1.0
    assert covered["image"] / simulations < 0.8
