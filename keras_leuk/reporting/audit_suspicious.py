"""What the page of an audit shows of suspicious labels: the first of the list with their pictures, as questions.

Made from the section of audit.json and the pictures in the audit folder, nothing else. Start at `draw`, then `blocks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from keras_leuk.reporting.audit_inventory_figure import data_caption
from keras_leuk.reporting.page import Block, Cell, Heading, Paragraph, Picture, Points, Table, Tables
from keras_leuk.reporting.style import PAGE, TINY, Caption, canvas, drawn, save_photographs, short
from keras_leuk.runs.atomic import write_bytes

Json = dict[str, Any]

FIGURE = "suspicious"

ACROSS = 6
_SIDE = 1.08
_WORDS = 0.36
"""Inches of a picture's place, and of the lines below it."""
_LEFT = 0.06


def blocks(section: Json, folder: Path) -> list[Block]:
    """Suspicious labels on the page.

    Args:
        section: 'suspicious' of audit.json.
        folder: the audit folder, after `draw`.
    """
    title = Heading("Suspicious labels")
    if section["reason"] is not None:
        return [title, Paragraph(f"No label can be questioned: {section['reason']}.")]
    found: list[Block] = [title, Points(tuple(map(_sentence, section["warnings"] + section["notes"])))]
    if section["shown"]:
        found.append(Picture(FIGURE, _title(section), _words(section)))
        found.append(Tables((_questions(section),)))
    found.append(Paragraph(_how(section), "How."))
    return found


def draw(section: Json, folder: Path, data: str) -> None:
    """Draws figures/suspicious.png and .csv; nothing where no label is listed.

    Args:
        section: 'suspicious' of audit.json.
        folder: the audit folder, with the pictures that the section names; a picture that is not there leaves its place empty.
        data: name of the data for the caption.

    Raises:
        OSError: the folder cannot be written.
    """
    if not section["shown"]:
        return
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    table = pd.DataFrame(section["shown"]).drop(columns="picture")
    write_bytes(figures / f"{FIGURE}.csv", lambda path: table.to_csv(path, index=False, lineterminator="\n", encoding="utf-8"))
    note = (
        f"P: probability of the label and of the suggested class, by a model of {_others(section)}, in {section['folds']} "
        f"folds. Features: {section['features']}."
    )
    known = section["subjects"] if section["known_subjects"] else None
    caption = data_caption(data, section["images"], known, section["classes"], section["positive"], note)
    pictures = [_picture(folder / row["picture"]) for row in section["shown"]]
    save_photographs(sheet_figure(section["shown"], pictures, _title(section), caption), figures / f"{FIGURE}.png")


@drawn
def sheet_figure(shown: Sequence[Json], pictures: Sequence[npt.NDArray[np.uint8] | None], title: str, caption: Caption) -> Figure:
    """A contact sheet: pictures with name, label, suggested class and their probabilities, the most doubtful first.

    Args:
        shown: rows with rank, image, label, suggested, probability_of_label and probability_of_suggested, at least one.
        pictures: uint8 (h, w, 3) each, None where there is none.
    """
    down = -(-len(shown) // ACROSS)
    figure = canvas(PAGE, down * (_SIDE + _WORDS), title, caption)
    # Placed by hand: a layout that makes room for long names would part the pictures unevenly.
    height = figure.get_figheight()
    engine = figure.get_layout_engine()
    assert engine is not None
    _, bottom, _, share = engine.get()["rect"]
    figure.set_layout_engine("none")
    for place, (row, picture) in enumerate(zip(shown, pictures, strict=True)):
        left = _LEFT + place % ACROSS * (PAGE - _LEFT) / ACROSS
        upper = (bottom + share) * height - place // ACROSS * (_SIDE + _WORDS)
        axes = figure.add_axes((left / PAGE, (upper - _SIDE) / height, _SIDE / PAGE, _SIDE / height))
        _show(axes, row, picture)
    return figure


def _show(axes: Axes, row: Json, picture: npt.NDArray[np.uint8] | None) -> None:
    axes.set_axis_off()
    if picture is not None:
        axes.imshow(picture, interpolation="antialiased")
        axes.set_anchor("SW")
    else:
        axes.text(0.5, 0.5, "no picture", transform=axes.transAxes, ha="center", va="center", fontsize=TINY)
    lines = (
        f"{row['rank']}: {short(row['image'].rpartition('/')[2], 20)}",
        f"is it {short(row['label'], 14)}?  {_chance(row['probability_of_label'])}",
        f"or {short(row['suggested'], 14)}?  {_chance(row['probability_of_suggested'])}",
    )
    axes.text(0, -0.03, "\n".join(lines), transform=axes.transAxes, fontsize=TINY, va="top", ha="left", linespacing=1.2)


def _picture(path: Path) -> npt.NDArray[np.uint8] | None:
    if not path.is_file():
        return None
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), np.uint8)


def _questions(section: Json) -> Table:
    rows = []
    for row in section["shown"]:
        unseen = "this subject" if row["subject"] is not None else "this cell"
        question = (
            f"Is this cell really {row['label']}? The model, which never saw {unseen}, gives {_p(row['probability_of_label'])}, "
            f"and {_p(row['probability_of_suggested'])} for {row['suggested']}."
        )
        cells = (Cell(row["image"]), Cell(row["subject"] or "unknown"), Cell(question))
        rows.append((Cell(str(row["rank"]), number=row["rank"]), cells))
    caption = (
        f"The first {len(rows)} of {section['listed']:,} listed labels, n = {section['images']:,} images; all: suspicious.csv."
    )
    columns = ("image", "subject", "question")
    return Table("suspicious-questions", "Questions", caption, "rank", "", columns, tuple(rows), words=True)


def _title(section: Json) -> str:
    shown, listed = len(section["shown"]), section["listed"]
    if listed == 1:
        return "The listed label"
    return f"The {shown} most doubtful of {listed:,} listed labels" if shown < listed else f"The {listed} listed labels"


def _words(section: Json) -> str:
    return (
        f"{_title(section)}, each with its picture, the probability that a model of {_others(section)} gives its label and that "
        "of the class it would rather say."
    )


def _how(section: Json) -> str:
    thresholds = ", ".join(f"{name} {value:.2f}" for name, value in section["thresholds"].items())
    settings = section["settings"]
    interval = settings["interval"]
    return (
        f"{_sentence(settings['probe'])} {section['folds']} folds part neither subjects nor copies of a cell. A label is listed "
        f"where the model counts the image as another class, by {settings['list']}; the thresholds are {thresholds}. Labels "
        f"beyond the model's own doubt: {settings['beyond_doubt']}; 95 % interval: {interval['method']}, {interval['resamples']} "
        f"resamples. Features: {section['features']}. Nothing is relabelled or left out."
    )


def _others(section: Json) -> str:
    """Whom the model that judges an image has learnt from."""
    return "other subjects" if section["known_subjects"] else "other images"


def _p(value: float) -> str:
    """'0.03', with a third digit where two would say 0.00 or 1.00, and words where three would."""
    if 0.005 <= value < 0.995:
        return f"{value:.2f}"
    if 0.0005 <= value < 0.9995:
        return f"{value:.3f}"
    return "less than 0.001" if value < 0.5 else "more than 0.999"


def _chance(value: float) -> str:
    text = _p(value)
    return f"P {text.replace('less than', '<').replace('more than', '>')}" if "than" in text else f"P = {text}"


def _sentence(line: str) -> str:
    return line[:1].upper() + line[1:] + ("" if line.endswith(("?", ".")) else ".")
