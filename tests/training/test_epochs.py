"""The same numbers as Keras' own loops, step by step."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from small_head import LABELS, ROWS, TARGETS, small_head

from keras_leuk.errors import LeukError
from keras_leuk.images.pipeline import Feed
from keras_leuk.progress import Progress
from keras_leuk.recipe.loading import validate
from keras_leuk.store.arrays import ArrayStore
from keras_leuk.training.epochs import Compiled, Replicated, Stepwise, epochs_of
from keras_leuk.training.fit import compile_model, phases


def _feeds(*, rows: Any = ROWS, weights: bool = False, oversample: bool = False) -> tuple[Feed, Feed]:
    """A training side of 58 items (the last batch has 10) and a watched one of 32 (the same)."""
    train = Feed(
        rows,
        np.arange(58),
        TARGETS[:58],
        weights=np.linspace(0.2, 2, 58, dtype=np.float32) if weights else None,
        batch_size=16,
        shuffle_seed=0,
        oversample=LABELS[:58] if oversample else None,
    )
    return train, Feed(rows, np.arange(58, 90), TARGETS[58:], batch_size=16)


def _course(way: type, settings: dict[str, Any], **feeds: Any) -> tuple[list[Any], list[np.ndarray]]:
    """Three epochs: metrics of both sides after each, and every variable in the end."""
    training = validate({"training": {"epochs": 3, "learning_rate": 0.01, **settings}}).training
    model, (train, val) = small_head(), _feeds(**feeds)
    compile_model(model, training, phases(training, train.steps)[0])
    epochs = way(model, train, {"val": val})
    seen: list[Any] = []
    for number in (1, 2, 3):
        found, raw = epochs.train(number, Progress())
        seen += [found, epochs.evaluate("val"), None if raw is None else [value.tolist() for value in raw]]
    return seen, [np.asarray(v) for v in (*model.variables, *model.optimizer.variables)]


WAYS: list[tuple[dict[str, Any], dict[str, Any], list[type]]] = [
    ({"optimizer": "adam"}, {}, [Compiled]),
    ({"optimizer": {"name": "sgd", "momentum": 0.9, "ema": 0.9}}, {"weights": True}, [Compiled, Stepwise]),
    ({"optimizer": "rmsprop", "learning_rate": {"initial": 0.02, "schedule": "exponential", "decay_steps": 3}}, {}, [Compiled]),
    ({"optimizer": "adamax", "accumulation_steps": 3}, {"oversample": True}, [Compiled, Stepwise]),
    ({"optimizer": {"name": "adamw", "clip_global_norm": 0.5}, "loss": "binary_crossentropy"}, {}, [Compiled]),
]


@pytest.mark.parametrize(("settings", "feeds", "ways"), WAYS)
def test_our_epochs_are_keras_own_to_the_bit(settings: dict[str, Any], feeds: dict[str, Any], ways: list[type]) -> None:
    """`Replicated` is `Model.fit` and `Model.evaluate`."""
    expected, variables = _course(Replicated, settings, **feeds)
    for way in ways:
        found, others = _course(way, settings, **feeds)
        assert found == expected
        assert all((a == b).all() for a, b in zip(variables, others, strict=True))


def test_a_side_that_is_read_in_pieces_is_trained_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of one batch, from a file, with every item of the smaller class shown several times."""
    store = ArrayStore(tmp_path, "features", {}, (12,), "float32")
    with store.appending() as append:
        append([f"{number:064x}" for number in range(90)], ROWS)
    expected, variables = _course(Compiled, {}, oversample=True)
    monkeypatch.setattr("keras_leuk.images.chunks.HELD_BYTES", 16 * 12 * 4 * 4)
    monkeypatch.setattr("keras_leuk.training.epochs.HEARD", 1)
    found, others = _course(Compiled, {}, oversample=True, rows=store.rows())
    assert found == expected
    assert all((a == b).all() for a, b in zip(variables, others, strict=True))


@pytest.mark.parametrize("way", [Compiled, Stepwise, Replicated])
def test_the_first_batch_without_a_number_is_named(way: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever piece it is in; later batches go on from it, but are not what went wrong."""
    monkeypatch.setattr("keras_leuk.images.chunks.HELD_BYTES", 16 * 12 * 4 * 4)
    training = validate({"training": {"epochs": 1}}).training
    model, (train, _) = small_head(), _feeds(weights=True)
    train.weights[train.order(1)[0][37]] = np.nan
    compile_model(model, training, phases(training, train.steps)[0])
    with pytest.raises(LeukError, match=r"the loss became nan in epoch 1, batch 3; try a lower --learning-rate"):
        way(model, train, {}).train(1, Progress())


@pytest.mark.parametrize("way", [Compiled, Stepwise, Replicated])
def test_the_user_is_heard_within_an_epoch(way: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keras_leuk.training.epochs.HEARD", 1)

    class Asked(Progress):
        looks = 0

        def check(self) -> None:
            self.looks += 1
            if self.looks == 2:
                raise KeyboardInterrupt

    training = validate({"training": {"epochs": 1, "optimizer": {"name": "sgd"}}}).training
    model, (train, _) = small_head(), _feeds()
    compile_model(model, training, phases(training, train.steps)[0])
    epochs = way(model, train, {})
    with pytest.raises(KeyboardInterrupt):
        epochs.train(1, Asked())
    # Two of four batches were trained on.
    assert int(model.optimizer.iterations.numpy()) == 2


def test_features_are_trained_on_in_compiled_loops_and_pictures_and_several_devices_are_not() -> None:
    training = validate({"training": {"epochs": 1}}).training
    model, (train, _) = small_head(), _feeds()
    compile_model(model, training, phases(training, train.steps)[0])
    assert isinstance(epochs_of(model, train, {}), Compiled)
    pictures = Feed(np.zeros((4, 12), np.uint8), np.arange(4), TARGETS[:4], batch_size=2)
    assert isinstance(epochs_of(model, pictures, {}), Stepwise)
    several = SimpleNamespace(distribute_strategy=SimpleNamespace(num_replicas_in_sync=2))
    assert isinstance(epochs_of(several, train, {}), Replicated)
