"""report.md: the page to read first, with its figures and the numbers behind them.

Start from `write_report`. It reads a run folder and writes report.md, figures/*.png and figures/*.csv into it; it changes
nothing else, may be repeated, and gives the same bytes again.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from keras_leuk.errors import RunError
from keras_leuk.progress import Progress
from keras_leuk.reporting.cautions import cautions
from keras_leuk.reporting.contents import Contents, read_contents
from keras_leuk.reporting.figures import NAMES, drawings, split_words
from keras_leuk.reporting.style import save
from keras_leuk.reporting.tables import (
    class_table,
    escape,
    folds_table,
    markdown,
    matrix_table,
    metrics_table,
    run_table,
    size_of,
)
from keras_leuk.runs.atomic import write_bytes, write_text
from keras_leuk.runs.folder import RunFolder


@dataclass(frozen=True)
class Plate:
    """A figure as the page shows it: its file name without suffix, its heading, its words."""

    name: str
    title: str
    words: str


def write_report(folder: RunFolder, progress: Progress | None = None, *, figures: bool = True) -> Path:
    """Draws all figures of a run and writes its page.

    Args:
        folder: a run folder with at least predictions.csv and predictions.json.
        progress: is told of each figure.
        figures: whether to draw any; where a grid has hundreds of runs, they are drawn when somebody asks for one.

    Returns:
        the path of report.md.

    Raises:
        RunError: the predictions are missing or wrong, a file that is there cannot be read, or the folder cannot be written.
    """
    contents = read_contents(folder)
    try:
        plates = _draw(folder, contents, progress or Progress()) if figures else []
        write_text(folder.report, page(contents, plates))
    except OSError as error:
        raise RunError(f"the report cannot be written into {folder.path}: {error.strerror or error}") from None
    return folder.report


def page(contents: Contents, plates: list[Plate]) -> str:
    """The text of report.md."""
    meaning, metrics, side = contents.predictions.meaning, contents.metrics, contents.judged
    blocks = [f"# {escape(meaning.model)} on {escape(meaning.data)}"]
    warnings = cautions(contents)
    if warnings:
        blocks.append("\n".join(["> **Read this first**", ">", *(f"> - **Warning:** {escape(line)}" for line in warnings)]))
    blocks += ["## What was run", run_table(contents), "## Metrics", metrics_table(metrics), _how_intervals(contents)]
    if "folds" in metrics:
        blocks += ["### Each fold (test)", folds_table(metrics), escape(metrics["pooled"].capitalize()) + "."]
    blocks += [f"### Each class: {size_of(side, metrics[side])}", class_table(metrics[side])]
    positive = f" The positive class is {escape(meaning.positive)}." if meaning.positive is not None else ""
    blocks += [
        f"### Confusion matrix: {size_of(side, metrics[side])}",
        matrix_table(metrics[side], meaning.positive),
        f"Rows are the true class, columns the predicted class.{positive}",
    ]
    blocks.append("## Figures" if plates else "Figures were not drawn; `keras-leuk evaluate` with this run's path draws them.")
    for plate in plates:
        shown = f"![{escape(plate.words)}](figures/{plate.name}.png)"
        blocks += [
            f"### {plate.title}",
            shown,
            f"{escape(plate.words)} Numbers: [figures/{plate.name}.csv](figures/{plate.name}.csv).",
        ]
    blocks += [
        "## How the numbers are made",
        _definitions(contents),
        "## Split",
        _split(contents),
        "## Do it again",
        _again(contents),
    ]
    return "\n\n".join(blocks) + "\n"


def _draw(folder: RunFolder, contents: Contents, progress: Progress) -> list[Plate]:
    folder.figures.mkdir(exist_ok=True)
    plates = []
    with progress.stage("drawing", len(NAMES), "figures") as advance:
        for drawing in drawings(contents):
            save(drawing.figure, folder.figures / f"{drawing.name}.png")
            _write_table(folder.figures / f"{drawing.name}.csv", drawing.table)
            plates.append(Plate(drawing.name, drawing.title, drawing.words))
            advance(1)
    # What an earlier report drew and this one does not would be taken for a figure of this run.
    for name in set(NAMES) - {plate.name for plate in plates}:
        (folder.figures / f"{name}.png").unlink(missing_ok=True)
        (folder.figures / f"{name}.csv").unlink(missing_ok=True)
    return plates


def _write_table(path: Path, table: pd.DataFrame) -> None:
    write_bytes(path, lambda temporary: table.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8"))


def _how_intervals(contents: Contents) -> str:
    interval = contents.metrics["interval"]
    unit = interval["unit"]
    drawn = f"{unit}s are" if unit in ("subject", "image") else "subjects (images, on a side where one is unknown) are"
    others = "people" if unit == "subject" else "images"
    outside = ""
    sides = [contents.metrics[side] for side in ("validation", "test") if contents.metrics[side]["n"]]
    if any(facts["ece"]["low"] is not None and facts["ece"]["value"] < facts["ece"]["low"] for facts in sides):
        outside = (
            " The calibration error lies below its own interval: resampling makes the bins rougher, which mostly raises it; "
            "read the interval as a cautious one."
        )
    return (
        f"In brackets: {100 * interval['confidence']:g} % interval, bootstrap percentiles of {interval['resamples']:,} resamples "
        f"(seed {interval['seed']}); {drawn} drawn with replacement, with all their rows. "
        f"It speaks about other {others}, not about other trainings of the model. "
        "Resamples that do not define a measure are left out and counted in metrics.json."
        f"{outside}"
    )


def _definitions(contents: Contents) -> str:
    sentences = contents.metrics["definitions"]
    rows = [[name.replace("_", " "), sentence] for name, sentence in sentences.items()]
    table = markdown(["measure", "definition"], rows).replace("| :-- | --: |", "| :-- | :-- |", 1)
    told = contents.predictions.meaning.to_probability
    outputs = f" From outputs to probabilities: {escape(told).rstrip('.')}." if told else ""
    return f"Everything on this page is computed from predictions.csv and predictions.json alone.{outputs}\n\n{table}"


def _split(contents: Contents) -> str:
    meaning = contents.predictions.meaning
    watched = {
        "validation": "Early stopping watched the validation side; the test side was looked at once, at the end.",
        "test": "**Early stopping watched the test side**, so the test numbers are too good.",
        "none": "No side was watched during training.",
    }[meaning.selection]
    told = escape(meaning.description).rstrip(".")
    description = f" {told[:1].upper()}{told[1:]}." if told else ""
    linked = "".join(f"\n- {escape(line)}" for line in meaning.linked)
    linked = f"\n\nSubjects that hold the same cells:\n{linked}" if linked else ""
    checked = "".join(f"\n- {escape(line)}" for line in meaning.checked)
    checked = f"\n\nLooked for on two sides of the split:\n{checked}" if checked else ""
    words = escape(split_words(contents)).capitalize()
    return f"{words}.{description} {watched} Every image and its side are in split.csv.{checked}{linked}"


def _again(contents: Contents) -> str:
    if contents.members:
        runs = " ".join(shlex.quote(run) for run, _ in contents.members)
        weights = ",".join(f"{weight:g}" for _, weight in contents.members)
        line = f"keras-leuk ensemble {runs} --weights {weights} --out again"
        return f"```\n{line}\n```\n\nThe members and their weights are in ensemble.json."
    text = "```\nkeras-leuk train recipe.yaml --out again\n```\n\nwith the recipe.yaml of this folder."
    command = contents.environment.get("command")
    if isinstance(command, list):
        command = " ".join(map(str, command))
    return text + (f" This run was started with:\n\n```\n{command}\n```" if command else "")
