"""``keras-leuk ensemble``."""

from __future__ import annotations

from pathlib import Path

import click

from keras_leuk.cli import options


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(), metavar="RUN RUN...")
@click.option("--out", required=True, type=click.Path(), metavar="DIR", help="Folder of the result, laid out like a run's.")
@click.option(
    "--weights",
    default="equal",
    show_default=True,
    metavar="W",
    help="equal; numbers such as 2,1,1, one for each run; or validation: those with the smallest log loss there.",
)
@click.option("--overwrite", is_flag=True, help="Replace the run in --out.")
@options.as_json
def ensemble(runs: tuple[str, ...], out: str, weights: str, overwrite: bool, as_json: bool) -> None:
    """Judge several finished runs as one, by the mean of their probabilities.

    The runs must have split the same images in the same way (--split RUN/split.csv). Images and TensorFlow are not needed.
    """
    from keras_leuk.errors import UsageError
    from keras_leuk.training.ensemble import ensemble as average

    given: str | list[float] = weights
    if weights not in ("equal", "validation"):
        try:
            given = [float(part) for part in weights.split(",")]
        except ValueError:
            raise UsageError(f"--weights {weights!r}: expected equal, validation, or numbers such as 2,1,1") from None
    made = average([Path(run) for run in runs], Path(out), weights=given, overwrite=overwrite)
    if as_json:
        warnings = made.run.read_json(made.run.meaning)["warnings"]
        members = [{"run": run, "weight": weight} for run, weight in zip(runs, made.weights, strict=True)]
        options.print_json({"run": str(made.run.path), "members": members, "warnings": warnings, "metrics": made.metrics})
        return
    from keras_leuk.cli.summary import print_summary

    print_summary(made.run, made.metrics)
    for run, weight in zip(runs, made.weights, strict=True):
        click.echo(f"member:  {run} (weight {weight:.3g})")
    click.echo(f"run:     {made.run.path}")
    click.echo(f"report:  {made.run.report}")
