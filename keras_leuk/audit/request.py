"""What an audit is asked for, and what a run that is given says of itself. Start at `Request`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from keras_leuk.audit.frozen import AUTO, HAND, NONE
from keras_leuk.data.groups import Knowledge
from keras_leuk.data.split_file import reuse
from keras_leuk.data.splits import fold_names, split
from keras_leuk.errors import RunError, UsageError
from keras_leuk.models import backbones
from keras_leuk.recipe.data import Split
from keras_leuk.recipe.loading import load, validate
from keras_leuk.runs.folder import RunFolder

Json = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """What is to be looked at.

    Attributes:
        data: folder, table or 'demo'; None where a run says it.
        reader: see `keras_leuk.data.read.read`.
        run: a finished run, whose split is checked and whose model stands beside the shortcuts.
        split: a strategy, drawn with the recipe's defaults, or the split.csv of a run.
        against: another data set.
        features: see `keras_leuk.audit.frozen.vectors`; weights_dir: where weight files lie.
        seed: of splits, folds and resamples.
    """

    data: str | None
    reader: str = "auto"
    run: Path | None = None
    split: str | None = None
    against: str | None = None
    features: str = AUTO
    weights_dir: str | None = None
    seed: int = 0


def check(request: Request) -> None:
    """Whether every name in the request is one, before anything is looked at.

    Raises:
        UsageError, RecipeError: what is wrong.
    """
    source(request)
    if request.split is not None and not _is_file(request.split):
        _strategy(request.split)
    if request.features not in (AUTO, HAND, NONE):
        backbones.find(request.features)


def _is_file(split: str) -> bool:
    return split.endswith(".csv") or Path(split).expanduser().is_file()


def _strategy(name: str) -> Split:
    return validate({"split": {"strategy": name}}).split


def source(request: Request) -> tuple[str, str]:
    """Path and reader of the data.

    Raises:
        UsageError: neither data nor run is given, or both.
        RunError: the folder holds no finished run.
    """
    if request.run is None:
        if request.data is None:
            raise UsageError("name the data to audit with --data, or a run with --run")
        return request.data, request.reader
    recipe = load(str(_finished(request.run).recipe))
    return request.data or recipe.data.path, request.reader if request.data else recipe.data.reader


def divisions(request: Request, rows: pd.DataFrame, classes: tuple[str, ...], knowledge: Knowledge) -> dict[str, pd.Series]:
    """Side of each labelled image in what was asked about, by name.

    Args:
        rows: labelled rows with pixels.

    Raises:
        LeukError: a strategy that the data do not allow, or a split of other data.
    """
    found: dict[str, pd.Series] = {}
    if request.run is not None:
        folder = _finished(request.run)
        folds = sorted(folder.path.glob("folds/*/split.csv"))
        for file in folds or [folder.split]:
            name = f"split of run {folder.path.name}" + (f", fold {file.parent.name}" if folds else "")
            found[name] = _from_file(rows, file)
    if request.split is None:
        return found
    if _is_file(request.split):
        found[f"split {request.split}"] = _from_file(rows, Path(request.split).expanduser())
        return found
    settings = _strategy(request.split)
    for fold in fold_names(rows, settings) if request.split == "folds" else (None,):
        drawn = split(rows, settings, request.seed, classes, fold=fold, knowledge=knowledge)
        name = f"split {drawn.strategy}, seed {request.seed}" + (f", fold {fold}" if fold else "")
        found[name] = pd.Series(list(drawn.rows["split"]), index=rows.index)
    return found


def model_of(request: Request) -> Json | None:
    """Test AUC of the run that is given, as `keras_leuk.audit.shortcuts.shortcuts` takes it."""
    if request.run is None:
        return None
    folder = _finished(request.run)
    side = json.loads(folder.metrics.read_text(encoding="utf-8"))["test"]
    auc = side.get("roc_auc") or {}
    if auc.get("value") is None:
        return None
    return {"name": folder.path.name, "auc": auc["value"], "low": auc["low"], "high": auc["high"], "n": side["n"], "side": "test"}


def _from_file(rows: pd.DataFrame, file: Path) -> pd.Series:
    return pd.Series(reuse(rows, str(file))[0], index=rows.index)


def _finished(path: Path) -> RunFolder:
    folder = RunFolder(Path(path))
    if not folder.finished or not folder.recipe.is_file():
        raise RunError(f"--run {path} holds no finished run of keras-leuk train")
    return folder
