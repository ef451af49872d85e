"""Shortcuts: how well trivial descriptors tell the classes, each alone and all together.

What a network reaches says little where the size of a file reaches the same. Every figure is an area under the ROC curve with an
interval over groups of linked subjects (`clustered`). Start at `shortcuts`; the page's part is
`keras_leuk.reporting.audit_shortcuts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from keras_leuk.audit import crossfit
from keras_leuk.audit.clustered import CONFIDENCE, Area, Numbers, clustered_area
from keras_leuk.audit.descriptors import CELL, CONSTANT, DESCRIPTORS, MEASURED, SHORTCUT, Column, columns, sizes
from keras_leuk.audit.shortcut_words import findings, reach
from keras_leuk.evaluation.counts import Floats
from keras_leuk.evaluation.paired_tests import holm

Json = dict[str, Any]

MORE = 0.05
"""A classifier of any shape is reported where its area exceeds the plain one by so much."""

SETS = {"all": (SHORTCUT, CELL), "shortcuts": (SHORTCUT,), "cell": (CELL,)}
"""Descriptors that a classifier sees together, by their kinds."""

METHODS = {
    "alone": "AUC of the value as it is: nothing is fitted, so nothing is cross-validated. Intervals take subjects (linked ones "
    "as one) as independent (Obuchowski 1997, with corrections for few and uneven groups).",
    "any_shape": f"Cross-validated AUC of {crossfit.SETTINGS['tree']} that sees the value alone, which need not rise or fall.",
    "together": f"Cross-validated AUC of {crossfit.SETTINGS['boosted']}. Folds keep subjects whole where they are known; AUC is "
    "taken within each test fold and averaged, because pooled folds would push it below 0.5. The variance behind its interval is "
    "doubled, because each two folds teach each other.",
    "holm": "p is corrected by Holm's method over all tests of descriptors alone, and apart from these over those together.",
}


@dataclass(frozen=True)
class Shortcuts:
    """What trivial descriptors tell of the class.

    Attributes:
        sizes: n, subjects, unnamed, groups of the images.
        classes: in label order; positive: the class that areas are for, None with more than two: each class against the rest.
        descriptors: one entry a descriptor: its `Column.facts`, and against: one entry a class, the one told best first, each an
            `Area` with class, p_holm, any_shape (an `Area` with p_holm, or None) and differs (whether that says more).
        together: one entry a set of `SETS`: name, descriptors, folds, reason, left_out (classes of fewer than four groups),
            against (as above) and macro (mean over the classes; None with two classes).
        model: what a trained model reached, as it was given; None without.
        tests: how many p were corrected: of descriptors alone, and together.
        warnings: what must not be missed, strong: those of them from 0.75 on; notes: what else tells the class.
    """

    sizes: Json
    classes: tuple[str, ...]
    positive: str | None
    descriptors: tuple[Json, ...]
    together: tuple[Json, ...]
    model: Json | None
    tests: Json
    warnings: tuple[str, ...] = ()
    strong: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> Json:
        return {
            **self.sizes,
            "classes": list(self.classes),
            "positive": self.positive,
            "confidence": CONFIDENCE,
            "descriptors": list(self.descriptors),
            "together": list(self.together),
            "model": self.model,
            "tests": self.tests,
            "methods": METHODS,
            "warnings": list(self.warnings),
            "strong": list(self.strong),
            "notes": list(self.notes),
        }


def shortcuts(
    images: pd.DataFrame, classes: Sequence[str], positive: str | None, model: Mapping[str, Any] | None = None
) -> Shortcuts:
    """Judges every descriptor.

    Args:
        images: one row a labelled image: label, subject, group and the columns of `descriptors.DESCRIPTORS`.
        classes: in label order; positive: one of two, None with more.
        model: a trained model to stand beside: name, auc, low, high (None where unknown), n, side.
    """
    ground = _ground(images, classes, positive)
    found = columns(images)
    alone = [_alone(column, ground) for column in found]
    together = [_together(name, found, ground) for name in SETS]
    tests = {
        "alone": _correct([area for one in alone for entry in one["against"] for area in (entry, entry["any_shape"])]),
        "together": _correct([area for one in together for area in (*one["against"], one["macro"])]),
    }
    given = dict(model) if model is not None else None
    result = Shortcuts(sizes(images), tuple(classes), positive, tuple(alone), tuple(together), given, tests)
    warnings, strong, notes = findings(result.as_json())
    return replace(result, warnings=warnings, strong=strong, notes=notes)


@dataclass(frozen=True)
class _Ground:
    """What all descriptors are judged on: labels, groups, the wanted classes, and one set of folds for all classifiers.

    Attributes:
        fold: (n,), -1 where the class of an image has too few groups; None where fewer than two classes have enough.
        left_out: the classes of too few groups.
    """

    label: Numbers
    group: np.ndarray
    classes: tuple[str, ...]
    wanted: tuple[str, ...]
    fold: Numbers | None
    left_out: tuple[str, ...]

    @property
    def why_not(self) -> str | None:
        """Why nothing can be cross-validated, None where it can."""
        lacking = " and ".join(self.left_out)
        return (
            f"fewer than {crossfit.LEAST_GROUPS} groups of {lacking}: nothing can be cross-validated"
            if self.fold is None
            else None
        )


def _ground(images: pd.DataFrame, classes: Sequence[str], positive: str | None) -> _Ground:
    label = np.array([classes.index(name) for name in images["label"]], np.intp)
    group = images["group"].to_numpy(str)
    holders = np.array([len(np.unique(group[label == number])) for number in range(len(classes))])
    enough = holders >= crossfit.LEAST_GROUPS
    left_out = tuple(name for name, kept in zip(classes, enough, strict=True) if not kept)
    wanted = (positive,) if positive is not None else tuple(classes)
    fold = np.full(len(label), -1, np.intp)
    if enough.sum() > 1 and (drawn := crossfit.folds(label[enough[label]], group[enough[label]])) is not None:
        fold[enough[label]] = drawn
        return _Ground(label, group, tuple(classes), wanted, fold, left_out)
    return _Ground(label, group, tuple(classes), wanted, None, left_out)


def _alone(column: Column, ground: _Ground) -> Json:
    """One descriptor against each wanted class, the one it tells best first."""
    entries: list[Json] = []
    if column.state == MEASURED:
        known = column.known
        for name in ground.wanted:
            area = clustered_area(column.values[known], ground.label[known] == ground.classes.index(name), ground.group[known])
            entries.append({"class": name, **_plain(area), "any_shape": None, "differs": False})
        for entry, shape in zip(entries, _any_shape(column, ground), strict=False):
            entry["any_shape"] = _plain(shape)
            if shape.auc is not None and entry["auc"] is not None:
                entry["differs"] = shape.auc > max(entry["auc"], 1 - entry["auc"]) + MORE
        entries.sort(key=lambda entry: -reach(entry))
    return {**column.facts(), "against": entries}


def _plain(area: Area) -> Json:
    return {**area.as_json(), "p_holm": None}


def _any_shape(column: Column, ground: _Ground) -> list[Area]:
    """The tree of one descriptor against each wanted class; empty where two values leave no shape to find, or without folds."""
    if ground.fold is None or len(np.unique(column.values[column.known])) < 3:
        return []
    used = column.known & (ground.fold >= 0)
    fold, label = ground.fold[used], ground.label[used]
    if len(np.unique(fold)) < 2:
        return []
    chance = crossfit.out_of_fold("tree", column.values[used, None], label, fold, len(ground.classes))
    return [
        _crossed(chance[:, number], label == number, ground.group[used], fold)
        for number in map(ground.classes.index, ground.wanted)
    ]


def _crossed(chance: Floats, member: np.ndarray, group: np.ndarray, fold: Numbers) -> Area:
    return clustered_area(chance, member, group, fold, crossed=True)


def _together(name: str, found: Sequence[Column], ground: _Ground) -> Json:
    """A classifier that sees all descriptors of a set; it takes a missing value as a value."""
    bare = [column for column in found if column.name in DESCRIPTORS and column.kind in SETS[name]]
    seen = [column for column in bare if column.state == MEASURED or (column.state == CONSTANT and column.missing)]
    result: Json = {
        "name": name,
        "descriptors": [column.name for column in seen],
        "folds": None,
        "left_out": list(ground.left_out),
    }
    result |= {"against": [], "macro": None, "reason": ground.why_not if seen else "no descriptor of this kind has two values"}
    if not seen or ground.fold is None:
        return result
    used = ground.fold >= 0
    fold, label, group = ground.fold[used], ground.label[used], ground.group[used]
    values = np.column_stack([column.values for column in seen])[used]
    chance = crossfit.out_of_fold("boosted", values, label, fold, len(ground.classes))
    for name_of in ground.wanted:
        number = ground.classes.index(name_of)
        if name_of not in ground.left_out:
            result["against"].append({"class": name_of, **_plain(_crossed(chance[:, number], label == number, group, fold))})
    result["against"].sort(key=lambda entry: -reach(entry))
    if len(result["against"]) > 1:
        result["macro"] = _macro(chance, label, group, fold)
    return result | {"folds": len(np.unique(fold))}


def _macro(chance: Floats, label: Numbers, group: np.ndarray, fold: Numbers) -> Json:
    """Mean over the classes, each against the rest: a (fold, class) is a stratum, and a group's parts in them are one draw."""
    present = np.unique(label)
    member = np.concatenate([label == number for number in present])
    strata = np.concatenate([number * (fold.max() + 1) + fold for number in present])
    times = len(present)
    area = clustered_area(np.concatenate(list(chance[:, present].T)), member, np.tile(group, times), strata, crossed=True)
    return _plain(replace(area, n=len(label), members=len(label), strata=len(np.unique(fold))))


def _correct(areas: Sequence[Json | None]) -> int:
    """Puts Holm's p into the entries; how many tests there are."""
    made = [area for area in areas if area is not None]
    for area, p in zip(made, holm([area["p"] for area in made]), strict=True):
        area["p_holm"] = p
    return sum(area["p"] is not None for area in made)
