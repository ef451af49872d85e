"""Training in itself, on a small head and made-up features."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_head import ROWS, TARGETS, small_head

from keras_leuk.errors import LeukError, RunError
from keras_leuk.images.pipeline import Feed
from keras_leuk.progress import Progress
from keras_leuk.recipe.loading import validate
from keras_leuk.training.checkpoint import Checkpoint
from keras_leuk.training.fit import Fit, fit


def _feed(places: np.ndarray, *, shuffle: bool = False) -> Feed:
    return Feed(ROWS, places, TARGETS[places], batch_size=16, shuffle_seed=0 if shuffle else None)


def _fit(
    folder: Path | None = None,
    *,
    epochs: int = 6,
    listener: Progress | None = None,
    budgets: Sequence[int] = (),
    reached: Callable[[int, Any, Fit], None] | None = None,
    **settings: Any,
) -> tuple[Any, Fit]:
    training = validate({"training": {"epochs": epochs, "learning_rate": 0.01, **settings}}).training
    model = small_head()
    places = np.arange(90)
    result = fit(
        model,
        _feed(places[:60], shuffle=True),
        {"val": _feed(places[60:])},
        training=training,
        seed=0,
        checkpoint=Checkpoint(folder, "recipe") if folder else None,
        progress=listener or Progress(),
        checkpoint_seconds=0,
        budgets=budgets,
        reached=(lambda budget, fitted: reached(budget, model, fitted)) if reached else None,
    )
    return model, result


class Stop(Progress):
    """Interrupts training after some epochs, as Ctrl-C would."""

    def __init__(self, after: int):
        self.left = after

    def stage(self, name: str, total: int, unit: str, start: int = 0):
        from contextlib import contextmanager

        @contextmanager
        def stage():
            def advance(n: int = 1, **facts: float) -> None:
                self.left -= n
                if self.left < 0:
                    raise KeyboardInterrupt

            yield advance

        return stage()


def test_two_trainings_are_equal() -> None:
    (first, a), (second, b) = _fit(), _fit()
    assert a.history == b.history
    assert all((x == y).all() for x, y in zip(first.get_weights(), second.get_weights(), strict=True))
    assert [row["epoch"] for row in a.history] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    "optimizer",
    [
        "adam",
        {"name": "sgd", "momentum": 0.9},
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("rmsprop", "adamax", "adamw")),
    ],
)
def test_an_interrupted_training_ends_like_an_undisturbed_one(optimizer: object, tmp_path: Path) -> None:
    settings = {"optimizer": optimizer, "early_stopping": {"patience": 6}, "epochs": 8}
    undisturbed, expected = _fit(**settings)
    for after in (0, 2, 1):
        with pytest.raises(KeyboardInterrupt):
            _fit(tmp_path / "c", listener=Stop(after), **settings)
    resumed, found = _fit(tmp_path / "c", **settings)
    assert found.history == expected.history
    assert (found.best_epoch, found.stopped_early) == (expected.best_epoch, expected.stopped_early)
    for x, y in zip(undisturbed.get_weights(), resumed.get_weights(), strict=True):
        assert (x == y).all()


PATHS: list[dict[str, Any]] = [
    {"early_stopping": {"patience": 2}},
    {"early_stopping": {"patience": 2, "restore_best": False}, "optimizer": "rmsprop"},
    {"early_stopping": {"enabled": False}, "optimizer": {"name": "adam", "ema": 0.9}},
    {"early_stopping": {"patience": 3}, "learning_rate": {"initial": 0.05, "plateau": {"patience": 1}}},
    {"learning_rate": {"initial": 0.02, "schedule": "exponential", "decay_rate": 0.5, "decay_steps": 8}},
]


@pytest.mark.parametrize(
    "settings", [pytest.param(path, marks=[pytest.mark.slow] * (place in (1, 3, 4))) for place, path in enumerate(PATHS)]
)
def test_each_budget_on_a_path_is_a_training_of_its_own(settings: dict[str, Any], tmp_path: Path) -> None:
    """Interrupted on the way, too: what was reached before is what is asked for no more."""
    seen: dict[int, tuple[list[np.ndarray], Fit]] = {}

    def keep(budget: int, model: Any, fitted: Fit) -> None:
        assert budget not in seen
        seen[budget] = ([value.copy() for value in model.get_weights()], fitted)

    with pytest.raises(KeyboardInterrupt):
        _fit(tmp_path / "c", epochs=6, budgets=[1, 4, 6], reached=keep, listener=Stop(2), **settings)
    left = [budget for budget in (1, 4, 6) if budget not in seen]
    _fit(tmp_path / "c", epochs=6, budgets=left, reached=keep, **settings)
    assert sorted(seen) == [1, 4, 6]
    for budget, (weights, fitted) in seen.items():
        alone, expected = _fit(epochs=budget, **settings)
        assert (fitted.history, fitted.best_epoch) == (expected.history, expected.best_epoch)
        assert fitted.stopped_early == expected.stopped_early
        assert all((a == b).all() for a, b in zip(weights, alone.get_weights(), strict=True))


def test_a_longer_path_goes_on_where_a_shorter_one_ended(tmp_path: Path) -> None:
    epochs: list[int] = []

    class Counted(Progress):
        @contextmanager
        def stage(self, name: str, total: int, unit: str, start: int = 0) -> Iterator[Any]:
            epochs.append(total - start)
            yield lambda n=1, **facts: None

    seen: list[int] = []
    settings: dict[str, Any] = {"early_stopping": {"enabled": False}, "listener": Counted()}
    _fit(tmp_path / "c", epochs=4, budgets=[4], reached=lambda budget, *_: seen.append(budget), **settings)
    _, long = _fit(tmp_path / "c", epochs=7, budgets=[4, 7], reached=lambda budget, *_: seen.append(budget), **settings)
    assert epochs == [4, 3]
    assert seen == [4, 4, 7]
    assert long.history == _fit(epochs=7, early_stopping={"enabled": False})[1].history


def test_best_weights_are_those_of_the_best_epoch() -> None:
    model, result = _fit(epochs=30, early_stopping={"patience": 3})
    losses = [row["val_loss"] for row in result.history]
    assert result.best_epoch == 1 + int(np.argmin(losses))
    assert len(result.history) == min(30, result.best_epoch + 3)
    loss = model.evaluate(_feed(np.arange(60, 90)).dataset(), verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(min(losses), rel=1e-6)


def test_without_early_stopping_the_last_epoch_counts() -> None:
    _, result = _fit(epochs=5, early_stopping={"enabled": False})
    assert (result.best_epoch, len(result.history), result.stopped_early) == (5, 5, False)


def test_a_longer_training_begins_like_a_shorter_one() -> None:
    _, short = _fit(epochs=3, early_stopping={"enabled": False})
    _, long = _fit(epochs=6, early_stopping={"enabled": False})
    assert long.history[:3] == short.history


def test_learning_rate_in_history_is_the_schedules(tmp_path: Path) -> None:
    rate = {"initial": 0.01, "schedule": "exponential", "decay_steps": 4, "decay_rate": 0.5}
    _, result = _fit(epochs=3, learning_rate=rate)
    assert [row["learning_rate"] for row in result.history] == [0.005, 0.0025, 0.00125]


def test_an_infinite_loss_is_one_line() -> None:
    with pytest.raises(LeukError, match=r"epoch \d+, batch \d+; try a lower --learning-rate"):
        _fit(optimizer="sgd", learning_rate=1e30, epochs=20)


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path) -> None:
    _fit(tmp_path / "c")
    with pytest.raises(RunError, match="another recipe"):
        Checkpoint(tmp_path / "c", "other").load()


def test_a_checkpoint_of_other_arithmetic_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fit(tmp_path / "c")
    assert Checkpoint(tmp_path / "c", "recipe").load() is not None
    monkeypatch.setattr("keras_leuk.training.checkpoint.ARITHMETIC", 1)
    with pytest.raises(RunError, match="of a version that trains otherwise; start afresh with --overwrite"):
        Checkpoint(tmp_path / "c", "recipe").load()


def test_a_damaged_checkpoint_is_one_line(tmp_path: Path) -> None:
    _fit(tmp_path / "c")
    state = tmp_path / "c" / "state.npz"
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(RunError, match="cannot be read"):
        Checkpoint(tmp_path / "c", "recipe").load()


def test_order_depends_on_seed_and_epoch_alone() -> None:
    feed = _feed(np.arange(60), shuffle=True)
    assert (feed.order(3)[0] == _feed(np.arange(60), shuffle=True).order(3)[0]).all()
    assert not (feed.order(3)[0] == feed.order(4)[0]).all()
    assert sorted(feed.order(3)[0]) == list(range(60))


def test_a_feed_serves_every_row_once_with_its_target() -> None:
    feed = _feed(np.arange(30, 90), shuffle=True)
    feed.epoch = 2
    rows, targets = (np.concatenate(parts) for parts in zip(*feed.dataset().as_numpy_iterator(), strict=True))
    places = 30 + feed.order(2)[0]
    assert (rows == ROWS[places]).all()
    assert (targets == TARGETS[places]).all()
