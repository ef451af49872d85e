"""Which networks of a replication start from ImageNet's weights, and which from random ones because those are out of reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from keras_leuk.errors import WeightsError
from keras_leuk.models import backbones
from keras_leuk.models.weights import WeightsOutOfReachError, resolve
from keras_leuk.papers.replicate_request import BACKBONE, Study
from keras_leuk.progress import Progress
from keras_leuk.recipe import load


def with_weights(found: Sequence[Study], flags: Mapping[str, Any], *, random_allowed: bool, progress: Progress) -> list[Study]:
    """Studies parted by whether ImageNet weights are at hand, where random ones may take their place.

    Args:
        flags: dotted keys that say where things lie, such as ``model.weights_dir``.

    Raises:
        UsageError: the folder of weights is not there.
        WeightsError: weights are out of reach, and random ones are not allowed; the line names all that are missing.
    """
    missing: dict[str, bool] = {}
    parted: list[Study] = []
    for study in found:
        recipe = load(str(study.protocol.recipe_file), flags=flags, sets=study.sets)
        if recipe.model.weights != "imagenet" or recipe.model.features == "hand":
            parted.append(study)
            continue
        for name in study.backbones:
            if name not in missing:
                missing[name] = not _at_hand(name, recipe.model.weights_dir)
        parted += _parts(study, missing)
    gone = [name for name, is_missing in missing.items() if is_missing]
    if gone and not random_allowed:
        raise WeightsError(_advice(gone))
    for name in gone:
        progress.warn(f"{name}: its ImageNet weights are not at hand; it starts from random weights, and every table says so")
    return parted


def _parts(study: Study, missing: Mapping[str, bool]) -> list[Study]:
    """The study with its networks that have weights, and with those that have none."""
    parts = []
    for weights in ("", "random"):
        names = tuple(name for name in study.backbones if missing[name] == (weights == "random"))
        if names:
            lists = {**study.lists, BACKBONE: names} if BACKBONE in study.lists else study.lists
            parts.append(replace(study, lists=lists, weights=weights))
    return parts


def _at_hand(name: str, weights_dir: str | None) -> bool:
    backbone = backbones.find(name)
    if not backbone.has_imagenet:
        return False
    try:
        resolve("imagenet", backbone, weights_dir=weights_dir)
    except WeightsOutOfReachError:
        return False
    return True


def _advice(gone: Sequence[str]) -> str:
    """What is missing, and every way on from there."""
    files = [str(file) for name in gone if (file := backbones.find(name).weights_file) is not None]
    put = f"; put Keras' own files ({', '.join(files)}) into a folder and name it with --weights-dir, or" if files else ";"
    return (
        f"ImageNet weights are out of reach for {', '.join(gone)}{put} go on with --random-weights, which every table then says, "
        "or leave networks out with --only"
    )
