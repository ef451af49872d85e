"""The sentences at the head and the foot of a replication's page: title, warnings, what came out in short, how to read it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from keras_leuk.reporting.replication_numbers import capital, decimals, sentence, short, signed

Json = Mapping[str, Any]

TRIMMED = "trimmed to a budget"


def data_words(facts: Json) -> str:
    """Which data the measured values are on, for titles; says so where they are not the paper's, and where runs were trimmed."""
    data = facts["data"]
    clause = "" if data["the_papers"] else data["words"] or "not the paper's data"
    if not data["the_papers"] and "the paper's data" not in clause:
        clause += ", not the paper's data"
    name = f"{data['name']}, {clause}" if clause else data["name"]
    return f"{name}, {TRIMMED}" if any(protocol["trimmed"] for protocol in facts["protocols"]) else name


def title(facts: Json) -> str:
    """The title of the page."""
    return f"{facts['paper']['key']}: {facts['paper']['title']} — replicated on {data_words(facts)}"


def warnings(facts: Json) -> tuple[str, ...]:
    """What nobody must miss, a line each."""
    found = [line for line in (_data_line(facts), _only_line(facts), _sets_line(facts)) if line]
    for protocol in facts["protocols"]:
        name = protocol["name"].capitalize()
        if protocol["trimmed"]:
            told = "; ".join(protocol["trimmed"])
            found.append(f"{name} protocol, {TRIMMED}: {told}. Its values show the procedure, not what the whole would give.")
        found += [f"{name} protocol, adapted to the data: {line}." for line in protocol.get("adapted", ())]
        found += [line for line in (_random_line(protocol), _gaps_line(protocol)) if line]
        found += [f"{name} protocol: {line}" for line in _of_runs(protocol["warnings"])]
    return tuple(dict.fromkeys(found))


def _of_runs(lines: Sequence[str]) -> list[str]:
    """Warnings of the runs; of those that differ in numbers and examples alone, as those of several splits do, the first.

    What the runs say of random weights is left out: see `_random_line`, which knows what the recipe asks for.
    """
    alike: dict[str, list[str]] = {}
    for line in lines:
        if not line.startswith("RANDOM WEIGHTS"):
            alike.setdefault(re.sub(r"\([^()]*\)|\d+", "", line), []).append(line)
    return [
        f"{first} (and likewise, with other numbers, in {len(others)} more of its splits)" if others else first
        for first, *others in alike.values()
    ]


def _data_line(facts: Json) -> str:
    data = facts["data"]
    differing = [f"{check['what']}: {_difference(check)}" for check in data["checks"] if not check["agrees"]]
    differing += [stand["words"] for stand in data["stand_ins"]]
    if not data["the_papers"]:
        return f"Measured on {data_words(facts)}. The paper used {facts['paper']['data']}." + (
            f" {_joined(differing)}." if differing else ""
        )
    return f"The data differ from the paper's: {_joined(differing)}." if differing else ""


def _difference(check: Json) -> str:
    return str(check["words"] or f"{check['paper']} in the paper, {check['here']} here")


def _joined(lines: Sequence[str]) -> str:
    return "; ".join(line.rstrip(".") for line in lines)


def _only_line(facts: Json) -> str:
    return f"Only a part of the experiment was asked for: {', '.join(facts['only'])}." if facts["only"] else ""


def _sets_line(facts: Json) -> str:
    """A protocol whose settings were changed is no longer quite that protocol."""
    return f"Protocols are changed as was asked for: {'; '.join(facts['sets'])}." if facts["sets"] else ""


def _random_line(protocol: Json) -> str:
    """Random weights are worth a warning where the recipe asked for others."""
    wanted = protocol["recipe"].get("model.weights", "others")
    finished = [run for run in protocol["runs"] if run["state"] == "finished"]
    random = [run for run in finished if run["weights"] == "random"]
    if not random or wanted == "random":
        return ""
    networks = {str(run["values"].get("model.backbone", protocol["recipe"].get("model.backbone"))) for run in random}
    return (
        f"{protocol['name'].capitalize()} protocol: {len(random):,} of {len(finished):,} runs began from random weights "
        f"({', '.join(sorted(networks))}), where the recipe asks for {wanted}. They say nothing about pretrained networks."
    )


def _gaps_line(protocol: Json) -> str:
    runs = protocol["runs"]
    counts = {state: sum(run["state"] == state for run in runs) for state in ("failed", "missing")}
    told = [f"{number:,} {state}" for state, number in counts.items() if number]
    return f"{protocol['name'].capitalize()} protocol: of {len(runs):,} runs {' and '.join(told)}." if told else ""


_COUNTED = {
    "within": "within our interval",
    "outside": "outside our interval",
    "equal": "equal to an exact count of ours",
    "differs": "different from an exact count of ours",
    "not attainable": "not attainable by arithmetic",
    "not measured": "not measured",
    "no number": "without a plain number to compare with",
    "no interval": "without an interval to compare with",
}


def in_short(facts: Json) -> tuple[str, ...]:
    """Counts of verdicts by protocol, the paper's best value beside ours, and what the honest protocol chose."""
    lines = []
    for name, counts in facts["reading"].items():
        order = [verdict for verdict in _COUNTED if verdict in counts] + [
            verdict for verdict in counts if verdict not in _COUNTED
        ]
        told = [f"{counts[verdict]:,} {_COUNTED.get(verdict, verdict)}" for verdict in order if counts[verdict]]
        lines.append(f"{name.capitalize()} protocol, published numbers: {'; '.join(told) if told else 'none to compare'}.")
    lines += headline(facts)
    for protocol in facts["protocols"]:
        choice = protocol["choice"]
        if choice is not None:
            lines += _choice(facts, protocol, choice)
    return tuple(lines)


def _named(key: str, name: str) -> str:
    """``Epoch 100``; but ``Fold 1`` where the row says so itself."""
    return name if name.lower().startswith(key.lower()) else f"{key} {name}"


def headline(facts: Json) -> list[str]:
    """The best printed value of the first table of test results (else validation, else any) beside ours; [] without one."""
    found = best_published(facts)
    if found is None:
        return []
    table, row, column, cell = found
    unit, places, key = cell["unit"], decimals(cell["unit"], cell["decimals"]), " / ".join(table["key"])
    words = f"Best published {column} of {table['number']} ({table['side']} side): {cell['printed']} ({_named(key, row['name'])})"
    parts = []
    for protocol in facts["protocols"]:
        measured = cell["measured"].get(protocol["name"])
        if measured is None:
            continue
        told = sentence(measured, unit, places)
        if measured["value"] is not None and measured["difference"] is not None:
            told += f", {signed(measured['difference'], unit, places)} from the published, which is {_PLACE[measured['verdict']]}"
        parts.append(f"{protocol['name']} protocol: {told}")
    impossible = cell["arithmetic"]["verdict"] == "not attainable"
    return [f"{words}{' (not attainable by arithmetic)' if impossible else ''}. {'. '.join(capital(part) for part in parts)}."]


_PLACE = {
    "within": "within our interval",
    "outside": "outside our interval",
    "equal": "equal to ours",
    "differs": "different from ours",
    "not measured": "not measured",
    "no number": "no plain number",
    "no interval": "without an interval to tell how far that is",
}
_PREFERRED = ("accuracy", "f1", "recall", "precision")
_SMALLER = ("loss", "false_detection_rate", "false_negative_rate")


def best_published(facts: Json) -> tuple[Json, Json, str, Json] | None:
    """Table, row, column and cell of the paper's best value that a run of ours stands beside; None where there is none."""
    results = [table for table in facts["tables"] if table["kind"] == "results"]
    for sides in (("test",), ("validation",), ("train", "none")):
        for table in (table for table in results if table["side"] in sides):
            for column in sorted(table["columns"], key=lambda column: _rank(str(column["measure"]))):
                name = column["header"]
                cells = [
                    (row, cell)
                    for row in table["rows"]
                    if (cell := row["cells"].get(name)) is not None
                    and cell["value"] is not None
                    and any(cell["runs"].values())
                    and cell["unit"] == column["unit"] != "count"
                ]
                if cells:
                    sign = -1 if column["measure"] in _SMALLER else 1
                    row, cell = max(cells, key=lambda pair: sign * float(pair[1]["value"]))
                    return table, row, name, cell
    return None


def _rank(measure: str) -> int:
    return _PREFERRED.index(measure) if measure in _PREFERRED else len(_PREFERRED)


def _choice(facts: Json, protocol: Json, choice: Json) -> list[str]:
    setting = ", ".join(f"{short(key)} {value}" for key, value in choice["setting"].items())
    name = protocol["name"].capitalize()
    lines = [f"{name} protocol: {setting}, {choice['words']}. Validation accuracy: {sentence(choice['validation'])}."]
    if choice["test"]["value"] is None:
        return [*lines, f"{name} protocol: the chosen setting has no test value ({choice['test']['reason']})."]
    clean = ", which took no part in the choice" if protocol["selection"] != "test" else ""
    told = f"{sentence(choice['test'])}, on {data_words(facts)}"
    lines.append(f"{name} protocol, accuracy of the chosen setting on the test images{clean}: {told}.")
    if choice.get("bias"):
        lines[-1] += (
            f" The best test value of all settings is {choice['bias']:.3f} higher; to quote it would be selection on test."
        )
    return lines


def reading_notes(facts: Json) -> tuple[str, ...]:
    """What the intervals and verdicts mean, and what they do not."""
    units = sorted({measured["unit"] for measured in every_measured(facts) if measured["unit"]})
    over = " or ".join(f"{unit}s" for unit in units) or "subjects or images"
    notes = [
        f"The range in brackets is a 95 % percentile bootstrap interval over {over} (the caption says which). It speaks about "
        f"other {over} of the same kind, not about other trainings, other splits or other hospitals.",
        "The difference is ours minus the published value; of percentages in percentage points.",
        *_VERDICTS,
    ]
    if any(measured["sd"] is not None for measured in every_measured(facts)):
        notes.insert(1, "± is the sample standard deviation over runs that differ in their seed; the value is their mean.")
    if any(protocol["trimmed"] for protocol in facts["protocols"]):
        notes.append("A trimmed run stops early, sees fewer or smaller images, or trains less: its verdicts are a rehearsal.")
    return tuple(notes)


_VERDICTS = (
    "Within: the published value, widened by half of its last printed digit, meets our interval. Outside: it does not. Equal and "
    "differs: of exact counts such as parameters. Not measured: no finished run of ours stands beside it.",
    "Within does not mean reproduced: a wide interval, as few subjects give it, holds many values. Outside does not mean that "
    "the paper is wrong: data, split, unstated settings and chance differ.",
    "Not attainable: no whole numbers of images give the printed value, under the definition and the number of images named "
    "beside it. It says that a digit, a definition or a number of images is not as stated, and not which.",
    "Several verdicts on one page are not independent: they share images and often a training.",
)


def every_measured(facts: Json) -> list[Json]:
    """Every MEASURED beside a published cell that has a value."""
    cells = [cell for table in facts["tables"] for row in table["rows"] for cell in row["cells"].values()]
    return [one for cell in cells for one in cell["measured"].values() if one["value"] is not None]
