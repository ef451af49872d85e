"""The runs of one protocol of a replication, as its figures need them: which match a cell, and what their folders hold.

Everything starts from the facts of ``replication.json``; a folder is opened only for a run that finished.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from keras_leuk.errors import RunError
from keras_leuk.evaluation.metrics import evaluate_run
from keras_leuk.evaluation.published import Asked, Reader
from keras_leuk.runs.folder import RunFolder

Facts = Mapping[str, Any]

EPOCHS = "training.epochs"

Number = tuple[float, float | None, float | None]
"""Value, and low and high of its interval."""


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        id: that tables name it by; title: such as 'vgg16 adam 100 epochs'.
        values: dotted keys that tell it from the protocol's other runs.
        weights: 'imagenet', 'random' or 'file'.
    """

    id: str
    title: str
    values: Facts
    folder: RunFolder
    weights: str

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """metrics.json, computed anew where the file is absent."""
        return self.folder.read_json(self.folder.metrics) if self.folder.metrics.is_file() else evaluate_run(self.folder)

    @cached_property
    def history(self) -> pd.DataFrame | None:
        """history.csv, fold as str ('' without a cross-validation); None for what is fitted without epochs.

        Raises:
            RunError: the file cannot be read.
        """
        path = self.folder.history
        if not path.is_file():
            return None
        try:
            history = pd.read_csv(path, dtype={"fold": str})
        except (OSError, ValueError) as error:
            raise RunError(f"{path} cannot be read: {error}") from None
        if "epoch" not in history.columns:
            raise RunError(f"{path} lacks the column epoch")
        return (history if "fold" in history.columns else history.assign(fold="")) if len(history) else None

    def mark(self, fold: str = "") -> dict[str, Any]:
        """complete.json of the run, or of one of its folds; empty where a fold has none."""
        folder = self.folder.fold(fold) if fold else self.folder
        return folder.read_json(folder.mark) if folder.finished else {}

    def measured(self, reader: Reader, side: str, measure: str, of_class: str | None = None) -> Number | None:
        """A measure, overall or of one class; None where it is undefined or the side has no images."""
        return mean_of(reader, [self], side, measure, of_class)


def mean_of(reader: Reader, runs: Sequence[Run], side: str, measure: str, of_class: str | None = None) -> Number | None:
    """The mean of a measure over runs with the interval of the mean; None where it is undefined for one of them."""
    asked = Asked(measure, None if of_class is None else "class", of_class, side)
    seen = reader.read([run.folder.path for run in runs], asked)
    return None if seen.value is None else (seen.value, seen.low, seen.high)


@dataclass(frozen=True)
class Protocol:
    """A protocol of the facts with its finished runs."""

    facts: Facts
    runs: tuple[Run, ...]

    @property
    def name(self) -> str:
        return str(self.facts["name"])

    def value(self, run: Run, key: str) -> Any:
        """What a run has under a key; what all have, where the runs do not differ in it."""
        return run.values.get(key, self.facts["recipe"].get(key))

    def matching(self, cell: Facts) -> list[Run]:
        """The finished runs that have all keys of a cell.

        A key that neither a run nor the recipe names was taken apart by an arm (a head in parts), so the run stands for it.
        """
        return [run for run in self.runs if _matches(run.values, self.facts["recipe"], cell)]

    def missing(self, cell: Facts) -> int:
        """How many runs of a cell did not finish."""
        planned = [run for run in self.facts["runs"] if _matches(run["values"], self.facts["recipe"], cell)]
        return len(planned) - len(self.matching(cell))

    def by_value(self, key: str | None, runs: Sequence[Run]) -> Iterator[tuple[Any, list[Run]]]:
        """The runs with each value of a key, in the order of the grid; all of them as one for None."""
        if key is None:
            yield None, list(runs)
            return
        values = [self.value(run, key) for run in runs]
        order = list(self.facts["axes"].get(key, ()))
        # A value may be a head in parts, which is no key of a dictionary.
        different = [value for place, value in enumerate(values) if value not in values[:place]]
        for value in sorted(different, key=lambda v: order.index(v) if v in order else len(order)):
            yield value, [run for run, own in zip(runs, values, strict=True) if own == value]


def _matches(values: Facts, recipe: Facts, cell: Facts) -> bool:
    return all(values.get(key, recipe.get(key, value)) == value for key, value in cell.items())


def protocol_of(facts: Facts, out: Path) -> Protocol:
    """A protocol with the runs that finished.

    Args:
        facts: one of ``protocols``; out: the folder that the runs' folders are relative to.
    """
    runs = []
    for told in facts["runs"]:
        if told["state"] == "finished" and told["folder"] is not None:
            folder = RunFolder(out / told["folder"])
            if folder.finished:
                runs.append(Run(told["id"], told["title"], told["values"], folder, told["weights"]))
    return Protocol(facts, tuple(runs))


@dataclass(frozen=True)
class Published:
    """A printed number and the runs that stand beside it: value as a fraction (a loss as it is)."""

    row: str
    measure: str
    side: str
    value: float
    runs: tuple[str, ...]


def published(facts: Facts, table: str | None, protocol: Protocol) -> list[Published]:
    """The plain numbers of a published table that have runs in a protocol.

    Each cell tells its own measure and side, because a row may differ from its table in both.
    """
    found = []
    for row in table_of(facts, table)["rows"] if table is not None else ():
        for cell in row["cells"].values():
            runs = tuple(cell["runs"].get(protocol.name, ()))
            if cell["value"] is not None and runs:
                value = float(cell["printed"]) / (100 if cell["unit"] == "percent" else 1)
                found.append(Published(row["name"], cell["measure"], cell["side"], value, runs))
    return found


def table_of(facts: Facts, name: str) -> Facts:
    """A published table by its name."""
    table: Facts = next(table for table in facts["tables"] if table["name"] == name)
    return table
