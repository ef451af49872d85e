"""A paper's experiment run again, under its own protocol and under an honest one. `replicate` is the table of contents."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_leuk.errors import RunError
from keras_leuk.evaluation.published import Reader
from keras_leuk.grid.execute import Going, Watch
from keras_leuk.grid.executors import Executor
from keras_leuk.grid.plan import Axis, Plan, make_plan
from keras_leuk.grid.run import run_grid
from keras_leuk.papers.library import Paper
from keras_leuk.papers.replicate_adapted import adapted
from keras_leuk.papers.replicate_budget import fit
from keras_leuk.papers.replicate_costs import machine_factor
from keras_leuk.papers.replicate_data import DataFacts, look
from keras_leuk.papers.replicate_facts import replication
from keras_leuk.papers.replicate_ran import Ran, epochs_last, ran
from keras_leuk.papers.replicate_request import Study, Wanted, studies
from keras_leuk.papers.replicate_verdicts import Json
from keras_leuk.papers.replicate_weights import with_weights
from keras_leuk.progress import Progress
from keras_leuk.reporting.replication import write_replication_report
from keras_leuk.runs.atomic import write_json
from keras_leuk.runs.output import make_output

FACTS, TIMING = "replication.json", "timing.json"
GRIDS = "grids"

MakeExecutor = Callable[[Plan, int], Executor]
"""Makes an executor for a plan, given how many paths are waiting."""


@dataclass(frozen=True)
class Planned:
    """What is going to be run.

    Attributes:
        studies: each with its plan; how it differs from the paper, by being trimmed and by being adapted to the data.
        estimate: seconds, where there is a budget.
    """

    paper: Paper
    wanted: Wanted
    data: DataFacts
    studies: tuple[tuple[Study, Plan], ...]
    trimmed: Mapping[str, tuple[str, ...]]
    adapted: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]
    estimate: float | None


@dataclass(frozen=True)
class Outcome:
    """What a replication left: its facts, the files of its report, and the paths that failed."""

    out: Path
    facts: Json
    files: tuple[str, ...]
    failed: tuple[Going, ...]


def plan_replication(paper: Paper, wanted: Wanted, *, cache: Path, jobs: int, progress: Progress) -> Planned:
    """Works everything out before the first training: data, weights, cuts, cells.

    Args:
        jobs: processes at a time that the estimate for a budget counts with.

    Raises:
        LeukError: whatever is wrong with what was asked for, the data, or the weights.
    """
    found, notes = studies(paper, wanted)
    source = {"data.path": wanted.data, **wanted.flags}
    data = look(paper, source, wanted.stand_ins, cache)
    changes = [adapted(study, data) for study in found]
    told = _by_protocol(found, [lines for _, lines in changes])
    found = [study for study, _ in changes]
    found = with_weights(found, wanted.flags, random_allowed=wanted.random_weights or data.demo, progress=progress)
    cut, estimate = {}, None
    if wanted.budget is not None:
        found, lines, estimate = fit(paper, found, data, wanted.budget, machine_factor(), jobs)
        cut = _by_protocol(found, lines)
    _tell(data, notes, told, cut, progress)
    _tell_time(estimate, wanted.budget, progress)
    planned = tuple((study, _plan(study, source, cache, progress)) for study in found)
    return Planned(paper, wanted, data, planned, cut, told, tuple(notes), estimate)


def _plan(study: Study, source: Mapping[str, Any], cache: Path, progress: Progress) -> Plan:
    axes = [Axis(key, listed) for key, listed in epochs_last(study.lists)]
    return make_plan(str(study.protocol.recipe_file), axes, flags=source, sets=study.all_sets, cache=cache, progress=progress)


def _tell(
    data: DataFacts, notes: Sequence[str], told: Mapping[str, Sequence[str]], cut: Mapping[str, Sequence[str]], progress: Progress
) -> None:
    """Says how this replication is not what the paper did."""
    for check in data.checks:
        if not check.agrees:
            progress.say(f"not the paper's data: {check.what}: {check.here} ({check.words}; the paper has {check.paper})")
    for note in notes:
        progress.say(note)
    for words, changes in (("adapted to the data", told), ("trimmed to the budget", cut)):
        for name, lines in changes.items():
            for line in lines:
                progress.say(f"{words}, protocol {name}: {line}")


def _tell_time(estimate: float | None, budget: float | None, progress: Progress) -> None:
    if estimate is None or budget is None:
        return
    if estimate > budget:
        progress.warn(
            f"the quickest that is left is estimated to take {estimate:,.0f} s, more than the budget of {budget:,.0f} s"
        )
    else:
        progress.say(f"estimated: {estimate:,.0f} of {budget:,.0f} s")


def replicate(
    planned: Planned,
    out: Path,
    *,
    executor: MakeExecutor,
    cache: Path,
    command: Sequence[str] = (),
    progress: Progress | None = None,
    watch: Watch = lambda paths: None,
    retry_failed: bool = False,
) -> Outcome:
    """Trains what is missing, and writes the page with every published number beside the measured ones.

    Args:
        out: folder of the replication; what stands in its grids is not trained again.

    Raises:
        LeukError: see `claim` and `grid.run.run_grid`.
    """
    progress, began = progress or Progress(), time.perf_counter()
    claim(out, planned.paper)
    failed: list[Going] = []
    for study, plan in planned.studies:
        progress.say(f"protocol {study.protocol.name}, grid {study.name}: {len(plan.cells)} cells on {len(plan.routes)} paths")
        outcome = run_grid(
            plan,
            out / GRIDS / study.name,
            executor=lambda waiting, plan=plan: executor(plan, waiting),  # type: ignore[misc]
            cache=cache,
            command=command,
            progress=progress,
            watch=watch,
            retry_failed=retry_failed,
            figures=False,
        )
        failed += outcome.failed
    found = _ran(planned, out, failed)
    facts = replication(planned.paper, planned.wanted, planned.data, found, out, Reader(), command)
    write_json(out / FACTS, facts)
    files = write_replication_report(out, progress)
    # Beside the page and not on it: two equal replications have equal pages.
    write_json(out / TIMING, {"schema": 1, "seconds": time.perf_counter() - began, "estimate": planned.estimate})
    return Outcome(out, facts, tuple(files), tuple(failed))


def claim(out: Path, paper: Paper) -> None:
    """Makes the folder of a replication, if it is not there.

    Raises:
        RunError: it holds a replication of another paper; or see `runs.output.make_output`.
        UsageError: it is a file.
    """
    make_output(out, (out / FACTS, out / GRIDS), "a replication's")
    other = _paper_of(out)
    if other is not None and other != paper.key:
        raise RunError(f"--out {out} holds a replication of {other}, not of {paper.key}; name another folder")


def _paper_of(out: Path) -> str | None:
    """Key of the paper that a folder holds a replication of; None where it does not say."""
    try:
        return str(json.loads((out / FACTS).read_text(encoding="utf-8"))["paper"]["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # none was finished yet, or it is damaged and will be written anew


def _by_protocol(found: Sequence[Study], lines: Sequence[Sequence[str]]) -> dict[str, tuple[str, ...]]:
    told: dict[str, dict[str, None]] = {}
    for study, own in zip(found, lines, strict=True):
        told.setdefault(study.protocol.name, {}).update(dict.fromkeys(own))
    return {name: tuple(own) for name, own in told.items()}


def _ran(planned: Planned, out: Path, failed: Sequence[Going]) -> list[Ran]:
    errors = {cell.name: str(going.error) for going in failed for cell in going.wanted}
    found = []
    for name in planned.wanted.protocols:
        own = [(study, plan) for study, plan in planned.studies if study.protocol.name == name]
        if own:
            trimmed, changed = planned.trimmed.get(name, ()), planned.adapted.get(name, ())
            found.append(ran(own, planned.wanted, out / GRIDS, errors, trimmed=trimmed, adapted=changed, notes=planned.notes))
    return found
