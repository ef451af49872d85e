"""The sheet that figures of a replication are drawn on: title, axes, legend, and the notes that a reader needs.

No text on it is below 7 points at its printed width (a page is 7 inches, 178 mm).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter

from keras_leuk.evaluation.published import Reader
from keras_leuk.reporting.replication_cells import Facts, Protocol, Run
from keras_leuk.reporting.style import DPI, PALETTE, TEXT, TITLE, shorts

SIDE_NAMES = {"train": "training", "validation": "validation", "test": "test"}
SIDE_STYLE: dict[str, dict[str, Any]] = {
    "train": {"color": PALETTE[0], "linestyle": "-"},
    "validation": {"color": PALETTE[4], "linestyle": "--"},
    "test": {"color": PALETTE[1], "linestyle": "-."},
}
PUBLISHED: dict[str, Any] = {"mfc": "white", "mec": "#000000", "mew": 0.9, "linestyle": "none", "zorder": 6}
"""How a printed number is marked: hollow, with a black edge."""

CROWDED = "Printed numbers of several trainings stand at one place, because ours were cut."

_MARGIN = 0.06
"""Inches left of title and notes."""


@dataclass(frozen=True)
class Wanted:
    """A figure to be drawn for one protocol.

    Attributes:
        facts: replication.json; protocol: with its finished runs.
        figure: an entry of ``figures`` of the facts.
        name: of the files, such as 'figure-9-paper'.
        reader: keeps what all figures read.
    """

    facts: Facts
    protocol: Protocol
    figure: Facts
    name: str
    reader: Reader

    @property
    def spec(self) -> Facts:
        spec: Facts = self.figure["figure"]
        return spec

    @property
    def title(self) -> str:
        """The paper's name of it, the protocol, what it shows, and whose data."""
        data = self.facts["data"]
        whose = data["name"] if data["the_papers"] else f"{data['name']}; {data['words']}"
        about = self.figure["ours"] if self.figure["shows"].startswith("nothing") else self.figure["shows"]
        return f"{self.figure['name']}, protocol {self.protocol.name}: {about}. Data: {whose}"

    @property
    def intervals(self) -> str:
        """What the bars are."""
        percent_ = f"{100 * float(self.protocol.facts['recipe'].get('evaluation.confidence', 0.95)):g} %"
        return f"Bars: {percent_} bootstrap intervals, over subjects where they are known, else over images."

    def notes(self, sides: Sequence[str], runs: Sequence[Run], note: str = "") -> str:
        """Sizes of the sides, split, weights, what was cut; and what the drawing adds."""
        facts = self.protocol.facts
        sizes = "; ".join(size_words(side, facts["sides"][side]) for side in sides if facts["sides"].get(side, {}).get("n"))
        watched = "The test side was watched during training." if facts["selection"] == "test" else ""
        weights = f"First weights: {', '.join(dict.fromkeys(run.weights for run in runs))}." if runs else ""
        cut = f"Cut: {'; '.join(facts['trimmed'])}." if facts["trimmed"] else ""
        first = " ".join(part for part in (sentence(sizes), sentence(facts["split"]), watched, weights) if part)
        return "\n".join(part for part in (first, " ".join(part for part in (note, cut) if part)) if part)


def sentence(text: str) -> str:
    """With a capital and a full stop; '' stays ''."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}" if text else ""


def size_words(side: str, facts: Facts) -> str:
    """'test: n = 2,133 images (ALL 1,455, HEM 678), 73 subjects'."""
    classes = facts["classes"]
    counts = (
        f" ({', '.join(f'{name} {n:,}' for name, n in classes.items())})" if len(classes) <= 4 else f" of {len(classes)} classes"
    )
    people = facts.get("subjects")
    whom = f", {people:,} subject{'s' * (people != 1)}" if people is not None else ", subjects unknown"
    return f"{SIDE_NAMES[side]}: n = {facts['n']:,} images{counts}{whom}"


def sheet(width: float, height: float, title: str, notes: str, legend: Sequence[tuple[str, Artist]] = ()) -> Figure:
    """An empty figure with title above, legend and notes below; axes are laid out between them.

    Args:
        width: inches; height: inches for the axes and their labels, to which all words are added.
        legend: label and what stands before it.
    """
    figure = Figure(figsize=(width, 10), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    left = _MARGIN / width
    heading = _words(figure, title, fontsize=TITLE, fontweight="bold", va="top", linespacing=1.2)
    footer = _words(figure, notes, fontsize=TEXT, color="#303030", va="bottom", linespacing=1.25)
    columns = _columns(figure, width, [label for label, _ in legend])
    key = math.ceil(len(legend) / columns) * TEXT * 1.5 / 72 if legend else 0.0
    above, below = _height(heading) + 0.1, _height(footer) + 0.12
    total = above + height + key + below
    figure.set_size_inches(width, total)
    heading.set_y(1 - 0.04 / total)
    footer.set_y(0.04 / total)
    figure.set_layout_engine("constrained", rect=(0, (below + key) / total, 1, height / total), h_pad=0.04, w_pad=0.04)
    if legend:
        place: dict[str, Any] = {
            "loc": "upper left",
            "bbox_to_anchor": (left, (below + key) / total),
            "borderaxespad": 0.0,
            "borderpad": 0.0,
        }
        labels, handles = zip(*legend, strict=True)
        figure.legend(handles, labels, fontsize=TEXT, ncols=columns, columnspacing=1.4, handlelength=2.8, **place)
    return figure


def _words(figure: Figure, text: str, **look: Any) -> Text:
    """Text in lines that fit the figure, as the font really runs."""
    room = (figure.get_figwidth() - 2 * _MARGIN) * figure.dpi
    found = figure.text(_MARGIN / figure.get_figwidth(), 0, "", ha="left", **look)
    lines: list[str] = []
    for part in text.split("\n"):
        lines.append("")
        for word in part.split():
            longer = f"{lines[-1]} {word}".strip()
            found.set_text(longer)
            if found.get_window_extent().width <= room or not lines[-1]:
                lines[-1] = longer
            else:
                lines.append(word)
    found.set_text("\n".join(lines))
    return found


def _height(text: Text) -> float:
    assert text.figure is not None
    return float(text.get_window_extent().height) / text.figure.dpi if text.get_text() else 0.0


def _columns(figure: Figure, width: float, labels: Sequence[str]) -> int:
    """How many entries of a legend stand side by side."""
    if not labels:
        return 1
    widest = 0.0
    for label in labels:
        probe = figure.text(0, 0, label, fontsize=TEXT)
        widest = max(widest, probe.get_window_extent().width / figure.dpi)
        probe.remove()
    return max(1, min(len(labels), int(width // (widest + 0.52))))


def plain(axes: Axes, grid: str | None = "y") -> None:
    """Tick labels of a readable size, and faint lines behind the marks."""
    axes.tick_params(labelsize=TEXT)
    if grid is not None:
        axes.grid(axis=grid, linewidth=0.3, color="#d0d0d0")  # type: ignore[arg-type]
        axes.set_axisbelow(True)


def percent(axis: Axis) -> None:
    """Fractions as percent with as many digits as they need."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g} %"))


def class_names(facts: Facts, classes: Sequence[str]) -> list[int]:
    """The order in which a figure shows classes: the positive one of two first, as the papers print them; else label order."""
    positive = facts["data"]["positive"]
    order = list(range(len(classes)))
    return sorted(order, key=lambda i: classes[i] != positive) if len(classes) == 2 else order


def value_words(values: Sequence[Any], length: int = 22) -> list[str]:
    """Values of recipe keys as short words that differ."""
    return shorts(
        [str(value["pooling"]) if isinstance(value, Mapping) and "pooling" in value else str(value) for value in values], length
    )


def crowded(printed: pd.DataFrame, place: Sequence[str]) -> bool:
    """Whether several printed numbers stand at one place, the columns of which are named."""
    return bool(printed.duplicated(list(place)).any())


def measure_words(measure: str) -> str:
    """'balanced_accuracy' → 'balanced accuracy'."""
    return measure.replace("_", " ")
