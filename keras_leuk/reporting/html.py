"""One HTML file that needs nothing else: style, script and pictures are in it, and no address is asked for anything.

Tables have scopes and captions, pictures have words, colours have contrast in light and dark, and the page prints. Sorting is the
only thing that needs its few lines of script.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from keras_leuk.reporting.html_style import SCRIPT, STYLE
from keras_leuk.reporting.page import Block, Cell, Code, Heading, Paragraph, Picture, Points, Table, Tables

LONG = 25
"""Tables with more rows may be parted between printed pages."""

BROAD = 9
"""Tables of column groups with more columns are printed across the page."""


def html_page(blocks: Sequence[Block], folder: Path) -> str:
    """The page.

    Args:
        blocks: the first is the title.
        folder: where figures/<name>.png lie, for the pictures.

    Raises:
        OSError: a picture cannot be read.
    """
    titles = [block for block in blocks if isinstance(block, Heading)]
    anchors = _anchors([title.text for title in titles])
    body, number = [], 0
    for block in blocks:
        if isinstance(block, Heading):
            body.append(f'<h{block.level} id="{anchors[number]}">{escape(block.text)}</h{block.level}>')
            number += 1
            if block.level == 1:
                body.append(_contents(titles, anchors))
        else:
            body.append(_html(block, folder))
    title = escape(titles[0].text if titles else "Report")
    head = (
        '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{title}</title>\n<style>\n{STYLE}</style>"
    )
    parts = [
        f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n<a class="skip" href="#content">To the content</a>',
        '<main id="content">',
        *body,
        f"</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
    ]
    return "\n".join(parts)


def _html(block: Block, folder: Path) -> str:
    match block:
        case Paragraph():
            lead = f"<strong>{escape(block.lead)}</strong> " if block.lead else ""
            return f"<p>{lead}{escape(block.text)}</p>"
        case Points(warning=True):
            items = "".join(f"<li>{escape(line)}</li>" for line in block.lines)
            return f'<div class="warning" role="note"><strong>Read this first</strong><ul>{items}</ul></div>'
        case Points():
            start = '<ul class="notes">' if block.notes else "<ul>"
            return start + "".join(f"<li>{escape(line)}</li>" for line in block.lines) + "</ul>"
        case Code():
            return f'<pre tabindex="0"><code>{escape(block.text)}</code></pre>'
        case Tables():
            wide = " wide" if any(len(table.columns) > 4 or table.words for table in block.tables) else ""
            return "\n".join([f'<div class="tables{wide}">', *(_table(table) for table in block.tables), "</div>"])
        case Picture():
            return _picture(block, folder)
        case _:
            raise AssertionError(f"a block of unknown kind: {block!r}")


def _picture(picture: Picture, folder: Path) -> str:
    data = (folder / "figures" / f"{picture.name}.png").read_bytes()
    # Width and height keep the page from jumping while pictures are unpacked; they stand in bytes 16 to 24 of a PNG.
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    source = base64.b64encode(data).decode("ascii")
    numbers = f'<a href="figures/{quote(picture.name)}.csv">Numbers as CSV</a>.'
    return (
        f'<h3>{escape(picture.title)}</h3>\n<figure class="picture">\n'
        f'<div class="scroll" role="region" aria-label="{escape(picture.title)}" tabindex="0">'
        f'<img src="data:image/png;base64,{source}" width="{width}" height="{height}" alt="{escape(picture.words)}"></div>\n'
        f"<figcaption>{escape(picture.words)} {numbers}</figcaption>\n</figure>"
    )


def _table(table: Table) -> str:
    classes = ["words"] * table.words + ["facts"] * (not table.columns[0]) + ["measures"] * (not table.across and not table.words)
    # Groups of columns keep a paper's own order, and their two lines of labels could not be sorted by.
    grouped = bool(table.groups or table.texts)
    sortable = len(table.rows) > 2 and bool(table.columns[0] and table.corner) and not grouped
    classes += ["grouped"] * grouped + ["sortable"] * sortable
    label = f'aria-labelledby="c-{table.name}"' if table.title else f'aria-label="{escape(table.name.replace("-", " "))}"'
    caption = f'<figcaption id="c-{table.name}"><strong>{escape(table.title)}</strong> {escape(table.caption)}</figcaption>'
    lines = [
        _figure(table),
        *([caption] if table.title else []),
        f'<div class="scroll" role="region" {label} tabindex="0">',
        f'<table class="{" ".join(classes)}" {label}>',
        _head(table),
        "<tbody>",
    ]
    places = [_place(table, place) for place in range(len(table.columns))]
    for head, cells in table.rows:
        entries = "".join(_entry(cell, "td", place) for cell, place in zip(cells, places, strict=True))
        lines.append(f"<tr>{_entry(head, 'th')}{entries}</tr>")
    return "\n".join([*lines, "</tbody>", "</table>", "</div>", "</figure>"])


def _figure(table: Table) -> str:
    names = ["long"] * (len(table.rows) > LONG) + ["broad"] * (bool(table.groups) and len(table.columns) > BROAD)
    return f'<figure class="{" ".join(names)}">' if names else "<figure>"


def _place(table: Table, place: int) -> str:
    """The class attribute of a column, '' for none: whether it begins a group, whether it holds words."""
    names = ["start"] * (place in table.starts) + ["text"] * (place in table.texts)
    return f' class="{" ".join(names)}"' if names else ""


def _group_head(table: Table) -> str:
    """Two lines of labels; a column without a group's label reaches over both."""
    upper: list[str] = []
    lower: list[str] = []
    place = 0
    for label, span in table.groups:
        if label:
            upper.append(f'<th scope="colgroup" colspan="{span}" class="start">{escape(label)}</th>')
        for at in range(place, place + span):
            name = f"{_place(table, at)}>{escape(table.columns[at])}</th>"
            (lower if label else upper).append(f'<th scope="col"{name}' if label else f'<th scope="col" rowspan="2"{name}')
        place += span
    corner = f'<th scope="col" rowspan="2">{escape(table.corner)}</th>'
    return f"<thead><tr>{corner}{''.join(upper)}</tr><tr>{''.join(lower)}</tr></thead>"


def _head(table: Table) -> str:
    if table.groups:
        return _group_head(table)
    names = "".join(f'<th scope="col"{_place(table, at)}>{escape(name)}</th>' for at, name in enumerate(table.columns))
    if not any(table.columns) and not table.corner:
        return ""
    if not table.across:
        return f'<thead><tr><th scope="col">{escape(table.corner)}</th>{names}</tr></thead>'
    over = f'<tr><td></td><th scope="colgroup" colspan="{len(table.columns)}">{escape(table.across)}</th></tr>'
    return f'<thead>{over}<tr><th scope="col">{escape(table.corner)}</th>{names}</tr></thead>'


def _entry(cell: Cell, tag: str, place: str = "") -> str:
    text = escape(cell.text)
    if cell.link:
        text = f'<a href="{quote(cell.link)}">{text}</a>'
    if cell.best:
        text = f"<strong>{text}</strong>"
    small = f" <small>{escape(cell.spread)}</small>" if cell.spread else ""
    for number, line in enumerate(cell.lines, 1):
        mark = f' class="mark {cell.mark}"' if cell.mark and number == len(cell.lines) else ""
        small += f" <small{mark}>{escape(line)}</small>"
    scope = ' scope="row"' if tag == "th" else ""
    sort = f' data-sort="{cell.number!r}"' if cell.number is not None else ""
    return f"<{tag}{scope}{place}{sort}>{text}{small}</{tag}>"


def _contents(titles: Sequence[Heading], anchors: Sequence[str]) -> str:
    items = "".join(
        f'<li><a href="#{anchor}">{escape(title.text)}</a></li>'
        for title, anchor in zip(titles, anchors, strict=True)
        if title.level == 2
    )
    return f'<nav aria-label="Contents"><ul>{items}</ul></nav>'


def _anchors(titles: Sequence[str]) -> list[str]:
    """A name for each title, of small letters, digits and '-', no two the same."""
    names: list[str] = []
    for title in titles:
        plain = "s-" + (re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "part")
        name, number = plain, 2
        while name in names:
            name, number = f"{plain}-{number}", number + 1
        names.append(name)
    return names
