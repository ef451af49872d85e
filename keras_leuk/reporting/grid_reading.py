"""Reading a grid folder: grid.csv and grid.json, trusting neither.

Start from `read_grid`. Whatever is wrong is said in one line that names the file, the cell and the column.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd

from keras_leuk.errors import RunError, suggestion
from keras_leuk.evaluation.predictions import SIDES
from keras_leuk.reporting.grid_contents import APART, MEASURES, REPEATS, STATES, Grid, Varied
from keras_leuk.runs.folder import RunFolder

_WORDS = {
    "model.backbone": "backbone",
    "training.optimizer.name": "optimizer",
    "training.learning_rate.initial": "learning rate",
    "images.size": "image size",
    "split.strategy": "split",
}


def read_grid(path: Path) -> Grid:
    """Reads a grid folder.

    Raises:
        RunError: grid.csv or grid.json is missing, unreadable, of another schema, or they do not agree.
    """
    facts = _facts(path / "grid.json")
    table = _table(path / "grid.csv")
    varied, fixed = [], {}
    given = facts.get("varied") or {}
    for key, values in given.items():
        if key not in table.columns:
            raise RunError(f"{path / 'grid.csv'} lacks the column {key} that grid.json names as varied")
        texts = list(dict.fromkeys(_text(value) for value in values))
        table[key] = [_known(text, values, key, str(cell), path) for text, cell in zip(table[key], table["cell"], strict=True)]
        if len(texts) < 2:
            fixed[key] = texts[0] if texts else ""
            continue
        numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
        numbers = tuple(float(text) for text in texts) if numeric else None
        varied.append(Varied(key, _words(key, list(given)), tuple(texts), numbers))
    split, interval = facts.get("split") or {}, facts.get("interval") or {}
    return Grid(
        path=path,
        table=table,
        varied=tuple(varied),
        fixed=fixed,
        data=str(facts.get("data") or "unnamed data"),
        model=str(facts.get("model") or "classifier"),
        strategy=str(split.get("strategy") or "unknown"),
        description=str(split.get("description") or ""),
        unit=str(split.get("unit") or "image"),
        confidence=float(interval.get("confidence", 0.95)),
        resamples=int(interval.get("resamples", 2000)),
        classes=tuple(str(name) for name in facts.get("classes") or ()),
        positive=None if facts.get("positive") is None else str(facts["positive"]),
        independent=bool(facts.get("independent", False)),
        resplit=_resplit(path, table, [v.key for v in varied]),
        command=str(facts.get("command") or ""),
        warnings=tuple(str(line) for line in facts.get("warnings") or ()),
        notes=tuple(str(line) for line in facts.get("notes") or ()),
    )


def _facts(path: Path) -> dict[str, Any]:
    facts = RunFolder(path.parent).read_json(path) if path.is_file() else None
    if facts is None:
        raise RunError(f"{path.parent} has no {path.name}: is it a grid folder of keras-leuk?")
    if facts.get("schema") != 1:
        raise RunError(f"{path} has schema {facts.get('schema')!r}; this version of keras-leuk reads schema 1")
    if not isinstance(facts.get("varied") or {}, dict):
        raise RunError(f"{path}: varied is not an object. Received: {facts['varied']!r}")
    return facts


def _table(path: Path) -> pd.DataFrame:
    """grid.csv: text as text, numbers as float64; columns that may be absent are empty."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise RunError(f"{path.parent} has no {path.name}: is it a grid folder of keras-leuk?") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {error}") from None
    values = [f"{side}_{measure}" for side in SIDES for measure in MEASURES]
    for name in ("cell", "state", *(f"{side}_n" for side in SIDES), *values):
        if name not in table.columns and not name.endswith("_log_loss"):
            raise RunError(f"{path} lacks the column {name}")
    for cell, state in zip(table["cell"], table["state"], strict=True):
        if state not in STATES:
            raise RunError(f"{path}, cell {cell}: unknown state {state!r}{suggestion(state, STATES)}")
    twice = table["cell"].duplicated()
    if twice.any():
        raise RunError(f"{path} lists the cell {table.loc[twice, 'cell'].iloc[0]} twice")
    counts = [f"{side}_{count}" for side in SIDES for count in ("n", "subjects")]
    numbers = [
        *counts,
        *values,
        *(f"{v}_{end}" for v in values for end in ("low", "high")),
        "epochs_run",
        "best_epoch",
        "seconds",
    ]
    columns = {name: _numbers(table, name, path) for name in numbers}
    texts = {name: table.get(name, pd.Series("", table.index)) for name in ("stopped_early", "run", "error")}
    return table.drop(columns=[c for c in (*columns, *texts) if c in table]).assign(**texts, **columns)


def _numbers(table: pd.DataFrame, name: str, path: Path) -> pd.Series:
    if name not in table.columns:
        return pd.Series(float("nan"), table.index)
    numbers = pd.to_numeric(table[name], errors="coerce")
    wrong = numbers.isna() & ~table[name].str.strip().str.lower().isin(("", "nan"))
    if wrong.any():
        row = table[wrong].iloc[0]
        raise RunError(f"{path}, cell {row['cell']}: {name} is not a number. Received: {row[name]!r}")
    return numbers.astype(float)


def _resplit(path: Path, table: pd.DataFrame, keys: list[str]) -> bool:
    """Whether finished cells that differ in their repeat have different split.csv; one cell of each repeat is looked at."""
    repeats = [key for key in keys if key in REPEATS]
    apart = [key for key in keys if key.startswith(APART) and key not in REPEATS]
    finished = table[table["state"] == "finished"]
    for _, rows in finished.groupby(apart) if apart else [((), finished)]:
        first = rows.drop_duplicates(repeats) if repeats else rows[:0]
        files = [RunFolder(path / run).split for run in first["run"]]
        if len({hashlib.blake2b(file.read_bytes()).digest() for file in files if file.is_file()}) > 1:
            return True
    return False


def _text(value: Any) -> str:
    """A value of the recipe as a reader meets it: 0.0001, adam, {"pooling": "max"}."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and float(f"{value:g}") == value:
        return f"{value:g}"
    return json.dumps(value, ensure_ascii=False)


def _known(text: str, values: list[Any], key: str, cell: str, path: Path) -> str:
    """The text of the value of grid.json that a cell's entry in grid.csv spells."""
    for value in values:
        if text in (_text(value), str(value), json.dumps(value)) or (value is None and text == ""):
            return _text(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                same = float(text) == value
            except ValueError:
                continue
            if same:
                return _text(value)
        if isinstance(value, bool) and text.lower() == str(value).lower():
            return _text(value)
    listed = ", ".join(_text(value) for value in values)
    raise RunError(f"{path / 'grid.csv'}, cell {cell}: {key} is {text!r}, which is none of grid.json's: {listed}")


def _words(key: str, keys: list[str]) -> str:
    """'learning rate'; the dotted key where its last part alone would be that of another key, too."""
    if key in _WORDS:
        return _WORDS[key]
    last = key.rsplit(".", 1)[-1]
    alone = sum(other.rsplit(".", 1)[-1] == last for other in keys) == 1
    return (last if alone else key).replace("_", " ")
