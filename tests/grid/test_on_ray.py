"""What happens on a node and on the way back, without a cluster (`test_survives` has one)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from keras_leuk.errors import LeukError
from keras_leuk.grid import on_ray
from keras_leuk.grid.layout import PathFolder


def task(out: Path) -> dict[str, Any]:
    cells = {"1": str(out / "cells" / "a-e001"), "2": str(out / "cells" / "a-e002")}
    return {"path": str(out / "paths" / "x"), "recipe": str(out / "r.yaml"), "cells": cells, "cache": str(out), "command": []}


def pretend(task: dict[str, Any], cpus: int) -> int:
    """Leaves a finished cell, a log and a failure where the task says."""
    assert cpus == 3
    assert Path(task["recipe"]).is_file()
    first = Path(next(iter(task["cells"].values())))
    first.mkdir(parents=True)
    (first / "complete.json").write_text("{}")
    folder = PathFolder(Path(task["path"]))
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.log.write_text("a line\n")
    folder.failure.write_text(json.dumps({"error": "lost the rest"}))
    return 1


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(on_ray, "_run", pretend)
    (tmp_path / "paths" / "x").mkdir(parents=True)
    (tmp_path / "cells").mkdir()
    (tmp_path / "r.yaml").write_text("seed: 1\n")
    (tmp_path / "mark").write_text("word")
    return tmp_path


def test_a_node_that_sees_the_folder_works_in_it(out: Path) -> None:
    answer = on_ray.run_task(task(out), "seed: 1\n", 3, str(out / "mark"), "word")
    assert (answer["code"], answer["fetched"]) == (1, None)
    assert (out / "cells" / "a-e001" / "complete.json").is_file()


@pytest.mark.parametrize("mark", ["mark", "no-such-file"])
def test_a_node_that_does_not_sends_back_what_it_made(mark: str, out: Path) -> None:
    answer = on_ray.run_task(task(out), "seed: 1\n", 3, str(out / mark), "another word")
    assert not list((out / "cells").iterdir())
    folder = PathFolder(out / "paths" / "x")
    on_ray._unpack(answer["fetched"], folder, task(out)["cells"])
    assert (out / "cells" / "a-e001" / "complete.json").is_file()
    assert not (out / "cells" / "a-e002").exists()
    assert json.loads(folder.failure.read_text())["error"] == "lost the rest"
    assert folder.log.read_text() == "a line\n"
    # A cell that stands already is left as it is.
    (out / "cells" / "a-e001" / "complete.json").write_text('{"first": true}')
    on_ray._unpack(answer["fetched"], folder, task(out)["cells"])
    assert "first" in (out / "cells" / "a-e001" / "complete.json").read_text()
    assert sorted(path.name for path in folder.path.iterdir()) == ["failure.json", "log.txt"]


def test_without_ray_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(LeukError, match=r"keras-leuk\[ray\]"):
        on_ray.Ray(None, 0)
