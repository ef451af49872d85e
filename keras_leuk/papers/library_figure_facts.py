"""What stands under ``figure`` in the results of a ``paper.yaml``: what our counterpart of a figure draws.

One dataclass a kind, told apart by ``kind``; each checks its values and names no paper. `reporting.replication_figures` draws
them from the runs of a replication. A cell is a selection of runs by keys of the recipe, as in ``published/tables.yaml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from keras_leuk.papers.library_reading import STRICT

Cell = Mapping[str, Any]
"""Dotted keys of the recipe with values: all runs that have them."""

Side = Literal["train", "validation", "test"]
Judged = Literal["validation", "test"]
Overall = Literal["accuracy", "balanced_accuracy", "precision", "recall", "f1"]
OfClass = Literal["precision", "recall", "f1", "false_detection_rate", "false_negative_rate"]


@dataclass(frozen=True, config=STRICT)
class CurvesFigure:
    """Measures by epoch on the training side and on the side that was watched.

    Attributes:
        cell: the runs; of those that differ in their epochs alone, the longest is drawn and the others are marked on it.
        panels: dotted key, a column of panels for each of its values; None for one.
        measures: a row of panels each.
        ends: published table whose values stand beside the ends of the curves.
    """

    kind: Literal["curves"]
    cell: Cell = field(default_factory=dict)
    panels: str | None = None
    measures: tuple[Literal["accuracy", "loss"], ...] = ("accuracy", "loss")
    ends: str | None = None

    @model_validator(mode="after")
    def _measures_something(self) -> CurvesFigure:
        if not self.measures or len(set(self.measures)) < len(self.measures):
            raise ValueError("measures: at least one, each once")
        return self


@dataclass(frozen=True, config=STRICT)
class ConfusionFigure:
    """Confusion matrices by largest probability, one for each cell.

    Attributes:
        side: of the paper's split; protocol honest shows the test side.
        units: whether the decisions of all output units at threshold 0.5 stand beneath, as Keras' Precision() counts them.
        implied: TP, FP, FN, TN of the positive class in the matrix that the printed numbers allow, drawn beside ours.
    """

    kind: Literal["confusion"]
    cells: tuple[Cell, ...]
    side: Judged
    units: bool = False
    implied: tuple[int, int, int, int] | None = None

    @model_validator(mode="after")
    def _fits(self) -> ConfusionFigure:
        if not self.cells:
            raise ValueError("cells: at least one")
        if self.implied is not None and (len(self.cells) > 1 or min(self.implied) < 0):
            raise ValueError("implied: four counts beside one cell")
        return self


@dataclass(frozen=True, config=STRICT)
class SeriesFigure:
    """A measure against a number of the recipe.

    Attributes:
        x: dotted key of numbers; lines: dotted keys, a line for each combination of their values.
        points: published table whose plain numbers are drawn where their run stands on a line.
        ranges: rows of that table that hold a range of numbers ("84-87"), and the cell of the runs that it is about.
    """

    kind: Literal["series"]
    x: str
    lines: tuple[str, ...]
    side: Side
    measure: Overall = "accuracy"
    points: str | None = None
    ranges: Mapping[str, Cell] = field(default_factory=dict)

    @model_validator(mode="after")
    def _ranges_have_a_table(self) -> SeriesFigure:
        if self.ranges and self.points is None:
            raise ValueError("ranges: need points, the table that they are rows of")
        return self


@dataclass(frozen=True, config=STRICT)
class ClassesFigure:
    """Images of each class by side, and how many an epoch draws where training over-samples."""

    kind: Literal["classes"]


@dataclass(frozen=True, config=STRICT)
class ScatterFigure:
    """One measure of a class against another.

    Attributes:
        marks: dotted key, a mark for each of its values.
        of_class: the class, as the paper's data name it.
        points: published table with both measures.
    """

    kind: Literal["scatter"]
    marks: str
    x: OfClass
    y: OfClass
    of_class: str
    side: Judged
    cell: Cell = field(default_factory=dict)
    points: str | None = None


@dataclass(frozen=True, config=STRICT)
class SidesFigure:
    """A measure on several sides, so that training and held-out images stand beside each other.

    Attributes:
        rows: dotted key, a row for each of its values.
        points: published table whose numbers of that measure stand on their side.
    """

    kind: Literal["sides"]
    rows: str
    measure: Overall = "accuracy"
    sides: tuple[Side, ...] = ("train", "validation", "test")
    cell: Cell = field(default_factory=dict)
    points: str | None = None


FigureFacts = Annotated[
    CurvesFigure | ConfusionFigure | SeriesFigure | ClassesFigure | ScatterFigure | SidesFigure, Field(discriminator="kind")
]
