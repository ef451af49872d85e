"""``keras-leuk tune``."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import click

from keras_leuk.cli import options


@click.command()
@click.argument("recipe", required=False)
@options.recipe_flags
@options.sets
@click.option(
    "--search",
    "searches",
    multiple=True,
    metavar="KEY=SPACE",
    help="Search a key of the recipe: a|b|c, 1e-5..1e-2, 16..64/16 or log:1e-5..1e-2; may be repeated.",
)
@click.option("--space", metavar="FILE.yaml", help="The same from a file: search: {KEY: SPACE, ...}; --search replaces its keys.")
@click.option(
    "--trials", type=click.IntRange(1), default=20, show_default=True, help="Trials of the search in all, earlier ones included."
)
@click.option("--timeout", metavar="TIME", help="Begin no further trial after this time: seconds, or 90m, 2h.")
@click.option(
    "--objective",
    default="loss",
    show_default=True,
    metavar="O",
    help="Of validation: loss (log loss), accuracy, balanced_accuracy, macro_f1 or roc_auc.",
)
@click.option("--sampler", default="tpe", show_default=True, metavar="S", help="tpe or random; seeded by --seed.")
@click.option("--pruner", default="median", show_default=True, metavar="P", help="median, hyperband or none.")
@click.option("--storage", metavar="URL", help="Database of the search [default: sqlite:///OUT/study.db].")
@click.option("--study", "name", default="tune", show_default=True, metavar="NAME", help="Name of the search in its database.")
@click.option("--out", type=click.Path(), metavar="DIR", help="Folder of the search [default: runs/<data>-<backbone>-tune].")
@options.cache_dir
@options.as_json
def tune(
    recipe: str | None,
    sets: tuple[str, ...],
    searches: tuple[str, ...],
    space: str | None,
    trials: int,
    timeout: str | None,
    objective: str,
    sampler: str,
    pruner: str,
    storage: str | None,
    name: str,
    out: str | None,
    cache_dir: str | None,
    as_json: bool,
    **flags: Any,
) -> None:
    """Search a recipe's settings, judged on validation.

    RECIPE and flags are those of keras-leuk train; --search says what differs by trial. Each trial is a run in OUT/trials; one
    that lags behind is ended early. The same command goes on where it was stopped, and with more --trials beyond its end;
    several processes may work on one search if they share --out and --storage. Nothing is chosen on test: OUT/tune.md shows
    test figures of the winner alone.
    """
    from keras_leuk.cli.terminal import Terminal
    from keras_leuk.cli.train import recipe_keys
    from keras_leuk.recipe import load
    from keras_leuk.store.address import cache_folder
    from keras_leuk.tuning.spelling import read_texts
    from keras_leuk.tuning.storage import optuna
    from keras_leuk.tuning.study import How, plan, search

    how = How(objective, sampler, pruner, trials, _seconds(timeout), storage, name)
    asked = load(recipe, flags=recipe_keys(flags), sets=sets)
    texts = read_texts(searches, space)
    plan(asked, texts, how)
    optuna()
    folder = Path(out) if out else _folder(asked)
    terminal = Terminal()
    try:
        with terminal.hearing_interrupts():
            found = search(asked, texts, folder, how, cache=cache_folder(cache_dir), command=_command(storage), progress=terminal)
    except KeyboardInterrupt:
        if (folder / "trials").is_dir():
            click.echo(f"keras-leuk: {folder} keeps what was done; go on with the same command", err=True)
        raise
    if as_json:
        options.print_json({"out": str(found.out), "running_elsewhere": found.running, **found.summary})
        return
    _print(found)


def _seconds(text: str | None) -> float | None:
    from keras_leuk.errors import UsageError

    if text is None:
        return None
    found = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*([smhd]?)", text.strip())
    if found is None or float(found[1]) == 0:
        raise UsageError(f"--timeout {text!r}: expected seconds, or a time such as 90m or 2h")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]


def _folder(recipe: Any) -> Path:
    """``runs/<data>-<backbone>-tune``: always the same, because the same command is to go on."""
    path = recipe.data.path
    data = path.replace(":", "-") if path in ("demo", "demo:leukocytes") else Path(path).expanduser().absolute().stem
    model = "hand" if recipe.model.features == "hand" else recipe.model.backbone.lower()
    return Path("runs") / f"{recipe.name or f'{data}-{model}'}-tune"


def _command(storage: str | None) -> tuple[str, ...]:
    """The command line as the trials keep it: a database's password is nobody else's business."""
    return ("keras-leuk", *(word.replace(storage, "URL") if storage else word for word in sys.argv[1:]))


def _print(found: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    from keras_leuk.reporting.style import with_interval
    from keras_leuk.reporting.tuning_tables import shown

    summary, winner = found.summary, found.summary["winner"]
    console = Console(highlight=False, width=None if Console().is_terminal else 110)
    counts = ", ".join(f"{count} {state}" for state, count in summary["trials"].items() if count)
    console.print(f"{summary['data']}: {counts}; trial {winner['number']} wins", style="bold")
    for part in summary["space"]:
        console.print(f"  {part['key']}: {shown(winner['values'][part['key']])}", markup=False)
    compared = summary["trials"]["complete"] + summary["trials"]["pruned"]
    sides = [side for side in ("validation", "test") if side in winner]
    table = Table()
    table.add_column("measure")
    for side in sides:
        people = f", {winner[side]['subjects']} subjects" if winner[side]["subjects"] else ""
        best = f"\nbest of {compared}: too good" if side == "validation" else ""
        table.add_column(f"{side} (n = {winner[side]['n']}{people}){best}", justify="right")
    for name in ("loss", "accuracy", "balanced_accuracy", "macro_f1", "roc_auc"):
        words = "log loss" if name == "loss" else name.replace("_", " ")
        table.add_row(words, *(with_interval(winner[side][name]) for side in sides))
    console.print(table)
    interval = summary["interval"]
    console.print(f"value ({100 * interval['confidence']:g} % interval, bootstrap over {interval['units']})", style="dim")
    for warning in summary["warnings"]:
        console.print(f"[bold yellow]warning:[/] {warning}")
    if found.running:
        console.print(f"{found.running} trial{'s are' if found.running > 1 else ' is'} still at work in other processes")
    click.echo(f"search:  {found.out}")
    click.echo(f"report:  {found.out / 'tune.md'}")
    click.echo(f"winner:  {found.out / winner['run']} (recipe: {found.out / 'best.yaml'})")
