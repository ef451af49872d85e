"""Training curves of a replication: accuracy and loss by epoch, beside what the paper printed.

Start at `draw`. Budgets of one setting are readings of one training, so the longest is drawn and the others are marked on it. All
curve figures of a protocol have the same ends of each axis, so that they compare.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from keras_leuk.evaluation.published import Reader
from keras_leuk.reporting.figures import Drawing
from keras_leuk.reporting.replication_cells import EPOCHS, Facts, Protocol, Published, Run, published
from keras_leuk.reporting.replication_curves_figure import curves_figure
from keras_leuk.reporting.replication_sheet import CROWDED, SIDE_NAMES, Wanted, crowded, measure_words, value_words

PREFIXES = {"train": "", "validation": "val_", "test": "test_"}
COLUMNS = ("panel", "line", "kind", "side", "measure", "epoch", "value")
KINDS = ("curve", "reading", "published", "kept", "stopped")
"""What a row of the table is: a point of a curve; the finished run of a shorter budget (value on the test side where no other
than training images were watched); a printed number; the epoch whose weights were kept; the epoch of early stopping."""


@dataclass(frozen=True)
class Panel:
    """Curves in one column.

    Attributes:
        title: the value that all its runs share; '' where there is one panel.
        table: columns `COLUMNS`.
        epochs: the most that a run was allowed.
    """

    title: str
    table: pd.DataFrame
    epochs: int

    def rows(self, kind: str, measure: str, side: str | None = None) -> pd.DataFrame:
        chosen = (self.table["kind"] == kind) & (self.table["measure"] == measure)
        return self.table[chosen if side is None else chosen & (self.table["side"] == side)]

    def last(self, measure: str, side: str) -> float | None:
        """Mean over the lines of the last values of a side, on a curve or else read at the longest budget."""
        for kind in ("curve", "reading"):
            rows = self.rows(kind, measure, side).dropna(subset="value")
            if len(rows):
                return float(rows.sort_values("epoch").groupby("line", sort=False)["value"].last().mean())
        return None

    def gap(self, measure: str) -> float | None:
        """By how much the held-out side is worse at the end; None where there is none."""
        ends = {side: self.last(measure, side) for side in PREFIXES}
        held = next((ends[side] for side in ("validation", "test") if ends[side] is not None), None)
        if held is None or ends["train"] is None:
            return None
        return held - ends["train"] if measure == "loss" else ends["train"] - held


def draw(wanted: Wanted) -> list[Drawing] | str:
    """The figure; or why there is none."""
    spec, protocol = wanted.spec, wanted.protocol
    runs = protocol.matching(spec["cell"])
    if not runs:
        return "none of its runs finished"
    panels = panels_of(wanted.facts, protocol, spec, wanted.reader)
    if not panels:
        return "its runs have no epochs"
    limits = limits_of(wanted.facts, protocol, wanted.reader)
    cut = any(panel.table.loc[panel.table["measure"] == "loss", "value"].max() > limits["loss"][1] for panel in panels)
    seen = pd.concat([panel.table[panel.table["kind"].isin(("curve", "reading"))] for panel in panels]).dropna(subset="value")
    sides = [side for side in PREFIXES if (seen["side"] == side).any()]
    figure = curves_figure(panels, spec["measures"], limits, wanted.title, wanted.notes(sides, runs, _note(panels, cut)))
    table = pd.concat([panel.table for panel in panels], ignore_index=True)
    missing = protocol.missing(spec["cell"])
    words = f"{wanted.title}. {_words(panels, spec['measures'])}"
    words += f" {missing} of {missing + len(runs)} runs did not finish." if missing else ""
    return [Drawing(wanted.name, wanted.title, words, figure, table)]


def panels_of(facts: Facts, protocol: Protocol, spec: Facts, reader: Reader) -> list[Panel]:
    """The columns of panels of a figure, in the order of the grid; runs without epochs have none."""
    printed = published(facts, spec.get("ends"), protocol)
    groups = list(protocol.by_value(spec.get("panels"), protocol.matching(spec["cell"])))
    titles = value_words([value for value, _ in groups]) if spec.get("panels") else [""] * len(groups)
    found = []
    for title, (_, runs) in zip(titles, groups, strict=True):
        rows: list[list[Any]] = []
        for line in _lines(protocol, runs):
            rows += _rows(line, spec["measures"], reader)
        if rows:
            rows += _ends(printed, runs, protocol, spec["measures"])
            table = pd.DataFrame([[title, *row] for row in rows], columns=list(COLUMNS)).drop_duplicates(ignore_index=True)
            budgets = [int(protocol.value(run, EPOCHS) or 1) for run in runs]
            found.append(Panel(title, table, max(*budgets, int(table.loc[table["kind"] == "curve", "epoch"].max()))))
    return found


def _lines(protocol: Protocol, runs: Sequence[Run]) -> list[list[tuple[int, Run]]]:
    """Runs that differ in their epochs alone belong together; each with its budget, the longest last."""
    lines: dict[str, list[tuple[int, Run]]] = {}
    for run in runs:
        others = repr(sorted((key, repr(value)) for key, value in run.values.items() if key != EPOCHS))
        lines.setdefault(others, []).append((int(protocol.value(run, EPOCHS) or 0), run))
    return [sorted(line, key=lambda pair: pair[0]) for line in lines.values()]


def _rows(line: Sequence[tuple[int, Run]], measures: Sequence[str], reader: Reader) -> list[list[Any]]:
    longest = line[-1][1]
    if longest.history is None:
        return []
    rows: list[list[Any]] = []
    for fold, history in longest.history.groupby("fold", sort=False):
        name = f"{longest.title}, fold {fold!s}" if fold else longest.title
        for measure in measures:
            for side, prefix in PREFIXES.items():
                if prefix + measure in history.columns:
                    values = zip(history["epoch"], history[prefix + measure], strict=True)
                    rows += [[name, "curve", side, measure, int(epoch), float(value)] for epoch, value in values]
            rows += _marks(longest, str(fold), name, measure, history)
    watched = any(f"{PREFIXES[side]}loss" in longest.history.columns for side in ("validation", "test"))
    for budget, run in line:
        test = None if watched or "accuracy" not in measures else run.measured(reader, "test", "accuracy")
        if test is not None or len(line) > 1:
            end = min(budget, int(longest.history["epoch"].max()))
            rows.append([longest.title, "reading", "test", "accuracy", end, math.nan if test is None else test[0]])
    return rows


def _marks(run: Run, fold: str, name: str, measure: str, history: pd.DataFrame) -> list[list[Any]]:
    mark, last = run.mark(fold), int(history["epoch"].max())
    rows: list[list[Any]] = []
    if mark.get("best_epoch") is not None and mark["best_epoch"] < last:
        rows.append([name, "kept", "", measure, int(mark["best_epoch"]), math.nan])
    if mark.get("stopped_early"):
        final = history.loc[history["epoch"] == last, measure] if measure in history.columns else pd.Series(dtype=float)
        rows.append([name, "stopped", "train", measure, last, float(final.iloc[0]) if len(final) else math.nan])
    return rows


def _ends(printed: Sequence[Published], runs: Sequence[Run], protocol: Protocol, measures: Sequence[str]) -> list[list[Any]]:
    """A row for each printed number of a run of the panel, at the epochs of that run."""
    own = {run.id: run for run in runs}
    rows: list[list[Any]] = []
    for number in printed:
        beside = [own[id_] for id_ in number.runs if id_ in own]
        if number.measure in measures and beside:
            epochs = int(protocol.value(beside[0], EPOCHS) or 0)
            rows.append([number.row, "published", number.side, number.measure, epochs, number.value])
    return rows


def limits_of(facts: Facts, protocol: Protocol, reader: Reader) -> dict[str, tuple[float, float]]:
    """Ends of the axis of each measure over all curve figures of a protocol.

    One loss that runs away must not flatten all others: the axis ends at three times the usual largest loss of a panel.
    """
    specs = [told["figure"] for told in facts["figures"] if told.get("figure") and told["figure"]["kind"] == "curves"]
    panels = [panel for spec in specs for panel in panels_of(facts, protocol, spec, reader)]
    seen = {m: [panel.table.loc[panel.table["measure"] == m, "value"] for panel in panels] for m in ("accuracy", "loss")}
    least = min((float(values.min()) for values in seen["accuracy"] if values.notna().any()), default=0.0)
    largest = pd.Series([values.max() for values in seen["loss"] if values.notna().any()], dtype=float)
    top = min(largest.max(), 3 * largest.median()) if len(largest) else 1.0
    return {"accuracy": (max(0.0, math.floor(20 * least - 0.2) / 20), 1.01), "loss": (0.0, 1.04 * float(top) or 1.0)}


def _note(panels: Sequence[Panel], cut: bool) -> str:
    tables = pd.concat([panel.table for panel in panels])
    lines = tables[tables["kind"] == "curve"].groupby("panel")["line"].nunique().max()
    read = tables[(tables["kind"] == "reading") & tables["value"].notna()]
    parts = [
        "Training values are means over the steps of an epoch, with dropout and augmentation; a loss has its penalties.",
        f"Thin: each of {lines} runs; thick: their mean as far as all go." if lines > 1 else "",
        "Gap: held-out against training at the end, larger is worse."
        if any(p.gap(measure) is not None for p in panels for measure in ("accuracy", "loss"))
        else "",
        "Points: test accuracy of the run that ended there; nothing was chosen by it." if len(read) else "",
        CROWDED if crowded(tables[tables["kind"] == "published"], ["panel", "side", "measure", "epoch"]) else "",
        "The axis ends before the largest losses do." if cut else "",
    ]
    return " ".join(part for part in parts if part)


def _words(panels: Sequence[Panel], measures: Sequence[str]) -> str:
    """The last values in a sentence a panel."""
    told = []
    for panel in panels:
        parts = []
        for measure in measures:
            ends = [(side, panel.last(measure, side)) for side in PREFIXES]
            parts += [f"{SIDE_NAMES[side]} {measure_words(measure)} {end:.3f}" for side, end in ends if end is not None]
            shown = panel.rows("published", measure)
            for side, printed in shown.groupby("side", sort=False):
                value = printed.sort_values("epoch")["value"].iloc[-1]
                parts.append(f"published {SIDE_NAMES[str(side)]} {measure_words(measure)} {value:.4g}")
        epochs = int(panel.table.loc[panel.table["kind"] == "curve", "epoch"].max())
        told.append(f"{panel.title + ': ' if panel.title else ''}after {epochs} epoch{'s' * (epochs != 1)} {', '.join(parts)}")
    return f"Last values: {'; '.join(told)}."
