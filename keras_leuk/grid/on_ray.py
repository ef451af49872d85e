"""Paths as Ray tasks, on this machine or on a cluster.

A task runs `grid.worker` in a process of its own on whatever node has room. The grid folder is best on storage that all nodes
see; a node that does not see it trains in a folder of its own, with a cache of its own, and the driver fetches the cells. Data
and weight files must lie at the same path on every node. If a node is lost, Ray runs its tasks again elsewhere, and what a
shared folder holds of them (finished cells, checkpoints) is not done twice.
"""

from __future__ import annotations

import io
import json
import logging
import os
import secrets
import shutil
import subprocess
import sys
import tarfile
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_leuk.devices.threads import THREADS
from keras_leuk.errors import LeukError, RunError
from keras_leuk.grid.layout import PathFolder
from keras_leuk.grid.worker import fail

RETRIES = 5
"""How often Ray runs a task again whose node was lost."""

FETCH = "KERAS_LEUK_RAY_FETCH"
"""Environment variable of the driver: treat every node as one that does not see the grid folder (for trying that out)."""

_INSTALL = "--executor ray needs Ray; install it with: pip install 'keras-leuk[ray]'"


class Ray:
    """Ray as an executor; see `grid.executors.Executor`.

    Args:
        address: of a running cluster; None starts Ray on this machine.
        jobs: most tasks at a time; 0 leaves it to the cluster.

    Raises:
        LeukError: Ray is not installed, or there is no cluster at the address.
    """

    def __init__(self, address: str | None, jobs: int):
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                import ray
        except ImportError:
            raise LeukError(_INSTALL) from None
        self._ray, self._jobs, self._address = ray, jobs, address
        self._marks: dict[Path, str] = {}
        self._running: dict[Any, tuple[str, PathFolder, dict[str, str]]] = {}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ray.init(address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            reason = str(error).strip().splitlines()[0][:200]
            where = f"at {address}" if address else "on this machine"
            raise RunError(f"no Ray cluster {where}: {reason}; start one with: ray start --head") from None

    @property
    def slots(self) -> int:
        """Nodes may come and go, so this is asked for again and again."""
        return self._jobs or max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def words(self) -> str:
        nodes = sum(1 for node in self._ray.nodes() if node["Alive"])
        found = self._ray.cluster_resources()
        where = f"cluster at {self._address}" if self._address else "on this machine"
        return f"Ray {where}: {nodes} nodes, {found.get('CPU', 0):.0f} CPU, {found.get('GPU', 0):.0f} GPU"

    def submit(self, name: str, task: Mapping[str, Any]) -> None:
        folder = PathFolder(Path(task["path"]))
        folder.path.mkdir(parents=True, exist_ok=True)
        folder.status.unlink(missing_ok=True)
        cpus, gpus = self._wants(task)
        recipe = Path(task["recipe"]).read_text(encoding="utf-8")
        remote = self._ray.remote(run_task).options(num_cpus=cpus, num_gpus=gpus, max_retries=RETRIES)
        self._running[remote.remote(dict(task), recipe, cpus, *self._mark(folder))] = name, folder, dict(task["cells"])

    def ended(self) -> list[str]:
        if not self._running:
            return []
        ready, _ = self._ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
        found = []
        for reference in ready:
            name, folder, cells = self._running.pop(reference)
            found.append(name)
            try:
                answer = self._ray.get(reference)
            except self._ray.exceptions.RayError as error:
                reason = str(error).strip().splitlines()[0][:300]
                fail(folder, f"the Ray task was lost ({type(error).__name__}: {reason})")
                continue
            if answer["fetched"] is not None:
                _unpack(answer["fetched"], folder, cells)
            if answer["code"] != 0 and not folder.failure.is_file():
                fail(folder, f"the process ended with exit code {answer['code']} on {answer['host']}; its log: {folder.log}")
        return found

    def stop(self) -> None:
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._running.clear()
        for mark in self._marks:
            mark.unlink(missing_ok=True)
        self._ray.shutdown()

    def _wants(self, task: Mapping[str, Any]) -> tuple[int, float]:
        """Cores and GPUs of a task: the recipe's; else one core, and one GPU where the cluster has any."""
        asked = task.get("resources") or {}
        has_gpu = self._ray.cluster_resources().get("GPU", 0) > 0
        gpus = asked.get("gpus")
        return int(asked.get("cpus") or 1), float(gpus if gpus is not None else 1.0 if has_gpu else 0.0)

    def _mark(self, folder: PathFolder) -> tuple[str, str]:
        """A file with a word in it: whoever reads the word sees the grid folder."""
        mark = folder.path.parent / ".seen-by-all"
        if mark not in self._marks:
            self._marks[mark] = secrets.token_hex(8)
            mark.write_text("" if os.environ.get(FETCH) else self._marks[mark], encoding="utf-8")
        return str(mark), self._marks[mark]


def run_task(task: dict[str, Any], recipe: str, cpus: int, mark: str, word: str) -> dict[str, Any]:
    """What a node does: runs the worker where the grid folder is seen, else in a folder of its own.

    Returns:
        code (of the process), host, and, from a folder of its own, a tar archive of what it left.
    """
    import socket

    if _sees(Path(mark), word):
        return {"code": _run(task, cpus), "host": socket.gethostname(), "fetched": None}
    own = Path(tempfile.mkdtemp(prefix="keras-leuk-"))
    try:
        code = _run(_moved(task, recipe, own), cpus)
        return {"code": code, "host": socket.gethostname(), "fetched": _pack(own)}
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _sees(mark: Path, word: str) -> bool:
    try:
        return mark.read_text(encoding="utf-8") == word
    except OSError:
        return False


def _moved(task: Mapping[str, Any], recipe: str, own: Path) -> dict[str, Any]:
    """The task in a folder of this node, with this node's cache."""
    from keras_leuk.store.address import cache_folder

    (own / "path").mkdir()
    (own / "path" / "recipe.yaml").write_text(recipe, encoding="utf-8")
    cells = {epochs: str(own / "cells" / Path(path).name) for epochs, path in task["cells"].items()}
    here = {"path": str(own / "path"), "recipe": str(own / "path" / "recipe.yaml"), "cells": cells}
    here["backbones"] = str(own / "backbones")
    return {**task, **here, "cache": str(cache_folder())}


def _run(task: Mapping[str, Any], cpus: int) -> int:
    folder = PathFolder(Path(task["path"]))
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.task.write_text(json.dumps({**task, "parent": os.getpid()}), encoding="utf-8")
    with open(folder.log, "ab") as log:
        return subprocess.run(
            [sys.executable, "-m", "keras_leuk.grid.worker", str(folder.task)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, THREADS: str(cpus)},
            check=False,
        ).returncode


def _pack(own: Path) -> bytes:
    """Finished cells, log and failure; no checkpoint, which may be large and which another node would not find again."""
    kept = io.BytesIO()
    with tarfile.open(fileobj=kept, mode="w:gz") as archive:
        for path in (own / "cells", own / "path" / "log.txt", own / "path" / "failure.json"):
            if path.exists():
                archive.add(path, arcname=str(path.relative_to(own)))
    return kept.getvalue()


def _unpack(fetched: bytes, folder: PathFolder, cells: Mapping[str, str]) -> None:
    """Puts what a node left in its place; a cell is renamed when it is whole."""
    with tempfile.TemporaryDirectory(dir=folder.path, prefix=".fetched-") as name:
        with tarfile.open(fileobj=io.BytesIO(fetched), mode="r:gz") as archive:
            archive.extractall(name, filter="data")
        for path in cells.values():
            found = Path(name) / "cells" / Path(path).name
            if found.is_dir() and not Path(path).exists():
                os.rename(found, path)
        for left in ("log.txt", "failure.json"):
            if (Path(name) / "path" / left).is_file():
                os.replace(Path(name) / "path" / left, folder.path / left)
