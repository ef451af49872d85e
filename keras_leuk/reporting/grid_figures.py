"""All figures of a grid: which are drawn, from what, and what they say in words.

Start from `FIGURES`. A figure that makes no sense for a grid (no numbers run down, nothing runs across, ...) is not drawn; one
that does not fit a page is drawn on several.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pandas as pd

from keras_leuk.evaluation.selection import Choice
from keras_leuk.reporting.figures import Drawing
from keras_leuk.reporting.grid_contents import Grid
from keras_leuk.reporting.grid_curves import (
    COLUMNS,
    MOST,
    ROWS,
    curve_limits,
    curves_figure,
    curves_table,
    multiples,
)
from keras_leuk.reporting.grid_layout import (
    EPOCHS,
    Layout,
    interval_words,
    layout_of,
    repeat_words,
    size_words,
    split_words,
)
from keras_leuk.reporting.grid_lines import BARS_EVERYWHERE, limits_of, line_figure, line_table
from keras_leuk.reporting.grid_maps import colour_limits, heat_figure, heat_table, panel_height, time_figure, time_table
from keras_leuk.reporting.style import Caption

PANELS_A_PAGE = 4
"""Panels of the line figure, one above the other."""

HEIGHT = 7.5
"""Inches of heat map on a page."""

T = TypeVar("T")


@dataclass(frozen=True)
class SidesCaption(Caption):
    """A caption of a figure that shows more than one side; `sizes` says how many images and subjects each has."""

    sizes: str = ""

    def text(self) -> str:
        sentences = [f"{self.sizes}.", f"Split: {self.split}.", self.note]
        return " ".join(s for s in sentences if s) + f"\nClasses: {self.classes}. Data: {self.data}. Model: {self.model}."


def lines(grid: Grid, choices: Sequence[Choice]) -> Iterator[Drawing]:
    """Accuracy against what runs down, where that is numbers."""
    layout, sides = layout_of(grid), _judged(grid)
    if layout.rows is None or layout.rows.numbers is None or not sides:
        return
    table = line_table(grid, layout, layout.panels, sides)
    x = layout.rows.words
    if table.groupby(["panel", "side", "line"])[x].nunique().max() in (1, float("nan")) or table.empty:
        return
    series = layout.columns.values if layout.columns is not None else ("",)
    limits = limits_of(layout, table)
    chosen = [(panel, column, float(row)) for panel, row, column in _chosen(layout, choices)]
    where = f" Bars stand to the right of the largest {x} only." if len(series) > BARS_EVERYWHERE else ""
    note = f"Bars: {_spread(grid)}.{where}{_shared(grid, layout)}"
    across = f", a line for each of {len(series)} {layout.columns.words} values" if layout.columns is not None else ""
    numbers = layout.rows.numbers
    for name, panels in _pages("accuracy", layout.panels, PANELS_A_PAGE):
        titles = [panel.title for panel in panels]
        mine = table[table["panel"].isin(titles)].reset_index(drop=True)
        if mine.empty:
            continue
        cells = pd.concat([panel.cells for panel in panels])
        yield Drawing(
            name,
            _titled(f"Accuracy against {x}", titles),
            f"{' and '.join(sides).capitalize()} accuracy against {x} from {min(numbers):g} to {max(numbers):g}{across}; "
            f"{_ranges(mine, sides)}.",
            line_figure(layout, mine, titles, sides, chosen, limits, _caption(grid, cells, sides, note)),
            mine,
        )


def curves(grid: Grid, choices: Sequence[Choice]) -> Iterator[Drawing]:
    """Accuracy and loss over the epochs of each setting."""
    layout = layout_of(grid)
    found = multiples(grid, layout)
    if len(found) > MOST:
        return
    budgets = layout.rows is not None and layout.rows.key == EPOCHS
    which = "the longest finished budget of each setting" if budgets else "all settings"
    thin = f" Thin lines: {repeat_words(grid)}; thick: their mean." if grid.repeats else ""
    for measure in ("accuracy", "loss"):
        table = curves_table(found, measure)
        if table is None:
            continue
        low, high, cut = curve_limits(table, measure)
        gap = "validation - training" if measure == "loss" else "training - validation"
        note = f"Shown: {which}. Gap: size of {gap} at the last epoch.{thin}"
        note += " The axis ends before the largest losses do." if cut else ""
        sides = [side for side in ("train", "validation") if grid.has(side)]
        for name, page in _pages(f"curves_{measure}", found, ROWS * COLUMNS):
            titles = [multiple.title for multiple in page]
            mine = table[table["setting"].isin(titles)].reset_index(drop=True)
            if len(mine):
                yield Drawing(
                    name,
                    f"Training curves: {measure}",
                    f"{measure.capitalize()} over the epochs on the training and validation side, {len(page)} small panels, "
                    f"{which}.",
                    curves_figure(page, measure, (low, high), _caption(grid, grid.table, sides, note)),
                    mine,
                )


def heat_map(grid: Grid, choices: Sequence[Choice]) -> Iterator[Drawing]:
    """Validation and test accuracy of all settings, where two keys span a plane."""
    layout, sides = layout_of(grid), _judged(grid)
    if layout.rows is None or layout.columns is None or not sides:
        return
    table = heat_table(layout, layout.panels, sides)
    limits = colour_limits(table)
    chosen = _chosen(layout, choices)
    note = f"Means over {repeat_words(grid)}." if grid.repeats else "Intervals are in the tables."
    note += " Frame: chosen by validation." if chosen else ""
    for name, panels in _pages("heat_map", layout.panels, max(1, int(HEIGHT / panel_height(layout)))):
        titles = [panel.title for panel in panels]
        mine = table[table["panel"].isin(titles)].reset_index(drop=True)
        if mine["accuracy"].notna().sum() < 2:
            continue
        cells = pd.concat([panel.cells for panel in panels])
        yield Drawing(
            name,
            _titled("Heat map of the grid", titles),
            f"{' and '.join(sides).capitalize()} accuracy of each {layout.rows.words} and {layout.columns.words}; "
            f"{_ranges(mine, sides)}. The same numbers are in the tables.",
            heat_figure(layout, mine, titles, sides, chosen, limits, _caption(grid, cells, sides, note)),
            mine,
        )


def time(grid: Grid, choices: Sequence[Choice]) -> Iterator[Drawing]:
    """Seconds against accuracy, where at least three settings have a time."""
    layout, sides = layout_of(grid), _judged(grid)
    table = time_table(grid, layout, sides)
    if len(table) < 3 or table["seconds"].nunique() < 2:
        return
    note = "Time of training as each run recorded it; features of a frozen backbone are extracted before that and shared."
    note += f" Means over {repeat_words(grid)}." if grid.repeats else ""
    chosen = _chosen(layout, choices)
    least, most = table["seconds"].min(), table["seconds"].max()
    yield Drawing(
        "time",
        "Time against accuracy",
        f"Accuracy of {len(table)} settings against their {least:.3g} to {most:.3g} seconds.",
        time_figure(layout, table, sides, chosen, _caption(grid, grid.table, sides, note)),
        table,
    )


FIGURES: dict[str, Callable[[Grid, Sequence[Choice]], Iterator[Drawing]]] = {
    "accuracy": lines,
    "curves": curves,
    "heat_map": heat_map,
    "time": time,
}
"""Every kind of figure, in the order of the report; files are figures/<name>.png, numbered where a kind fills several pages."""


def _judged(grid: Grid) -> list[str]:
    return [side for side in ("validation", "test") if grid.has(side)]


def _chosen(layout: Layout, choices: Sequence[Choice]) -> list[tuple[str, str, str]]:
    """Panel, row and column of each setting that validation chose."""
    found = []
    for choice in choices:
        if choice.winner is None:
            continue
        setting = choice.winner.setting
        for panel in layout.panels:
            if all(setting.get(key) == value for key, value in panel.where.items()):
                row, column = (setting[v.key] if v is not None else "" for v in (layout.rows, layout.columns))
                found.append((panel.title, row, column))
    return found


def _pages(name: str, items: Sequence[T], most: int) -> Iterator[tuple[str, Sequence[T]]]:
    """The items, so many a page, with the page's name."""
    starts = range(0, len(items), most)
    for number, start in enumerate(starts, 1):
        yield name if len(starts) == 1 else f"{name}_{number}", items[start : start + most]


def _titled(title: str, panels: Sequence[str]) -> str:
    return f"{title}: {'; '.join(panels)}" if panels != [""] and len(panels) <= PANELS_A_PAGE else title


def _caption(grid: Grid, cells: pd.DataFrame, sides: Sequence[str], note: str) -> SidesCaption:
    if grid.watched_on_test and "test" in sides:
        note += " The test side was watched during training."
    named = {"train": "training", "validation": "validation", "test": "test"}
    sizes = "; ".join(f"{named[side]}: {size_words(cells, side)}" for side in sides)
    classes = ", ".join(f"{name} (positive)" if name == grid.positive else name for name in grid.classes)
    words = split_words(grid) if not grid.apart else "varies, see the panels"
    return SidesCaption(grid.data, grid.model, sides[0], 0, None, words, classes, note, sizes=sizes[:1].upper() + sizes[1:])


def _spread(grid: Grid) -> str:
    return f"mean ± standard deviation over {repeat_words(grid)}" if grid.repeats else interval_words(grid)


def _shared(grid: Grid, layout: Layout) -> str:
    """What nobody sees in a line of budgets: its points may be readings of one training."""
    if grid.independent or layout.rows is None or layout.rows.key != EPOCHS:
        return ""
    return " Points of a line may be readings of one training."


def _ranges(table: pd.DataFrame, sides: Sequence[str]) -> str:
    seen = {side: table.loc[table["side"] == side, "accuracy"].dropna() for side in sides}
    return "; ".join(f"{side} {values.min():.3f} to {values.max():.3f}" for side, values in seen.items() if len(values))
