"""How sure a number is: the percentile bootstrap over subjects, or over images where subjects are unknown.

Cells of one person resemble each other, so the person is what is drawn with replacement, with all their rows. Where not
every row of a side names its subject, the image is drawn; in a cross-validation the several rows of an image go together.
The models are taken as they are: the interval speaks about other people, not about other trainings.

Source: Efron and Tibshirani 1993, chapter 13 (percentile interval); Davison and Hinkley 1997, section 3.8 (clusters).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from keras_leuk.evaluation.counts import Floats

CHUNK = 2**17
"""Weights held at once (1 MiB): some ten arrays of this size stay in cache, and memory does not grow with the data."""

LEAST_DEFINED = 0.5
"""Share of the resamples that must define a measure, else the rest says too little about it."""


@dataclass(frozen=True)
class Units:
    """What is drawn with replacement.

    Attributes:
        kind: 'subject' or 'image'.
        names: (u,) sorted, so that draws do not depend on the order of rows.
        of_row: (n,) number of the unit that each row belongs to.
    """

    kind: str
    names: tuple[str, ...]
    of_row: npt.NDArray[np.intp]


@dataclass(frozen=True)
class Interval:
    """Two-sided percentile interval; `low` and `high` are None together, and then `reason` says why."""

    low: float | None
    high: float | None
    left_out: int = 0
    reason: str | None = None


def units_of(rows: pd.DataFrame) -> Units:
    """Subjects where every row has one, else images."""
    kind = "subject" if len(rows) and bool((rows["subject"] != "").all()) else "image"
    names, of_row = np.unique(rows[kind].to_numpy(dtype=str), return_inverse=True)
    return Units(kind, tuple(str(name) for name in names), of_row.reshape(-1))


def draws(units: Units, resamples: int, seed: int, side: str, chunk: int = CHUNK) -> Iterator[Floats]:
    """How often each unit is drawn, in chunks of resamples.

    Args:
        resamples: how many in all.
        seed, side: fix the draws; two sides of one run draw differently. The size of a chunk changes nothing.
        chunk: largest number of row weights that a chunk may stand for.
    Yields:
        (b, u) whole numbers that sum to u in each row; take `[:, units.of_row]` for row weights.
    """
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *side.encode()])))
    u = len(units.names)
    size = max(1, chunk // max(u, len(units.of_row)))
    for start in range(0, resamples, size):
        b = min(size, resamples - start)
        drawn = generator.integers(u, size=(b, u), dtype=np.int64) + np.arange(b)[:, None] * u
        yield np.bincount(drawn.reshape(-1), minlength=b * u).reshape(b, u).astype(np.float64)


def percentile_interval(values: Floats, confidence: float, kind: str, units: int) -> Interval:
    """The middle `confidence` of the resampled values.

    Args:
        values: (b,) one a resample, NaN where the measure was undefined; those are counted and left out.
        confidence: such as 0.95.
        kind, units: what was drawn and how many there are, for the reason.
    """
    if units < 2:
        return Interval(None, None, 0, f"only one {kind} on this side: nothing to resample")
    defined = values[~np.isnan(values)]
    left_out = len(values) - len(defined)
    if len(defined) < LEAST_DEFINED * len(values) or not len(defined):
        return Interval(None, None, left_out, f"defined in only {len(defined)} of {len(values)} resamples: too few {kind}s")
    tail = (1 - confidence) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(float(low), float(high), left_out)
