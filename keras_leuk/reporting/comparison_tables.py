"""The numbers of a comparison in words: tables for the terminal, Markdown and LaTeX, and one long table for CSV."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from keras_leuk.evaluation.paired_tests import MCNEMAR
from keras_leuk.reporting.comparison_notes import read_form
from keras_leuk.reporting.style import with_interval
from keras_leuk.reporting.tables import NAMES

Json = dict[str, Any]

_FORMS = {"exact": "exact p", "mid_p": "mid-p", "clustered": "clustered p"}
_COUNTS = ("only_first_right", "only_second_right")
_COLUMNS = (
    *("first", "second", "measure", "test", "side", "n", "subjects", "first_value", "second_value", "difference", "low", "high"),
    *("statistic", "p", "p_holm", *_COUNTS),
)


@dataclass(frozen=True)
class Table:
    """A table in words; its first column holds names, all others numbers. The note is a sentence."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str


def tables(comparison: Json) -> list[Table]:
    """Values of the runs, the differences by each measure, and McNemar's tests."""
    interval = comparison["interval"]
    percent = f"{100 * interval['confidence']:g} % interval"
    note = f"Intervals: percentile bootstrap over {interval['unit']}s, {interval['resamples']:,} resamples, alike for all runs."
    labels = {measure: label(measure, comparison["positive"]) for measure in comparison["measures"]}
    values = [(run["name"], *(with_interval(run["measures"][measure]) for measure in labels)) for run in comparison["runs"]]
    found = [Table(f"Values ({percent})", ("run", *labels.values()), tuple(values), note)]
    corrected = comparison["comparisons"] > 1
    header = ("runs", f"difference ({percent})", "p", *(["p, Holm"] if corrected else []))
    for measure, words in labels.items():
        rows = [
            (pair_words(pair), signed(number), p_words(number["p"]), *([p_words(number["p_holm"])] if corrected else []))
            for pair in comparison["pairs"]
            for number in [pair["measures"][measure]]
        ]
        found.append(Table(f"Difference in {words}", header, tuple(rows), note))
    return [*found, _mcnemar_table(comparison, corrected)]


def label(measure: str, positive: str | None) -> str:
    """A measure as tables and figures name it: 'recall of ALL', 'recall, macro'."""
    words = NAMES[measure].replace(" (sensitivity)", "")
    if measure in ("precision", "recall", "f1"):
        return f"{words} of {positive}" if positive is not None else f"{words}, macro"
    if measure in ("roc_auc", "average_precision") and positive is None:
        return f"{words}, macro one-vs-rest"
    return words


def pair_words(pair: Json) -> str:
    """'B − A': what a difference subtracts from what."""
    return f"{pair['second']} − {pair['first']}"


def signed(number: Json) -> str:
    """'+0.031 (-0.012 to +0.074)', without the brackets where there is no interval."""
    if number["difference"] is None:
        return "undefined"
    text = f"{number['difference']:+.3f}"
    return text if number["low"] is None else f"{text} ({number['low']:+.3f} to {number['high']:+.3f})"


def p_words(p: float | None) -> str:
    """'0.032', '<0.001', or a dash where there is no test."""
    if p is None:
        return "–"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def reasons(comparison: Json) -> list[str]:
    """Why a number is undefined or has no interval, each reason once, with its measure."""
    found = [
        f"{label(measure, comparison['positive'])}: {number['reason']}"
        for part in (comparison["runs"], comparison["pairs"])
        for one in part
        for measure, number in one["measures"].items()
        if "reason" in number
    ]
    return list(dict.fromkeys(found))


def comparison_table(comparison: Json) -> pd.DataFrame:
    """One row a pair and test: 'bootstrap' for each measure, then each form of McNemar's test that could be made.

    Returns:
        columns first, second, measure, test, side, n, subjects, first_value, second_value, difference, low, high, statistic,
        p, p_holm, only_first_right, only_second_right; empty where a test has no such number.
    """
    values = {run["name"]: run["measures"] for run in comparison["runs"]}
    rows: list[Json] = []
    for pair in comparison["pairs"]:
        base = {name: pair[name] for name in ("first", "second")} | {name: comparison[name] for name in ("side", "n", "subjects")}
        for measure in comparison["measures"]:
            ends = {f"{end}_value": values[pair[end]][measure]["value"] for end in ("first", "second")}
            rows.append(base | {"measure": measure, "test": "bootstrap"} | ends | pair["measures"][measure])
        mcnemar = pair["mcnemar"]
        for form in MCNEMAR:
            if mcnemar[form]["p"] is not None:
                counts = {name: mcnemar[name] for name in _COUNTS}
                counts["difference"] = (counts[_COUNTS[1]] - counts[_COUNTS[0]]) / comparison["n"]
                rows.append(base | {"measure": "accuracy", "test": f"mcnemar_{form}"} | counts | mcnemar[form])
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    return table.astype(dict.fromkeys(("n", "subjects", *_COUNTS), "Int64"))


def _mcnemar_table(comparison: Json, corrected: bool) -> Table:
    """Counts and p of the form to read first; beside the clustered form the exact one, beside the exact one its mid-p."""
    forms = ("clustered", "exact") if read_form(comparison) == "clustered" else ("exact", "mid_p")
    header = ["runs", "right alone"]
    for form in forms:
        header += [f"{_FORMS[form]}", *(["Holm"] if corrected else [])]
    rows = []
    for pair in comparison["pairs"]:
        told = pair["mcnemar"]
        row = [pair_words(pair), f"{told['only_second_right']:,} : {told['only_first_right']:,}"]
        for form in forms:
            row += [p_words(told[form]["p"]), *([p_words(told[form]["p_holm"])] if corrected else [])]
        rows.append(tuple(row))
    note = "Right alone: images that only the first-named run has right : that only the other has right."
    return Table(f"McNemar's tests of accuracy (read the {forms[0]} one)", tuple(header), tuple(rows), note)
