"""What happens after each epoch of a trial: the study hears of it, and the pruner may end the trial.

`keras_leuk.training.fit` tells of an epoch by advancing its stage "training" with the epoch's figures; that is all the connection
there is. A head of scikit-learn, fitted at once, has no such stage and is never pruned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from keras_leuk.progress import Advance, Progress, Quiet
from keras_leuk.tuning.objective import Objective
from keras_leuk.tuning.storage import optuna


class Listener(Quiet):
    """Tells of each epoch of training, too."""

    def __init__(self, listener: Progress, warned: set[str], after_epoch: Callable[[int, Mapping[str, float]], None]):
        super().__init__(listener, warned)
        self.after_epoch = after_epoch

    @contextmanager
    def stage(self, name: str, total: int, unit: str, start: int = 0) -> Iterator[Advance]:
        with self.listener.stage(name, total, unit, start) as advance:
            if name != "training":
                yield advance
                return
            epoch = start

            def told(n: int = 1, **facts: float) -> None:
                nonlocal epoch
                epoch += n
                advance(n, **facts)
                self.after_epoch(epoch, facts)

            yield told


def pruning(trial: Any, objective: Objective, best_counts: bool) -> Callable[[int, Mapping[str, float]], None]:
    """What happens after each epoch: the study hears of it, and the pruner may end the trial.

    Epochs that a killed process had told of are in the database and are not told again.

    Args:
        best_counts: tell of the best epoch so far, not of the last one.
    """
    told: dict[int, float] = dict(trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values)
    last = max(told, default=0)

    def after_epoch(epoch: int, facts: Mapping[str, float]) -> None:
        value = objective.after_epoch(facts)
        before = told.get(epoch - 1)
        if best_counts and before is not None and not objective.better(value, before):
            value = before
        if epoch not in told:
            told[epoch] = value
            trial.report(value, epoch)
        if epoch >= last and trial.should_prune():
            raise optuna().TrialPruned

    return after_epoch


def last_told(trial: Any) -> tuple[int | None, float | None]:
    """Last epoch that was told of, and its figure."""
    told = trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values
    return (max(told), told[max(told)]) if told else (None, None)
