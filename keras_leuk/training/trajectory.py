"""One path of training that leaves a run folder at each of several budgets of epochs.

An epoch is a pure function of (recipe, seed, epoch), and neither order of images nor dropout nor exponential decay nor early
stopping knows how many epochs are to follow. So the run with a smaller budget is the beginning of the one with a larger budget,
to the bit, and one path has both. `shares_epochs` says for which recipes that holds.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from keras_leuk.data.splits import SplitResult
from keras_leuk.devices.start import strategy
from keras_leuk.models import heads
from keras_leuk.progress import Progress, Recorder
from keras_leuk.recipe import Recipe, resolved_yaml
from keras_leuk.recipe.loading import shaping
from keras_leuk.runs.folder import RunFolder
from keras_leuk.training import crossvalidation, results
from keras_leuk.training.checkpoint import Checkpoint
from keras_leuk.training.fit import CHECKPOINT_SECONDS, Fit
from keras_leuk.training.network import build_network
from keras_leuk.training.run import assemble
from keras_leuk.training.single import prepare, train_side


def shares_epochs(recipe: Recipe) -> bool:
    """Whether a longer training with this recipe begins with the epochs of a shorter one."""
    return heads.classical(recipe.model.head) is None and recipe.training.learning_rate.schedule != "cosine"


def with_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """The same recipe with another budget."""
    return recipe.model_copy(update={"training": recipe.training.model_copy(update={"epochs": epochs})})


def train_trajectory(
    recipe: Recipe,
    cells: Mapping[int, Path],
    *,
    state: Path,
    cache: Path,
    command: Sequence[str] = (),
    progress: Progress | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    figures: bool = True,
    backbones: Path | None = None,
) -> None:
    """Trains once, to the largest budget; each cell is put in its place when its run is finished, and not before.

    Args:
        recipe: as loaded; its number of epochs counts for nothing.
        cells: run folder of each budget that is wanted; those that are there already are left as they are.
        state: folder of this path, on the same file system: its checkpoint, which a later and longer path goes on from, and
            runs that are being written.
        cache, command, checkpoint_seconds: see `training.run.train`.
        figures, backbones: see `training.results.Context`.

    Raises:
        LeukError: see `keras_leuk.errors`; cells that were reached before stay.
    """
    wanted = {epochs: path for epochs, path in sorted(cells.items()) if not RunFolder(path).finished}
    if not wanted:
        return
    recipe = with_epochs(recipe, max(wanted))
    recorder, started = Recorder(progress), time.perf_counter()
    materials, splits, recipe = assemble(recipe, cache, recorder)
    context = results.Context(recipe, materials, cache, tuple(command), recorder, checkpoint_seconds, started)
    context = replace(context, figures=figures, backbones=backbones)
    state.mkdir(parents=True, exist_ok=True)
    if recipe.split.strategy == "folds" and recipe.split.fold is None:
        _train_folds(wanted, state, context, splits)
    elif heads.classical(recipe.model.head) is not None:
        for epochs, path in wanted.items():
            inner = _of_budget(context, epochs)
            run = _fresh(state, epochs)
            train_side(run, inner, splits[0], partial(_write_recipe, run, inner.recipe))
            _put(run, path)
    else:
        _train_path(wanted, state, context, splits[0])


def _train_path(wanted: Mapping[int, Path], state: Path, context: results.Context, split: SplitResult) -> None:
    with context.stopwatch.stage("starting"):
        placement = strategy()
        classifier = build_network(context, placement)
    course = prepare(classifier, context, split, placement)

    def reached(epochs: int, fitted: Fit) -> None:
        run, inner = _fresh(state, epochs), _of_budget(context, epochs)
        _write_recipe(run, inner.recipe)
        results.write_start(run, inner, split)
        results.finish(run, course.write(run, inner, fitted), fitted)
        _put(run, wanted[epochs])

    course.fit(_checkpoint(state, context.recipe, min(wanted)), context, sorted(wanted), reached)


def _train_folds(wanted: Mapping[int, Path], state: Path, context: results.Context, splits: Sequence[SplitResult]) -> None:
    """A path for each fold, then each budget's folds are pooled. Runs that a killed process left are gone on with."""
    inner = {epochs: _of_budget(context, epochs) for epochs in wanted}
    runs = {epochs: RunFolder(_place(state, epochs)) for epochs in wanted}
    for number, split in enumerate(splits, start=1):
        name = str(split.fold)
        context.progress.say(f"fold {name} ({number} of {len(splits)})")
        of_fold = {epochs: run.fold(name).path for epochs, run in runs.items() if not run.fold(name).finished}
        if not of_fold:
            continue
        recipe = crossvalidation.fold_recipe(with_epochs(context.recipe, max(of_fold)), name)
        folder = state / f"fold-{name}"
        folder.mkdir(exist_ok=True)
        for path in of_fold.values():
            path.parent.mkdir(parents=True, exist_ok=True)
        if heads.classical(recipe.model.head) is None:
            _train_path(of_fold, folder, results.for_fold(context, recipe), split)
            continue
        for epochs, path in of_fold.items():
            run = _fresh(folder, epochs)
            own = results.for_fold(context, with_epochs(recipe, epochs))
            train_side(run, own, split, partial(_write_recipe, run, own.recipe))
            _put(run, path)
    for epochs, run in runs.items():
        _write_recipe(run, inner[epochs].recipe)
        crossvalidation.pool(run, inner[epochs], splits)
        _put(run, wanted[epochs])


def _checkpoint(state: Path, recipe: Recipe, first: int) -> Checkpoint:
    """The path's checkpoint; one that is damaged, or beyond the first budget that is wanted, is of no use and goes."""
    # Data that were moved, or weights found elsewhere, are the same by their content: the path has its address by that.
    kept = Checkpoint(state / "checkpoint", json.dumps(shaping(with_epochs(recipe, 1)), sort_keys=True))
    if not 0 < kept.epoch() <= first:
        kept.remove()
    return kept


def _of_budget(context: results.Context, epochs: int) -> results.Context:
    return replace(context, recipe=with_epochs(context.recipe, epochs))


def _write_recipe(run: RunFolder, recipe: Recipe) -> None:
    run.path.mkdir(parents=True, exist_ok=True)
    results.write_recipe(run, resolved_yaml(recipe))


def _place(state: Path, epochs: int) -> Path:
    return state / f"epochs-{epochs:04d}"


def _fresh(state: Path, epochs: int) -> RunFolder:
    """Where a run is written before it is put in its place."""
    run = RunFolder(_place(state, epochs))
    shutil.rmtree(run.path, ignore_errors=True)
    run.path.mkdir(parents=True)
    return run


def _put(run: RunFolder, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.rename(run.path, path)
