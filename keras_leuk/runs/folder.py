"""The run folder: the names of its files, its completion mark, and who may write into it.

A run folder is the seam between the side that needs TensorFlow and the side that must not import it: whoever has the
folder can check every figure in it.

    recipe.yaml         the resolved recipe; training it again gives the same run
    environment.json    versions, device, command, data fingerprint, what was said and warned
    split.csv           one row an image: side, subject, linked group, content hashes
    history.csv         one row an epoch (no times, so that two runs of one recipe are byte-identical)
    timing.json         seconds and images/s of each stage
    predictions.csv     one row an image: true class, raw outputs, probability per class
    predictions.json    what the columns of predictions.csv mean: classes in order, positive class, interval settings
    mistakes.npz        small pictures of the most confident mistakes
    metrics.json        computed from predictions.csv and predictions.json alone
    model.json          what is needed to rebuild the model from the registry
    model.weights.h5    all its weights
    model.backbone.weights.h5  in a grid, a frozen backbone's weights, one file on disk for all cells; the other has the head
    model.classifier.npz  what a scikit-learn head learnt, as plain arrays; model.weights.h5 then holds the backbone alone
    ensemble.json       in the folder of an ensemble, in place of recipe.yaml: its members and their weights
    figures/*.png       drawn from the tables above
    report.md           the page to read first
    complete.json       written last: the run is finished
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from keras_leuk.errors import RunError, UsageError
from keras_leuk.runs.atomic import write_json


@dataclass(frozen=True)
class RunFolder:
    """A run folder on disk; every file name of a run is spelt here and nowhere else."""

    path: Path

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.yaml"

    @property
    def environment(self) -> Path:
        return self.path / "environment.json"

    @property
    def split(self) -> Path:
        return self.path / "split.csv"

    @property
    def history(self) -> Path:
        return self.path / "history.csv"

    @property
    def timing(self) -> Path:
        return self.path / "timing.json"

    @property
    def predictions(self) -> Path:
        return self.path / "predictions.csv"

    @property
    def meaning(self) -> Path:
        return self.path / "predictions.json"

    @property
    def mistakes(self) -> Path:
        return self.path / "mistakes.npz"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.json"

    @property
    def model(self) -> Path:
        return self.path / "model.json"

    @property
    def weights(self) -> Path:
        return self.path / "model.weights.h5"

    @property
    def backbone(self) -> Path:
        return self.path / "model.backbone.weights.h5"

    @property
    def classifier(self) -> Path:
        return self.path / "model.classifier.npz"

    @property
    def ensemble(self) -> Path:
        return self.path / "ensemble.json"

    @property
    def figures(self) -> Path:
        return self.path / "figures"

    @property
    def report(self) -> Path:
        return self.path / "report.md"

    @property
    def mark(self) -> Path:
        return self.path / "complete.json"

    @property
    def checkpoint(self) -> Path:
        """Where an unfinished run keeps its last epoch; gone once the run is finished."""
        return self.path / "checkpoint"

    @property
    def folds(self) -> Path:
        """A cross-validation keeps one run folder a fold below this one."""
        return self.path / "folds"

    def fold(self, name: str) -> RunFolder:
        return RunFolder(self.folds / name)

    @property
    def finished(self) -> bool:
        return self.mark.is_file()

    @property
    def started(self) -> bool:
        return self.recipe.is_file() or self.ensemble.is_file()

    def read_json(self, path: Path) -> dict[str, Any]:
        """Reads one of this run's JSON files.

        Raises:
            RunError: the file is missing or not JSON.
        """
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RunError(f"{self.path} has no {path.name}: is it a run folder of keras-leuk?") from None
        except (OSError, ValueError) as error:
            raise RunError(f"{path} cannot be read: {error}") from None
        if not isinstance(value, dict):
            raise RunError(f"{path} does not hold an object")
        return value

    def finish(self, facts: dict[str, Any]) -> None:
        """Writes the completion mark, the last file of a run."""
        write_json(self.mark, facts)


def open_for_reading(path: Path) -> RunFolder:
    """A finished run.

    Raises:
        UsageError: the folder does not exist.
        RunError: it holds no run, or an unfinished one.
    """
    run = RunFolder(Path(path))
    if not run.path.is_dir():
        raise UsageError(f"run folder not found: {path}")
    if not run.finished:
        if run.started:
            raise RunError(f"{path} holds an unfinished run; finish it with: keras-leuk train --resume --out {path}")
        raise RunError(f"{path} is not a run folder of keras-leuk (no {run.mark.name} in it)")
    return run


@contextmanager
def writing(path: Path, *, resume: bool, overwrite: bool) -> Iterator[RunFolder]:
    """A run folder to write into, held by this process alone. Nothing in it is touched yet.

    Args:
        path: the run folder; made if it is not there.
        resume: an unfinished run may be continued.
        overwrite: a run that is there may be replaced; whoever asked calls `clear` once nothing can go wrong any more.

    Raises:
        RunError: the folder cannot be made, is held by another process, holds a finished or an unfinished run and
            nobody said what to do with it, or holds files that are not a run's.
    """
    run = RunFolder(Path(path))
    created = _missing_parents(run.path)
    try:
        run.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"--out {path} cannot be made: {error.strerror or error}") from None
    if not os.access(run.path, os.W_OK | os.X_OK):
        raise RunError(f"--out {path} cannot be written: permission denied")
    lock = filelock.FileLock(str(run.path / ".lock"))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise RunError(f"{path} is being written by another process") from None
    except OSError as error:
        raise RunError(f"--out {path} cannot be written: {error.strerror or error}") from None
    try:
        _claim(run, resume=resume, overwrite=overwrite)
        yield run
    finally:
        (run.path / ".lock").unlink(missing_ok=True)
        lock.release()
        if not run.started:
            # Nothing of a run was written: leave no empty folders behind.
            for folder in reversed(created):
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()


def _missing_parents(path: Path) -> list[Path]:
    """The folders that making `path` would make, outermost first."""
    missing = []
    for folder in (path, *path.parents):
        if folder.exists():
            break
        missing.append(folder)
    return missing[::-1]


def _claim(run: RunFolder, *, resume: bool, overwrite: bool) -> None:
    if overwrite and (run.started or run.finished):
        return
    if run.finished:
        raise RunError(f"{run.path} holds a finished run; choose another --out, or replace it with --overwrite")
    if run.started and not resume:
        raise RunError(f"{run.path} holds an unfinished run; continue it with --resume, or replace it with --overwrite")
    strangers = sorted(entry.name for entry in run.path.iterdir() if entry.name != ".lock")
    if not run.started and strangers:
        raise RunError(f"--out {run.path} holds files that are not a run's: {', '.join(strangers[:3])}")


def clear(run: RunFolder) -> None:
    """Removes whatever run is in the folder, which stays, and stays locked."""
    # The mark goes first: a clearing that is cut short must not leave something that looks finished.
    run.mark.unlink(missing_ok=True)
    for entry in run.path.iterdir():
        if entry.name == ".lock":
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
