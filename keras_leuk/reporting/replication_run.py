"""What a replication was run on and how: its data against the paper's, the protocols side by side, what goes beyond the paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras_leuk.reporting.page import Block, Cell, Heading, Paragraph, Points, Table, Tables
from keras_leuk.reporting.replication_numbers import capital, plain_entry, short, size
from keras_leuk.reporting.replication_words import data_words

Json = Mapping[str, Any]

SIDES = ("train", "validation", "test")


def data_blocks(facts: Json) -> list[Block]:
    """The data at hand, line by line against what the paper says of its own."""
    data = facts["data"]
    classes = class_words(data["classes"], data["positive"])
    subjects = f" of {data['subjects']:,} subjects" if data["subjects"] is not None else "; subjects unknown"
    blocks: list[Block] = [Paragraph(f"{data['name']}: {classes}{subjects}. The paper used {facts['paper']['data']}.")]
    if data["checks"]:
        rows = tuple((Cell(check["what"]), _check(check)) for check in data["checks"])
        title = f"The paper's data and ours: {data_words(facts)}"
        caption = "As the paper states its data, and as they were found here."
        blocks.append(Tables((Table("data", title, caption, "", "", ("paper", "here", "difference"), rows, words=True),)))
    if data["stand_ins"]:
        blocks.append(Points(tuple(f"{stand['words']}." for stand in data["stand_ins"])))
    return blocks


def _check(check: Json) -> tuple[Cell, ...]:
    """Paper, here, and the difference in words."""
    otherwise = "none" if check["agrees"] else "differs"
    return Cell(str(check["paper"])), Cell(str(check["here"])), Cell(check["words"] or otherwise)


def class_words(classes: Mapping[str, int], positive: str | None) -> str:
    """``HEM 2,507, ALL 5,440 (positive)``."""
    return ", ".join(f"{name} {number:,}{' (positive)' if name == positive else ''}" for name, number in classes.items())


def run_blocks(facts: Json) -> list[Block]:
    """The protocols side by side, and every run that did not finish."""
    lines = [
        f"{protocol['name'].capitalize()} protocol, {run['title']}: {_state(run)}."
        for protocol in facts["protocols"]
        for run in protocol["runs"]
        if run["state"] != "finished"
    ]
    return [Tables((_run_table(facts),)), *([Points(tuple(lines))] if lines else [])]


def _state(run: Json) -> str:
    return f"{run['state']}: {run['error'].rstrip('.')}" if run["error"] else str(run["state"])


def _run_table(facts: Json) -> Table:
    """A fact a row, a protocol a column; facts that no protocol has are left out."""
    positive = facts["data"]["positive"]
    lines = {
        "meaning": [protocol["meaning"] for protocol in facts["protocols"]],
        "split": [protocol["split"] for protocol in facts["protocols"]],
        **{side: [_side(protocol["sides"].get(side), positive) for protocol in facts["protocols"]] for side in SIDES},
        "looked for on two sides": ["; ".join(protocol["checked"]) for protocol in facts["protocols"]],
        "watched in training": [_WATCHED.get(protocol["selection"], protocol["selection"]) for protocol in facts["protocols"]],
        "setting": [_chosen(protocol) for protocol in facts["protocols"]],
        "first weights": ["; ".join(protocol["weights"]) for protocol in facts["protocols"]],
        "varied": [_axes(protocol["axes"]) for protocol in facts["protocols"]],
        "runs": [_runs(protocol) for protocol in facts["protocols"]],
        "adapted to the data": ["; ".join(protocol.get("adapted", ())) for protocol in facts["protocols"]],
        "left out": ["; ".join(protocol.get("notes", ())) for protocol in facts["protocols"]],
        "trimmed": ["; ".join(protocol["trimmed"]) or "no" for protocol in facts["protocols"]],
    }
    rows = tuple((Cell(name), tuple(Cell(text or "–") for text in texts)) for name, texts in lines.items() if any(texts))
    arm = facts["arm"]
    return Table(
        name="what-was-run",
        title=f"What was run on {data_words(facts)}",
        caption=f"Reading of what the paper leaves open: {arm['name']} ({arm['why'].rstrip('.')}).",
        corner="",
        across="",
        columns=tuple(f"{protocol['name']} protocol" for protocol in facts["protocols"]),
        rows=rows,
        words=True,
    )


_WATCHED = {
    "validation": "the validation side",
    "test": "the TEST side, as the paper did or may have done",
    "none": "no side",
}


def _chosen(protocol: Json) -> str:
    choice = protocol["choice"]
    return "none is chosen; all are reported" if choice is None else str(choice["words"])


def _side(side: Json | None, positive: str | None) -> str:
    if side is None or not side["n"]:
        return "none"
    subjects = "subjects unknown" if side["subjects"] is None else f"{side['subjects']:,} subjects"
    classes = class_words(side.get("classes") or {}, positive)
    return f"n = {side['n']:,}, {subjects}{f' ({classes})' if classes else ''}"


def _axes(axes: Mapping[str, Any]) -> str:
    return "; ".join(f"{short(key)}: {', '.join(map(str, values))}" for key, values in axes.items())


def _runs(protocol: Json) -> str:
    runs = protocol["runs"]
    counts = {state: sum(run["state"] == state for run in runs) for state in ("finished", "failed", "missing")}
    return f"{len(runs):,}: {', '.join(f'{number:,} {state}' for state, number in counts.items() if number)}" if runs else "none"


_NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "macro_f1": "macro F1",
    "roc_auc": "ROC AUC",
}


def beyond_blocks(facts: Json) -> list[Block]:
    """What the paper does not report, a table a protocol."""
    tables = [_beyond_table(facts, beyond) for beyond in facts["beyond"] if beyond["rows"]]
    if not tables:
        return []
    return [Heading("Beyond the paper"), *(Tables((table,)) for table in tables)]


def _beyond_table(facts: Json, beyond: Json) -> Table:
    """A setting a row; measures by side across, as fractions."""
    shown = {side: _measures(beyond, side) for side in SIDES}
    sizes = {side: _sizes(beyond, side) for side in SIDES}
    rows = []
    for row in beyond["rows"]:
        entries = [
            plain_entry(row.get(side, {}).get(measure), with_size=len(sizes[side]) > 1 and number == 0)
            for side, measures in shown.items()
            for number, measure in enumerate(measures)
        ]
        rows.append((Cell(row["setting"]), tuple(entries)))
    told = [f"{side} {sizes[side][0]}" if len(sizes[side]) == 1 else f"{side}: n in each cell" for side in SIDES if sizes[side]]
    positive = facts["data"]["positive"]
    whom = f"of {positive}" if positive is not None else "means over the classes"
    return Table(
        name=f"beyond-{beyond['protocol']}",
        title=f"Beyond the paper: {beyond['protocol']} protocol on {data_words(facts)}",
        caption=f"{capital('; '.join(told))}. In brackets: 95 % bootstrap interval. Precision, recall and F1 are {whom}; "
        "macro F1 is the mean over the classes. Nothing in this table was chosen by it.",
        corner="setting",
        across="",
        columns=tuple(_NAMES.get(measure, measure.replace("_", " ")) for measures in shown.values() for measure in measures),
        rows=tuple(rows),
        groups=tuple((side, len(measures)) for side, measures in shown.items() if measures),
    )


def _measures(beyond: Json, side: str) -> list[str]:
    """Measures of a side that some row has a value of."""
    names = dict.fromkeys(name for row in beyond["rows"] for name, one in row.get(side, {}).items() if one["value"] is not None)
    return [name for name in _NAMES if name in names] + [name for name in names if name not in _NAMES]


def _sizes(beyond: Json, side: str) -> list[str]:
    found = [one for row in beyond["rows"] for one in row.get(side, {}).values()]
    return list(dict.fromkeys(size(one) for one in found if one["value"] is not None and one["n"]))
