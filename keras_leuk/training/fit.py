"""Training, an epoch at a time; each epoch is a pure function of (recipe, seed, epoch) and the weights it starts from.

`training.epochs` does the steps; this module does what must be resumable: early stopping, best weights, history and
checkpoints.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from keras_leuk.devices.start import start
from keras_leuk.errors import LeukError
from keras_leuk.images.pipeline import Feed
from keras_leuk.progress import Progress
from keras_leuk.recipe.randomness import small_seed
from keras_leuk.recipe.training import EarlyStopping, LearningRate, Plateau, Training
from keras_leuk.training.checkpoint import Checkpoint, State
from keras_leuk.training.epochs import Epochs, epochs_of
from keras_leuk.training.optimizers import Span, make_loss, make_metric, make_optimizer, rate_at
from keras_leuk.training.stopwatch import Stopwatch

CHECKPOINT_SECONDS = 10.0
"""Epochs shorter than this share a checkpoint: an epoch can be made again, so keeping each would only cost time."""


@dataclass(frozen=True)
class Fit:
    """What training ended with; the model holds the chosen weights.

    Attributes:
        history: one dictionary an epoch: epoch, learning_rate (of the next step), loss, accuracy, and val_* and test_* where
            watched.
        best_epoch: the epoch whose weights the model holds.
        stopped_early: early stopping ended training before the last epoch.
        seconds: time in this process, without what a resumed run had done before.
        images_per_second: training images over time of the training steps alone; None where nothing was left to train.
    """

    history: list[dict[str, float]]
    best_epoch: int
    stopped_early: bool
    seconds: float
    images_per_second: float | None


@dataclass(frozen=True)
class Phase:
    """Epochs that are trained alike.

    Attributes:
        until: last epoch of the phase, counted from the run's first.
        rate: learning rate of the phase.
        span: its length.
        factors: see `training.optimizers.make_optimizer`.
        enter: called before the model is compiled: says which layers are trained.
        placement: TensorFlow's strategy that the optimiser's variables follow, or None.
        settled: early stopping may end the run in this phase.
    """

    until: int
    rate: LearningRate
    span: Span
    factors: Mapping[str, float] | None = None
    enter: Callable[[], None] | None = None
    placement: Any = None
    settled: bool = True


def phases(training: Training, steps: int, **facts: Any) -> list[Phase]:
    """The phases of a training whose layers stay as they are: one.

    Args:
        steps: batches an epoch.
        facts: further attributes of the phase.
    """
    span = Span(steps, training.epochs, training.accumulation_steps)
    return [Phase(training.epochs, training.learning_rate, span, **facts)]


def compile_model(model: Any, training: Training, phase: Phase) -> None:
    """Compiles a model as the recipe says, for one phase."""
    start()
    if phase.enter is not None:
        phase.enter()
    with phase.placement.scope() if phase.placement is not None else contextlib.nullcontext():
        model.compile(
            optimizer=make_optimizer(training, phase.rate, phase.span, phase.factors),
            loss=make_loss(training),
            metrics=[make_metric(model.output_shape[-1])],
            # XLA is slower than oneDNN for these networks on a CPU, and not deterministic for all of their operations.
            jit_compile=False,
        )
        model.optimizer.build(model.trainable_variables)


def fit(
    model: Any,
    train: Feed,
    watched: Mapping[Literal["val", "test"], Feed],
    *,
    training: Training,
    seed: int,
    checkpoint: Checkpoint | None,
    progress: Progress,
    plan: Sequence[Phase] | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    budgets: Sequence[int] = (),
    reached: Callable[[int, Fit], None] | None = None,
    stopwatch: Stopwatch | None = None,
) -> Fit:
    """Trains a model, which is compiled at the start of every phase.

    Args:
        watched: feeds evaluated after every epoch; early stopping looks at ``test`` where the recipe monitors the test set,
            else at ``val``.
        checkpoint: where to continue from and what to keep; None keeps nothing.
        plan: phases in order (None: one, and a model that is compiled already stays as it is).
        budgets: numbers of epochs; ``reached(budget, fit)`` is called for each while the model holds what a training of that
            many epochs would have ended with, and training then goes on as if nothing had been. A budget beyond the epoch at
            which early stopping ended training is reached there. The last state is then kept in the checkpoint for good.
        stopwatch: counts where the time goes.

    Raises:
        LeukError: the loss became infinite or not a number.
    """
    heard = reached if budgets else None
    going = _Training(model, train, watched, training, seed, checkpoint, progress, plan, heard, budgets, stopwatch or Stopwatch())
    return going.to_the_end(checkpoint_seconds)


class _Training:
    """A training under way: the model, and everything that a checkpoint keeps."""

    def __init__(
        self,
        model: Any,
        train: Feed,
        watched: Mapping[Literal["val", "test"], Feed],
        training: Training,
        seed: int,
        checkpoint: Checkpoint | None,
        progress: Progress,
        plan: Sequence[Phase] | None,
        reached: Callable[[int, Fit], None] | None,
        budgets: Sequence[int],
        stopwatch: Stopwatch,
    ):
        self.model, self.train, self.training, self.seed = model, train, training, seed
        self.checkpoint, self.progress, self.reached, self.stopwatch = checkpoint, progress, reached, stopwatch
        self.began, self.step_seconds, self.done = time.perf_counter(), 0.0, 0
        self.left = sorted(budgets)
        self.plan = plan or phases(training, train.steps)
        self.side = "test" if training.monitor == "test" else "val"
        self.stopping = training.early_stopping if self.side in watched and training.early_stopping.enabled is not False else None
        self.state, self.best = State(), None
        kept = checkpoint.load() if checkpoint else None
        if kept is not None:
            self.state, variables, optimizer, self.best = kept
            if self.state.epoch:
                progress.say(f"resumed after epoch {self.state.epoch}")
        # The optimiser of a checkpoint is that of the phase in which its last epoch was.
        self.phase = _phase(self.plan, max(self.state.epoch, 1))
        if plan is not None or not model.compiled:
            self.compile()
        if kept is not None:
            _assign(model.weights, variables)
            _assign(model.optimizer.variables, optimizer)
        self.watched = watched
        # Nothing is traced for a training that has no epoch left.
        self.epochs: Epochs | None = None

    def compile(self) -> None:
        """For the phase that is under way."""
        with self.stopwatch.stage("compiling"):
            compile_model(self.model, self.training, self.phase)

    def to_the_end(self, checkpoint_seconds: float) -> Fit:
        """Trains the epochs that are left; keeps the last state if there are budgets, which a longer one may start from."""
        state, training = self.state, self.training
        saved_at, keep_last = time.perf_counter(), bool(self.left)
        self.reach()
        with self.progress.stage("training", training.epochs, "epochs", start=state.epoch) as advance:
            while state.epoch < training.epochs and not state.stopped:
                ticked = time.perf_counter()
                row = self.epoch(state.epoch + 1)
                shown = {key: value for key, value in row.items() if key.endswith(("loss", "accuracy"))}
                advance(1, images_per_second=len(self.train) / max(time.perf_counter() - ticked, 1e-9), **shown)
                # A checkpoint says that every budget up to its epoch has been reached.
                self.reach()
                last = keep_last and (state.stopped or state.epoch == training.epochs)
                if self.checkpoint and (last or time.perf_counter() - saved_at >= checkpoint_seconds):
                    with self.stopwatch.stage("writing"):
                        optimizer = _values(self.model.optimizer.variables)
                        self.checkpoint.save(state, _values(self.model.weights), optimizer, self.best)
                    saved_at = time.perf_counter()
        return self.end()

    def epoch(self, number: int) -> dict[str, float]:
        """Trains one epoch and judges it; its row of the history."""
        model, state = self.model, self.state
        if _phase(self.plan, number) is not self.phase:
            self.phase = _phase(self.plan, number)
            self.compile()
            self.epochs, state.waited = None, 0
        if self.epochs is None:
            self.epochs = epochs_of(model, self.train, self.watched, self.stopwatch)
        _seed_dropout(model, self.seed, number)
        ticked = time.perf_counter()
        found, raw = self.epochs.train(number, self.progress)
        self.step_seconds += time.perf_counter() - ticked
        self.done += len(self.train)
        row = {"epoch": number, "learning_rate": 0.0} | found
        for side in self.watched:
            row |= {f"{side}_{measure}": value for measure, value in self.epochs.evaluate(side).items()}
        state.history.append(row)
        state.epoch = number
        settled, stopping = self.phase.settled, self.stopping
        if stopping is not None and _judge(state, row[f"{self.side}_{stopping.metric}"], stopping, settled):
            self.best = _values(model.weights) if stopping.restore_best else None
        if raw is not None:
            # Keras has put the moving averages in the place of the weights; training goes on from the weights themselves.
            _assign(model.trainable_variables, raw)
        plateau = self.phase.rate.plateau
        if plateau is not None and settled:
            _lower(model.optimizer, self.phase.rate, plateau, row[f"{self.side}_loss"], state)
        row["learning_rate"] = _next_rate(self.plan, number, state.rate_factor)
        return row

    def end(self) -> Fit:
        """Gives the model the weights that training would end with now."""
        if self.best is not None:
            _assign(self.model.weights, self.best)
        elif self.training.optimizer.ema is not None:
            self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        state = self.state
        return Fit(
            history=list(state.history),
            best_epoch=state.best_epoch if self.best is not None else state.epoch,
            stopped_early=state.stopped,
            seconds=time.perf_counter() - self.began,
            images_per_second=self.done / self.step_seconds if self.done else None,
        )

    def reach(self) -> None:
        """Shows what the budgets that are used up by now have led to."""
        due = [budget for budget in self.left if budget <= self.state.epoch or self.state.stopped]
        if not due or self.reached is None:
            return
        going_on = _values(self.model.weights)
        fitted = self.end()
        for budget in due:
            self.left.remove(budget)
            self.reached(budget, fitted)
        _assign(self.model.weights, going_on)


def _judge(state: State, value: float, stopping: EarlyStopping, settled: bool) -> bool:
    """Counts an epoch for early stopping; whether it is the best so far."""
    if _improves(value, state.best_value, stopping.metric, stopping.min_delta):
        state.best_epoch, state.best_value, state.waited = state.epoch, value, 0
        return True
    state.waited += 1
    state.stopped = settled and state.waited >= stopping.patience
    return False


def _phase(plan: Sequence[Phase], epoch: int) -> Phase:
    return next((phase for phase in plan if epoch <= phase.until), plan[-1])


def _next_rate(plan: Sequence[Phase], epoch: int, factor: float) -> float:
    """Learning rate of the first step after an epoch; after the last one, what would come next."""
    phase = _phase(plan, min(epoch + 1, plan[-1].until))
    before = max((other.until for other in plan if other.until < phase.until), default=0)
    return rate_at(phase.rate, phase.span, phase.span.updates(epoch - before)) * (factor if phase.settled else 1.0)


def _lower(optimizer: Any, rate: LearningRate, plateau: Plateau, loss: float, state: State) -> None:
    """Lowers a constant rate when the watched loss has stood still for long enough."""
    if state.plateau_best is None or loss < state.plateau_best - plateau.min_delta:
        state.plateau_best, state.plateau_waited = loss, 0
        return
    state.plateau_waited += 1
    if state.plateau_waited >= plateau.patience:
        state.rate_factor = max(state.rate_factor * plateau.factor, plateau.minimum / rate.initial)
        state.plateau_waited = 0
        optimizer.learning_rate = rate.initial * state.rate_factor


def _improves(value: float, best: float | None, metric: str, min_delta: float) -> bool:
    if best is None:
        return True
    return value < best - min_delta if metric == "loss" else value > best + min_delta


def _seed_dropout(model: Any, seed: int, epoch: int) -> None:
    """Every dropout layer starts each epoch from (seed, epoch, layer), however the run came here."""
    layers = [layer for layer in model._flatten_layers() if getattr(layer, "seed_generator", None) is not None]
    for number, layer in enumerate(layers):
        layer.seed_generator.state.assign(np.array([small_seed(seed, "dropout", epoch, number), 0], np.uint32))


def _values(variables: Any) -> list[np.ndarray]:
    return [np.asarray(variable) for variable in variables]


def _assign(variables: Any, values: list[np.ndarray]) -> None:
    if len(variables) != len(values):
        raise LeukError(
            f"the checkpoint holds {len(values)} variables, the model {len(variables)}; start afresh with --overwrite"
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
