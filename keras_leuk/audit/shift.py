"""Shift: whether the parts of a data set, or two data sets, differ in trivial descriptors within the same class.

A model that was judged on one part says little of another that was scanned, stained or stored otherwise. Parts also differ in
their classes, which is another matter and stands in lines of its own: descriptors are compared within each class. Start at
`shift`; the page's part is `keras_leuk.reporting.audit_shift`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from keras_leuk.audit.clustered import CONFIDENCE, clustered_area
from keras_leuk.audit.descriptors import DESCRIPTORS, MEASURED, MISSING, Column, columns, sizes
from keras_leuk.audit.parts import Pair, Partition, partitions
from keras_leuk.audit.shift_words import findings
from keras_leuk.evaluation.paired_tests import holm

Json = dict[str, Any]

METHOD = (
    "Effect: P(a value of the second part is larger than one of the first) + P(equal) / 2, compared within each class and "
    "averaged by m k / (m + k), m and k being what a class has in the two parts; 0.5 is no shift. Interval and p: Brunner and "
    "Munzel's test (2000) on the logit scale, for classes as strata and subjects that stand in both parts. p is corrected by "
    "Holm's method over all descriptors and pairs, and apart from these over the shares of classes."
)
UNITS = {
    "subject": "Medians of each subject's images of a class (linked subjects as one) are compared: a subject counts once.",
    "image": "Not every image names its subject: images are compared, as independent unless linked.",
}


@dataclass(frozen=True)
class Shift:
    """What differs between parts.

    Attributes:
        sizes: n, subjects, unnamed, groups of all compared images.
        classes: in label order; positive: of two, else None.
        unit: 'subject' or 'image', of `UNITS`.
        partitions: one entry a way to part the data: name, words, parts (one entry each: name, n, subjects, groups, classes:
            images of each), pairs. A pair: first, second; classes (those that both have, within which is compared), note (what
            could not be compared); mix (one entry a class, of two classes one: share_first, share_second, difference, low, high,
            p, p_holm, reason; empty where the parts have no class in common); descriptors (one entry each: facts of its `Column`,
            missing_first, missing_second, units (medians or images compared) and an `Area` with p_holm).
        tests: how many p were corrected: of descriptors, and of the shares of classes.
        warnings, strong, notes: sentences, as in `Shortcuts`.
    """

    sizes: Json
    classes: tuple[str, ...]
    positive: str | None
    unit: str
    partitions: tuple[Json, ...]
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
            "unit": self.unit,
            "partitions": list(self.partitions),
            "tests": self.tests,
            "methods": {"effect": METHOD, "unit": UNITS[self.unit]},
            "warnings": list(self.warnings),
            "strong": list(self.strong),
            "notes": list(self.notes),
        }


def shift(
    images: pd.DataFrame,
    classes: Sequence[str],
    positive: str | None,
    others: Mapping[str, pd.DataFrame] | None = None,
    name: str = "these data",
) -> Shift:
    """Compares the sides of a split (where a column 'split' is there), the data's own parts and folds, and other data sets.

    Args:
        images: one row a labelled image: label, subject, group, fold, part, perhaps split, and the columns of
            `descriptors.DESCRIPTORS`.
        classes: in label order; positive: one of two, None with more.
        others: more data sets by name, tables of the same columns; their groups are their own. name: what this one is called.
    """
    found = partitions(images, others or {}, name)
    every = [images, *(others or {}).values()]
    unit = "subject" if all(len(table) and table["subject"].notna().all() for table in every) else "image"
    entries = tuple(_partition(one, tuple(classes), positive, unit) for one in found)
    pairs = [pair for entry in entries for pair in entry["pairs"]]
    tests = {kind: _correct([entry for pair in pairs for entry in pair[kind]]) for kind in ("descriptors", "mix")}
    result = Shift(_sizes(every), tuple(classes), positive, unit, entries, tests)
    warnings, strong, notes = findings(result.as_json())
    return replace(result, warnings=warnings, strong=strong, notes=notes)


def _sizes(tables: Sequence[pd.DataFrame]) -> Json:
    """Of all data sets; a subject's name means another person in another one."""
    each = [sizes(table) for table in tables]
    return {key: None if any(one[key] is None for one in each) else sum(one[key] for one in each) for key in each[0]}


def _correct(tested: Sequence[Json]) -> int:
    """Puts Holm's p into the entries; how many tests there are."""
    for entry, p in zip(tested, holm([entry["p"] for entry in tested]), strict=True):
        entry["p_holm"] = p
    return sum(entry["p"] is not None for entry in tested)


def _partition(partition: Partition, classes: Sequence[str], positive: str | None, unit: str) -> Json:
    return {
        "name": partition.name,
        "words": partition.words,
        "parts": [_part(name, table, classes) for name, table in partition.parts.items()],
        "pairs": [_pair(pair, classes, positive, unit) for pair in partition.pairs()],
    }


def _part(name: str, table: pd.DataFrame, classes: Sequence[str]) -> Json:
    return {"name": name, **sizes(table), "classes": {c: int((table["label"] == c).sum()) for c in classes}}


def _pair(pair: Pair, classes: Sequence[str], positive: str | None, unit: str) -> Json:
    both = pd.concat([pair.first, pair.second], ignore_index=True)
    second = np.arange(len(both)) >= len(pair.first)
    shared = [c for c in dict.fromkeys(both["label"]) if all((side["label"] == c).any() for side in (pair.first, pair.second))]
    shared.sort(key=lambda c: (c not in classes, classes.index(c) if c in classes else 0, c))
    result: Json = {"first": pair.names[0], "second": pair.names[1], "classes": shared, "note": _note(both, shared, pair)}
    result["mix"] = list(_mix(both, second, classes, positive)) if shared else []
    # Without a class in common there is nothing to hold constant; what differs may then be the classes, which `note` says.
    kept = both["label"].isin(shared).to_numpy() if shared else np.ones(len(both), bool)
    both, second = both[kept].reset_index(drop=True), second[kept]
    stratum = both["label"].to_numpy(str) if shared else np.full(len(both), "", dtype=object)
    result["descriptors"] = [_descriptor(column, both["group"].to_numpy(str), stratum, second, unit) for column in columns(both)]
    return result


def _note(both: pd.DataFrame, shared: Sequence[str], pair: Pair) -> str | None:
    if not shared:
        return "no class in common: compared without regard to classes, so that the classes themselves may be what differs"
    apart = sorted(set(both["label"]) - set(shared))
    return (
        f"left out, because only one of {pair.names[0]} and {pair.names[1]} has the class: {', '.join(apart)}" if apart else None
    )


def _mix(both: pd.DataFrame, second: np.ndarray, classes: Sequence[str], positive: str | None) -> Iterator[Json]:
    """Shares of the classes. The area of a yes-or-no value is (1 + the difference of its shares) / 2, so it has an interval."""
    for name in [positive] if positive is not None else [c for c in classes if (both["label"] == c).any()]:
        member = (both["label"] == name).to_numpy()
        area = clustered_area(member.astype(float), second, both["group"].to_numpy(str))
        entry: Json = {"class": name, "share_first": float(member[~second].mean()), "share_second": float(member[second].mean())}
        entry["difference"] = entry["share_second"] - entry["share_first"]
        ends = {key: None if value is None else 2 * value - 1 for key, value in (("low", area.low), ("high", area.high))}
        yield {**entry, **ends, "p": area.p, "p_holm": None, "reason": area.reason}


def _descriptor(column: Column, group: np.ndarray, stratum: np.ndarray, second: np.ndarray, unit: str) -> Json:
    """One descriptor of one pair."""
    known = column.known
    lacking = {"missing_first": int((~known & ~second).sum()), "missing_second": int((~known & second).sum())}
    entry: Json = {**column.facts(), **lacking}
    if column.state == MEASURED and not (known[second].any() and known[~second].any()):
        entry |= {"state": MISSING, "reason": f"missing in the whole {'first' if known[second].any() else 'second'} part"}
    if entry["state"] != MEASURED:
        known = np.zeros_like(known)
    table = pd.DataFrame({"group": group, "stratum": stratum, "second": second, "value": column.values})[known]
    if unit == "subject":
        units = table.groupby(["group", "stratum", "second"])["value"]
        # A share of missing values has no median worth the name.
        table = (units.median() if column.name in DESCRIPTORS else units.mean()).reset_index()
    values = table["value"].to_numpy(np.float64)
    area = clustered_area(values, table["second"].to_numpy(bool), table["group"], table["stratum"], even=False)
    reason = entry["reason"] or area.reason
    return {**entry, **area.as_json(), "reason": reason, "units": area.n, "n": entry["n"], "p_holm": None}
