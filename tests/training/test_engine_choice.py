"""What `auto` becomes, and what is kept of a trial."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_leuk.errors import RecipeError
from keras_leuk.progress import Recorder
from keras_leuk.recipe import Recipe
from keras_leuk.store.arrays import clear
from keras_leuk.training import engine_choice
from keras_leuk.training.engine_choice import GAIN, IMAGES, Trial, choose, faster, gpus, processor, run_trial
from keras_leuk.training.engine_trial import timed
from keras_leuk.training.materials import gather
from keras_leuk.training.preflight import check

PLAIN = {"compile_seconds": 1.0, "image_seconds": 0.1}
QUICK = {"compile_seconds": 8.0, "image_seconds": 0.08}


def chosen(recipe: Recipe, cache: Path, heard: Recorder | None = None) -> str:
    return choose(recipe, check(recipe), cache, heard or Recorder())


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """A machine with so many GPUs, with or without OpenVINO, on which a trial finds what it is told to find."""

    def make(devices: int, openvino: str | None, trial: Trial | None = None) -> list[str]:
        tried: list[str] = []

        def run(backbone: str, size: int) -> Trial:
            tried.append(f"{backbone} {size}")
            assert trial is not None
            return trial

        monkeypatch.setattr(engine_choice, "gpus", lambda: devices)
        monkeypatch.setattr(engine_choice, "openvino_version", lambda: openvino)
        monkeypatch.setattr("keras_leuk.training.engines.openvino_version", lambda: openvino)
        monkeypatch.setattr(engine_choice, "run_trial", run)
        return tried

    return make


def test_openvino_is_taken_where_it_is_installed_and_there_is_no_gpu(
    machine: Callable[..., list[str]], tiny_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    assert machine(0, "2026.1") == []
    heard = Recorder()
    assert chosen(tiny_recipe(), tmp_path, heard) == "openvino"
    assert heard.lines == ["engine: openvino 2026.1, installed and quicker than TensorFlow without a GPU (model.engine)"]
    assert chosen(tiny_recipe(model__engine="tensorflow"), tmp_path) == "tensorflow"
    assert chosen(tiny_recipe(model__engine="xla"), tmp_path) == "xla"


@pytest.mark.parametrize(
    "settings",
    [
        {"model__fine_tune": "all"},
        {"training__mixed_precision": "float16"},
        {"model__features": "hand", "model__head": "sklearn:svm"},
    ],
)
def test_what_is_no_frozen_network_in_float32_is_tensorflows(
    settings: dict[str, str], machine: Callable[..., list[str]], tiny_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    machine(0, "2026.1")
    assert chosen(tiny_recipe(**settings), tmp_path) == "tensorflow"


def test_several_devices_are_tensorflows(
    machine: Callable[..., list[str]], tiny_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    machine(2, "2026.1")
    assert chosen(tiny_recipe(), tmp_path) == "tensorflow"
    with pytest.raises(RecipeError, match=r"'openvino' needs one device; TensorFlow sees 2.*valid: tensorflow"):
        chosen(tiny_recipe(model__engine="openvino"), tmp_path)


@pytest.mark.parametrize(("devices", "openvino"), [(0, None), (1, "2026.1")])
def test_a_trial_is_made_once_and_kept(
    devices: int,
    openvino: str | None,
    machine: Callable[..., list[str]],
    tiny_recipe: Callable[..., Recipe],
    tmp_path: Path,
) -> None:
    tried = machine(devices, openvino, {"tensorflow": PLAIN, "xla": QUICK})
    heard = Recorder()
    assert [chosen(tiny_recipe(), tmp_path, heard) for _ in range(2)] == ["xla", "xla"]
    assert tried == ["mobilenet 32"]
    (kept,) = (tmp_path / "engines").iterdir()
    facts = json.loads(kept.read_text())["facts"]
    assert (facts["backbone"], facts["size"], facts["processor"]) == ("mobilenet", 32, processor())
    assert heard.lines[-1].startswith("engine: xla (tensorflow 10 images/s, xla 12.5 images/s;")
    assert chosen(tiny_recipe(images__size=40), tmp_path) == "xla"
    assert tried == ["mobilenet 32", "mobilenet 40"]
    kept.write_text("{half")
    assert chosen(tiny_recipe(), tmp_path) == "xla"
    assert len(tried) == 3
    assert clear(tmp_path) > 0
    assert not list((tmp_path / "engines").iterdir())


def test_a_trial_that_timed_nothing_leaves_tensorflow(
    machine: Callable[..., list[str]], tiny_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    machine(0, None, {})
    heard = Recorder()
    assert chosen(tiny_recipe(), tmp_path, heard) == "tensorflow"
    assert "none was timed in time" in heard.lines[-1]


@given(*(st.floats(1e-4, 1e3) for _ in range(4)))
def test_xla_is_taken_if_it_takes_less_time_compilation_included(
    compile_plain: float, image_plain: float, compile_xla: float, image_xla: float
) -> None:
    plain = {"compile_seconds": compile_plain, "image_seconds": image_plain}
    xla = {"compile_seconds": compile_xla, "image_seconds": image_xla}
    gains = compile_xla + IMAGES * image_xla <= GAIN * (compile_plain + IMAGES * image_plain)
    assert faster({"tensorflow": plain, "xla": xla}) == ("xla" if gains else "tensorflow")
    assert faster({"tensorflow": plain}) == faster({"xla": xla}) == faster({}) == "tensorflow"


def test_a_trial_is_ended_and_what_it_said_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = json.dumps({"engine": "tensorflow", **PLAIN})
    script = tmp_path / "slow.py"
    lines = ["import sys, time", f"print({said!r}, flush=True)", "print('{half', end='', flush=True)", "time.sleep(60)"]
    script.write_text("\n".join(lines))
    launcher = tmp_path / "python"
    launcher.write_text(f"#!/bin/sh\nexec '{sys.executable}' -S '{script}'\n")
    launcher.chmod(0o755)
    monkeypatch.setattr(engine_choice.sys, "executable", str(launcher))
    assert run_trial("mobilenet", 32, 3.0) == {"tensorflow": PLAIN}


def test_the_first_pass_compiles_and_later_ones_are_timed() -> None:
    calls: list[int] = []
    found = timed(lambda rows: calls.append(len(rows)), np.zeros((4, 2, 2, 3), np.uint8))
    assert calls == [4, 4, 4]
    assert found["compile_seconds"] >= 0
    assert 0 < found["image_seconds"] < 1


@pytest.mark.slow
def test_a_real_trial_times_tensorflow_first() -> None:
    found = run_trial("mobilenet", 32, 120.0)
    assert list(found) == ["tensorflow", "xla"]
    assert all(path["image_seconds"] > 0 for path in found.values())


def test_without_signs_of_a_gpu_there_is_none() -> None:
    assert gpus() == 0 or any(Path("/dev").glob("nvidia[0-9]*"))


def test_the_materials_of_a_run_name_the_engine(
    machine: Callable[..., list[str]], tiny_recipe: Callable[..., Recipe], cache: Path
) -> None:
    machine(0, "2026.1")
    assert gather(tiny_recipe(), cache=cache, progress=Recorder()).recipe.model.engine == "openvino"
    tuned = gather(tiny_recipe(model__fine_tune="all"), cache=cache, progress=Recorder())
    assert tuned.recipe.model.engine == "tensorflow"
