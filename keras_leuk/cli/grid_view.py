"""What a user sees of a grid: how its paths stand while they are trained, the plan, and what came of it."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from keras_leuk.cli import options
from keras_leuk.cli.terminal import Terminal
from keras_leuk.errors import LeukError
from keras_leuk.grid.estimate import CELL_SECONDS, START_SECONDS, Piece, together
from keras_leuk.grid.execute import Going
from keras_leuk.grid.plan import Plan
from keras_leuk.grid.run import GridOutcome

_STYLES = {"finished": "green", "running": "bold", "failed": "bold red", "waiting": "dim"}

MOST_ROWS = 30
"""Paths shown at a time; of more, those under way and what is nearest to them."""


class GridView:
    """A table of paths that is drawn anew on a terminal; elsewhere a line for each path that ends, and now and then one between.

    Call it with the paths as often as you like.
    """

    EVERY = 30.0
    """Seconds between lines where there is no terminal."""

    def __init__(self, terminal: Terminal):
        self.terminal = terminal
        self._live: Live | None = None
        self._said: set[str] = set()
        self._began = self._last = time.monotonic()

    def __call__(self, paths: Sequence[Going]) -> None:
        if self.terminal.console.is_terminal:
            if self._live is None:
                self._live = Live(console=self.terminal.console, refresh_per_second=4, transient=True)
                self._live.start()
            self._live.update(Group(_table(paths), Text(self._sum(paths))))
            return
        self._lines(paths)

    def close(self) -> None:
        """Takes the table off the screen."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _lines(self, paths: Sequence[Going]) -> None:
        news = False
        for going in paths:
            if going.began is not None and going.ended is not None and going.folder.path.name not in self._said:
                self._said.add(going.folder.path.name)
                what = "finished" if going.state == "finished" else f"FAILED: {going.error}"
                self.terminal.console.print(Text(f"{going.route.title}: {what}, {_clock(going.ended - going.began)}"))
                news = True
        if news or time.monotonic() - self._last >= self.EVERY:
            self._last = time.monotonic()
            running = "; ".join(f"{going.route.title}: {_stage(going)}" for going in paths if going.state == "running")
            self.terminal.console.print(Text(self._sum(paths) + (f"; {running}" if running else "")))

    def _sum(self, paths: Sequence[Going]) -> str:
        done = sum(len(going.there) for going in paths)
        cells = sum(len(going.route.cells) for going in paths)
        failed = sum(len(going.wanted) for going in paths if going.state == "failed")
        left = _left(paths, time.monotonic() - self._began)
        words = f"{done} of {cells} cells" + (f", {failed} failed" if failed else "")
        return (
            words + f", {_clock(time.monotonic() - self._began)}" + (f", about {_clock(left)} left" if left is not None else "")
        )


def _left(paths: Sequence[Going], passed: float) -> float | None:
    """Seconds left, from the share of epochs that are done since the grid began."""
    work = done = 0.0
    for going in paths:
        if going.began is None and going.state != "waiting":
            continue
        wanted = float(going.route.epochs)
        work += wanted
        if going.ended is not None:
            done += wanted
        elif going.status.stage == "training" and going.status.total:
            done += wanted * going.status.done / going.status.total
    return passed * (work - done) / done if done and work > done else None


def _table(paths: Sequence[Going]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name, justify in (("path", "left"), ("state", "left"), ("cells", "right"), ("now", "left")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("best val. accuracy", justify="right")
    table.add_column("left", justify="right")
    shown = list(paths)
    if len(shown) > MOST_ROWS:
        first = next((place for place, going in enumerate(shown) if going.state in ("running", "waiting")), 0)
        begin = max(0, min(first - 5, len(shown) - MOST_ROWS))
        shown = shown[begin : begin + MOST_ROWS]
    for going in shown:
        status = going.status
        running = going.state == "running"
        table.add_row(
            going.route.title,
            Text(going.state, style=_STYLES[going.state]),
            f"{len(going.there)}/{len(going.route.cells)}",
            _stage(going) if running else (going.error or "")[:60],
            f"{status.best:.3f}" if status.best is not None else "",
            _clock(status.left) if running and status.left is not None else "",
        )
    if len(paths) > len(shown):
        table.add_row(Text(f"… {len(paths) - len(shown)} more", style="dim"))
    return table


def _stage(going: Going) -> str:
    status = going.status
    if not status.total:
        return status.stage
    unit = "epoch" if status.unit == "epochs" else status.unit
    return f"{unit} {status.done}/{status.total}" if unit == "epoch" else f"{status.stage} {status.done}/{status.total}"


def _clock(seconds: float) -> str:
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


@contextmanager
def watching(terminal: Terminal, folder: Path, command: Sequence[str]) -> Iterator[GridView]:
    """A view that leaves the screen at the end; on an interrupt it says what stays, and how to go on."""
    view = GridView(terminal)
    try:
        yield view
    except KeyboardInterrupt:
        view.close()
        click.echo(f"keras-leuk: {folder} keeps what is finished; go on with: {shlex.join(command)}", err=True)
        raise
    finally:
        view.close()


def complain(failed: Sequence[Going], remains: str) -> None:
    """Ends the command with an error if any path has failed.

    Args:
        remains: what the user has nonetheless.

    Raises:
        LeukError: with the number of cells, and the first reason.
    """
    if failed:
        first = failed[0]
        raise LeukError(
            f"{sum(len(going.wanted) for going in failed)} cells failed, first {first.route.title}: {first.error}; "
            f"{remains}; try again with --retry-failed"
        )


def print_plan(plan: Plan, pieces: Sequence[Piece], as_json: bool) -> None:
    """The dry run: paths and their cells, and what they will take."""
    disk, seconds = sum(piece.disk for piece in pieces), together(pieces, 1)
    if as_json:
        options.print_json(
            {
                "cells": [{"cell": cell.name, **dict(cell.values)} for cell in plan.cells],
                "paths": [[cell.name for cell in route.cells] for route in plan.routes],
                "notes": list(plan.notes),
                "waiting": sum(piece.waiting for piece in pieces),
                "seconds": seconds,
                "bytes": disk,
            }
        )
        return
    by_path = {piece.route.address: piece for piece in pieces}
    stored = list(dict.fromkeys(route.features for route in plan.routes if route.features))
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("path", "epochs of its cells", "features", "to train", "time", "disk"):
        table.add_column(name, justify="left" if name in ("path", "epochs of its cells", "features") else "right")
    for route in plan.routes:
        piece = by_path.get(route.address)
        table.add_row(
            route.title,
            ", ".join(str(cell.epochs) for cell in route.cells),
            f"F{stored.index(route.features) + 1}" if route.features else "backbone is trained",
            f"{piece.epochs} epochs" if piece else "nothing",
            _clock(piece.seconds) if piece else "",
            f"{piece.disk / 1e6:.0f} MB" if piece else "",
        )
    _print(table)
    for note in plan.notes:
        click.echo(f"note: {note}")
    extraction = sum(piece.extraction for piece in pieces)
    there = len(plan.cells) - sum(piece.waiting for piece in pieces)
    words = f"{len(plan.cells)} cells on {len(plan.routes)} paths" + (f"; {there} cells are there already" if there else "")
    time_words = f"about {_clock(seconds)} one after another on this machine ({_clock(extraction)} of it features)"
    click.echo(f"{words}; {time_words} and {disk / 1e6:.0f} MB")
    if stored:
        click.echo("F1, F2, ...: paths with the same letter and number share the features of a frozen backbone, extracted once")
    click.echo(
        f"measured: a forward pass and an epoch or a step of each network; assumed: {CELL_SECONDS:g} s a cell for evaluation and "
        f"figures, {START_SECONDS:g} s for each process to start"
    )


def print_outcome(outcome: GridOutcome, as_json: bool) -> None:
    """Test accuracies, the choice, and where everything lies."""
    summary = dict(outcome.summary)
    if as_json:
        options.print_json({"grid": str(outcome.grid.path), **summary})
        return
    from keras_leuk.cli.terminal import columns
    from keras_leuk.reporting.grid_tables import grid_table_lines

    if summary:
        for line in grid_table_lines(outcome.grid.path, columns()):
            click.echo(line)
    click.echo(f"grid:    {outcome.grid.path}")
    click.echo(f"table:   {outcome.grid.table}")
    if summary:
        click.echo(f"report:  {outcome.grid.path / 'grid.html'}")


def _print(table: Table) -> None:
    from rich.console import Console

    Console(width=None if Console().is_terminal else 140).print(table)
