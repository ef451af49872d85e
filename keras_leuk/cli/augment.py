"""``keras-leuk augment``."""

from __future__ import annotations

import click

from keras_leuk.cli import options


@click.command()
@click.argument("recipe", required=False)
@click.option("--recipe", "named", metavar="RECIPE", help="The same as the argument.")
@click.option("--data", metavar="PATH", help="Folder or CSV/TSV table of images, or generated cells: demo, demo:leukocytes.")
@options.sets
@click.option("--out", metavar="FILE", default="preview.png", show_default=True, help="Picture to write (PNG).")
@click.option("--images", type=click.IntRange(1, 50), default=4, show_default=True, help="Images shown, the classes in turn.")
@click.option("--draws", type=click.IntRange(1, 12), default=6, show_default=True, help="Epochs shown of each.")
@click.option("--each", is_flag=True, help="A row for each operation alone.")
@click.option("--seed", type=int, help="Seed of the draws and of the choice of images.")
@click.option("--image-size", type=int, help="Side of the square input in pixels.")
@options.cache_dir
@options.as_json
def augment(
    recipe: str | None,
    named: str | None,
    data: str | None,
    sets: tuple[str, ...],
    out: str,
    images: int,
    draws: int,
    each: bool,
    seed: int | None,
    image_size: int | None,
    cache_dir: str | None,
    as_json: bool,
) -> None:
    """Show what augmentation makes of pictures.

    RECIPE is a YAML file or the name of a shipped recipe. Draws are those of training: the picture in column "epoch 3" is what a
    network sees in its third epoch with the same recipe, seed and data. No TensorFlow is started.
    """
    from keras_leuk.cli.terminal import Terminal
    from keras_leuk.errors import UsageError
    from keras_leuk.recipe import load
    from keras_leuk.store.address import cache_folder
    from keras_leuk.training.preview import preview

    if recipe and named:
        raise UsageError(f"two recipes are given, {recipe!r} and {named!r}; give one")
    picture = options.picture(out)
    asked = load(recipe or named, flags={"data.path": data, "seed": seed, "images.size": image_size}, sets=sets)
    terminal = Terminal()
    with terminal.hearing_interrupts():
        made = preview(asked, picture, cache=cache_folder(cache_dir), images=images, draws=draws, each=each, progress=terminal)
    if as_json:
        options.print_json({"out": str(made.out), "images": made.images, "operations": made.operations, "draws": made.draws})
        return
    click.echo(f"augmentation: {', '.join(made.operations)}")
    click.echo(f"preview: {made.out}")
