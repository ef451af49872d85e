"""An epoch of training steps, or of evaluation, with the loop over batches where it costs least.

- `Compiled`: the whole loop is TensorFlow's, chunk by chunk. On stored features a step takes less time than Python needs to ask
  for it: an epoch of a linear head is several times as fast as `Model.fit`.
- `Stepwise`: a compiled step for each batch, for pictures, which come a batch at a time. `Model.fit` would fetch the metrics of
  every step from the device before it begins the next one.
- `Replicated`: Keras' `Model.fit`, for several devices at once.

All call the model's own `train_step` and `test_step` on the same batches in the same order, so they lead to the same numbers.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from keras_leuk.devices.start import start
from keras_leuk.errors import LeukError
from keras_leuk.images.chunks import Chunk, Chunks
from keras_leuk.images.pipeline import Feed, near
from keras_leuk.progress import Progress
from keras_leuk.training.stopwatch import Stopwatch

HEARD = 256
"""Steps after which compiled training looks up: whether the user wants to stop, whether the loss is still a number."""

BEHIND = 2
"""Steps by which `Stepwise` lags behind in looking at a loss, so that a GPU never waits for Python to look at the last one."""

Metrics = dict[str, float]
"""``loss`` and ``accuracy``."""


class Epochs(Protocol):
    """Trains and judges one compiled model on its feeds."""

    def train(self, epoch: int, progress: Progress) -> tuple[Metrics, list[np.ndarray] | None]:
        """Trains an epoch; metrics over its batches, and the weights themselves where moving averages have replaced them.

        Raises:
            LeukError: the loss became infinite or not a number.
        """

    def evaluate(self, side: str) -> Metrics:
        """Metrics of a watched side."""


def epochs_of(model: Any, train: Feed, watched: Mapping[Any, Feed], stopwatch: Stopwatch | None = None) -> Epochs:
    """The quickest way for these feeds; to be asked for again when the model is compiled anew."""
    if model.distribute_strategy.num_replicas_in_sync > 1:
        return Replicated(model, train, watched, stopwatch)
    features = np.issubdtype(np.dtype(train.rows.dtype), np.floating) and train.augmenter is None
    return (Compiled if features else Stepwise)(model, train, watched, stopwatch)


class Compiled:
    """Loops over batches inside compiled code."""

    def __init__(self, model: Any, train: Feed, watched: Mapping[Any, Feed], stopwatch: Stopwatch | None = None):
        start()
        self.model, self.stopwatch = model, stopwatch or Stopwatch()
        self._train, self._watched = Chunks(train), {side: Chunks(feed) for side, feed in watched.items()}
        with self.stopwatch.stage("compiling"):
            _make_metrics(model, train)
            self._steps = _loop(model.train_step, train)
            alike = {len(_columns(feed, 1)): feed for feed in watched.values()}
            self._tests = {columns: _loop(model.test_step, feed) for columns, feed in alike.items()}

    def train(self, epoch: int, progress: Progress) -> tuple[Metrics, list[np.ndarray] | None]:
        done = 0
        self.model.reset_metrics()
        for chunk in self.stopwatch.waiting(self._train.of(epoch)):
            for begin in range(0, chunk.steps, HEARD):
                end = min(begin + HEARD, chunk.steps)
                with self.stopwatch.stage("steps"):
                    fine, loss = _run(self._steps, chunk, begin, end)
                progress.check()
                if fine < end - begin:
                    raise _no_number(loss, epoch, done + begin + fine + 1)
            done += chunk.steps
        return _trained(self.model)

    def evaluate(self, side: str) -> Metrics:
        with self.stopwatch.stage("evaluation"):
            self.model.reset_metrics()
            for chunk in self._watched[side].of(0):
                _run(self._tests[len(chunk.columns)], chunk, 0, chunk.steps)
            return _metrics(self.model)


class Stepwise:
    """A compiled step for each batch, called from here."""

    def __init__(self, model: Any, train: Feed, watched: Mapping[Any, Feed], stopwatch: Stopwatch | None = None):
        start()
        self.model, self.feed, self.stopwatch = model, train, stopwatch or Stopwatch()
        self._batches, self._watched = near(train.dataset()), {side: near(feed.dataset()) for side, feed in watched.items()}
        with self.stopwatch.stage("compiling"):
            _make_metrics(model, train)
            self._step = _step(model.train_step, self._batches)
            alike = {data.element_spec: data for data in self._watched.values()}
            self._tests = {spec: _step(model.test_step, data) for spec, data in alike.items()}

    def train(self, epoch: int, progress: Progress) -> tuple[Metrics, list[np.ndarray] | None]:
        self.model.reset_metrics()
        self.feed.epoch = epoch
        losses: deque[tuple[int, Any]] = deque()
        for number, batch in enumerate(self.stopwatch.waiting(self._batches), start=1):
            with self.stopwatch.stage("steps"):
                losses.append((number, self._step(batch)["loss"]))
                progress.check()
                if len(losses) > BEHIND:
                    _require_number(losses.popleft(), epoch)
        with self.stopwatch.stage("steps"):
            for seen in losses:
                _require_number(seen, epoch)
            return _trained(self.model)

    def evaluate(self, side: str) -> Metrics:
        with self.stopwatch.stage("evaluation"):
            self.model.reset_metrics()
            data = self._watched[side]
            for batch in data:
                self._tests[data.element_spec](batch)
            return _metrics(self.model)


class Replicated:
    """Keras' own loops."""

    def __init__(self, model: Any, train: Feed, watched: Mapping[Any, Feed], stopwatch: Stopwatch | None = None):
        self.model, self.feed, self.stopwatch = model, train, stopwatch or Stopwatch()
        self._batches, self._watched = train.dataset(), {side: feed.dataset() for side, feed in watched.items()}

    def train(self, epoch: int, progress: Progress) -> tuple[Metrics, list[np.ndarray] | None]:
        self.feed.epoch = epoch
        watch = _watch(epoch, progress)
        with self.stopwatch.stage("steps"):
            logs = self.model.fit(self._batches, epochs=1, verbose=0, shuffle=False, callbacks=[watch]).history
        return {name: float(logs[name][-1]) for name in ("loss", "accuracy")}, watch.raw

    def evaluate(self, side: str) -> Metrics:
        with self.stopwatch.stage("evaluation"):
            found = self.model.evaluate(self._watched[side], verbose=0, return_dict=True)
        return {name: float(found[name]) for name in ("loss", "accuracy")}


def _columns(feed: Feed, count: int) -> tuple[np.ndarray, ...]:
    columns = (feed.targets,) if feed.weights is None else (feed.targets, feed.weights)
    return tuple(np.asarray(column[:count], np.float32) for column in columns)


def _loop(step: Callable[[Any], dict[str, Any]], feed: Feed) -> Any:
    """A compiled function (begin, end, rows, order, columns) that takes the steps from `begin` up to `end` of a chunk.

    Returns:
        How many steps had a finite running loss, and the first one that was not (else the last): looking at it inside keeps the
        report exact, and a GPU does not wait for it.
    """
    import tensorflow as tf

    size = feed.batch_size
    columns = tuple(tf.TensorSpec((None, *column.shape[1:]), tf.float32) for column in _columns(feed, 1))
    number = tf.TensorSpec((), tf.int32)
    rows = tf.TensorSpec((None, *feed.rows.shape[1:]), tf.as_dtype(feed.rows.dtype))

    @tf.function(input_signature=[number, number, rows, tf.TensorSpec((None,), tf.int32), columns], autograph=False)  # type: ignore[untyped-decorator]
    def steps(begin: Any, end: Any, rows: Any, order: Any, columns: Any) -> Any:
        def one(number: Any, fine: Any, loss: Any) -> tuple[Any, Any, Any]:
            part = slice(number * size, (number + 1) * size)
            logs = step((tf.gather(rows, order[part]), *(column[part] for column in columns)))
            now = tf.cast(logs["loss"], tf.float32)
            fine += tf.cast(tf.math.is_finite(now), tf.int64)
            return number + 1, fine, tf.where(tf.math.is_finite(loss), now, loss)

        return tf.while_loop(lambda number, *_: number < end, one, (begin, tf.constant(0, tf.int64), tf.constant(0.0)))[1:]

    steps.get_concrete_function()
    return steps


def _step(step: Callable[[Any], dict[str, Any]], data: Any) -> Any:
    """A compiled step over batches of a data set."""
    import tensorflow as tf

    compiled = tf.function(step, input_signature=[data.element_spec], autograph=False)
    compiled.get_concrete_function()
    return compiled


def _make_metrics(model: Any, feed: Feed) -> None:
    """Keras makes the variables of its metrics when it first sees targets, which cannot be inside a compiled loop."""
    targets = _columns(feed, 1)[0]
    made_up = np.full((1, *model.output_shape[1:]), 0.5, np.float32)
    model.compute_loss(None, targets, made_up)
    model.compute_metrics(None, targets, made_up)


def _run(loop: Any, chunk: Chunk, begin: int, end: int) -> tuple[int, float]:
    import tensorflow as tf

    fine, loss = loop(tf.constant(begin), tf.constant(end), chunk.rows, chunk.order, chunk.columns)
    return int(fine), float(loss)


def _trained(model: Any) -> tuple[Metrics, list[np.ndarray] | None]:
    """Ends an epoch as `Model.fit` does; see `Epochs.train`."""
    found, raw = _metrics(model), _raw(model)
    model.optimizer.finalize_variable_values(model.trainable_variables)
    return found, raw


def _metrics(model: Any) -> Metrics:
    found = model.get_metrics_result()
    return {name: float(found[name]) for name in ("loss", "accuracy")}


def _raw(model: Any) -> list[np.ndarray] | None:
    """The weights themselves, where Keras is about to put their moving averages in their place."""
    return [np.asarray(variable) for variable in model.trainable_variables] if model.optimizer.use_ema else None


def _no_number(loss: float, epoch: int, batch: int) -> LeukError:
    return LeukError(f"the loss became {loss} in epoch {epoch}, batch {batch}; try a lower --learning-rate")


def _require_number(seen: tuple[int, Any], epoch: int) -> None:
    batch, loss = seen[0], float(seen[1])
    if not math.isfinite(loss):
        raise _no_number(loss, epoch, batch)


def _watch(epoch: int, progress: Progress) -> Any:
    """A callback that stops training when the user wants it, or when the loss has become nonsense."""
    import keras

    class Watch(keras.callbacks.Callback):  # type: ignore[misc]
        """An infinite loss helps nobody: say where it happened and stop. Keeps the weights where averages will replace them."""

        raw: list[np.ndarray] | None = None

        def on_epoch_end(self, _: int, logs: dict[str, Any] | None = None) -> None:
            self.raw = _raw(self.model)

        def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
            progress.check()
            _require_number((batch + 1, (logs or {})["loss"]), epoch)

    return Watch()
