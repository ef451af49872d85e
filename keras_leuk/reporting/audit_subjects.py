"""What the page of an audit shows of subjects: their share of the variance, how they are recognised, what a random split gains.

Made from the section of audit.json, nothing else. Start at `draw`, then `blocks`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from keras_leuk.reporting.audit_inventory_figure import data_caption
from keras_leuk.reporting.page import Block, Cell, Heading, Paragraph, Picture, Points, Table, Tables
from keras_leuk.reporting.style import PAGE, PALETTE, TEXT, Caption, canvas, drawn, save, short, with_interval
from keras_leuk.runs.atomic import write_bytes

Json = dict[str, Any]
Row = tuple[Cell, tuple[Cell, ...]]

FIGURE = "subjects"

_PANELS = {
    "variance": "Share of the variance\nwithin a class",
    "recognition": "Subjects recognised\namong those of their class",
    "optimism": "The same classifier\nunder different folds",
}
_DESIGNS = {"copies_loose": "random, copies loose", "random": "random, copies together", "by_subject": "by subject"}
_DIFFERENCES = {"random_minus_by_subject": "random – by subject", "copies_minus_random": "copies loose – copies together"}
_DARK = "#404040"


def blocks(section: Json, folder: Path) -> list[Block]:
    """Subjects on the page.

    Args:
        section: 'subjects' of audit.json.
        folder: the audit folder, after `draw`.
    """
    if section["reason"] is not None:
        return [Heading("Subjects"), Paragraph(f"Nothing can be said about subjects: {section['reason']}.")]
    linked = section["subjects"] - section["people"]
    one = f"; those that hold the same cells count as one, which leaves {section['people']:,}" if linked else ""
    about = f"{section['known']:,} images name {section['subjects']:,} subjects{one}. Features: {section['features']}."
    found: list[Block] = [
        Heading("Subjects"),
        Paragraph(about),
        Points(tuple(map(_sentence, section["warnings"] + section["notes"]))),
    ]
    found += [Tables((_optimism(section),)), Tables((_recognition(section),))]
    if _drawable(section):
        found.append(Picture(FIGURE, "What the subject is to the features", _words(section)))
    if section["tables"]["subjects"]:
        link = section["tables"]["subjects"]
        found.append(Paragraph(f"One row a subject, with its classes and how many of its images were recognised: {link}."))
    found.append(Paragraph(_how(section), "How."))
    return found


def draw(section: Json, folder: Path, data: str) -> None:
    """Draws figures/subjects.png and .csv; nothing where no figure has a value.

    Args:
        section: 'subjects' of audit.json; folder: the audit folder; data: name of the data for the caption.

    Raises:
        OSError: the folder cannot be written.
    """
    if section["reason"] is not None or not _drawable(section):
        return
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    table = subjects_table(section)
    write_bytes(figures / f"{FIGURE}.csv", lambda path: table.to_csv(path, index=False, lineterminator="\n", encoding="utf-8"))
    confidence = f"{100 * section['settings']['interval']['confidence']:g} %"
    note = f"Lines: {confidence} intervals over subjects; bars: always naming the largest one. Features: {section['features']}."
    caption = data_caption(data, section["known"], section["people"], section["classes"], section["positive"], note)
    save(subjects_figure(table, section["optimism"]["measure"], caption), figures / f"{FIGURE}.png")


def subjects_table(section: Json) -> pd.DataFrame:
    """The numbers in the figure: panel, of, value, low, high, chance (NaN where there is none)."""
    rows = [{"panel": "variance", "of": "subject", **section["variance"]["share"]}]
    judged = [*section["recognition"]["classes"], section["recognition"]["all"] | {"class": "all classes"}]
    rows += [{"panel": "recognition", "of": one["class"], "chance": one["chance"], **one["accuracy"]} for one in judged]
    for name, words in _DESIGNS.items():
        if name != "copies_loose" or section["optimism"]["copies"]:
            rows.append({"panel": "optimism", "of": words, **section["optimism"]["designs"][name]})
    table = pd.DataFrame(rows).reindex(columns=["panel", "of", "value", "low", "high", "chance"])
    numbers = ["value", "low", "high", "chance"]
    return table.assign(**table[numbers].astype(float))


@drawn
def subjects_figure(table: pd.DataFrame, measure: str, caption: Caption) -> Figure:
    """A panel a question, side by side: dots with their intervals.

    Args:
        table: as `subjects_table` gives it.
        measure: what the third panel measures, for its axis.
    """
    most = max(int((table["panel"] == panel).sum()) for panel in _PANELS)
    figure = canvas(PAGE, 0.85 + 0.16 * max(most, 3), "What the subject is to the features", caption)
    panels = figure.subplots(1, len(_PANELS), squeeze=False, width_ratios=[0.7, 1, 1.1])[0]
    for axes, (panel, title), axis in zip(
        panels, _PANELS.items(), ("share", "share of images", measure.replace(" (", "\n(")), strict=True
    ):
        part = table[table["panel"] == panel]
        _dots(axes, part, PALETTE[list(_PANELS).index(panel)])
        axes.set_title(title, fontsize=TEXT, loc="left")
        axes.set_xlabel(axis)
        if panel == "optimism":
            # What matters is the distance between them, and 0.5 is what guessing gives.
            least = float(np.nanmin(np.append(part["low"], 0.5))) if part["value"].notna().any() else 0.5
            axes.set_xlim(min(0.5, np.floor(10 * least) / 10), 1.0)
        else:
            axes.set_xlim(0, _end(part))
    return figure


def _end(part: pd.DataFrame) -> float:
    """Right end of an axis of shares: the tenth above the largest, so that small shares are not all at the left edge."""
    largest = float(np.nanmax(np.append(part[["value", "high", "chance"]].to_numpy(), 0.0)))
    return min(1.0, max(0.2, float(np.ceil(10 * largest + 0.2)) / 10))


def _dots(axes: Axes, part: pd.DataFrame, colour: str) -> None:
    numbers = part[["value", "low", "high", "chance"]].to_numpy(float)
    for y, (value, low, high, chance) in enumerate(numbers):
        if np.isnan(value):
            axes.text(0.5, y, "undefined", transform=axes.get_yaxis_transform(), ha="center", va="center", color=_DARK)
            continue
        if not np.isnan(chance):
            axes.plot([chance], [y], "|", color=_DARK, markersize=7, markeredgewidth=1.0, zorder=2)
        if not np.isnan(low):
            axes.plot([low, high], [y, y], color=colour, linewidth=1.0, solid_capstyle="butt", zorder=2)
        axes.plot([value], [y], "o", color=colour, markersize=4, zorder=3, clip_on=False)
    axes.set_yticks(range(len(part)), [short(str(name), 24) for name in part["of"]])
    axes.set_ylim(max(len(part), 3) - 0.4, -0.6)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.grid(axis="x", linewidth=0.3, alpha=0.6)


def _recognition(section: Json) -> Table:
    rows: list[Row] = []
    judged = section["recognition"]
    for one in (*judged["classes"], judged["all"] | {"class": "all classes"}):
        chance = Cell("–") if one["chance"] is None else Cell(f"{one['chance']:.3f}", number=one["chance"])
        sizes = tuple(Cell(f"{one[key]:,}", number=one[key]) for key in ("images", "subjects"))
        rows.append((Cell(one["class"]), (*sizes, _cell(one["accuracy"]), chance)))
    caption = (
        "Share of the images whose subject is named rightly among those of its class, with 95 % interval; chance: always "
        "naming the largest subject. Subjects of a single cell are left out."
    )
    columns = ("images", "subjects", "recognised", "chance")
    return Table("subjects-recognition", "How well a subject is recognised", caption, "class", "", columns, tuple(rows))


def _optimism(section: Json) -> Table:
    optimism = section["optimism"]
    figures = [(words, optimism["designs"][name]) for name, words in _DESIGNS.items()]
    figures += [(words, optimism["differences"][name]) for name, words in _DIFFERENCES.items()]
    if not optimism["copies"]:
        figures = [(words, figure) for words, figure in figures if "copies loose" not in words]
    rows = tuple((Cell(words), (_cell(figure),)) for words, figure in figures)
    copies = f", {optimism['copies']:,} of them copies of a cell" if optimism["copies"] else ""
    caption = (
        f"n = {optimism['images']:,} images{copies}; {optimism['subjects']:,} subjects. {optimism['folds']} folds, drawn "
        f"{optimism['drawn']} times. 95 % intervals, paired bootstrap over subjects."
    )
    return Table("subjects-folds", "What a random split flatters by", caption, "folds", "", (optimism["measure"],), rows)


def _cell(figure: Json) -> Cell:
    if figure["value"] is None:
        return Cell("–", f"({figure['reason']})")
    text, _, spread = with_interval(figure).partition(" ")
    return Cell(text, spread, number=figure["value"])


def _drawable(section: Json) -> bool:
    return bool(subjects_table(section)["value"].notna().any())


def _sentence(line: str) -> str:
    return line[:1].upper() + line[1:] + ("" if line.endswith(("?", ".")) else ".")


def _words(section: Json) -> str:
    figures = section["optimism"]["designs"]
    return (
        f"Share of the variance: {with_interval(section['variance']['share'])}. Subjects recognised: "
        f"{with_interval(section['recognition']['all']['accuracy'])} of the images. {section['optimism']['measure']}: "
        f"{with_interval(figures['random'])} under random folds, {with_interval(figures['by_subject'])} under folds by subject."
    )


def _how(section: Json) -> str:
    settings = section["settings"]
    interval = settings["interval"]
    return (
        "Variance: a random effect of the subject within its class, summed over standardised features, copies of a cell counted "
        f"once; {settings['variance']}. Recognition: {settings['recognition']}. Folds: {settings['optimism']}; the AUC is taken "
        f"within held-out folds. Other intervals: {interval['method']}, {interval['resamples']:,} resamples, models taken as "
        "they are. Nothing is chosen, so nothing is chosen on test data."
    )
