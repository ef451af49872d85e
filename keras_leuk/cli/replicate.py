"""``keras-leuk replicate``."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_leuk.cli import options

if TYPE_CHECKING:
    from keras_leuk.papers.replicate import Outcome, Planned


@click.command()
@click.argument("paper")
@click.option("--data", required=True, metavar="D", help="Folder or table of images, or demo: generated cells.")
@click.option("--reader", metavar="R", help="How the data are read [default: recognised]; cnmc, folders, table.")
@click.option(
    "--protocol",
    type=click.Choice(["paper", "honest", "both"]),
    default="both",
    show_default=True,
    help="As the paper did it; by subject, chosen on validation; or both, side by side.",
)
@click.option("--arm", metavar="A", help="A reading of what the paper leaves open; see: keras-leuk papers show PAPER.")
@click.option("--only", metavar="A,B", help='Only these values of its grids, such as "VGG16,Adam" or "epochs=100".')
@click.option(
    "--budget", metavar="T", help="Trim seeds, epochs, images and pixels to such a time, as 3m or 2h; every table says what."
)
@click.option("--stand-in", "stand_ins", multiple=True, metavar="BLA=IG", help="A class of the data in place of a published one.")
@click.option("--instead", "instead", multiple=True, metavar="A=B", help="Backbone B in the place of the paper's backbone A.")
@click.option("--weights-dir", metavar="DIR", help="Folder with Keras' own weight files, looked at first.")
@click.option("--random-weights", is_flag=True, help="Go on with random weights where ImageNet's are not at hand.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Set any key of the recipes; may be repeated.")
@click.option(
    "--out", type=click.Path(), metavar="DIR", help="Folder [default: replications/<paper>]; what is there is not trained again."
)
@options.jobs
@options.executor
@options.address
@options.retry_failed
@click.option("--dry-run", is_flag=True, help="Print data, splits, cells and an estimate, and train nothing.")
@options.cache_dir
@options.as_json
def replicate(
    paper: str,
    data: str,
    reader: str | None,
    protocol: str,
    arm: str | None,
    only: str | None,
    budget: str | None,
    stand_ins: tuple[str, ...],
    instead: tuple[str, ...],
    weights_dir: str | None,
    random_weights: bool,
    sets: tuple[str, ...],
    out: str | None,
    jobs: int,
    executor: str,
    address: str | None,
    retry_failed: bool,
    dry_run: bool,
    cache_dir: str | None,
    as_json: bool,
) -> None:
    """Run a paper's experiment again and set its printed numbers beside the measured ones.

    PAPER is a key that keras-leuk papers lists. Cells that are there are not trained again: one that was stopped goes on.
    """
    from keras_leuk.cli.grid_view import complain, watching
    from keras_leuk.cli.terminal import Terminal
    from keras_leuk.devices.threads import cores
    from keras_leuk.grid.executors import Choice
    from keras_leuk.papers.library import paper as find
    from keras_leuk.papers.replicate import claim, plan_replication
    from keras_leuk.papers.replicate import replicate as run
    from keras_leuk.papers.replicate_data import demo_for
    from keras_leuk.papers.replicate_request import Wanted
    from keras_leuk.store.address import cache_folder

    place = Choice(executor, jobs, address)
    found = find(paper)
    flags = {"data.reader": reader, "model.weights_dir": weights_dir}
    wanted = Wanted(
        demo_for(found, data),
        ("paper", "honest") if protocol == "both" else (protocol,),
        arm,
        _words(only),
        _seconds(budget),
        _pairs("--stand-in", stand_ins, "BLA=IG"),
        _pairs("--instead", instead, "inceptionv3=xception"),
        random_weights,
        {key: value for key, value in flags.items() if value is not None},
        sets,
    )
    terminal, cache = Terminal(), cache_folder(cache_dir)
    command = ["keras-leuk", *sys.argv[1:]]
    folder = Path(out) if out else Path("replications") / (paper if arm is None else f"{paper}-{arm}")
    if folder.exists():
        claim(folder, found)  # what is wrong with it need not wait for the data to be read
    with terminal.hearing_interrupts():
        planned = plan_replication(found, wanted, cache=cache, jobs=jobs or cores(), progress=terminal)
        if dry_run:
            _print_plan(planned, folder, terminal, as_json)
            return
        with watching(terminal, folder, command) as view:
            outcome = run(
                planned,
                folder,
                executor=lambda plan, waiting: place.make(plan.routes, waiting),
                cache=cache,
                command=command,
                progress=terminal,
                watch=view,
                retry_failed=retry_failed,
            )
    _print_outcome(outcome, as_json)
    complain(outcome.failed, "the page has what finished")


_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def _seconds(text: str | None) -> float | None:
    from keras_leuk.errors import UsageError

    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d)", text.strip())
    if not match or float(match[1]) <= 0:
        raise UsageError(f"--budget {text!r}: expected a time such as 90s, 3m, 2h or 1d")
    return float(match[1]) * _UNITS[match[2]]


def _pairs(flag: str, texts: tuple[str, ...], example: str) -> dict[str, str]:
    from keras_leuk.errors import UsageError

    found: dict[str, str] = {}
    for text in texts:
        published, equals, here = (part.strip() for part in text.partition("="))
        if not (published and equals and here):
            raise UsageError(f"{flag} {text!r}: expected PUBLISHED=HERE, such as {example}")
        if published in found:
            raise UsageError(f"{flag} {text!r}: {published} has {found[published]} in its place already")
        found[published] = here
    return found


def _words(only: str | None) -> tuple[str, ...]:
    from keras_leuk.errors import UsageError

    words = tuple(word.strip() for word in only.split(",")) if only is not None else ()
    if not all(words):
        raise UsageError(f'--only {only!r}: a word is empty; expected words such as "VGG16,Adam"')
    return words


def _print_plan(planned: Planned, folder: Path, progress: Any, as_json: bool) -> None:
    """The dry run: data, splits, cells, what they share, and an estimate."""
    from keras_leuk.cli.grid_view import print_plan
    from keras_leuk.grid.estimate import estimate, together

    told = []
    for study, plan in planned.studies:
        recipe = plan.cells[0].recipe
        sides = plan.ground.splits(recipe)[0].rows["split"].value_counts()
        counts = {side: int(sides.get(side, 0)) for side in ("train", "validation", "test")}
        pieces = estimate(plan, folder / "grids" / study.name, progress)
        told.append(
            {
                "protocol": study.protocol.name,
                "grid": study.name,
                "cells": len(plan.cells),
                "paths": len(plan.routes),
                "images": counts,
                "seconds": together(pieces, 1),
                "bytes": sum(piece.disk for piece in pieces),
            }
        )
        if not as_json:
            shown = ", ".join(f"{side} {number:,}" for side, number in counts.items())
            click.echo(f"\nprotocol {study.protocol.name}, grid {study.name}: {len(plan.cells)} cells; images: {shown}")
            print_plan(plan, pieces, False)
    changes = {
        name: [*planned.adapted.get(name, ()), *(f"trimmed: {line}" for line in planned.trimmed.get(name, ()))]
        for name in planned.wanted.protocols
    }
    if as_json:
        from dataclasses import asdict

        checks = [asdict(check) for check in planned.data.checks]
        options.print_json(
            {"paper": planned.paper.key, "data": {"name": planned.data.name, "checks": checks}, "grids": told}
            | {"changes": changes, "notes": list(planned.notes), "budget": planned.wanted.budget, "estimate": planned.estimate}
        )
        return
    click.echo(f"\ndata: {planned.data.name}; " + ("the paper's" if planned.data.the_papers else "not the paper's:"))
    for check in planned.data.checks:
        click.echo(f"  {check.what}: {check.here}" + ("" if check.agrees else f" ({check.words}; the paper has {check.paper})"))
    for name, lines in changes.items():
        for line in lines:
            click.echo(f"protocol {name}: {line}")
    for note in planned.notes:
        click.echo(f"note: {note}")


def _print_outcome(outcome: Outcome, as_json: bool) -> None:
    facts = outcome.facts
    if as_json:
        options.print_json({"out": str(outcome.out), "reading": facts["reading"], "files": list(outcome.files)})
        return
    for name, counts in facts["reading"].items():
        told = ", ".join(f"{number} {verdict}" for verdict, number in counts.items())
        click.echo(f"protocol {name}: published numbers: {told}")
    click.echo(f"page:   {outcome.out / 'replication.html'}")
    click.echo(f"tables: {outcome.out / 'tables'}")
