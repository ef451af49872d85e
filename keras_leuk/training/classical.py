"""One scikit-learn head on one split: extract, measure, fit, predict, write. `training.single` comes here for such heads.

The run folder is that of any run, with these differences: model.classifier.npz holds what was fitted, model.weights.h5 the
backbone alone (and is not there without one); history.csv has a single row, epoch 1, with the loss and accuracy of the finished
classifier; there is nothing to watch, and no checkpoint: a killed fit is done again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from keras_leuk.data.splits import SplitResult
from keras_leuk.devices.start import start
from keras_leuk.evaluation.predictions import probability_columns, write_predictions
from keras_leuk.images import handmade
from keras_leuk.images.views import Drawn, Kind, Plain
from keras_leuk.models import heads
from keras_leuk.models.assembly import Classifier
from keras_leuk.models.classical import Classical, fit
from keras_leuk.runs.atomic import replacing, write_json
from keras_leuk.runs.folder import RunFolder
from keras_leuk.store.arrays import StoredRows
from keras_leuk.training import results
from keras_leuk.training.classical_predictor import ClassicalCard
from keras_leuk.training.fit import Fit
from keras_leuk.training.network import build_network, stored_features
from keras_leuk.training.preflight import sample_weights

_BLOCK = 1024
_SMALLEST = 1e-7
"""Least probability in a loss, Keras' own."""


@dataclass(frozen=True)
class Joined:
    """Stored features of some images, or views of them: the backbone's, hand-made ones, or both side by side.

    Attributes:
        parts: a store's rows, and int64 (n,) or (n, views) row numbers in it.
        computed: images or views that passed the backbone now; None where there is none.
    """

    parts: tuple[tuple[StoredRows, np.ndarray], ...]
    computed: int | None

    def table(self, items: np.ndarray) -> np.ndarray:
        """float32 (len(items), features); items count along the flattened row numbers."""
        return np.concatenate([rows[index.ravel()[items]] for rows, index in self.parts], axis=1)

    def __len__(self) -> int:
        return int(self.parts[0][1].size)


def train_classical(
    run: RunFolder, context: results.Context, split: SplitResult, begin: Callable[[], None], kind: Kind
) -> dict[str, Any]:
    """Fits on one split and leaves a finished run folder; see `training.single.train_side`.

    Args:
        kind: the views over which predictions are averaged.
    """
    context.progress.say(f"device: {start()['device']}")
    classifier = build_network(context) if context.recipe.model.features != "hand" else None
    begin()
    results.write_start(run, context, split)
    plain = _join(classifier, context)
    began = time.perf_counter()
    fitted = _fit(classifier, context, split, plain)
    seconds = time.perf_counter() - began
    outputs = _predict(fitted, classifier, context, split, kind, plain)
    frame = results.prediction_frame(context, split, outputs)
    trained = int((split.rows["split"] == "train").sum())
    done = Fit([_history(frame, context.table.classes)], 1, False, seconds, trained / max(seconds, 1e-9))
    results.write_history(run, pd.DataFrame(done.history))
    fitted.save(run.classifier)
    if classifier is not None:
        with replacing(run.weights) as temporary:
            classifier.trunk.save_weights(str(temporary), overwrite=True)
    write_json(run.model, _card(context, fitted, kind).as_json())
    write_predictions(run.predictions, frame)
    results.write_meaning(run, context, [split])
    results.write_mistakes(run, context)
    metrics = results.describe(run, context)
    results.write_timing(run, context, done, plain.computed)
    results.finish(run, metrics, done)
    return metrics


def _join(
    classifier: Classifier | None, context: results.Context, places: np.ndarray | None = None, kind: Kind | None = None
) -> Joined:
    """The features that the recipe asks for, of some pictures (None: all) or of views of them."""
    pictures, progress, recipe = context.materials.pictures, context.progress, context.recipe
    parts: list[tuple[StoredRows, np.ndarray]] = []
    computed = None
    if classifier is not None:
        found = stored_features(classifier, context, places, kind)
        parts.append((found.store.rows(), found.index))
        computed = found.computed
        progress.say(f"features: {computed} of {found.index.size} passed the backbone now ({found.store.path})")
    if recipe.model.features != "cnn":
        measured = handmade.extract(pictures, cache=context.cache, progress=progress, places=places, kind=kind)
        parts.append((measured.store.rows(), measured.index))
        progress.say(f"hand-made features: {measured.computed} of {measured.index.size} measured now ({measured.store.path})")
    return Joined(tuple(parts), computed)


def _fit(classifier: Classifier | None, context: results.Context, split: SplitResult, plain: Joined) -> Classical:
    recipe, classes = context.recipe, context.table.classes
    rows = split.rows
    places = np.flatnonzero((rows["split"] == "train").to_numpy())
    labels = np.array([classes.index(name) for name in rows["label"].iloc[places]], np.int64)
    groups = rows["group"].iloc[places].to_numpy(str)
    views = recipe.training.augment.views
    if views is None:
        table, repeats = plain.table(places), 1
    else:
        # Views of an image stand one after another, and stay in one fold with it.
        seen = _join(classifier, context, places, Drawn(recipe.training.augment, recipe.seed, views))
        table, repeats = seen.table(np.arange(len(seen))), views
    labels, groups = np.repeat(labels, repeats), np.repeat(groups, repeats)
    choice = recipe.model.head
    name = heads.CLASSICAL[str(choice)]
    context.progress.say(f"fitting a {name} to {len(labels)} vectors of {table.shape[1]} features")
    fitted = fit(
        heads.classical(choice) or "",
        table,
        labels,
        classes=len(classes),
        groups=groups,
        weights=sample_weights(recipe, labels, classes),
        seed=recipe.seed,
    )
    if "held_out" in fitted.facts:
        by = {"groups": "by subject, where known", "images": "by image, because a class is of one subject"}
        chosen = (
            f"C = {fitted.facts['C']:g} of {len(fitted.facts['log_loss'])}" if "log_loss" in fitted.facts else "sigmoid fitted"
        )
        context.progress.say(f"  {chosen} on {fitted.facts['folds']} folds of the training side, {by[fitted.facts['held_out']]}")
    return fitted


def _predict(
    fitted: Classical, classifier: Classifier | None, context: results.Context, split: SplitResult, kind: Kind, plain: Joined
) -> np.ndarray:
    """Probabilities for every view of every labelled image that stands on a side, float32 (n, views, classes); else 0."""
    places = np.flatnonzero((split.rows["split"] != "unused").to_numpy())
    single = isinstance(kind, Plain)
    joined = plain if single else _join(classifier, context, places, kind)
    items = places if single else np.arange(len(joined))
    found = np.empty((len(items), fitted.classes), np.float32)
    with context.progress.stage("predicting", len(items), "images") as advance:
        for begin in range(0, len(items), _BLOCK):
            block = items[begin : begin + _BLOCK]
            found[begin : begin + len(block)] = fitted.probabilities(joined.table(block))
            advance(len(block))
    outputs = np.zeros((len(split.rows), kind.count, fitted.classes), np.float32)
    outputs[places] = found.reshape(len(places), kind.count, -1)
    return outputs


def _history(frame: pd.DataFrame, classes: tuple[str, ...]) -> dict[str, float]:
    """Loss and accuracy of the finished classifier, by side; the names are those of a trained network's epochs."""
    row: dict[str, float] = {"epoch": 1}
    for side, prefix in (("train", ""), ("validation", "val_")):
        part = frame[frame["split"] == side]
        if len(part):
            chances = part[probability_columns(classes)].to_numpy()
            true = chances[np.arange(len(part)), [classes.index(name) for name in part["true"]]]
            row[f"{prefix}loss"] = float(-np.log(np.maximum(true, _SMALLEST)).mean())
            row[f"{prefix}accuracy"] = float((part["true"] == part["predicted"]).mean())
    return row


def _card(context: results.Context, fitted: Classical, kind: Kind) -> ClassicalCard:
    recipe = context.recipe
    return ClassicalCard(
        head=str(recipe.model.head),
        features=recipe.model.features,
        backbone=context.parts.backbone.name if recipe.model.features != "hand" else None,
        preparation=context.materials.pictures.preparation,
        rescale=recipe.images.rescale,
        classes=context.table.classes,
        positive=context.table.positive,
        mixed_precision=recipe.training.mixed_precision,
        views=kind,
        chosen=fitted.facts,
        engine=context.materials.recipe.model.engine,
        features_dtype=context.recipe.model.features_dtype,
    )
