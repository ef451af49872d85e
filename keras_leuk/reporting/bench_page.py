"""The page of a machine: speeds, ceilings, what limits each stage, what it means for a grid. Start at `page`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from keras_leuk.reporting.bench_words import (
    OURS,
    duration,
    engines,
    hardware,
    name,
    percents,
    projected,
    sentences,
    speeds,
    times,
    warnings,
)
from keras_leuk.reporting.page import Block, Cell, Code, Heading, Paragraph, Picture, Points, Table, Tables

Json = dict[str, Any]

PLAIN = {"extract": "notebook", "head": "Model.fit"}
"""The plain Keras way of a stage, which is measured beside it."""


def page(facts: Json, picture: Picture) -> list[Block]:
    """The blocks of the page, from the title on.

    Args:
        facts: as `keras_leuk.bench.run.bench` gives them.
    """
    blocks: list[Block] = [Heading("What this machine does a second", 1)]
    if found := warnings(facts):
        blocks.append(Points(tuple(found), warning=True))
    blocks += [Paragraph(_opening(facts)), Points(tuple(sentences(facts)))]
    blocks += [Heading("Every stage"), Tables((stages_table(facts),)), picture]
    plain = plain_table(facts)
    if plain is not None:
        blocks += [Heading("Beside the plain Keras way"), Tables((plain,))]
    if facts["projection"] is not None:
        blocks += [Heading(f"What it means: the whole grid of {facts['projection']['grid']['paper']}")]
        blocks += [
            Paragraph(projected(facts)),
            Tables((projection_table(facts),)),
            Points(tuple(_projection_notes(facts)), notes=True),
        ]
    blocks += [Heading("Not measured"), Points(tuple(not_measured(facts)))]
    blocks += [Heading("The machine"), Tables((machine_table(facts),))]
    blocks += [Heading("How it was measured"), Points(tuple(_notes(facts)))]
    blocks += [Heading("Do it again"), Code(_command(facts))]
    return blocks


def stages_table(facts: Json) -> Table:
    """A row a stage: its speed, its ceiling's, and the share."""
    rows = []
    for stage in facts["stages"]:
        own, bare = stage["ways"][OURS], stage["ways"][stage["ceiling"]]
        cells = (
            _spread(own),
            _spread(bare),
            Cell(percents(stage["share"]).split(" (")[0], _range(percents(stage["share"])), number=stage["share"]["value"]),
            Cell(stage["ceiling"]),
            Cell(f"{stage['images']:,} × {stage['repeats']}", number=stage["images"]),
            Cell(f"{own['cores_busy']:.1f}", number=own["cores_busy"]),
        )
        # A head sees no pictures.
        rows.append((Cell(name(stage), spread="" if stage["stage"] == "head" else f"{stage['size']} px"), cells))
    columns = ("images/s", "ceiling, images/s", "share of the ceiling", "the ceiling", "images × turns", "cores at work")
    caption = (
        "Median and, in brackets, range over the turns; each turn runs both sides on the same number of images. The share is the "
        "median of the turns' shares."
    )
    return Table("stages", "Speed of each stage", caption, "stage", "", columns, tuple(rows), texts=frozenset({3}))


def plain_table(facts: Json) -> Table | None:
    """A row a stage that has a plain way; None where none was measured."""
    rows = []
    for stage in facts["stages"]:
        way = PLAIN.get(stage["stage"])
        if way is None:
            continue
        own, plain = stage["ways"][OURS], stage["ways"][way]
        ratio = own["value"] / plain["value"]
        rows.append((Cell(name(stage)), (_spread(own), _spread(plain), Cell(times(ratio), number=ratio))))
    if not rows:
        return None
    columns = ("keras-leuk, images/s", "plain Keras, images/s", "as fast")
    caption = (
        "Measured in the same turns. extract: beside it Model.fit with the frozen backbone inside, which passes every image in "
        "every epoch of every training, where extraction happens once. head: beside it Model.fit on the same features in memory."
    )
    return Table("plain", "Keras as notebooks use it", caption, "stage", "", columns, tuple(rows))


def projection_table(facts: Json) -> Table:
    """The parts of both ways."""
    found = facts["projection"]
    rows = []
    for way, words in ((OURS, "keras-leuk"), ("notebook", "the notebook way")):
        for part in found["parts"]:
            if part["way"] == way:
                cells = (Cell(part["what"]), Cell(duration(part["seconds"]), number=part["seconds"]), Cell(part["basis"]))
                rows.append((Cell(words), cells))
        total = found[f"{'ours' if way == OURS else way}_seconds"]
        rows.append(
            (Cell(words, best=True), (Cell("in all", best=True), Cell(duration(total), best=True, number=total), Cell("")))
        )
    columns = ("part", "time", "how it is known")
    return Table("projection", "Parts of the work", _grid_words(found["grid"]), "way", "", columns, tuple(rows), words=True)


def machine_table(facts: Json) -> Table:
    """Machine, versions and settings."""
    machine, settings = facts["machine"], facts["settings"]
    versions = machine["versions"]
    memory = machine["free_memory_bytes"]
    gpus = ", ".join(gpu["name"] for gpu in machine["gpus"]) or (
        "not used: " + machine["advice"] if machine["advice"] else "none"
    )
    lines = [
        (
            "processor",
            f"{machine['processor']}, {machine['cpu']['cores']} cores{', AVX-512' if machine['cpu']['avx512'] else ''}",
        ),
        ("GPU", gpus),
        ("system", machine["system"]),
        ("free memory", "unknown" if memory is None else f"{memory / 1e9:.1f} GB"),
        ("load before", "unknown" if machine["load"] is None else f"{machine['load']:.1f}"),
        ("threads", str(settings["threads"])),
        ("engine of the forward pass", engines(facts)),
        ("oneDNN", f"TF_ENABLE_ONEDNN_OPTS={machine['onednn']['TF_ENABLE_ONEDNN_OPTS']}"),
        *((package, versions[package]) for package in versions),
    ]
    rows = tuple((Cell(key), (Cell(value),)) for key, value in lines)
    return Table("machine", "", "", "", "", ("",), rows, words=True)


def not_measured(facts: Json) -> list[str]:
    """Everything that has no number, and why."""
    lines = [f"{name(left)}: not measured, {left['why']}; give more --seconds." for left in facts["not_measured"]]
    if not facts["machine"]["gpus"]:
        lines.append("GPU: not measured: no GPU.")
    return lines or ["Nothing was left out."]


def _spread(number: Json) -> Cell:
    text = speeds(number)
    return Cell(text.split(" (")[0], _range(text), number=number["value"])


def _range(text: str) -> str:
    return "(" + text.split(" (")[1]


def _opening(facts: Json) -> str:
    settings = facts["settings"]
    return (
        f"{hardware(facts)}. Measured on {settings['images']}. Networks have random weights: speed does not "
        "depend on them. A ceiling is the bare work of a stage "
        "with nothing around it, measured in the same turns."
    )


def _grid_words(grid: Json) -> str:
    budgets = ", ".join(map(str, grid["budgets"]))
    return (
        f"{_and(grid['backbones'])}, {grid['variants']} optimizers, {len(grid['budgets'])} numbers of epochs ({budgets}): "
        f"{grid['cells']} cells; {grid['training']:,} training and {grid['testing']:,} test images at {grid['size']} px."
    )


def _projection_notes(facts: Json) -> Iterable[str]:
    yield (
        "The notebook way is one Model.fit a cell, the frozen backbone inside the model, and one test of it; keras-leuk passes "
        "every image once and trains each optimizer once, up to the largest number of epochs."
    )
    yield (
        "Measured here: speeds of this page, times the grid's numbers. Projected: a network that was not measured costs what it "
        "costs on the project's reference machine, times how many times as long this machine takes in TensorFlow's pass of the "
        "networks that were measured; pictures of another size cost by their number of pixels. Assumed: as seen on 2 cores."
    )
    yield "Neither way was run in full. Early stopping, which would shorten both, is off in the paper."


def _notes(facts: Json) -> list[str]:
    settings = facts["settings"]
    return [
        f"Batches of {settings['batch']}, float32. Head: {settings['head']}. Augmentation: recipe {settings['augmentation']}.",
        f"Measuring was given {settings['seconds']:g} s. Each side ran once uncounted; the number of images grew until the turns "
        "would fill a stage's share of the time.",
        "Files lie in the system's page cache: what is measured is the processor's work, not the disk's.",
        "decode fills an empty image cache: hashes, rows and their writing to disk included; its ceiling keeps nothing, and is "
        "the quicker of OpenCV's averaging and its bilinear resizing, which is not anti-aliased.",
        "augment reads the image cache and hands training batches to tf.data; its ceiling moves pixels and nothing else.",
        "extract reads the image cache and writes the feature store; compiling, which happens once, is not counted.",
        "head reads made-up features from a store on disk; its ceiling is a loop of training steps as one graph over an array in "
        "memory.",
        "fine-tune trains every layer. Both sides train the same compiled model; the bare side neither reads nor augments.",
        "Cores at work: processor time of all threads over wall time.",
    ]


def _command(facts: Json) -> str:
    return " ".join(facts["command"]) or "keras-leuk bench"


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
