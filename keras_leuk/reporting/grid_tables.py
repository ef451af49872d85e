"""The tables of a grid: one a panel and measure, rows and columns as `layout_of` lays them out.

Start from `table_groups`. Bold marks the largest value of a table (of a column, where columns are measures); every caption says
that this proves nothing.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from keras_leuk.reporting.grid_choice import choice_lines
from keras_leuk.reporting.grid_contents import Grid
from keras_leuk.reporting.grid_layout import (
    Layout,
    Panel,
    Reading,
    interval_words,
    layout_of,
    reading,
    repeat_words,
    size_words,
    split_words,
)
from keras_leuk.reporting.grid_reading import read_grid
from keras_leuk.reporting.page import Cell, Table

SIDE_WORDS = {"train": "training", "validation": "validation", "test": "test"}
TEST_MEASURES = ("accuracy", "precision", "recall", "f1", "macro_f1", "weighted_f1", "roc_auc")


@dataclass(frozen=True)
class Group:
    """Tables that belong under one heading."""

    title: str
    tables: tuple[Table, ...]


def table_groups(grid: Grid) -> list[Group]:
    """All tables of the grid, the test accuracy first; sides without images have none."""
    layout = layout_of(grid)
    sides = [side for side in ("test", "validation", "train") if grid.has(side)]
    if layout.columns is None:
        others = [("test", measure) for measure in _measures(grid)[1:]] if "test" in sides else []
        kinds = [("Accuracy", [(side, "accuracy") for side in sides[::-1]]), ("Other measures on the test side", others)]
        return [
            Group(title, tuple(_table_of_measures(grid, layout, panel, title, wanted) for panel in layout.panels))
            for title, wanted in kinds
            if wanted
        ]
    wanted = [(side, "accuracy") for side in sides]
    wanted += [("test", measure) for measure in _measures(grid)[1:]] if "test" in sides else []
    return [
        Group(_title(grid, side, measure), tuple(_table(grid, layout, panel, side, measure) for panel in layout.panels))
        for side, measure in wanted
    ]


def measure_words(grid: Grid, measure: str) -> str:
    """'precision of ALL', 'macro F1', 'AUC, macro one-vs-rest'."""
    words = {
        "accuracy": "accuracy",
        "balanced_accuracy": "balanced accuracy",
        "macro_f1": "macro F1",
        "weighted_f1": "weighted F1",
        "roc_auc": "ROC AUC" if grid.positive is not None else "ROC AUC (macro, one against the rest)",
    }
    name = {"f1": "F1"}.get(measure, measure)
    return words.get(measure) or (f"macro {name}" if grid.positive is None else f"{name} of {grid.positive}")


def reading_cell(value: Reading, repeats: int) -> Cell:
    """A value as the tables show it; `repeats` is how many the plan gives a setting."""
    if value.state != "finished" or value.mean is None:
        return Cell({"missing": "–"}.get(value.state, value.state))
    text = f"{value.mean:.3f}" + (f" ± {value.sd:.3f}" if value.sd is not None else "")
    spread = f"({value.low:.3f}–{value.high:.3f})" if value.low is not None and value.high is not None else ""
    if repeats > 1 and value.n < repeats:
        spread = f"({value.n} of {repeats})"
    return Cell(text, spread, number=value.mean)


def grid_table_lines(path: Path, width: int = 110) -> list[str]:
    """The main tables of a grid folder for a terminal (test accuracy, else the side there is), and what was chosen.

    Args:
        path: the grid folder; width: characters in a line.

    Raises:
        RunError: the folder cannot be read.
    """
    grid = read_grid(path)
    groups = table_groups(grid)
    if not groups:
        return ["no cell has finished: there is nothing to table"]
    tables = groups[0].tables
    captions = list(dict.fromkeys(table.caption.replace("Bold:", "*") for table in tables))
    # Cut numbers would be worse than none: without intervals, a table is as wide as it has to be.
    fits = all(_width(terminal_table(table)) <= width for table in tables)
    if not fits:
        words = f"In brackets: {interval_words(grid)}."
        captions = [caption.replace(words, "Intervals do not fit here; grid.md has them.") for caption in captions]
    drawn = [terminal_table(table, spreads=fits) for table in tables]
    lines = [line for table in drawn for line in _printed(table, max(width, _width(table)))]
    return lines + [line for text in (*captions, *choice_lines(grid)) for line in _printed(Text(text), width)]


def _width(table: RichTable) -> int:
    """Characters that a table takes if nothing in it is cut."""
    return _console(10_000).measure(table).maximum


def _printed(what: RichTable | Text, width: int) -> list[str]:
    console = _console(width)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def _console(width: int) -> Console:
    """One that writes plain text into memory, whatever terminal there is."""
    return Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False, highlight=False, emoji=False)


def terminal_table(table: Table, spreads: bool = True) -> RichTable:
    """A table for a terminal; the best value is bold and has a star, which survives a pipe.

    Args:
        spreads: whether intervals stand behind the values.
    """
    drawn = RichTable(title=Text(table.title), title_justify="left", title_style="bold")
    drawn.add_column(Text(f"{table.corner} ↓ {table.across} →" if table.across else table.corner), no_wrap=True)
    for name in table.columns:
        drawn.add_column(Text(name), justify="right")
    for label, cells in table.rows:
        words = [f"{cell.text} {cell.spread if spreads else ''}".strip() + ("*" if cell.best else " ") for cell in cells]
        texts = [Text(word, "bold" if cell.best else "") for word, cell in zip(words, cells, strict=True)]
        drawn.add_row(Text(label.text), *texts)
    return drawn


def _measures(grid: Grid) -> list[str]:
    """The measures of the test side; with more than two classes F1 is the macro F1."""
    return [measure for measure in TEST_MEASURES if measure != "f1" or grid.positive is not None]


def _title(grid: Grid, side: str, measure: str) -> str:
    return f"{SIDE_WORDS[side].capitalize()} {measure_words(grid, measure)}"


def _table(grid: Grid, layout: Layout, panel: Panel, side: str, measure: str) -> Table:
    """One measure of one panel: a key down, a key across."""
    assert layout.rows is not None
    assert layout.columns is not None
    values = [[_cell(grid, panel, row, column, side, measure) for column in layout.across] for row in layout.down]
    highest = _highest([cell for row in values for cell in row])
    body = tuple(
        (_label(grid, layout, row), tuple(_marked(cell, highest) for cell in cells))
        for row, cells in zip(layout.down, values, strict=True)
    )
    title = _with_panel(_title(grid, side, measure), panel)
    caption = _caption(grid, panel, (side,), bold="Bold: the largest value of this table" if highest is not None else "")
    return Table(_name(title), title, caption, layout.rows.words, layout.columns.words, layout.columns.values, body)


def _table_of_measures(grid: Grid, layout: Layout, panel: Panel, title: str, wanted: Sequence[tuple[str, str]]) -> Table:
    """Several measures of one panel, one a column: for grids in which only one key varies."""
    rows = layout.down
    columns = []
    for side, measure in wanted:
        cells = [_cell(grid, panel, row, None, side, measure) for row in rows]
        highest = _highest(cells) if layout.comparable and layout.rows is not None else None
        columns.append([_marked(cell, highest) for cell in cells])
    sides = tuple(dict.fromkeys(side for side, _ in wanted))
    names = tuple(
        SIDE_WORDS[side] if title == "Accuracy" else measure_words(grid, measure).replace(" (macro, one against the rest)", "")
        for side, measure in wanted
    )
    body = tuple((_label(grid, layout, row), tuple(cells)) for row, cells in zip(rows, zip(*columns, strict=True), strict=True))
    marked = any(cell.best for column in columns for cell in column)
    caption = _caption(grid, panel, sides, bold="Bold: the largest value of each column" if marked else "")
    if title != "Accuracy" and grid.positive is None:
        caption += " Precision and recall are means over the classes; the AUC is that of each class against the rest."
    titled = _with_panel(title, panel)
    return Table(_name(titled), titled, caption, layout.rows.words if layout.rows is not None else "", "", names, body)


def _cell(grid: Grid, panel: Panel, row: str | None, column: str | None, side: str, measure: str) -> Cell:
    return reading_cell(reading(panel.at(row, column), side, measure), _planned(grid))


def _planned(grid: Grid) -> int:
    planned = 1
    for key in grid.repeats:
        planned *= len(grid.of(key).values)
    return planned


def _label(grid: Grid, layout: Layout, row: str | None) -> Cell:
    if row is None or layout.rows is None:
        return Cell(f"mean of {repeat_words(grid)}" if grid.repeats else "the one setting")
    numbers = layout.rows.numbers
    return Cell(row, number=None if numbers is None else numbers[layout.rows.values.index(row)])


def _highest(cells: Sequence[Cell]) -> float | None:
    """The largest value, None where there are not two that differ."""
    numbers = [cell.number for cell in cells if cell.number is not None]
    return max(numbers) if numbers and max(numbers) > min(numbers) else None


def _marked(cell: Cell, highest: float | None) -> Cell:
    return replace(cell, best=highest is not None and cell.number is not None and cell.number >= highest - 1e-12)


def _with_panel(title: str, panel: Panel) -> str:
    return f"{title}: {panel.title}" if panel.title else title


def _caption(grid: Grid, panel: Panel, sides: Sequence[str], bold: str) -> str:
    """Data, split, sides and their sizes, what stands in brackets, and what bold means."""
    sizes = "; ".join(f"{SIDE_WORDS[side]} side: {words}" for side in sides if (words := size_words(panel.cells, side)))
    sentences = [f"Data: {grid.data}", f"Split: {split_words(grid, panel.where)}", sizes[:1].upper() + sizes[1:]]
    if "test" in sides and grid.watched_on_test:
        sentences.append("The test side was watched during training")
    if grid.repeats:
        each = ", each with a split of its own" if grid.resplit else ""
        sentences.append(f"Mean ± standard deviation over {repeat_words(grid)}{each}; the interval of each run is in grid.csv")
    else:
        sentences.append(f"In brackets: {interval_words(grid)}")
    if bold:
        sentences.append(f"{bold}, which alone does not make it better than the others")
    return " ".join(f"{sentence}." for sentence in sentences if sentence)


def _name(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
