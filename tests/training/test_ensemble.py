"""Several runs judged as one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from keras_leuk.cli.main import main
from keras_leuk.errors import RunError, UsageError
from keras_leuk.evaluation.metrics import write_metrics
from keras_leuk.runs.folder import RunFolder
from keras_leuk.training.ensemble import ensemble
from keras_leuk.training.run import train

LIVELY = {"model__backbone": "vgg16", "model__head": {"layers": [{"type": "standardize"}]}, "training__epochs": 3}


@pytest.fixture(scope="module")
def members(tiny_recipe, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> list[RunFolder]:
    root = tmp_path_factory.mktemp("members")
    optimizers = ("adam", "sgd", "rmsprop")
    return [train(tiny_recipe(**LIVELY, training__optimizer=name), root / name, cache=cache).run for name in optimizers]


def chances(run: RunFolder) -> np.ndarray:
    return pd.read_csv(run.predictions)[["probability_HEM", "probability_ALL"]].to_numpy()


def test_probabilities_are_means_and_are_judged_like_a_run(members: list[RunFolder], tmp_path: Path) -> None:
    made = ensemble([run.path for run in members], tmp_path / "e")
    assert made.weights == pytest.approx([1 / 3] * 3)
    np.testing.assert_allclose(chances(made.run), np.mean([chances(run) for run in members], axis=0), atol=1e-12)
    table = pd.read_csv(made.run.predictions)
    assert (table["predicted"] == np.where(table["probability_ALL"] > table["probability_HEM"], "ALL", "HEM")).all()
    before = made.run.metrics.read_bytes()
    write_metrics(made.run)
    assert made.run.metrics.read_bytes() == before
    report = made.run.report.read_text(encoding="utf-8")
    assert "ensemble of 3 runs" in report
    # An ensemble is made again from its members, not from a recipe that it does not have.
    assert f"keras-leuk ensemble {members[0].path} " in report
    assert "keras-leuk train" not in report
    warnings = made.run.read_json(made.run.meaning)["warnings"]
    assert any("RANDOM WEIGHTS" in line for line in warnings)


def test_given_weights_are_shares(members: list[RunFolder], tmp_path: Path) -> None:
    made = ensemble([run.path for run in members], tmp_path / "e", weights=[3, 0, 1])
    assert made.weights == (0.75, 0.0, 0.25)
    np.testing.assert_allclose(chances(made.run), 0.75 * chances(members[0]) + 0.25 * chances(members[2]), atol=1e-12)


def test_weights_of_the_validation_side_have_the_smallest_loss_there(members: list[RunFolder], tmp_path: Path) -> None:
    made = ensemble([run.path for run in members], tmp_path / "e", weights="validation")
    table = pd.read_csv(made.run.predictions)
    rows = (table["split"] == "validation").to_numpy()
    truth = (table["true"] == "ALL").to_numpy()[rows].astype(int)
    own = np.stack([chances(run)[rows][np.arange(rows.sum()), truth] for run in members])

    def loss(shares: np.ndarray) -> float:
        return float(-np.log(shares @ own).mean())

    grid = [np.array([a, b, 20 - a - b]) / 20 for a in range(21) for b in range(21 - a)]
    assert loss(np.array(made.weights)) <= min(map(loss, grid)) + 1e-6
    assert made.run.read_json(made.run.meaning)["selection"] == "validation"


def test_the_test_side_shapes_no_weight(members: list[RunFolder], tmp_path: Path) -> None:
    swapped = []
    for run in members:
        shutil.copytree(run.path, tmp_path / run.path.name)
        copy = RunFolder(tmp_path / run.path.name)
        table = pd.read_csv(copy.predictions, dtype=str, keep_default_na=False)
        test = table["split"] == "test"
        table.loc[test, "true"] = table.loc[test, "true"].map({"ALL": "HEM", "HEM": "ALL"})
        table.to_csv(copy.predictions, index=False, lineterminator="\n")
        swapped.append(copy.path)
    plain = ensemble([run.path for run in members], tmp_path / "plain", weights="validation")
    assert ensemble(swapped, tmp_path / "swapped", weights="validation").weights == plain.weights


def test_runs_that_do_not_go_together(members: list[RunFolder], tiny_recipe, cache: Path, tmp_path: Path) -> None:
    other = train(tiny_recipe(**LIVELY, split__strategy="random"), tmp_path / "other", cache=cache).run
    paths = [members[0].path, other.path]
    with pytest.raises(RunError, match=r"differently, such as .*split\.csv"):
        ensemble(paths, tmp_path / "e")
    with pytest.raises(UsageError, match="named twice"):
        ensemble([members[0].path, members[0].path], tmp_path / "e")
    with pytest.raises(UsageError, match="two or more"):
        ensemble([members[0].path], tmp_path / "e")
    with pytest.raises(UsageError, match="one number"):
        ensemble([run.path for run in members], tmp_path / "e", weights=[1, 2])
    with pytest.raises(UsageError, match="is one of the runs"):
        ensemble([run.path for run in members], members[1].path, overwrite=True)
    assert not (tmp_path / "e").exists()
    assert members[1].finished


def test_the_command(members: list[RunFolder], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["ensemble", *(str(run.path) for run in members), "--out", str(tmp_path / "e")]
    assert main([*given, "--weights", "1,1,2", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [member["weight"] for member in answer["members"]] == [0.25, 0.25, 0.5]
    assert main(given) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert main([*given, "--overwrite", "--weights", "best"]) == 2
    assert "expected equal, validation" in capsys.readouterr().err
    assert main([*given, "--overwrite"]) == 0
    assert main(["evaluate", str(tmp_path / "e")]) == 0
    assert main(["predict", str(tmp_path / "e"), str(tmp_path)]) == 1
