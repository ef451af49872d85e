"""``keras-leuk grid`` as it is typed."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from keras_leuk.cli.grid_view import GridView
from keras_leuk.cli.main import main
from keras_leuk.cli.terminal import Terminal
from keras_leuk.grid.execute import Going
from keras_leuk.grid.layout import PathFolder
from keras_leuk.grid.plan import Route
from keras_leuk.grid.status import Status

TINY = ["--weights", "random", "--image-size", "32", "--backbone", "mobilenet"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--epochs", "10,...,100"], 2, "10,20,...,100"),
        (["--epochs", "ten"], 2, "'ten' is not a number"),
        (["--backbones", "mobilenet,vg16"], 2, "did you mean 'vgg16'"),
        (["--optimizers", "adam,adan"], 2, "did you mean 'adam'"),
        (["--set", "training.epoch=1|2"], 2, "no such key"),
        (["--set", "images.crop=cell|"], 2, "a value is empty"),
        (["--executor", "roy"], 2, "did you mean 'ray'"),
        (["--only", "0/4"], 2, "such as 1/4"),
        (["--only", "5/4"], 2, "such as 1/4"),
        (["--data", "nowhere"], 2, "nowhere"),
        (["--seeds", "0,1", "--set", "seed=3|4"], 2, "seed is varied already"),
        (["--optimizers", "adam,sgd", "--set", "training.optimizer.name=adam"], 2, "is varied already"),
    ],
)
def test_what_cannot_be_meant_costs_one_line(
    arguments: list[str], code: int, words: str, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "grid"
    given = ["grid", "--data", str(tiny), *TINY, *arguments, "--out", str(out)]
    assert main(given) == code
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("keras-leuk:")]
    assert len(errors) == 1
    assert words in errors[0]
    assert not out.exists()


def test_a_dry_run_tells_cells_paths_time_and_disk(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["grid", "--data", str(tiny), *TINY, "--optimizers", "adam,sgd", "--epochs", "10,20,...,50", "--dry-run"]
    assert main([*arguments, "--out", str(tmp_path / "grid")]) == 0
    shown = capsys.readouterr().out
    assert "10 cells on 2 paths" in shown
    assert "10, 20, 30, 40, 50" in shown
    assert main([*arguments, "--out", str(tmp_path / "grid"), "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert [len(path) for path in plan["paths"]] == [5, 5]
    assert plan["cells"][0]["training.epochs"] == 10
    assert plan["waiting"] == 10
    assert plan["seconds"] > 10
    assert plan["bytes"] > 1e6
    assert not (tmp_path / "grid").exists()


def test_the_view_is_lines_in_a_file_and_a_table_on_a_terminal(tmp_path: Path) -> None:
    from keras_leuk.grid.plan import Cell
    from keras_leuk.recipe.loading import validate

    def path(name: str, state: str, status: Status, error: str | None = None) -> Going:
        cells = tuple(
            Cell({"model.backbone": name, "training.epochs": n}, validate({"training": {"epochs": n}}), f"{name}{n}", name)
            for n in (10, 20)
        )
        going = Going(Route(cells, name, None), PathFolder(tmp_path / name), state, status, error=error, began=0.0)
        if state == "running":
            going.there = {cells[0].address}
        else:
            going.ended = 75.0
        return going

    paths = [
        path("vgg16", "running", Status("training", 12, 20, "epochs", best=0.9375, left=65.0)),
        path("xception", "failed", Status(), "the loss became nan"),
    ]
    with open(tmp_path / "log", "w") as file:
        view = GridView(Terminal(Console(file=file, width=120)))
        view(paths)
        view(paths)
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines[0] == "xception: FAILED: the loss became nan, 1:15"
    assert "1 of 4 cells, 2 failed" in lines[1]
    assert "vgg16: epoch 12/20" in lines[1]
    assert len(lines) == 2

    console = Console(width=120, force_terminal=True, record=True, file=io.StringIO())
    view = GridView(Terminal(console))
    view(paths)
    with console.capture() as captured:
        console.print(view._live.renderable if view._live else "")
    view.close()
    for words in ("vgg16", "1/2", "epoch 12/20", "0.938", "1:05", "the loss became nan", "1 of 4 cells, 2 failed"):
        assert words in captured.get(), words
