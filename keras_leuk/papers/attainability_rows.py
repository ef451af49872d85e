"""The values of one run in one table, together: does some confusion matrix of that many images give them all?

The definition is the one that the table states; all values rounded, or all truncated, as in `papers.claims`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from keras_leuk.papers import claims_rows
from keras_leuk.papers.attainability_cells import MEASURES, NAMES, Arithmetic, Sizes, accuracy, listed, number
from keras_leuk.papers.attainable import fit, searchable
from keras_leuk.papers.attainable_boxes import Printed
from keras_leuk.papers.claims_table import Claim
from keras_leuk.papers.library_tables import PublishedCell

Cells = tuple[PublishedCell, ...]
Values = tuple[tuple[str, Printed], ...]
Told = dict[tuple[str, str], Arithmetic]

DEFINITIONS = {"macro": "macro", "positive": "binary", "class": "binary", "units": "units"}
"""Averages of published tables as definitions of `attainable`."""

MOST_SEARCHED = 10_000
"""Images above which matrices are not searched, as in `claims`."""

_MODES = ("rounded", "truncated")


def claim(
    name: str, values: Values = (), size: int = 0, positives: int | None = None, loss: str = "", mean: bool = False
) -> Claim:
    """Printed values as the row of claims that the audit of `claims` would have."""
    sizes, support = (size,) if size else (), None if positives is None else (positives, positives)
    return Claim("", "", name, "", mean, sizes, None, support, 2, dict(values), loss, "", "", "")


@dataclass(frozen=True)
class Outcome:
    """What a search of values together has found.

    Attributes:
        mode: 'rounded', 'truncated', or '' where neither gives them all.
        count: how many matrices; example: TP, FP, FN, TN of one of them.
        mixed: how many do with each value rounded or truncated, where neither way alone does.
        others: measure → lowest and highest value that all others allow, where they allow any.
        known: whether each of the others was searched.
    """

    mode: str
    count: int
    example: tuple[int, ...]
    mixed: int = 0
    others: tuple[tuple[str, float, float], ...] = ()
    known: bool = False


def together(cells: Cells, of: Sizes, classes: int) -> Told:
    """The verdict on each cell of a run, by row and column; each is a share of the same images.

    A cell that is impossible alone is marked and set aside. If the rest is impossible together, the one without which the others
    are possible is marked, and all of them if there is no such one or more than one.
    """
    definition = _definition(cells, classes)
    if definition is None:
        return {_place(cell): _single(cell, of, classes) for cell in cells}
    if len(cells) == 1 and cells[0].measure == "accuracy":
        return {_place(cells[0]): accuracy(cells[0], of)}
    found = _search(_values(cells), definition, of.images, _support(cells, of)) if of.images <= MOST_SEARCHED else None
    if found is None:
        return {_place(cell): _alone_only(cell, of) for cell in cells}
    if found.mode:
        return dict.fromkeys(map(_place, cells), Arithmetic("attainable", _gives(cells, of, definition, found)))
    if len(cells) == 1:
        return {_place(cells[0]): Arithmetic("not attainable", _gives_not(cells, of, definition))}
    alone = {_place(cell): told for cell in cells if (told := _single(cell, of, classes)).verdict == "not attainable"}
    if alone:
        rest = tuple(cell for cell in cells if _place(cell) not in alone)
        return alone | (together(rest, of, classes) if rest else {})
    return _blamed(cells, of, classes, definition, found)


def _place(cell: PublishedCell) -> tuple[str, str]:
    return cell.row, cell.column


def _single(cell: PublishedCell, of: Sizes, classes: int) -> Arithmetic:
    if cell.measure == "accuracy":
        return accuracy(cell, of)
    if _definition((cell,), classes) is None:
        return Arithmetic("not judged", f"a {cell.average or 'value'} over {classes} classes leaves too much open")
    return together((cell,), of, classes)[_place(cell)]


def _alone_only(cell: PublishedCell, of: Sizes) -> Arithmetic:
    """Where matrices cannot be searched, an accuracy is still k of n."""
    told = accuracy(cell, of) if cell.measure == "accuracy" else None
    return told or Arithmetic("not judged", f"{of.words} have too many confusion matrices to try")


def _blamed(cells: Cells, of: Sizes, classes: int, definition: str, found: Outcome) -> Told:
    """The odd one if there is one, else all."""
    words = _gives_not(cells, of, definition)
    mending = {name: (low, high) for name, low, high in found.others}
    mixed = f"; with rounded and truncated values mixed {found.mixed:,} do" if found.mixed else ""
    told: Told = {}
    for cell in cells:
        ends = mending.get(MEASURES[cell.measure])
        room = f"; the other values allow {_between(cell, *ends)} for {NAMES[cell.measure]}" if ends else ""
        told[_place(cell)] = Arithmetic("not attainable", words + room + mixed)
    odd = [cell for cell in cells if MEASURES[cell.measure] in mending]
    if len(odd) == 1 and found.known:
        rest = tuple(cell for cell in cells if cell is not odd[0])
        return together(rest, of, classes) | {_place(odd[0]): told[_place(odd[0])]}
    return told


def _definition(cells: Iterable[PublishedCell], classes: int) -> str | None:
    """The search's definition, None where matrices of two classes cannot judge them."""
    averages = {cell.average for cell in cells if cell.measure != "accuracy"}
    if not averages:
        return "binary"
    if len(averages) > 1 or None in averages:
        return None
    average = averages.pop()
    # One class against all others is a matrix of two; a mean over three classes is not.
    return DEFINITIONS[average] if average is not None and (classes == 2 or average in ("positive", "class")) else None


def _values(cells: Cells) -> Values:
    return tuple(sorted((MEASURES[cell.measure], number(cell)) for cell in cells))


def _support(cells: Cells, of: Sizes) -> int | None:
    # Of one class of several it is not known whether it is the positive one.
    return None if any(cell.class_name for cell in cells) else of.positives


@lru_cache(maxsize=4096)
def _search(values: Values, definition: str, size: int, positives: int | None) -> Outcome | None:
    """None where there are too many matrices to try; rows with the same values share it."""
    row = claim("", values, size, positives)
    if not searchable(row.boxes("either"), definition, size, row.support):
        return None
    for mode in _MODES:
        whole = fit(row.boxes(mode), definition, size, row.support)
        if whole.count:
            return Outcome(mode, whole.count, tuple(whole.matrices[0].tolist()))
    mixed = fit(row.boxes("either"), definition, size, row.support).count
    others = tuple((told["measure"], told["low"], told["high"]) for told in claims_rows.left_out(row, size, definition))
    known = all(searchable(row.boxes(mode, without=name), definition, size, row.support) for name, _ in values for mode in _MODES)
    return Outcome("", 0, (), mixed, others, known)


def _gives(cells: Cells, of: Sizes, definition: str, found: Outcome) -> str:
    one, many, where = (
        ("table", "tables", "output units of ") if definition == "units" else ("confusion matrix", "confusion matrices", "")
    )
    start = f"one {one} of {where}{of.words} gives" if found.count == 1 else f"{found.count:,} {many} of {where}{of.words} give"
    counts = ", ".join(f"{name} {value:,}" for name, value in zip(("TP", "FP", "FN", "TN"), found.example, strict=True))
    mode = "" if found.mode == "rounded" else ", truncated"
    return f"{start} {listed(cells)}{_phrase(cells, definition)}{mode}, {'namely' if found.count == 1 else 'such as'} {counts}"


def _gives_not(cells: Cells, of: Sizes, definition: str) -> str:
    what = "table of output units" if definition == "units" else "confusion matrix"
    return f"no {what} of {of.words} gives {listed(cells)}{_phrase(cells, definition)}, all rounded or all truncated"


def _phrase(cells: Cells, definition: str) -> str:
    if definition == "macro":
        return " as means over the classes"
    names = {cell.class_name for cell in cells if cell.class_name}
    return "" if definition == "units" else f" for class {names.pop()}" if names else " for the positive class"


def _between(cell: PublishedCell, low: float, high: float) -> str:
    """Two ends in the unit of the cell, with two more decimals."""
    if number(cell).complement:
        low, high = 1 - high, 1 - low
    ends = [f"{100 * end if cell.unit == 'percent' else end:.{cell.decimals + 2}f}" for end in (low, high)]
    return " to ".join(dict.fromkeys(ends)) + (" %" if cell.unit == "percent" else "")
