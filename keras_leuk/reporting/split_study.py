"""A study of splits on paper, made from its folder alone. Start at `write_split_study`; the same folder gives the same bytes.

splits.md, .html, .tex   the page to read first
splits.csv               every run, mean and difference
figures/                 splits.png, and splits.csv with the numbers in it
splits.json              everything; written last
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from keras_leuk.errors import RunError
from keras_leuk.progress import Progress
from keras_leuk.reporting.html import html_page
from keras_leuk.reporting.latex_page import latex_page
from keras_leuk.reporting.page import Picture, markdown_page
from keras_leuk.reporting.split_study_figure import study_figure
from keras_leuk.reporting.split_study_numbers import read_study, runs_table
from keras_leuk.reporting.split_study_page import page, reference_title
from keras_leuk.reporting.style import save
from keras_leuk.runs.atomic import write_json, write_text

MARK = "splits.json"


def write_split_study(out: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Writes tables, figure and pages of a study.

    Args:
        out: folder with study.json (see `grid.split_study`) and the runs that it names.

    Returns:
        what splits.json holds; see `split_study_numbers.read_study`.

    Raises:
        RunError: the study or a run cannot be read, or the folder cannot be written.
    """
    progress = progress or Progress()
    progress.say("splits: resampling and drawing")
    study = read_study(out)
    picture = Picture(
        "splits",
        "Test values by split",
        f"A row a split: each run, the mean over runs with its interval, and the difference to {reference_title(study)}.",
    )
    blocks = page(study, picture)
    table = runs_table(study).to_csv(index=False, lineterminator="\n")
    try:
        (out / MARK).unlink(missing_ok=True)
        (out / "figures").mkdir(exist_ok=True)
        save(study_figure(study), out / "figures" / "splits.png")
        write_text(out / "figures" / "splits.csv", table)
        write_text(out / "splits.csv", table)
        write_text(out / "splits.md", markdown_page(blocks))
        write_text(out / "splits.tex", latex_page(blocks))
        write_text(out / "splits.html", html_page(blocks, out))
        write_json(out / MARK, study)
    except OSError as error:
        raise RunError(f"the page cannot be written into {out}: {error.strerror or error}") from None
    return study
