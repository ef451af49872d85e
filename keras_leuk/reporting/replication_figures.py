"""All figures of a replication: one for each figure of the paper and each protocol, from replication.json and the run folders.

Start at `draw_figures`. A figure without a finished run is not drawn, and a paragraph says so; nothing stands in for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from keras_leuk.evaluation.published import Reader
from keras_leuk.progress import Progress
from keras_leuk.reporting import (
    replication_classes,
    replication_confusion,
    replication_curves,
    replication_scatter,
    replication_series,
    replication_sides,
)
from keras_leuk.reporting.figures import Drawing
from keras_leuk.reporting.page import Paragraph, Picture
from keras_leuk.reporting.replication_cells import protocol_of
from keras_leuk.reporting.replication_sheet import Wanted
from keras_leuk.reporting.style import save
from keras_leuk.runs.atomic import write_text

KINDS: dict[str, Callable[[Wanted], list[Drawing] | str]] = {
    "curves": replication_curves.draw,
    "confusion": replication_confusion.draw,
    "series": replication_series.draw,
    "classes": replication_classes.draw,
    "scatter": replication_scatter.draw,
    "sides": replication_sides.draw,
}
"""What draws each kind of figure: its pages, or why there are none."""


def draw_figures(facts: Mapping[str, Any], out: Path, progress: Progress | None = None) -> list[Picture | Paragraph]:
    """Draws figures/<name>.png with figures/<name>.csv.

    Args:
        facts: the content of replication.json; out: the folder that it lies in.

    Figures of an earlier call that are not drawn again are removed from figures/.

    Returns:
        for each figure of the paper and each protocol, in this order: its pictures, or a paragraph that says why there is none.

    Raises:
        RunError: a run folder cannot be read.
        OSError: a figure cannot be written.
    """
    progress = progress or Progress()
    protocols = [protocol_of(told, out) for told in facts["protocols"]]
    reader = Reader()
    figures = [figure for figure in facts["figures"] if figure.get("figure") is not None]
    wanted = [Wanted(facts, p, figure, f"{slug(figure['name'])}-{p.name}", reader) for figure in figures for p in protocols]
    blocks: list[Picture | Paragraph] = []
    (out / "figures").mkdir(parents=True, exist_ok=True)
    with progress.stage("drawing", len(wanted), "figures") as advance:
        for one in wanted:
            progress.check()
            blocks += _drawn(one, out / "figures")
            advance(1)
    _remove_stale(out / "figures", {block.name for block in blocks if isinstance(block, Picture)}, figures)
    return blocks


def _remove_stale(folder: Path, drawn: Set[str], figures: Sequence[Mapping[str, Any]]) -> None:
    """A figure that an earlier and larger replication left would be taken for one of this."""
    ours = tuple(f"{slug(figure['name'])}-" for figure in figures)
    for path in folder.iterdir():
        if path.suffix in (".png", ".csv") and path.stem not in drawn and path.name.startswith(ours):
            path.unlink()


def slug(name: str) -> str:
    """'Fig. 3' → 'fig-3'."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _drawn(wanted: Wanted, folder: Path) -> list[Picture | Paragraph]:
    found = KINDS[wanted.spec["kind"]](wanted) if wanted.protocol.runs else "none of its runs finished"
    if isinstance(found, str):
        return [Paragraph(f"not drawn: {found}.", f"{wanted.figure['name']}, protocol {wanted.protocol.name}:")]
    pictures: list[Picture | Paragraph] = []
    for drawing in found:
        save(drawing.figure, folder / f"{drawing.name}.png")
        write_text(folder / f"{drawing.name}.csv", drawing.table.to_csv(index=False, lineterminator="\n"))
        pictures.append(Picture(drawing.name, drawing.title, drawing.words))
    return pictures
