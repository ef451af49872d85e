"""The ways in which a study of splits parts the images of one data set. Start at `ways_of`.

Splits that are drawn (and the data's own folds) take the same images, so that their figures can be held against each other: where
the data have a preliminary or test part of their own, it is left out of them, and is tested by a split of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras_leuk.data.sides import allowed
from keras_leuk.data.table import ImageTable, own_folds, own_parts, subjects_known
from keras_leuk.errors import DataError, UsageError, suggestion
from keras_leuk.recipe import Recipe
from keras_leuk.recipe.loading import dotted

NAMES = ("random", "subject", "linked", "folds", "part")
"""The splits, in the order of every table."""

TAKEN = (
    *("seed", "split.strategy", "split.link_subjects", "split.drop_linked"),
    *("split.seed", "split.folds", "split.fold", "split.file", "split.balanced"),
)
"""Keys of the recipe that a study sets itself, or that would make one split of all of them."""


@dataclass(frozen=True)
class Way:
    """A way of splitting.

    Attributes:
        name: one of `NAMES`.
        title: as tables and figures name it; meaning: one sentence.
        keys: what it sets in the recipe.
    """

    name: str
    title: str
    meaning: str
    keys: Mapping[str, Any]


def ways_of(table: ImageTable, wanted: Sequence[str] | None = None) -> tuple[tuple[Way, ...], tuple[str, ...] | None]:
    """The splits to run, and the parts of the data that drawn splits take (None: all).

    Args:
        table: the recipe's images.
        wanted: some of `NAMES`; None takes all that the data allow.

    Raises:
        DataError: subjects are not known.
        UsageError: a split that there is not, that the data do not allow, or fewer than two.
    """
    rows = table.labelled
    strategy = next((name for name in ("official", "table") if name in allowed(rows)), None)
    held = {"official": "preliminary", "table": "test"}.get(str(strategy))
    parts = tuple(sorted(own_parts(rows) - {held})) if held is not None else None
    drawn = rows if parts is None else rows[rows["part"].isin(list(parts))]
    if not subjects_known(drawn):
        raise DataError(
            f"{table.name} names the subject of {int(drawn['subject'].notna().sum())} of {len(drawn)} images; splits by subject "
            "need all of them: give a table with the columns path, label and subject, or folders by subject"
        )
    own = {"data.parts": list(parts)} if parts is not None else {}
    found = {way.name: way for way in _drawn(own)}
    if len(folds := own_folds(drawn)) > 1:
        found["folds"] = _folds(len(folds), own)
    if strategy is not None:
        found["part"] = _part(strategy, str(held))
    return tuple(found[name] for name in NAMES if name in _chosen(wanted, found)), parts


def _drawn(own: Mapping[str, Any]) -> list[Way]:
    random = Way(
        "random",
        "random images",
        "Images are drawn one by one, stratified by class; cells of one subject stand on all sides.",
        {"split.strategy": "random", "split.link_subjects": "none", "split.drop_linked": False, **own},
    )
    subject = Way(
        "subject",
        "subjects as named",
        "Whole subjects are drawn, as the data name them, whether or not two of them hold the same cells.",
        {"split.strategy": "subject", "split.link_subjects": "none", "split.drop_linked": False, **own},
    )
    linked = Way(
        "linked",
        "linked subjects",
        "Whole subjects are drawn, and subjects that hold the same cells (equal images; the same cell, by a search of all "
        "images; for C-NMC also its known groups) count as one.",
        {"split.strategy": "subject", "split.link_subjects": "audited", "split.drop_linked": False, **own},
    )
    return [random, subject, linked]


def _folds(number: int, own: Mapping[str, Any]) -> Way:
    return Way(
        "folds",
        f"own {number} folds, pooled",
        f"The data's own {number} folds: each image is tested once, by a model not trained on its fold; the predictions of all "
        "folds are pooled.",
        {"split.strategy": "folds", "split.link_subjects": "audited", "split.drop_linked": False, **own},
    )


def _part(strategy: str, held: str) -> Way:
    return Way(
        "part",
        f"own {held} part",
        f"Trained on the rest of the data, tested on its own {held} part; what would be trained on and is linked to the tested "
        "subjects is left out.",
        {"split.strategy": strategy, "split.link_subjects": "audited", "split.drop_linked": True},
    )


def _chosen(wanted: Sequence[str] | None, found: Mapping[str, Way]) -> Sequence[str]:
    if wanted is None:
        return tuple(found)
    lacking = {"folds": "folds of their own", "part": "preliminary or test part of their own"}
    for name in wanted:
        if name not in NAMES:
            raise UsageError(f"--splits: {name!r} is not a split{suggestion(name, NAMES)}")
        if name not in found:
            raise UsageError(
                f"--splits: {name!r} is not possible: the data have no {lacking[name]}; possible: {', '.join(found)}"
            )
    if len(set(wanted)) < 2:
        raise UsageError(f"--splits {','.join(wanted)}: there is nothing to compare; name two or more of {', '.join(found)}")
    return wanted


def check_free(recipe: Recipe, sets: Sequence[str]) -> None:
    """Whether the recipe leaves to the study what the study is about.

    Raises:
        UsageError: a --set of a key in `TAKEN`, or a recipe that fixes a split file, folds, or the seed of the split.
    """
    for text in sets:
        key = text.partition("=")[0].strip()
        if key in TAKEN:
            raise UsageError(f"--set {text!r}: splits sets {key} itself; see --splits and --seeds")
    given = dotted(recipe)
    for key in ("split.seed", "split.folds", "split.fold", "split.file", "split.balanced"):
        if given[key] not in (None, False):
            raise UsageError(f"{key}: {given[key]!r} in the recipe: splits draws the splits itself; leave it out of the recipe")
