"""Who the cells are from: accuracy of each subject, and what each side is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from keras_leuk.reporting.style import (
    COLUMN,
    MARKERS,
    PAGE,
    PALETTE,
    SIDE_COLOURS,
    SMALL,
    TINY,
    Caption,
    canvas,
    drawn,
    legend_below,
    short,
    with_interval,
)

IN_A_COLUMN = 45
"""Subjects that fit one below another with readable names; more are drawn in two panels over the page."""

SEVERAL = "several true classes"


def subject_table(per_subject: dict[str, Any]) -> pd.DataFrame:
    """One row a subject, by true class, then accuracy: subject, true (classes joined by '+'), n, correct, accuracy."""
    rows = [
        {
            "subject": name,
            "true": "+".join(facts["true"]),
            "n": facts["n"],
            "correct": facts["correct"],
            "accuracy": facts["accuracy"],
        }
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
    single = {facts["true"][0] for facts in per_subject["subjects"].values() if len(facts["true"]) == 1}
    table["true"] = table["true"].where(table["true"].isin(single), SEVERAL)
    table = table.sort_values(["true", "accuracy", "subject"], ascending=[True, False, True], kind="stable", ignore_index=True)
    kinds = list(dict.fromkeys(table["true"]))
    across = 1 if panels == 1 else 3
    title = f"Accuracy of each subject, {caption.side} side"
    figure = canvas(COLUMN if panels == 1 else PAGE, 0.095 * rows + 0.65, title, caption, -(-(len(kinds) + 1) // across))
    mean = per_subject["mean"]
    for p, axes in enumerate(np.atleast_1d(figure.subplots(1, panels))):
        part = table.iloc[p * rows : (p + 1) * rows].reset_index(drop=True)
        axes.axvline(mean["value"], color="#404040", linewidth=0.8, label=f"mean {with_interval(mean)}" if p == 0 else None)
        if mean["low"] is not None:
            axes.axvspan(mean["low"], mean["high"], color="#404040", alpha=0.12, linewidth=0)
        for i, kind in enumerate(kinds):
            mine = part[part["true"] == kind]
            axes.hlines(mine.index, 0, mine["accuracy"], color=PALETTE[i % 8], linewidth=0.5, alpha=0.6)
            label = (kind if kind == SEVERAL else f"{short(kind, 24)} (true class)") if p == 0 else None
            (dots,) = axes.plot(mine["accuracy"], mine.index, MARKERS[i % 8], color=PALETTE[i % 8], label=label, clip_on=False)
            # A class without subjects in this panel would stretch the layout to the figure's corner.
            dots.set_in_layout(False)
        labels = [f"{short(name, 14)} (n={n:,})" for name, n in zip(part["subject"], part["n"], strict=True)]
        axes.set_yticks(range(len(part)), labels, fontsize=TINY)
        axes.set_ylim(rows - 0.4, -0.6)
        axes.set_xlim(0, 1.0)
        axes.set_xlabel("accuracy")
        axes.grid(axis="x", linewidth=0.3, alpha=0.6)
    legend_below(figure, ncols=across)
    return figure


def distribution_table(rows: pd.DataFrame, classes: tuple[str, ...]) -> pd.DataFrame:
    """What each side, or each fold's test side, is made of.

    Args:
        rows: the table of predictions.
    Returns:
        one row a (part, class): part ('train', ... or 'fold 1', ...), class, images, subjects (None where one is unknown).
    """
    folds = [fold for fold in dict.fromkeys(rows["fold"]) if fold]
    if len(folds) > 1:
        test = rows[rows["split"] == "test"]
        parts = {f"fold {fold}": test[test["fold"] == fold] for fold in folds}
    else:
        parts = {side: rows[rows["split"] == side] for side in SIDE_COLOURS}
    table = []
    for part, members in parts.items():
        known = len(members) > 0 and bool((members["subject"] != "").all())
        for name in classes:
            mine = members[members["true"] == name]
            table.append(
                {"part": part, "class": name, "images": len(mine), "subjects": mine["subject"].nunique() if known else None}
            )
    result = pd.DataFrame(table)
    return result[result.groupby("part")["images"].transform("sum") > 0].reset_index(drop=True)


@drawn
def distribution_figure(table: pd.DataFrame, sizes: dict[str, str], caption: Caption) -> Figure:
    """Images of each class on each side; every bar says its class, so that no colour has to be looked up.

    Args:
        table: as `distribution_table` gives it.
        sizes: for each part, its words for the axis, such as 'n = 6,000, 60 subjects'.
    """
    parts, classes = list(dict.fromkeys(table["part"])), list(dict.fromkeys(table["class"]))
    step = len(classes) + 1
    title = "Classes in each fold's test side" if parts[0].startswith("fold ") else "Classes on each side of the split"
    figure = canvas(COLUMN, max(1.2, 0.11 * step * len(parts) + 0.5), title, caption)
    axes = figure.add_subplot()
    largest = int(table["images"].max())
    for c, name in enumerate(classes):
        mine = table[table["class"] == name].set_index("part").reindex(parts)
        at = np.arange(len(parts)) * step + c
        axes.barh(at, mine["images"], height=0.85, color=PALETTE[c % 8])
        for y, part, n in zip(at, parts, mine["images"], strict=True):
            total = table.loc[table["part"] == part, "images"].sum()
            axes.text(
                n + largest * 0.015,
                float(y),
                f"{short(name, 20)} {n:,} ({100 * n / total:.0f} %)",
                va="center",
                ha="left",
                fontsize=TINY,
            )
    words = ["\n".join([part, *sizes[part].split(", ")]) for part in parts]
    axes.set_yticks(np.arange(len(parts)) * step + (len(classes) - 1) / 2, words, fontsize=TINY if len(classes) < 3 else SMALL)
    axes.set_ylim(step * len(parts) - 1.3, -0.7)
    # Room for the longest words beside the longest bar.
    axes.set_xlim(0, largest * 1.75)
    axes.set_xticks([tick for tick in MaxNLocator(4, integer=True).tick_values(0, largest) if tick <= largest * 1.1])
    axes.set_xlabel("images (share of the side)")
    return figure
