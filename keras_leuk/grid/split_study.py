"""One recipe under several splits of the same images: what a random split flatters, and by how much.

`split_ways.ways_of` says which splits the data allow, `plan_study` makes one plan of them, `run_study` trains what is missing and
leaves study.json, which names the runs; everything after that is made from there (`keras_leuk.reporting.split_study`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from keras_leuk.errors import LeukError
from keras_leuk.grid.execute import Going, Watch, execute, survey
from keras_leuk.grid.executors import Executor
from keras_leuk.grid.layout import GridFolder
from keras_leuk.grid.plan import Axis, Plan, make_plan
from keras_leuk.grid.run import claim
from keras_leuk.grid.split_ways import Way
from keras_leuk.progress import Progress, Quiet
from keras_leuk.runs.atomic import write_json
from keras_leuk.runs.output import make_output
from keras_leuk.training.split_summary import describe_split

STUDY, RUNS = "study.json", "grid"
"""In the folder of a study: which runs there are, and the grid folder that holds them."""

REFERENCES = ("linked", "subject", "folds", "part", "random")
"""The first of these that is run is what the others are held against."""

_SEARCHED_FIRST = ("part", "linked", "subject", "random", "folds")
"""The split of most images whose subjects are linked by a search comes first: the others find its search in the cache."""


@dataclass(frozen=True)
class Study:
    """Splits and the plan of their runs; each cell's values are the split's name and the seed."""

    ways: tuple[Way, ...]
    seeds: tuple[int, ...]
    plan: Plan
    parts: tuple[str, ...] | None


def plan_study(
    source: str | None,
    ways: Sequence[Way],
    seeds: Sequence[int],
    *,
    parts: tuple[str, ...] | None,
    flags: Mapping[str, Any],
    sets: Sequence[str],
    cache: Path,
    progress: Progress,
) -> Study:
    """Reads the data and draws every split before the first training.

    Args:
        source, flags, sets: see `recipe.load`; what all runs have in common.
        ways, parts: as `ways_of` gives them.
        seeds: each draws every split anew; of folds and parts of the data's own it draws what else is random.

    Raises:
        LeukError: the recipe, the data, the weights or a split are wrong.
    """
    plans: dict[str, Plan] = {}
    axes = [Axis("seed", tuple(seeds))]
    for way in sorted(ways, key=lambda way: _SEARCHED_FIRST.index(way.name)):
        listener = _Unheard(progress) if plans else progress
        plan = make_plan(source, axes, flags={**flags, **way.keys}, sets=sets, cache=cache, progress=listener)
        plans[way.name] = _named(plan, way.name)
        progress.say(f"{way.title}: {describe_split(plan.ground.splits(plan.cells[0].recipe))}")
    ordered = [plans[way.name] for way in ways]
    whole = Plan(
        (Axis("split", tuple(way.name for way in ways)), Axis("seed", tuple(seeds))),
        tuple(cell for plan in ordered for cell in plan.cells),
        tuple(route for plan in ordered for route in plan.routes),
        ordered[0].ground,
        independent=False,
    )
    return Study(tuple(ways), tuple(seeds), whole, parts)


class _Unheard(Quiet):
    """For all splits but the first: what is said of the data is the same, and what stands on two sides is what the page tells."""

    def warn(self, line: str) -> None:
        self.warned.add(line)


def _named(plan: Plan, name: str) -> Plan:
    """The plan with cells that say which split they are of."""
    cells = {
        cell.address: replace(cell, values={"split": name, "seed": cell.recipe.seed}, name=f"{name}-{cell.name}")
        for cell in plan.cells
    }
    routes = tuple(replace(route, cells=tuple(cells[cell.address] for cell in route.cells)) for route in plan.routes)
    return replace(plan, cells=tuple(cells.values()), routes=routes)


def run_study(
    study: Study,
    out: Path,
    *,
    executor: Callable[[int], Executor],
    cache: Path,
    title: str | None = None,
    command: Sequence[str] = (),
    progress: Progress | None = None,
    watch: Watch = lambda paths: None,
    retry_failed: bool = False,
) -> Path:
    """Trains what is missing, and writes study.json when every run stands.

    A grid's own page, which chooses the setting that is best on validation, is not made: nothing is to be chosen here.

    Args:
        out: folder of the study; runs in it that stand already are not trained again.
        title: what the page calls the data, None for their name.
        executor, watch, retry_failed: see `grid.run.run_grid`.

    Returns:
        the path of study.json.

    Raises:
        LeukError: the folder holds something else, or a run failed.
    """
    progress = progress or Progress()
    claim_study(out)
    grid = claim(out / RUNS)
    paths = survey(study.plan.routes, grid, retry_failed)
    waiting = sum(going.state == "waiting" for going in paths)
    progress.say(f"splits: {len(study.ways)} ways, {len(study.plan.cells)} runs, {waiting} to train")
    if waiting:
        chosen = executor(waiting)
        execute(paths, grid, chosen, cache=cache, command=command, progress=progress, watch=watch, figures=False)
    _require_all(paths)
    write_json(out / STUDY, _facts(study, grid, title, command))
    return out / STUDY


def claim_study(out: Path) -> None:
    """The folder of a study, made if it is not there.

    Raises:
        LeukError: see `runs.output.make_output`.
    """
    make_output(out, (out / STUDY, out / RUNS), "of a study of splits")


def _require_all(paths: Sequence[Going]) -> None:
    """A mean over the seeds that happened to finish would not say what it seems to."""
    failed = [going for going in paths if going.wanted]
    if failed:
        raise LeukError(
            f"{len(failed)} of {len(paths)} runs failed, first {failed[0].route.title}: {failed[0].error}; the others are "
            "finished; try again with --retry-failed"
        )


def _facts(study: Study, grid: GridFolder, title: str | None, command: Sequence[str]) -> dict[str, Any]:
    """Which runs there are, by split and seed, and what they have in common."""
    found = grid.finished()
    ways = []
    for way in study.ways:
        cells = [cell for cell in study.plan.cells if cell.values["split"] == way.name]
        folders = [found[cell.address[: GridFolder.DIGITS]].relative_to(grid.path.parent) for cell in cells]
        runs = [{"seed": cell.values["seed"], "run": path.as_posix()} for cell, path in zip(cells, folders, strict=True)]
        ways.append({"name": way.name, "title": way.title, "meaning": way.meaning, "runs": runs})
    names = [way.name for way in study.ways]
    return {
        "schema": 1,
        "kind": "splits",
        "title": title or study.plan.ground.materials(study.plan.cells[0].recipe).table.name,
        "reference": next(name for name in REFERENCES if name in names),
        "parts": list(study.parts) if study.parts is not None else None,
        "ways": ways,
        "command": " ".join(command),
    }
