"""Training curves in small multiples: loss or accuracy over the epochs, one small panel for each setting's longest training.

The shape of fata2023's Figures 7 and 8, with equal axes, and the gap between training and validation printed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from keras_leuk.reporting.grid_contents import Grid
from keras_leuk.reporting.grid_layout import EPOCHS, Layout, Panel, words_of
from keras_leuk.reporting.style import COLUMN, PAGE, SIDE_COLOURS, SMALL, TINY, Caption, canvas, drawn, legend_below, shorts

MOST = 96
"""More small panels are no figure."""

ROWS, COLUMNS = 6, 4
"""Of small panels on a page."""

_SIDES = {"train": ("", "-"), "validation": ("val_", "--"), "test": ("test_", "-.")}


@dataclass(frozen=True)
class Multiple:
    """One small panel.

    Attributes:
        title: the setting in words.
        history: epochs of all its runs: run (name of the cell, and of the fold), epoch, and the measured columns; None where no
            run of the setting has any.
        best: its best epoch, None where unknown or where there are several runs.
        state: 'finished', 'failed' or 'missing'.
    """

    title: str
    history: pd.DataFrame | None
    best: int | None
    state: str


def multiples(grid: Grid, layout: Layout) -> list[Multiple]:
    """The small panels of a grid, in the order of its tables; where epochs run down, the longest finished budget stands for all.

    Raises:
        RunError: a history cannot be read.
    """
    budgets = layout.rows is not None and layout.rows.key == EPOCHS
    found = []
    for panel in layout.panels:
        for row in (None,) if budgets else layout.down:
            for column in layout.across:
                cells = _longest(layout, panel, column) if budgets else panel.at(row, column)
                if cells.empty:
                    continue
                own = [(layout.columns, column), (layout.rows, row)]
                words = words_of(grid, {varied.key: value for varied, value in own if varied is not None and value is not None})
                found.append(_multiple(grid, cells, ", ".join(word for word in (panel.title, words) if word)))
    return found


def _longest(layout: Layout, panel: Panel, column: str | None) -> pd.DataFrame:
    """The cells of the largest budget with a finished one; of the largest there is, where none has finished."""
    budgets = sorted(layout.down, key=lambda budget: float(budget or 0), reverse=True)
    places = [cells for budget in budgets if len(cells := panel.at(budget, column))]
    finished = [cells for cells in places if (cells["state"] == "finished").any()]
    return next(iter(finished or places), panel.cells.iloc[:0])


def _multiple(grid: Grid, cells: pd.DataFrame, title: str) -> Multiple:
    parts = []
    for row in cells.to_dict("records"):
        history = grid.history({str(key): value for key, value in row.items()})
        if history is not None:
            folds = history["fold"].astype(str) if "fold" in history.columns else ""
            parts.append(history.assign(run=row["cell"] + ("/" + folds if "fold" in history.columns else "")))
    states = set(cells["state"])
    state = next(state for state in ("finished", "failed", "missing") if state in states)
    best = cells["best_epoch"].iloc[0] if len(cells) == 1 else math.nan
    whole = pd.concat(parts, ignore_index=True) if parts else None
    single = whole is not None and whole["run"].nunique() == 1
    return Multiple(title, whole, int(best) if single and not math.isnan(best) else None, state)


def curves_table(found: Sequence[Multiple], measure: str) -> pd.DataFrame | None:
    """The numbers behind the small panels: setting, run, epoch, and the measure of each side; None where no run has them."""
    parts = []
    for multiple in found:
        if multiple.history is not None:
            columns = [prefix + measure for prefix, _ in _SIDES.values() if prefix + measure in multiple.history.columns]
            part = multiple.history[["run", "epoch", *columns]]
            parts.append(part.assign(setting=multiple.title)[["setting", "run", "epoch", *columns]])
    if not parts:
        return None
    table = pd.concat(parts, ignore_index=True)
    return table if table["epoch"].max() > table["epoch"].min() and len(table.columns) > 3 else None


def curve_limits(table: pd.DataFrame, measure: str) -> tuple[float, float, bool]:
    """Ends of the measure's axis, the same for all small panels, and whether a curve leaves it.

    One loss that runs away must not flatten all the others: the axis ends at three times the usual largest loss.
    """
    columns = [column for column in table.columns if column.endswith(measure)]
    if measure == "accuracy":
        return max(0.0, float(table[columns].min().min()) - 0.03), 1.0, False
    largest = table.groupby("setting")[columns].max().max(axis=1)
    top = min(float(largest.max()), 3 * float(largest.median()))
    return 0.0, 1.04 * top, bool(largest.max() > top)


@drawn
def curves_figure(found: Sequence[Multiple], measure: str, limits: tuple[float, float], caption: Caption) -> Figure:
    """One page of small panels.

    Args:
        found: at most `ROWS` x `COLUMNS` of them.
        limits: of the measure's axis.
    """
    columns = columns_for(len(found))
    lines = math.ceil(len(found) / columns)
    width = {1: COLUMN, 2: 0.7 * PAGE}.get(columns, PAGE)
    figure = canvas(width, 1.28 * lines + 0.25, f"{measure.capitalize()} over the epochs", caption, 1)
    grid = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    titles = shorts([multiple.title for multiple in found], 24 if columns > 3 else 36)
    last = max((int(m.history["epoch"].max()) for m in found if m.history is not None), default=1)
    for number, axes in enumerate(grid.flat):
        if number >= len(found):
            axes.set_axis_off()
            continue
        _small(axes, found[number], measure)
        axes.set_title(titles[number], fontsize=SMALL, loc="left", pad=2.5)
        if number >= len(found) - columns:
            axes.set_xlabel("epoch", labelpad=1)
            axes.tick_params(labelbottom=True)
    for across in grid:
        across[0].set_ylabel(measure)
    grid[0][0].set_ylim(*limits)
    grid[0][0].set_xlim(1 - 0.02 * last, last * 1.02)
    grid[0][0].xaxis.set_major_locator(MaxNLocator(4, integer=True))
    _legend(figure, found, measure)
    return figure


def columns_for(n: int) -> int:
    """How many small panels stand side by side."""
    return next((c for c in (4, 3) if n % c == 0 and n > c), min(n, COLUMNS))


def _small(axes: Axes, multiple: Multiple, measure: str) -> None:
    history = multiple.history
    if history is None:
        words = {"finished": "no epochs", "missing": "–"}.get(multiple.state, multiple.state)
        axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", fontsize=SMALL, color="#606060")
        return
    runs = history["run"].nunique()
    means = {}
    for side, (prefix, dash) in _SIDES.items():
        column = prefix + measure
        if column not in history.columns or history[column].isna().all():
            continue
        colour = SIDE_COLOURS[side]
        if runs > 1:
            for _, run in history.groupby("run", sort=False):
                axes.plot(run["epoch"], run[column], dash, color=colour, linewidth=0.4, alpha=0.4)
        means[side] = history.groupby("epoch")[column].mean()
        axes.plot(means[side].index, means[side], dash, color=colour, linewidth=1.1)
    if multiple.best is not None:
        axes.axvline(multiple.best, color="#404040", linewidth=0.7, linestyle=":")
    if "train" in means and "validation" in means:
        gap = abs(means["train"].iloc[-1] - means["validation"].iloc[-1])
        axes.set_title(f"gap {gap:.3f}", fontsize=TINY + 0.5, loc="right", pad=2.5)


def _legend(figure: Figure, found: Sequence[Multiple], measure: str) -> None:
    columns = {str(column) for m in found if m.history is not None for column in m.history.columns}
    axes = figure.axes[0]
    for side, (prefix, dash) in _SIDES.items():
        if prefix + measure in columns:
            axes.plot([], [], dash, color=SIDE_COLOURS[side], label=side)
    if any(m.best is not None for m in found):
        axes.plot([], [], ":", color="#404040", linewidth=0.7, label="best epoch")
    legend_below(figure, ncols=4)
