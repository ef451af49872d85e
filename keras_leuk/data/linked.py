"""Subjects of public data sets that are known to hold the same cells, shipped as tables with how they were found.

A split by subject treats them as one subject from the first run on, before anybody has searched the data. In any other set, and
for cells that we have not seen, the search finds them (`keras_leuk.images.duplicates`). Start at `known_links`.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

from keras_leuk.data.groups import KnownLink
from keras_leuk.data.official import official_cell
from keras_leuk.data.table import ImageTable

OFFICIAL = 0.75
"""Share of the labelled images whose name and label must be official ones: the demo's cells have such names, too."""

_TABLE = "cnmc-2019-linked-subjects.tsv"


def known_links(table: ImageTable) -> tuple[KnownLink, ...]:
    """Links between the official subjects of C-NMC 2019, where the data are it; else none."""
    return cnmc_links() if is_cnmc(table) else ()


def is_cnmc(table: ImageTable) -> bool:
    """Whether names and labels are those of C-NMC's official list."""
    if table.reader != "cnmc":
        return False
    rows = table.labelled
    agree = 0
    for image, label in zip(rows["image"], rows["label"], strict=True):
        cell = official_cell(image.rsplit("/", 1)[-1].rsplit(".", 1)[0])
        agree += cell is not None and cell.label == label
    return agree >= OFFICIAL * len(rows)


@cache
def cnmc_links() -> tuple[KnownLink, ...]:
    """The table as it is shipped."""
    text = resources.files("keras_leuk.data").joinpath("known", _TABLE).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return tuple(
        KnownLink(row["first"], row["second"], row["first_file"], row["second_file"])
        for row in csv.DictReader(lines, delimiter="\t")
    )
