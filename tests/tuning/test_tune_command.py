"""The command: real trials, errors, what is printed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from pretend import Pretender

from keras_leuk.cli.main import main
from keras_leuk.cli.tune import _seconds
from keras_leuk.errors import UsageError
from keras_leuk.recipe import load
from keras_leuk.runs.folder import RunFolder
from keras_leuk.tuning import study, trials

SMALL = ["--backbone", "mobilenet", "--weights", "random", "--image-size", "32", "--epochs", "3"]
SMALL += ["--set", "evaluation.resamples=100"]
SEARCH = ["--search", "training.learning_rate.initial=log:1e-4..1e-1"]


class Second(optuna.pruners.BasePruner):
    """Prunes every trial but the first after its second epoch."""

    def prune(self, study: Any, trial: Any) -> bool:
        return trial.number > 0 and trial.last_step == 2


def test_real_trials(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One trial to its end, and one whose pruning travels through a real training."""
    monkeypatch.setattr(study, "_pruner", lambda *args: Second())
    out = tmp_path / "search"
    command = ["tune", "--data", str(tiny), *SMALL, *SEARCH, "--out", str(out)]
    assert main([*command, "--trials", "2", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["trials"] == {"complete": 1, "pruned": 1, "failed": 0}
    assert (answer["out"], answer["running_elsewhere"]) == (str(out), 0)
    rows = pd.read_csv(out / "tune.csv")
    run = RunFolder(out / rows["run"][0])
    assert run.finished
    told = json.loads(run.metrics.read_text())
    assert answer["winner"]["test"]["accuracy"] == told["test"]["accuracy"]
    assert rows["validation_accuracy"][0] == told["validation"]["accuracy"]["value"]
    history = pd.read_csv(run.history)
    kept = optuna.load_study(study_name="tune", storage=f"sqlite:///{out / 'study.db'}").trials
    assert kept[0].intermediate_values == {epoch: history["val_loss"][:epoch].min() for epoch in (1, 2, 3)}
    # The restored weights are those of the best epoch, so the log loss of the predictions is what early stopping saw.
    assert rows["objective"][0] == pytest.approx(history["val_loss"].min(), rel=1e-5)
    assert list(kept[1].intermediate_values) == [1, 2]
    assert (rows["state"][1], rows["epochs"][1]) == ("pruned", 2)
    assert [path.name for path in (out / "trials").iterdir() if path.is_dir()] == [run.path.name]
    assert load(str(out / "best.yaml")).training.learning_rate.initial == rows["training.learning_rate.initial"][0]

    assert main([*command, "--trials", "2"]) == 0
    shown = capsys.readouterr()
    assert "best of 2: too good" in shown.out
    assert f"report:  {out / 'tune.md'}" in shown.out
    assert "trial 2" not in shown.err


def test_an_interrupt_says_how_to_go_on(tiny: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(call: int, epoch: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(trials, "train", Pretender(interrupt))
    monkeypatch.chdir(tmp_path)
    given = ["tune", "--data", str(tiny), *SMALL, *SEARCH, "--trials", "2"]
    assert main(given) == 130
    assert "-mobilenet-tune keeps what was done; go on with the same command" in capsys.readouterr().err
    monkeypatch.setattr(trials, "train", Pretender())
    assert main(given) == 0
    assert "trial 0 was left unfinished and goes on" in capsys.readouterr().err
    (out,) = (tmp_path / "runs").iterdir()
    assert len(pd.read_csv(out / "tune.csv")) == 2


def test_the_password_of_a_database_is_not_kept(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretender = Pretender()
    monkeypatch.setattr(trials, "train", pretender)
    url = f"sqlite:///{tmp_path / 'secret.db'}"
    given = ["tune", "--data", str(tiny), *SMALL, *SEARCH, "--trials", "1", "--out", str(tmp_path / "s"), f"--storage={url}"]
    monkeypatch.setattr("sys.argv", ["keras-leuk", *given])
    assert main(given) == 0
    assert pretender.calls[0].command[:2] == ("keras-leuk", "tune")
    assert "--storage=URL" in pretender.calls[0].command
    files = [path for path in (tmp_path / "s").rglob("*") if path.is_file() and path.suffix != ".png"]
    assert len(files) > 5
    assert not [path for path in files if b"secret" in path.read_bytes()]


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ([], 2, "nothing to search; give --search KEY=SPACE"),
        (["--search", "training.batchsize=1|2"], 2, "did you mean 'batch_size'"),
        (["--search", "training.batch_size=0..8"], 2, "training.batch_size=0"),
        ([*SEARCH, "--set", "training.monitor=test"], 2, "training.monitor"),
        ([*SEARCH, "--folds", "3"], 2, "name one fold"),
        ([*SEARCH, "--objective", "acuracy"], 2, "did you mean 'accuracy'"),
        ([*SEARCH, "--sampler", "grid"], 2, "--sampler 'grid' is unknown"),
        ([*SEARCH, "--timeout", "soon"], 2, "--timeout 'soon'"),
        ([*SEARCH, "--trials", "0"], 2, "--trials"),
        ([*SEARCH, "--space", "nowhere.yaml"], 2, "no such file"),
        (["no-such-recipe", *SEARCH], 2, "no-such-recipe"),
        ([*SEARCH, "--data", "nowhere"], 2, "nowhere"),
        ([*SEARCH, "--set", "split.validation=0"], 2, "no validation side"),
    ],
)
def test_wrong_use(given: list[str], code: int, words: str, tiny: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = [] if "--data" in given else ["--data", str(tiny)]
    assert main(["tune", *data, *SMALL, *given]) == code
    told = capsys.readouterr().err.strip().splitlines()
    assert words in told[-1]
    assert "Traceback" not in "".join(told)
    assert list(tmp_path.iterdir()) == []


def test_without_optuna(tiny: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.chdir(tmp_path)
    assert main(["tune", "--data", str(tiny), *SMALL, *SEARCH]) == 1
    assert capsys.readouterr().err == "keras-leuk: keras-leuk tune needs Optuna; install keras-leuk[tune]\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("1.5h", 5400), ("2 m", 120), (".5s", 0.5), ("1d", 86400), (None, None)]
)
def test_times(text: str | None, seconds: float | None) -> None:
    assert _seconds(text) == seconds


@pytest.mark.parametrize("text", ["0", "-3", "2 weeks", "h", "1h30m", ""])
def test_no_times(text: str) -> None:
    with pytest.raises(UsageError, match="90m or 2h"):
        _seconds(text)
