"""What a study of splits says in words and tables: `page` for the page, `sentences` for the terminal too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras_leuk.reporting.comparison_tables import label
from keras_leuk.reporting.page import Block, Cell, Code, Heading, Paragraph, Picture, Points, Table, Tables
from keras_leuk.reporting.style import with_interval

Json = dict[str, Any]

PARTED = {
    "subjects": "subjects",
    "linked": "further groups of subjects that hold the same cells",
    "equal": "equal images",
    "cells": "other images of the same cell (pairs)",
}
"""Kinds of `split_study_numbers.KINDS` as the table names them."""


def page(study: Json, picture: Picture) -> list[Block]:
    """The blocks of the page, from the title on.

    Args:
        study: as `split_study_numbers.read_study` gives it.
    """
    blocks: list[Block] = [Heading(f"One recipe under {len(study['ways'])} splits: {study['title']}", 1)]
    if study["warnings"]:
        blocks.append(Points(tuple(study["warnings"]), warning=True))
    blocks += [Paragraph(_opening(study)), Points(tuple(sentences(study)))]
    blocks += [Heading("Values and differences"), Tables((values_table(study),)), picture]
    blocks += [Heading("What stands on two sides"), Tables((parted_table(study),))]
    blocks += [Heading("How the images were split"), Tables((ways_table(study),))]
    blocks += [Heading("Every run"), Tables((every_run_table(study),))]
    blocks += [Heading("How to read this"), Points(tuple(notes(study)))]
    if study["command"]:
        blocks += [Heading("Do it again"), Code(study["command"])]
    return blocks


def sentences(study: Json) -> list[str]:
    """One line a split: its values, and how they differ from the reference's."""
    reference = reference_title(study)
    lines = []
    for way in study["ways"]:
        values = ", ".join(f"{label(m, study['positive'])} {with_interval(n)}" for m, n in way["measures"].items())
        line = f"{way['title']}: {values}"
        if way["differences"]:
            told = ", ".join(f"{label(m, study['positive'])} {verdict(n)}" for m, n in way["differences"].items())
            line += f"; against {reference}: {told}"
        lines.append(f"{line}.")
    return lines


def verdict(number: Json) -> str:
    """'+0.050 (+0.012 to +0.091): higher', '...: not shown' where the interval holds 0, or 'undefined'."""
    if number["value"] is None:
        return "undefined"
    text = signed(number)
    if number["shown"] is None:
        return f"{text}: without interval"
    return f"{text}: {'not shown' if not number['shown'] else 'higher' if number['value'] > 0 else 'lower'}"


def signed(number: Json) -> str:
    """'+0.050 (+0.012 to +0.091)', without the brackets where there is no interval."""
    if number["value"] is None:
        return "undefined"
    text = f"{number['value']:+.3f}"
    return text if number["low"] is None else f"{text} ({number['low']:+.3f} to {number['high']:+.3f})"


def span(numbers: Sequence[int | None]) -> str:
    """'1,570', '1,518–1,610' over several runs, 'unknown' where one does not know."""
    if any(number is None for number in numbers):
        return "unknown"
    known = [number for number in numbers if number is not None]
    low, high = min(known), max(known)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def reference_title(study: Json) -> str:
    """Title of the split that the others are held against."""
    return next(str(way["title"]) for way in study["ways"] if way["name"] == study["reference"])


def percent(study: Json) -> str:
    return f"{100 * study['confidence']:g} %"


def values_table(study: Json) -> Table:
    """One row a split: sizes, values, and differences to the reference."""
    measures = {measure: label(measure, study["positive"]) for measure in study["ways"][0]["measures"]}
    rows = []
    for way in study["ways"]:
        cells = [Cell(span([run[key] for run in way["runs"]])) for key in ("trained_on", "n", "subjects")]
        for measure in measures:
            own = way["measures"][measure]
            against = way["differences"].get(measure)
            cells += [_stacked(with_interval(own), own), _stacked(verdict(against), against) if against else Cell("reference")]
        rows.append((Cell(way["title"]), tuple(cells)))
    columns = ["training images", "test images", "test subjects"]
    for words in measures.values():
        columns += [words, f"{words}, minus {reference_title(study)}"]
    units = " or ".join(sorted({way["unit"] for way in study["ways"]}))
    caption = (
        f"Data: {study['title']}. Model: {study['model']}. Test side. In brackets: {percent(study)} percentile bootstrap "
        f"interval over {units}s, {study['resamples']:,} resamples. Sizes are those of one run, smallest to largest. Not "
        "shown: the interval of the difference holds 0."
    )
    return Table("values", "Mean over runs, by split", caption, "split", "", tuple(columns), tuple(rows))


def _stacked(text: str, number: Json) -> Cell:
    """A number with its interval, and what is said of it, below it where there is room."""
    value, _, rest = text.partition(" (")
    interval, _, word = rest.partition("): ")
    spread = f"({interval.removesuffix(')')})" if interval else ""
    return Cell(value, spread=spread, lines=(word,) if word else (), number=number["value"])


def parted_table(study: Json) -> Table:
    """One row a split: what stands on two sides of it."""
    rows = []
    for way in study["ways"]:
        cells = [Cell("not checked" if way["parted"][kind] is None else span(way["parted"][kind])) for kind in PARTED]
        rows.append((Cell(way["title"]), tuple(cells)))
    caption = (
        "Sides are training, validation and test. From the fewest to the most over runs, and over the folds of a run. Groups are "
        "counted where none of their subjects is itself parted; of equal images each picture counts once."
    )
    return Table("two-sides", "On two sides of the split", caption, "split", "", tuple(PARTED.values()), tuple(rows))


def ways_table(study: Json) -> Table:
    """What each split is, and how its first run words it."""
    rows = tuple(
        (Cell(way["title"]), (Cell(way["meaning"]), Cell(f"seed {way['runs'][0]['seed']}: {way['runs'][0]['description']}")))
        for way in study["ways"]
    )
    return Table("ways", "The splits", "", "split", "", ("what is kept together", "first run"), rows, words=True)


def every_run_table(study: Json) -> Table:
    """One row a run, with its own interval from its metrics.json."""
    rows = []
    for way in study["ways"]:
        for run in way["runs"]:
            cells = [Cell(str(run["seed"]), number=run["seed"]), Cell(f"{run['n']:,}", number=run["n"])]
            cells.append(Cell("unknown" if run["subjects"] is None else f"{run['subjects']:,}", number=run["subjects"]))
            cells += [Cell(with_interval(number), number=number["value"]) for number in run["measures"].values()]
            rows.append((Cell(way["title"]), tuple(cells)))
    columns = ("seed", "test images", "test subjects", *(label(m, study["positive"]) for m in study["ways"][0]["measures"]))
    caption = f"In brackets: each run's own {percent(study)} interval, as its metrics.json has it."
    return Table("every-run", "Every run", caption, "split", "", columns, tuple(rows))


def notes(study: Json) -> list[str]:
    """How the numbers were made, and what they do not say."""
    unit = "subject" if all(way["unit"] == "subject" for way in study["ways"]) else "subject (image, where subjects are unknown)"
    found = [
        f"A value is the mean over the runs of a split. Its interval resamples each {unit} that any of the runs tests, once for "
        "all of them: five draws of a split do not make five times as many people. It speaks about other people, not about other "
        "draws; how far draws differ is what the points of the figure show.",
        "Splits test different images, so their difference is not a paired one: its interval is made of the two intervals as if "
        "they were of different people (Zou and Donner 2008). Where two splits test the same people it is rather too wide.",
        "Not shown means that the interval of the difference holds 0. It does not mean that there is none. Higher and lower hold "
        "for these draws: what other draws would change is not in the interval, and where few people are tested it can be "
        "as much.",
        "Subjects are resampled as the data name them, also where two of them hold the same cells.",
        "Training sides differ in size between splits (see the table), which moves the values, too.",
    ]
    if study["parts"] is not None:
        own = next((way["title"] for way in study["ways"] if way["name"] == "part"), None)
        alone = f", and is tested by '{own}' alone: other people, and perhaps other pictures" if own else ""
        found.append(
            f"Drawn splits and folds take the same images, those of the data's {' and '.join(study['parts'])} part; the data's "
            f"own test part is in none of them{alone}."
        )
    else:
        found.append("All splits take the same images.")
    if len(study["ways"][0]["runs"]) == 1:
        found.append("There is one run a split: how much another draw would change is not known. Give more --seeds.")
    return found


def _opening(study: Json) -> str:
    seeds = [run["seed"] for run in study["ways"][0]["runs"]]
    times = f"with {len(seeds)} seeds ({', '.join(map(str, seeds))})" if len(seeds) > 1 else f"with one seed ({seeds[0]})"
    classes = ", ".join(f"{name} (positive)" if name == study["positive"] else name for name in study["classes"])
    return (
        f"The same recipe ({study['model']}) was trained and tested under {len(study['ways'])} splits of {study['title']}, each "
        f"{times}. Classes: {classes}. Values in brackets are {percent(study)} intervals."
    )
