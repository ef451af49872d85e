"""A whole search: `search` is its table of contents.

Trials are judged on validation; no step reads a test figure before the winner stands (`keras_leuk.tuning.report`).
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_leuk.data.splits import SplitResult
from keras_leuk.errors import RecipeError, RunError, UsageError, suggestion
from keras_leuk.progress import Progress, Recorder
from keras_leuk.recipe import Recipe
from keras_leuk.recipe.loading import dotted
from keras_leuk.recipe.randomness import small_seed
from keras_leuk.reporting.tuning_tables import shown
from keras_leuk.training.materials import Materials, gather
from keras_leuk.training.run import make_splits
from keras_leuk.tuning import report
from keras_leuk.tuning.objective import Objective
from keras_leuk.tuning.space import Choices, Space, check_space
from keras_leuk.tuning.spelling import make_space
from keras_leuk.tuning.storage import agree, database, opened, optuna
from keras_leuk.tuning.trials import RECORD, Begun, Search, begin, run_trial

SAMPLERS = ("tpe", "random")
PRUNERS = ("median", "hyperband", "none")

_MAY_DIFFER = ("data.path", "split.file", "model.weights_dir", "resources.")
"""Beginnings of keys that may differ between machines: places (what lies there is compared by content) and resources."""


@dataclass(frozen=True)
class How:
    """How a search is done.

    Attributes:
        objective: one of `objective.MEASURES`, on validation.
        sampler, pruner: one of `SAMPLERS`, of `PRUNERS`.
        trials: how many the study is to have in all, those that were pruned or failed included.
        timeout: seconds after which this process begins no further trial.
        storage: database URL; None: an SQLite file in the search's folder.
        name: of the study in its database.
    """

    objective: str = "loss"
    sampler: str = "tpe"
    pruner: str = "median"
    trials: int = 20
    timeout: float | None = None
    storage: str | None = None
    name: str = "tune"


@dataclass(frozen=True)
class Found:
    """What a search leaves behind.

    Attributes:
        out: its folder.
        summary: content of tune.json.
        running: trials that other processes are still at work on.
    """

    out: Path
    summary: dict[str, Any]
    running: int


def search(
    recipe: Recipe,
    texts: Mapping[str, Any],
    out: Path,
    how: How,
    *,
    cache: Path,
    command: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> Found:
    """Searches a recipe's settings, or goes on with a search in the same folder.

    Args:
        recipe: where the trials differ from.
        texts: key to its space; see `keras_leuk.tuning.spelling`.
        out: folder of the search.
        cache: folder of shared work.
        command: the command line, for the trials' environment.json.

    Raises:
        UsageError: what was asked for cannot be searched.
        LeukError: data that cannot be read, another search in this folder or study, or not one trial that finished.
    """
    progress = progress or Progress()
    module, deadline = optuna(), None if how.timeout is None else time.monotonic() + how.timeout
    space, objective, first = plan(recipe, texts, how)
    _require_folder(out)
    recorder = Recorder(progress)
    materials = gather(first, cache=cache, progress=recorder)
    split = _only_split(make_splits(materials, recorder), first)
    sampler, warned = _sampler(module, how, recipe.seed), set(recorder.warnings)
    hunt = Search(recipe, space, objective, out, cache, sampler, command, progress, warned)
    hunt.trials.mkdir(parents=True, exist_ok=True)
    with opened(database(how.storage, out), how.name, objective.direction) as study:
        with hunt.alone():
            agree(study, how.name, out, _settings(recipe, space, how, materials, split))
        study.pruner = _pruner(module, how, recipe, space)
        _run(study, hunt, how.trials, deadline)
        with hunt.alone():
            summary = report.write(study, hunt, how.sampler, how.pruner)
        running = len(study.get_trials(deepcopy=False, states=(module.trial.TrialState.RUNNING,)))
    return Found(out, summary, running)


def plan(recipe: Recipe, texts: Mapping[str, Any], how: How) -> tuple[Space, Objective, Recipe]:
    """What is known before data and TensorFlow are touched: the space, the objective, and a recipe of the space.

    Raises:
        UsageError: see `search`.
    """
    for option, value, known in (("sampler", how.sampler, SAMPLERS), ("pruner", how.pruner, PRUNERS)):
        if value not in known:
            raise UsageError(f"--{option} {value!r} is unknown{suggestion(value, known)}")
    if recipe.training.monitor == "test":
        raise RecipeError("training.monitor", "test", "cannot be searched with: a search never looks at test", ["validation"])
    if recipe.split.strategy == "folds" and recipe.split.fold is None:
        raise RecipeError(
            "split.strategy",
            "folds",
            "cannot be searched with: every image is tested in some fold, so a search over all folds would choose on test; "
            "name one fold (split.fold)",
        )
    space = make_space(recipe, texts)
    objective = Objective.of(how.objective, tuple(space.texts))
    return space, objective, check_space(recipe, space)


def _only_split(splits: list[SplitResult], recipe: Recipe) -> SplitResult:
    """The split, if it has a validation side."""
    if not (splits[0].rows["split"] == "validation").any():
        raise RecipeError(
            "split.validation", recipe.split.validation, "leaves no validation side, and a search judges its trials there"
        )
    return splits[0]


def _require_folder(out: Path) -> None:
    """A folder that is not there yet, or that a search was begun in."""
    if out.exists() and not out.is_dir():
        raise RunError(f"--out {out} is a file")
    if out.is_dir() and any(out.iterdir()) and not (out / "trials").is_dir():
        raise RunError(f"--out {out} holds files that are not a search's: {', '.join(sorted(p.name for p in out.iterdir())[:3])}")


def _settings(recipe: Recipe, space: Space, how: How, materials: Materials, split: SplitResult) -> dict[str, Any]:
    """What all trials of a study share, in the order in which differences are told."""
    sides = split.rows[["image", "split"]].agg("\t".join, axis=1)
    return {
        "recipe": {key: value for key, value in dotted(recipe).items() if not key.startswith(_MAY_DIFFER)},
        "space": space.texts,
        "setting": {"objective": how.objective, "sampler": how.sampler, "pruner": how.pruner},
        "data": {
            "images, labels or subjects": materials.fingerprint,
            "sides of the split": hashlib.sha256("\n".join(sides).encode()).hexdigest(),
        },
    }


def _sampler(module: Any, how: How, seed: int) -> Callable[[int], Any]:
    """Makes the sampler of a trial: the same for the same seed and number."""

    def make(number: int) -> Any:
        drawn = small_seed(seed, "tune", number)
        if how.sampler == "random":
            return module.samplers.RandomSampler(seed=drawn)
        # Both are Optuna's own defaults from version 5 on; said here, so that 4 proposes the same.
        return module.samplers.TPESampler(seed=drawn, multivariate=True, constant_liar=True)

    return make


def _pruner(module: Any, how: How, recipe: Recipe, space: Space) -> Any:
    epochs = _most_epochs(recipe, space)
    if how.pruner == "none":
        return module.pruners.NopPruner()
    if how.pruner == "hyperband":
        return module.pruners.HyperbandPruner(min_resource=1, max_resource=epochs)
    # The first epochs tell more about the learning rate than about where it leads.
    return module.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=max(1, math.ceil(epochs / 10)))


def _most_epochs(recipe: Recipe, space: Space) -> int:
    part = next((part for part in space.parts if part.key == "training.epochs"), None)
    if part is None:
        return recipe.training.epochs
    return max(int(value) for value in part.values) if isinstance(part, Choices) else int(part.high)


def _run(study: Any, hunt: Search, wanted: int, deadline: float | None) -> None:
    """Trains one trial after another, and keeps tune.csv up to date."""
    while deadline is None or time.monotonic() < deadline:
        hunt.progress.check()
        with begin(study, hunt, wanted) as begun:
            if begun is None:
                return
            number = begun.trial.number
            hunt.progress.say(f"trial {number} ({number + 1} of {max(wanted, number + 1)}): {_words(hunt, begun)}")
            run_trial(study, hunt, begun)
        with hunt.alone():
            report.write_tables(study, hunt)
        hunt.progress.say(f"  {_ended(study, hunt, number)}")


def _words(hunt: Search, begun: Begun) -> str:
    short = hunt.space.short
    return ", ".join(f"{short[key]} {shown(value)}" for key, value in begun.labels.items())


def _ended(study: Any, hunt: Search, number: int) -> str:
    """One line on a trial that has ended."""
    trial = study.get_trials(deepcopy=False)[number]
    record = trial.user_attrs.get(RECORD, {})
    if "error" in record:
        return f"failed: {record['error']}"
    if "validation" not in record:
        return f"pruned after epoch {record['epochs']}: {hunt.objective.epoch_words} {record['reported']:.4g}"
    best = report.winner(study, hunt)
    leading = "the best so far" if best.number == number else f"best so far {best.value:.4g}, trial {best.number}"
    name = hunt.objective.name.replace("_", " ")
    return f"validation {name} {trial.value:.4g} (best epoch {record['best_epoch']} of {record['epochs']}); {leading}"
