"""What a page is made of, before it becomes Markdown, HTML or LaTeX; and the way to Markdown.

A page is a sequence of blocks of plain text: nothing in them is markup, each form escapes what its own language would misread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from urllib.parse import quote

from keras_leuk.reporting.tables import escape, markdown


@dataclass(frozen=True)
class Cell:
    """One entry of a table.

    Attributes:
        text: what it says; spread: its interval or other small print, shown behind or below it.
        best: shown bold.
        number: what to sort by, None for texts.
        link: where it leads, relative to the page; '' for nowhere.
        lines: further small print, each on a line of its own where there is room.
        mark: kind of verdict that the last of `lines` speaks, a class of `html_style`; the words alone must tell it.
    """

    text: str
    spread: str = ""
    best: bool = False
    number: float | None = None
    link: str = ""
    lines: tuple[str, ...] = ()
    mark: str = ""


@dataclass(frozen=True)
class Table:
    """A table that can stand alone.

    Attributes:
        name: unique on the page, of letters, digits and '-'.
        title: what is tabled; caption: data, split, side, sizes, what the interval is.
        corner: word above the row labels; across: word above the column labels, '' for none.
        columns: labels; rows: label cell and one cell for each column.
        words: whether the entries are words, which stand to the left, and not numbers.
        groups: labels above those of the columns, each with the number of columns it spans, in place of `across`; () for none.
        texts: places of the columns that hold words amid numbers.
    """

    name: str
    title: str
    caption: str
    corner: str
    across: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, tuple[Cell, ...]], ...]
    words: bool = False
    groups: tuple[tuple[str, int], ...] = ()
    texts: frozenset[int] = frozenset()

    @property
    def labels(self) -> tuple[str, ...]:
        """Each column's label with that of its group, for forms that have one line of labels."""
        over = [label for label, span in self.groups for _ in range(span)] or [""] * len(self.columns)
        return tuple(": ".join(filter(None, pair)) for pair in zip(over, self.columns, strict=True))

    @property
    def starts(self) -> frozenset[int]:
        """Places of the columns that begin a group."""
        ends = list(accumulate(span for _, span in self.groups))
        return frozenset([0, *ends[:-1]]) if ends else frozenset()


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the page's title."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """Text; `lead` says a word or two in bold before it."""

    text: str
    lead: str = ""


@dataclass(frozen=True)
class Points:
    """A list; `warning` sets it apart so that nobody misses it, `notes` are small print below a table."""

    lines: tuple[str, ...]
    warning: bool = False
    notes: bool = False


@dataclass(frozen=True)
class Code:
    """Text to be typed."""

    text: str


@dataclass(frozen=True)
class Tables:
    """Tables of one kind, side by side where there is room."""

    tables: tuple[Table, ...]


@dataclass(frozen=True)
class Picture:
    """A figure: figures/<name>.png with its numbers in figures/<name>.csv.

    Attributes:
        words: what it shows, for those who cannot see it.
    """

    name: str
    title: str
    words: str


Block = Heading | Paragraph | Points | Code | Tables | Picture


def markdown_page(blocks: Sequence[Block]) -> str:
    """The page as Markdown, ending in a newline."""
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def _markdown(block: Block) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {escape(block.text)}"
        case Paragraph():
            return f"**{escape(block.lead)}** {escape(block.text)}" if block.lead else escape(block.text)
        case Points(warning=True):
            return "\n".join(["> **Read this first**", ">", *(f"> - **Warning:** {escape(line)}" for line in block.lines)])
        case Points():
            return "\n".join(f"- {escape(line)}" for line in block.lines)
        case Code():
            return f"```\n{block.text}\n```"
        case Tables():
            return "\n\n".join(markdown_table(table) for table in block.tables)
        case Picture():
            shown = f"![{escape(block.words)}](figures/{block.name}.png)"
            numbers = f"Numbers: [figures/{block.name}.csv](figures/{block.name}.csv)."
            return f"### {escape(block.title)}\n\n{shown}\n\n{escape(block.words)} {numbers}"


def markdown_table(table: Table) -> str:
    """A table with its title above and its caption below."""
    corner = f"{table.corner} ↓ {table.across} →" if table.across else table.corner
    # `markdown` escapes what it is given, so links and bold are put in afterwards, by marks that no name contains.
    rows = [[_marked(cell) for cell in (label, *cells)] for label, cells in table.rows]
    text = markdown([corner, *table.labels], rows)
    for mark, meaning in _MARKS.items():
        text = text.replace(mark, meaning)
    if table.words or table.texts:
        head, _, *body = text.split("\n")
        left = [table.words or place in table.texts for place in range(len(table.columns))]
        rule = " | ".join([":--", *(":--" if words else "--:" for words in left)])
        text = "\n".join([head, f"| {rule} |", *body])
    title = f"**{escape(table.title)}**\n\n" if table.title else ""
    caption = f"\n\n*{escape(table.caption)}*" if table.caption else ""
    return f"{title}{text}{caption}"


_MARKS = {"\ue000": "**", "\ue001": "[", "\ue002": "](", "\ue003": ")"}


def _marked(cell: Cell) -> str:
    text = ", ".join([f"{cell.text} {cell.spread}".strip(), *cell.lines])
    if cell.best:
        text = f"\ue000{text}\ue000"
    return f"\ue001{text}\ue002{quote(cell.link)}\ue003" if cell.link else text
