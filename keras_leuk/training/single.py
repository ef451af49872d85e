"""One network on one split: build, extract or feed, fit, predict, write. The middle of every run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_leuk.data.splits import SplitResult
from keras_leuk.devices.start import start, strategy
from keras_leuk.images.pipeline import Augmenter, Feed
from keras_leuk.images.views import Dihedral, Drawn, Kind, Plain, Views
from keras_leuk.models import heads
from keras_leuk.models.assembly import Classifier, build, needs_statistics, standardize
from keras_leuk.recipe import Recipe
from keras_leuk.runs.folder import RunFolder
from keras_leuk.store.arrays import StoredRows
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
        rows: store.
        index: int64 (n,), the row of each labelled image.
        computed: images and views that passed the frozen backbone now; None where it is trained.
        views: int64 (views, training images), the rows of the augmented views that a frozen backbone trains on, if any.
    """

    rows: StoredRows
    index: np.ndarray
    computed: int | None
    views: np.ndarray | None = None


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
    inputs = _inputs(classifier, context, split)
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
        run, context, split, fitted, card(context), classifier, _predict(classifier, inputs, split, context)
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
        preparation=context.materials.pictures.preparation,
        rescale=context.recipe.images.rescale,
        classes=context.table.classes,
        positive=context.table.positive,
        frozen=_frozen(context),
        mixed_precision=context.recipe.training.mixed_precision,
        views=views_at_test_time(context.recipe),
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
        rescale=context.recipe.images.rescale,
        placement=placement,
    )


def _inputs(classifier: Classifier, context: results.Context, split: SplitResult) -> Inputs:
    pictures, augment = context.materials.pictures, context.recipe.training.augment
    if not _frozen(context):
        return Inputs(pictures.store.rows(), pictures.row_numbers(), None)
    found = _extract(classifier, context)
    before = len(set(pictures.pixels)) - found.computed
    context.progress.say(f"features: {found.computed} images passed the backbone now, {before} had before ({found.store.path})")
    if augment.views is None:
        return Inputs(found.store.rows(), found.index, found.computed)
    kind = Drawn(augment, context.recipe.seed, augment.views)
    seen = _extract(classifier, context, _places(split, "train"), kind)
    context.progress.say(
        f"  {augment.views} fixed augmented views of each of {len(seen.index)} training images, {seen.computed} computed now"
    )
    return Inputs(seen.store.rows(), found.index, found.computed + seen.computed, seen.index.T)


def _extract(
    classifier: Classifier, context: results.Context, places: np.ndarray | None = None, kind: Kind | None = None
) -> features.Features:
    return features.extract(
        classifier,
        context.materials.pictures,
        backbone=context.parts.backbone,
        weights=context.materials.weights,
        pooling=context.parts.head.pooling,
        mixed_precision=context.recipe.training.mixed_precision,
        rescale=context.recipe.images.rescale,
        cache=context.cache,
        progress=context.progress,
        places=places,
        kind=kind,
    )


def _places(split: SplitResult, side: str) -> np.ndarray:
    """Where a side's images stand in the table of labelled images."""
    return np.flatnonzero((split.rows["split"] == side).to_numpy())


def _watched(context: results.Context, split: SplitResult) -> dict[Any, str]:
    sides = {"val": "validation"} if (split.rows["split"] == "validation").any() else {}
    return sides | ({"test": "test"} if context.recipe.training.monitor == "test" else {})


def _feed(context: results.Context, inputs: Inputs, split: SplitResult, side: str) -> Feed:
    """Batches of one side. Only the training side is shuffled, balanced and augmented."""
    recipe, table = context.recipe, context.table
    places = _places(split, side)
    labels = np.array([table.classes.index(name) for name in split.rows["label"].iloc[places]], np.int64)
    positive = table.classes.index(table.positive) if table.positive else None
    targets = heads.targets(labels, context.parts.head.output, len(table.classes), positive)
    if side != "train":
        return Feed(inputs.rows, inputs.index[places], targets, batch_size=recipe.training.batch_size)
    return Feed(
        inputs.rows,
        inputs.index[places] if inputs.views is None else inputs.views,
        targets,
        weights=sample_weights(recipe, labels, table.classes),
        batch_size=recipe.training.batch_size,
        shuffle_seed=recipe.seed,
        oversample=labels if recipe.training.balance == "oversample" else None,
        augmenter=_augmenter(context, inputs, places),
    )


def _augmenter(context: results.Context, inputs: Inputs, places: np.ndarray) -> Augmenter | None:
    augment = context.recipe.training.augment
    if not augment.operations or _frozen(context):
        return None
    keys = context.materials.pictures.pixels
    return Augmenter(augment, context.recipe.seed, [keys[place] for place in places], inputs.rows.shape[1:])


def views_at_test_time(recipe: Recipe) -> Kind:
    """The views over which probabilities are averaged; the picture itself, unless the recipe asks for more."""
    wanted = recipe.evaluation.test_time_augmentation
    if wanted == "none":
        return Plain()
    return Dihedral() if wanted == "dihedral" else Drawn(recipe.training.augment, recipe.seed, wanted)


def _predict(classifier: Classifier, inputs: Inputs, split: SplitResult, context: results.Context) -> np.ndarray:
    """Raw outputs for every view of every labelled image that stands on a side, float32 (n, views, units); images that stand on
    no side stay 0."""
    places = np.flatnonzero((split.rows["split"] != "unused").to_numpy())
    kind, pixels = views_at_test_time(context.recipe), context.materials.pictures.pixels
    shown: Views | StoredRows = inputs.rows
    items = inputs.index[places]
    if _frozen(context) and not isinstance(kind, Plain):
        found = _extract(classifier, context, places, kind)
        shown, items = found.store.rows(), found.index
    elif not isinstance(kind, Plain):
        shown = Views(inputs.rows, items, [pixels[place] for place in places], kind)
        items = np.arange(len(shown))
    forward = Forward(classifier.head if _frozen(context) else classifier.model, shown.dtype)
    outputs = np.zeros((len(split.rows), kind.count, *forward.output_shape), np.float32)
    outputs[places] = forward.all(shown, items.ravel(), context.progress).reshape(len(places), kind.count, -1)
    return outputs
