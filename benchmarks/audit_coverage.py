"""How often the intervals of an audit hold the truth, where the truth is known because the data are drawn.

    python benchmarks/audit_coverage.py [--simulations 1000] [--csv FILE]

Values have an effect of the subject (half of the variance) and noise; subjects are of one class; sizes are uneven (log-normal,
median 25 images, most subjects between 9 and 70) unless said otherwise. Without a difference between the classes an interval of
95 % should hold 0.5 in 95 of 100 simulations; where there is one, the area that it gives. Each rate stands with its own exact
interval. Beside ours stand Obuchowski's interval as published (1997, normal quantiles) and the percentile bootstrap of subjects.
"""

from __future__ import annotations

import argparse
import csv
import platform
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy.stats import binomtest, norm

from keras_leuk.audit import crossfit
from keras_leuk.audit.clustered import clustered_area, placements
from keras_leuk.evaluation.ranking import Ranking

RESAMPLES = 300
DESCRIPTORS = 10

Ends = tuple[float, float] | None
Drawn = tuple[np.ndarray, np.ndarray, np.ndarray]


def draw(generator: np.random.Generator, positive: int, negative: int, spread: float, difference: float, count: int = 1) -> Drawn:
    """Values (n, count), class 0 or 1 (n,) and subject (n,)."""
    subjects = positive + negative
    size = np.maximum(2, np.round(generator.lognormal(np.log(25), spread, subjects))).astype(int)
    subject = np.repeat(np.arange(subjects), size)
    label = (subject < positive).astype(np.intp)
    values = generator.normal(size=(subjects, count))[subject] + generator.normal(size=(len(subject), count))
    return values * np.sqrt(0.5) + difference * label[:, None], label, subject


def alone(drawn: Drawn) -> Iterator[tuple[str, Ends]]:
    """The value as it is."""
    value, member, subject = drawn[0][:, 0], drawn[1] == 1, drawn[2]
    yield "ours", ends(clustered_area(value, member, subject))
    place, variance = placements(value, member), 0.0
    area = float(place[member].mean())
    for rows in (member, ~member):
        each = np.bincount(subject[rows], weights=place[rows] - area) / rows.sum()
        clusters = len(np.unique(subject[rows]))
        variance += clusters / (clusters - 1) * float((each**2).sum())
    yield "Obuchowski, normal", (area - 1.96 * variance**0.5, area + 1.96 * variance**0.5)
    generator, subjects = np.random.default_rng(0), subject.max() + 1
    weights = np.stack([np.bincount(generator.integers(subjects, size=subjects), minlength=subjects) for _ in range(RESAMPLES)])
    low, high = np.nanquantile(Ranking.of(value, member).areas(weights[:, subject].astype(float))[0], [0.025, 0.975])
    yield "percentile bootstrap", (float(low), float(high))


def fitted(kind: str) -> Callable[[Drawn], Iterator[tuple[str, Ends]]]:
    """A classifier of crossfit.SETTINGS, cross-validated."""

    def judged(drawn: Drawn) -> Iterator[tuple[str, Ends]]:
        values, label, subject = drawn
        fold = crossfit.folds(label, subject)
        chance = crossfit.out_of_fold(kind, values, label, fold, 2)[:, 1]
        for name, crossed in (("ours", True), ("ours, variance not doubled", False)):
            yield name, ends(clustered_area(chance, label == 1, subject, fold, crossed=crossed))

    return judged


def shift(drawn: Drawn) -> Iterator[tuple[str, Ends]]:
    """Medians of subjects of two parts (here the class is the part), in two classes that differ."""
    value, part, subject = drawn[0][:, 0], drawn[1], drawn[2]
    median = np.array([np.median(value[subject == s]) for s in range(subject.max() + 1)])
    second = np.array([part[subject == s][0] for s in range(subject.max() + 1)]) == 1
    kind = np.arange(len(median)) % 2
    yield "ours", ends(clustered_area(median + 2 * kind, second, np.arange(len(median)), kind, even=False))


def torn(drawn: Drawn) -> Iterator[tuple[str, Ends]]:
    """Medians of subjects whose images stand in both parts, as in a random split."""
    value, subject = drawn[0][:, 0], drawn[2]
    second = np.arange(len(value)) % 2 == 1
    cells = [(s, side) for s in range(subject.max() + 1) for side in (False, True)]
    median = np.array([np.median(value[(subject == s) & (second == side)]) for s, side in cells])
    yield "ours", ends(clustered_area(median, np.array([side for _, side in cells]), np.array([s for s, _ in cells])))


def ends(area: object) -> Ends:
    low, high = area.low, area.high  # type: ignore[attr-defined]
    return None if low is None else (low, high)


CASES = {
    "one descriptor, 20 + 20 subjects": (alone, (20, 20, 1.0, 0.0)),
    "one descriptor, 20 + 20 subjects of even size": (alone, (20, 20, 0.0, 0.0)),
    "one descriptor, 28 + 12 subjects": (alone, (28, 12, 1.0, 0.0)),
    "one descriptor, 5 + 5 subjects": (alone, (5, 5, 1.0, 0.0)),
    "one descriptor of area 0.80, 28 + 12 subjects": (alone, (28, 12, 1.0, 1.2)),
    "a tree of one descriptor, 20 + 20 subjects": (fitted("tree"), (20, 20, 1.0, 0.0)),
    "ten descriptors together, 20 + 20 subjects": (fitted("boosted"), (20, 20, 1.0, 0.0, DESCRIPTORS)),
    "ten descriptors together, 28 + 12 subjects": (fitted("boosted"), (28, 12, 1.0, 0.0, DESCRIPTORS)),
    "shift between parts of 28 and 12 subjects": (shift, (28, 12, 1.0, 0.0)),
    "shift between parts of 32 and 8 subjects": (shift, (32, 8, 1.0, 0.0)),
    "shift in a random split of 40 subjects": (torn, (20, 20, 1.0, 0.0)),
}


def main() -> None:
    """Draws, counts and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--csv", type=Path, help="write the table here")
    options = parser.parse_args()
    libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "scikit-learn"))
    print(f"{platform.processor() or platform.machine()}, {libraries}; {options.simulations} simulations a case", flush=True)
    rows = []
    for number, (case, (method, settings)) in enumerate(CASES.items()):
        generator = np.random.default_rng([0, number])
        truth = float(norm.cdf(settings[3] / np.sqrt(2)))
        seen: dict[str, list[Ends]] = {}
        for _ in range(options.simulations):
            for name, interval in method(draw(generator, *settings)):
                seen.setdefault(name, []).append(interval)
        for name, intervals in seen.items():
            given = [interval for interval in intervals if interval is not None]
            held = sum(low <= truth <= high for low, high in given)
            rate = binomtest(held, len(given)).proportion_ci() if given else None
            width = float(np.mean([high - low for low, high in given]))
            line = {"case": case, "method": name, "truth": round(truth, 3), "intervals": len(given), "held": held / len(given)}
            rows.append(line | {"low": rate.low, "high": rate.high, "mean width": width})
            print(f"{case:48} {name:28} {held / len(given):.3f} ({rate.low:.3f}-{rate.high:.3f}), width {width:.3f}", flush=True)
    if options.csv:
        with open(options.csv, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    sys.exit(main())
