"""A comparison of runs on paper: the page, its tables and figures, and the folder that holds them.

Start from `judge`, which compares run folders, and `write_comparison`. The same comparison gives the same bytes.

    comparison.md       the page to read first
    comparison.csv      one row a pair and test, with every number
    comparison.tex      the tables for LaTeX (booktabs)
    figures/            forest.png (further measures in forest-2.png, ...), and forest.csv with the numbers in it
    comparison.json     everything, with warnings and notes; written last
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from keras_leuk.errors import RunError, UsageError
from keras_leuk.evaluation.comparison import Settings, compare
from keras_leuk.evaluation.pairing import entrants
from keras_leuk.progress import Progress
from keras_leuk.reporting.booktabs import LONG, booktabs, latex
from keras_leuk.reporting.comparison_notes import size_words, split_words, watched_words, with_notes
from keras_leuk.reporting.comparison_tables import comparison_table, reasons, tables
from keras_leuk.reporting.forest import ABREAST, drawings, forest_table
from keras_leuk.reporting.style import save
from keras_leuk.reporting.tables import escape, markdown
from keras_leuk.runs.atomic import write_bytes, write_json, write_text
from keras_leuk.runs.folder import RunFolder
from keras_leuk.runs.output import replacing

Json = dict[str, Any]

MARK = "comparison.json"


def judge(runs: Sequence[Path], settings: Settings, names: Sequence[str] | None = None, progress: Progress | None = None) -> Json:
    """Compares finished runs on the same images.

    Args:
        runs: two or more run folders.
        settings: its reference is the name or the path of one of the runs.
        names: one a run.

    Returns:
        what `keras_leuk.evaluation.comparison.compare` gives, with 'warnings' and 'notes'.

    Raises:
        UsageError, RunError: see `keras_leuk.evaluation.pairing.entrants` and `compare`.
    """
    found = entrants(runs, settings.side, names)
    if settings.reference is not None and settings.reference not in [entrant.name for entrant in found]:
        place = Path(settings.reference).expanduser().resolve()
        named = next((entrant.name for entrant in found if entrant.folder.path.resolve() == place), settings.reference)
        settings = replace(settings, reference=named)
    return with_notes(compare(found, settings, progress), found)


def check_target(out: Path, runs: Sequence[Path], overwrite: bool) -> None:
    """Whether a comparison may be written there; nothing is touched.

    Raises:
        UsageError: a file, or a run folder.
        RunError: a folder that holds other files, without `overwrite`; or one that cannot be written.
    """
    run = RunFolder(out)
    if out.is_file():
        raise UsageError(f"--out {out} is a file; name a folder")
    if run.started or run.finished or out.resolve() in [Path(path).resolve() for path in runs]:
        raise UsageError(f"--out {out} is a run folder; choose another one")
    above = next(folder for folder in (out, *out.resolve().parents) if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise RunError(f"--out {out} cannot be written: permission denied, or a file is in the way ({above})")
    strangers = sorted(entry.name for entry in out.iterdir()) if out.is_dir() else []
    if strangers and not overwrite and not _own(out):
        shown = ", ".join(strangers[:3])
        raise RunError(f"--out {out} holds files that are not a comparison's ({shown}); choose another folder, or --overwrite")


def write_comparison(comparison: Json, out: Path, progress: Progress | None = None) -> Path:
    """Writes the folder of a comparison, made beside its place and put there when it is whole.

    Args:
        comparison: as `judge` gives it.
        out: made if it is not there; files of an earlier comparison in it are replaced, others stay.

    Returns:
        the path of comparison.md.

    Raises:
        RunError: the folder cannot be written.
    """
    with replacing(out, MARK, lambda earlier: (earlier / "figures").glob("forest*")) as made:
        _fill(made, comparison, progress or Progress())
    return out / "comparison.md"


def page(comparison: Json, figures: Sequence[str]) -> str:
    """The text of comparison.md."""
    blocks = [f"# Comparison of {len(comparison['runs'])} runs: {size_words(comparison)}"]
    if comparison["warnings"]:
        lines = (f"> - **Warning:** {escape(line)}" for line in comparison["warnings"])
        blocks.append("\n".join(["> **Read this first**", ">", *lines]))
    rows = [[run["name"], run["model"], run["data"], f"{run['trained_on']:,}", run["run"]] for run in comparison["runs"]]
    blocks += ["## Runs", markdown(["run", "model", "data", "training images", "folder"], rows).replace("--:", ":--")]
    for table in tables(comparison):
        blocks += [f"## {escape(table.title)}", markdown(table.header, table.rows), escape(table.note)]
    if reasons(comparison):
        blocks.append(f"No value or no interval: {escape('; '.join(reasons(comparison)))}.")
    for name in figures:
        blocks.append(f"![Forest plot: values of the runs and differences of the pairs, as in the tables](figures/{name}.png)")
    blocks.append("Numbers: [figures/forest.csv](figures/forest.csv), [comparison.csv](comparison.csv).")
    blocks += ["## How to read this", "\n".join(f"- {escape(line)}" for line in comparison["notes"])]
    told = [[name.replace("_", " "), sentence] for name, sentence in comparison["definitions"].items()]
    blocks += ["## Measures", markdown(["measure", "definition"], told).replace("--:", ":--")]
    return "\n\n".join(blocks) + "\n"


def tex(comparison: Json) -> str:
    """The text of comparison.tex: a fragment for \\input."""
    found = tables(comparison)
    packages = r"\usepackage{booktabs}" + (r" \usepackage{longtable}" if any(len(t.rows) > LONG for t in found) else "")
    head = [f"% needs {packages}", *(f"% {latex(line)}" for line in comparison["warnings"])]
    size = size_words(comparison)
    told = f"{size[0].upper()}{size[1:]}; split: {split_words(comparison['runs'])}. {watched_words(comparison)}"
    blocks = [booktabs(table.header, table.rows, f"{table.title}. {table.note} {told}") for table in found]
    return "\n\n".join(["\n".join(head), *blocks]) + "\n"


def _fill(folder: Path, comparison: Json, progress: Progress) -> None:
    (folder / "figures").mkdir()
    names = []
    with progress.stage("drawing", -(-len(comparison["measures"]) // ABREAST), "figures") as advance:
        for name, figure in drawings(comparison):
            save(figure, folder / "figures" / f"{name}.png")
            names.append(name)
            advance(1)
    _write_table(folder / "figures" / "forest.csv", forest_table(comparison))
    _write_table(folder / "comparison.csv", comparison_table(comparison))
    write_text(folder / "comparison.md", page(comparison, names))
    write_text(folder / "comparison.tex", tex(comparison))
    write_json(folder / MARK, comparison)


def _write_table(path: Path, table: pd.DataFrame) -> None:
    write_bytes(path, lambda temporary: table.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8"))


def _own(out: Path) -> bool:
    """Whether an earlier comparison lies there."""
    try:
        return RunFolder(out).read_json(out / MARK).get("kind") == "comparison"
    except RunError:
        return False
