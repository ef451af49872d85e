"""What the epochs say: which one was best, and how long training went on."""

from __future__ import annotations

from typing import Any

import pandas as pd

PREFIX = {"validation": "val_", "test": "test_"}
"""How the columns of the watched side begin, by what early stopping watched."""


def watched_column(history: pd.DataFrame, selection: str, recipe: dict[str, Any]) -> str | None:
    """The column that early stopping watched, None where nothing was watched or the column is not there."""
    if selection not in PREFIX:
        return None
    column = PREFIX[selection] + str(_stopping(recipe).get("metric", "loss"))
    return column if column in history.columns else None


def best_epochs(history: pd.DataFrame, selection: str, recipe: dict[str, Any]) -> dict[str, int]:
    """The best epoch of each fold by what was watched; the key is '' where there is no cross-validation.

    An epoch is better only if it is by more than `training.early_stopping.min_delta`, and the first of equals stays best,
    as in early stopping itself. Empty where nothing was watched.
    """
    column = watched_column(history, selection, recipe)
    if column is None:
        return {}
    least = float(_stopping(recipe).get("min_delta") or 0.0)
    best: dict[str, int] = {}
    for fold, rows in by_fold(history).items():
        record = None
        for epoch, value in zip(rows["epoch"], rows[column], strict=True):
            cost = -value if column.endswith("accuracy") else value
            if pd.notna(cost) and (record is None or cost < record - least):
                record, best[fold] = cost, int(epoch)
    return best


def by_fold(history: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The epochs of each fold in order of appearance; one entry '' where there is no cross-validation."""
    if "fold" not in history.columns:
        return {"": history}
    return {str(fold): rows for fold, rows in history.groupby("fold", sort=False)}


def epochs_line(history: pd.DataFrame, selection: str, recipe: dict[str, Any]) -> str:
    """'23 run, best 13 (by val_loss)'; ranges over the folds of a cross-validation."""
    run = [len(rows) for rows in by_fold(history).values()]
    line = f"{_span(run)} run"
    best = list(best_epochs(history, selection, recipe).values())
    if best:
        line += f", best {_span(best)} (by {watched_column(history, selection, recipe)})"
    return line + (f", {len(run)} folds" if "fold" in history.columns else "")


def _span(values: list[int]) -> str:
    return str(values[0]) if min(values) == max(values) else f"{min(values)}–{max(values)}"


def _stopping(recipe: dict[str, Any]) -> dict[str, Any]:
    return (recipe.get("training") or {}).get("early_stopping") or {}
