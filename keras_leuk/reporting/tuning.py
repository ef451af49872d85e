"""tune.md: what a search tried, what it chose, and how far to trust it.

Start from `write_tuning`. It reads tune.csv and tune.json in the folder of a search and writes tune.md and figures/ beside them;
it changes nothing else, may be repeated, and gives the same bytes again.
"""

from __future__ import annotations

from pathlib import Path

from keras_leuk.errors import RunError
from keras_leuk.reporting import tuning_tables as tables
from keras_leuk.reporting.searched import Searched, read_search
from keras_leuk.reporting.style import Caption, save
from keras_leuk.reporting.tables import escape
from keras_leuk.reporting.tuning_figures import history_figure, history_table, slice_figure
from keras_leuk.runs.atomic import write_text

_OTHERS_CHANGE = "A panel shows one key while all others change, too."


def write_tuning(out: Path) -> Path:
    """Draws the figures of a search and writes its page.

    Returns:
        the path of tune.md.

    Raises:
        RunError: tune.csv or tune.json is missing or cannot be read, or the folder cannot be written.
    """
    searched = read_search(out)
    try:
        _draw(searched, out / "figures")
        write_text(out / "tune.md", page(searched))
    except OSError as error:
        raise RunError(f"the report cannot be written into {out}: {error.strerror or error}") from None
    return out / "tune.md"


def page(searched: Searched) -> str:
    """The text of tune.md."""
    warnings = [tables.best_of(searched), *searched.summary["warnings"]]
    blocks = [
        f"# Search on {escape(searched.summary['data'])}: trial {searched.winner['number']} of {len(searched.trials)}",
        "\n".join(["> **Read this first**", ">", *(f"> - **Warning:** {escape(line)}" for line in warnings)]),
        "## What was searched",
        tables.space_table(searched),
        tables.importance_words(searched),
        "## How",
        tables.how_table(searched),
        "## The winner",
        tables.winner_table(searched),
        tables.winner_words(searched),
        f"## The best {min(tables.SHOWN, len(searched.ranked))} of {len(searched.ranked)} finished trials",
        tables.trials_table(searched),
        tables.tied(searched),
        tables.failed(searched),
        "## Figures",
        "### Each trial",
        f"![Validation {searched.measure} of each trial, and the best so far](figures/history.png)",
        "Numbers: [figures/history.csv](figures/history.csv).",
        "### Each searched key",
        f"![Validation {searched.measure} against each searched key](figures/slices.png)",
        f"{_OTHERS_CHANGE} Numbers: [tune.csv](tune.csv).",
        "## Do it again",
        "```\nkeras-leuk train best.yaml --out again\n```",
        "with the best.yaml of this folder. The command of the search with a larger `--trials` goes on with it.",
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _draw(searched: Searched, figures: Path) -> None:
    figures.mkdir(exist_ok=True)
    winner, measure = searched.winner["number"], searched.measure
    history = history_table(searched.trials, searched.smaller_is_better)
    write_text(figures / "history.csv", history.to_csv(index=False, lineterminator="\n"))
    save(history_figure(history, winner, measure, _caption(searched)), figures / "history.png")
    sliced = slice_figure(searched.trials, searched.space, winner, measure, _caption(searched, _OTHERS_CHANGE))
    save(sliced, figures / "slices.png")


def _caption(searched: Searched, note: str = "") -> Caption:
    summary, side = searched.summary, searched.winner["validation"]
    classes = ", ".join(f"{name} (positive)" if name == summary["positive"] else name for name in summary["classes"])
    varied = any(part["key"].startswith(("model.", "images.")) for part in searched.space)
    model = f"differs by trial; the winner's: {searched.winner['model']}" if varied else searched.winner["model"]
    split = f"strategy '{summary['split']['strategy']}', seed {summary['split']['seed']}"
    edge = " (at the lower edge, without a figure)" if len(searched.trials) > summary["trials"]["complete"] else ""
    words = f"Trials: {searched.counts}{edge}. The winner's figure is the best of {searched.compared} and too good. {note}"
    return Caption(summary["data"], model, "validation", side["n"], side["subjects"], split, classes, words.strip())
