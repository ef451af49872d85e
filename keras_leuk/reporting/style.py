"""How figures look: sizes, fonts, colours, and the words around the axes.

Figures are drawn at the size they are printed: a column (3.5 in) or a page (7 in) wide, nothing below 5 pt. Colours are those
of Okabe and Ito (readable with any colour vision); what a colour says, a marker, a dash or a word says too, for grey paper.

Nothing here touches pyplot or leaves a setting behind: every drawing function wears `@drawn`.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from PIL import Image

from keras_leuk.runs.atomic import replacing

COLUMN, PAGE = 3.5, 7.0
"""Widths in inches."""

DPI = 200

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C8C8C")
DASHES: tuple[str | tuple[int, tuple[float, ...]], ...] = (
    "-",
    "--",
    "-.",
    ":",
    (0, (5, 1)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (1, 1)),
    (0, (8, 2)),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
SIDE_COLOURS = {"train": PALETTE[0], "validation": PALETTE[4], "test": PALETTE[1]}

TITLE, TEXT, SMALL, TINY = 8.0, 7.0, 6.0, 5.0
"""Font sizes in points."""

_STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": TEXT,
    "axes.labelsize": TEXT,
    "axes.titlesize": TEXT,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.0,
    # A class may be called "$x$": names are names, not formulas.
    "text.parse_math": False,
    "axes.unicode_minus": False,
}

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Caption:
    """What a reader must know to read a figure alone.

    Attributes:
        data, model: titles of the data set and the model.
        side: 'train', 'validation' or 'test'.
        n: number of rows drawn; subjects: how many subjects they are from, None where unknown.
        split: how the sides were made, such as 'by subject, seed 0'.
        classes: class names in label order, the positive one marked.
        note: one more sentence, such as what a band is.
    """

    data: str
    model: str
    side: str
    n: int
    subjects: int | None
    split: str
    classes: str
    note: str = ""

    def text(self) -> str:
        whom = (
            f", {self.subjects:,} subject{'s' if self.subjects != 1 else ''}"
            if self.subjects is not None
            else ", subjects unknown"
        )
        sentences = [f"{self.side.capitalize()}: n = {self.n:,} images{whom}.", f"Split: {self.split}.", self.note]
        return " ".join(s for s in sentences if s) + f"\nClasses: {self.classes}. Data: {self.data}. Model: {self.model}."


def drawn(function: Callable[P, R]) -> Callable[P, R]:
    """Runs a drawing function under our settings and nobody else's."""

    @functools.wraps(function)
    def under_style(*args: P.args, **kwargs: P.kwargs) -> R:
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            for key, value in _STYLE.items():
                matplotlib.rcParams[key] = value  # type: ignore[index]
            return function(*args, **kwargs)

    return under_style


def canvas(width: float, height: float, title: str, caption: Caption, legend_lines: int = 0) -> Figure:
    """An empty figure with its title above and its caption below; axes are laid out between them.

    Args:
        width: inches; height: inches for the axes and their labels, to which title and caption are added.
        legend_lines: lines to keep free for `legend_below`.
    """
    heading = _wrap(title, width, TITLE, bold=True)
    footer = [line for part in caption.text().split("\n") for line in _wrap(part, width, TINY + 0.5)]
    above = (len(heading) * TITLE * 1.25 + 5) / 72
    below = (len(footer) * (TINY + 0.5) * 1.3 + 9) / 72
    legend = (legend_lines * SMALL * 1.45 + 4) / 72 if legend_lines else 0.0
    total = above + height + legend + below
    figure = Figure(figsize=(width, total), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained", rect=(0, (below + legend) / total, 1, height / total), h_pad=0.04, w_pad=0.04)
    left = 0.06 / width
    figure.text(
        left, 1 - 3 / 72 / total, "\n".join(heading), ha="left", va="top", fontsize=TITLE, fontweight="bold", linespacing=1.2
    )
    figure.text(
        left, 3 / 72 / total, "\n".join(footer), ha="left", va="bottom", fontsize=TINY + 0.5, color="#404040", linespacing=1.25
    )
    return figure


def legend_below(figure: Figure, title: str | None = None, ncols: int = 1) -> None:
    """A legend of the first axes between the axes and the caption, in the lines that `canvas` kept for it."""
    engine = figure.get_layout_engine()
    assert engine is not None
    bottom = engine.get()["rect"][1]
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        title=title,
        title_fontsize=SMALL,
        alignment="left",
        ncols=ncols,
        columnspacing=1.2,
        handlelength=2.6,
        loc="upper left",
        bbox_to_anchor=(0.06 / figure.get_figwidth(), bottom),
        borderaxespad=0.0,
        borderpad=0.0,
    )


@drawn
def save(figure: Figure, path: Path) -> None:
    """Writes a PNG, whole or not at all; the same figure gives the same bytes (no dates, no versions in it)."""
    with replacing(path) as temporary, warnings.catch_warnings():
        # Names in scripts that the font lacks are drawn as boxes; the CSV beside the figure has them in full.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        figure.savefig(temporary, format="png", dpi=DPI, metadata={"Software": None})


def save_photographs(figure: Figure, path: Path) -> None:
    """Writes a figure of photographs with 256 colours, chosen for it: a third of the bytes, and no difference to the eye."""
    save(figure, path)
    with replacing(path) as temporary, Image.open(path) as picture:
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(temporary, format="PNG", optimize=True)


def short(name: str, length: int = 16) -> str:
    """The name, or its beginning and end around an ellipsis where it is too long for an axis."""
    if len(name) <= length:
        return name
    tail = (length - 1) // 3
    return name[: length - 1 - tail] + "…" + name[len(name) - tail :]


def shorts(names: Sequence[str], length: int = 16) -> list[str]:
    """Short names that still differ where the names do."""
    shortened = [short(name, length) for name in names]
    if len(set(shortened)) == len(shortened):
        return shortened
    return [f"{i}: {short(name, length - 3)}" for i, name in enumerate(names, 1)]


def with_interval(number: dict[str, float | None] | None, digits: int = 3) -> str:
    """'0.917 (0.903–0.930)', '0.917' without an interval, 'undefined' without a value."""
    if not number or number.get("value") is None:
        return "undefined"
    text = f"{number['value']:.{digits}f}"
    if number.get("low") is None or number.get("high") is None:
        return text
    return f"{text} ({number['low']:.{digits}f}–{number['high']:.{digits}f})"


def _wrap(text: str, width: float, size: float, bold: bool = False) -> list[str]:
    """Lines that fit a figure of this width (inches) at this size (points), as the font really runs."""
    font = FontProperties(family="DejaVu Sans", size=size, weight="bold" if bold else "normal")
    renderer: Any = RendererAgg(1, 1, 72)  # type: ignore[no-untyped-call]
    room = (width - 0.14) * 72

    def fits(line: str) -> bool:
        return float(renderer.get_text_width_height_descent(line, font, ismath=False)[0]) <= room

    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if fits(longer) or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
        while not fits(lines[-1]):
            # A word wider than the figure (a path, a fingerprint) is cut where it ends.
            end = next(i for i in range(len(lines[-1]) - 1, 0, -1) if fits(lines[-1][:i]) or i == 1)
            lines[-1:] = [lines[-1][:end], lines[-1][end:]]
    return lines
