"""``keras-leuk train``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from keras_leuk.cli import options


@click.command()
@click.argument("recipe", required=False)
@options.recipe_flags
@options.sets
@options.out
@click.option("--resume", is_flag=True, help="Continue the unfinished run in --out.")
@click.option("--overwrite", is_flag=True, help="Replace the run in --out.")
@options.threads
@click.option("--profile", is_flag=True, help="Keep where the time went, and TensorFlow's trace, in the run folder's profile/.")
@options.cache_dir
@options.as_json
def train(
    recipe: str | None,
    sets: tuple[str, ...],
    out: str | None,
    resume: bool,
    overwrite: bool,
    threads: int | None,
    profile: bool,
    cache_dir: str | None,
    as_json: bool,
    **flags: Any,
) -> None:
    """Train one classifier and judge it.

    RECIPE is a YAML file or the name of a shipped recipe (see: keras-leuk recipes); flags override its keys. Without --data the
    generated demo cells are used. Writes a run folder with the recipe, split, history, predictions, metrics with intervals,
    figures, weights and report.md. On a 2-core laptop the demo takes a few minutes, most of it one pass through the backbone.
    """
    from keras_leuk.cli.terminal import Terminal
    from keras_leuk.devices.threads import grant
    from keras_leuk.errors import UsageError
    from keras_leuk.recipe import load
    from keras_leuk.runs.folder import RunFolder
    from keras_leuk.store.address import cache_folder
    from keras_leuk.training.preflight import check

    if resume and overwrite:
        raise UsageError("--resume continues a run and --overwrite replaces it; give one of them")
    if resume and not out:
        raise UsageError("--resume needs --out, the folder of the unfinished run")
    if resume and out and RunFolder(Path(out)).finished:
        _print_result(RunFolder(Path(out)), as_json)
        return
    source = recipe or (str(RunFolder(Path(out)).recipe) if resume and out and RunFolder(Path(out)).started else None)
    asked = load(source, flags=recipe_keys(flags), sets=sets)
    check(asked)
    folder = Path(out) if out else free_folder(asked)
    if threads is not None:
        grant(threads)

    from keras_leuk.training.run import train as run_training

    terminal = Terminal()
    try:
        with terminal.hearing_interrupts(), _profiled(terminal, profile) as (listener, keep_profile):
            outcome = run_training(
                asked,
                folder,
                cache=cache_folder(cache_dir),
                resume=resume,
                overwrite=overwrite,
                command=["keras-leuk", *sys.argv[1:]],
                progress=listener,
            )
            keep_profile(outcome.run)
    except KeyboardInterrupt:
        _say_what_is_kept(RunFolder(folder))
        raise
    _print_result(outcome.run, as_json)


@contextmanager
def _profiled(terminal: Any, wanted: bool) -> Iterator[tuple[Any, Callable[[Any], None]]]:
    """The listener of a run, and what is to be called with the finished run's folder."""
    if not wanted:
        yield terminal, lambda run: None
        return
    import tempfile

    from keras_leuk.training.profile import Profiler, write_profile

    with tempfile.TemporaryDirectory() as folder:
        traced = Path(folder) / "trace"
        yield Profiler(terminal, traced), lambda run: click.echo(write_profile(run, traced), err=True)


def recipe_keys(flags: dict[str, Any]) -> dict[str, Any]:
    """Flags as keys of the recipe."""
    keys = {
        "data": "data.path",
        "backbone": "model.backbone",
        "weights": "model.weights",
        "weights_dir": "model.weights_dir",
        "head": "model.head",
        "features": "model.features",
        "epochs": "training.epochs",
        "batch_size": "training.batch_size",
        "optimizer": "training.optimizer.name",
        "learning_rate": "training.learning_rate.initial",
        "image_size": "images.size",
        "split": "split.strategy",
        "folds": "split.folds",
        "seed": "seed",
        "engine": "model.engine",
        "features_dtype": "model.features_dtype",
        "fine_tune": "model.fine_tune",
        "mixed_precision": "training.mixed_precision",
    }
    given = {keys[name]: value for name, value in flags.items() if value is not None}
    split = given.get("split.strategy")
    if split is not None and (split.endswith(".csv") or Path(split).is_file()):
        given["split.file"] = given.pop("split.strategy")
    if "split.folds" in given and "split.strategy" not in given:
        given["split.strategy"] = "folds"
    layers = given.get("model.fine_tune")
    if layers is not None and layers.isdigit():
        given["model.fine_tune"] = int(layers)
    return given


def free_folder(recipe: Any) -> Path:
    """``runs/<data>-<backbone>`` (``hand`` without one), or the first number behind it that is free."""
    path = recipe.data.path
    # A colon is no part of a folder's name on every system.
    data = path.replace(":", "-") if path in ("demo", "demo:leukocytes") else Path(path).expanduser().absolute().stem
    model = "hand" if recipe.model.features == "hand" else recipe.model.backbone.lower()
    stem = recipe.name or f"{data}-{model}"
    folder = Path("runs") / stem
    number = 2
    while folder.exists():
        folder = Path("runs") / f"{stem}-{number}"
        number += 1
    return folder


def _say_what_is_kept(run: Any) -> None:
    if run.finished:
        click.echo(f"keras-leuk: the finished run in {run.path} is as it was", err=True)
    elif run.started:
        again = f"keras-leuk train --resume --out {shlex.quote(str(run.path))}"
        click.echo(f"keras-leuk: {run.path} keeps what was done; continue with: {again}", err=True)
    else:
        click.echo("keras-leuk: no run was begun; images and features computed so far stay in the cache", err=True)


def _print_result(run: Any, as_json: bool) -> None:
    from keras_leuk.cli.summary import print_next, print_summary

    metrics = run.read_json(run.metrics)
    if as_json:
        warnings = run.read_json(run.meaning)["warnings"]
        options.print_json({"run": str(run.path), "finished": True, "warnings": warnings, "metrics": metrics})
        return
    print_summary(run, metrics)
    click.echo(f"run:     {run.path}")
    click.echo(f"report:  {run.report}")
    print_next(run)
