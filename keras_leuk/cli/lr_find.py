"""``keras-leuk lr-find``."""

from __future__ import annotations

from typing import Any

import click

from keras_leuk.cli import options


@click.command("lr-find")
@click.argument("recipe", required=False)
@options.recipe_flags
@options.sets
@click.option("--lowest", type=float, default=1e-7, show_default=True, help="First rate.")
@click.option("--highest", type=float, default=1.0, show_default=True, help="Last rate.")
@click.option("--steps", type=click.IntRange(20, 10_000), default=100, show_default=True, help="Batches, one at each rate.")
@click.option(
    "--out", metavar="FILE", default="lr-find.png", show_default=True, help="Picture to write (PNG), with a CSV beside it."
)
@options.cache_dir
@options.as_json
def lr_find(
    recipe: str | None,
    sets: tuple[str, ...],
    lowest: float,
    highest: float,
    steps: int,
    out: str,
    cache_dir: str | None,
    as_json: bool,
    **flags: Any,
) -> None:
    """Suggest a learning rate: train a few batches at rising rates and see where the loss falls fastest.

    RECIPE and flags are those of keras-leuk train; only the training side is looked at, and nothing is kept but the curve.
    """
    from keras_leuk.cli.terminal import Terminal
    from keras_leuk.cli.train import recipe_keys
    from keras_leuk.errors import UsageError
    from keras_leuk.recipe import load
    from keras_leuk.store.address import cache_folder
    from keras_leuk.training.preflight import check

    if not 0 < lowest < highest:
        raise UsageError(f"--lowest {lowest:g} must be above 0 and below --highest {highest:g}")
    picture = options.picture(out)
    asked = load(recipe, flags=recipe_keys(flags), sets=sets)
    check(asked)

    from keras_leuk.training.rate_finder import find_rate

    terminal = Terminal()
    with terminal.hearing_interrupts():
        found = find_rate(
            asked, picture, cache=cache_folder(cache_dir), lowest=lowest, highest=highest, steps=steps, progress=terminal
        )
    table = found.picture.with_suffix(".csv")
    if as_json:
        curve = found.curve.to_dict(orient="list")
        answer = {"suggestion": found.steepest, "tenth_of_lowest": found.tenth, "picture": str(found.picture), "curve": curve}
        options.print_json(answer)
        return
    click.echo(f"steepest fall:         {found.steepest:.2e}  (the suggestion)")
    click.echo(f"a tenth of the lowest: {found.tenth:.2e}")
    click.echo(f"curve: {found.picture}, {table}")
    click.echo(f"next:  keras-leuk train --learning-rate {found.steepest:.1e}, and the other options of this command")
