"""The page of an arithmetic audit of published numbers. Start from `page`.

The lines come from `claims_words`, and from `claims_checks` what printed numbers say of each other.
"""

from __future__ import annotations

from typing import Any

from keras_leuk.reporting.claims_phrases import NAMES, matrix
from keras_leuk.reporting.claims_words import findings
from keras_leuk.reporting.page import Block, Cell, Heading, Paragraph, Points, Table, Tables, markdown_page

Json = dict[str, Any]

_MEASURES = {"accuracy": "accuracy", "precision": "precision", "recall": "recall", "f1": "F1"}
_LONGEST = 40

_HOW = (
    "Every number is taken as it was printed, zeros at the end included. Rounded: the true value lies within half a unit of the "
    "last place, both ends let in. Truncated: it lies at most one unit above. Mixed: each value either way.",
    "Confusion matrices are whole numbers (TP, FP, FN, TN) of the positive class; over two units they count units. 0 / 0 counts "
    "as 0, as in Keras and scikit-learn. All comparisons are made in whole numbers, none in floats.",
    "Allowed: some whole numbers give all values of the row, which does not mean that these were the numbers. Not allowed: none "
    "do, under that definition, in the range searched. Nothing here says why a number is as it is.",
    "Without an accuracy the number of true negatives is free, so only a number of images that is named is searched.",
    "After GRIM (Brown and Heathers 2017, doi:10.1177/1948550616673876) and statcheck (Nuijten et al. 2016, "
    "doi:10.3758/s13428-015-0664-2).",
)


def page(content: Json) -> str:
    """The text of the page as Markdown."""
    return markdown_page(blocks(content))


def blocks(content: Json) -> list[Block]:
    """The page's blocks, paper by paper and table by table.

    Args:
        content: as `keras_leuk.papers.claims.audit` gives it.
    """
    names = [paper["paper"] for paper in content["papers"]]
    searched = content["searched"]
    found: list[Block] = [
        Heading(f"Arithmetic of published numbers: {', '.join(names)}", 1),
        Paragraph(
            f"Searched: test sets of {searched['n'][0]:,} to {searched['n'][1]:,} images, and those that a paper names; classes "
            f"of several from {searched['support'][0]:,} to {searched['support'][1]:,} images, unless a row names another range."
        ),
    ]
    for number, paper in enumerate(content["papers"]):
        found.append(Heading(paper["paper"]))
        for place, table in enumerate(paper["tables"]):
            found += _of_table(table, f"claims-{number}-{place}")
    definitions = [f"{NAMES[name]}: {words}." for name, words in searched["definitions"].items()]
    return [*found, Heading("Definitions"), Points(tuple(definitions)), Heading("How to read this"), Points(_HOW)]


def _of_table(table: Json, name: str) -> list[Block]:
    lines = findings(table)
    found: list[Block] = [Heading(table["table"] or "Table", 3)]
    if lines:
        found.append(Points(tuple(lines)))
    judged = [row for row in table["rows"] if row["judged"]]
    if judged:
        found.append(Tables((_fits(judged, f"{name}-fits"),)))
        examples = _examples(judged, f"{name}-matrices")
        if examples is not None:
            found.append(Tables((examples,)))
    return found


def _fits(rows: list[Json], name: str) -> Table:
    """One row a printed row and number of images; in each definition's column, how many matrices."""
    measures = [key for key in _MEASURES if any(key in row["printed"] for row in rows)]
    shown = [key for key in NAMES if any(fit["definition"] == key for row in rows for fit in row["fits"])]
    sizes = _sizes(rows)
    lines = []
    for row in rows:
        for size in sizes[row["row"]]:
            values = [row["printed"].get(key, "") for key in measures]
            counts = [_counts([fit for fit in row["fits"] if fit["definition"] == key and fit["n"] == size]) for key in shown]
            lines.append((Cell(row["row"][:_LONGEST]), tuple(Cell(text) for text in (f"{size:,}", *values, *counts))))
    return Table(
        name=name,
        title="Matrices that give all values of a row",
        caption="How many, rounded / truncated; m: only with rounded and truncated values mixed. A definition without a column "
        "gives none.",
        corner="row",
        across="",
        columns=("n", *(_MEASURES[key] for key in measures), *(NAMES[key] for key in shown)),
        rows=tuple(lines),
    )


def _counts(fits: list[Json]) -> str:
    by_mode = {fit["mode"]: fit["count"] for fit in fits}
    if "either" in by_mode:
        return f"{by_mode['either']:,} m"
    return f"{by_mode.get('rounded', 0):,} / {by_mode.get('truncated', 0):,}" if by_mode else "0"


def _sizes(rows: list[Json]) -> dict[str, list[int]]:
    """The numbers of images each row was judged at; those of its fits, where it names none."""
    common = sorted({fit["n"] for row in rows for fit in row["fits"]})
    return {row["row"]: row["n"] or common for row in rows}


def _examples(rows: list[Json], name: str) -> Table | None:
    """A matrix of each row under the definition that fits most of them."""
    strict = [{fit["definition"] for fit in row["fits"] if fit["mode"] != "either"} for row in rows]
    counts = {key: sum(key in names for names in strict) for key in NAMES}
    usual = max(NAMES, key=lambda key: counts[key])
    if not counts[usual]:
        return None
    chosen = [(row, next((fit for fit in row["fits"] if fit["definition"] == usual), None)) for row in rows]
    lines = [(Cell(row["row"][:_LONGEST]), tuple(Cell(text) for text in _example(fit))) for row, fit in chosen if fit is not None]
    units = usual.startswith("units")
    extra = ("correct images", "both units above 0.5") if usual == "units" else ("accuracy", "positive images")
    return Table(
        name=name,
        title=f"{NAMES[usual].capitalize()}: an example of each row",
        caption="Where there is one matrix, it is that one; else the first found. Accuracy: the range over all of them, where "
        "none is printed.",
        corner="row",
        across="",
        columns=("n", "mode", "matrices", "TP, FP, FN, TN" + (" (units)" if units else ""), *extra),
        rows=tuple(lines),
    )


def _example(fit: Json) -> tuple[str, ...]:
    shared = (f"{fit['n']:,}", "mixed" if fit["mode"] == "either" else fit["mode"], f"{fit['count']:,}", matrix(fit["counts"]))
    if fit["definition"] == "units":
        return (*shared, _interval(fit.get("correct")), _interval(fit.get("both_units")))
    accuracy = fit.get("accuracy")
    return (
        *shared,
        f"{accuracy[0]:.4f}–{accuracy[1]:.4f}" if accuracy else "as printed",
        _interval(fit.get("supports")) or "as known",
    )


def _interval(ends: list[int] | None) -> str:
    if ends is None:
        return ""
    return f"{ends[0]:,}" if ends[0] == ends[1] else f"{ends[0]:,}–{ends[1]:,}"
