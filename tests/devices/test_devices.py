from __future__ import annotations

import os
import subprocess
import sys

import pytest

from keras_leuk.devices.describe import advice, describe
from keras_leuk.devices.start import start, versions


def test_the_version_is_that_of_the_code_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that of an installation beside it, which may be missing or another: addresses of cells hold it."""
    import importlib.metadata

    import keras_leuk

    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    found = versions()
    assert found["keras-leuk"] == keras_leuk.__version__
    assert found["numpy"] == "not installed"


def test_starting_twice_is_starting_once() -> None:
    assert start() is start()


def test_operations_are_deterministic() -> None:
    start()
    from tensorflow.python.framework import config

    assert config.is_op_determinism_enabled()


def _setting(**variables: str) -> str:
    code = (
        "from keras_leuk.devices.start import start; import os; facts = start(); "
        "print(facts['onednn']['set_by'], os.environ.get('TF_ENABLE_ONEDNN_OPTS'))"
    )
    environment = {k: v for k, v in os.environ.items() if k != "TF_ENABLE_ONEDNN_OPTS"} | variables
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert answer.stderr == ""
    return answer.stdout.strip()


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="oneDNN is TensorFlow's choice elsewhere")
def test_onednn_is_on_unless_the_user_says_otherwise_and_nothing_is_printed() -> None:
    assert _setting() == "keras-leuk 1"
    assert _setting(TF_ENABLE_ONEDNN_OPTS="0") == "user 0"


def test_description_names_device_and_versions() -> None:
    facts = describe()
    assert facts["uses"]
    assert facts["versions"]["keras"] == versions()["keras"]
    assert set(facts) == {"uses", "gpus", "hardware", "advice", "cpu", "onednn", "versions"}


@pytest.mark.parametrize(
    ("sees", "hardware", "system", "cuda_build", "expected"),
    [
        (1, ["NVIDIA A100"], "linux", True, None),
        (0, [], "linux", True, None),
        (0, ["NVIDIA A100"], "linux", True, "keras-leuk[cuda]"),
        (0, ["NVIDIA A100"], "linux", False, "built without CUDA"),
        (0, ["Apple silicon GPU"], "darwin", False, "keras-leuk[metal]"),
    ],
)
def test_advice_where_a_gpu_is_out_of_reach(
    sees: int, hardware: list[str], system: str, cuda_build: bool, expected: str | None
) -> None:
    line = advice(sees=sees, hardware=hardware, system=system, cuda_build=cuda_build)
    assert (line is None) if expected is None else (line is not None and expected in line)
