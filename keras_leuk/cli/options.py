"""Options that several commands share, spelt the same everywhere."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

out = click.option("--out", type=click.Path(), metavar="DIR", help="Run folder [default: runs/<data>-<backbone>, numbered].")
cache_dir = click.option(
    "--cache-dir",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Folder of shared work: decoded images, features, the demo [default: KERAS_LEUK_CACHE, else the user's cache folder].",
)
sets = click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set any key of the recipe, such as split.test=0.25; may be repeated.",
)
jobs = click.option(
    "--jobs", type=click.IntRange(0), default=0, metavar="N", help="Processes at a time [default: by cores and memory]."
)
executor = click.option("--executor", default="processes", show_default=True, metavar="E", help="processes, or ray (extra: ray).")
address = click.option("--address", metavar="HOST:PORT", help="A running Ray cluster; without it, Ray starts on this machine.")
threads = click.option(
    "--threads", type=click.IntRange(1), metavar="N", help="Threads that compute [default: KERAS_LEUK_THREADS, or all]."
)
retry_failed = click.option("--retry-failed", is_flag=True, help="Try again what failed before.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output and nothing else there.")


def picture(out: str) -> Path:
    """The PNG file that a command is to write, checked before the command begins to work.

    Raises:
        UsageError: another suffix, a folder of that name, or no folder to write it into.
    """
    from keras_leuk.errors import UsageError

    path = Path(out).expanduser()
    if path.suffix.lower() != ".png":
        raise UsageError(f"--out {out!r} must be a PNG file, such as {path.with_suffix('.png').name or 'picture.png'}")
    if path.is_dir():
        raise UsageError(f"--out {out} is a folder; name a PNG file in it")
    if not path.parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UsageError(f"--out {out}: the folder {path.parent} cannot be written")
    return path


def print_json(value: Any) -> None:
    """One object on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def recipe_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Every flag that overrides a key of the recipe."""
    return recipe_flags_but()(command)


def recipe_flags_but(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Every flag that overrides a key of the recipe, but for those that a command spells in a way of its own."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for name, option in reversed(_recipe_options()):
            if name not in names:
                command = option(command)
        return command

    return decorate


def _recipe_options() -> list[tuple[str, Any]]:
    """Each flag with the click option that it is."""
    from keras_leuk.recipe.schema import Recipe

    plain = Recipe()

    def flag(name: str, key: str, meaning: str, **settings: Any) -> tuple[str, Any]:
        value: Any = plain
        for part in key.split("."):
            value = getattr(value, part)
        shown = f"[{key}; default: {value}]" if value is not None else f"[{key}]"
        return name, click.option(name, **settings, help=f"{meaning} {shown}")

    return [
        flag("--data", "data.path", "Folder, CSV/TSV table, 'demo', or 'demo:leukocytes' (12 classes).", metavar="PATH"),
        flag("--backbone", "model.backbone", "See: keras-leuk backbones.", metavar="NAME"),
        flag("--weights", "model.weights", "imagenet, random, or a weight file.", metavar="W"),
        flag("--weights-dir", "model.weights_dir", "Folder with Keras' own weight files, looked at first.", metavar="DIR"),
        flag(
            "--head",
            "model.head",
            "A named head, or sklearn:logistic, sklearn:svm, sklearn:forest; layers are spelt out in a recipe.",
            metavar="NAME",
        ),
        flag("--features", "model.features", "What a sklearn head sees: cnn, hand (no backbone) or both.", metavar="F"),
        flag(
            "--engine", "model.engine", "What computes a frozen backbone: auto, tensorflow, xla or openvino (extra).", metavar="E"
        ),
        flag("--features-dtype", "model.features_dtype", "How features are stored: float32 or float16.", metavar="T"),
        flag("--epochs", "training.epochs", "Most epochs to train.", type=int),
        flag("--batch-size", "training.batch_size", "Images a step.", type=int),
        flag("--optimizer", "training.optimizer.name", "adam, rmsprop, adamax, sgd or adamw.", metavar="NAME"),
        flag("--learning-rate", "training.learning_rate.initial", "Initial learning rate.", type=float),
        flag("--image-size", "images.size", "Side of the input in pixels; the backbone's own where not given.", type=int),
        flag(
            "--split", "split.strategy", "subject, random, official, folds, table, or the split.csv of another run.", metavar="S"
        ),
        flag("--folds", "split.folds", "Cross-validate over this many folds.", type=int),
        flag("--seed", "seed", "Seed of split, first weights, order and dropout.", type=int),
        flag(
            "--fine-tune",
            "model.fine_tune",
            "none, all, how many of the last backbone layers, blocks:N or from:LAYER.",
            metavar="L",
        ),
        flag(
            "--mixed-precision",
            "training.mixed_precision",
            "off, float16 (also without a value) or bfloat16.",
            metavar="T",
            is_flag=False,
            flag_value="float16",
        ),
    ]
