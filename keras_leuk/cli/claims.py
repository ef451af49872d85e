"""``keras-leuk claims``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from keras_leuk.cli import options


@click.command()
@click.argument("named", required=False, metavar="[PAPER|FILE.csv]")
@click.option("--largest", type=int, default=3000, show_default=True, help="Largest test set searched, in images.")
@click.option("--columns", is_flag=True, help="List the columns of a table of claims, and stop.")
@click.option("--out", type=click.Path(), metavar="FILE", help="Write the page as Markdown, such as claims.md.")
@options.as_json
def claims(named: str | None, largest: int, columns: bool, out: str | None, as_json: bool) -> None:
    """Audit the arithmetic of published numbers.

    PAPER is one whose numbers lie in experiments/; without it all are audited. FILE.csv is a table of your own, one printed row a
    line (see --columns). Told are the test-set sizes, confusion matrices and definitions of precision, recall and F1 that give
    all printed values within their decimals, or that none does. No data and no TensorFlow are needed.
    """
    from keras_leuk.cli.terminal import Terminal
    from keras_leuk.papers.claims import audit, find
    from keras_leuk.papers.claims_table import COLUMNS

    if columns:
        _print_columns(COLUMNS, as_json)
        return
    target = _target(out) if out is not None else None
    content = audit(find(named), largest, Terminal())
    if target is not None:
        _write(content, target)
    if as_json:
        options.print_json(content | {"out": str(target) if target else None})
        return
    if target is None:
        _print(content)
    else:
        click.echo(f"page:    {target}")


def _target(out: str) -> Path:
    """The page's file, checked before the search begins."""
    from keras_leuk.errors import UsageError

    path = Path(out).expanduser()
    if path.suffix.lower() != ".md":
        raise UsageError(f"--out {out!r} must be a Markdown file, such as {path.with_suffix('.md').name or 'claims.md'}")
    if path.is_dir():
        raise UsageError(f"--out {out} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {path.parent}")
    return path


def _write(content: dict[str, Any], target: Path) -> None:
    from keras_leuk.errors import RunError
    from keras_leuk.reporting.claims import page
    from keras_leuk.runs.atomic import write_text

    try:
        write_text(target, page(content))
    except OSError as error:
        raise RunError(f"--out {target} cannot be written: {error.strerror or error}") from None


def _print_columns(known: dict[str, str], as_json: bool) -> None:
    if as_json:
        options.print_json({"columns": known})
        return
    for name, meaning in known.items():
        click.echo(f"{name:11} {meaning}")


def _print(content: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.text import Text

    from keras_leuk.cli.terminal import columns
    from keras_leuk.reporting.claims_words import findings

    console: Any = Console(highlight=False, width=columns())
    for paper in content["papers"]:
        for table in paper["tables"]:
            console.print(Text(" · ".join(part for part in (paper["paper"], table["table"]) if part), style="bold"))
            for line in findings(table):
                console.print(Text.assemble("- ", line))
    first, last = content["searched"]["n"]
    console.print(
        Text(f"searched: test sets of {first:,} to {last:,} images; definitions and matrices: --out claims.md", style="dim")
    )
