from __future__ import annotations

import gc
import os
import subprocess
import sys

import pytest

from keras_leuk.devices import threads
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


def test_what_was_loaded_is_not_searched_for_garbage() -> None:
    start()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 100_000


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


def test_threads_that_are_granted_are_those_of_tensorflow_and_opencv_has_none_of_its_own() -> None:
    """And one thread prepares pictures beside TensorFlow, where all do while it is not at work."""
    code = """
import cv2
from keras_leuk.devices.start import preparing, start
import keras_leuk.images
before = preparing()
start()
import tensorflow as tf
given = tf.config.threading
within, between = given.get_intra_op_parallelism_threads(), given.get_inter_op_parallelism_threads()
print(cv2.getNumThreads(), within, between, before, preparing())
"""
    environment = os.environ | {"KERAS_LEUK_THREADS": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert answer.stdout.split() == ["1", "3", "3", "3", "1"]


@pytest.mark.parametrize(("granted", "on_cpu", "on_gpu"), [(1, 1, 1), (2, 1, 1), (8, 1, 7), (16, 2, 15), (64, 8, 63)])
def test_pictures_are_prepared_in_a_part_of_the_threads(
    granted: int, on_cpu: int, on_gpu: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(threads.THREADS, "1")
    threads.grant(granted)
    assert threads.cores() == granted
    assert threads.beside(gpu=False) == on_cpu
    assert threads.beside(gpu=True) == on_gpu


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell")
def test_peak_memory_is_what_was_held_at_most() -> None:
    code = """
from keras_leuk.devices.memory import peak
import numpy as np
before = peak()
held = np.ones(200_000_000, np.uint8)
del held
print(peak() - before)
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 190_000_000 < int(answer.stdout) < 230_000_000
