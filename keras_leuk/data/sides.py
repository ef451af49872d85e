"""The strategies of a split, one function each: labelled rows in, the side of each out.

Every function takes rows with the columns of split.csv (group filled in), the recipe's split section and the seed, and
returns `Sides`. What overlaps between sides is judged afterwards, in `keras_leuk.data.splits`. Randomness is drawn by
(seed, strategy), so that one strategy's draw never shifts another's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from keras_leuk.data.by_group import draw_by_group
from keras_leuk.data.by_image import deal_by_image, draw_balanced, draw_by_image
from keras_leuk.data.left_out import leave_out
from keras_leuk.data.overlap import SIDES
from keras_leuk.data.split_file import UNUSED
from keras_leuk.data.table import natural_key, own_folds, own_parts, subjects_known
from keras_leuk.errors import RecipeError
from keras_leuk.recipe.data import Split
from keras_leuk.recipe.randomness import generator

TRAIN, VALIDATION, TEST = SIDES


@dataclass(frozen=True)
class Sides:
    """Side of each row, how that came about in a few words, and what the user should know, or must not miss, about it."""

    side: tuple[str, ...]
    how: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def allowed(rows: pd.DataFrame) -> list[str]:
    """The strategies that these labelled rows allow."""
    parts = own_parts(rows)
    return [
        *(["subject"] if subjects_known(rows) else []),
        "random",
        *(["official"] if {"training", "preliminary"} <= parts else []),
        "folds",
        *(["table"] if {"training", "test"} <= parts else []),
    ]


def by_subject(rows: pd.DataFrame, settings: Split, seed: int) -> Sides:
    """Whole groups of subjects on each side, every class in its share.

    Raises:
        RecipeError: some labelled image has no subject.
        DataError: a class has fewer groups than there are sides.
    """
    if not subjects_known(rows):
        reason = f"needs the subject of every labelled image; known for {int(rows['subject'].notna().sum())} of {len(rows)}"
        raise RecipeError("split.strategy", "subject", reason, allowed(rows))
    shares = {TRAIN: 1.0 - settings.validation - settings.test, VALIDATION: settings.validation, TEST: settings.test}
    shares = {side: share for side, share in shares.items() if share > 0}
    advice = "; give split.validation=0 or split.strategy=random, or use data with more subjects"
    side = draw_by_group(list(rows["group"]), list(rows["label"]), shares, generator(seed, "split/subject"), advice=advice)
    return Sides(tuple(side), "by subject, no subject on two sides")


def at_random(rows: pd.DataFrame, settings: Split, seed: int) -> Sides:
    """Single images, the classes in equal proportion on each side, or (split.balanced) as many of each for test and validation.

    Raises:
        DataError: a class has too few images.
    """
    shares = {side: share for side, share in ((TEST, settings.test), (VALIDATION, settings.validation)) if share > 0}
    if settings.balanced and shares:
        return _balanced(rows, shares, seed)
    side = draw_by_image(list(rows["label"]), shares, TRAIN, generator(seed, "split/random"))
    return Sides(tuple(side), "at random over images, stratified by class")


def _balanced(rows: pd.DataFrame, shares: Mapping[str, float], seed: int) -> Sides:
    labels = list(rows["label"])
    advice = "; give smaller split.test and split.validation, or split.balanced=false"
    side = draw_balanced(labels, shares, TRAIN, generator(seed, "split/balanced"), advice=advice)
    where = f"{' and '.join(name for name in (VALIDATION, TEST) if name in shares)} side{'s' * (len(shares) > 1)}"
    mix = ", ".join(f"{name} {labels.count(name)}" for name in sorted(set(labels), key=natural_key))
    note = f"split.balanced: the mix of classes on the {where} is even, and not that of the data ({mix})"
    return Sides(tuple(side), f"at random over images, as many of each class on the {where}", (note,))


def official(rows: pd.DataFrame, settings: Split, seed: int) -> Sides:
    """C-NMC's own: training folds to train, preliminary phase to test.

    Raises:
        RecipeError: the data have no such parts.
        DataError: see `carve`.
    """
    if "official" not in allowed(rows):
        reason = "needs C-NMC's training and preliminary parts, both labelled"
        raise RecipeError("split.strategy", "official", reason, allowed(rows))
    placed, notes = _own(rows, {"training": TRAIN, "preliminary": TEST})
    placed, left = leave_out(rows, placed, settings)
    side, carved = carve(rows, placed, settings.validation, seed, "official")
    how = f"as C-NMC has it, training part to train and preliminary part to test{left.words}{carved}"
    return Sides(tuple(side), how, tuple(notes), left.warnings)


def table(rows: pd.DataFrame, settings: Split, seed: int) -> Sides:
    """The data's own training, validation and test parts.

    Raises:
        RecipeError: the data have no training and test parts.
        DataError: see `carve`.
    """
    if "table" not in allowed(rows):
        raise RecipeError("split.strategy", "table", "needs data with training and test parts of their own", allowed(rows))
    placed, notes = _own(rows, {"training": TRAIN, "validation": VALIDATION, "test": TEST})
    share = 0.0 if VALIDATION in placed else settings.validation
    placed, left = leave_out(rows, placed, settings)
    side, carved = carve(rows, placed, share, seed, "table")
    return Sides(tuple(side), f"as the data have it, in training and test parts{left.words}{carved}", tuple(notes), left.warnings)


def fold_names(rows: pd.DataFrame, settings: Split) -> tuple[str, ...]:
    """Names of the folds to train: all, or the one the recipe names.

    Args:
        rows: labelled rows with a column fold.
        settings: strategy 'folds'; `folds` drawn ones are called '0', '1', …; None takes the data's own.

    Raises:
        RecipeError: the data have no folds of their own, or the recipe names one that is not there.
    """
    names = tuple(str(i) for i in range(settings.folds)) if settings.folds is not None else own_folds(rows)
    if not names:
        raise RecipeError("split.folds", None, "the data have no folds of their own; give a number")
    if len(names) < 2:
        raise RecipeError("split.folds", None, f"the data have one fold of their own only ({names[0]}); give a number")
    if settings.fold is None:
        return names
    if settings.fold not in names:
        raise RecipeError("split.fold", settings.fold, "is not a fold", names)
    return (settings.fold,)


def one_fold(rows: pd.DataFrame, settings: Split, seed: int, fold: str) -> Sides:
    """One round of a cross-validation: the fold to test, the others to train.

    Raises:
        RecipeError: no such fold.
        DataError: a class has fewer groups (or images) than there are folds; or see `carve`.
    """
    names = fold_names(rows, settings.model_copy(update={"fold": None}))
    if fold not in names:
        raise RecipeError("split.fold", fold, "is not a fold", names)
    notes: tuple[str, ...] = ()
    if settings.folds is None:
        of: list[str | None] = list(rows["fold"])
        how = "of the data's own"
        outside = rows["fold"].isna()
        if outside.any():
            notes = (f"{int(outside.sum())} images are of no fold and stay unused{_parts_of(rows[outside])}",)
    elif subjects_known(rows):
        shares = dict.fromkeys(names, 1.0 / len(names))
        advice = "; give fewer split.folds"
        of = [
            *draw_by_group(
                list(rows["group"]), list(rows["label"]), shares, generator(seed, "split/folds", len(names)), advice=advice
            )
        ]
        how = "drawn by subject"
    else:
        of = [
            *deal_by_image(
                list(rows["label"]), names, generator(seed, "split/folds", len(names)), advice="; give fewer split.folds"
            )
        ]
        how = "drawn at random over images, stratified by class"
    placed = [UNUSED if name is None else TEST if name == fold else TRAIN for name in of]
    placed, left = leave_out(rows, placed, settings)
    side, carved = carve(rows, placed, settings.validation, seed, "folds", names.index(fold))
    return Sides(tuple(side), f"into {len(names)} folds {how}, fold {fold} to test{left.words}{carved}", notes, left.warnings)


def carve(rows: pd.DataFrame, side: list[str], share: float, seed: int, what: str, *index: int) -> tuple[list[str], str]:
    """Takes a share of the training side for validation, by group where its subjects are known.

    Returns:
        the sides, and words for how it was done, such as ', validation carved from training by subject'.

    Raises:
        DataError: a class of the training side has too few groups (or images) for both.
    """
    if share == 0:
        return side, ""
    places = [i for i, name in enumerate(side) if name == TRAIN]
    training = rows.iloc[places]
    rng = generator(seed, f"split/validation/{what}", *index)
    advice = "; give split.validation=0"
    if subjects_known(training):
        shares = {TRAIN: 1.0 - share, VALIDATION: share}
        drawn = draw_by_group(list(training["group"]), list(training["label"]), shares, rng, advice=advice)
        unit = "by subject"
    else:
        drawn = draw_by_image(list(training["label"]), {VALIDATION: share}, TRAIN, rng, advice=advice)
        unit = "at random over images"
    side = list(side)
    for place, name in zip(places, drawn, strict=True):
        side[place] = name
    return side, f", validation carved from training {unit}"


def _own(rows: pd.DataFrame, sides: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The side that the data's own part of each row means, and a note on rows of other parts."""
    placed = [sides.get(part, UNUSED) for part in rows["part"]]
    unused = rows[[side == UNUSED for side in placed]]
    note = f"{len(unused)} labelled images are of no such part and stay unused{_parts_of(unused)}"
    return placed, [note] if len(unused) else []


def _parts_of(rows: pd.DataFrame) -> str:
    parts = sorted(own_parts(rows))
    return f" (part {', '.join(parts)})" if parts else ""
