"""What stands in ``published/tables.yaml``: how to read each table of a paper, as frozen dataclasses that check their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from keras_leuk.papers.library_facts import Keys
from keras_leuk.papers.library_reading import STRICT

Side = Literal["train", "validation", "test", "none"]
Average = Literal["macro", "positive", "class", "units"]
Unit = Literal["percent", "fraction", "count", "loss"]
Measure = Literal[
    "accuracy",
    "precision",
    "recall",
    "f1",
    "false_detection_rate",
    "false_negative_rate",
    "loss",
    "parameters",
    "epochs",
    "images",
    "subjects",
]


@dataclass(frozen=True, config=STRICT)
class ColumnFacts:
    """A column of a published table.

    Attributes:
        measure: what its numbers are; None for words, labels and settings.
        average: how a measure of two or more classes became one number; ``units`` is over all output units at threshold 0.5.
        cell: dotted keys of the recipe that stand for the column.
        sum: of its numbers, as a decimal.
    """

    header: str
    measure: Measure | None = None
    average: Average | None = None
    unit: Unit | None = None
    definition: str | None = None
    cell: Keys = field(default_factory=dict)
    sum: str | None = None

    @model_validator(mode="after")
    def _numbers_are_described(self) -> ColumnFacts:
        if len({self.measure is None, self.unit is None, self.sum is None}) != 1:
            raise ValueError(f"column {self.header!r}: measure, unit and sum belong together")
        return self


@dataclass(frozen=True, config=STRICT)
class RowFacts:
    """What a row of a published table has that others have not; None is as the column or table says.

    Attributes:
        cell: dotted keys of the recipe that stand for the row; None where nothing of ours does.
        class_name: the class whose numbers it holds (``class`` in the file).
        mean_of: name of the table of whose rows it prints the means, column by column; its own table's name for a row of totals.
    """

    cell: Keys | None = field(default_factory=dict)
    measure: Measure | None = None
    average: Average | None = None
    unit: Unit | None = None
    side: Side | None = None
    images: int | None = None
    class_name: Annotated[str | None, Field(alias="class")] = None
    mean_of: str | None = None
    note: str | None = None


@dataclass(frozen=True, config=STRICT)
class TableFacts:
    """One entry of published/tables.yaml.

    Attributes:
        name: of its CSV file, without suffix.
        side: of the paper's split that it was measured on; basis: how that is known.
        images: number of images on that side, where known.
        positives: how many of them are of the positive class; the basis says how that is known.
        key: headers of the columns that name a row.
        rows_set: a dotted key that the row's name is the value of.
        cell: dotted keys that stand for the whole table.
        sha256: see `library_tables.checksum`.
    """

    name: str
    number: str
    kind: Literal["results", "cited", "counts", "settings", "definitions"]
    caption: str
    side: Side
    basis: str
    key: tuple[str, ...]
    columns: tuple[ColumnFacts, ...]
    sha256: str
    images: int | None = None
    positives: int | None = None
    rows_set: str | None = None
    cell: Keys = field(default_factory=dict)
    rows: Mapping[str, RowFacts] = field(default_factory=dict)

    @model_validator(mode="after")
    def _positives_are_a_part(self) -> TableFacts:
        if self.positives is not None and not 0 <= self.positives <= (self.images or 0):
            raise ValueError(f"table {self.name!r}: {self.positives} positives are no part of {self.images} images")
        return self


@dataclass(frozen=True, config=STRICT)
class TablesFile:
    """published/tables.yaml."""

    tables: tuple[TableFacts, ...]
