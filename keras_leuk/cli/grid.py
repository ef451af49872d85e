"""``keras-leuk grid``."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from keras_leuk.cli import options

LISTS = ("--backbone", "--optimizer", "--epochs", "--learning-rate", "--head", "--image-size", "--split", "--seed")
"""Flags of ``train`` for one value that are lists here; a list may have one member, and go by the old name."""


def listed(name: str, metavar: str, meaning: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A flag that takes a list."""
    spellings = dict.fromkeys((name, name if name == "--epochs" else name.removesuffix("s")))
    return click.option(*spellings, name.removeprefix("--").replace("-", "_"), metavar=metavar, help=meaning)


@click.command()
@click.argument("recipe", required=False)
@listed("--backbones", "A,B", "Backbones to vary; see: keras-leuk backbones.")
@listed("--optimizers", "A,B", "Optimizers to vary: adam, rmsprop, adamax, sgd, adamw.")
@listed("--epochs", "LIST", "Numbers of epochs; 10,20,...,100 is every tenth.")
@listed("--learning-rates", "LIST", "Initial learning rates, such as 1e-4,1e-3.")
@listed("--heads", "A,B", "Named heads to vary.")
@listed("--image-sizes", "LIST", "Sides of the input in pixels.")
@listed("--splits", "A,B", "Splits: subject, random, official, folds, table, or a split.csv.")
@listed("--seeds", "LIST", "Seeds, such as 0,1,...,4; tables then show mean ± sd.")
@click.option("--set", "sets", multiple=True, metavar="KEY=V1|V2", help="Set any key of the recipe, or vary it; may be repeated.")
@options.recipe_flags_but(*LISTS)
@click.option(
    "--out", type=click.Path(), metavar="DIR", help="Grid folder [default: grids/<data>]; what is there is not trained again."
)
@options.jobs
@options.executor
@options.address
@click.option("--independent", is_flag=True, help="A seed for each cell, and no shared training, as papers did it.")
@click.option("--only", metavar="I/N", help="Train the I-th of N shares of the grid: for array jobs.")
@options.retry_failed
@click.option("--dry-run", is_flag=True, help="Print the cells, what they share, and an estimate of time and disk.")
@options.cache_dir
@options.as_json
def grid(
    recipe: str | None,
    sets: tuple[str, ...],
    out: str | None,
    jobs: int,
    executor: str,
    address: str | None,
    independent: bool,
    only: str | None,
    retry_failed: bool,
    dry_run: bool,
    cache_dir: str | None,
    as_json: bool,
    **flags: Any,
) -> None:
    """Train a grid of classifiers, sharing whatever they have in common.

    Cells that differ only in the number of epochs are one training; cells with the same frozen backbone pass every image through
    it once. What is in --out already is not trained again, whatever grid made it: a grid that was stopped goes on, and a larger
    one adds to it. The winner is chosen on validation.
    """
    from keras_leuk.cli.grid_view import complain, print_outcome, print_plan, watching
    from keras_leuk.cli.terminal import Terminal
    from keras_leuk.grid.executors import Choice
    from keras_leuk.grid.plan import make_plan
    from keras_leuk.store.address import cache_folder

    place = Choice(executor, jobs, address)
    share = _share(only)
    axes, fixed, settings = _asked(flags, sets)
    terminal, cache = Terminal(), cache_folder(cache_dir)
    command = ["keras-leuk", *sys.argv[1:]]
    with terminal.hearing_interrupts():
        plan = make_plan(recipe, axes, flags=fixed, sets=settings, cache=cache, progress=terminal, independent=independent)
        folder = Path(out) if out else Path("grids") / Path(plan.ground.materials(plan.cells[0].recipe).table.name).stem
        if dry_run:
            from keras_leuk.grid.estimate import estimate

            print_plan(plan, estimate(plan, folder, terminal), as_json)
            return
        from keras_leuk.grid.run import run_grid

        with watching(terminal, folder, command) as view:
            outcome = run_grid(
                plan,
                folder,
                executor=lambda waiting: place.make(plan.routes, waiting),
                cache=cache,
                command=command,
                progress=terminal,
                watch=view,
                share=share,
                retry_failed=retry_failed,
            )
    print_outcome(outcome, as_json)
    complain(outcome.failed, "the others are finished")


def _asked(flags: dict[str, Any], sets: tuple[str, ...]) -> tuple[list[Any], dict[str, Any], list[str]]:
    """Axes, and what is the same in every cell. A list of one member is no axis, but for epochs, which tables show anyway."""
    from keras_leuk.cli.train import recipe_keys
    from keras_leuk.errors import UsageError
    from keras_leuk.grid.notation import alternatives, names, real_numbers, whole_numbers
    from keras_leuk.grid.plan import EPOCHS, Axis
    from keras_leuk.models import backbones

    lists: dict[str, tuple[str, Any]] = {
        "backbones": ("model.backbone", names),
        "heads": ("model.head", names),
        "splits": ("split.strategy", names),
        "image_sizes": ("images.size", whole_numbers),
        "learning_rates": ("training.learning_rate.initial", real_numbers),
        "seeds": ("seed", whole_numbers),
        "optimizers": ("training.optimizer.name", names),
        "epochs": (EPOCHS, whole_numbers),
    }
    found: dict[str, tuple[Any, ...]] = {}
    for flag, (key, parse) in lists.items():
        text = flags.pop(flag)
        if text is not None:
            found[key] = parse(f"--{flag.replace('_', '-')}", text)
    if "model.backbone" in found:
        found["model.backbone"] = tuple(backbones.find(name).name for name in found["model.backbone"])
    settings = []
    for text in sets:
        key, values = alternatives(text)
        if key in found:
            raise UsageError(f"--set {text!r}: {key} is varied already")
        if len(values) > 1:
            found[key] = values
        else:
            settings.append(text)
    fixed = recipe_keys(flags)
    for key in [key for key, values in found.items() if len(values) == 1 and key != EPOCHS]:
        fixed[key] = found.pop(key)[0]
    # Epochs change fastest, so that cells of one path stand together.
    ordered = [key for key in found if key != EPOCHS] + [key for key in found if key == EPOCHS]
    return [Axis(key, found[key]) for key in ordered], fixed, settings


def _share(text: str | None) -> tuple[int, int] | None:
    from keras_leuk.errors import UsageError

    if text is None:
        return None
    match = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise UsageError(f"--only {text!r}: expected I/N with I from 1 to N, such as 1/4")
    return int(match[1]), int(match[2])
