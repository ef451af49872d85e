"""``keras-leuk evaluate``."""

from __future__ import annotations

from pathlib import Path

import click

from keras_leuk.cli import options


@click.command()
@click.argument("run", type=click.Path())
@click.option("--figures/--no-figures", default=True, show_default=True, help="Draw the figures and write the report again, too.")
@options.as_json
def evaluate(run: str, figures: bool, as_json: bool) -> None:
    """Compute a run's metrics, figures and report again, from its tables alone.

    RUN is a finished run folder; images and TensorFlow are not needed. Writes metrics.json, figures/ and report.md into it.
    Takes seconds.
    """
    from keras_leuk.evaluation.metrics import write_metrics
    from keras_leuk.runs.folder import open_for_reading

    folder = open_for_reading(Path(run))
    before = folder.metrics.read_bytes() if folder.metrics.exists() else None
    metrics = write_metrics(folder)
    same = before == folder.metrics.read_bytes()
    if figures:
        from keras_leuk.reporting.report import write_report

        write_report(folder)
    if as_json:
        warnings = folder.read_json(folder.meaning)["warnings"]
        options.print_json({"run": str(folder.path), "unchanged": same, "warnings": warnings, "metrics": metrics})
        return
    from keras_leuk.cli.summary import print_next, print_summary

    print_summary(folder, metrics)
    click.echo(f"metrics: {folder.metrics} ({'as it was, to the byte' if same else 'changed' if before else 'new'})")
    print_next(folder)
