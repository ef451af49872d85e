"""``keras-leuk predict``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from keras_leuk.cli import options


@click.command()
@click.argument("run", type=click.Path())
@click.argument("paths", type=click.Path(), nargs=-1, required=True, metavar="PATH...")
@click.option("--out", type=click.Path(dir_okay=False), metavar="CSV", help="Where the table goes [default: standard output].")
@click.option("--skip-unreadable", is_flag=True, help="Leave damaged images out and list them, instead of stopping.")
@options.as_json
def predict(run: str, paths: tuple[str, ...], out: str | None, skip_unreadable: bool, as_json: bool) -> None:
    """Classify images with a finished run.

    RUN is a run folder, PATH images or folders (searched through). Writes a CSV row an image: image, predicted class, raw
    outputs, probability per class. Images are decoded, resized and preprocessed exactly as in training.
    """
    from keras_leuk.cli.terminal import Terminal
    from keras_leuk.runs.atomic import write_text
    from keras_leuk.runs.folder import open_for_reading
    from keras_leuk.training.listing import find_images

    folder = open_for_reading(Path(run))
    images = find_images(paths)

    from keras_leuk.training.inference import predict_images

    terminal = Terminal()
    with terminal.hearing_interrupts():
        found = predict_images(folder, images, skip_unreadable=skip_unreadable, progress=terminal)
    if out:
        write_text(Path(out), found.table.to_csv(index=False, lineterminator="\n"))
    if as_json:
        options.print_json(
            {
                "run": str(folder.path),
                "out": out,
                "images": found.table.to_dict("records"),
                "left_out": [{"image": str(path), "reason": reason} for path, reason in found.left_out],
            }
        )
    elif out:
        click.echo(f"predictions: {out} ({len(found.table)} images)")
        click.echo(f"next:        keras-leuk evaluate {folder.path}")
    else:
        sys.stdout.write(found.table.to_csv(index=False, lineterminator="\n"))
