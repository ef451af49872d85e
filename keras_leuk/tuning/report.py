"""What a search leaves beside its trials: tune.csv, timing.csv, tune.json, best.yaml, and the page that is made of them.

tune.csv      one row a trial that has ended (no times, so that equal searches are equal to the byte)
timing.csv    seconds of each trial
tune.json     what was searched and how, and the winner with its figures: the only place where a test figure is read
best.yaml     the winner's recipe, resolved
tune.md       the page to read first, with figures/; see `keras_leuk.reporting.tuning`
"""

from __future__ import annotations

import shutil
import warnings
from typing import Any

import pandas as pd

from keras_leuk.errors import LeukError, RunError
from keras_leuk.evaluation.reading import read_predictions
from keras_leuk.recipe.randomness import small_seed
from keras_leuk.reporting.tuning import write_tuning
from keras_leuk.runs.atomic import finite, replacing, write_json, write_text
from keras_leuk.runs.folder import RunFolder
from keras_leuk.tuning.objective import MEASURES, measured
from keras_leuk.tuning.space import Choices, Part
from keras_leuk.tuning.storage import optuna
from keras_leuk.tuning.trials import RECORD, Search

_ENDED = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
_LEAST_FOR_IMPORTANCE = 4


def write(study: Any, search: Search, sampler: str, pruner: str) -> dict[str, Any]:
    """Writes everything and returns the content of tune.json.

    Raises:
        LeukError: no trial has finished.
    """
    write_tables(study, search)
    best = winner(study, search)
    if best is None:
        raise LeukError(_why_none(study))
    run = RunFolder(search.out / best.user_attrs[RECORD]["run"])
    if not run.finished:
        raise RunError(f"{run.path} is gone, the run of trial {best.number}, which won; processes of one study must share --out")
    summary = _summary(study, search, best, run) | {"sampler": sampler, "pruner": pruner}
    write_json(search.out / "tune.json", summary)
    with replacing(search.out / "best.yaml") as temporary:
        shutil.copyfile(run.recipe, temporary)
    write_tuning(search.out)
    return summary


def write_tables(study: Any, search: Search) -> None:
    """Writes tune.csv and timing.csv."""
    ended = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name in _ENDED]
    rows = [_row(trial, search) for trial in ended]
    columns = ["number", "state", *search.space.texts, "objective", "reported", "best_epoch", "epochs"]
    columns += [*(f"validation_{name}" for name in MEASURES), "run", "error"]
    # As objects: a whole number stays one beside an empty field.
    table = pd.DataFrame(rows, columns=columns, dtype=object)
    write_text(search.out / "tune.csv", table.to_csv(index=False, lineterminator="\n"))
    times = [{"number": trial.number, "seconds": trial.user_attrs.get(RECORD, {}).get("seconds")} for trial in ended]
    write_text(
        search.out / "timing.csv", pd.DataFrame(times, columns=["number", "seconds"]).to_csv(index=False, lineterminator="\n")
    )


def winner(study: Any, search: Search) -> Any:
    """The finished trial with the best objective, the first of equals; None where none has finished."""
    sign = 1 if search.objective.smaller_is_better else -1
    done = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
    return min(done, key=lambda trial: (sign * trial.value, trial.number), default=None)


def _row(trial: Any, search: Search) -> dict[str, Any]:
    record = trial.user_attrs.get(RECORD, {})
    complete = trial.state.name == "COMPLETE"
    row = {
        "number": trial.number,
        "state": _ENDED[trial.state.name],
        **{key: trial.params.get(key) for key in search.space.texts},
    }
    row |= {"objective": trial.value if complete else None} | {
        name: record.get(name) for name in ("reported", "best_epoch", "epochs")
    }
    row |= {f"validation_{name}": value for name, value in record.get("validation", {}).items()}
    return row | {"run": record.get("run"), "error": record.get("error")}


def _why_none(study: Any) -> str:
    ended = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name in _ENDED]
    failed = [trial for trial in ended if trial.state.name == "FAIL"]
    if not failed:
        return "no trial has finished yet; give more time or more trials"
    told = failed[0].user_attrs.get(RECORD, {}).get("error", "no reason given")
    how_many = f"all {len(failed)} trials" if len(failed) > 1 else "the only trial"
    return f"{how_many} failed, trial {failed[0].number} with: {told}"


def _summary(study: Any, search: Search, best: Any, run: RunFolder) -> dict[str, Any]:
    """The content of tune.json, but for how the trials were chosen."""
    predictions, metrics = read_predictions(run), run.read_json(run.metrics)
    meaning, record = predictions.meaning, best.user_attrs[RECORD]
    states = [trial.state.name for trial in study.get_trials(deepcopy=False)]
    sides = [side for side in ("validation", "test") if metrics[side]["n"]]
    importance, why_not = _importance(study, search)
    return {
        "schema": 1,
        "study": study.study_name,
        "objective": {
            "name": search.objective.name,
            "direction": search.objective.direction,
            "after_epoch": search.objective.epoch_words,
        },
        "space": [_part(part, search) for part in search.space.parts],
        "seed": search.recipe.seed,
        "trials": {word: states.count(state) for state, word in _ENDED.items()},
        "data": meaning.data,
        "classes": list(meaning.classes),
        "positive": meaning.positive,
        "split": {"strategy": meaning.strategy, "seed": meaning.split_seed, "description": meaning.description},
        "interval": {
            "units": _units(metrics["interval"]["unit"]),
            "resamples": meaning.resamples,
            "confidence": meaning.confidence,
        },
        "warnings": list(meaning.warnings),
        "importance": importance,
        "importance_reason": why_not,
        "winner": {
            "number": best.number,
            "run": record["run"],
            "model": meaning.model,
            "values": dict(sorted(best.params.items())),
            "best_epoch": record["best_epoch"],
            "epochs": record["epochs"],
            **{
                side: {"n": metrics[side]["n"], "subjects": metrics[side]["subjects"], **measured(predictions, metrics, side)}
                for side in sides
            },
        },
    }


def _units(unit: str) -> str:
    """What was resampled, in words."""
    return f"{unit}s" if unit in ("subject", "image") else "subjects (images, on a side where one is unknown)"


def _part(part: Part, search: Search) -> dict[str, Any]:
    facts = {"key": part.key, "short": search.space.short[part.key], "space": part.text, "scale": part.scale}
    if isinstance(part, Choices):
        return facts | {"choices": list(part.labels)}
    return facts | {"low": part.low, "high": part.high, "step": part.step}


def _importance(study: Any, search: Search) -> tuple[dict[str, float] | None, str | None]:
    """Share of each key in the variance of the objective (functional ANOVA, Hutter et al. 2014), over finished trials.

    Returns:
        the shares and None; or None and why there are none.
    """
    module = optuna()
    done = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
    if len(search.space.parts) < 2:
        return None, "only one key was searched"
    if len(done) < _LEAST_FOR_IMPORTANCE:
        return None, f"only {len(done)} trials finished"
    if len({trial.value for trial in done}) == 1:
        return None, "all finished trials are equal"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            judge = module.importance.FanovaImportanceEvaluator(seed=small_seed(search.recipe.seed, "importance"))
            shares = module.importance.get_param_importances(study, evaluator=judge)
    except (ValueError, RuntimeError, ImportError) as error:
        return None, (str(error).strip().splitlines() or [type(error).__name__])[0]
    return {key: finite(float(shares[key])) or 0.0 for key in sorted(shares)}, None
