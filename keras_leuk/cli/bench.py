"""``keras-leuk bench``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from keras_leuk.cli import options


@click.command()
@click.option("--backbones", metavar="A,B", help="Networks to measure [default: mobilenet,vgg16].")
@click.option("--image-size", type=click.IntRange(1), metavar="N", help="Side of the input [default: each network's own].")
@click.option("--engine", default="auto", show_default=True, metavar="E", help="Of the forward pass, as for train.")
@options.threads
@click.option(
    "--seconds",
    type=float,
    default=100.0,
    show_default=True,
    metavar="S",
    help="That measuring may take; starting and drawing take some more.",
)
@click.option("--data", metavar="PATH", help="Measure on these images, as for train [default: generated bitmaps of 450 pixels].")
@click.option("--out", default="bench", show_default=True, type=click.Path(), metavar="DIR", help="Folder of the page.")
@options.as_json
def bench(
    backbones: str | None,
    image_size: int | None,
    engine: str,
    threads: int | None,
    seconds: float,
    data: str | None,
    out: str,
    as_json: bool,
) -> None:
    """Measure what this machine does a second, stage by stage, in two minutes.

    Decoding, augmentation, features of a frozen backbone, training of a head, training of all layers: each as images/s and as a
    share of its own ceiling, the bare work measured in the same turns. The page says what limits each stage, and what it means
    for a paper's whole grid. Networks that do not fit into the seconds are named. Nothing is kept but the page.
    """
    from keras_leuk.bench.request import BACKBONES, Request
    from keras_leuk.cli.terminal import Terminal
    from keras_leuk.devices.threads import grant
    from keras_leuk.grid.notation import names
    from keras_leuk.runs.output import make_output

    if threads is not None:
        grant(threads)
    wanted = tuple(names("--backbones", backbones)) if backbones is not None else BACKBONES
    request = Request(wanted, image_size, engine, seconds, data)
    folder, terminal = Path(out), Terminal()
    there = folder.exists()
    make_output(folder, [folder / "bench.json", folder / "bench.html"], "a benchmark's")
    try:
        with terminal.hearing_interrupts():
            facts = _measured(request, folder, terminal)
    finally:
        if not there and not any(folder.iterdir()):
            folder.rmdir()
    _print(facts, folder, as_json)


def _measured(request: Any, folder: Path, terminal: Any) -> dict[str, Any]:
    """Measures, and writes the page."""
    from keras_leuk.bench.run import bench as run_bench
    from keras_leuk.reporting.bench import write_bench

    command = [shlex.quote(word) for word in ("keras-leuk", *sys.argv[1:])]
    facts = run_bench(request, command=command, progress=terminal)
    terminal.say("bench: drawing")
    write_bench(facts, folder)
    return facts


def _print(facts: dict[str, Any], folder: Path, as_json: bool) -> None:
    """The table, the sentences of the page, and where it lies."""
    if as_json:
        options.print_json(facts | {"out": str(folder)})
        return
    from rich.console import Console
    from rich.table import Table

    from keras_leuk.cli.terminal import columns
    from keras_leuk.reporting.bench_page import not_measured
    from keras_leuk.reporting.bench_words import OURS, name, percents, sentences, speeds, warnings

    table = Table()
    table.add_column("stage", no_wrap=True)
    for column in ("images/s", "ceiling, images/s", "share of it", "images × turns"):
        table.add_column(column, justify="right", no_wrap=True)
    for stage in facts["stages"]:
        own, bare = stage["ways"][OURS], stage["ways"][stage["ceiling"]]
        turns = f"{stage['images']:,} × {stage['repeats']}"
        table.add_row(name(stage), speeds(own), speeds(bare), percents(stage["share"]), turns)
    Console(width=max(columns(), 100), highlight=False).print(table)
    click.echo("median and range over the turns; a ceiling is the bare work of a stage, measured in the same turns:")
    click.echo("; ".join(f"{name(stage)}: {stage['ceiling']}" for stage in facts["stages"]))
    for line in (*warnings(facts), *sentences(facts), *not_measured(facts)):
        click.echo(line)
    click.echo(f"page:    {folder / 'bench.html'}")
