"""Printed means against what they are the means of, and one of several classes against whole numbers of its images.

Both need no number of test images: a mean is held against its printed rows or classes, and a class of unknown size against every
size that the data set allows.
"""

from __future__ import annotations

from collections.abc import Sequence

from keras_leuk.papers import claims_means
from keras_leuk.papers.attainability_cells import MEASURES, Arithmetic, Key, listed, number, unread
from keras_leuk.papers.attainability_rows import claim
from keras_leuk.papers.attainable_binary import supports
from keras_leuk.papers.claims_table import Claim
from keras_leuk.papers.library import Paper
from keras_leuk.papers.library_tables import PublishedCell, PublishedTable


def of_rows(paper: Paper, table: PublishedTable) -> dict[Key, Arithmetic]:
    """Verdicts on a table's rows of means, each column against the rows of the table that it is the mean of."""
    told = {}
    for cell in table.cells:
        if cell.mean_of is None or not _summed(cell):
            continue
        source = paper.table(cell.mean_of)
        members = [other for other in source.cells if other.mean_of is None and _same_column(cell, other, source is table)]
        found = _mean(cell, members, f"the {len(members)} rows of {source.number}")
        if found is not None:
            told[table.name, cell.row, cell.column] = found
    return told


def of_classes(paper: Paper, table: PublishedTable) -> dict[Key, Arithmetic]:
    """Verdicts on means over several classes, each against the printed values of all its classes, wherever these stand."""
    told = {}
    classes = set(paper.facts.data.images)
    for cell in table.cells:
        if cell.average != "macro" or len(classes) < 3 or not _summed(cell):
            continue
        of_run = [
            (source, other) for source, other in _class_values(paper) if _same_run(cell, other) and other.measure == cell.measure
        ]
        if {other.class_name for _, other in of_run} == classes and len(of_run) == len(classes):
            where = " and ".join(dict.fromkeys(source.number for source, _ in of_run))
            found = _mean(cell, [other for _, other in of_run], f"the {len(classes)} classes in {where}")
            if found is not None:
                told[table.name, cell.row, cell.column] = found
    return told


def of_class(paper: Paper) -> dict[Key, Arithmetic]:
    """Verdicts on recall with precision, F1 or both of one class of unknown size, together over all tables of a paper.

    Sizes from 1 to the number of images of the class in the whole data set are tried, which is as many as a test side can have.
    """
    runs: dict[str, list[tuple[PublishedTable, PublishedCell]]] = {}
    for table, cell in _class_values(paper):
        if cell.measure != "accuracy" and cell.images is None and cell.ours is not None:
            runs.setdefault(repr((sorted(cell.ours.items()), cell.side, cell.class_name)), []).append((table, cell))
    told: dict[Key, Arithmetic] = {}
    for found in runs.values():
        cells = [cell for _, cell in found]
        values = {MEASURES[cell.measure]: number(cell) for cell in cells}
        largest = paper.facts.data.images.get(cells[0].class_name or "", 0)
        if "recall" in values and 1 < len(values) == len(cells) and largest:
            verdict = _class_size(claim("", tuple(values.items())), cells, largest)
            told |= {(table.name, cell.row, cell.column): verdict for table, cell in found}
    return told


def _class_size(row: Claim, cells: Sequence[PublishedCell], largest: int) -> Arithmetic:
    for mode in ("rounded", "truncated"):
        numbers, counts = supports(row.boxes(mode), 1, largest)
        if len(numbers):
            tp, fp, fn = counts[0].tolist()
            start = f"{len(numbers):,} of the class sizes from 1 to {largest:,} give {listed(cells)}"
            cut = ", truncated" if mode == "truncated" else ""
            return Arithmetic(
                "attainable", f"{start}{cut}: the least is {int(numbers[0]):,}, with TP {tp:,}, FP {fp:,}, FN {fn:,}"
            )
    return Arithmetic(
        "not attainable", f"no class size from 1 to {largest:,} gives {listed(cells)}, all rounded or all truncated"
    )


def _mean(cell: PublishedCell, members: Sequence[PublishedCell], what: str) -> Arithmetic | None:
    """None where there are no rows to hold it against."""
    if len(members) < 2:
        return None
    found = claims_means.means([_claim(cell, mean=True), *(_claim(member, mean=False) for member in members)])
    if not found:
        return None
    (told,) = found
    percent = 100 if cell.unit == "percent" else 1
    low, high, mean = (f"{percent * told[name]:.{cell.decimals + 3}f}" for name in ("low", "high", "mean_of_printed"))
    start = f"the mean of {what} is {mean} as they are printed"
    if told["of_printed"]:
        return Arithmetic("attainable", f"{start}, which is {cell.printed} {' or '.join(told['of_printed'])}")
    start += f", which is not {cell.printed}; before rounding it may be {low} to {high}"
    if told["allows"]:
        return Arithmetic("attainable", f"{start}, which allows {cell.printed}")
    return Arithmetic("not attainable", f"{start}, which does not allow {cell.printed}")


def _claim(cell: PublishedCell, mean: bool) -> Claim:
    if cell.measure == "loss":
        return claim(cell.row, loss=cell.printed, mean=mean)
    return claim(cell.row, ((MEASURES[cell.measure], number(cell)),), mean=mean)


def _summed(cell: PublishedCell) -> bool:
    """Whether a cell is a number that means can be taken of."""
    return cell.value is not None and cell.value >= 0 and (cell.measure == "loss" or unread(cell) is None)


def _same_column(cell: PublishedCell, other: PublishedCell, of_table: bool) -> bool:
    """Whether a cell is one of those that a mean is taken of: of its own table in its own column, else of its measure."""
    alike = (cell.measure, cell.average, cell.side, cell.class_name) == (
        other.measure,
        other.average,
        other.side,
        other.class_name,
    )
    return alike and _summed(other) and (not of_table or cell.column == other.column)


def _class_values(paper: Paper) -> list[tuple[PublishedTable, PublishedCell]]:
    tables = [table for table in paper.tables if table.facts.kind == "results"]
    return [(table, cell) for table in tables for cell in table.cells if cell.average == "class" and unread(cell) is None]


def _same_run(cell: PublishedCell, other: PublishedCell) -> bool:
    return cell.ours is not None and (cell.ours, cell.side) == (other.ours, other.side)
