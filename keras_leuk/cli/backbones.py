"""``keras-leuk backbones``."""

from __future__ import annotations

import click

from keras_leuk.cli import options


@click.command()
@options.as_json
@click.option("--markdown", "as_markdown", is_flag=True, help="Print docs/backbones.md.")
def backbones(as_json: bool, as_markdown: bool) -> None:
    """List the backbones: size, features, parameters and preprocessing of each; --json and --markdown have weight files, too."""
    from keras_leuk.errors import UsageError
    from keras_leuk.models.backbones import BACKBONES, PREPROCESSING, markdown

    if as_json and as_markdown:
        raise UsageError("--json and --markdown exclude each other")
    if as_markdown:
        click.echo(markdown(), nl=False)
        return
    if as_json:
        options.print_json({"backbones": [backbone.facts() for backbone in BACKBONES.values()], "preprocessing": PREPROCESSING})
        return
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, width=None if Console().is_terminal else 150)
    table = Table(title="Backbones", title_justify="left")
    for column, justify in (
        ("name", "left"),
        ("size", "right"),
        ("min", "right"),
        ("features", "right"),
        ("parameters", "right"),
    ):
        table.add_column(column, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("preprocessing", no_wrap=True)
    table.add_column("ImageNet", no_wrap=True)
    table.add_column("what it is")
    for b in BACKBONES.values():
        table.add_row(
            b.name,
            str(b.default_size),
            str(b.minimum_size),
            str(b.features),
            f"{b.parameters:,}",
            b.preprocessing,
            "yes" if b.has_imagenet else "by file",
            f"{b.description} ({b.paper})",
        )
    console.print(table)
    for mode, meaning in PREPROCESSING.items():
        console.print(f"  {mode:7} {meaning}", style="dim")
    console.print("  by file: Keras has no ImageNet weights; name a .safetensors or .npz file with --weights FILE", style="dim")
    click.echo("next: keras-leuk train --backbone mobilenet")
