from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from training_here import Here

from keras_leuk.cli.main import main
from keras_leuk.errors import RunError, UsageError, WeightsError
from keras_leuk.grid.executors import EXECUTORS
from keras_leuk.models.weights import WeightsOutOfReachError
from keras_leuk.papers import replicate_costs
from keras_leuk.papers.library import paper
from keras_leuk.papers.replicate import FACTS, claim, plan_replication, replicate
from keras_leuk.papers.replicate_request import Wanted, studies
from keras_leuk.papers.replicate_weights import with_weights
from keras_leuk.progress import Progress, Recorder

QUICK = ("images.size=32", "evaluation.resamples=100")
ONE = {"only": ("vgg16", "adam", "epochs=10", "seed=0"), "instead": {"vgg16": "mobilenet"}, "random_weights": True, "sets": QUICK}


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Here:
    """The command line trains here, without figures of runs and grids, which are tested elsewhere."""
    executor = Here()
    monkeypatch.setitem(EXECUTORS, "processes", lambda *asked: executor)
    monkeypatch.setattr("keras_leuk.reporting.grid_report._draw", lambda grid, choices, progress: [])
    monkeypatch.setattr("keras_leuk.papers.replicate.machine_factor", lambda: 1.0)
    return executor


def files(out: Path) -> dict[str, bytes]:
    """Everything of a replication but its grids, and how long it took."""
    apart = {"grids", "timing.json"}
    found = [path for path in sorted(out.rglob("*")) if path.is_file() and not apart & set(path.relative_to(out).parts)]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in found}


def test_a_replication_from_end_to_end_and_once_more(
    here: Here, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["replicate", "fata2023", "--data", str(tiny), "--random-weights", "--only", "VGG16,Adam,epochs=10,seed=0"]
    arguments += ["--instead", "vgg16=mobilenet", *(word for text in QUICK for word in ("--set", text))]
    arguments += ["--budget", "1s", "--jobs", "1", "--out", str(out)]
    assert main(arguments) == 0
    shown = capsys.readouterr()
    assert "more than the budget of 1 s" in shown.err
    assert "protocol honest: published numbers:" in shown.out
    assert len(here.begun) == 2

    facts = json.loads((out / FACTS).read_text())
    assert [protocol["name"] for protocol in facts["protocols"]] == ["paper", "honest"]
    for protocol in facts["protocols"]:
        (run,) = protocol["runs"]
        assert (run["state"], run["weights"], run["values"]["model.backbone"]) == ("finished", "random", "mobilenet")
        assert (out / run["folder"] / "metrics.json").is_file()
        assert protocol["adapted"] == ["mobilenet in the place of vgg16"]
    honest = facts["protocols"][1]
    assert honest["checked"][0] == "subjects on two sides: none"
    # Table 3 has a row of 10 epochs of VGG16 with Adam; what stands beside it is what the run's metrics.json says.
    table = next(table for table in facts["tables"] if table["name"] == "table3")
    cells = {row["name"]: row["cells"]["Recall"]["measured"] for row in table["rows"]}
    for protocol in facts["protocols"]:
        metrics = json.loads((out / protocol["runs"][0]["folder"] / "metrics.json").read_text())
        assert cells["10"][protocol["name"]]["value"] == metrics["test"]["balanced_accuracy"]["value"]
        assert cells["100"][protocol["name"]]["reason"] == "no run of this protocol stands beside it"

    before = files(out)
    assert {"replication.json", "replication.md", "replication.html", "tables/table3.csv"} <= set(before)
    assert main(arguments) == 0
    assert len(here.begun) == 2  # nothing was trained again
    assert files(out) == before
    assert not [name for name in before if ".part" in name or name.endswith(".tmp")]


def planned(tiny: Path, cache: Path, progress: Progress | None = None, **settings: Any) -> Any:
    wanted = Wanted(str(tiny), ("paper",), **{**ONE, **settings})
    return plan_replication(paper("fata2023"), wanted, cache=cache, jobs=1, progress=progress or Progress())


def test_what_is_interrupted_leaves_no_page_and_goes_on(here: Here, tiny: Path, cache: Path, tmp_path: Path) -> None:
    out, plan = tmp_path / "out", planned(tiny, cache)
    with pytest.raises(KeyboardInterrupt):
        replicate(plan, out, executor=lambda plan, waiting: Here(interrupt=True), cache=cache)
    assert files(out) == {}
    outcome = replicate(plan, out, executor=lambda plan, waiting: here, cache=cache, command=["keras-leuk", "replicate"])
    assert not outcome.failed
    assert len(here.begun) == 1
    assert outcome.facts["again"] == "keras-leuk replicate"
    assert all((out / name).is_file() for name in outcome.files)


def test_a_replication_where_nothing_can_be_trained_still_tells_why(
    here: Here, tiny: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RunError("the disk is full")

    monkeypatch.setattr("keras_leuk.training.trajectory.train_trajectory", fail)
    outcome = replicate(planned(tiny, cache), tmp_path / "out", executor=lambda plan, waiting: here, cache=cache)
    assert [str(going.error) for going in outcome.failed] == ["the disk is full"]
    (run,) = outcome.facts["protocols"][0]["runs"]
    assert (run["state"], run["error"], run["folder"]) == ("failed", "the disk is full", None)
    assert (tmp_path / "out" / "replication.html").is_file()


def test_the_plan_says_how_it_is_not_what_the_paper_did(tiny: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keras_leuk.papers.replicate.machine_factor", lambda: 1.0)
    heard = Recorder()
    plan = planned(tiny, cache, heard, budget=3600.0, arm=None)
    said = "\n".join(heard.lines)
    assert "not the paper's data: images of ALL: " in said
    assert "adapted to the data, protocol paper: mobilenet in the place of vgg16" in said
    assert f"estimated: {plan.estimate:,.0f} of 3,600 s" in said
    assert plan.trimmed == {"paper": ()}
    assert any("mobilenet: its ImageNet weights are not at hand" in line for line in heard.warnings) or not heard.warnings


def out_of_reach(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    def resolve(choice: str, backbone: Any, **_: Any) -> None:
        if backbone.name in names:
            raise WeightsOutOfReachError(f"no weights of {backbone.name}")

    monkeypatch.setattr("keras_leuk.papers.replicate_weights.resolve", resolve)


def test_weights_that_are_missing_are_named_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    out_of_reach(monkeypatch, "vgg16", "xception", "resnet101")
    found = studies(paper("vijesh2024"), Wanted("cells"))[0]
    with pytest.raises(WeightsError) as caught:
        with_weights(found, {}, random_allowed=False, progress=Progress())
    line = str(caught.value)
    assert line.startswith("ImageNet weights are out of reach for vgg16, xception, resnet101; put Keras' own files (vgg16_")
    assert "--random-weights" in line
    assert "--only" in line
    assert "\n" not in line


def test_networks_without_weights_are_parted_from_those_with(monkeypatch: pytest.MonkeyPatch) -> None:
    out_of_reach(monkeypatch, "resnet50")
    heard = Recorder()
    found = studies(paper("fata2023"), Wanted("cells"))[0]
    parted = with_weights(found, {}, random_allowed=True, progress=heard)
    assert [(study.name, study.backbones) for study in parted] == [
        ("paper", ("vgg16",)),
        ("paper-random-weights", ("resnet50",)),
        ("honest", ("vgg16",)),
        ("honest-random-weights", ("resnet50",)),
    ]
    assert [study.recipe.model.weights for study in parted] == ["imagenet", "random"] * 2
    assert len(heard.warnings) == 1


def test_weights_at_hand_and_recipes_without_them_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    out_of_reach(monkeypatch)
    for key in ("fata2023", "mulya2023"):
        found = studies(paper(key), Wanted("cells"))[0]
        assert with_weights(found, {}, random_allowed=False, progress=Progress()) == found
    # From random weights nothing is to be had, so nothing is out of reach.
    out_of_reach(monkeypatch, "resnet50", "efficientnetv2s")
    found = studies(paper("badruzzaman2024"), Wanted("cells"))[0]
    assert with_weights(found, {}, random_allowed=False, progress=Progress()) == found
    # Under the arm that wants them, Keras has none for two of the five.
    found = studies(paper("badruzzaman2024"), Wanted("cells", ("paper",), "imagenet"))[0]
    with pytest.raises(WeightsError, match="out of reach for resnet18, resnet50, resnext50, efficientnetv2s; put"):
        with_weights(found, {}, random_allowed=False, progress=Progress())


def test_a_folder_of_weights_that_is_not_there_is_refused(tmp_path: Path) -> None:
    found = studies(paper("fata2023"), Wanted("cells", ("paper",)))[0]
    with pytest.raises(UsageError, match="--weights-dir: folder not found"):
        with_weights(found, {"model.weights_dir": str(tmp_path / "nowhere")}, random_allowed=True, progress=Progress())


def test_a_folder_is_claimed_if_it_is_empty_or_a_replications(tmp_path: Path) -> None:
    one = paper("fata2023")
    claim(tmp_path / "deep" / "new", one)
    assert (tmp_path / "deep" / "new").is_dir()
    (tmp_path / "begun" / "grids").mkdir(parents=True)
    (tmp_path / "begun" / "notes.txt").touch()
    claim(tmp_path / "begun", one)
    (tmp_path / "begun" / FACTS).write_text('{"paper": {"key": "fata2023"}}')
    claim(tmp_path / "begun", one)
    (tmp_path / "begun" / FACTS).write_text("damaged")
    claim(tmp_path / "begun", one)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    one = paper("fata2023")
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UsageError, match="is a file; name a folder"):
            claim(place, one)
    (tmp_path / "thesis").mkdir()
    for name in "abcd":
        (tmp_path / "thesis" / f"{name}.tex").touch()
    with pytest.raises(RunError, match=r"holds files that are not a replication's: a.tex, b.tex, c.tex$"):
        claim(tmp_path / "thesis", one)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / FACTS).write_text('{"paper": {"key": "mulya2023"}}')
    with pytest.raises(RunError, match="holds a replication of mulya2023, not of fata2023"):
        claim(tmp_path / "other", one)


def test_a_machine_is_compared_with_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicate_costs, "MEASURED_SIZE", 32)
    assert 0 < replicate_costs.machine_factor() < 1e4
