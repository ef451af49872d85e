"""Confusion matrices of a replication, in rows: counts and shares, the decisions of single units, what printed numbers imply.

Start at `draw`. Matrices of several seeds are never added up: an image would count several times. The first seed's is shown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keras_leuk.evaluation.published import Reader
from keras_leuk.reporting.confusion import confusion_table
from keras_leuk.reporting.figures import Drawing
from keras_leuk.reporting.replication_cells import EPOCHS, Facts, Protocol, Run
from keras_leuk.reporting.replication_sheet import Wanted, class_names, plain, sheet
from keras_leuk.reporting.style import PAGE, TEXT, drawn, shorts, with_interval

Units = tuple[int, int, int, int]

HIGHEST = 8.2
"""Inches of matrices on a page."""


@dataclass(frozen=True)
class Matrix:
    """One confusion matrix.

    Attributes:
        title: the run; accuracy: with its interval.
        classes: as shown; counts: (k, k), rows = true class, in that order.
        units: TP, FP, FN, TN over all output units; None where not asked for.
    """

    title: str
    accuracy: str
    classes: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    units: Units | None = None

    @property
    def n(self) -> int:
        return int(self.counts.sum())


def draw(wanted: Wanted) -> list[Drawing] | str:
    """The figure, on as many pages as it needs; or why there is none."""
    spec, side = wanted.spec, judged(wanted)
    runs = [run for cell in spec["cells"] if (run := first_of(wanted.protocol, cell)) is not None]
    if not runs:
        return "none of its runs finished"
    shown = [run for run in runs if run.metrics[side]["n"]]
    if not shown:
        return f"its runs have no {side} images"
    matrices = [matrix_of(wanted.facts, run, side, wanted.reader if spec["units"] else None) for run in shown]
    others = [len(wanted.protocol.matching(cell)) for cell in spec["cells"]]
    note = _note(wanted, shown, max(others), len(spec["cells"]) - len(shown), side)
    implied = None if spec["implied"] is None else implied_matrix(wanted.facts, spec["implied"], matrices[0].classes)
    pages = list(_pages([*matrices, *([implied] if implied is not None else [])]))
    drawings = []
    for number, page in enumerate(pages, 1):
        name = wanted.name if len(pages) == 1 else f"{wanted.name}-{number}"
        figure = matrices_figure(page, wanted.title, wanted.notes([side], shown, note))
        words = f"{wanted.title}. {' '.join(_words(matrix) for matrix in page)} {note}".strip()
        drawings.append(Drawing(name, wanted.title, words, figure, matrices_table(page)))
    return drawings


def judged(wanted: Wanted) -> str:
    """The side that is shown: the paper's; in protocol honest the test side, because validation chose the epoch."""
    return "test" if wanted.protocol.name == "honest" else str(wanted.spec["side"])


def first_of(protocol: Protocol, cell: Facts) -> Run | None:
    """The first of the longest runs of a cell."""
    runs = protocol.matching(cell)
    return max(runs, key=lambda run: protocol.value(run, EPOCHS) or 0, default=None)


def matrix_of(facts: Facts, run: Run, side: str, reader: Reader | None) -> Matrix:
    """A run's matrix by largest probability.

    Args:
        reader: counts the decisions of all output units; None where they are not asked for.
    """
    told = run.metrics[side]["confusion_matrix"]
    order = class_names(facts, told["classes"])
    counts = np.asarray(told["counts"], dtype=np.int64)[np.ix_(order, order)]
    over_units = reader.units(run.folder.path, side)[0] if reader is not None else None
    accuracy = with_interval(run.metrics[side]["accuracy"])
    return Matrix(run.title, accuracy, tuple(told["classes"][i] for i in order), counts, over_units)


def implied_matrix(facts: Facts, counts: Units, classes: Sequence[str]) -> Matrix | None:
    """The matrix that printed numbers allow; None where the classes here are not two."""
    if len(classes) != 2:
        return None
    tp, fp, fn, tn = counts
    accuracy = f"{(tp + tn) / sum(counts):.4f}"
    return Matrix("allowed by printed values", accuracy, tuple(classes), np.array([[tp, fn], [fp, tn]], dtype=np.int64))


def matrices_table(matrices: Sequence[Matrix]) -> pd.DataFrame:
    """The numbers behind the figure: matrix, true, predicted, count, share_of_true, and TP, FP, FN, TN of units where counted."""
    parts = []
    for matrix in matrices:
        part = confusion_table(matrix.counts.tolist(), matrix.classes)
        part.insert(0, "matrix", matrix.title)
        for name, value in zip(("tp", "fp", "fn", "tn"), matrix.units or (), strict=False):
            part[f"units_{name}"] = value
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _pages(matrices: Sequence[Matrix]) -> list[Sequence[Matrix]]:
    most = _most(len(matrices[0].classes))
    lines = max(1, int(HIGHEST // _height(matrices[0], PAGE / most)))
    return [matrices[start : start + most * lines] for start in range(0, len(matrices), most * lines)]


def _most(k: int) -> int:
    """How many matrices of k classes stand side by side."""
    return 4 if k <= 3 else 2 if k <= 6 else 1


def _height(matrix: Matrix, width: float) -> float:
    """Inches of a matrix with its words in so many inches of width; its cells are then as high as they are wide, or lower."""
    side = min(width - 0.6, 2.0 if len(matrix.classes) <= 3 else 5.4)
    return side + (0.98 if len(matrix.classes) <= 3 else 0.8) + (0.27 if matrix.units is not None else 0.0)


@drawn
def matrices_figure(matrices: Sequence[Matrix], title: str, notes: str) -> Figure:
    """Matrices side by side.

    Args:
        matrices: of equally many classes; more than a row holds stand in several.
    """
    most = _most(len(matrices[0].classes))
    lines = math.ceil(len(matrices) / most)
    across = math.ceil(len(matrices) / lines)
    # A few small matrices would be drawn out over a page.
    width = PAGE if most == 1 or across > 2 else PAGE * max(across, 1.5) / min(most, 3)
    width = min(PAGE, width)
    figure = sheet(width, lines * _height(matrices[0], width / across), title, notes)
    for place, axes in enumerate(figure.subplots(lines, across, squeeze=False).flat):
        if place < len(matrices):
            _matrix(axes, matrices[place])
        else:
            axes.set_axis_off()
    return figure


def _matrix(axes: Axes, matrix: Matrix) -> None:
    k, support = len(matrix.classes), matrix.counts.sum(axis=1, keepdims=True)
    share = np.divide(matrix.counts, support, out=np.zeros((k, k)), where=support > 0)
    axes.imshow(share, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    for i in range(k):
        for j in range(k):
            percent = f"\n{100 * share[i, j]:.{1 if k <= 3 else 0}f} %" if support[i, 0] else ""
            colour = "white" if share[i, j] > 0.6 else "black"
            text = f"{matrix.counts[i, j]:,}{percent if k <= 6 or matrix.counts[i, j] else ''}"
            axes.text(j, i, text, ha="center", va="center", fontsize=TEXT + (1 if k <= 3 else 0), color=colour, linespacing=1.1)
    plain(axes, None)
    names = shorts(matrix.classes, 10)
    axes.set_xticks(range(k), names)
    turned = k <= 6
    counted = [f"{name}{chr(10) if k <= 3 else ' '}({n:,})" for name, n in zip(names, support[:, 0], strict=True)]
    axes.set_yticks(range(k), counted, rotation=90 if turned else 0, va="center", linespacing=1.0)
    axes.tick_params(length=0, pad=2)
    axes.spines[:].set_visible(False)
    axes.set_xticks(np.arange(k - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(k - 1) + 0.5, minor=True)
    axes.tick_params(which="minor", length=0)
    axes.grid(which="minor", color="white", linewidth=1)
    beneath = "predicted class"
    if matrix.units is not None:
        tp, fp, fn, tn = matrix.units
        beneath += f"\nunits: TP {tp:,}, FP {fp:,}\nFN {fn:,}, TN {tn:,}"
    axes.set_xlabel(beneath, labelpad=2)
    axes.set_ylabel("true class", labelpad=2)
    heading = f"{shorts([matrix.title], 28)[0]}\nn = {matrix.n:,}, accuracy" + ("\n" if k <= 3 else " ") + matrix.accuracy
    axes.set_title(heading, fontsize=TEXT, loc="left", pad=3, linespacing=1.15)


def _note(wanted: Wanted, runs: Sequence[Run], repeats: int, missing: int, side: str) -> str:
    seeds = [str(wanted.protocol.value(run, "seed")) for run in runs]
    told = [
        "Shares are of the true class, predictions the largest probability.",
        f"One of {repeats} runs is shown (seed {', '.join(dict.fromkeys(seeds))}); they are not added up." if repeats > 1 else "",
        f"The paper has the {wanted.spec['side']} side." if side != wanted.spec["side"] else "",
        "Units: decisions of all output units at threshold 0.5." if wanted.spec["units"] else "",
        "Right: the only kind of matrix that the printed precision and recall allow, not one that was seen."
        if wanted.spec["implied"] is not None
        else "",
        f"{missing} of {missing + len(runs)} runs are missing." if missing else "",
    ]
    return " ".join(part for part in told if part)


def _words(matrix: Matrix) -> str:
    """The matrix in a sentence; of many classes only how many are right."""
    k = len(matrix.classes)
    right = int(np.trace(matrix.counts))
    told = f"{matrix.title}: {right:,} of {matrix.n:,} right, accuracy {matrix.accuracy}"
    if k == 2:
        (tp, fn), (fp, tn) = matrix.counts.tolist()
        told += f"; of {tp + fn:,} {matrix.classes[0]} {tp:,} found, of {fp + tn:,} {matrix.classes[1]} {tn:,}"
    if matrix.units is not None:
        told += "; units TP {:,}, FP {:,}, FN {:,}, TN {:,}".format(*matrix.units)
    return told + "."
