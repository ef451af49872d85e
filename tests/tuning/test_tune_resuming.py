"""Searches that were stopped, killed or shared, and those that may not go on."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import filelock
import optuna
import pytest
from pretend import PAGES, TABLES, Killed, Pretender, assert_same, table

from keras_leuk.errors import RunError
from keras_leuk.progress import Recorder
from keras_leuk.recipe import resolved_yaml
from keras_leuk.tuning import trials


def study_in(out: Path) -> Any:
    return optuna.load_study(study_name="tune", storage=f"sqlite:///{out / 'study.db'}")


def test_three_trials_and_then_three_are_six_at_once(pretending) -> None:
    settings = {"sampler": "tpe", "pruner": "none"}
    assert len(table(pretending(out="twice", trials=3, **settings).out)) == 3
    twice = pretending(out="twice", trials=6, draw=True, **settings)
    assert_same(twice.out, pretending(out="once", trials=6, draw=True, **settings).out, TABLES + PAGES)


def test_a_stopped_search_proposes_what_the_parzen_estimator_would_have(pretending) -> None:
    """Beyond the tenth trial, proposals depend on the trials before, and pruned ones count."""
    once = pretending(out="once", trials=13)
    for number in (11, 13):
        twice = pretending(out="twice", trials=number)
    assert_same(once.out, twice.out)
    at_random = pretending(out="random", trials=13, sampler="random")
    ours, random = (table(found.out)["training.learning_rate.initial"] for found in (once, at_random))
    assert (ours[:10] == random[:10]).all()
    assert (ours[10:] != random[10:]).all()
    assert "pruned" in set(table(once.out)["state"])


def test_a_seed_draws_another_search(pretending, small_recipe) -> None:
    a, b = (table(pretending(out=f"seed{seed}", recipe=small_recipe(seed=seed), trials=2).out) for seed in (0, 1))
    assert (a["training.learning_rate.initial"] != b["training.learning_rate.initial"]).all()


@pytest.mark.parametrize("at", [(1, 1), (2, 6)])
def test_a_killed_search_goes_on_as_if_nothing_had_happened(pretending, at: tuple[int, int]) -> None:
    def kill(call: int, epoch: int) -> None:
        if (call, epoch) == at:
            raise Killed

    with pytest.raises(Killed):
        pretending(Pretender(kill), out="killed", trials=4)
    pretender, recorder = Pretender(), Recorder()
    again = pretending(pretender, out="killed", trials=4, progress=recorder)
    assert f"trial {at[0]} was left unfinished and goes on" in recorder.lines
    first = pretender.calls[0]
    assert (first.resumed, first.epochs) == (True, list(range(at[1] + 1, 7)))
    assert_same(again.out, pretending(out="undisturbed", trials=4).out)
    assert {path.name for path in (again.out / "trials").iterdir() if path.is_file()} <= {".lock"}


def test_an_interrupt_keeps_the_trial(pretending) -> None:
    def interrupt(call: int, epoch: int) -> None:
        if (call, epoch) == (1, 3):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretending(Pretender(interrupt), trials=2)
    assert [trial.state.name for trial in pretending.study().trials] == ["COMPLETE", "RUNNING"]
    pretender = Pretender()
    assert len(table(pretending(pretender, trials=2).out)) == 2
    assert pretender.calls[0].epochs == [4, 5, 6]


def test_a_trial_that_another_process_works_on_is_left_alone(pretending) -> None:
    def kill(call: int, epoch: int) -> None:
        if call == 1:
            raise Killed

    with pytest.raises(Killed):
        pretending(Pretender(kill), trials=2)
    folder = pretending.root / "search" / "trials"
    # Its process lives: it holds the lock.
    with filelock.FileLock(str(folder / ".0001.lock")):
        found = pretending(trials=4)
        assert (found.running, list(table(found.out)["number"])) == (1, [0, 2, 3])
    # Its process works with another --out: there is no mark.
    (folder / ".0001.begun").unlink()
    assert pretending(trials=4).running == 1
    (folder / ".0001.begun").touch()
    found = pretending(trials=4)
    assert (found.running, list(table(found.out)["number"])) == (0, [0, 1, 2, 3])


def test_a_run_that_was_whole_when_its_process_died_is_not_trained_again(pretending, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = trials.measured

    def die(*_: Any) -> None:
        raise Killed

    monkeypatch.setattr(trials, "measured", die)
    with pytest.raises(Killed):
        pretending(trials=2)
    monkeypatch.setattr(trials, "measured", judge)
    pretender = Pretender()
    pretending(pretender, trials=2)
    assert len(pretender.calls) == 1
    assert_same(pretending.root / "search", pretending(out="undisturbed", trials=2).out)


def test_a_folder_holds_one_search_even_if_its_database_is_gone(pretending) -> None:
    url = f"sqlite:///{pretending.root / 'first.db'}"
    first = pretending(trials=2, storage=url)
    other = {"training.learning_rate.initial": "log:1e-5..1e-1", "training.optimizer.name": "sgd|adam"}
    with pytest.raises(RunError, match=r"the search in .*search was begun with another space \(training\.optimizer\.name"):
        pretending(trials=2, space=other, storage=f"sqlite:///{pretending.root / 'second.db'}")
    before = (first.out / "tune.csv").read_bytes()
    pretender = Pretender()
    again = pretending(pretender, trials=3, storage=f"sqlite:///{pretending.root / 'third.db'}")
    assert len(pretender.calls) == 1, "the runs are there"
    assert (again.out / "tune.csv").read_bytes().splitlines()[1].split(b",")[:5] == before.splitlines()[1].split(b",")[:5]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"recipe": {"training": {"batch_size": 4}}}, r"another recipe \(training\.batch_size was 8, now 4\)"),
        (
            {"space": {"training.learning_rate.initial": "log:1e-5..1e-2"}},
            r"another space \(training\.learning_rate\.initial was 'log",
        ),
        ({"space": {"training.learning_rate.initial": "log:1e-5..1e-1"}}, r"another space \(training\.optimizer\.name was"),
        ({"objective": "roc_auc"}, r"another setting \(objective was 'loss', now 'roc_auc'\)"),
        ({"sampler": "random"}, r"another setting \(sampler"),
        ({"pruner": "none"}, r"another setting \(pruner"),
        ({"recipe": {"data": {"parts": ["training"]}}}, r"another recipe \(data\.parts"),
    ],
)
def test_another_search_in_the_same_study_is_refused(pretending, small_recipe, change: dict[str, Any], named: str) -> None:
    pretending(trials=1)
    before = (pretending.root / "search" / "tune.csv").read_bytes()
    changed = {**change, "recipe": small_recipe(**change["recipe"])} if "recipe" in change else change
    with pytest.raises(RunError, match=named):
        pretending(trials=2, **changed)
    assert (pretending.root / "search" / "tune.csv").read_bytes() == before


def test_data_are_known_by_content_not_by_place(pretending, small_recipe, tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny, tmp_path / "moved")
    pretending(trials=1)
    moved = small_recipe(data={"path": str(tmp_path / "moved")})
    assert len(table(pretending(trials=2, recipe=moved).out)) == 2
    next((tmp_path / "moved").rglob("UID_*.bmp")).unlink()
    with pytest.raises(RunError, match="begun with other images, labels or subjects"):
        pretending(trials=3, recipe=moved)


def test_the_order_of_keys_is_no_other_space(pretending) -> None:
    space = {"training.learning_rate.initial": "log:0.00001..0.1", "training.optimizer.name": ["adam", "sgd"]}
    pretending(trials=1)
    assert len(table(pretending(trials=2, space=dict(reversed(space.items()))).out)) == 2


def test_other_folders_and_other_studies_are_left_alone(pretending, tmp_path: Path) -> None:
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "thesis.txt").write_text("mine")
    with pytest.raises(RunError, match=r"files that are not a search's: thesis\.txt"):
        pretending()
    assert [path.name for path in (tmp_path / "search").iterdir()] == ["thesis.txt"]
    url = f"sqlite:///{tmp_path / 'other.db'}"
    other = optuna.create_study(study_name="tune", storage=url)
    other.tell(other.ask(), 1.0)
    with pytest.raises(RunError, match="was not begun by keras-leuk tune"):
        pretending(out="b", storage=url, on_disk=True)
    assert len(table(pretending(out="b", storage=url, name="mine", trials=2, on_disk=True).out)) == 2
    assert not (tmp_path / "b" / "study.db").exists()


def test_a_winner_whose_run_is_elsewhere(pretending, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    pretending(out="a", storage=url, trials=2, on_disk=True)
    with pytest.raises(RunError, match="must share --out"):
        pretending(out="b", storage=url, trials=2, on_disk=True)


def test_a_process_killed_by_the_system_goes_on(pretending, small_recipe, tmp_path: Path, cache: Path) -> None:
    """SIGKILL, not an exception: locks are taken away by the system, and nothing is tidied up."""
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(resolved_yaml(small_recipe()))
    script = f"""
        import sys, time
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from conftest import SPACE
        from pretend import Pretender
        from keras_leuk.recipe import load
        from keras_leuk.tuning import trials
        from keras_leuk.tuning.study import How, search

        def wait(call, epoch):
            if (call, epoch) == (1, 4):
                print("now", flush=True)
                time.sleep(60)

        trials.train = Pretender(wait)
        search(load({str(recipe)!r}), SPACE, Path({str(tmp_path / "killed")!r}), How(trials=4), cache=Path({str(cache)!r}))
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "now\n"
        process.send_signal(signal.SIGKILL)
    assert [trial.state.name for trial in study_in(tmp_path / "killed").trials] == ["COMPLETE", "RUNNING"]
    pretender = Pretender()
    again = pretending(pretender, out="killed", trials=4, on_disk=True)
    assert pretender.calls[0].epochs == [5, 6]
    assert_same(again.out, pretending(out="undisturbed", trials=4).out)
