"""Cross-validation: one run a fold, then one run folder that pools their predictions.

Every image is a test image of exactly one fold, so the pooled test side holds each image once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pandas as pd

from keras_leuk.data.splits import SplitResult, write_split
from keras_leuk.evaluation.predictions import write_predictions
from keras_leuk.evaluation.reading import read_predictions
from keras_leuk.recipe import Recipe, resolved_yaml
from keras_leuk.runs.atomic import write_json
from keras_leuk.runs.folder import RunFolder
from keras_leuk.training import results
from keras_leuk.training.single import train_side


def train_folds(
    run: RunFolder, context: results.Context, splits: Sequence[SplitResult], begin: Callable[[], None]
) -> dict[str, Any]:
    """Trains every fold that is not finished yet and pools them.

    Args:
        begin: called once, when the first network stands, before anything is written.

    Returns:
        The content of the pooled metrics.json.
    """
    for number, split in enumerate(splits, start=1):
        fold = run.fold(str(split.fold))
        if context.resuming and fold.finished:
            context.progress.say(f"fold {split.fold} was finished before")
            continue
        context.progress.say(f"fold {split.fold} ({number} of {len(splits)})")
        recipe = fold_recipe(context.recipe, str(split.fold))
        train_side(fold, results.for_fold(context, recipe), split, partial(_begin_fold, fold, recipe, begin))
        begin = _nothing
    return pool(run, context, splits)


def _nothing() -> None:
    """What is left to begin once the first fold has begun."""


def _begin_fold(fold: RunFolder, recipe: Recipe, begin: Callable[[], None]) -> None:
    begin()
    fold.path.mkdir(parents=True, exist_ok=True)
    if not fold.started:
        results.write_recipe(fold, resolved_yaml(recipe))


def fold_recipe(recipe: Recipe, name: str) -> Recipe:
    """The recipe of one fold."""
    return recipe.model_copy(update={"split": recipe.split.model_copy(update={"fold": name})})


def pool(run: RunFolder, context: results.Context, splits: Sequence[SplitResult]) -> dict[str, Any]:
    """Makes one run of finished folds, recipe.yaml apart; the content of its metrics.json."""
    folds = [run.fold(str(split.fold)) for split in splits]
    write_split(run.split, _pooled_sides(splits))
    results.write_environment(run, context, splits)
    # As text: pooling must not touch a digit.
    histories = [pd.read_csv(fold.history, dtype=str, keep_default_na=False).assign(fold=fold.path.name) for fold in folds]
    history = pd.concat(histories, ignore_index=True)
    results.write_history(run, history[["fold", *(column for column in history.columns if column != "fold")]])
    write_predictions(run.predictions, _pooled_predictions(folds))
    results.write_meaning(run, context, splits)
    results.write_mistakes(run, context)
    write_json(run.timing, {"schema": 1, "folds": {fold.path.name: fold.read_json(fold.timing) for fold in folds}})
    metrics = results.describe(run, context)
    results.finish(run, metrics, None)
    return metrics


def _pooled_sides(splits: Sequence[SplitResult]) -> pd.DataFrame:
    """Each image once: ``test`` with the fold that tests it, or ``unused``."""
    rows = splits[0].rows.copy()
    rows["split"] = "unused"
    for split in splits:
        tested = (split.rows["split"] == "test").to_numpy()
        rows.loc[tested, "split"] = "test"
        rows.loc[tested, "fold"] = str(split.fold)
    return rows


def _pooled_predictions(folds: Sequence[RunFolder]) -> pd.DataFrame:
    """All rows of all folds, the folds in order."""
    return pd.concat([read_predictions(fold).table for fold in folds], ignore_index=True)
