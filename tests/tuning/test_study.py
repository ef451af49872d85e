"""Searches that pretend to train: what is proposed, pruned, recorded and refused."""

from __future__ import annotations

import statistics
import sys
from types import SimpleNamespace

import optuna
import pandas as pd
import pytest
from pretend import Pretender, distance, loss_after, table

from keras_leuk.errors import LeukError, RecipeError, RunError, UsageError
from keras_leuk.progress import Recorder
from keras_leuk.recipe import load
from keras_leuk.runs.folder import RunFolder
from keras_leuk.tuning import study
from keras_leuk.tuning.storage import optuna as imported


def test_the_winner_is_the_best_on_validation_and_its_recipe_is_kept(pretending) -> None:
    pretender = Pretender()
    found = pretending(pretender, trials=6, pruner="none")
    rows = table(found.out)
    best = min(pretender.calls, key=lambda call: distance(call.recipe))
    winner = found.summary["winner"]
    assert winner["number"] == rows["objective"].idxmin()
    assert load(str(found.out / "best.yaml")) == best.recipe
    assert (found.out / "best.yaml").read_bytes() == RunFolder(found.out / winner["run"]).recipe.read_bytes()
    assert winner["validation"]["loss"]["value"] == rows["objective"].min() == rows["validation_loss"].min()
    assert rows["training.learning_rate.initial"].between(1e-5, 1e-1).all()
    assert len(set(rows["training.learning_rate.initial"])) == 6
    assert set(rows["training.optimizer.name"]) == {"adam", "sgd"}
    assert pd.read_csv(found.out / "timing.csv")["seconds"].gt(0).all()
    for number, call in enumerate(pretender.calls):
        assert rows["training.learning_rate.initial"][number] == call.recipe.training.learning_rate.initial
        assert (found.out / rows["run"][number]).name.startswith(f"{number:04d}-")


@pytest.mark.parametrize("objective", ["loss", "accuracy"])
def test_a_trial_worse_than_the_median_of_its_epoch_is_pruned(pretending, objective: str) -> None:
    """Against an own reckoning of the median rule, on the best epoch so far, in the direction of the objective."""
    found = pretending(trials=10, objective=objective)
    rows, kept = table(found.out), pretending.study().trials
    assert set(rows["state"]) == {"complete", "pruned"}
    pruned = int((rows["state"] == "pruned").sum())
    assert found.summary["trials"] == {"complete": 10 - pruned, "pruned": pruned, "failed": 0}
    sign = 1 if objective == "loss" else -1
    for trial in kept:
        before = [other for other in kept[: trial.number] if other.state.name == "COMPLETE"]
        told = trial.intermediate_values
        assert sorted(told) == list(range(1, len(told) + 1))
        costs = [sign * value for value in told.values()]
        assert costs == sorted(costs, reverse=True), "the best so far"
        lags = [
            len(before) >= 5 and sign * value > statistics.median(sign * other.intermediate_values[epoch] for other in before)
            for epoch, value in told.items()
        ]
        ended = trial.state.name == "PRUNED"
        assert lags == [False] * (len(told) - ended) + [True] * ended
        row = rows.loc[trial.number]
        assert row["reported"] == told[len(told)]
        assert (int(row["epochs"]), row["run"] == "") == (len(told), ended)
    folders = {path.name[:4] for path in (found.out / "trials").iterdir() if path.is_dir()}
    assert folders == {f"{number:04d}" for number in rows.index[rows["state"] == "complete"]}


def test_without_best_weights_the_last_epoch_is_told(pretending, small_recipe) -> None:
    recipe = small_recipe(training={"early_stopping": {"restore_best": False}})
    found = pretending(trials=1, recipe=recipe)
    told = pretending.study().trials[0].intermediate_values
    assert told[3] > told[2]
    trained = load(str(RunFolder(found.out / table(found.out)["run"][0]).recipe))
    assert told == {epoch: loss_after(trained, epoch) for epoch in range(1, 7)}


def test_hyperband_prunes_and_none_does_not(pretending, small_recipe) -> None:
    recipe = small_recipe(training={"epochs": 4})
    for pruner, some in (("hyperband", True), ("none", False)):
        found = pretending(out=pruner, trials=8, pruner=pruner, sampler="random", recipe=recipe)
        assert (found.summary["trials"]["pruned"] > 0) is some


def test_a_failed_trial_is_recorded_and_the_others_go_on(pretending, small_recipe) -> None:
    space = {"training.learning_rate.initial": "log:1e-7..1e-3", "model.fine_tune": "none|all"}
    recipe = small_recipe(seed=1)
    found = pretending(trials=12, recipe=recipe, pruner="none", space=space | {"training.augment.horizontal_flip": "false|true"})
    rows = table(found.out)
    failed = rows[rows["state"] == "failed"]
    # Each is valid by itself; a frozen backbone with augmentation is not.
    wrong = (failed["model.fine_tune"] == "none") & (failed["training.augment.horizontal_flip"] == "true")
    assert wrong.equals(failed["error"].str.contains("needs a fine-tuned backbone"))
    assert failed["error"][~wrong].str.contains("the loss became inf").all()
    assert 0 < wrong.sum() < len(failed) < 12
    assert len(failed) == found.summary["trials"]["failed"]
    folders = {path.name[:4] for path in (found.out / "trials").iterdir() if path.is_dir()}
    assert folders == {f"{number:04d}" for number in rows.index[rows["state"] == "complete"]}


def test_too_little_memory_fails_one_trial_and_a_fault_of_ours_all(pretending) -> None:
    def choke(kind: type[Exception]):
        def at_epoch(call: int, epoch: int) -> None:
            if call == 0:
                raise kind("no room")

        return Pretender(at_epoch)

    assert table(pretending(choke(MemoryError), trials=2).out)["error"].tolist() == ["no room", ""]
    with pytest.raises(TypeError):
        pretending(choke(TypeError), out="b", trials=2)


def test_a_search_whose_trials_all_fail_says_why(pretending) -> None:
    with pytest.raises(LeukError, match=r"all 3 trials failed, trial 0 with: the loss became inf") as caught:
        pretending(trials=3, space={"training.learning_rate.initial": "log:1e-9..1e-8"})
    assert caught.value.exit_code == 1
    assert table(pretending.root / "search")["state"].tolist() == ["failed"] * 3
    assert not (pretending.root / "search" / "tune.md").exists()


def test_time_runs_out(pretending, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]

    def linger(call: int, epoch: int) -> None:
        clock[0] += 1.0

    monkeypatch.setattr(study, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    assert len(table(pretending(Pretender(linger), trials=50, timeout=10.0).out)) == 2, "a trial takes 6 seconds"
    with pytest.raises(LeukError, match="no trial has finished yet"):
        pretending(out="none", timeout=0.0)


def test_no_test_figure_shapes_the_search(pretending) -> None:
    plain = pretending(out="plain", trials=3, objective="accuracy", draw=True)
    flipped = pretending(Pretender(test_flipped=True), out="flipped", trials=3, objective="accuracy", draw=True)
    for name in ("tune.csv", "best.yaml", "figures/history.png", "figures/slices.png"):
        assert (plain.out / name).read_bytes() == (flipped.out / name).read_bytes(), name
    assert plain.summary["winner"]["validation"] == flipped.summary["winner"]["validation"]
    right, wrong = (found.summary["winner"]["test"]["accuracy"]["value"] for found in (plain, flipped))
    assert right == pytest.approx(1 - wrong)
    assert "test" not in (plain.out / "tune.csv").read_text()


def test_values_that_were_tried_are_not_trained_again(pretending) -> None:
    pretender = Pretender()
    found = pretending(pretender, trials=7, space={"training.optimizer.name": "adam|sgd"})
    rows = table(found.out)
    assert len(pretender.calls) == 2 == rows["run"].nunique()
    assert len(rows) == 7
    columns = ["objective", "reported", "best_epoch", "epochs", "validation_roc_auc", "run"]
    assert (rows.groupby("training.optimizer.name")[columns].nunique() == 1).all(axis=None)
    told = [trial.intermediate_values for trial in pretending.study().trials]
    names = rows["training.optimizer.name"]
    assert all(told[number] == told[list(names).index(name)] and len(told[number]) == 6 for number, name in enumerate(names))
    assert found.summary["winner"]["number"] == list(names).index("adam")


def test_what_cannot_be_searched_is_refused_before_anything_is_written(pretending, small_recipe) -> None:
    for sections, how, kind, words in (
        ({"training": {"monitor": "test"}}, {}, RecipeError, "never looks at test"),
        ({"split": {"strategy": "folds"}}, {}, RecipeError, "name one fold"),
        ({"split": {"validation": 0}}, {}, RecipeError, "no validation side"),
        ({}, {"objective": "los"}, UsageError, "did you mean 'loss'"),
        ({}, {"sampler": "tpee"}, UsageError, "did you mean 'tpe'"),
        ({}, {"pruner": "mean"}, UsageError, "valid: median, hyperband, none|did you mean 'median'"),
        ({"data": {"path": "nowhere-at-all"}}, {}, LeukError, "nowhere-at-all"),
        ({}, {"storage": "nonsense"}, UsageError, "'nonsense' is no database URL"),
        ({}, {"storage": "nosuch://user:secret@host/x"}, UsageError, "driver of this database|no database URL"),
        ({}, {"storage": "sqlite:////nowhere/at/all.db"}, RunError, "cannot be opened"),
    ):
        with pytest.raises(kind, match=words) as caught:
            pretending(recipe=small_recipe(**sections), on_disk=True, **how)
        assert "\n" not in str(caught.value)
        assert "secret" not in str(caught.value)
        assert not (pretending.root / "search" / "study.db").exists()


def test_one_fold_can_be_searched(pretending, small_recipe) -> None:
    recipe = small_recipe(split={"strategy": "folds", "fold": "1"})
    assert len(table(pretending(trials=2, recipe=recipe).out)) == 2


def test_warnings_are_heard_once_and_a_trial_takes_two_lines(pretending) -> None:
    recorder = Recorder()
    pretending(trials=2, progress=recorder)
    assert recorder.warnings.count("what every run warns of") == 1
    assert "what every run says" not in recorder.lines
    said = [line for line in recorder.lines if "trial" in line or "validation loss" in line]
    assert said[0].startswith("trial 0 (1 of 2): learning_rate.initial ")
    assert "(best epoch 5 of 6); the best so far" in said[1]


def test_without_optuna_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(LeukError, match=r"install keras-leuk\[tune\]") as caught:
        imported()
    assert caught.value.exit_code == 1


def test_optuna_is_silent_and_keeps_its_own_settings(pretending, capsys: pytest.CaptureFixture[str]) -> None:
    before = optuna.logging.get_verbosity()
    pretending(trials=2, on_disk=True)
    assert optuna.logging.get_verbosity() == before
    assert capsys.readouterr() == ("", "")
