"""The network of a run and the features that its frozen backbone leaves, from what the run is made of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from keras_leuk.images.views import Kind
from keras_leuk.models.assembly import Classifier, build
from keras_leuk.training import features, results


def build_network(context: results.Context, placement: Any = None) -> Classifier:
    """The network that the recipe describes, with its first weights.

    Args:
        placement: see `models.assembly.build`.
    """
    return build(
        context.parts.backbone,
        context.parts.head,
        size=context.parts.size,
        classes=len(context.table.classes),
        seed=context.recipe.seed,
        weights=context.materials.weights,
        fine_tune=context.recipe.model.fine_tune,
        batch_norm=batch_norm(context),
        mixed_precision=context.recipe.training.mixed_precision,
        rescale=context.recipe.images.rescale,
        placement=placement,
    )


def features_of_sides(classifier: Classifier, context: results.Context, used: np.ndarray) -> features.Features:
    """Features of the pictures that stand on a side; the others need none.

    Args:
        used: bool (n,), for each picture of the run.

    Returns:
        An index of all pictures; where it is asked for a picture that stands on no side, reading raises an IndexError.
    """
    found = stored_features(classifier, context, np.flatnonzero(used))
    index = np.full(len(used), np.iinfo(np.int64).max)
    index[used] = found.index
    return replace(found, index=index)


def batch_norm(context: results.Context) -> str:
    """What becomes of the batch normalisation of a fine-tuned backbone: random weights have no statistics worth keeping."""
    chosen = context.recipe.model.batch_norm
    if chosen != "auto":
        return chosen
    return "train" if context.materials.weights.kind == "random" else "inference"


def stored_features(
    classifier: Classifier, context: results.Context, places: np.ndarray | None = None, kind: Kind | None = None
) -> features.Features:
    """Features of the run's pictures, or of views of some; see `training.features.extract`."""
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
        # Of the materials, where `auto` has become an engine.
        engine=context.materials.recipe.model.engine,
        dtype=context.materials.recipe.model.features_dtype,
    )
