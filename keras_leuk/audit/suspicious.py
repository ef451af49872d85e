"""Labels worth a second look: what a model, which never saw the subject, does not believe.

Out-of-fold probabilities of the probe (`keras_leuk.audit.probe`); which images are listed is decided by confident learning's
thresholds, in what order by the probability of the given label. A listed label is a question, not an error. Start at
`suspicious`; what the page shows of it is `keras_leuk.reporting.audit_suspicious`.

Source: Northcutt, Jiang and Chuang 2021, Confident learning: estimating uncertainty in dataset labels, Journal of Artificial
Intelligence Research 70, sections 3.1 and 3.2 (the confident joint; labels off its diagonal).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from keras_leuk.audit.contamination import RESAMPLES, contaminated
from keras_leuk.audit.probe import CONFIDENCE, SETTINGS, folds_of, joined, number, out_of_fold
from keras_leuk.audit.suspicious_lines import lines
from keras_leuk.evaluation.counts import Floats
from keras_leuk.evaluation.intervals import Units
from keras_leuk.runs.atomic import write_bytes

Json = dict[str, Any]

TABLE = "suspicious.csv"
"""One row a listed image, in the audit folder."""
COLUMNS = ("rank", "image", "label", "suggested", "probability_of_label", "probability_of_suggested", "subject")

SHOWN = 24
"""Images with a picture on the page."""
NAMED = 5
"""Subjects with most listed images that are named."""
WHOLE = 5
"""Images that a subject needs before it is said to be listed by half or more."""


@dataclass(frozen=True)
class Suspicious:
    """Labels worth a second look.

    Attributes:
        features: what the features are, in words.
        images: how many were judged; subjects: sets of them that no fold parts; known_subjects: whether each names its subject.
        folds: how many.
        reason: why nothing is said.
        classes: in label order; positive: of two classes.
        accuracy: share of the images whose label is the probe's most probable class: how much it knows (no interval: it describes
            the list, it judges no model).
        thresholds: for each class, the mean probability of it among images labelled so.
        beyond_doubt: number of labels that contradict the probe by more than its own doubt (value, low, high, in images).
        within_chance: whether that number's interval goes down to none.
        concentrated: subjects with most listed images, the most first: subject, listed, images; mostly_listed: those of whose
            images half or more are listed.
        warnings: what the user must not miss; notes: what else is to be known; one line each.
        table: the listed images by rising probability of their label, with `COLUMNS`.
    """

    features: str
    images: int
    subjects: int
    known_subjects: bool
    folds: int
    reason: str | None
    classes: tuple[str, ...]
    positive: str | None
    accuracy: float | None
    thresholds: Json
    beyond_doubt: Json | None
    within_chance: bool | None
    concentrated: tuple[Json, ...]
    mostly_listed: tuple[Json, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    table: pd.DataFrame

    @property
    def thumbnails(self) -> list[str]:
        """Images whose pictures the page shows, the most doubtful first."""
        return [str(image) for image in self.table["image"][:SHOWN]]

    def pictures(self) -> dict[str, str]:
        """For each of `thumbnails` the file of its picture, relative to the audit folder."""
        return {image: f"pictures/suspicious-{rank:02}.png" for rank, image in enumerate(self.thumbnails, 1)}

    def as_json(self) -> Json:
        """The section in audit.json: the attributes as plain values, and the rows that the page shows."""
        plain = {
            name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items() if name != "table"
        }
        files = self.pictures()
        shown = [
            {**dict(zip(COLUMNS, row, strict=True)), "picture": files[row[1]]}
            for row in self.table[:SHOWN].astype(object).where(self.table[:SHOWN].notna(), None).itertuples(index=False)
        ]
        settings = {
            "probe": SETTINGS,
            "list": "confident learning's thresholds (Northcutt, Jiang and Chuang 2021), by rising probability of the label",
            "beyond_doubt": "logistic regression with contaminated responses (Copas 1988)",
            "interval": {"confidence": CONFIDENCE, "resamples": RESAMPLES, "method": "percentile bootstrap over subjects"},
        }
        return {
            **plain,
            "listed": len(self.table),
            "shown": shown,
            "settings": settings,
            "tables": {"suspicious": TABLE},
        }

    def write_tables(self, folder: Path) -> None:
        """Writes suspicious.csv into an existing folder, whole or not at all."""
        write_bytes(folder / TABLE, lambda path: self.table.to_csv(path, index=False, lineterminator="\n", encoding="utf-8"))


def suspicious(
    images: pd.DataFrame,
    features: np.ndarray,
    named: str,
    same: Sequence[str],
    classes: tuple[str, ...],
    positive: str | None,
    *,
    seed: int = 0,
) -> Suspicious:
    """Judges every label by a model of other subjects.

    Args:
        images: one row a labelled image with the columns image, label, subject (None where unknown) and group.
        features: float (n, d), finite, a row an image; named: what they are, in words.
        same: n names; images of one name are copies of one cell, which one side of a fold holds together.
        classes: in label order, each with images; positive: of two classes, else None.
        seed: of resamples.
    """
    labels = np.array([classes.index(label) for label in images["label"]], np.int64)
    person = joined(images["group"].to_numpy(dtype=str), np.asarray(list(same), dtype=str))
    people = int(person.max()) + 1
    about: Json = {
        "features": named,
        "images": len(images),
        "subjects": people,
        "known_subjects": bool(images["subject"].notna().all()),
        "classes": classes,
        "positive": positive,
    }
    single = [name for label, name in enumerate(classes) if len(np.unique(person[labels == label])) < 2]
    if single:
        return _silent(about, f"{', '.join(single)}: fewer than two subjects, so no model of other subjects knows the class")
    fold = folds_of(labels, person)
    chances = out_of_fold(features, labels, fold, len(classes))
    listed, suggested, thresholds = confident(chances, labels)
    beyond = _beyond(chances, labels, person, seed)
    shares = _by_subject(images, listed)
    judged: Json = {
        "folds": int(fold.max()) + 1,
        "accuracy": float((chances.argmax(axis=1) == labels).mean()),
        "thresholds": {name: float(value) for name, value in zip(classes, thresholds, strict=True)},
        "beyond_doubt": beyond,
        # Less than one image is none.
        "within_chance": beyond["low"] is None or beyond["low"] < 1,
        "concentrated": tuple(shares[:NAMED]),
        "mostly_listed": tuple(one for one in shares if one["images"] >= WHOLE and 2 * one["listed"] >= one["images"]),
    }
    table = _table(images, chances, labels, listed, suggested, classes)
    warnings, notes = lines(about | judged | {"listed": len(table)})
    return Suspicious(**about, **judged, reason=None, warnings=warnings, notes=notes, table=table)


def _silent(about: Json, reason: str) -> Suspicious:
    nothing: Json = dict.fromkeys(("accuracy", "beyond_doubt", "within_chance"))
    none: Json = dict.fromkeys(("concentrated", "mostly_listed", "warnings", "notes"), ())
    empty = pd.DataFrame({column: [] for column in COLUMNS})
    return Suspicious(**about, **nothing, **none, folds=0, reason=reason, thresholds={}, table=empty)


def _beyond(chances: Floats, labels: np.ndarray, person: np.ndarray, seed: int) -> Json:
    """Labels that contradict the probe beyond its doubt, in images."""
    people, n = int(person.max()) + 1, len(labels)
    share, interval = contaminated(chances, labels, Units("subject", tuple(map(str, range(people))), person), seed)
    low, high = (None if end is None else end * n for end in (interval.low, interval.high))
    return number(share * n, interval) | {"low": low, "high": high}


def confident(probabilities: Floats, labels: np.ndarray) -> tuple[npt.NDArray[np.bool_], np.ndarray, Floats]:
    """Images off the diagonal of the confident joint.

    An image is counted as of the most probable of the classes whose probability reaches the class' own threshold, the mean
    probability of the class among the images labelled so; images that reach none are not counted.

    Args:
        probabilities: (n, classes), out of fold.
        labels: int (n,); each class has images.

    Returns:
        whether it is counted as another class than its label, bool (n,); the class it is counted as (where counted), int (n,);
        and the thresholds, (classes,).
    """
    thresholds = np.array([probabilities[labels == label, label].mean() for label in range(probabilities.shape[1])])
    reached = probabilities >= thresholds
    counted = np.where(reached, probabilities, -1.0).argmax(axis=1)
    return reached.any(axis=1) & (counted != labels), counted, thresholds


def _table(
    images: pd.DataFrame,
    chances: Floats,
    labels: np.ndarray,
    listed: npt.NDArray[np.bool_],
    suggested: np.ndarray,
    classes: Sequence[str],
) -> pd.DataFrame:
    rows = np.flatnonzero(listed)
    own, other = chances[rows, labels[rows]], chances[rows, suggested[rows]]
    # Images come sorted; equals keep that order.
    order = np.lexsort((-other, own))
    rows = rows[order]
    table = {
        "rank": np.arange(1, len(rows) + 1),
        "image": images["image"].iloc[rows].tolist(),
        "label": [classes[label] for label in labels[rows]],
        "suggested": [classes[label] for label in suggested[rows]],
        "probability_of_label": own[order],
        "probability_of_suggested": other[order],
        "subject": pd.Series(images["subject"].iloc[rows].tolist(), dtype=object),
    }
    return pd.DataFrame(table, columns=list(COLUMNS))


def _by_subject(images: pd.DataFrame, listed: npt.NDArray[np.bool_]) -> list[Json]:
    """Subjects with listed images, those with most first: subject, listed, images."""
    whose = images["subject"].where(images["subject"].notna(), None).to_numpy()
    counted = pd.DataFrame({"subject": whose, "listed": listed}).dropna().groupby("subject", sort=True)["listed"]
    found = pd.DataFrame({"listed": counted.sum(), "images": counted.size()}).reset_index()
    found = found[found["listed"] > 0].sort_values(["listed", "images", "subject"], ascending=[False, True, True], kind="stable")
    return [{"subject": str(s), "listed": int(k), "images": int(n)} for s, k, n in found.itertuples(index=False)]
