"""What the arithmetic of a published table allows and does not allow, in plain lines; never why a number is as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras_leuk.reporting import claims_checks
from keras_leuk.reporting.claims_phrases import MEASURES, NAMES, listed, matrix, number, span

Json = dict[str, Any]

_VALUES = {
    "binary": "values of the positive class",
    "other": "values of the other class",
    "macro": "macro averages",
    "weighted": "weighted averages",
    "micro": "micro averages",
    "units": "Keras' values over two units",
    "units-binary": "Keras' values over two units, accuracy among them",
}

_FEW = 20


def findings(table: Json) -> list[str]:
    """The lines of one table of an audit of claims, most telling first."""
    return [
        *_at_named(table),
        *_together(table),
        *_misfits(table),
        *claims_checks.accuracies(table),
        *claims_checks.harmonics(table),
        *claims_checks.classes(table),
        *claims_checks.means(table),
        *claims_checks.shares(table),
        *(f"Same printed values: {', '.join(names)}." for names in table["same"]),
    ]


def _at_named(table: Json) -> list[str]:
    """How many rows each definition gives at the numbers of images that the paper names."""
    lines = []
    for size in table["n"]:
        rows = [row for row in table["rows"] if row["judged"] and size in row["n"]]
        if not rows:
            continue
        lines += _not_searched(rows, size)
        each = [f"{NAMES[name]} {told}" for name in NAMES if (told := _by_mode(rows, name, size))]
        lines.append(
            f"n = {size:,}, {number(len(rows))}; allowed rounded / truncated / either way, mixed: {', '.join(each)}."
            if each
            else f"n = {size:,}: arithmetic does not allow {_rows(rows)} under any definition, rounded, truncated or mixed."
        )
    return lines + [
        f"n = {size:,} is too large for a search of matrices; only accuracy is checked." for size in table["too_large"]
    ]


def _not_searched(rows: list[Json], size: int) -> list[str]:
    names = {name for row in rows for told in row["not_searched"] if told["n"] == size for name in told["definitions"]}
    if not names:
        return []
    listing = ", ".join(NAMES[name] for name in NAMES if name in names)
    why = "because there are too many matrices (a known support makes them fewer)"
    return [f"n = {size:,}, not searched in every row, {why}: {listing}."]


def _by_mode(rows: list[Json], definition: str, size: int) -> str:
    """'7 / 6 / 8', or '' where a definition gives no row."""
    modes = [{fit["mode"] for fit in row["fits"] if fit["definition"] == definition and fit["n"] == size} for row in rows]
    counts = [sum(mode in found for found in modes) for mode in ("rounded", "truncated")]
    mixed = sum(bool(found) for found in modes)
    return f"{counts[0]} / {counts[1]} / {mixed}" if mixed else ""


def _together(table: Json) -> list[str]:
    """One test set for all rows."""
    judged = [row for row in table["rows"] if row["judged"] or row["alone"]]
    found = [entry for entry in table["definitions"] if entry["sizes"]]
    rows = f"{_rows(judged)}{' together' if len(judged) > 1 else ''}"
    lines = [_allowed(entry, rows, span(table)) for entry in found]
    omitted = sorted({f"{NAMES[entry['definition']]} {entry['omitted']}" for entry in table["definitions"] if entry["omitted"]})
    if omitted:
        lines.append(f"Not searched, because there are too many matrices: {'; '.join(omitted)}.")
    if judged and all("accuracy" in row["printed"] for row in judged):
        named = {entry["definition"] for entry in table["definitions"]}
        others = ", ".join(NAMES[key] for key in table["tried"] if key not in named)
        lines.append(
            f"Of n from {span(table)}, it allows none for {rows} under {'another' if found else 'any'} definition, all rounded "
            f"or all truncated: {others}."
        )
    if table["needs_n"]:
        lines.append(
            f"Matrices need an accuracy or a number of images (column n); neither is given in {', '.join(table['needs_n'])}."
        )
    return lines + [f"{row['row']}, alone: {_alone(row['alone'])}." for row in judged if row["alone"]]


def _allowed(entry: Json, rows: str, span: str) -> str:
    classes = ""
    if entry["supports"]:
        first = entry["supports"][0]
        classes = f"; with n = {first['n']:,}, {listed(first['supports'])} positive images"
    what = f"{_VALUES[entry['definition']]}, {entry['mode']}"
    return f"Arithmetic allows {rows} as {what}, for n = {listed(entry['sizes'])} of {span}{classes}."


def _misfits(table: Json) -> list[str]:
    """Rows that no definition gives, or not the table's usual one, and what else would."""
    lines = []
    for row in table["rows"]:
        if row["not_searched"] and not row["fits"]:
            continue
        strict = [fit for fit in row["fits"] if fit["mode"] != "either"]
        names = list(dict.fromkeys(entry["definition"] for entry in (*row["left_out"], *row["other_supports"])))
        if not row["judged"] or (strict and not names):
            continue
        printed = ", ".join(f"{MEASURES[name]} {text}" for name, text in row["printed"].items())
        whom = "as " + " or ".join(_VALUES[name] for name in names) if strict else "under any definition"
        lines.append(
            f"{row['row']} ({printed}{_support(row)}{_stated(row)}): arithmetic does not allow it {whom}, all rounded or all "
            "truncated."
        )
        lines += _without(row)
        lines += _with_others(row)
    return lines


def _without(row: Json) -> list[str]:
    """For each value set aside, what it could be; for one class and for means of classes, what is over units is in the JSON."""
    lines = []
    entries = [entry for entry in row["left_out"] if entry["definition"] in ("binary", "macro", "weighted")]
    for measure in dict.fromkeys(entry["measure"] for entry in entries):
        parts = [_could_be(entry) for entry in entries if entry["measure"] == measure]
        lines.append(f"{row['row']}, all but {MEASURES[measure]}: the others allow {MEASURES[measure]} {'; '.join(parts)}.")
    return lines


def _could_be(entry: Json) -> str:
    values = (
        f"{entry['low']:.4f}–{entry['high']:.4f}" if f"{entry['low']:.4f}" != f"{entry['high']:.4f}" else f"{entry['low']:.4f}"
    )
    few = "1 matrix" if entry["count"] == 1 else f"{entry['count']} matrices"
    nearest = f", {few}, nearest {matrix(entry['counts'])} with {entry['nearest']:.6f}" if entry["count"] <= _FEW else ""
    return f"{values} ({NAMES[entry['definition']]}, {entry['mode']}{nearest})"


def _with_others(row: Json) -> list[str]:
    helped = [entry for entry in row["other_supports"] if entry["count"]]
    lines = [
        f"{row['row']}, other class sizes: {entry['nearest']:,} is the nearest number of positive images that fits "
        f"({NAMES[entry['definition']]}, rounded)."
        for entry in helped
    ]
    helpless = [NAMES[entry["definition"]] for entry in row["other_supports"] if not entry["count"]]
    if helpless:
        lines.append(f"{row['row']}, other class sizes: no number of positive images fits ({', '.join(helpless)}, rounded).")
    return lines


def _stated(row: Json) -> str:
    return f"; stated as {_VALUES[row['definition']]}" if row["definition"] else ""


def _support(row: Json) -> str:
    if row["support"] is None:
        return ""
    first, last = row["support"]
    return f"; {first:,} positive images" if first == last else f"; {first:,}–{last:,} positive images"


def _alone(entries: list[Json]) -> str:
    parts = [f"{NAMES[e['definition']]} ({e['mode']}) n = {listed(e['sizes'])}" for e in entries if e["sizes"]]
    return "; ".join(parts) or "no number of images searched"


def _rows(rows: Sequence[Json]) -> str:
    return "the row" if len(rows) == 1 else f"all {len(rows)} rows"
