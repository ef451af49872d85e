"""What the page of an audit shows of duplicates: how many, whom they link, how sure that is, and pictures to judge it by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from keras_leuk.reporting.audit_inventory_figure import data_caption
from keras_leuk.reporting.page import Block, Cell, Heading, Paragraph, Picture, Points, Table, Tables
from keras_leuk.reporting.style import PAGE, TINY, Caption, canvas, drawn, save_photographs, short
from keras_leuk.runs.atomic import write_text

Json = dict[str, Any]

FIGURE = "duplicates"
SHOWN = 30
"""Groups that are drawn."""
LISTED = 25
"""Groups, and links, that stand in a table on the page; the CSV files have all."""

_TILES = 3
"""Pictures of a group that are drawn."""

_ACROSS = {2: 6, 3: 4}
"""Groups beside each other, by the pictures of the largest."""


def headline(section: Json) -> str:
    """One sentence for the top of the page."""
    copies = section["images"] - section["distinct"]
    if not section["pairs"]:
        return f"No cell stands twice among {section['images']:,} images, neither equal nor under another picture."
    inside = sum(len(group["images"]) for group in section["groups"])
    words = f"{inside:,} of {section['images']:,} images show a cell that another image shows, too "
    words += f"({_number(section['groups'], 'cell')}"
    words += f"; {copies:,} images are equal to an earlier one)" if copies else "; none equal to the pixel)"
    if section["linked"]:
        words += f"; subjects that hold the same cells: {', '.join(section['linked'][:6])}"
        words += f" and {len(section['linked']) - 6} more groups" if len(section["linked"]) > 6 else ""
    return words + "."


def blocks(section: Json, folder: Path) -> list[Block]:
    """The section on the page.

    Args:
        section: 'duplicates' of audit.json.
        folder: the audit folder, after `draw`.
    """
    found: list[Block] = [Heading("Duplicates"), Paragraph(headline(section)), Paragraph(section["method"], "Method.")]
    found.append(Paragraph(_sureness(section), "How sure."))
    if section["links"]:
        found.append(Tables((_links(section),)))
    if section["groups"]:
        found.append(Tables((_groups(section),)))
        number = min(SHOWN, len(section["groups"]))
        found.append(
            Picture(
                FIGURE,
                "Cells that stand twice",
                f"{number} of {_number(section['groups'], 'group')}, those of several classes and several subjects first, then "
                "those that agree least. Each strip shows the images of one group beside each other, cells cut out and raised in "
                "contrast. Judge for yourself whether it is one cell.",
            )
        )
    return found


def draw(section: Json, folder: Path, data: str, classes: tuple[list[str], str | None], subjects: int | None) -> None:
    """Draws figures/duplicates.png and .csv from pictures/, where there is a group.

    Args:
        data: name of the data; classes: class names and the positive one; subjects: how many, None where unknown.
    """
    shown = section["groups"][:SHOWN]
    if not shown:
        return
    note = "agreement: correlation of fine texture; 1 where equal."
    caption = data_caption(data, section["images"], subjects, classes[0], classes[1], note)
    strips = [np.asarray(Image.open(folder / "pictures" / f"{group['name']}.jpg")) for group in shown]
    (folder / "figures").mkdir(exist_ok=True)
    save_photographs(_sheet(shown, strips, caption), folder / "figures" / f"{FIGURE}.png")
    known = ("image", "subject", "label")
    rows = [(group["name"], group["agreement"], *(one[key] for key in known)) for group in shown for one in group["images"]]
    table = pd.DataFrame(rows, columns=["group", "agreement", *known])
    write_text(folder / "figures" / f"{FIGURE}.csv", table.to_csv(index=False, lineterminator="\n"))


@drawn
def _sheet(groups: list[Json], strips: list[np.ndarray], caption: Caption) -> Figure:
    tiles = min(_TILES, max(len(group["images"]) for group in groups))
    across = min(_ACROSS[tiles], len(groups))
    down = -(-len(groups) // across)
    side = PAGE / _ACROSS[tiles] / tiles
    figure = canvas(PAGE * across / _ACROSS[tiles], down * (side + 0.3), "Images that show the same cell", caption)
    grid = figure.subplots(down, across, squeeze=False).reshape(-1)
    for axes in grid:
        axes.set_axis_off()
    for axes, group, strip in zip(grid, groups, strips, strict=False):
        height = strip.shape[0]
        axes.imshow(strip[:, : round(tiles * height * 1.02)], interpolation="antialiased")
        axes.set_xlim(-0.5, tiles * height * 1.04)
        names = [one["image"].rsplit("/", 1)[-1].rsplit(".", 1)[0].removeprefix("UID_") for one in group["images"]]
        more = f" +{len(names) - 2}" if len(names) > 2 else ""
        agreement = "equal" if group["equal"] else f"{group['agreement']:.2f}"
        words = "\n".join(short(name, 20) for name in names[:2]) + f"{more}  {agreement}"
        axes.set_title(words, fontsize=TINY, loc="left", pad=2, linespacing=1.1)
    return figure


def _number(things: list[Any], word: str) -> str:
    return f"{len(things):,} {word}{'s' * (len(things) != 1)}"


def _sureness(section: Json) -> str:
    judged = section["false_alarms"]
    upright = section["confirmed"]["upright"]
    compared = sum(section["candidates"].values())
    words = f"{compared:,} candidate pairs of {section['distinct']:,} different pictures were compared on pixels; "
    words += f"{sum(section['confirmed'].values()):,} show the same cell."
    if judged["most"] is not None:
        words += (
            " Photographs of one cell are not mirrored or turned, so pairs that pass in one of the seven other orientations "
            f"would be false: of {judged['decoys']:,} candidates there, none passed. So of the {upright:,} upright pairs fewer "
            f"than {max(1, round(judged['most'] + 0.5)):,} are false by chance (97.5 % bound)."
        )
    elif judged["passed"]:
        words += f" {judged['passed']:,} of them are turned or mirrored copies."
    if section["blank"]:
        words += f" {section['blank']:,} pictures have no texture and were compared for equal pixels only."
    return words


def _links(section: Json) -> Table:
    rows = []
    for link in section["links"][:LISTED]:
        here = link["why"] != "known"
        rows.append(
            (
                Cell(f"{link['first']} and {link['second']}"),
                (
                    Cell(f"{link['cells']:,}" if here else "known", number=float(link["cells"])),
                    Cell(f"{link['equal']:,}" if here else "", number=float(link["equal"])),
                    Cell(f"{link['first_file']} {'=' if link['equal'] else '~'} {link['second_file']}"),
                    Cell(link["group"] or ""),
                ),
            )
        )
    number = len(section["links"])
    more = f" The first {LISTED} of {number}; all are in linked_subjects.csv." if number > LISTED else ""
    return Table(
        "duplicates-links",
        "Subjects that hold the same cells.",
        "Pairs of images that link two subjects, those that are equal among them, the pair that agrees best, and who counts as "
        "one. 'known': linked in other images of this data set." + more,
        "subjects",
        "",
        ("pairs", "equal", "for example", "count as one"),
        tuple(rows),
        words=True,
    )


def _groups(section: Json) -> Table:
    rows = []
    for group in section["groups"][:LISTED]:
        names = [one["image"].rsplit("/", 1)[-1] for one in group["images"]]
        more = f" and {len(names) - 4} more" if len(names) > 4 else ""
        rows.append(
            (
                Cell(group["name"]),
                (
                    Cell(", ".join(names[:4]) + more),
                    Cell(", ".join(group["subjects"]) or "unknown"),
                    Cell(", ".join(group["labels"])),
                    Cell("equal" if group["equal"] else f"{group['agreement']:.2f}", number=group["agreement"]),
                ),
            )
        )
    number = len(section["groups"])
    more = f" The first {LISTED} of {number:,}; all are in duplicates.csv." if number > LISTED else ""
    return Table(
        "duplicates-groups",
        "Images of one cell.",
        "Groups of several classes first, then of several subjects, then those that agree least (correlation of fine texture)."
        + more,
        "group",
        "",
        ("images", "subjects", "classes", "agreement"),
        tuple(rows),
        words=True,
    )


def conflict_lines(conflicts: list[Json]) -> Points:
    """Cells that stand under several classes."""
    lines = []
    for group in conflicts[:LISTED]:
        images = ", ".join(f"{one['image']} ({one['label']})" for one in group["images"][:4])
        lines.append(f"One cell under {' and '.join(group['labels'])}: {images}.")
    return Points(tuple(lines))
