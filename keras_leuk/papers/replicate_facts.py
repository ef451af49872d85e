"""replication.json: everything that the pages of a replication are made from, as plain values. Start at `replication`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from keras_leuk.evaluation.published import Reader
from keras_leuk.grid.plan import EPOCHS
from keras_leuk.papers.library import Paper
from keras_leuk.papers.library_facts import Arm, PaperFacts
from keras_leuk.papers.replicate_assumed import assumed
from keras_leuk.papers.replicate_choice import beyond, choice
from keras_leuk.papers.replicate_data import DataFacts
from keras_leuk.papers.replicate_ran import Ran
from keras_leuk.papers.replicate_request import BACKBONE, SEED, Wanted
from keras_leuk.papers.replicate_tables import reading, tables
from keras_leuk.papers.replicate_verdicts import Json, Trial
from keras_leuk.runs.folder import RunFolder

__all__ = ["assumed", "replication"]


def replication(
    paper: Paper, wanted: Wanted, data: DataFacts, ran: Sequence[Ran], out: Path, reader: Reader, command: Sequence[str] = ()
) -> Json:
    """Everything of a replication.

    Args:
        ran: the protocols in the order of the pages.
        out: folder that the runs' folders are named relative to.
        command: what was typed.
    """
    facts: Json = TypeAdapter(PaperFacts).dump_python(paper.facts, mode="json")
    told = tables(paper, {protocol.name: protocol.trials for protocol in ran}, data, reader)
    return {
        "schema": 1,
        "paper": {key: facts[key] for key in ("key", "title", "authors", "year", "venue", "doi", "bibtex")}
        | {"data": paper.facts.data.name},
        "data": _data(paper, data, ran),
        "arm": _arm(paper, wanted),
        "only": list(wanted.only),
        "sets": list(wanted.sets),
        "protocols": [_protocol(protocol, wanted, out, reader) for protocol in ran],
        "tables": told,
        "beyond": [{"protocol": protocol.name, "rows": beyond(protocol.name, protocol.trials, reader)} for protocol in ran],
        "figures": _figures(facts["results"], ran),
        "stated": facts["stated"],
        "open": facts["open"],
        "contradicts": facts["contradicts"],
        "cost": facts["cost"],
        "reading": {protocol.name: reading(told, protocol.name) for protocol in ran},
        "again": shlex.join(command),
    }


def _figures(results: Sequence[Json], ran: Sequence[Ran]) -> list[Json]:
    """The paper's figures; what each is drawn from names the networks that were run, which may stand in the place of others."""
    placed = {name: other for protocol in ran for trial in protocol.trials for name, other in trial.study.instead.items()}
    return [
        {key: result.get(key) for key in ("name", "shows", "ours")} | {"figure": _as_run(result.get("figure"), placed)}
        for result in results
    ]


def _as_run(told: Any, placed: Mapping[str, str]) -> Any:
    """Selections of runs anywhere in a figure, with the backbones that were run."""
    if isinstance(told, Mapping):
        return {
            key: placed.get(value, value) if key == BACKBONE and isinstance(value, str) else _as_run(value, placed)
            for key, value in told.items()
        }
    return [_as_run(part, placed) for part in told] if isinstance(told, list | tuple) else told


PAPERS_DATA = "the paper's data"


def _data(paper: Paper, data: DataFacts, ran: Sequence[Ran]) -> Json:
    samples = {trial.keys.get("data.sample") for protocol in ran for trial in protocol.trials} - {None}
    if data.demo:
        words = "generated cells, not the paper's data"
    elif data.the_papers:
        words = "the paper's data"
    else:
        words = f"only a part of {PAPERS_DATA}" if data.part_of(paper) else f"not {PAPERS_DATA}"
    return {
        "name": f"{data.name} ({_some(samples)}{data.images:,} images)",
        "the_papers": data.the_papers,
        "words": words,
        "images": data.images,
        "classes": dict(data.classes),
        "positive": data.positive,
        "subjects": data.subjects,
        "checks": [asdict(check) for check in data.checks],
        "stand_ins": [
            {"published": published, "here": here, "words": f"{here} stands where {published} stands"}
            for published, here in data.stand_ins.items()
        ],
    }


def _some(samples: Set[Any]) -> str:
    """How many of the images were taken, for titles; what protocols took differently is told beside each."""
    return f"{max(samples):,} of " if samples else ""


def _arm(paper: Paper, wanted: Wanted) -> Json:
    default = next(arm for arm in paper.arms if arm.default)
    arm: Arm = next((arm for arm in paper.arms if arm.name == wanted.arm), default)
    return {"name": arm.name, "default": arm.default, "why": arm.why, "keys": dict(arm.keys)}


def _protocol(ran: Ran, wanted: Wanted, out: Path, reader: Reader) -> Json:
    done = [trial for trial in ran.trials if trial.folder is not None]
    first = RunFolder(done[0].folder) if done and done[0].folder is not None else None
    meaning = first.read_json(first.meaning) if first else {}
    warnings = dict.fromkeys(line for trial in done for line in _warnings(trial))
    return {
        "name": ran.name,
        "meaning": ran.protocol.meaning,
        "recipe": _recipe(ran.trials[0], wanted),
        "assumed": assumed(ran.protocol.recipe_file, ran.trials[0].study.set_keys),
        "split": meaning.get("split", {}).get("description", ""),
        "sides": _sides(first) if first else {},
        "checked": list(meaning.get("checked", [])),
        "linked": list(meaning.get("linked_subjects", [])),
        "selection": meaning.get("selection", "none"),
        "trimmed": list(ran.trimmed),
        "adapted": list(ran.adapted),
        "notes": list(ran.notes),
        "weights": _weights(ran.trials),
        "warnings": list(warnings),
        "commands": list(ran.commands),
        "runs": [
            {
                "id": trial.name,
                "values": dict(trial.cell.values),
                "title": _title(trial),
                "folder": trial.folder.relative_to(out).as_posix() if trial.folder is not None else None,
                "state": trial.state,
                "error": trial.error,
                "weights": trial.weights,
            }
            for trial in ran.trials
        ],
        "axes": _axes(ran.trials),
        "choice": choice(ran.trials, reader),
    }


def _recipe(trial: Trial, wanted: Wanted) -> Json:
    """What was asked for: places as they were typed, and the weights that random ones stand in for."""
    asked: Json = {"data.path": wanted.data, **wanted.flags}
    if trial.study.weights == "random":
        asked["model.weights"] = "imagenet"
    return {key: asked.get(key, value) for key, value in trial.keys.items()}


def _warnings(trial: Trial) -> list[str]:
    assert trial.folder is not None
    run = RunFolder(trial.folder)
    return [str(line) for line in run.read_json(run.meaning).get("warnings", [])]


def _sides(run: RunFolder) -> Json:
    metrics = run.read_json(run.metrics)
    found = {}
    for side in ("train", "validation", "test"):
        facts = metrics[side]
        classes = {name: numbers["support"] for name, numbers in facts.get("per_class", {}).items()}
        found[side] = {"n": facts["n"], "classes": classes, "subjects": facts.get("subjects")}
    return found


def _weights(trials: Sequence[Trial]) -> list[str]:
    words = {
        "imagenet": "ImageNet",
        "random": "random, as the recipe says",
        "file": "from a file",
        "none": "none",
    }
    missing = "random, because its ImageNet weights are not at hand"
    lines = [
        f"{trial.keys['model.backbone']}: {missing if trial.study.weights == 'random' else words[trial.weights]}"
        for trial in trials
    ]
    return list(dict.fromkeys(lines))


def _axes(trials: Sequence[Trial]) -> Json:
    found: dict[str, list[Any]] = {}
    for trial in trials:
        for key, value in trial.cell.values.items():
            if value not in found.setdefault(key, []):
                found[key].append(value)
    return found


def _title(trial: Trial) -> str:
    values = trial.cell.values
    words = [str(value) for key, value in values.items() if key not in (EPOCHS, SEED)]
    words += [f"{values[EPOCHS]} epochs"] if EPOCHS in values else []
    words += [f"seed {values[SEED]}"] if SEED in values else []
    return ", ".join(words) or str(trial.keys["model.backbone"])
