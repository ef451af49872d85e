"""One network on one split: build, extract or feed, fit, predict, write. The middle of every run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from keras_leuk.data.splits import SplitResult
from keras_leuk.devices.start import start, strategy
from keras_leuk.images.pipeline import Augmenter, Feed
from keras_leuk.images.views import Dihedral, Drawn, Kind, Plain, Views, views_of
from keras_leuk.models import heads
from keras_leuk.models.assembly import Classifier, needs_statistics, rate_factors, set_trainable, standardize
from keras_leuk.recipe import Recipe
from keras_leuk.recipe.training import LearningRate
from keras_leuk.runs.folder import RunFolder
from keras_leuk.store.arrays import StoredRows
from keras_leuk.training import features, results
from keras_leuk.training.checkpoint import Checkpoint
from keras_leuk.training.classical import train_classical
from keras_leuk.training.fit import Fit, Phase, fit, phases
from keras_leuk.training.forward import Forward
from keras_leuk.training.network import batch_norm, build_network, features_of_sides, stored_features
from keras_leuk.training.optimizers import Span
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
    if heads.classical(recipe.model.head) is not None:
        return train_classical(run, context, split, begin, views_at_test_time(recipe))
    stage = context.stopwatch.stage
    with stage("starting"):
        progress.say(f"device: {start()['device']}")
        placement = strategy()
        classifier = build_network(context, placement)
    with stage("writing"):
        begin()
        results.write_start(run, context, split)
    checkpoint = Checkpoint(run.checkpoint, run.recipe.read_text(encoding="utf-8"))
    course = prepare(classifier, context, split, placement)
    fitted = course.fit(checkpoint, context)
    metrics = course.write(run, context, fitted)
    checkpoint.remove()
    results.finish(run, metrics, fitted)
    return metrics


@dataclass(frozen=True)
class Course:
    """A network with everything that its training and its judgement need, on one split.

    Attributes:
        trained: the part of the network that learns: the head on stored features, or all of it.
        predict: raw outputs of the network as it stands; see `_predictor`.
    """

    classifier: Classifier
    trained: Any
    split: SplitResult
    inputs: Inputs
    train: Feed
    watched: dict[Any, Feed]
    plan: list[Phase]
    predict: Callable[[], np.ndarray]

    def fit(
        self,
        checkpoint: Checkpoint,
        context: results.Context,
        budgets: Sequence[int] = (),
        reached: Callable[[int, Fit], None] | None = None,
    ) -> Fit:
        """Trains; `budgets` and `reached` as in `training.fit.fit`."""
        return fit(
            self.trained,
            self.train,
            self.watched,
            training=context.recipe.training,
            seed=context.recipe.seed,
            checkpoint=checkpoint,
            progress=context.progress,
            plan=self.plan,
            checkpoint_seconds=context.checkpoint_seconds,
            budgets=budgets,
            reached=reached,
            stopwatch=context.stopwatch,
        )

    def write(self, run: RunFolder, context: results.Context, fitted: Fit) -> dict[str, Any]:
        """Writes what the network, as it stands, makes of every image; the content of metrics.json."""
        stage = context.stopwatch.stage
        with stage("predicting"):
            outputs = self.predict()
        with stage("writing"):
            metrics = results.write_results(run, context, self.split, fitted, card(context), self.classifier, outputs)
        results.write_timing(run, context, fitted, self.inputs.computed)
        return metrics


def prepare(classifier: Classifier, context: results.Context, split: SplitResult, placement: Any = None) -> Course:
    """Extracts what a frozen backbone leaves, and lays out the training of a network that stands."""
    with context.stopwatch.stage("extraction" if _frozen(context) else "starting"):
        inputs = _inputs(classifier, context, split)
        predict = _predictor(classifier, inputs, split, context)
    train = _feed(context, inputs, split, "train")
    return Course(
        classifier,
        classifier.head if _frozen(context) else classifier.model,
        split,
        inputs,
        train,
        {name: _feed(context, inputs, split, side) for name, side in _watched(context, split).items()},
        _plan(classifier, context, train.steps, placement),
        predict,
    )


def ready(context: results.Context, split: SplitResult) -> tuple[Any, Feed, Phase]:
    """The network as a training would begin with it, its training side, and how it is trained in the end."""
    placement = strategy()
    course = prepare(build_network(context, placement), context, split, placement)
    return course.trained, course.train, course.plan[-1]


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
        engine=context.materials.recipe.model.engine,
        features_dtype=context.recipe.model.features_dtype,
    )


def _frozen(context: results.Context) -> bool:
    return context.recipe.model.fine_tune == "none"


def _plan(classifier: Classifier, context: results.Context, steps: int, placement: Any) -> list[Phase]:
    """One phase; or the head first, then the backbone, too."""
    recipe, training = context.recipe, context.recipe.training
    if _frozen(context):
        return phases(training, steps, placement=placement)
    rate = training.learning_rate
    tuned = {
        "factors": rate_factors(classifier, rate.backbone_factor, rate.block_decay),
        "enter": partial(set_trainable, classifier, recipe.model.fine_tune, batch_norm(context)),
        "placement": placement,
    }
    first = training.head_first
    if first is None:
        return phases(training, steps, **tuned)
    alone = partial(set_trainable, classifier, "none")
    begin, end = (Span(steps, epochs, training.accumulation_steps) for epochs in (first.epochs, training.epochs - first.epochs))
    head = Phase(first.epochs, LearningRate(initial=first.learning_rate), begin, None, alone, placement, settled=False)
    return [head, Phase(training.epochs, rate, end, **tuned)]


def _inputs(classifier: Classifier, context: results.Context, split: SplitResult) -> Inputs:
    """What is trained on; a ``standardize`` layer of the head learns its statistics from it here."""
    pictures, augment = context.materials.pictures, context.recipe.training.augment
    if not _frozen(context):
        return Inputs(pictures.store.rows(), pictures.row_numbers(), None)
    used = (split.rows["split"] != "unused").to_numpy()
    found, training = features_of_sides(classifier, context, used), _places(split, "train")
    before = len({pictures.pixels[place] for place in np.flatnonzero(used)}) - found.computed
    context.progress.say(f"features: {found.computed} images passed the backbone now, {before} had before ({found.store.path})")
    if needs_statistics(context.parts.head):
        standardize(classifier, *features.statistics(found.store.rows(), found.index[training]))
    if augment.views is None:
        return Inputs(found.store.rows(), found.index, found.computed)
    seen = stored_features(classifier, context, training, Drawn(augment, context.recipe.seed, augment.views))
    context.progress.say(
        f"  {augment.views} fixed augmented views of each of {len(seen.index)} training images, {seen.computed} computed now"
    )
    return Inputs(seen.store.rows(), found.index, found.computed + seen.computed, seen.index.T)


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


def _predictor(classifier: Classifier, inputs: Inputs, split: SplitResult, context: results.Context) -> Callable[[], np.ndarray]:
    """Predicts with the network as it stands when called: raw outputs for every view of every labelled image that stands on a
    side, float32 (n, views, units); images that stand on no side stay 0. The forward pass is compiled once."""
    places = np.flatnonzero((split.rows["split"] != "unused").to_numpy())
    kind = views_at_test_time(context.recipe)
    shown: Views | StoredRows = inputs.rows
    items = inputs.index[places]
    if _frozen(context) and not isinstance(kind, Plain):
        found = stored_features(classifier, context, places, kind)
        shown, items = found.store.rows(), found.index
    elif not isinstance(kind, Plain):
        shown = views_of(context.materials.pictures, kind, places)
        items = np.arange(len(shown))
    forward = Forward(classifier.head if _frozen(context) else classifier.model, shown.dtype)

    def predict() -> np.ndarray:
        outputs = np.zeros((len(split.rows), kind.count, *forward.output_shape), np.float32)
        outputs[places] = forward.all(shown, items.ravel(), context.progress).reshape(len(places), kind.count, -1)
        return outputs

    return predict
