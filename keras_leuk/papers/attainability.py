"""Each published cell of a paper against whole numbers of images: can it be what it is said to be?

In the manner of GRIM (Brown and Heathers 2017), with the search of `attainable`. `claims` tells the same story table by table in
full; here each cell gets one verdict, so that a replication can show it beside the published value. Start at `arithmetic`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keras_leuk.papers.attainability_cells import MEASURES, Arithmetic, Key, sizes, unread
from keras_leuk.papers.attainability_means import of_class, of_classes, of_rows
from keras_leuk.papers.attainability_rows import Cells, together
from keras_leuk.papers.library import Paper
from keras_leuk.papers.library_tables import PublishedCell, PublishedTable

__all__ = ["Arithmetic", "Key", "arithmetic"]


def arithmetic(paper: Paper) -> Mapping[Key, Arithmetic]:
    """A verdict on every cell of a paper's published results.

    A cell is judged together with the other measures of the same run, side and images in its table, under the definition that the
    table states; a printed mean against its printed rows or classes; a class of unknown size by all sizes it can have.

    Returns:
        (table name, row name, column header) → verdict, for every cell of the tables of kind results or cited, in their order.
    """
    tables = [table for table in paper.tables if table.facts.kind in ("results", "cited")]
    told: dict[Key, Arithmetic] = {}
    for table in tables:
        told |= {(table.name, cell.row, cell.column): _unjudged(cell) for cell in table.cells}
    found = of_class(paper)
    for table in tables:
        found |= _of_runs(paper, table) | of_rows(paper, table) | of_classes(paper, table)
    return told | found


def _unjudged(cell: PublishedCell) -> Arithmetic:
    """What is said of a cell that nothing else judges."""
    why = "it is printed as a mean; its rows are not printed" if cell.mean_of else "the number of images is unknown"
    return unread(cell) or Arithmetic("not judged", why)


def _of_runs(paper: Paper, table: PublishedTable) -> dict[Key, Arithmetic]:
    """Verdicts on the cells whose number of images is known, run by run."""
    classes = len(paper.facts.data.images)
    runs: dict[str, list[PublishedCell]] = {}
    for cell in table.cells:
        if cell.images and cell.mean_of is None and unread(cell) is None:
            run = sorted(cell.ours.items()) if cell.ours else cell.row
            runs.setdefault(repr((run, cell.side, cell.images, cell.positives, cell.class_name)), []).append(cell)
    told: dict[Key, Arithmetic] = {}
    for cells in runs.values():
        of = sizes(paper, table, cells[0])
        assert of is not None
        for group in _apart(cells, classes):
            told |= {(table.name, *place): verdict for place, verdict in together(group, of, classes).items()}
    return told


def _apart(cells: Sequence[PublishedCell], classes: int) -> list[Cells]:
    """Cells of one run as groups that one matrix must give: each measure once, all of one average."""
    if _of_one_matrix(cells, classes):
        return [tuple(cells)]
    rows: dict[str, list[PublishedCell]] = {}
    for cell in cells:
        rows.setdefault(cell.row, []).append(cell)
    if len(rows) > 1:
        return [group for row in rows.values() for group in _apart(row, classes)]
    return [(cell,) for cell in cells]


def _of_one_matrix(cells: Sequence[PublishedCell], classes: int) -> bool:
    measures = [MEASURES[cell.measure] for cell in cells]
    averages = {cell.average for cell in cells if cell.measure != "accuracy"}
    # The accuracy of a classifier of several classes is not that of one class against the others.
    several = "accuracy" in measures and len(measures) > 1 and (classes > 2 or cells[0].class_name is not None)
    return len(set(measures)) == len(measures) and len(averages) <= 1 and None not in averages and not several
