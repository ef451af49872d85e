"""The numbers of a run on one screen."""

from __future__ import annotations

import shlex
from typing import Any

import click
from rich.console import Console
from rich.table import Table

SHOWN = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "roc_auc", "mcc")


def print_summary(run: Any, metrics: dict[str, Any]) -> None:
    """Validation and test figures with intervals, n and subjects, on standard output."""
    meaning = run.read_json(run.meaning)
    console = Console(highlight=False, width=None if Console().is_terminal else 110)
    sides = [side for side in ("validation", "test") if metrics[side].get("n")]
    percent = round(100 * meaning["interval"]["confidence"])
    console.print(f"{meaning['data']}: {meaning['model']}; split: {meaning['split']['strategy']}", style="bold")
    table = Table()
    table.add_column("measure")
    for side in sides:
        subjects = metrics[side].get("subjects")
        people = f", {subjects} subjects" if subjects else ""
        table.add_column(f"{side} (n = {metrics[side]['n']}{people})", justify="right")
    for name in SHOWN:
        table.add_row(name.replace("_", " "), *(_cell(metrics[side][name]) for side in sides))
    console.print(table)
    unit = metrics["interval"].get("unit", "image")
    positive = f"; positive class {metrics['positive']}" if metrics.get("positive") else "; macro over the classes"
    console.print(f"value ({percent} % interval, bootstrap over {unit}s{positive})", style="dim")
    for warning in meaning["warnings"]:
        console.print(f"[bold yellow]warning:[/] {warning}")


def print_next(run: Any) -> None:
    """The next useful command; of a cross-validation it takes one fold's model. An ensemble has no model of its own."""
    if run.ensemble.exists():
        return
    target = next(iter(sorted(run.folds.iterdir())), run.path) if run.folds.is_dir() else run.path
    click.echo(f"next:    keras-leuk predict {shlex.quote(str(target))} IMAGE_OR_FOLDER")


def _cell(entry: dict[str, Any]) -> str:
    if entry["value"] is None:
        return f"undefined ({entry.get('reason', 'no reason given')})"
    if entry["low"] is None:
        return f"{entry['value']:.3f}"
    return f"{entry['value']:.3f} ({entry['low']:.3f}–{entry['high']:.3f})"
