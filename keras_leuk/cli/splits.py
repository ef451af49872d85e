"""``keras-leuk splits``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from keras_leuk.cli import options

OWN = ("--split", "--seed", "--folds")
"""Flags of ``train`` that say what is compared here."""

UNNAMED = {"model.head": "sklearn:logistic", "split.validation": 0.0}
"""Where neither recipe nor flags name a head: one that is fitted at once, so that many splits take minutes, and that would not
look at a validation side, so that there is none."""


@click.command()
@click.argument("recipe", required=False)
@options.recipe_flags_but(*OWN)
@click.option("--seeds", default="0,1,2", show_default=True, metavar="LIST", help="Each draws every split anew.")
@click.option(
    "--splits",
    metavar="A,B",
    help="random, subject (as the data name them), linked (subjects that hold the same cells as one), folds (the data's own), "
    "part (the data's own preliminary or test part) [default: all that the data allow].",
)
@options.sets
@click.option(
    "--out", type=click.Path(), metavar="DIR", help="Folder [default: splits/<data>]; what is there is not trained again."
)
@click.option("--title", metavar="TEXT", help="What page and figure call the data [default: their name].")
@options.jobs
@options.retry_failed
@options.cache_dir
@options.as_json
def splits(
    recipe: str | None,
    seeds: str,
    splits: str | None,
    sets: tuple[str, ...],
    out: str | None,
    title: str | None,
    jobs: int,
    retry_failed: bool,
    cache_dir: str | None,
    as_json: bool,
    **flags: Any,
) -> None:
    """Run one recipe under several splits of the same images.

    Says how test AUC and accuracy differ when images are drawn at random, when subjects are kept together, and when subjects that
    hold the same cells count as one; also by the data's own folds and test part where they have any. Without RECIPE and
    --head a logistic regression on the features of a frozen backbone is fitted, with no validation side, which it would not
    look at. Runs that are there already are not trained again.
    """
    from keras_leuk.cli.terminal import Terminal
    from keras_leuk.grid.notation import names, whole_numbers
    from keras_leuk.grid.split_study import claim_study, plan_study
    from keras_leuk.grid.split_ways import check_free, ways_of
    from keras_leuk.recipe import load
    from keras_leuk.store.address import cache_folder
    from keras_leuk.training.materials import read_table
    from keras_leuk.training.preflight import check

    drawn, fixed = whole_numbers("--seeds", seeds), _fixed(recipe, flags, sets)
    wanted = names("--splits", splits) if splits is not None else None
    terminal, cache = Terminal(), cache_folder(cache_dir)
    asked = load(recipe, flags=fixed, sets=sets)
    check_free(asked, sets)
    check(asked)
    if out and Path(out).exists():
        claim_study(Path(out))  # what is wrong with it need not wait for the data to be read
    with terminal.hearing_interrupts():
        table = read_table(asked, cache, terminal)
        ways, parts = ways_of(table, wanted)
        folder = Path(out) if out else Path("splits") / Path(table.name).stem
        study = plan_study(recipe, ways, drawn, parts=parts, flags=fixed, sets=sets, cache=cache, progress=terminal)
        _run(study, folder, cache, title, jobs, retry_failed, terminal)
    from keras_leuk.reporting.split_study import write_split_study

    found = write_split_study(folder, terminal)
    _print(found, folder, as_json)


def _fixed(recipe: str | None, flags: dict[str, Any], sets: tuple[str, ...]) -> dict[str, Any]:
    """What all runs have in common; see `UNNAMED`."""
    from keras_leuk.cli.train import recipe_keys

    given = recipe_keys(flags)
    named = any(text.partition("=")[0].strip().startswith("model.head") for text in sets)
    return given if recipe is not None or "model.head" in given or named else {**given, **UNNAMED}


def _run(study: Any, folder: Path, cache: Path, title: str | None, jobs: int, retry_failed: bool, terminal: Any) -> None:
    """Trains what is missing, in view of the user."""
    from keras_leuk.cli.grid_view import watching
    from keras_leuk.grid.executors import Choice
    from keras_leuk.grid.split_study import run_study

    place, command = Choice(jobs=jobs), ["keras-leuk", *sys.argv[1:]]
    with watching(terminal, folder, command) as view:
        run_study(
            study,
            folder,
            executor=lambda waiting: place.make(study.plan.routes, waiting),
            cache=cache,
            title=title,
            command=[shlex.quote(word) for word in command],
            progress=terminal,
            watch=view,
            retry_failed=retry_failed,
        )


def _print(found: dict[str, Any], folder: Path, as_json: bool) -> None:
    """The sentences of the page, and where it lies."""
    if as_json:
        options.print_json(found | {"out": str(folder)})
        return
    from keras_leuk.reporting.split_study_page import sentences

    for line in sentences(found):
        click.echo(line)
    click.echo(f"page:    {folder / 'splits.html'}")
    click.echo(f"figure:  {folder / 'figures' / 'splits.png'}")
