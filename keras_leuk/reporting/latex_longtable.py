"""A table as one or several LaTeX longtables that fit the width of a page of A4 with margins of 19 mm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from keras_leuk.reporting.latex import escape_latex
from keras_leuk.reporting.page import Cell, Table

WIDTH = 472.0
"""Room in points; 172 mm are 489, and widths are estimated."""

_LETTER, _WORDY, _SMALL, _GAP, _NARROWEST = 4.1, 3.75, 3.45, 5.0, 62.0
"""In points: mean width of a letter in \\footnotesize, of a letter and of a digit in \\scriptsize, room between two columns, the
narrowest column of words."""


def longtables(table: Table) -> str:
    """The table; one wider than the page in parts, which repeat title and row labels and count themselves."""
    first, *others = _parts(table)
    count = 1 + len(others)
    found = [_longtable(first, f"{table.caption} Part 1 of {count}." if others else table.caption)]
    found += [_longtable(part, f"Part {number} of {count}.") for number, part in enumerate(others, 2)]
    return "\n\n".join(found)


def _parts(table: Table) -> list[Table]:
    """The table parted between groups of columns (inside of one that is too wide alone), each part as wide as the page holds."""
    widths = _widths(table)
    taken: list[list[int]] = [[]]
    for group in _groups(table):
        together = _least(table, widths, group) <= WIDTH
        for places in [group] if together else [[place] for place in group]:
            if taken[-1] and _least(table, widths, [*taken[-1], *places]) > WIDTH:
                taken.append([])
            taken[-1] += places
    return [table] if len(taken) == 1 else [_only(table, places, number) for number, places in enumerate(taken, 1)]


def _groups(table: Table) -> list[list[int]]:
    """Places of the columns of each group; without groups each column is one."""
    spans = [span for _, span in table.groups] or [1] * len(table.columns)
    ends = list(accumulate(spans))
    return [list(range(end - span, end)) for span, end in zip(spans, ends, strict=True)]


def _only(table: Table, places: Sequence[int], number: int) -> Table:
    """A part of a table: some of its columns with the labels of their groups."""
    spans = [sum(place in places for place in group) for group in _groups(table)]
    return replace(
        table,
        name=f"{table.name}-{number}",
        columns=tuple(table.columns[place] for place in places),
        rows=tuple((label, tuple(cells[place] for place in places)) for label, cells in table.rows),
        groups=tuple((name, span) for (name, _), span in zip(table.groups, spans, strict=False) if span),
        texts=frozenset(new for new, old in enumerate(places) if old in table.texts),
    )


def _wordy(table: Table, place: int) -> bool:
    """Whether a column (-1: the row labels) holds words, which may be broken."""
    return place < 0 or table.words or place in table.texts


def _widths(table: Table) -> list[float]:
    """Natural width of the label column and of each column; names of columns of numbers are broken between words."""
    columns = [[label for label, _ in table.rows]]
    columns += [[cells[place] for _, cells in table.rows] for place in range(len(table.columns))]
    found = []
    for place, (name, cells) in enumerate(zip((table.corner, *table.columns), columns, strict=True), -1):
        words = [name] if _wordy(table, place) else name.split()
        found.append(max([_LETTER * max(map(len, words), default=0), *map(_width, cells)]))
    return found


def _width(cell: Cell) -> float:
    # Small print is mostly numbers, which are narrower than words.
    small = [sum(_WORDY if sign.isalpha() else _SMALL for sign in line) for line in (cell.spread, *cell.lines)]
    return max(len(cell.text) * _LETTER, *small)


def _least(table: Table, widths: Sequence[float], places: Sequence[int]) -> float:
    """Width of some columns with their labels when words are broken as far as they may be."""
    whole = [(-1, widths[0]), *((place, widths[place + 1]) for place in places)]
    return sum(_GAP + (min(width, _NARROWEST) if _wordy(table, place) else width) for place, width in whole)


def _columns(table: Table) -> list[str]:
    """The column types: l and r at their natural width, words in p columns where that is too wide."""
    widths = _widths(table)
    wordy = [_wordy(table, place) for place in range(-1, len(table.columns))]
    room = WIDTH - _GAP * len(widths) - sum(width for width, words in zip(widths, wordy, strict=True) if not words)
    given = _shared([width for width, words in zip(widths, wordy, strict=True) if words], room)
    types = []
    for width, words in zip(widths, wordy, strict=True):
        share = given.pop(0) if words else width
        types.append("r" if not words else "l" if share >= width else rf">{{\raggedright\arraybackslash}}p{{{share:.0f}pt}}")
    return types


def _shared(wanted: Sequence[float], room: float) -> list[float]:
    """Room for columns of words: the narrow get what they want, the wide an equal share of the rest."""
    given = {}
    for left, (place, width) in enumerate(sorted(enumerate(wanted), key=lambda pair: pair[1])):
        given[place] = min(width, max(_NARROWEST, room / (len(wanted) - left)))
        room -= given[place]
    return [given[place] for place in range(len(wanted))]


def _longtable(table: Table, told: str) -> str:
    # Without LaTeX's own number: a published table keeps that of its paper.
    caption = rf"\textbf{{{escape_latex(table.title)}.}} {escape_latex(told)}"
    head = _head(table)
    lines = [
        r"{\footnotesize\setlength{\tabcolsep}{2.5pt}",
        rf"\begin{{longtable}}{{{''.join(_columns(table))}}}",
        *([rf"\caption*{{{caption}}} \\"] if table.title else []),
        *head,
        r"\endfirsthead",
        *head,
        r"\endhead",
        r"\bottomrule",
        r"\endlastfoot",
        *(_row(table, row_label, cells) for row_label, cells in table.rows),
        r"\end{longtable}}",
    ]
    return "\n".join(lines)


def _head(table: Table) -> list[str]:
    lines = [r"\toprule"]
    if table.groups:
        over, rules, place = [""], "", 2
        for name, span in table.groups:
            over.append(rf"\multicolumn{{{span}}}{{c}}{{{escape_latex(name)}}}")
            rules += rf"\cmidrule(lr){{{place}-{place + span - 1}}}" if name else ""
            place += span
        lines += [f"{' & '.join(over)} \\\\", rules]
    names = [_name(table.corner, True), *(_name(name, _wordy(table, place)) for place, name in enumerate(table.columns))]
    return [*lines, f"{' & '.join(names)} \\\\", r"\midrule"]


def _name(name: str, words: bool) -> str:
    if words or " " not in name:
        return escape_latex(name)
    below = r" \\ ".join(escape_latex(word) for word in name.split())
    return rf"\stacked{{{below}}}"


def _row(table: Table, label: Cell, cells: Sequence[Cell]) -> str:
    entries = [_entry(label, True), *(_entry(cell, _wordy(table, place)) for place, cell in enumerate(cells))]
    return f"{' & '.join(entries)} \\\\{'[2pt]' if any(cell.spread or cell.lines for cell in cells) else ''}"


def _entry(cell: Cell, words: bool) -> str:
    text = escape_latex(cell.text)
    # A bracket at the start of a row would be read as the option of the line break before it.
    text = f"{{}}{text}" if text.startswith(("[", "*")) else text
    text = rf"\textbf{{{text}}}" if cell.best else text
    small = [escape_latex(line) for line in (cell.spread, *cell.lines) if line]
    if not small:
        return text
    if words:
        return f"{text} ({', '.join(small)})"
    lines = r" \\[-2pt] ".join([text, *(rf"\scriptsize {line}" for line in small)])
    return rf"\stacked{{{lines}}}"
