"""The report of a grid: grid.md, grid.html, grid.tex and figures/, made from the grid folder alone.

Start from `write_grid_report`. It changes nothing else, may be repeated, and gives the same bytes again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from keras_leuk.errors import RunError
from keras_leuk.evaluation.selection import Choice
from keras_leuk.progress import Progress
from keras_leuk.reporting.grid_choice import Chosen, choice_blocks, choice_facts, choices_of
from keras_leuk.reporting.grid_contents import STATES, Grid
from keras_leuk.reporting.grid_figures import FIGURES
from keras_leuk.reporting.grid_layout import EPOCHS, interval_words, reading, repeat_words, size_words, split_words
from keras_leuk.reporting.grid_reading import read_grid
from keras_leuk.reporting.grid_tables import SIDE_WORDS, Group, reading_cell, table_groups
from keras_leuk.reporting.html import html_page
from keras_leuk.reporting.latex import latex_tables
from keras_leuk.reporting.page import Block, Cell, Code, Heading, Paragraph, Picture, Points, Table, Tables, markdown_page
from keras_leuk.reporting.style import save
from keras_leuk.runs.atomic import write_bytes, write_text

FEW = 100
"""With more cells the Markdown page lists only those that are not finished; the HTML page, which sorts, lists all."""


def write_grid_report(out: Path, progress: Progress) -> dict[str, Any]:
    """Writes tables, figures and pages of a grid, and names the setting that validation prefers.

    Args:
        out: a grid folder with grid.csv, grid.json and the run folders of its finished cells.
        progress: is told of each kind of figure.

    Returns:
        what `--json` prints: `cells` (how many in each state), `rule`, `winner` (its setting, cells, runs, validation and test
        accuracy; None where none is named), `selection_bias`, `choices` (one for each split where splits vary), `warnings`, and
        `files` relative to `out`.

    Raises:
        RunError: the grid folder cannot be read, its files do not agree, or it cannot be written.
    """
    grid = read_grid(out)
    choices = choices_of(grid)
    try:
        pictures = _draw(grid, [choice for _, choice in choices], progress)
        groups = table_groups(grid)
        heading = f"Tables of a grid: {grid.model}. Data: {grid.data}."
        write_text(out / "grid.tex", latex_tables([table for group in groups for table in group.tables], heading))
        write_text(out / "grid.md", markdown_page(page(grid, choices, groups, pictures, len(grid.table) <= FEW)))
        write_text(out / "grid.html", html_page(page(grid, choices, groups, pictures, True), out))
    except OSError as error:
        raise RunError(f"the report cannot be written into {out}: {error.strerror or error}") from None
    figures = [f"figures/{picture.name}.png" for picture in pictures]
    return {
        "cells": {state: int((grid.table["state"] == state).sum()) for state in STATES},
        **choice_facts(grid, choices),
        "warnings": list(grid.warnings),
        "files": ["grid.md", "grid.html", "grid.tex", *figures],
    }


def page(
    grid: Grid, choices: Sequence[Chosen], groups: Sequence[Group], pictures: Sequence[Picture], all_cells: bool
) -> list[Block]:
    """The blocks of the page, from the title on.

    Args:
        choices: as `choices_of` gives them; groups: as `table_groups` gives them; pictures: what was drawn.
        all_cells: whether every cell is listed, or only those that are not finished.
    """
    blocks: list[Block] = [Heading(f"A grid of {len(grid.table):,} cells on {grid.data}", 1)]
    warnings = _warnings(grid)
    if warnings:
        blocks.append(Points(warnings, warning=True))
    blocks += [Heading("What was run"), Tables((_run_table(grid),))]
    blocks += choice_blocks(grid, choices)
    for group in groups:
        blocks += [Heading(group.title), Tables(group.tables)]
    if pictures:
        blocks += [Heading("Figures"), *pictures]
    blocks += _cell_blocks(grid, all_cells)
    blocks += [Heading("How to read this"), Points(_reading_notes(grid))]
    if grid.command:
        blocks += [Heading("Do it again"), Code(grid.command)]
    return blocks


def _draw(grid: Grid, choices: Sequence[Choice], progress: Progress) -> list[Picture]:
    folder = grid.path / "figures"
    folder.mkdir(exist_ok=True)
    pictures = []
    with progress.stage("drawing", len(FIGURES), "kinds of figures") as advance:
        for draw in FIGURES.values():
            for drawing in draw(grid, choices):
                progress.check()
                save(drawing.figure, folder / f"{drawing.name}.png")
                write_bytes(folder / f"{drawing.name}.csv", _as_csv(drawing.table))
                pictures.append(Picture(drawing.name, drawing.title, drawing.words))
            advance(1)
    # What an earlier report drew and this one does not would be taken for a figure of this grid.
    drawn = {picture.name for picture in pictures}
    for path in sorted(folder.iterdir()):
        if _OURS.fullmatch(path.name) and path.stem not in drawn:
            path.unlink()
    return pictures


_OURS = re.compile(r"(accuracy|curves_accuracy|curves_loss|heat_map|time)(_\d+)?\.(png|csv)")


def _as_csv(table: pd.DataFrame) -> Any:
    return lambda path: table.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


def _warnings(grid: Grid) -> tuple[str, ...]:
    """The grid's own, and what its table gives away."""
    found = list(dict.fromkeys(grid.warnings))
    counts = {state: int((grid.table["state"] == state).sum()) for state in ("failed", "missing")}
    if any(counts.values()):
        words = " and ".join(
            f"{n} {'is' if n == 1 else 'are'} missing" if s == "missing" else f"{n} failed" for s, n in counts.items() if n
        )
        found.append(f"Of {len(grid.table):,} cells {words}: the grid has gaps, and the winner is one of those that finished.")
    tested = grid.finished()
    if grid.has("test") and tested.loc[tested["test_n"] > 0, "test_subjects"].isna().any() and "ubject" not in " ".join(found):
        found.append(
            "Subjects are unknown: cells of one person may be on several sides, and intervals over images are too narrow."
        )
    return tuple(found)


def _run_table(grid: Grid) -> Table:
    counts = ", ".join(f"{n:,} {state}" for state in STATES if (n := int((grid.table["state"] == state).sum())))
    sizes = "; ".join(f"{SIDE_WORDS[s]}: {w}" for s in ("train", "validation", "test") if (w := size_words(grid.table, s)))
    lines: list[tuple[str, str]] = [
        ("data", grid.data),
        ("images", sizes),
        ("classes", ", ".join(f"{name} (positive)" if name == grid.positive else name for name in grid.classes)),
        ("split", _split_line(grid)),
        ("model", grid.model),
        *((f"varied: {varied.words}", ", ".join(varied.values)) for varied in grid.varied),
        *((key, value) for key, value in grid.fixed.items()),
        ("cells", f"{len(grid.table):,}: {counts}"),
        ("intervals", interval_words(grid)),
        *(("note", line) for line in grid.notes),
    ]
    rows = tuple((Cell(name), (Cell(text),)) for name, text in lines if text)
    return Table("what-was-run", "", "", "", "", ("",), rows, words=True)


def _split_line(grid: Grid) -> str:
    """How the sides were made; '' where that varies, which the lines of what is varied say."""
    if grid.apart:
        return ""
    told = grid.description or split_words(grid)
    return f"{told.rstrip('.')}; so the first, and {repeat_words(grid)} have a split each" if grid.resplit else told


def _cell_blocks(grid: Grid, all_cells: bool) -> list[Block]:
    cells = grid.table if all_cells else grid.table[grid.table["state"] != "finished"]
    blocks: list[Block] = [Heading("Cells")]
    if not all_cells:
        blocks.append(
            Paragraph(f"All {len(grid.table):,} cells are in grid.csv and in grid.html; listed here are those not finished.")
        )
    if len(cells):
        blocks.append(Tables((_cell_table(grid, cells),)))
    return blocks


def _cell_table(grid: Grid, cells: pd.DataFrame) -> Table:
    """One row a cell: its state, its settings, what it reached, and its report."""
    sides = [side for side in ("validation", "test") if grid.has(side)]
    errors = bool((cells["error"] != "").any())
    columns = [
        "state",
        *(varied.words for varied in grid.varied),
        "epochs run",
        *(f"{side} accuracy" for side in sides),
        "training seconds",
    ]
    rows = []
    for number, row in enumerate(cells.to_dict("records")):
        link = f"{row['run']}/report.md" if row["state"] == "finished" and row["run"] else ""
        entries = [Cell(row["state"])]
        entries += [Cell(row[v.key], number=v.numbers[v.values.index(row[v.key])] if v.numbers else None) for v in grid.varied]
        entries.append(_count(row["epochs_run"], ".0f"))
        entries += [reading_cell(reading(cells.iloc[[number]], side, "accuracy"), 1) for side in sides]
        entries.append(_count(row["seconds"], ".1f"))
        rows.append((Cell(row["cell"], link=link), tuple([*entries, Cell(row["error"])] if errors else entries)))
    title = f"{len(cells):,} cells" if len(cells) == len(grid.table) else f"{len(cells):,} cells that are not finished"
    caption = f"Data: {grid.data}. In brackets: {interval_words(grid)}. In the plan's order."
    return Table("cells", title, caption, "cell", "", tuple([*columns, "error"] if errors else columns), tuple(rows), words=True)


def _count(value: float, form: str) -> Cell:
    return Cell("–") if pd.isna(value) else Cell(f"{value:{form}}", number=float(value))


def _reading_notes(grid: Grid) -> tuple[str, ...]:
    unit = "people" if grid.unit == "subject" else "images"
    notes = [
        f"An interval in brackets is a {interval_words(grid)}. It speaks about other {unit}, not about other trainings of the "
        "same setting.",
        "Intervals that overlap do not show that two settings are equal, and bold does not show that they differ: for that, "
        "compare the two runs on the same images.",
        "The largest of many values is too good, on validation as on test: the winner's validation value is no estimate of what "
        f"new images will give{'.' if grid.watched_on_test else ', its test value is.'}",
        "A cell that failed or is missing has no value; – means that the plan has no such cell or that it was not run.",
    ]
    if grid.repeats:
        another = "training, on another draw of the split," if grid.resplit else "training"
        notes.insert(1, f"± is the standard deviation over {repeat_words(grid)}: how far another {another} may be from the mean.")
    if grid.independent:
        notes.append("Every cell was trained by itself, with a seed of its own.")
    elif EPOCHS in grid.keys:
        notes.append(
            "Cells that differ in their epochs alone are readings of one training where the recipe allows it. Then a longer "
            "budget goes on where the shorter one stopped, and their values rise and fall together."
        )
    if grid.positive is not None:
        notes.append(
            f"Precision, recall and F1 are those of the positive class, {grid.positive}; macro F1 is the mean over both."
        )
    else:
        notes.append("Precision and recall are means over the classes (macro); weighted F1 weighs each class by its images.")
    return tuple(notes)
