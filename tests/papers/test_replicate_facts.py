from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from comparable_runs import make_run
from test_replicate_verdicts import CNMC, asked, trials_of

from keras_leuk.evaluation.published import Reader
from keras_leuk.papers.library import Paper, paper, papers
from keras_leuk.papers.replicate_assumed import assumed
from keras_leuk.papers.replicate_facts import replication
from keras_leuk.papers.replicate_ran import Ran, command
from keras_leuk.papers.replicate_request import Wanted
from keras_leuk.papers.replicate_tables import JUDGED

OF_THE_DATA = ("images", "subjects")


def told(key: str, out: Path, runs: int, *names: str, **settings: Any) -> dict[str, Any]:
    """replication.json of a paper whose first runs of each protocol finished."""
    ran = []
    for name in names or ("paper", "honest"):
        folders = []
        for number in range(runs):
            folder = out / "grids" / name / "cells" / str(number)
            folders.append(folder if folder.exists() else make_run(folder, noise=number, skill=1 + number / 4, cells=4).path)
        made = trials_of(asked(key, name, **settings), folders)
        ran.append(Ran(paper(key).protocol(name), tuple(made), ("1 of 5 seeds",), (), (), ("keras-leuk grid",)))
    wanted = Wanted("cells", names or ("paper", "honest"), **settings)
    return replication(paper(key), wanted, CNMC, ran, out, Reader())


@pytest.fixture(scope="module")
def fata(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("fata")
    return out, told("fata2023", out, 12)


def judged(facts: dict[str, Any]) -> list[dict[str, Any]]:
    rows = [row for table in facts["tables"] if table["kind"] in JUDGED for row in table["rows"]]
    return [cell for row in rows for cell in row["cells"].values()]


@pytest.mark.parametrize("one", papers(), ids=lambda one: one.key)
def test_every_published_number_is_read_once(one: Paper, tmp_path: Path) -> None:
    facts = told(one.key, tmp_path, 0)
    expected = [
        cell for table in one.tables if table.facts.kind in JUDGED for cell in table.cells if cell.measure not in OF_THE_DATA
    ]
    for name in ("paper", "honest"):
        assert sum(facts["reading"][name].values()) == len(expected)
        assert set(facts["reading"][name]) <= {"not attainable", "not measured"}
    assert [table["name"] for table in facts["tables"]] == [table.name for table in one.tables]
    json.dumps(facts, allow_nan=False)


def test_readings_are_the_verdicts_of_the_cells(fata: tuple[Path, dict[str, Any]]) -> None:
    facts = fata[1]
    for name, counts in facts["reading"].items():
        verdicts = [
            "not attainable" if cell["arithmetic"]["verdict"] == "not attainable" else cell["measured"][name]["verdict"]
            for cell in judged(facts)
            if cell["measure"] not in OF_THE_DATA
        ]
        assert counts == {verdict: verdicts.count(verdict) for verdict in sorted(set(verdicts))}
        assert counts["within"] + counts["outside"] > 8


def test_a_cell_says_what_was_printed_and_what_was_measured(fata: tuple[Path, dict[str, Any]]) -> None:
    facts = fata[1]
    table = next(table for table in facts["tables"] if table["name"] == "table3")
    assert (table["side"], table["images"], table["key"]) == ("test", 2133, ["Epoch"])
    assert [column["header"] for column in table["columns"]] == ["Recall", "Prec.", "F1-Score"]
    row = next(row for row in table["rows"] if row["name"] == "10")
    cell = row["cells"]["Recall"]
    assert (cell["printed"], cell["value"], cell["decimals"], cell["unit"], cell["average"]) == (
        row["printed"][1],
        0.76,
        2,
        "fraction",
        "macro",
    )
    assert cell["runs"] == {"paper": ["p1"], "honest": ["h1", "h2", "h3", "h4", "h5"]}
    assert cell["measured"]["paper"]["n"] > 0
    assert cell["measured"]["honest"]["runs"] == 5
    totals = next(row for row in table["rows"] if row["name"] == "Totals")
    mean, rows = totals["cells"]["Recall"], [row["cells"]["Recall"] for row in table["rows"] if row["name"] != "Totals"]
    assert mean["runs"]["paper"] == [name for row in rows for name in row["runs"]["paper"]]
    values = [row["measured"]["paper"]["value"] for row in rows]
    if None not in values:
        assert mean["measured"]["paper"]["value"] == pytest.approx(sum(values) / len(values))
    cited = next(table for table in facts["tables"] if table["name"] == "table7")
    other = cited["rows"][0]["cells"]["Accuracy (%)"]
    assert other["measured"]["paper"]["reason"] == "nothing of ours stands beside it"


def test_settings_of_the_paper_are_told_but_not_judged(fata: tuple[Path, dict[str, Any]]) -> None:
    for table in fata[1]["tables"]:
        if table["kind"] not in JUDGED:
            assert all(cell["measured"] == {} for row in table["rows"] for cell in row["cells"].values())


def test_runs_are_named_relative_to_the_folder_and_no_place_is_told(fata: tuple[Path, dict[str, Any]]) -> None:
    out, facts = fata
    runs = [run for protocol in facts["protocols"] for run in protocol["runs"]]
    assert len({run["id"] for run in runs}) == len(runs)
    for run in runs:
        assert (run["state"] == "finished") == (run["folder"] is not None)
        assert run["folder"] is None or (out / run["folder"] / "complete.json").is_file()
    assert str(out) not in json.dumps(facts)


def test_the_same_runs_give_the_same_facts(fata: tuple[Path, dict[str, Any]]) -> None:
    assert json.dumps(told("fata2023", fata[0], 12)) == json.dumps(fata[1])


def test_a_protocol_tells_what_was_run(fata: tuple[Path, dict[str, Any]]) -> None:
    protocol, honest = fata[1]["protocols"]
    assert protocol["axes"] == {
        "model.backbone": ["vgg16", "resnet50"],
        "training.optimizer.name": ["adam", "rmsprop"],
        "training.epochs": [10, 20, 30, 40, 50, 60, 80, 100],
    }
    assert protocol["runs"][0]["title"] == "vgg16, adam, 10 epochs"
    assert honest["runs"][0]["title"] == "vgg16, adam, 10 epochs, seed 0"
    assert (protocol["split"], protocol["trimmed"]) == ("no subject on two sides", ["1 of 5 seeds"])
    sides = protocol["sides"]
    assert set(sides) == {"train", "validation", "test"}
    assert all(side["n"] == sum(side["classes"].values()) > 0 for side in sides.values())
    assert sum(side["n"] for side in sides.values()) == 240
    assert protocol["weights"] == ["vgg16: ImageNet", "resnet50: ImageNet"]


def test_the_honest_choice_is_made_on_validation_among_whole_settings(fata: tuple[Path, dict[str, Any]]) -> None:
    # 12 runs finished: two settings with five seeds each, and a third with two, which takes no part.
    choice = fata[1]["protocols"][1]["choice"]
    assert choice["words"].startswith("chosen among 2 settings: largest validation accuracy")
    rows = {row["setting"]: row for row in fata[1]["beyond"][1]["rows"]}
    best = max(
        ("vgg16, adam, 10 epochs", "vgg16, adam, 20 epochs"), key=lambda name: rows[name]["validation"]["accuracy"]["value"]
    )
    assert choice["setting"] == {"model.backbone": "vgg16", "training.optimizer.name": "adam", "training.epochs": best.split()[2]}
    for side in ("validation", "test"):
        assert choice[side] == rows[best][side]["accuracy"]


def test_beyond_has_a_row_for_every_setting_with_a_run(fata: tuple[Path, dict[str, Any]]) -> None:
    paper_, honest = (one["rows"] for one in fata[1]["beyond"])
    assert (len(paper_), len(honest)) == (12, 3)
    assert [len(row["runs"]) for row in honest] == [5, 5, 2]
    for row in paper_:
        for side in ("validation", "test"):
            assert {"accuracy", "balanced_accuracy", "macro_f1", "roc_auc"} <= set(row[side])
            assert all(number["low"] <= number["value"] <= number["high"] for number in row[side].values())


def test_without_any_run_the_facts_still_stand(tmp_path: Path) -> None:
    facts = told("mulya2023", tmp_path, 0)
    for protocol in facts["protocols"]:
        assert (protocol["sides"], protocol["choice"], protocol["split"]) == ({}, None, "")
        assert all(run["state"] == "missing" for run in protocol["runs"])
    assert all(one["rows"] == [] for one in facts["beyond"])


def test_random_weights_in_the_place_of_imagenets_are_told(tmp_path: Path) -> None:
    study = replace(asked("mulya2023")[0], weights="random")
    trials = tuple(replace(trial, weights="random") for trial in trials_of([study]))
    ran = Ran(study.protocol, trials, (), (), (), ())
    (protocol,) = replication(paper("mulya2023"), Wanted("cells", ("paper",)), CNMC, [ran], tmp_path, Reader())["protocols"]
    assert protocol["weights"] == ["inceptionv3: random, because its ImageNet weights are not at hand"]
    assert protocol["recipe"]["model.weights"] == "imagenet"  # what was asked for
    assert {run["weights"] for run in protocol["runs"]} == {"random"}


def test_figures_are_drawn_from_the_networks_that_were_run(tmp_path: Path) -> None:
    """Regression: a figure looked for the paper's network, where another one had been run in its place."""
    plain = {figure["name"]: figure["figure"] for figure in told("badruzzaman2024", tmp_path, 0)["figures"]}
    placed = told("badruzzaman2024", tmp_path, 0, instead={"resnet18": "mobilenet"})["figures"]
    before, after = (json.dumps(figures) for figures in (plain, {figure["name"]: figure["figure"] for figure in placed}))
    assert '"resnet18"' in before
    assert after == before.replace('"resnet18"', '"mobilenet"')


def test_places_are_told_as_they_were_typed(tmp_path: Path) -> None:
    study = asked("mulya2023")[0]
    trials = tuple(replace(trial, keys={**trial.keys, "data.path": "/absolute/cells"}) for trial in trials_of([study]))
    wanted = Wanted("cells", ("paper",), flags={"model.weights_dir": "w"})
    facts = replication(paper("mulya2023"), wanted, CNMC, [Ran(study.protocol, trials, (), (), (), ())], tmp_path, Reader())
    recipe = facts["protocols"][0]["recipe"]
    assert (recipe["data.path"], recipe["model.weights_dir"]) == ("cells", "w")


@pytest.mark.parametrize("one", papers(), ids=lambda one: one.key)
def test_everything_that_a_recipe_file_marks_as_assumed_is_listed(one: Paper) -> None:
    for protocol in one.protocols:
        text = protocol.recipe_file.read_text()
        marked = [line for line in text.splitlines() if "assumed" in line.partition("#")[2] and not line.startswith("#")]
        marked += [line for line in text.splitlines() if "by arithmetic" in line.partition("#")[2] and "assumed" not in line]
        lines = assumed(protocol.recipe_file)
        assert len(lines) == len(marked)
        for line in marked:
            key, _, comment = line.partition("#")
            assert any(comment.strip() in told_ and f"{key.strip().partition(':')[0]}" in told_ for told_ in lines)


def test_assumed_lines_name_the_dotted_key_and_its_value(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "# assumed: no key\n"
        "split:\n"
        "  strategy: random             # assumed: the paper is silent\n"
        "  test: 0.2                    # stated\n"
        "model:\n"
        "  head:                        # by arithmetic: 12 units\n"
        "    pooling: avg\n"
        "    l2: 0.1                    # assumed\n"
        "seed: 3                        # unassumed\n"
    )
    assert assumed(recipe) == [
        "split.strategy random: assumed: the paper is silent",
        "model.head: by arithmetic: 12 units",
        "model.head.l2 0.1: assumed",
    ]
    # What an arm, the data or a budget set otherwise is no assumption of this run.
    assert assumed(recipe, ["model.head", "split"]) == []
    assert assumed(recipe, ["split.strategy"]) == ["model.head: by arithmetic: 12 units", "model.head.l2 0.1: assumed"]


def test_an_arm_takes_back_the_assumption_that_it_replaces(tmp_path: Path) -> None:
    plain = told("fata2023", tmp_path, 0)["protocols"][0]["assumed"]
    facts = told("fata2023", tmp_path, 0, arm="preprocessed")
    assert [line for line in plain if line not in facts["protocols"][0]["assumed"]] == [
        line for line in plain if line.startswith("images.rescale ")
    ]
    assert facts["arm"] == {
        "name": "preprocessed",
        "default": False,
        "why": next(arm.why for arm in paper("fata2023").arms if arm.name == "preprocessed"),
        "keys": {"images.rescale": "backbone"},
    }


def test_the_command_of_a_study_is_one_that_grid_takes() -> None:
    import shlex
    import sys

    from keras_leuk.cli.grid import grid

    wanted = Wanted("my cells", ("paper",), arm="flattened", flags={"data.reader": "folders", "model.weights_dir": "w dir"})
    study = replace(asked("fata2023", arm="flattened")[0], weights="random")
    words = shlex.split(command(study, wanted))
    assert words[:5] == ["keras-leuk", "grid", "experiments/fata2023/recipes/paper.yaml", "--data", "my cells"]
    asked_ = sys.modules[grid.callback.__module__]._asked  # type: ignore[union-attr]
    flags = grid.make_context("grid", words[2:], resilient_parsing=False).params
    lists = {
        name: flags[name]
        for name in ("backbones", "heads", "splits", "image_sizes", "learning_rates", "seeds", "optimizers", "epochs")
    }
    axes, fixed, sets = asked_(lists, flags["sets"])
    assert {axis.key: axis.values for axis in axes} == study.lists
    assert fixed == {}
    assert sets == ["data.reader=folders", "model.weights_dir=w dir", *study.all_sets]


def test_a_sample_is_named_in_every_title(tmp_path: Path) -> None:
    assert told("fata2023", tmp_path / "whole", 0)["data"]["name"] == "C-NMC 2019 (12,528 images)"
    part = told("fata2023", tmp_path / "part", 0, sets=("data.sample=400",))
    assert part["data"]["name"] == "C-NMC 2019 (400 of 12,528 images)"
