"""One trial: who begins it, what it tells the pruner, and how it ends.

Several processes may work on one study. Trials are begun one at a time under ``trials/.lock``, and a process holds
``trials/.0003.lock`` from before trial 3 is begun until it has ended. The system takes a dead process' locks away, so a trial
that is running in the database while its lock is free was killed; whoever begins next takes it up with the values it had, and its
run folder goes on from its checkpoint. A running trial without ``trials/.0003.begun`` is that of a process with another --out.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import filelock

from keras_leuk.errors import LeukError, RunError
from keras_leuk.evaluation.reading import read_predictions
from keras_leuk.progress import Progress
from keras_leuk.recipe import Recipe
from keras_leuk.reporting.tuning_tables import shown
from keras_leuk.runs.folder import RunFolder
from keras_leuk.training.run import train
from keras_leuk.tuning.epochs import Listener, last_told, pruning
from keras_leuk.tuning.keys import short_names, with_values
from keras_leuk.tuning.objective import Objective, keeps_best, measured
from keras_leuk.tuning.space import Space
from keras_leuk.tuning.storage import optuna

RECORD = "keras-leuk"
"""The trial's attribute that holds what is kept of it: its run, epochs, validation measures, seconds; or its error."""


@dataclass(frozen=True)
class Search:
    """What all trials share.

    Attributes:
        recipe: where trials differ from, in the keys of `space`.
        out: folder of the search; its trials lie in ``trials``.
        sampler: makes Optuna's sampler of a trial number.
        command: for environment.json.
        warned: warnings that the user has heard.
    """

    recipe: Recipe
    space: Space
    objective: Objective
    out: Path
    cache: Path
    sampler: Callable[[int], Any]
    command: tuple[str, ...] = ()
    progress: Progress = field(default_factory=Progress)
    warned: set[str] = field(default_factory=set)

    @property
    def trials(self) -> Path:
        return self.out / "trials"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Held while a trial is begun or tables are written, by one process at a time."""
        self.trials.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(str(self.trials / ".lock")):
            yield

    def lock(self, number: int) -> filelock.BaseFileLock:
        """Held by the process that works on a trial."""
        return filelock.FileLock(str(self.trials / f".{number:04d}.lock"))

    def mark(self, number: int) -> Path:
        """There from before a trial is begun until it has ended."""
        return self.trials / f".{number:04d}.begun"


@dataclass(frozen=True)
class Begun:
    """A trial that this process works on.

    Attributes:
        trial: Optuna's.
        values: by key, as the recipe takes them; labels: as tables show them.
        run: its run folder.
    """

    trial: Any
    values: dict[str, Any]
    labels: dict[str, Any]
    run: RunFolder


@contextmanager
def begin(study: Any, search: Search, wanted: int) -> Iterator[Begun | None]:
    """The next trial: one that a dead process left, or a new one; None where the study has `wanted`, ended or at work.

    Raises:
        RunError: a process with another --out works on this study at the same time.
    """
    with search.alone():
        found = _taken_up(study, search) or _new(study, search, wanted)
        if found is not None:
            trial, lock = found
            values, labels = search.space.suggest(trial)
    if found is None:
        yield None
        return
    try:
        yield Begun(trial, values, labels, RunFolder(search.trials / folder_name(trial.number, labels)))
    finally:
        lock.release()
        if _state(study, trial.number).is_finished():
            for file in (search.mark(trial.number), Path(lock.lock_file)):
                file.unlink(missing_ok=True)


def run_trial(study: Any, search: Search, begun: Begun) -> None:
    """Trains a trial, judges it on validation and tells the study how it ended.

    A trial that fails by itself (its loss became infinite, its values exclude each other, memory ran out) is recorded with its
    error; a pruned one leaves no folder. An interrupt leaves the trial to be taken up.
    """
    module = optuna()
    trial, run = begun.trial, begun.run
    began = time.perf_counter()
    try:
        record = _known(study, trial) or _trained(search, begun)
    except module.TrialPruned:
        _clear(run)
        trial.set_user_attr(
            RECORD, {"epochs": last_told(trial)[0], "reported": last_told(trial)[1], "seconds": time.perf_counter() - began}
        )
        study.tell(trial, state=module.trial.TrialState.PRUNED)
    except _failures() as error:
        if not run.finished:
            _clear(run)
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        trial.set_user_attr(RECORD, {"error": line[:300], "seconds": time.perf_counter() - began})
        study.tell(trial, state=module.trial.TrialState.FAIL)
    else:
        trial.set_user_attr(RECORD, record | {"seconds": time.perf_counter() - began})
        study.tell(trial, record["validation"][search.objective.name])


def folder_name(number: int, labels: Mapping[str, Any]) -> str:
    """``0003-batch_size-32-initial-0.00032``: the number, then what helps a reader."""
    last = [key.rpartition(".")[2] for key in labels]
    names = last if len(set(last)) == len(last) else list(short_names(list(labels)).values())
    words = [f"{name}-{shown(value)}" for name, value in zip(names, labels.values(), strict=True)]
    slug = re.sub(r"[^A-Za-z0-9._+-]+", "_", "-".join(words))[:80].strip("._-")
    return f"{number:04d}-{slug}"


def _taken_up(study: Any, search: Search) -> tuple[Any, Any] | None:
    """A trial that a dead process left running, with its lock."""
    module = optuna()
    for frozen in study.get_trials(deepcopy=False, states=(module.trial.TrialState.RUNNING,)):
        if not search.mark(frozen.number).exists():
            continue
        lock = search.lock(frozen.number)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            continue
        if not _state(study, frozen.number).is_finished():
            study.sampler = search.sampler(frozen.number)
            search.progress.say(f"trial {frozen.number} was left unfinished and goes on")
            return module.trial.Trial(study, frozen._trial_id), lock
        lock.release()
    return None


def _new(study: Any, search: Search, wanted: int) -> tuple[Any, Any] | None:
    number = len(study.get_trials(deepcopy=False))
    if number >= wanted:
        return None
    search.mark(number).touch()
    lock = search.lock(number)
    lock.acquire()
    # A sampler of its own for each trial: what it proposes depends on (seed, number, ended trials), however often the search
    # was stopped in between.
    study.sampler = search.sampler(number)
    trial = study.ask()
    if trial.number != number:
        lock.release()
        study.tell(trial, state=optuna().trial.TrialState.FAIL)
        raise RunError("another process works on this study with another --out; processes of one study must share --out")
    return trial, lock


def _known(study: Any, trial: Any) -> dict[str, Any] | None:
    """What is kept of a finished trial with the same values: training is repeatable, so nothing else would come of it."""
    own = study.get_trials(deepcopy=False)[trial.number]
    for twin in study.get_trials(deepcopy=False)[: trial.number]:
        if twin.state.name == "COMPLETE" and twin.params == own.params:
            for epoch in sorted(twin.intermediate_values.keys() - own.intermediate_values.keys()):
                trial.report(twin.intermediate_values[epoch], epoch)
            return dict(twin.user_attrs[RECORD])
    return None


def _trained(search: Search, begun: Begun) -> dict[str, Any]:
    """Trains, or goes on training, and judges; what is to be kept of the trial."""
    recipe = with_values(search.recipe, begun.values)
    run = begun.run
    if not run.finished:
        if not run.started:
            _clear(run)
        listener = Listener(search.progress, search.warned, pruning(begun.trial, search.objective, keeps_best(recipe)))
        train(recipe, run.path, cache=search.cache, resume=run.started, command=search.command, progress=listener)
    validation = measured(read_predictions(run), run.read_json(run.metrics), "validation")
    judged = validation[search.objective.name]
    if judged["value"] is None:
        raise LeukError(f"validation {search.objective.name} is undefined: {judged.get('reason', 'no reason given')}")
    facts = run.read_json(run.mark)
    return {
        "run": f"trials/{run.path.name}",
        "best_epoch": facts["best_epoch"],
        "epochs": facts["epochs"],
        "reported": last_told(begun.trial)[1],
        "validation": {name: number["value"] for name, number in validation.items()},
    }


def _failures() -> tuple[type[BaseException], ...]:
    """What may go wrong with one trial and not with the next: our own errors, and values that need more memory than there is."""
    tensorflow = sys.modules.get("tensorflow")
    exhausted: Sequence[type[BaseException]] = (tensorflow.errors.ResourceExhaustedError,) if tensorflow else ()
    return (LeukError, MemoryError, *exhausted)


def _state(study: Any, number: int) -> Any:
    return study.get_trials(deepcopy=False)[number].state


def _clear(run: RunFolder) -> None:
    shutil.rmtree(run.path, ignore_errors=True)
