"""What subjects do to a data set: how much of the features they are, how well one is recognised, what a random split gains.

Subjects that hold the same cells count as one (`group`), and only images whose subject is known take part. Start
at `subjects`; what the page shows of it is `keras_leuk.reporting.audit_subjects`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from keras_leuk.audit.probe import CONFIDENCE, LEAST_SUBJECTS, RESAMPLES, SETTINGS, joined, number, one_thread, undefined
from keras_leuk.audit.recognition import METHOD, recognise
from keras_leuk.audit.split_optimism import DESIGNS, flatter
from keras_leuk.audit.subject_lines import lines
from keras_leuk.audit.subject_variance import components
from keras_leuk.data.table import natural_key
from keras_leuk.evaluation.counts import Floats
from keras_leuk.progress import Progress
from keras_leuk.runs.atomic import write_bytes

Json = dict[str, Any]

TABLE = "subjects.csv"
"""One row a subject, in the audit folder."""

NAMED = 20
"""Subjects of several classes that are named; the table has all."""


@dataclass(frozen=True)
class Subjects:
    """What the subjects do to a data set.

    Attributes:
        features: what the features are, in words.
        images: labelled images; known: those whose subject is known; subjects: how many names; people: how many are left where
            subjects that hold the same cells count as one.
        reason: why nothing is said, where no subject is known.
        classes: in label order; positive: of two classes.
        variance: share (value, low, high) of the within-class variance of the standardised features that is the subject's;
            subject and rest, its components a feature; images, copies (left out), subjects, typical (images a subject), classes,
            left_out (classes with too few subjects).
        recognition: classes and all, as `keras_leuk.audit.recognition.Recognition` has them.
        optimism: as `keras_leuk.audit.split_optimism.flatter` gives it.
        purity: subjects, of_one_class, outside_main_class (images of another class than most of their subject's), of_several (the
            first: subject, images of each class).
        warnings: what the user must not miss; notes: what else is to be known; one line each.
        table: one row a subject in natural order: subject, group, images, classes, images of each class, judged and recognised
            (images in `recognition`).
    """

    features: str
    images: int
    known: int
    subjects: int
    people: int
    reason: str | None
    classes: tuple[str, ...]
    positive: str | None
    variance: Json | None
    recognition: Json | None
    optimism: Json | None
    purity: Json | None
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    table: pd.DataFrame

    def as_json(self) -> Json:
        """The section in audit.json: the attributes as plain values, and what they were made with."""
        plain = {
            name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items() if name != "table"
        }
        settings = {
            "variance": "analysis of variance (Searle); interval: Student's t on Fisher's scale, jackknife over subjects",
            "recognition": METHOD,
            "optimism": SETTINGS,
            "designs": dict(DESIGNS),
            "interval": {"confidence": CONFIDENCE, "resamples": RESAMPLES, "method": "percentile bootstrap over subjects"},
            "fewest_subjects": LEAST_SUBJECTS,
        }
        return plain | {"settings": settings, "tables": {"subjects": self._listed()}}

    def write_tables(self, folder: Path) -> None:
        """Writes subjects.csv into an existing folder, whole or not at all; nothing where no subject is known."""
        if self._listed() is not None:
            write_bytes(folder / TABLE, lambda path: self.table.to_csv(path, index=False, lineterminator="\n", encoding="utf-8"))

    def _listed(self) -> str | None:
        return TABLE if len(self.table) else None


def subjects(
    images: pd.DataFrame,
    features: np.ndarray,
    named: str,
    same: Sequence[str],
    classes: tuple[str, ...],
    positive: str | None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Subjects:
    """Everything about subjects.

    Args:
        images: one row a labelled image with the columns label, subject (None where unknown) and group.
        features: float (n, d), finite, a row an image; named: what they are, in words.
        same: n names; images of one name are copies of one cell.
        classes: in label order; positive: of two classes, else None.
        seed: of folds and resamples.
    """
    rows = np.flatnonzero(images["subject"].notna().to_numpy())
    known = images.iloc[rows].reset_index(drop=True)
    about: Json = {"features": named, "images": len(images), "known": len(rows), "classes": classes, "positive": positive}
    if not len(rows):
        parts: Json = dict.fromkeys(("variance", "recognition", "optimism", "purity"))
        about |= parts | {"subjects": 0, "people": 0, "reason": "no image names its subject", "warnings": (), "notes": ()}
        return Subjects(**about, table=pd.DataFrame())
    vectors = features if len(rows) == len(images) else features[rows]
    labels = np.array([classes.index(label) for label in known["label"]], np.int64)
    groups, names = known["group"].to_numpy(dtype=str), np.asarray(list(same), dtype=str)[rows]
    group, cell, person = joined(groups), joined(names), joined(groups, names)
    with one_thread():
        recognised = recognise(vectors, labels, group, cell, classes, seed)
        about |= {
            "subjects": known["subject"].nunique(),
            "people": len(np.unique(group)),
            "variance": _variance(vectors, labels, group, cell, classes),
            "recognition": {"classes": list(recognised.classes), "all": recognised.all},
            "optimism": flatter(vectors, labels, cell, person, classes, positive, seed, progress),
        }
    table = _table(known, classes, recognised.hit)
    about["purity"] = _purity(table, classes)
    warnings, notes = lines(about)
    return Subjects(**about, reason=None, warnings=warnings, notes=notes, table=table)


def _variance(features: np.ndarray, labels: np.ndarray, group: np.ndarray, cell: np.ndarray, classes: Sequence[str]) -> Json:
    from sklearn.preprocessing import StandardScaler

    holders = [len(np.unique(group[labels == label])) for label in range(len(classes))]
    enough = [label for label, count in enumerate(holders) if count >= LEAST_SUBJECTS]
    found: Json = {
        "classes": [classes[label] for label in enough],
        "left_out": [{"class": classes[i], "subjects": n} for i, n in enumerate(holders) if i not in enough],
    }
    counted = np.isin(labels, enough)
    # A copy of a cell would be variance that is nobody's and too small.
    own = np.stack([labels, group, cell], axis=1)
    rows = np.unique(own, axis=0, return_index=True)[1]
    rows = np.sort(rows[counted[rows]])
    found |= {"images": len(rows), "copies": int(counted.sum()) - len(rows), "subjects": len(np.unique(group[rows]))}
    if not enough:
        reason = f"every class has fewer than {LEAST_SUBJECTS} subjects"
        return found | {"share": undefined(reason), "subject": None, "rest": None, "typical": None}
    standard = StandardScaler().fit_transform(features[rows])
    standard = standard[:, standard.any(axis=0)]
    parts = components(standard, labels[rows], group[rows]) if standard.shape[1] else None
    if parts is None:
        reason = "each subject has a single cell, or the features do not vary within subjects"
        return found | {"share": undefined(reason), "subject": None, "rest": None, "typical": None}
    width = standard.shape[1]
    share = number(max(0.0, parts.share), parts.interval)
    return found | {"share": share, "subject": parts.subject / width, "rest": parts.rest / width, "typical": parts.typical}


def _table(known: pd.DataFrame, classes: Sequence[str], hit: Floats) -> pd.DataFrame:
    counted = pd.crosstab(known["subject"], known["label"]).reindex(columns=list(classes), fill_value=0)
    order = sorted(counted.index, key=natural_key)
    counted = counted.loc[order]
    grouped = known.assign(judged=~np.isnan(hit), recognised=np.nan_to_num(hit)).groupby("subject", sort=False)
    sums = grouped[["judged", "recognised"]].sum().loc[order].astype(int)
    own = [[name for name in classes if row[name]] for _, row in counted.iterrows()]
    return pd.DataFrame(
        {
            "subject": order,
            "group": grouped["group"].first().loc[order].tolist(),
            "images": counted.sum(axis=1).tolist(),
            "classes": ["+".join(names) for names in own],
            **{f"images_{name}": counted[name].tolist() for name in classes},
            "judged": sums["judged"].tolist(),
            "recognised": sums["recognised"].tolist(),
        }
    )


def _purity(table: pd.DataFrame, classes: Sequence[str]) -> Json:
    counts = table[[f"images_{name}" for name in classes]].to_numpy()
    several = np.flatnonzero((counts > 0).sum(axis=1) > 1)
    return {
        "subjects": len(table),
        "of_one_class": len(table) - len(several),
        "outside_main_class": int((counts.sum(axis=1) - counts.max(axis=1)).sum()),
        "of_several": [
            {"subject": table["subject"].iloc[i], "classes": {n: int(c) for n, c in zip(classes, counts[i], strict=True) if c}}
            for i in several[:NAMED]
        ],
    }
