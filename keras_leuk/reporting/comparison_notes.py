"""What a reader of a comparison must know: warnings of its runs, how its numbers are made, and what they do not say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from keras_leuk.evaluation.pairing import Entrant
from keras_leuk.reporting.cautions import cautions
from keras_leuk.reporting.contents import read_contents

Json = dict[str, Any]

FEW_SUBJECTS = 30
"""Below this many subjects the percentile bootstrap was seen to be too sure of itself (`_few`)."""


def with_notes(comparison: Json, entrants: Sequence[Entrant]) -> Json:
    """The comparison with 'warnings' and 'notes', one sentence or two each."""
    return comparison | {"warnings": warnings(entrants), "notes": notes(comparison, entrants)}


def warnings(entrants: Sequence[Entrant]) -> list[str]:
    """The cautions of all runs, each once, with the names of the runs it holds for."""
    whose: dict[str, list[str]] = {}
    for entrant in entrants:
        for line in cautions(read_contents(entrant.folder)):
            whose.setdefault(line, []).append(entrant.name)
    return [f"{'all runs' if len(names) == len(entrants) else ', '.join(names)}: {line}" for line, names in whose.items()]


def notes(comparison: Json, entrants: Sequence[Entrant]) -> list[str]:
    """What was compared, how, and how far the numbers go."""
    lines = [_what(comparison), _splits(comparison["runs"]), *_trainings(comparison, entrants), _intervals(comparison)]
    lines += [_bootstrap_p(comparison), _mcnemar(comparison), *_few(comparison), *_same(entrants), *_pooled(comparison)]
    return [*lines, _selection(comparison)]


def size_words(comparison: Json) -> str:
    """'test, n = 129 images, 20 subjects'; rows and images are told apart where an image has several rows."""
    n, images, subjects = comparison["n"], comparison["images"], comparison["subjects"]
    size = f"n = {n:,} images" if n == images else f"n = {n:,} rows of {images:,} images"
    whom = "subjects unknown" if subjects is None else f"{subjects:,} subject{'s' if subjects != 1 else ''}"
    return f"{comparison['side']}, {size}, {whom}"


def split_words(runs: Sequence[Json]) -> str:
    """The split in a few words, if all runs have the same; else how many kinds there are."""
    kinds = list(dict.fromkeys(_split(run) for run in runs))
    return kinds[0] if len(kinds) == 1 else f"{len(kinds)} splits with the same images on this side"


def watched_words(comparison: Json) -> str:
    """A sentence where runs were selected by the test side; else nothing."""
    runs = comparison["runs"]
    watched = sum(run["selection"] == "test" for run in runs)
    return f"The test side was watched during training of {watched} of {len(runs)} runs." if watched else ""


def read_form(comparison: Json) -> str:
    """The form of McNemar's test to read: 'clustered' where subjects have several images each, else 'exact'."""
    return "clustered" if comparison["n"] > _units(comparison) > 1 else "exact"


def _units(comparison: Json) -> int:
    units: int = comparison["images"] if comparison["subjects"] is None else comparison["subjects"]
    return units


def _what(comparison: Json) -> str:
    count = len(comparison["runs"])
    return (
        f"{count} runs on the same images, by name and by content: {size_words(comparison)}. "
        f"Every difference is that of the first-named run minus the other, on these images."
    )


def _split(run: Json) -> str:
    seed = f", seed {run['split']['seed']}" if run["split"]["seed"] is not None else ""
    folds = f", {len(run['folds'])}-fold cross-validation" if len(run["folds"]) > 1 else ""
    return f"strategy '{run['split']['strategy']}'{seed}{folds}"


def _splits(runs: Sequence[Json]) -> str:
    kinds: dict[str, list[str]] = {}
    for run in runs:
        kinds.setdefault(_split(run), []).append(run["name"])
    if len(kinds) == 1:
        return f"Split of all runs: {next(iter(kinds))}."
    return "Splits: " + "; ".join(f"{words}: {', '.join(names)}" for words, names in kinds.items()) + "."


def _trainings(comparison: Json, entrants: Sequence[Entrant]) -> list[str]:
    """A note where not all runs learnt from the same images."""
    sides = [_trained(entrant) for entrant in entrants]
    if all(side.equals(sides[0]) for side in sides):
        return []
    sizes = ", ".join(f"{run['name']} {run['trained_on']:,}" for run in comparison["runs"])
    return [f"The runs learnt from different training images ({sizes}): a difference may come from them and not from the method."]


def _trained(entrant: Entrant) -> pd.DataFrame:
    rows = entrant.predictions.side("train")[["fold", "image"]]
    # What a fold is called says nothing; an ordinary run and the only fold of a folds run are alike.
    if not entrant.predictions.cross_validated:
        rows = rows.assign(fold="")
    return rows.sort_values(["fold", "image"], kind="stable", ignore_index=True)


def _intervals(comparison: Json) -> str:
    interval = comparison["interval"]
    unit = interval["unit"]
    other = "people" if unit == "subject" else "images"
    unsure = "" if unit == "subject" else " Not every image names its subject: where people have several, they are too narrow."
    return (
        f"Intervals: {100 * interval['confidence']:g} %, percentile bootstrap, {interval['resamples']:,} resamples of {unit}s "
        f"(seed {interval['seed']}), the same for all runs. They speak about other {other}, not about other trainings: the same "
        f"recipe with another seed may differ, too. A run's own report has its own resamples and may differ in the last digit."
        f"{unsure}"
    )


def _bootstrap_p(comparison: Json) -> str:
    least, m = comparison["smallest_bootstrap_p"], comparison["comparisons"]
    text = (
        "p of a difference: 2 (1 + the rarer of d <= 0 and d >= 0 among the B resampled differences d) / (B + 1), at most 1; "
        f"with B = {comparison['interval']['resamples']:,} no smaller than {least:.2g}."
    )
    if m > 1:
        text += (
            f" {m} comparisons: 'Holm' is p corrected for all of them (Holm 1979), within each measure and each form of "
            "McNemar's test; choosing a measure afterwards is not corrected for."
        )
    alpha = 1 - comparison["interval"]["confidence"]
    if m * least > alpha:
        needed = int(np.ceil(2 * m / alpha))
        text += f" No corrected p can fall below {m * least:.2g} here: take --resamples {needed} or more."
    return text


def _mcnemar(comparison: Json) -> str:
    if read_form(comparison) == "clustered":
        whom = "subjects have several images" if comparison["unit"] == "subject" else "images have several rows"
        return (
            f"McNemar: read the clustered test (Obuchowski 1998, chi-square with 1 degree of freedom): {whom} each, which the "
            "exact test and its mid-p take as independent, so that they find differences too easily."
        )
    if comparison["unit"] == "image":
        return (
            "McNemar: read the exact test, which takes images as independent. Subjects are not known; if people have several "
            "images each, it finds differences too easily."
        )
    return "McNemar: read the exact test; its mid-p is less cautious (Fagerland et al. 2013). Each subject has one image."


def _few(comparison: Json) -> list[str]:
    """Measured: two equal runs, each subject with 10 images and an accuracy of its own in each run, Beta(4, 1), 1,000 times."""
    units = _units(comparison)
    if units >= FEW_SUBJECTS or comparison["subjects"] is None:
        return []
    return [
        f"With {units} subjects bootstrap intervals of differences are too narrow and their p too small: in a simulation, 95 % "
        "intervals held the truth 92 % of the time with 20 subjects, 91 % with 10 and 87 % with 7. The clustered McNemar test "
        "errs on the cautious side there."
    ]


def _same(entrants: Sequence[Entrant]) -> list[str]:
    """Names of runs that predict the very same probabilities."""
    found: list[list[Entrant]] = []
    for entrant in entrants:
        group = next((group for group in found if _equal(group[0], entrant)), None)
        if group is None:
            found.append([entrant])
        else:
            group.append(entrant)
    return [f"{' and '.join(e.name for e in group)} predict exactly the same." for group in found if len(group) > 1]


def _equal(one: Entrant, other: Entrant) -> bool:
    return np.array_equal(one.predictions.probabilities(one.rows), other.predictions.probabilities(other.rows))


def _pooled(comparison: Json) -> list[str]:
    pooled = [run["name"] for run in comparison["runs"] if len(run["folds"]) > 1]
    ranked = [name for name in ("roc_auc", "average_precision") if name in comparison["measures"]]
    if not pooled:
        return []
    text = f"{', '.join(pooled)}: predictions of several folds' models are pooled."
    if ranked:
        text += " A ranking over all images then compares probabilities of different models."
    return [text]


def _selection(comparison: Json) -> str:
    count = len(comparison["runs"])
    best = "the better of two runs" if count == 2 else f"the best of {count} runs"
    if comparison["side"] == "test":
        return f"Whoever picks {best} by these figures makes its figures too good: choose on validation, then test once."
    watched = sum(run["selection"] == "validation" for run in comparison["runs"])
    stopped = f"Early stopping watched this side in {watched} of {count} runs, whose figures are too good. " if watched else ""
    return f"{stopped}Whoever picks {best} by these figures makes its figures here too good; how good it is, its test side says."
