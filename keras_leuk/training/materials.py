"""What a run is made of, gathered before training: data table, cached pictures, first weights, resolved names.

Each step stops at the first thing that is wrong, in the order that costs the user least time: names, data, weights, images.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from keras_leuk.data.groups import Knowledge
from keras_leuk.data.linked import known_links
from keras_leuk.data.read import DEMO, read
from keras_leuk.data.sample import sample
from keras_leuk.data.table import ImageTable, only_parts, with_labels, with_rows
from keras_leuk.images.cache import Pictures, ingest
from keras_leuk.images.duplicates import find, recall
from keras_leuk.images.preprocessing import Preparation
from keras_leuk.images.survey import survey
from keras_leuk.models.weights import NO_WEIGHTS, Weights, WeightsOutOfReachError, resolve
from keras_leuk.progress import Progress
from keras_leuk.recipe import Recipe
from keras_leuk.training.engine_choice import with_engine
from keras_leuk.training.preflight import Parts, check, check_labels, weights_seed


@dataclass(frozen=True)
class Materials:
    """Everything a run is made of.

    Attributes:
        recipe: as asked for, its engine chosen; the data's own choices are filled in when the split is known.
        parts: backbone, head and size that its names stand for.
        table: what was read.
        rows: its labelled images, one row each, with ``pixels`` (content hashes).
        pictures: the cached pictures of `rows`, in the same order.
        weights: the backbone's first weights; `NO_WEIGHTS` where there is none.
        cache: folder of shared work.
        warnings: what every output of the run must say.
    """

    recipe: Recipe
    parts: Parts
    table: ImageTable
    rows: pd.DataFrame
    pictures: Pictures
    weights: Weights
    cache: Path
    warnings: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over every labelled image: name, pixels, label and subject."""
        lines = self.rows[["image", "pixels", "label", "subject"]].fillna("").agg("\t".join, axis=1)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def gather(recipe: Recipe, *, cache: Path, progress: Progress) -> Materials:
    """Reads the data, finds the weights, fills the image cache.

    Raises:
        LeukError: whatever is wrong with names, data, weights or images.
    """
    parts = check(recipe)
    table = read_table(recipe, cache, progress)
    check_labels(recipe, parts.head, table)
    tell_data(table, progress)
    weights, recipe = find_weights(recipe, parts, table, progress)
    recipe = with_engine(recipe, parts, cache, progress)
    parts = check(recipe)
    warnings = (*weights_warning(weights, parts), *subjects_warning(table))
    for warning in warnings:
        progress.warn(warning)
    labelled = table.labelled
    pictures = ingest(
        [table.root / image for image in labelled["image"]],
        preparation=Preparation.of(recipe.images, parts.size),
        cache=cache,
        on_unreadable=recipe.data.unreadable,
        progress=progress,
    )
    if pictures.unreadable:
        table, labelled, warning = _without(table, pictures)
        warnings = (*warnings, warning)
        progress.warn(warning)
    rows = labelled.assign(pixels=pictures.pixels)
    stored = pictures.store.row_bytes * len(pictures.store.positions())
    progress.say(
        f"images: {len(rows)} at {parts.size}x{parts.size}, {pictures.decoded} decoded now, {len(rows) - pictures.decoded} from "
        f"the cache ({pictures.store.path}, {stored / 1e6:.0f} MB; clear with: keras-leuk cache --clear)"
    )
    return Materials(recipe, parts, table, rows, pictures, weights, cache, (*table.warnings, *warnings))


def knowledge_of(materials: Materials, progress: Progress) -> Knowledge:
    """Who is known to hold the same cells: what is known of the data set, and what a search of these images found.

    The search is made now where the recipe needs it (split.link_subjects: audited) and the cache does not have it.
    """
    found = recall(materials.cache, list(materials.rows["pixels"]))
    if found is None and materials.recipe.split.link_subjects == "audited":
        files = [materials.table.root / image for image in materials.rows["image"]]
        found = find(survey(files, cache=materials.cache, progress=progress), cache=materials.cache, progress=progress)
    cells = None if found is None else tuple((pair.one, pair.other) for pair in found.pairs)
    return Knowledge(known_links(materials.table), cells)


def read_table(recipe: Recipe, cache: Path, progress: Progress | None = None) -> ImageTable:
    """The data table of a recipe, with its parts, its sample, label order and positive class."""
    table = read(recipe.data.path, recipe.data.reader, cache, progress=progress)
    table = sample(only_parts(table, recipe.data.parts), recipe.data.sample)
    return with_labels(table, recipe.data.classes, recipe.data.positive)


def tell_data(table: ImageTable, progress: Progress) -> None:
    """Says what was found, and what the labels mean."""
    labelled = table.labelled
    counts = labelled["label"].value_counts()
    listing = ", ".join(f"{index} = {name} ({counts[name]})" for index, name in enumerate(table.classes))
    subjects = f", {labelled['subject'].nunique()} subjects" if table.has_subjects else ", subjects unknown"
    progress.say(f"data: {table.name}, {len(labelled)} labelled images{subjects}")
    for part, group in labelled.groupby("part", sort=False):
        progress.say(
            f"  {part}: {len(group)} images" + (f" of {group['subject'].nunique()} subjects" if table.has_subjects else "")
        )
    positive = f"; positive class: {table.positive}" if table.positive else ""
    progress.say(f"labels: {listing}{positive}")
    for note in table.notes:
        progress.say(f"  {note}")
    for warning in table.warnings:
        progress.warn(warning)


def find_weights(recipe: Recipe, parts: Parts, table: ImageTable, progress: Progress) -> tuple[Weights, Recipe]:
    """The first weights; on the demo alone, random ones where ImageNet's are out of reach.

    Returns:
        The weights, and the recipe that goes with them: a frozen backbone with random weights gives features near 1e-6, from
        which the plain linear head learns nothing, so the demo then standardises them.
    """
    if recipe.model.features == "hand":
        return NO_WEIGHTS, recipe
    seed = weights_seed(recipe)
    try:
        weights = resolve(recipe.model.weights, parts.backbone, weights_dir=recipe.model.weights_dir, seed=seed)
    except WeightsOutOfReachError as error:
        if table.reader != DEMO:
            raise
        progress.warn(f"{error}. The demo goes on with random weights")
        weights = resolve("random", parts.backbone, seed=seed)
        if recipe.model.head == "linear" and recipe.model.fine_tune == "none":
            recipe = recipe.model_copy(update={"model": recipe.model.model_copy(update={"head": "linear-standardized"})})
            progress.say("head: linear-standardized in place of linear, because features of random weights are near 1e-6")
    progress.say(f"weights: {weights.note}")
    return weights, recipe


def weights_warning(weights: Weights, parts: Parts) -> tuple[str, ...]:
    """What every run with random weights says, asked for or not: a run that is made again from its recipe says the same."""
    if weights.kind != "random":
        return ()
    return (
        f"RANDOM WEIGHTS: {parts.backbone.name} started from random weights; its numbers say nothing about a pretrained backbone",
    )


def subjects_warning(table: ImageTable) -> tuple[str, ...]:
    """What every run says whose data do not name the person of every image."""
    if table.has_subjects:
        return ()
    return ("subjects are unknown: images of one person may stand on several sides, and intervals over images are too narrow",)


def _without(table: ImageTable, pictures: Pictures) -> tuple[ImageTable, pd.DataFrame, str]:
    gone = {str(path) for path, _ in pictures.unreadable}
    kept = table.rows[[str(table.root / image) not in gone for image in table.rows["image"]]]
    smaller = with_rows(table, kept)
    names = ", ".join(sorted(str(path.relative_to(table.root)) for path, _ in pictures.unreadable)[:5])
    more = f" and {len(gone) - 5} more" if len(gone) > 5 else ""
    return smaller, smaller.labelled, f"{len(gone)} unreadable images were left out: {names}{more}"
