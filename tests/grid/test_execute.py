"""What is begun when, with an executor that only pretends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from test_plan import planned

from keras_leuk.grid.execute import Going, execute, survey
from keras_leuk.grid.layout import GridFolder, PathFolder
from keras_leuk.grid.plan import EPOCHS, Axis
from keras_leuk.grid.status import Told
from keras_leuk.progress import Progress

BACKBONES = Axis("model.backbone", ("mobilenet", "mobilenetv2"))
OPTIMIZERS = Axis("training.optimizer.name", ("adam", "sgd", "rmsprop"))


class Pretender:
    """Trains nothing: a look after it was begun, a path has its features; a look later it has its cells, or has failed."""

    def __init__(self, slots: int, failing: tuple[str, ...] = ()):
        self.slots, self.failing = slots, failing
        self.begun: list[str] = []
        self.together: list[set[str]] = []
        self.stopped = False
        self._running: dict[str, tuple[Mapping[str, Any], int]] = {}

    def submit(self, name: str, task: Mapping[str, Any]) -> None:
        self.begun.append(name)
        self._running[name] = task, 0

    def ended(self) -> list[str]:
        self.together.append({name for name, (_, looks) in self._running.items() if looks == 0})
        found = []
        for name, (task, looks) in list(self._running.items()):
            folder = PathFolder(Path(task["path"]))
            if looks == 0:
                with Told(folder.status).stage("training", 9, "epochs"):
                    pass
                self._running[name] = task, 1
                continue
            del self._running[name]
            found.append(name)
            if name in self.failing:
                folder.failure.write_text(json.dumps({"error": "the loss became nan"}))
                continue
            for path in task["cells"].values():
                Path(path).mkdir(parents=True)
                (Path(path) / "complete.json").write_text("{}")
        return found

    def stop(self) -> None:
        self.stopped = True

    def words(self) -> str:
        return "nothing"


def run(paths: list[Going], out: Path, executor: Pretender, **settings: Any) -> None:
    given = {"cache": out, "command": [], "progress": Progress(), "watch": lambda paths: None, **settings}
    execute(paths, GridFolder(out), executor, **given)


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keras_leuk.grid.execute.PAUSE", 0)


def test_no_two_paths_extract_the_same_features_at_a_time(tiny: Path, cache: Path, tmp_path: Path) -> None:
    plan = planned(tiny, cache, [BACKBONES, OPTIMIZERS])
    paths = survey(plan.routes, GridFolder(tmp_path), retry_failed=False)
    features = {going.folder.path.name: going.route.features for going in paths}
    executor = Pretender(slots=4)
    run(paths, tmp_path, executor)
    assert sorted(executor.begun) == sorted(features)
    for names in executor.together:
        assert len({features[name] for name in names}) == len(names)
    # Both backbones are begun at once, though the plan names three paths of the first one before.
    assert {features[name] for name in executor.begun[:2]} == {plan.routes[0].features, plan.routes[3].features}
    assert [going.state for going in paths] == ["finished"] * 6
    assert executor.stopped


def test_a_failure_is_kept_and_the_others_go_on(tiny: Path, cache: Path, tmp_path: Path) -> None:
    plan = planned(tiny, cache, [OPTIMIZERS, Axis(EPOCHS, (1, 2))])
    grid = GridFolder(tmp_path)
    bad = grid.of_path(plan.routes[1].address).path.name
    paths = survey(plan.routes, grid, retry_failed=False)
    run(paths, tmp_path, Pretender(2, failing=(bad,)))
    assert [going.state for going in paths] == ["finished", "failed", "finished"]
    assert paths[1].error == "the loss became nan"

    again = survey(plan.routes, grid, retry_failed=False)
    assert [going.state for going in again] == ["finished", "failed", "finished"]
    executor = Pretender(2)
    run(again, tmp_path, executor)
    assert executor.begun == []

    retried = survey(plan.routes, grid, retry_failed=True)
    assert [going.state for going in retried] == ["finished", "waiting", "finished"]
    run(retried, tmp_path, executor)
    assert executor.begun == [bad]
    assert [going.state for going in retried] == ["finished"] * 3


def test_a_larger_grid_trains_what_is_missing(tiny: Path, cache: Path, tmp_path: Path) -> None:
    small = planned(tiny, cache, [Axis(EPOCHS, (1, 3))])
    run(survey(small.routes, GridFolder(tmp_path), retry_failed=False), tmp_path, Pretender(1))
    large = planned(tiny, cache, [OPTIMIZERS, Axis(EPOCHS, (1, 2, 3))])
    paths = survey(large.routes, GridFolder(tmp_path), retry_failed=False)
    assert [[cell.epochs for cell in going.wanted] for going in paths] == [[2], [1, 2, 3], [1, 2, 3]]


def test_an_interrupt_ends_what_is_under_way(tiny: Path, cache: Path, tmp_path: Path) -> None:
    class Interrupted(Progress):
        looks = 0

        def check(self) -> None:
            self.looks += 1
            if self.looks > 1:
                raise KeyboardInterrupt

    plan = planned(tiny, cache, [OPTIMIZERS])
    executor = Pretender(1)
    with pytest.raises(KeyboardInterrupt):
        run(survey(plan.routes, GridFolder(tmp_path), retry_failed=False), tmp_path, executor, progress=Interrupted())
    assert executor.stopped
    assert len(executor.begun) == 1


def test_a_path_that_ends_without_cells_or_reason_has_failed(tiny: Path, cache: Path, tmp_path: Path) -> None:
    class Vanishing(Pretender):
        def ended(self) -> list[str]:
            found = list(self._running)
            self._running.clear()
            return found

    paths = survey(planned(tiny, cache, []).routes, GridFolder(tmp_path), retry_failed=False)
    run(paths, tmp_path, Vanishing(1))
    assert paths[0].state == "failed"
    assert "log.txt" in str(paths[0].error)
