"""What of a protocol has to be read otherwise because the data are not the paper's. Start at `adapted`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from keras_leuk.data.by_image import share_of
from keras_leuk.papers.replicate_data import DataFacts
from keras_leuk.papers.replicate_request import Study
from keras_leuk.recipe import Recipe

MOST_OF_A_CLASS = 0.75
"""Share of its smallest class that balanced sides may take; the rest is to be trained on."""

Change = tuple[list[str], str]
"""Settings, and the line that tells of them."""


def adapted(study: Study, data: DataFacts) -> tuple[Study, list[str]]:
    """The study with whatever of its recipe these data cannot follow read otherwise, and a line for each such change."""
    lines = [f"{other} in the place of {name}" for name, other in study.instead.items()]
    for sets, line in _changes(study.recipe, data):
        study = replace(study, sets=(*study.sets, *sets))
        lines.append(line)
    return study, lines


def _changes(recipe: Recipe, data: DataFacts) -> Iterator[Change]:
    parts, strategy = recipe.data.parts, recipe.split.strategy
    if parts is not None and not set(parts) <= data.parts:
        missing = ", ".join(repr(name) for name in parts if name not in data.parts)
        yield ["data.parts=null"], f"all labelled images, because the data have no part {missing}"
    if strategy == "official" and not {"training", "preliminary"} <= data.parts:
        yield _drawn(data)
    if strategy == "subject" and data.subjects is None:
        yield ["split.strategy=random"], "a split at random by image, because subjects are unknown"
    if strategy == "random" and recipe.split.balanced and _takes_too_many(recipe, data):
        yield ["split.balanced=false"], "sides with the shares of the data, because a class is too small for balanced ones"


def _drawn(data: DataFacts) -> Change:
    """Another split in place of C-NMC's official one."""
    why = "in place of the official one, because the data have no preliminary part"
    if data.subjects is not None:
        return ["split.drop_linked=false", "split.strategy=subject"], f"a split drawn by subject {why}"
    if {"training", "test"} <= data.parts:
        return ["split.strategy=table"], f"the data's own training and test parts {why}"
    line = f"a split drawn at random by image, because subjects are unknown, {why}"
    return ["split.drop_linked=false", "split.strategy=random"], line


def _takes_too_many(recipe: Recipe, data: DataFacts) -> bool:
    counts = data.classes_in(recipe.data.parts)
    of_each = sum(share_of(share / len(counts), sum(counts.values())) for share in (recipe.split.test, recipe.split.validation))
    return of_each > MOST_OF_A_CLASS * min(counts.values())
