"""``keras-leuk audit``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from keras_leuk.cli import options


@click.command()
@click.option("--data", metavar="PATH", help="Folder, CSV/TSV table, 'demo' or 'demo:leukocytes' [default: the data of --run].")
@click.option("--reader", default="auto", show_default=True, metavar="NAME", help="auto, cnmc, table or folders.")
@click.option("--run", type=click.Path(), metavar="RUN", help="A finished run, whose split is checked.")
@click.option("--split", metavar="S", help="A split to check: subject, random, official, folds, table, or a run's split.csv.")
@click.option("--against", metavar="PATH", help="Another data set: images in both, and how the two differ.")
@click.option(
    "--features",
    default="auto",
    show_default=True,
    metavar="F",
    help="What subjects and labels are judged by: a backbone with ImageNet weights, hand (measured by rule), none (leave it "
    "out); auto: mobilenet where its weights are at hand, else hand.",
)
@click.option("--weights-dir", type=click.Path(), metavar="DIR", help="Folder with Keras' own weight files, looked at first.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of splits, folds and resamples.")
@click.option("--out", type=click.Path(), metavar="DIR", help="Audit folder [default: audits/<data>].")
@click.option("--overwrite", is_flag=True, help="Write into --out though it holds other files.")
@click.option("--strict", is_flag=True, help="Exit with 1 where there is a leak, or a cell under two classes.")
@options.cache_dir
@options.as_json
def audit(
    data: str | None,
    reader: str,
    run: str | None,
    split: str | None,
    against: str | None,
    features: str,
    weights_dir: str | None,
    seed: int,
    out: str | None,
    overwrite: bool,
    strict: bool,
    cache_dir: str | None,
    as_json: bool,
) -> None:
    """Look for what makes figures on a data set too good: duplicates, leaks, shortcuts, subjects, doubtful labels.

    Writes one page (report.html), audit.json and tables. Later trainings on these images know the duplicates that were found: a
    split by subject keeps subjects together that hold the same cells.
    """
    from keras_leuk.audit.request import Request, source
    from keras_leuk.audit.run import audit as look
    from keras_leuk.cli.terminal import Terminal
    from keras_leuk.reporting.audit import headlines
    from keras_leuk.store.address import cache_folder

    request = Request(data, reader, Path(run).expanduser() if run else None, split, against, features, weights_dir, seed)
    named = Path(source(request)[0]).expanduser().name or "data"
    target = Path(out).expanduser() if out else Path("audits") / named
    content = look(request, target, cache=cache_folder(cache_dir), overwrite=overwrite, progress=Terminal())
    leaking = bool(content["leaks"]["found"])
    if as_json:
        options.print_json(content | {"out": str(target)})
    else:
        _print(headlines(content), target)
    if strict and leaking:
        if not as_json:
            click.echo("strict: a leak was found", err=True)
        click.get_current_context().exit(1)


def _print(lines: list[str], target: Path) -> None:
    from rich.console import Console
    from rich.text import Text

    from keras_leuk.cli.terminal import columns

    console: Any = Console(highlight=False, width=columns())
    for line in lines:
        console.print(Text.assemble(("- ", "bold"), line))
    click.echo(f"page:    {target / 'report.html'}")
