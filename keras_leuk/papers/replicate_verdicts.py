"""A published number beside the measured one: the runs that stand beside it, and a plain verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from keras_leuk.evaluation.published import Asked, Reader, Reading
from keras_leuk.grid.layout import GridFolder
from keras_leuk.grid.plan import EPOCHS, Cell, Plan
from keras_leuk.papers.library_tables import PublishedCell
from keras_leuk.papers.replicate_data import DataFacts
from keras_leuk.papers.replicate_request import BACKBONE, Study
from keras_leuk.recipe.loading import dotted

Json = dict[str, Any]

EXACT = ("parameters", "epochs")
"""Measures without chance: equal or not."""

ON_TEST = "on the test side: the validation side chose"
"""What is said of honest numbers beside a published validation number."""

OF_THE_DATA = ("images", "subjects")
"""Counts that no run gives."""


@dataclass(frozen=True)
class Trial:
    """A cell of a study and what came of it.

    Attributes:
        name: short, unique within the replication.
        keys: dotted keys of its recipe.
        folder: of its run, None where there is none.
    """

    name: str
    protocol: str
    study: Study
    cell: Cell
    keys: Mapping[str, Any]
    folder: Path | None
    error: str | None
    weights: str

    @property
    def state(self) -> str:
        return "finished" if self.folder is not None else "failed" if self.error else "missing"


def trials(study: Study, plan: Plan, grid: GridFolder, errors: Mapping[str, str], first: int) -> list[Trial]:
    """Every cell of a study, with its run where it is finished.

    Args:
        errors: name of a cell → why it failed.
        first: number of the first one.
    """
    done = grid.finished()
    found = []
    for number, cell in enumerate(plan.cells, start=first):
        materials = plan.ground.materials(cell.recipe)
        found.append(
            Trial(
                f"{study.protocol.name[0]}{number}",
                study.protocol.name,
                study,
                cell,
                dotted(cell.recipe) | dict(cell.values),
                done.get(cell.address[: GridFolder.DIGITS]),
                errors.get(cell.name),
                materials.weights.kind,
            )
        )
    return found


def beside(cell: PublishedCell, found: Sequence[Trial]) -> list[Trial]:
    """The trials that stand beside a published cell.

    An arm that sets a key stands in for the value that the recipe has without it, and for no other; a training that a budget
    ends earlier, for every longer one.
    """
    if cell.ours is None:
        return []
    return [trial for trial in found if all(_stands(trial, key, value) for key, value in cell.ours.items())]


def _stands(trial: Trial, key: str, value: Any) -> bool:
    study = trial.study
    if key == BACKBONE:
        value = study.instead.get(value, value)
    elif key == EPOCHS and study.most_epochs is not None:
        value = min(value, study.most_epochs)
    if key in trial.keys and _equal(trial.keys[key], value):
        return True
    if key not in study.set_keys:
        return False
    plain = dotted(study.plain)
    return key in plain and _equal(plain[key], value)


def _equal(one: Any, other: Any) -> bool:
    return bool(one == other) or (isinstance(one, str) and isinstance(other, str) and one.lower() == other.lower())


def measured(cell: PublishedCell, matched: Sequence[Trial], data: DataFacts, reader: Reader) -> Json:
    """What was measured in the place of a published cell, as an object of replication.json.

    Args:
        matched: the trials beside it, finished or not.
    """
    done = [trial for trial in matched if trial.folder is not None]
    why = _why_nothing(cell, matched, data)
    if why is not None:
        return nothing(why)
    class_name = data.class_of(cell.class_name) if cell.class_name is not None else None
    asked = Asked(cell.measure, "class" if class_name is not None else cell.average, class_name, cell.side)
    if cell.side == "validation" and done[0].protocol == "honest":
        # What chose a setting is no place to judge it.
        reading, remarks = reader.read([trial.folder for trial in done if trial.folder], replace(asked, side="test")), [ON_TEST]
    else:
        reading, remarks = _read(done, asked, reader)
    if len(done) < len(matched):
        remarks.append(f"{len(matched) - len(done)} of {len(matched)} runs are not finished")
    placed = {f"{other} in the place of {name}": None for t in done for name, other in t.study.instead.items() if _runs(t, other)}
    remarks += placed
    found = as_json(reading) | {"weights": _common([trial.weights for trial in done])}
    found["reason"] = "; ".join([*([reading.reason] if reading.reason else []), *remarks]) or None
    published = cell.fraction
    if published is None or reading.value is None:
        return found | {"difference": None, "verdict": "no number" if reading.value is not None else "not measured"}
    found["difference"] = reading.value - float(published)
    return found | {"verdict": verdict(cell, reading.value, reading.low, reading.high)}


def _runs(trial: Trial, backbone: str) -> bool:
    return bool(trial.keys.get(BACKBONE) == backbone)


def _why_nothing(cell: PublishedCell, matched: Sequence[Trial], data: DataFacts) -> str | None:
    """Why nothing can be measured in the place of a cell; None where something can."""
    if cell.ours is None and not matched:
        return "nothing of ours stands beside it"
    if not any(trial.folder is not None for trial in matched):
        return "the runs beside it are not finished" if matched else "no run of this protocol stands beside it"
    if cell.measure in OF_THE_DATA:
        return "a fact of the data, which are compared above"
    if cell.side == "none" and cell.measure not in EXACT:
        return "it is on no side of a split"
    if cell.class_name is not None and data.class_of(cell.class_name) is None:
        return f"the data have no class {cell.class_name}, and nothing stands in for it"
    return None


def _read(done: Sequence[Trial], asked: Asked, reader: Reader) -> tuple[Reading, list[str]]:
    """The reading on the side asked for, or on test where there is no validation side, and what must be said of that."""
    folders = [trial.folder for trial in done if trial.folder is not None]
    reading = reader.read(folders, asked)
    if reading.value is None and reading.n == 0 and asked.side == "validation":
        reading = reader.read(folders, replace(asked, side="test"))
        return reading, ["on the test side, because there is no validation side"]
    return reading, []


def verdict(cell: PublishedCell, value: float, low: float | None, high: float | None) -> str:
    """How a plain published number stands to a measured one.

    Returns:
        ``equal`` or ``differs`` for exact counts; ``within`` where the published value, widened by half its last printed digit,
        meets the interval [low, high], else ``outside``; ``no interval`` where there is none.
    """
    published = cell.fraction
    assert published is not None
    if cell.measure in EXACT:
        return "equal" if value == float(published) else "differs"
    if low is None or high is None:
        return "no interval"
    half = Decimal(1).scaleb(-cell.decimals) / 2 / (100 if cell.unit == "percent" else 1)
    return "within" if float(published + half) >= low and float(published - half) <= high else "outside"


def as_json(reading: Reading) -> Json:
    """A reading as an object, without what a comparison adds."""
    keys = ("value", "low", "high", "n", "subjects", "unit", "runs", "sd", "reason")
    return {key: getattr(reading, key) for key in keys} | {"extra": {}}


def nothing(reason: str) -> Json:
    """The object of a number that was not measured."""
    empty = dict.fromkeys(("value", "low", "high", "subjects", "unit", "sd", "difference"))
    return empty | {"n": 0, "runs": 0, "reason": reason, "verdict": "not measured", "weights": "none", "extra": {}}


def _common(kinds: Sequence[str]) -> str:
    return kinds[0] if len(set(kinds)) == 1 else "mixed"
