"""Reading predictions back, trusting nothing: every number of a report rests on these two files.

Start from `read_predictions`. Whatever is wrong is said in one line that names the file, the column and the first row.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from keras_leuk.errors import RunError, suggestion
from keras_leuk.evaluation.predictions import (
    SIDES,
    Meaning,
    Predictions,
    column_names,
    output_columns,
    probability_columns,
)
from keras_leuk.runs.folder import RunFolder

SUM_TOLERANCE = 1e-4
"""How far the probabilities of a row may sum from 1: float32 softmax over many classes, or a normalised float16."""


def read_predictions(folder: RunFolder) -> Predictions:
    """The checked predictions of a run.

    Raises:
        RunError: a file is missing or unreadable; columns are missing; a class, side or number is not what
            predictions.json says it is.
    """
    meaning = parse_meaning(folder.read_json(folder.meaning), folder.meaning)
    return Predictions(_read_table(folder.predictions, meaning), meaning)


def parse_meaning(value: Mapping[str, Any], source: Path | str = "predictions.json") -> Meaning:
    """The content of predictions.json, checked.

    Raises:
        RunError: an unknown schema, fewer than two classes, a positive class that does not fit, or a setting out of range.
    """

    def section(name: str) -> Mapping[str, Any]:
        part = value.get(name) or {}
        if not isinstance(part, Mapping):
            raise RunError(f"{source}: {name} is not an object. Received: {part!r}")
        return part

    if value.get("schema") != 1:
        raise RunError(f"{source} has schema {value.get('schema')!r}; this version of keras-leuk reads schema 1")
    classes = value.get("classes")
    if not isinstance(classes, list) or len(classes) < 2 or len(set(map(str, classes))) < len(classes):
        raise RunError(f"{source}: classes must be two or more different names. Received: {classes!r}")
    classes = tuple(str(name) for name in classes)
    positive = value.get("positive")
    if (positive is None) != (len(classes) != 2) or (positive is not None and positive not in classes):
        raise RunError(
            f"{source}: positive must be one of two classes, and null where there are more. "
            f"Received: {positive!r} of {', '.join(classes)}"
        )
    outputs, split, interval = section("outputs"), section("split"), section("interval")
    selection = str(value.get("selection", "none"))
    if selection not in ("validation", "test", "none"):
        raise RunError(f"{source}: selection is {selection!r}{suggestion(selection, ('validation', 'test', 'none'))}")
    try:
        meaning = Meaning(
            classes=classes,
            positive=positive,
            units=int(outputs.get("units", len(classes))),
            activation=str(outputs.get("activation", "softmax")),
            to_probability=str(outputs.get("to_probability", "")),
            strategy=str(split.get("strategy", "unknown")),
            split_seed=None if split.get("seed") is None else int(split["seed"]),
            description=str(split.get("description", "")),
            selection=selection,
            resamples=int(interval.get("resamples", 2000)),
            confidence=float(interval.get("confidence", 0.95)),
            seed=int(interval.get("seed", 0)),
            bins=int(value.get("calibration_bins", 15)),
            data=str(value.get("data") or "unnamed data"),
            model=str(value.get("model") or "unnamed model"),
            linked=tuple(str(line) for line in value.get("linked_subjects") or ()),
            checked=tuple(str(line) for line in value.get("checked") or ()),
            warnings=tuple(str(line) for line in value.get("warnings") or ()),
        )
    except (TypeError, ValueError) as error:
        raise RunError(f"{source}: {error}") from None
    if meaning.resamples < 1 or not 0 < meaning.confidence < 1 or meaning.seed < 0 or meaning.bins < 1 or meaning.units < 1:
        raise RunError(
            f"{source}: a setting is out of range. Received: resamples {meaning.resamples}, confidence {meaning.confidence}, "
            f"seed {meaning.seed}, calibration_bins {meaning.bins}, units {meaning.units}"
        )
    return meaning


def check_table(table: pd.DataFrame, meaning: Meaning, source: Path | str = "predictions.csv") -> pd.DataFrame:
    """The table with its columns in order and its numbers as float64, if every row keeps the contract.

    Raises:
        RunError: the first thing that does not; rows are counted as lines of the file (the header is line 1).
    """
    names = column_names(meaning.classes, meaning.units)
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise RunError(f"{source} lacks the column {missing[0]}{suggestion(missing[0], map(str, table.columns))}")
    if table.empty:
        raise RunError(f"{source} holds no predictions")
    table = table[names].reset_index(drop=True)
    for column, choices in (("split", SIDES), ("true", meaning.classes), ("predicted", meaning.classes)):
        bad = ~table[column].isin(choices)
        if bad.any():
            value = table.loc[bad, column].iloc[0]
            raise RunError(f"{source}, line {_line(bad)}: {column} {value!r} is unknown{suggestion(value, choices)}")
    for column in (*output_columns(meaning.units), *probability_columns(meaning.classes)):
        numbers = np.array([_number(value) for value in table[column]])
        bad = ~np.isfinite(numbers)
        if bad.any():
            value = table[column].tolist()[_line(bad) - 2]
            raise RunError(f"{source}, line {_line(bad)}: {column} is not a finite number. Received: {value!r}")
        table[column] = numbers
    _check_probabilities(table, meaning, source)
    _check_identity(table, source)
    return table


def _number(value: Any) -> float:
    if isinstance(value, np.float32):
        # As it would come back from the file: the shortest digits of the float32.
        value = str(value)
    try:
        return float(value)
    except (TypeError, ValueError):
        return np.nan


def _read_table(path: Path, meaning: Meaning) -> pd.DataFrame:
    try:
        # keep_default_na: a class or a subject may be called "NA" or "null"; an empty field stays ''. Numbers are read as text
        # too and parsed by Python, which is exact in every version of pandas.
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except FileNotFoundError:
        raise RunError(f"{path.parent} has no {path.name}: is it a finished run of keras-leuk?") from None
    except (OSError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RunError(f"{path} cannot be read: {reason}") from None
    return check_table(table, meaning, path)


def _check_probabilities(table: pd.DataFrame, meaning: Meaning, source: Path | str) -> None:
    columns = probability_columns(meaning.classes)
    probability = table[columns].to_numpy()
    outside = (probability < 0) | (probability > 1)
    if outside.any():
        row, column = np.argwhere(outside)[0]
        raise RunError(f"{source}, line {row + 2}: {columns[column]} is outside [0, 1]. Received: {probability[row, column]}")
    total = probability.sum(axis=1)
    bad = np.abs(total - 1) > SUM_TOLERANCE
    if bad.any():
        raise RunError(f"{source}, line {_line(bad)}: the probabilities sum to {total[bad][0]:.6g}, not to 1")
    names = np.array(meaning.classes, dtype=object)
    decided = names[probability.argmax(axis=1)]
    bad = (table["predicted"] != decided).to_numpy()
    if bad.any():
        said = table["predicted"][bad].iloc[0]
        raise RunError(
            f"{source}, line {_line(bad)}: predicted is {said!r}, but the largest probability is that of {decided[bad][0]!r}"
        )


def _check_identity(table: pd.DataFrame, source: Path | str) -> None:
    twice = table.duplicated(["fold", "image"])
    if twice.any():
        raise RunError(f"{source}, line {_line(twice)}: the image is listed twice. Received: {table.loc[twice, 'image'].iloc[0]}")
    in_fold = table["fold"] != ""
    if in_fold.any() and not in_fold.all():
        raise RunError(f"{source}, line {_line(~in_fold)}: a row without a fold in a cross-validation")
    for column in ("subject", "true"):
        changed = table[column] != table.groupby("image", sort=False)[column].transform("first")
        if changed.any():
            image = table.loc[changed, "image"].iloc[0]
            raise RunError(f"{source}, line {_line(changed)}: {column} differs between the folds. Received: {image}")


def _line(bad: pd.Series | npt.NDArray[np.bool_]) -> int:
    """The line of the file (header = 1) of the first marked row."""
    return int(np.flatnonzero(np.asarray(bad))[0]) + 2
