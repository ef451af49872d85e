"""One run, from recipe to run folder. `train` is the table of contents."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_leuk.data.splits import SplitResult, fold_names
from keras_leuk.data.splits import split as split_rows
from keras_leuk.errors import RunError
from keras_leuk.progress import Progress, Recorder
from keras_leuk.recipe import Recipe, load, resolved_yaml
from keras_leuk.recipe.loading import dotted
from keras_leuk.runs.folder import RunFolder, clear, writing
from keras_leuk.training import crossvalidation, results
from keras_leuk.training.fit import CHECKPOINT_SECONDS
from keras_leuk.training.materials import Materials, gather, knowledge_of
from keras_leuk.training.preflight import check, check_watched, resolved, split_seed
from keras_leuk.training.single import train_side
from keras_leuk.training.split_summary import tell_split


@dataclass(frozen=True)
class Outcome:
    """What a finished training leaves behind.

    Attributes:
        run: its folder.
        metrics: the content of metrics.json.
    """

    run: RunFolder
    metrics: dict[str, Any]


def train(
    recipe: Recipe,
    out: Path,
    *,
    cache: Path,
    resume: bool = False,
    overwrite: bool = False,
    command: Sequence[str] = (),
    progress: Progress | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> Outcome:
    """Trains what a recipe describes and leaves a run folder.

    Args:
        recipe: as loaded; whatever it leaves to be decided is decided here and written into the run's recipe.yaml.
        out: the run folder.
        cache: folder of shared work (decoded images, features, the demo).
        resume: continue an unfinished run in `out`.
        overwrite: replace a run in `out`.
        command: the command line, for environment.json.
        checkpoint_seconds: shortest time between two checkpoints; it shapes no number.

    Raises:
        LeukError: see `keras_leuk.errors`; nothing half-written is left behind.
    """
    check(recipe)
    with writing(out, resume=resume, overwrite=overwrite) as run:
        recorder = Recorder(progress)
        started = time.perf_counter()
        materials, splits, recipe = assemble(recipe, cache, recorder)
        continuing = resume and run.started
        if continuing:
            _require_same(run, recipe)

        def begin() -> None:
            """Called when nothing can be wrong any more; until then a run that is to be replaced stays as it was."""
            if not continuing:
                clear(run)
                results.write_recipe(run, resolved_yaml(recipe))

        context = results.Context(recipe, materials, cache, tuple(command), recorder, checkpoint_seconds, started, continuing)
        if recipe.split.strategy == "folds" and recipe.split.fold is None:
            metrics = crossvalidation.train_folds(run, context, splits, begin)
        else:
            metrics = train_side(run, context, splits[0], begin)
        return Outcome(run, metrics)


def assemble(recipe: Recipe, cache: Path, progress: Recorder) -> tuple[Materials, list[SplitResult], Recipe]:
    """What a run is made of, how its images are split, and its recipe with everything filled in.

    Raises:
        LeukError: see `training.materials.gather`; and what only the split can show to be wrong.
    """
    materials = gather(recipe, cache=cache, progress=progress)
    splits = make_splits(materials, progress)
    return materials, splits, complete(materials, splits)


def complete(materials: Materials, splits: Sequence[SplitResult]) -> Recipe:
    """The recipe of materials with everything filled in that was left to be decided.

    Raises:
        RecipeError: something is to be watched, and there is no validation side.
    """
    recipe = resolved(
        materials.recipe,
        materials.parts,
        materials.table,
        strategy=splits[0].strategy,
        link_subjects=splits[0].link_subjects,
        weights=_weights_word(materials),
    )
    check_watched(recipe, min(int((result.rows["split"] == "validation").sum()) for result in splits))
    return recipe


def make_splits(materials: Materials, progress: Progress) -> list[SplitResult]:
    """The split; one a fold in a cross-validation."""
    recipe, classes = materials.recipe, materials.table.classes
    seed = split_seed(recipe)
    knowledge = knowledge_of(materials, progress)
    if recipe.split.strategy == "folds":
        names = [recipe.split.fold] if recipe.split.fold else fold_names(materials.rows, recipe.split)
        found = [split_rows(materials.rows, recipe.split, seed, classes, fold=name, knowledge=knowledge) for name in names]
    else:
        found = [split_rows(materials.rows, recipe.split, seed, classes, knowledge=knowledge)]
    tell_split(found, progress)
    return found


def continued(out: Path) -> Recipe:
    """The recipe of the unfinished run in a folder.

    Raises:
        RunError: there is no run.
    """
    run = RunFolder(Path(out))
    if not run.started:
        raise RunError(f"{out} holds no run to resume")
    return load(str(run.recipe))


def _require_same(run: RunFolder, recipe: Recipe) -> None:
    """An unfinished run goes on with the recipe that it was started with."""
    kept, asked = dotted(continued(run.path)), dotted(recipe)
    different = [key for key in sorted(kept.keys() | asked.keys()) if kept.get(key) != asked.get(key)]
    if different:
        key = different[0]
        raise RunError(
            f"{run.path} was started with another recipe ({key} was {kept.get(key)!r}, now {asked.get(key)!r}); "
            "resume without options, or replace it with --overwrite"
        )


def _weights_word(materials: Materials) -> str:
    """What recipe.yaml says of the weights: what was used, not what could not be had."""
    kind = materials.weights.kind
    return kind if kind in ("imagenet", "random") else materials.recipe.model.weights
