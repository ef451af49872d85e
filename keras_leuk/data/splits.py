"""From labelled images to a split that says what it promises: no subject on two sides, or a plain warning.

How images come to their sides is told in `keras_leuk.data.sides`; here the strategy is chosen, the sides are judged, and
the result is put into words. Start at `split`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from keras_leuk.data import sides
from keras_leuk.data.groups import NOTHING_KNOWN, Groups, Knowledge, Link, link_subjects
from keras_leuk.data.left_out import leave_out
from keras_leuk.data.overlap import SIDES, find_overlap, listing
from keras_leuk.data.sides import Sides, allowed, fold_names
from keras_leuk.data.split_file import SPLIT_COLUMNS, read_split, reuse, write_split
from keras_leuk.data.table import subjects_known
from keras_leuk.errors import DataError, RecipeError
from keras_leuk.recipe.data import Split

__all__ = ["SplitResult", "allowed", "fold_names", "read_split", "split", "write_split"]


@dataclass(frozen=True)
class SplitResult:
    """Which image stands on which side, and what to say about it.

    Attributes:
        rows: one row a labelled image, in the order given; columns image, label, subject, group (of linked subjects),
            fold, part, split (train, validation, test or unused), pixels (hash of the decoded image); text, None
            where unknown.
        strategy: subject, random, official, folds or table; never auto.
        description: one sentence for reports: how it was split, and how many images and subjects each side has.
        notes: what the user should know, one line each.
        warnings: what the user must not miss, one line each.
        linked: subjects that hold the same cells, whether or not they were kept together.
        checked: what was looked for on two sides and what was found, one line each.
        link_subjects: which subjects counted as one: none, equal, known or audited; never auto.
        fold: name of the test fold (strategy folds), else None.
    """

    rows: pd.DataFrame
    strategy: str
    description: str
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    linked: tuple[Link, ...]
    checked: tuple[str, ...]
    link_subjects: str
    fold: str | None = None


def split(
    rows: pd.DataFrame,
    settings: Split,
    seed: int,
    classes: Sequence[str],
    *,
    fold: str | None = None,
    knowledge: Knowledge = NOTHING_KNOWN,
) -> SplitResult:
    """Puts every labelled image on one side.

    Args:
        rows: labelled rows of an `ImageTable` with one more column pixels (hash of the decoded pixels; equal images have
            equal hashes).
        settings: the recipe's split section.
        seed: the same seed gives the same split, whatever else is drawn elsewhere.
        classes: the class names; a side that lacks one is warned of.
        fold: which fold to test, for strategy folds; None takes ``settings.fold``.
        knowledge: of who holds the same cells. ``settings.link_subjects`` says how much of it makes subjects one (``auto``:
            all); all of it is checked.

    Raises:
        RecipeError: a strategy, fold or file that these data do not allow.
        DataError: too few subjects or images of a class, a file of other data, or a reused split that parts a subject
            although it was meant to be by subject.
    """
    rows = _prepared(rows)
    names = (list(rows["image"]), list(rows["subject"]), list(rows["pixels"]))
    everything = link_subjects(*names, knowledge)
    which = settings.link_subjects
    if which == "auto":
        which = "known" if knowledge.cells is None else "audited"
    groups = link_subjects(*names, knowledge.used(which), equal=which != "none")
    rows["group"] = pd.Series(groups.names, dtype=object)
    strategy, notes = _strategy(rows, settings)
    if settings.file is not None:
        placed = _from_file(rows, settings, strategy)
    elif strategy == "folds":
        fold = fold if fold is not None else settings.fold
        if fold is None:
            raise RecipeError("split.fold", None, "names no fold to test", fold_names(rows, settings))
        placed = sides.one_fold(rows, settings, seed, fold)
    else:
        draw = {"subject": sides.by_subject, "random": sides.at_random, "official": sides.official, "table": sides.table}
        placed = draw[strategy](rows, settings, seed)
    rows["split"] = pd.Series(placed.side, dtype=object)
    if settings.file is not None and strategy == "subject":
        _refuse_overlap(rows, settings.file)
    overlap = find_overlap(rows.assign(group=list(everything.names)), knowledge.cells)
    sentence = overlap.sentence()
    found = [sentence] if sentence else []
    warnings = [*placed.warnings, *found, *_lacking(rows, classes), *_contradictions(rows, knowledge)]
    notes = [*notes, *placed.notes, *_kept_together(rows, groups)]
    return SplitResult(
        rows,
        strategy,
        f"Split {placed.how}: {_sizes(rows)}.",
        tuple(notes),
        tuple(warnings),
        everything.links,
        overlap.checked(knowledge.cells is not None, bool(knowledge.subjects)),
        which,
        fold if strategy == "folds" else None,
    )


def _prepared(rows: pd.DataFrame) -> pd.DataFrame:
    """The columns of split.csv, with None for whatever pandas calls missing; group and split are still empty."""
    columns = {
        name: [value if isinstance(value, str) else None for value in rows[name]] if name in rows else [None] * len(rows)
        for name in SPLIT_COLUMNS
    }
    if not len(rows):
        raise DataError("there are no labelled images to split")
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})


def _strategy(rows: pd.DataFrame, settings: Split) -> tuple[str, list[str]]:
    """The strategy by name, and the note that 'auto' owes."""
    if settings.strategy != "auto":
        if settings.strategy == "subject" and not subjects_known(rows):
            sides.by_subject(rows, settings, 0)  # raises, with what is known
        return settings.strategy, []
    known = allowed(rows)
    if settings.file is not None:
        return next(name for name in ("subject", "table", "random") if name in known), []
    if "subject" in known:
        return "subject", ["split.strategy auto: by subject, because every labelled image names its subject"]
    why = "subjects are not known for every labelled image"
    if "table" in known:
        return "table", [f"split.strategy auto: the data's own training and test parts, because {why}"]
    return "random", [f"split.strategy auto: at random over images, because {why} and the data have no parts of their own"]


def _from_file(rows: pd.DataFrame, settings: Split, strategy: str) -> Sides:
    file = str(settings.file)
    placed, warnings = reuse(rows, file)
    placed, left = leave_out(rows, placed, settings)
    promise = ", no subject on two sides" if strategy == "subject" else ""
    return Sides(tuple(placed), f"as in {file}{promise}{left.words}", warnings=(*warnings, *left.warnings))


def _refuse_overlap(rows: pd.DataFrame, file: str) -> None:
    overlap = find_overlap(rows)  # by the groups that this recipe promised to keep together
    if overlap.groups:
        number = f"{len(overlap.groups)} subject{'s' * (len(overlap.groups) != 1)} (linked ones as one)"
        where = f"in both {' and '.join(overlap.sides)}" if len(overlap.sides) == 2 else "on more than one side"
        raise DataError(
            f"split has {number} {where}: {listing(overlap.groups)}; metrics would be too high; "
            f"make a new split, or say that this is meant with split.strategy=random. Received: {file}"
        )


def _lacking(rows: pd.DataFrame, classes: Sequence[str]) -> list[str]:
    """Warnings of empty sides and of sides without a class.

    Raises:
        DataError: there is nothing to train on.
    """
    present = {side: set(rows["label"][rows["split"] == side]) for side in SIDES}
    if not present["train"]:
        raise DataError("the split leaves no images for training")
    lines = [] if present["test"] else ["the split has no test images: nothing will be measured on unseen images"]
    for side, labels in present.items():
        without = [name for name in classes if labels and name not in labels]
        if without:
            lines.append(f"the {side} side has no image of class {', '.join(without)}")
    return lines


def _contradictions(rows: pd.DataFrame, knowledge: Knowledge) -> list[str]:
    """Warnings of cells that stand in the data under two classes."""
    labels = rows.groupby("pixels", sort=False)["label"].nunique()
    both = labels.index[labels > 1]
    lines = []
    if len(both):
        pair = list(rows["image"][rows["pixels"] == both[0]])
        lines.append(f"{len(both)} images stand in the data under two classes, the first as {' and '.join(pair[:2])}")
    by_hash = rows.drop_duplicates("pixels").set_index("pixels")
    of = by_hash["label"].to_dict()
    twice = [(a, b) for a, b in knowledge.cells or () if a in of and b in of and of[a] != of[b]]
    if twice:
        first = " and ".join(by_hash.loc[list(twice[0]), "image"])
        number = f"{len(twice)} pair{'s' * (len(twice) != 1)} of images"
        lines.append(f"{number} show one cell under two classes, the first {first}")
    return lines


def _kept_together(rows: pd.DataFrame, groups: Groups) -> list[str]:
    """A note on linked subjects that stand on one side; those that do not are warned of instead."""
    on = rows[rows["split"].isin(SIDES)].groupby("group")["split"].nunique()
    together = [group for group in dict.fromkeys(link.group for link in groups.links) if on.get(group) == 1]
    if not together:
        return []
    some = f"{len(together)} group{'s' * (len(together) != 1)} of subjects"
    return [f"{some} that hold the same cells under two names stand on one side each: {listing(together)}"]


def _sizes(rows: pd.DataFrame) -> str:
    """``train 328 images of 34 subjects, test 110 images of 12 subjects``."""
    pieces = []
    for side in (*SIDES, "unused"):
        there = rows[rows["split"] == side]
        if len(there):
            people = there["subject"].nunique()
            who = f" of {people} subject{'s' * (people != 1)}" if subjects_known(there) else ""
            pieces.append(f"{side} {len(there)} images{who}")
    return ", ".join(pieces)
