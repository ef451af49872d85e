"""Training regimes by what they do: which variables move, by how much, and when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from keras_leuk.devices.start import start
from keras_leuk.errors import RecipeError
from keras_leuk.images.pipeline import Feed
from keras_leuk.models.assembly import Classifier, build, rate_factors, set_trainable
from keras_leuk.models.backbones import find
from keras_leuk.models.weights import resolve
from keras_leuk.progress import Progress
from keras_leuk.recipe.loading import validate
from keras_leuk.recipe.model import Head
from keras_leuk.training.fit import Fit, Phase, fit, phases
from keras_leuk.training.optimizers import Span
from keras_leuk.training.preflight import check
from keras_leuk.training.run import train

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (16, 32, 32, 3), np.uint8)
TARGETS = np.eye(2, dtype=np.float32)[RNG.integers(0, 2, 16)]


def network(backbone: str = "vgg16", **settings: Any) -> Classifier:
    found = find(backbone)
    return build(found, Head(), size=32, classes=2, seed=0, weights=resolve("random", found, seed=0), **settings)


def trained(model: Any, epochs: int = 1, batch: int = 16, plan: Any = None, **settings: Any) -> Fit:
    given = {"optimizer": {"name": "sgd"}, "learning_rate": 0.1, "epochs": epochs, "batch_size": batch}
    training = validate({"training": {**given, **settings}}).training
    rows, targets = (PICTURES, TARGETS) if len(model.input.shape) == 4 else (FEATURES, TARGETS)
    feed = Feed(rows, np.arange(16), targets, batch_size=batch)
    plan = plan(training, feed.steps) if plan else phases(training, feed.steps)
    return fit(model, feed, {}, training=training, seed=0, checkpoint=None, progress=Progress(), plan=plan)


def values(layers: Any) -> dict[str, np.ndarray]:
    return {variable.path: variable.numpy().copy() for layer in layers for variable in layer.variables}


def moved(before: dict[str, np.ndarray], layers: Any) -> set[str]:
    return {path for path, value in values(layers).items() if not np.array_equal(value, before[path])}


@pytest.mark.parametrize(
    ("fine_tune", "expected"),
    [("blocks:1", "block5_"), ("from:block4_conv2", ("block4_conv2", "block4_conv3", "block5_")), (2, "block5_conv3")],
)
def test_only_the_named_layers_move(fine_tune: Any, expected: Any) -> None:
    classifier = network(fine_tune=fine_tune)
    before = values(classifier.backbone_layers)
    trained(classifier.model)
    changed = moved(before, classifier.backbone_layers)
    assert changed == {path for path in before if path.startswith(expected)}
    assert changed


@pytest.mark.parametrize("batch_norm", ["inference", "train"])
def test_batch_normalisation_stays_in_inference_mode_after_unfreezing_and_recompiling(batch_norm: str) -> None:
    classifier = network("mobilenet", fine_tune="none")
    import keras

    norms = [layer for layer in classifier.backbone_layers if isinstance(layer, keras.layers.BatchNormalization)]
    others = [layer for layer in classifier.backbone_layers if layer not in norms and layer.variables]
    for layer in norms:
        # Signals of a random network that nothing normalises die away, and with them every gradient.
        layer.moving_variance.assign(np.full(layer.moving_variance.shape, 0.1, np.float32))
    before = values([*norms, *others])
    trained(classifier.model)
    assert not moved(before, [*norms, *others])
    set_trainable(classifier, "all", batch_norm)
    trained(classifier.model)
    assert moved(before, others)
    changed = moved(before, norms)
    assert bool(changed) == (batch_norm == "train")
    if batch_norm == "train":
        assert any("moving_mean" in path for path in changed)


def test_the_optimizer_holds_state_for_what_is_trained() -> None:
    for fine_tune in ("none", "blocks:1", "all"):
        classifier = network(fine_tune=fine_tune)
        trained(classifier.model, optimizer={"name": "adam"})
        # Adam: a first and a second moment of each trained variable, besides step and rate.
        count = len(classifier.model.trainable_variables)
        assert len(classifier.model.optimizer.variables) == 2 + 2 * count


def test_the_head_alone_then_the_backbone_too() -> None:
    classifier = network(fine_tune="all")
    before = values(classifier.backbone_layers)
    seen: list[bool] = []

    def plan(training: Any, steps: int) -> list[Phase]:
        def enter(fine_tune: str) -> None:
            seen.append(bool(moved(before, classifier.backbone_layers)))
            set_trainable(classifier, fine_tune)

        first, then = training.learning_rate.model_copy(update={"initial": 0.5}), training.learning_rate
        head = Phase(2, first, Span(steps, 2), None, lambda: enter("none"), settled=False)
        return [head, Phase(3, then, Span(steps, 1), None, lambda: enter("all"))]

    found = trained(classifier.model, epochs=3, plan=plan, learning_rate=0.01)
    assert seen == [False, False]
    assert moved(before, classifier.backbone_layers)
    assert [row["learning_rate"] for row in found.history] == [0.5, 0.01, 0.01]


def test_blocks_learn_at_their_own_rates() -> None:
    """Under SGD a step is the rate times the gradient, so the steps' ratio is the ratio of the rates."""
    steps = {}
    for factor, decay in ((1.0, 1.0), (0.5, 0.5)):
        classifier = network(fine_tune="all")
        before = values(classifier.model.layers)
        factors = rate_factors(classifier, factor, decay)
        trained(classifier.model, plan=lambda training, steps, f=factors: phases(training, steps, factors=f))
        after = values(classifier.model.layers)
        steps[factor] = {path: after[path] - before[path] for path in before}
    expected = {"block5_conv3": 0.5, "block4_conv1": 0.25, "block2_conv1": 0.0625, "output": 1.0}
    for layer, ratio in expected.items():
        plain, slowed = (steps[factor][f"{layer}/kernel"] for factor in (1.0, 0.5))
        assert np.abs(plain).max() > 0
        # Steps are differences of float32 weights, whose last digit is as large as a ten thousandth of the smallest step.
        assert np.abs(slowed).sum() / np.abs(plain).sum() == pytest.approx(ratio, rel=0.02)


FEATURES = RNG.normal(size=(16, 12)).astype(np.float32)


def linear() -> Any:
    start()
    import keras

    keras.backend.clear_session()
    inputs = keras.Input((12,))
    layer = keras.layers.Dense(2, activation="softmax", kernel_initializer=keras.initializers.GlorotUniform(seed=1))
    return keras.Model(inputs, layer(inputs))


def kernel(model: Any) -> np.ndarray:
    return model.layers[-1].kernel.numpy().copy()


def test_accumulated_gradients_are_one_larger_batch() -> None:
    whole, parts = linear(), None
    trained(whole, batch=16)
    expected = kernel(whole)
    parts = linear()
    trained(parts, batch=4, accumulation_steps=4)
    np.testing.assert_allclose(kernel(parts), expected, atol=1e-6)


@pytest.mark.parametrize("limit", ["clip_norm", "clip_global_norm", "clip_value"])
def test_clipped_gradients_make_short_steps(limit: str) -> None:
    model = linear()
    before = kernel(model)
    trained(model, optimizer={"name": "sgd", limit: 1e-3}, learning_rate=1.0)
    step = kernel(model) - before
    size = np.abs(step).max() if limit == "clip_value" else np.linalg.norm(step)
    assert 1e-4 < size <= 1.001e-3


def test_what_is_kept_is_the_moving_average_and_training_goes_on_from_the_weights() -> None:
    momentum = 0.8
    trajectory = [kernel(linear())]
    for epochs in (1, 2, 3):
        model = linear()
        trained(model, epochs=epochs)
        trajectory.append(kernel(model))
    averaged = linear()
    trained(averaged, epochs=3, optimizer={"name": "sgd", "ema": momentum})
    expected = trajectory[1]  # Keras begins the average with the weights behind the first step
    for weights in trajectory[2:]:
        expected = momentum * expected + (1 - momentum) * weights
    np.testing.assert_allclose(kernel(averaged), expected, atol=1e-6)


def test_a_plateau_lowers_the_rate_and_no_further_than_asked(tiny_recipe, cache: Path, tmp_path: Path) -> None:
    plateau = {"factor": 0.1, "patience": 2, "min_delta": 10.0, "minimum": 1e-4}
    recipe = tiny_recipe(training__epochs=8, training__learning_rate={"initial": 0.01, "plateau": plateau})
    run = train(recipe, tmp_path / "r", cache=cache).run
    # Nothing improves by 10: the first epoch sets the mark, and every second epoch behind it lowers the rate.
    rates = pd.read_csv(run.history)["learning_rate"].tolist()
    assert rates == pytest.approx([0.01, 0.01, 1e-3, 1e-3, 1e-4, 1e-4, 1e-4, 1e-4])


def test_two_phases_in_a_run(tiny_recipe, cache: Path, tmp_path: Path) -> None:
    head_first = {"epochs": 2, "learning_rate": 0.01}
    rate = {"initial": 1e-4, "schedule": "cosine", "warmup_epochs": 1, "block_decay": 0.9}
    settings = {"training__epochs": 5, "training__head_first": head_first, "training__learning_rate": rate}
    recipe = tiny_recipe(model__backbone="vgg16", model__fine_tune="blocks:2", **settings)
    run = train(recipe, tmp_path / "r", cache=cache).run
    rates = pd.read_csv(run.history)["learning_rate"].tolist()
    assert rates[0] == pytest.approx(0.01)
    assert rates[1] < 1e-4
    assert max(rates[2:]) == pytest.approx(1e-4)
    assert rates[-1] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"training__head_first": {"epochs": 1}}, "head_first.*fine-tuned"),
        ({"training__learning_rate": {"block_decay": 0.5}}, "block_decay.*fine-tuned"),
        ({"training__learning_rate": {"backbone_factor": 0.5}}, "backbone_factor.*fine-tuned"),
        ({"model__batch_norm": "train"}, "batch_norm.*fine-tuned"),
    ],
)
def test_what_needs_a_fine_tuned_backbone_says_so(settings: dict[str, Any], message: str, tiny_recipe) -> None:
    with pytest.raises(RecipeError, match=message):
        check(tiny_recipe(**settings))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"head_first": {"epochs": 50}}, "leave none of 50"),
        ({"learning_rate": {"schedule": "cosine", "plateau": {}}}, "plateau lowers a constant rate"),
        ({"optimizer": {"name": "adam", "clip_norm": 1, "clip_value": 1}}, "one of clip_norm"),
    ],
)
def test_settings_that_exclude_each_other(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        validate({"training": settings})
