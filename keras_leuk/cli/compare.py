"""``keras-leuk compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from keras_leuk.cli import options


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(), metavar="RUN RUN...")
@click.option(
    "--measure",
    "measures",
    multiple=True,
    metavar="M",
    help="accuracy, balanced_accuracy, precision, recall, f1, macro_f1, weighted_f1, roc_auc, average_precision, mcc, brier, "
    "ece; several with commas, or repeated [default: accuracy,roc_auc].",
)
@click.option("--names", metavar="A,B,...", help="A name for each run [default: the ends of the paths].")
@click.option("--side", type=click.Choice(["test", "validation"]), default="test", show_default=True, help="Images to judge by.")
@click.option("--reference", metavar="RUN", help="Name or folder of a run to compare all others with [default: all pairs].")
@click.option("--resamples", type=int, default=10_000, show_default=True, help="Of the bootstrap.")
@click.option("--confidence", type=float, default=0.95, show_default=True, help="Of the intervals.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the bootstrap.")
@click.option("--out", type=click.Path(), metavar="DIR", help="Write page, tables and forest plot into this folder.")
@click.option("--overwrite", is_flag=True, help="Write into --out though it holds other files.")
@options.as_json
def compare(
    runs: tuple[str, ...],
    measures: tuple[str, ...],
    names: str | None,
    side: str,
    reference: str | None,
    resamples: int,
    confidence: float,
    seed: int,
    out: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Compare finished runs on the same test images.

    RUNs are runs, cross-validations or ensembles with the same images, by name and by content, on the compared side
    (--split RUN/split.csv). Differences have intervals by a paired bootstrap over subjects; McNemar's test counts the images
    that only one of two runs has right; p are corrected for the number of pairs (Holm). Images and TensorFlow are not needed.
    """
    from keras_leuk.cli.terminal import Terminal
    from keras_leuk.evaluation.comparison import Settings
    from keras_leuk.reporting.comparison import check_target, judge, write_comparison

    wanted = tuple(part.strip().replace("-", "_") for text in measures for part in text.split(",") if part.strip())
    chosen = {"measures": wanted} if measures else {}
    settings = Settings(**chosen, side=side, reference=reference, resamples=resamples, confidence=confidence, seed=seed)
    paths, target = [Path(run) for run in runs], Path(out).expanduser() if out else None
    if target is not None:
        check_target(target, paths, overwrite)
    progress = Terminal()
    comparison = judge(paths, settings, names.split(",") if names is not None else None, progress)
    page = write_comparison(comparison, target, progress) if target is not None else None
    if as_json:
        options.print_json(comparison | {"out": str(target) if target is not None else None})
        return
    _print(comparison)
    if page is not None:
        click.echo(f"page:    {page}")
        click.echo(f"figure:  {page.parent / 'figures' / 'forest.png'}")


def _print(comparison: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from keras_leuk.cli.terminal import columns
    from keras_leuk.reporting.comparison_notes import size_words
    from keras_leuk.reporting.comparison_tables import reasons, tables

    console = Console(highlight=False, width=columns())
    console.print(Text(f"{len(comparison['runs'])} runs compared: {size_words(comparison)}", style="bold"))
    found = tables(comparison)
    for told in found:
        table = Table(title=Text(told.title), title_justify="left", title_style="")
        for i, name in enumerate(told.header):
            table.add_column(Text(name), justify="right" if i else "left", overflow="fold")
        for row in told.rows:
            table.add_row(*map(Text, row))
        console.print(table)
    for line in reasons(comparison):
        console.print(Text(f"undefined or without interval: {line}"))
    for line in [found[-1].note, *comparison["notes"]]:
        console.print(Text(line, style="dim"))
    for line in comparison["warnings"]:
        console.print(Text.assemble(("warning: ", "bold yellow"), line))
