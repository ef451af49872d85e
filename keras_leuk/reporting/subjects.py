"""Who the cells are from: accuracy of each subject, and what each side is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from keras_leuk.reporting.style import (
    COLUMN,
    MARKERS,
    PAGE,
    PALETTE,
    SIDE_COLOURS,
    TINY,
    Caption,
    canvas,
    drawn,
    legend_below,
    short,
    shorts,
    with_interval,
)

IN_A_COLUMN = 45
"""Subjects that fit one below another with readable names; more are drawn in two panels over the page."""


def subject_table(per_subject: dict[str, Any]) -> pd.DataFrame:
    """One row a subject, by true class, then accuracy: subject, true (classes joined by '+'), n, correct, accuracy."""
    rows = [
        {"subject": name, "true": "+".join(facts["true"]), "n": facts["n"], "correct": facts["correct"], "accuracy": facts["accuracy"]}
        for name, facts in per_subject["subjects"].items()
    ]
    table = pd.DataFrame(rows, columns=["subject", "true", "n", "correct", "accuracy"])
    return table.sort_values(["true", "accuracy", "subject"], ascending=[True, False, True], kind="stable", ignore_index=True)


@drawn
def subject_figure(per_subject: dict[str, Any], caption: Caption) -> Figure:
    """Accuracy of each subject, sorted, with the mean over subjects.

    Args:
        per_subject: 'per_subject' of a side in metrics.json, with known subjects.
    """
    table = subject_table(per_subject)
    panels = 1 if len(table) <= IN_A_COLUMN else 2
    rows = -(-len(table) // panels)
    height = max(1.5, 0.095 * rows + 0.75)
    figure = canvas(COLUMN if panels == 1 else PAGE, height, f"Accuracy of each subject, {caption.side} side", caption)
    mean = per_subject["mean"]
    kinds = list(dict.fromkeys(table["true"]))
    for p, axes in enumerate(np.atleast_1d(figure.subplots(1, panels))):
        part = table.iloc[p * rows : (p + 1) * rows].reset_index(drop=True)
        axes.axvline(mean["value"], color="#404040", linewidth=0.8, label=f"mean {with_interval(mean)}" if p == 0 else None)
        if mean["low"] is not None:
            axes.axvspan(mean["low"], mean["high"], color="#404040", alpha=0.12, linewidth=0)
        for i, kind in enumerate(kinds):
            mine = part[part["true"] == kind]
            axes.hlines(mine.index, 0, mine["accuracy"], color=PALETTE[i % 8], linewidth=0.5, alpha=0.6)
            label = f"{short(kind, 24)} (true class)" if p == 0 else None
            axes.plot(mine["accuracy"], mine.index, MARKERS[i % 8], color=PALETTE[i % 8], label=label, clip_on=False)
        labels = [f"{short(name, 14)} (n={n:,})" for name, n in zip(part["subject"], part["n"], strict=True)]
        axes.set_yticks(range(len(part)), labels, fontsize=TINY)
        axes.set_ylim(rows - 0.4, -0.6)
        axes.set_xlim(0, 1.0)
        axes.set_xlabel("accuracy")
        axes.grid(axis="x", linewidth=0.3, alpha=0.6)
    legend_below(figure.axes[0], 26, ncols=1 if panels == 1 else 3)
    return figure


def distribution_table(rows: pd.DataFrame, classes: tuple[str, ...]) -> pd.DataFrame:
    """What each side, or each fold's test side, is made of.

    Args:
        rows: the table of predictions.
    Returns:
        one row a (part, class): part ('train', ... or 'fold 1', ...), class, images, subjects (None where one is unknown).
    """
    folds = [fold for fold in dict.fromkeys(rows["fold"]) if fold]
    if folds:
        test = rows[rows["split"] == "test"]
        parts = {f"fold {fold}": test[test["fold"] == fold] for fold in folds}
    else:
        parts = {side: rows[rows["split"] == side] for side in SIDE_COLOURS}
    table = []
    for part, members in parts.items():
        known = len(members) > 0 and bool((members["subject"] != "").all())
        for name in classes:
            mine = members[members["true"] == name]
            table.append({"part": part, "class": name, "images": len(mine), "subjects": mine["subject"].nunique() if known else None})
    result = pd.DataFrame(table)
    return result[result.groupby("part")["images"].transform("sum") > 0].reset_index(drop=True)


@drawn
def distribution_figure(table: pd.DataFrame, sizes: dict[str, str], caption: Caption) -> Figure:
    """Images of each class on each side.

    Args:
        table: as `distribution_table` gives it.
        sizes: for each part, its words for the legend, such as 'train: n = 6,000, 60 subjects'.
    """
    parts, classes = list(dict.fromkeys(table["part"])), list(dict.fromkeys(table["class"]))
    slots = len(classes) * (len(parts) + 1)
    figure = canvas(COLUMN, max(1.6, 0.1 * slots + 0.55 + 0.11 * len(parts)), "Classes on each side of the split", caption)
    axes = figure.add_subplot()
    largest = int(table["images"].max())
    for p, part in enumerate(parts):
        mine = table[table["part"] == part].set_index("class").reindex(classes)
        at = np.arange(len(classes)) * (len(parts) + 1) + p
        colour = SIDE_COLOURS.get(part, PALETTE[p % 8])
        axes.barh(at, mine["images"], height=0.9, color=colour, label=sizes.get(part, part), edgecolor="white", linewidth=0.3)
        total = mine["images"].sum()
        for y, n in zip(at, mine["images"], strict=True):
            axes.text(n + largest * 0.01, y, f"{n:,} ({100 * n / total:.0f} %)", va="center", ha="left", fontsize=TINY)
    middle = np.arange(len(classes)) * (len(parts) + 1) + (len(parts) - 1) / 2
    axes.set_yticks(middle, shorts(classes))
    axes.set_ylim(slots - 1.3, -0.7)
    axes.set_xlim(0, largest * 1.22)
    axes.set_xlabel("images (share of the side)")
    legend_below(axes, 26, ncols=1 if len(parts) <= 3 else 2)
    return figure
