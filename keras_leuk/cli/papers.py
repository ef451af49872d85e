"""``keras-leuk papers``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from keras_leuk.cli import options

if TYPE_CHECKING:
    from rich.console import Console

    from keras_leuk.papers.library import Paper, Protocol, PublishedTable


@click.group(invoke_without_command=True)
@options.as_json
@click.pass_context
def papers(ctx: click.Context, as_json: bool) -> None:
    """List the papers that keras-leuk replays, or show one: recipes, readings, open choices, published tables."""
    if ctx.invoked_subcommand is None:
        _list(as_json)


@papers.command("list")
@options.as_json
def list_papers(as_json: bool) -> None:
    """List the papers."""
    _list(as_json)


@papers.command()
@click.argument("key")
@options.as_json
def show(key: str, as_json: bool) -> None:
    """Show a paper: how it is replayed, what it leaves open, and the numbers it printed."""
    from keras_leuk.papers.library import paper
    from keras_leuk.papers.library_json import whole

    found = paper(key)
    if as_json:
        options.print_json(whole(found))
        return
    console = _console()
    _head(console, found)
    for protocol in found.protocols:
        _protocol(console, protocol)
    _arms(console, found)
    _choices(console, found)
    _results(console, found)
    for table in found.tables:
        _published(console, table)
    console.print()
    _say(console, f"expected cost: {found.facts.cost}")
    click.echo(f"next: {found.protocols[0].command()} --data FOLDER --dry-run")


def _list(as_json: bool) -> None:
    from keras_leuk.papers.library import papers as all_papers
    from keras_leuk.papers.library_json import summary

    found = all_papers()
    if as_json:
        options.print_json({"papers": [summary(paper) for paper in found]})
        return
    _print_table(
        _console(),
        "Papers",
        ("key", "title", "data", "readings", "tables"),
        [(p.key, p.facts.title, p.facts.data.name, str(len(p.arms)), str(len(p.tables))) for p in found],
        numbers=("readings", "tables"),
    )
    click.echo(f"next: keras-leuk papers show {found[0].key}")


def _head(console: Console, paper: Paper) -> None:
    facts = paper.facts
    _say(console, facts.title, "bold")
    venue = f" {facts.venue}." if facts.venue else ""
    doi = f" https://doi.org/{facts.doi}" if facts.doi else ""
    _say(console, f"{', '.join(facts.authors)} ({facts.year}).{venue}{doi}")
    counts = ", ".join(f"{name} {n:,}" for name, n in facts.data.images.items())
    basis = f" ({facts.data.images_basis})" if facts.data.images_basis else ""
    _say(console, f"data: {facts.data.name}")
    _say(
        console,
        f"  in protocol paper: {sum(facts.data.images.values()):,} images of {facts.data.subjects} subjects: {counts}{basis}",
    )
    for side in facts.data.sides:
        size = f"{side.images:,} images" if side.images is not None else f"{side.share:.0%}"
        _say(console, f"  {side.side}: {size} ({side.basis})")
    _say(console, f"  to get: {facts.data.get}")
    _say(console, "stated:")
    for line in facts.stated:
        _say(console, f"  {line}")


def _protocol(console: Console, protocol: Protocol) -> None:
    console.print()
    _say(console, f"protocol {protocol.name}: {protocol.meaning}")
    _say(console, f"  {protocol.train_command()}")
    for grid in protocol.grids:
        _say(console, f"  {grid.meaning} ({len(grid.cells())} cells)")
        _say(console, f"    {protocol.command(grid.name)}")


def _arms(console: Console, paper: Paper) -> None:
    from keras_leuk.papers.protocol import settings

    rows = []
    for arm in paper.arms:
        where = "" if len(arm.protocols) > 1 else f" (protocol {arm.protocols[0]} only)"
        changes = "nothing: the recipe as it stands (default)" if arm.default else "\n".join(f"--set {s}" for s in settings(arm))
        rows.append((arm.name, changes, arm.why + where))
    _print_table(console, "Readings (arms)", ("arm", "changes", "why"), rows)


def _choices(console: Console, paper: Paper) -> None:
    rows = [(choice.what, choice.ours, choice.why) for choice in paper.facts.open]
    _print_table(console, "What the paper leaves open", ("open", "ours", "why"), rows)
    console.print()
    _say(console, "does not agree with itself:")
    for line in paper.facts.contradicts:
        _say(console, f"  {line}")


def _results(console: Console, paper: Paper) -> None:
    rows = [(result.name, result.shows, result.ours) for result in paper.facts.results]
    _print_table(console, "Results of the paper, and ours", ("result", "shows", "ours"), rows)


_AVERAGES = {
    "macro": "mean over the classes",
    "positive": "of the positive class",
    "class": "of one class",
    "units": "over all output units",
}


def _published(console: Console, table: PublishedTable) -> None:
    facts = table.facts
    numbers = [column.header for column in facts.columns if column.measure is not None]
    _print_table(console, f"{table.number}. {table.caption}", table.header, table.rows, numbers=numbers)
    if facts.side != "none":
        images = f", {facts.images:,} images" if facts.images is not None else ""
        _say(console, f"  measured on: {facts.side}{images}; {facts.basis}")
    told: dict[str, list[str]] = {}
    for column in facts.columns:
        words = column.definition or (_AVERAGES[column.average] if column.average is not None else None)
        if words is not None:
            told.setdefault(words, []).append(column.header)
    for words, headers in told.items():
        _say(console, f"  {', '.join(headers)}: {words}")
    for name, row in facts.rows.items():
        if row.note is not None:
            _say(console, f"  {name}: {row.note}")


def _console() -> Console:
    from rich.console import Console

    # Into a file, tables get the width that the widest published one needs.
    return Console(highlight=False, width=None if Console().is_terminal else 150)


def _say(console: Console, line: str, style: str = "") -> None:
    """A line that is never broken, so that commands can be copied."""
    from rich.text import Text

    console.print(Text(line, style=style), soft_wrap=True)


def _print_table(
    console: Console, title: str, header: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[str] = ()
) -> None:
    from rich.table import Table
    from rich.text import Text

    console.print()
    _say(console, title, "bold")
    table = Table()
    for name in header:
        table.add_column(Text(name), justify="right" if name in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)
