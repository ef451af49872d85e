"""A contact sheet of augmentation: pictures beside what was made of them, with the drawn parameters under each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keras_leuk.reporting.style import PAGE, SMALL, TINY, TITLE, drawn, save

_LINE = 0.085
"""Height of a line of the smallest text, in inches."""


@dataclass(frozen=True)
class Shown:
    """A changed picture, uint8 (height, width, 3), and what was drawn for it, a line a parameter."""

    picture: np.ndarray
    words: str


@dataclass(frozen=True)
class Row:
    """One row of the sheet.

    Attributes:
        label: at its left, in lines.
        file: the picture as in its file, where preprocessing does more than resize it; else None.
        original: the picture as it would enter augmentation.
        draws: what was made of it, an epoch each.
    """

    label: str
    file: np.ndarray | None
    original: np.ndarray
    draws: tuple[Shown, ...]


def write_preview(path: Path, rows: Sequence[Row], title: str) -> None:
    """Writes the sheet as PNG.

    Args:
        rows: at least one, all with the same number of draws.
    """
    save(draw_preview(rows, title), path)


@drawn
def draw_preview(rows: Sequence[Row], title: str) -> Figure:
    """The sheet: a page wide, as high as its rows need."""
    files = rows[0].file is not None
    columns = 1 + files + len(rows[0].draws)
    left, top, gap = 0.95, 0.5, 0.06
    side = (PAGE - left - 0.05) / columns - gap
    words = max((shown.words.count("\n") + 1 for row in rows for shown in row.draws), default=0) * _LINE + 0.1
    height = top + len(rows) * (side + words)
    figure = Figure(figsize=(PAGE, height))
    figure.text(0.05 / PAGE, 1 - 0.12 / height, title, fontsize=TITLE, va="top", fontweight="bold")
    heads = (["in the file"] if files else []) + ["picture"] + [f"epoch {epoch + 1}" for epoch in range(len(rows[0].draws))]
    for number, row in enumerate(rows):
        lower = 1 - (top + number * (side + words) + side) / height
        figure.text(0.05 / PAGE, lower + side / height / 2, _folded(row.label), fontsize=SMALL, va="center")
        pictures = ([row.file] if row.file is not None else []) + [row.original, *(shown.picture for shown in row.draws)]
        texts = [""] * (1 + files) + [shown.words for shown in row.draws]
        for column, (picture, text) in enumerate(zip(pictures, texts, strict=True)):
            at = left + column * (side + gap)
            axes = figure.add_axes((at / PAGE, lower, side / PAGE, side / height))
            _show(axes, picture)
            if number == 0:
                axes.set_title(heads[column], fontsize=SMALL, pad=3)
            axes.text(0, -0.04, text, transform=axes.transAxes, fontsize=TINY, va="top", linespacing=1.1)
    return figure


def _show(axes: Axes, picture: np.ndarray) -> None:
    axes.imshow(picture, interpolation="antialiased")
    axes.set_axis_off()


def _folded(label: str, width: int = 17) -> str:
    """Long words (file and operation names) go on in the next line, after the last sign that parts them if there is one."""
    lines: list[str] = []
    for line in label.split("\n"):
        while len(line) > width:
            cut = max(line.rfind(sign, 1, width) for sign in "_- ") + 1 or width
            lines.append(line[:cut])
            line = line[cut:]
        lines.append(line)
    return "\n".join(lines)
