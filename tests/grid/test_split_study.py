"""A study of splits: which splits the data allow, which images each takes, and its runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from training_here import Here

from keras_leuk.data.read import read
from keras_leuk.data.table import ImageTable, make_table, only_parts
from keras_leuk.errors import DataError, LeukError, RunError, UsageError
from keras_leuk.grid.split_study import STUDY, Study, plan_study, run_study
from keras_leuk.grid.split_ways import NAMES, check_free, ways_of
from keras_leuk.grid.worker import fail
from keras_leuk.progress import Progress, Recorder
from keras_leuk.recipe import Recipe, load
from keras_leuk.reporting.split_study import write_split_study

QUICK = {"images.size": 32, "model.features": "hand", "model.head": "sklearn:logistic", "evaluation.resamples": 100}
SETS = ("split.validation=0", "split.test=0.34")


def planned(data: Path, cache: Path, wanted=None, seeds=(0, 1), progress: Progress | None = None, **keys: Any) -> Study:
    ways, parts = ways_of(read(str(data), "auto", cache), wanted)
    flags = {"data.path": str(data), **QUICK, **keys}
    return plan_study(None, ways, seeds, parts=parts, flags=flags, sets=SETS, cache=cache, progress=progress or Progress())


@pytest.fixture(scope="module")
def study(tiny: Path, cache: Path) -> Study:
    return planned(tiny, cache)


def table(tmp_path: Path, **columns: Any) -> ImageTable:
    n = 12
    rows = [
        {"image": f"{i}.bmp", "label": "ab"[i % 2], "subject": f"S{i // 2}"}
        | {key: value[i] if value is not None else None for key, value in columns.items()}
        for i in range(n)
    ]
    return make_table(rows, root=tmp_path, name="made", reader="table")


def sides(study: Study, name: str, seed: int = 0) -> pd.DataFrame:
    cell = next(cell for cell in study.plan.cells if cell.values == {"split": name, "seed": seed})
    return pd.concat([result.rows for result in study.plan.ground.splits(cell.recipe)])


def test_the_data_say_which_splits_there_are(tiny: Path, cache: Path, tmp_path: Path) -> None:
    whole = read(str(tiny), "auto", cache)
    ways, parts = ways_of(whole)
    assert ([way.name for way in ways], parts) == (list(NAMES), ("training",))
    assert [way.name for way in ways_of(whole, ["linked", "random"])[0]] == ["random", "linked"]
    ways, parts = ways_of(only_parts(whole, ["training"]))
    assert ([way.name for way in ways], parts) == (["random", "subject", "linked", "folds"], None)

    assert [way.name for way in ways_of(table(tmp_path))[0]] == ["random", "subject", "linked"]
    parted = table(tmp_path, part=["training"] * 6 + ["validation"] * 2 + ["test"] * 4)
    ways, parts = ways_of(parted)
    assert ([way.name for way in ways], parts) == (["random", "subject", "linked", "part"], ("training", "validation"))
    assert ways[-1].keys["split.strategy"] == "table"
    # One fold is none.
    assert "folds" not in [way.name for way in ways_of(table(tmp_path, fold=["0"] * 12))[0]]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (["random", "linkd"], "did you mean 'linked'"),
        (["random", "folds"], "the data have no folds of their own; possible: random, subject, linked"),
        (["part", "random"], "no preliminary or test part"),
        (["linked"], "nothing to compare"),
    ],
)
def test_what_is_not_there_cannot_be_asked_for(wanted: list[str], words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words):
        ways_of(table(tmp_path), wanted)


def test_without_subjects_there_is_nothing_to_say(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"made names the subject of 11 of 12 images; .* columns path, label and subject"
    ) as caught:
        ways_of(table(tmp_path, subject=[None, *["S1"] * 11]))
    assert caught.value.exit_code == 1
    # Only the drawn images need them.
    parts = ["training"] * 6 + ["test"] * 6
    assert len(ways_of(table(tmp_path, subject=["A"] * 3 + ["B"] * 3 + [None] * 6, part=parts))[0]) == 4


def test_the_recipe_leaves_the_split_to_the_study() -> None:
    check_free(Recipe(), ["split.test=0.3"])
    for text in ("split.strategy=random", "seed=3", "split.link_subjects=none"):
        with pytest.raises(UsageError, match="see --splits and --seeds"):
            check_free(Recipe(), [text])
    for keys in (
        {"split.seed": 4},
        {"split.strategy": "folds", "split.folds": 5},
        {"split.strategy": "random", "split.balanced": True},
    ):
        with pytest.raises(UsageError, match="leave it out of the recipe"):
            check_free(load(None, flags=keys), [])


def test_drawn_splits_and_folds_take_the_same_images(study: Study) -> None:
    everything = study.plan.ground.materials(study.plan.cells[-1].recipe).rows
    training = set(everything["image"][everything["part"] == "training"])
    for name in ("random", "subject", "linked", "folds"):
        for seed in (0, 1):
            assert set(sides(study, name, seed)["image"]) == training
    own = sides(study, "part")
    assert set(own["image"]) == set(everything["image"])
    assert set(own["part"][own["split"] == "test"]) == {"preliminary"}
    assert "preliminary" not in set(own["part"][own["split"] == "train"])


def test_each_split_keeps_what_it_promises(study: Study) -> None:
    for seed in (0, 1):
        for name in ("subject", "linked"):
            rows = sides(study, name, seed)
            assert (rows.groupby("subject")["split"].nunique() == 1).all()
            assert (rows.groupby("group")["split"].nunique() == 1).all()
        assert (sides(study, "random", seed).groupby("subject")["split"].nunique() > 1).any()
    folds = sides(study, "folds")
    assert (folds[folds["split"] == "test"].groupby("image").size() == 1).all()
    drawn = [tuple(sides(study, "random", seed)["split"]) for seed in (0, 1)]
    assert drawn[0] != drawn[1]
    recipes = {cell.values["split"]: cell.recipe.split for cell in study.plan.cells}
    assert {name: split.link_subjects for name, split in recipes.items()} == {
        **{"random": "none", "subject": "none"},
        **dict.fromkeys(("linked", "folds", "part"), "audited"),
    }
    assert [name for name, split in recipes.items() if split.drop_linked] == ["part"]


def test_one_plan_of_all_splits(study: Study, tiny: Path, cache: Path) -> None:
    assert [cell.values for cell in study.plan.cells] == [{"split": name, "seed": seed} for name in NAMES for seed in (0, 1)]
    assert len({cell.address for cell in study.plan.cells}) == len({cell.name for cell in study.plan.cells}) == 10
    assert all(cell.name.startswith(f"{cell.values['split']}-s") for cell in study.plan.cells)
    assert [cell for route in study.plan.routes for cell in route.cells] == list(study.plan.cells)
    heard = Recorder()
    planned(tiny, cache, ["random", "subject"], (0,), heard)
    assert sum(line.startswith("data:") for line in heard.lines) == 1
    assert not heard.warnings
    assert [line.split(":")[0] for line in heard.lines[-2:]] == ["subjects as named", "random images"]


class Failing(Here):
    """An executor whose first task goes wrong."""

    def submit(self, name: str, task: Mapping[str, Any]) -> None:
        if self.begun:
            super().submit(name, task)
            return
        self.begun.append(task)
        from keras_leuk.grid.layout import PathFolder

        fail(PathFolder(Path(task["path"])), "the disk is full")
        self._ended.append(name)


def test_runs_are_made_once_and_a_failed_one_leaves_no_page(tiny: Path, cache: Path, tmp_path: Path) -> None:
    out = tmp_path / "study"
    study = planned(tiny, cache, ["random", "linked"], (0,))
    with pytest.raises(LeukError, match="1 of 2 runs failed, first split random s0: the disk is full"):
        run_study(study, out, executor=lambda waiting: Failing(), cache=cache)
    assert not (out / STUDY).exists()
    here = Here()
    path = run_study(study, out, executor=lambda waiting: here, cache=cache, retry_failed=True, title="Cells", command=["a", "b"])
    assert len(here.begun) == 1
    facts = json.loads(path.read_text())
    assert (facts["title"], facts["reference"], facts["parts"], facts["command"]) == ("Cells", "linked", ["training"], "a b")
    assert [way["name"] for way in facts["ways"]] == ["random", "linked"]

    before = path.read_bytes()
    here = Here()
    run_study(study, out, executor=lambda waiting: here, cache=cache, title="Cells", command=["a", "b"])
    assert (here.begun, path.read_bytes()) == ([], before)

    told = write_split_study(out)
    for way in told["ways"]:
        measured = json.loads((out / way["runs"][0]["run"] / "metrics.json").read_text())["test"]
        for measure in ("roc_auc", "accuracy"):
            assert way["measures"][measure]["value"] == way["runs"][0]["measures"][measure]["value"] == measured[measure]["value"]
        assert (way["runs"][0]["n"], way["parted"]["subjects"] == [0, 0]) == (measured["n"], way["name"] == "linked")


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("dear")
    with pytest.raises(RunError, match=r"not of a study of splits: a\.txt"):
        run_study(None, tmp_path, executor=lambda waiting: None, cache=tmp_path)  # type: ignore[arg-type,return-value]
    with pytest.raises(UsageError, match="is a file"):
        run_study(None, tmp_path / "a.txt", executor=lambda waiting: None, cache=tmp_path)  # type: ignore[arg-type,return-value]
