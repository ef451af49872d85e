"""Grids that are killed, and grids on a cluster that loses a node. Minutes each: run with ``-m slow``."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from keras_leuk.grid.collect import TIMING

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def command(tiny: Path, out: Path, *more: str) -> list[str]:
    lists = ["--backbones", "mobilenet,mobilenetv2", "--optimizers", "adam,sgd", "--epochs", "20,40,60"]
    rest = ["--weights", "random", "--image-size", "32", "--batch-size", "8", "--set", "evaluation.resamples=100"]
    head = ["--head", "linear-standardized", "--learning-rate", "0.01", "--set", "training.early_stopping.enabled=false"]
    shared = ["--data", str(tiny), "--out", str(out), *lists, *rest, *head]
    return [sys.executable, "-m", "keras_leuk", "grid", *shared, *more]


def environment(cache: Path) -> dict[str, str]:
    return {**os.environ, "KERAS_LEUK_CACHE": str(cache), "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"}


def table(out: Path) -> pd.DataFrame:
    found = pd.read_csv(out / "grid.csv", dtype=str).drop(columns=list(TIMING))
    assert (found["state"] == "finished").all()
    return found


@pytest.fixture(scope="module")
def undisturbed(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The grid as it ends where nothing happens, with a cache of its own."""
    folder = tmp_path_factory.mktemp("undisturbed")
    subprocess.run(command(tiny, folder / "grid", "--jobs", "1"), env=environment(folder / "cache"), check=True, timeout=600)
    return table(folder / "grid")


def workers(out: Path) -> list[int]:
    """Processes that train for a grid."""
    answer = subprocess.run(["pgrep", "-f", f"grid.worker {out}"], capture_output=True, text=True, check=False)
    return [int(line) for line in answer.stdout.split()]


def test_a_grid_killed_ten_times_ends_like_an_undisturbed_one(tiny: Path, undisturbed: pd.DataFrame, tmp_path: Path) -> None:
    moments = random.Random(7)
    out, cache = tmp_path / "grid", tmp_path / "cache"
    for _ in range(10):
        process = subprocess.Popen(
            command(tiny, out), env=environment(cache), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        time.sleep(moments.uniform(2, 14))
        process.send_signal(signal.SIGKILL)
        process.wait()
        # Workers leave with the grid that began them.
        until = time.monotonic() + 10
        while workers(out) and time.monotonic() < until:
            time.sleep(0.2)
        assert not workers(out)
        for cell in (out / "cells").glob("*"):
            assert (cell / "complete.json").is_file(), "half a cell"
    subprocess.run(command(tiny, out), env=environment(cache), check=True, timeout=600)
    pd.testing.assert_frame_equal(table(out), undisturbed)
    assert not list((out / "paths").rglob("epochs-*"))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[object]:
    """Two Ray nodes of one core on this machine."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.add_node(num_cpus=1)
    yield made
    made.shutdown()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seen", ["shared folder", "fetched"])
def test_a_cluster_that_loses_a_node_gives_the_same_table(
    seen: str, cluster, tiny: Path, undisturbed: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, cache = tmp_path / "grid", tmp_path / "cache"
    settings = environment(cache)
    if seen == "fetched":
        # A node that does not find the word in the grid folder works in a folder of its own.
        settings["KERAS_LEUK_RAY_FETCH"] = "1"
    log = tmp_path / "log"
    with open(log, "w") as file:
        process = subprocess.Popen(
            command(tiny, out, "--executor", "ray", "--address", cluster.address), env=settings, stderr=file, stdout=file
        )
        until = time.monotonic() + 120
        while not list(out.glob("cells/*")) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.2)
        cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
        assert process.poll() is None, log.read_text()
        process.wait(timeout=500)
    assert process.returncode == 0, log.read_text()
    pd.testing.assert_frame_equal(table(out), undisturbed)
    assert "2 nodes" in log.read_text()
