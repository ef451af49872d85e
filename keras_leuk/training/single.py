"""One network on one split: build, extract or feed, fit, predict, write. The middle of every run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_leuk.data.splits import SplitResult
from keras_leuk.devices.start import start, strategy
from keras_leuk.images.pipeline import Feed, flips
from keras_leuk.models import heads
from keras_leuk.models.assembly import Classifier, build, needs_statistics, standardize
from keras_leuk.runs.folder import RunFolder
from keras_leuk.training import features, results
from keras_leuk.training.checkpoint import Checkpoint
from keras_leuk.training.fit import compile_model, fit
from keras_leuk.training.forward import Forward
from keras_leuk.training.predictor import ModelCard
from keras_leuk.training.preflight import sample_weights


@dataclass(frozen=True)
class Inputs:
    """What the trained part of the network eats: stored features (frozen backbone) or cached pictures.

    Attributes:
        rows: memory map.
        index: int64 (n,), the row of each labelled image.
        computed: images that passed the frozen backbone now; None where it is trained.
    """

    rows: np.ndarray
    index: np.ndarray
    computed: int | None


def train_side(run: RunFolder, context: results.Context, split: SplitResult, begin: Callable[[], None]) -> dict[str, Any]:
    """Trains on one split and leaves a finished run folder.

    Args:
        begin: called once the network stands, before anything is written.

    Returns:
        The content of metrics.json.
    """
    recipe, progress = context.recipe, context.progress
    progress.say(f"device: {start()['device']}")
    placement = strategy()
    classifier = _build(context, placement)
    begin()
    results.write_start(run, context, split)
    trained = classifier.head if _frozen(context) else classifier.model
    with placement.scope():
        compile_model(trained, recipe.training)
    inputs = _inputs(classifier, context)
    if needs_statistics(context.parts.head):
        standardize(classifier, *features.statistics(inputs.rows, inputs.index[_places(split, "train")]))
    checkpoint = Checkpoint(run.checkpoint, run.recipe.read_text(encoding="utf-8"))
    fitted = fit(
        trained,
        _feed(context, inputs, split, "train"),
        {name: _feed(context, inputs, split, side) for name, side in _watched(context, split).items()},
        training=recipe.training,
        seed=recipe.seed,
        checkpoint=checkpoint,
        progress=progress,
        checkpoint_seconds=context.checkpoint_seconds,
    )
    metrics = results.write_results(
        run, context, split, fitted, card(context), classifier, _predict(trained, inputs, split, context)
    )
    results.write_timing(run, context, fitted, inputs.computed)
    checkpoint.remove()
    results.finish(run, metrics, fitted)
    return metrics


def card(context: results.Context) -> ModelCard:
    """What `predict` needs to rebuild the model."""
    return ModelCard(
        backbone=context.parts.backbone.name,
        head=context.parts.head,
        size=context.parts.size,
        interpolation=context.recipe.images.interpolation,
        classes=context.table.classes,
        positive=context.table.positive,
        frozen=_frozen(context),
        mixed_precision=context.recipe.training.mixed_precision,
    )


def _frozen(context: results.Context) -> bool:
    return context.recipe.model.fine_tune == "none"


def _build(context: results.Context, placement: Any = None) -> Classifier:
    return build(
        context.parts.backbone,
        context.parts.head,
        size=context.parts.size,
        classes=len(context.table.classes),
        seed=context.recipe.seed,
        weights=context.materials.weights,
        fine_tune=context.recipe.model.fine_tune,
        mixed_precision=context.recipe.training.mixed_precision,
        placement=placement,
    )


def _inputs(classifier: Classifier, context: results.Context) -> Inputs:
    pictures = context.materials.pictures
    if not _frozen(context):
        return Inputs(pictures.store.rows(), pictures.row_numbers(), None)
    found = features.extract(
        classifier,
        pictures,
        backbone=context.parts.backbone,
        weights=context.materials.weights,
        pooling=context.parts.head.pooling,
        mixed_precision=context.recipe.training.mixed_precision,
        cache=context.cache,
        progress=context.progress,
    )
    before = len(set(pictures.pixels)) - found.computed
    context.progress.say(f"features: {found.computed} images passed the backbone now, {before} had before ({found.store.path})")
    return Inputs(found.store.rows(), found.index, found.computed)


def _places(split: SplitResult, side: str) -> np.ndarray:
    """Where a side's images stand in the table of labelled images."""
    return np.flatnonzero((split.rows["split"] == side).to_numpy())


def _watched(context: results.Context, split: SplitResult) -> dict[Any, str]:
    sides = {"val": "validation"} if (split.rows["split"] == "validation").any() else {}
    return sides | ({"test": "test"} if context.recipe.training.monitor == "test" else {})


def _feed(context: results.Context, inputs: Inputs, split: SplitResult, side: str) -> Feed:
    recipe, table = context.recipe, context.table
    places = _places(split, side)
    labels = np.array([table.classes.index(name) for name in split.rows["label"].iloc[places]], np.int64)
    positive = table.classes.index(table.positive) if table.positive else None
    training = side == "train"
    return Feed(
        inputs.rows,
        inputs.index[places],
        heads.targets(labels, context.parts.head.output, len(table.classes), positive),
        weights=sample_weights(recipe, labels, table.classes) if training else None,
        batch_size=recipe.training.batch_size,
        shuffle_seed=recipe.seed if training else None,
        transform=flips(
            len(places),
            recipe.seed,
            horizontal=recipe.training.augment.horizontal_flip,
            vertical=recipe.training.augment.vertical_flip,
        )
        if training
        else None,
    )


def _predict(trained: Any, inputs: Inputs, split: SplitResult, context: results.Context) -> np.ndarray:
    """Raw outputs for every labelled image that stands on a side, float32; rows of unused images stay 0."""
    places = np.flatnonzero((split.rows["split"] != "unused").to_numpy())
    forward = Forward(trained, inputs.rows.dtype)
    outputs = np.zeros((len(split.rows), *forward.output_shape), np.float32)
    outputs[places] = forward.all(inputs.rows, inputs.index[places], context.progress)
    return outputs
