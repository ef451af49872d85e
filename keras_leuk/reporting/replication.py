"""The pages of a replication: replication.md, .html and .tex, the tables as CSV, references and methods.

All of it is made from replication.json and the run folders beside it. Nothing here trains; the same input gives the same bytes.
Start at `write_replication_report`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_leuk.errors import RunError
from keras_leuk.progress import Progress
from keras_leuk.reporting.html import html_page
from keras_leuk.reporting.latex_page import latex_page
from keras_leuk.reporting.page import Block, Cell, Code, Heading, Paragraph, Picture, Points, Table, Tables, markdown_page
from keras_leuk.reporting.replication_csv import long_form
from keras_leuk.reporting.replication_figures import draw_figures
from keras_leuk.reporting.replication_methods import paragraphs
from keras_leuk.reporting.replication_references import bibliography
from keras_leuk.reporting.replication_run import beyond_blocks, data_blocks, run_blocks
from keras_leuk.reporting.replication_tables import COMPARED, compared_blocks, stated_blocks
from keras_leuk.reporting.replication_words import in_short, reading_notes, title, warnings
from keras_leuk.runs.atomic import write_text

Json = Mapping[str, Any]

FACTS, SCHEMA = "replication.json", 1


def write_replication_report(out: Path, progress: Progress) -> list[str]:
    """Draws the figures and writes every page of a replication.

    Args:
        out: the folder of a replication, with replication.json and the run folders that it names.
        progress: is told of the figures.

    Returns:
        names of the files, relative to `out`.

    Raises:
        RunError: replication.json is missing or no such file, a run folder cannot be read, or a page cannot be written.
    """
    facts = read_facts(out)
    try:
        drawn = draw_figures(facts, out, progress)
        methods = paragraphs(facts, out)
        text = "\n\n".join(words for _, words in methods)
        references = bibliography(facts, text)
        files = _write_beside(facts, out, references, text)
        blocks = page(facts, drawn, methods, references)
        write_text(out / "replication.md", markdown_page(blocks))
        write_text(out / "replication.html", html_page(blocks, out))
        write_text(out / "replication.tex", latex_page(page(facts, drawn, methods, None), "references"))
    except OSError as error:
        raise RunError(f"the report cannot be written into {out}: {error.strerror or error}") from None
    pictures = [f"figures/{block.name}.{kind}" for block in drawn if isinstance(block, Picture) for kind in ("png", "csv")]
    return ["replication.md", "replication.html", "replication.tex", *files, *pictures]


def read_facts(out: Path) -> Json:
    """What replication.json holds.

    Raises:
        RunError: it is missing, cannot be read, or is of another schema.
    """
    path = out / FACTS
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{out}: has no {FACTS}; keras-leuk replicate writes it") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read: {error}") from None
    if not isinstance(facts, dict) or facts.get("schema") != SCHEMA:
        found = facts.get("schema") if isinstance(facts, dict) else None
        raise RunError(f"{path}: schema is {found!r}; this version of keras-leuk reads {SCHEMA}")
    return facts


def _write_beside(facts: Json, out: Path, references: str, methods: str) -> list[str]:
    """References, methods and the long tables; returns their names."""
    write_text(out / "references.bib", references)
    write_text(out / "methods.txt", methods + "\n")
    (out / "tables").mkdir(exist_ok=True)
    names = []
    for table in facts["tables"]:
        if table["kind"] in COMPARED:
            names.append(f"tables/{table['name']}.csv")
            write_text(out / names[-1], long_form(facts, table))
    return ["references.bib", "methods.txt", *names]


def page(facts: Json, drawn: Sequence[Block], methods: Sequence[tuple[str, str]], references: str | None) -> list[Block]:
    """The blocks of the page, from the title on.

    Args:
        drawn: pictures, and words about those that could not be drawn.
        methods: protocol and paragraph; references: BibTeX to be shown, None where the page has a bibliography of its own.
    """
    warned = warnings(facts)
    blocks: list[Block] = [Heading(title(facts), 1), Paragraph(_citation(facts["paper"]), "The paper:")]
    blocks += [Points(warned, warning=True)] if warned else []
    blocks += [Heading("In short"), Points(in_short(facts))]
    blocks += [Heading("The data"), *data_blocks(facts)]
    blocks += [Heading("What was run"), *run_blocks(facts)]
    blocks += [Heading("Published and measured"), *compared_blocks(facts)]
    blocks += beyond_blocks(facts)
    blocks += _figure_blocks(facts, drawn)
    blocks += [Heading("What the paper states"), *_list(facts["stated"]), *stated_blocks(facts)]
    blocks += _open_blocks(facts)
    blocks += [Heading("How to read this"), Points(reading_notes(facts))]
    blocks += [
        Heading("Methods, ready to paste"),
        *(Paragraph(words, f"{name.capitalize()} protocol.") for name, words in methods),
    ]
    if references is not None:
        blocks += [Heading("References"), Code(references.rstrip("\n"))]
    return [*blocks, Heading("Do it again"), Code("\n".join(commands(facts)))]


def _citation(paper: Json) -> str:
    venue = f" {paper['venue']}." if paper["venue"] else ""
    doi = f" doi:{paper['doi']}" if paper["doi"] else ""
    return f"{', '.join(paper['authors'])} ({paper['year']}). {paper['title']}.{venue}{doi}"


def _list(lines: Sequence[str]) -> list[Block]:
    return [Points(tuple(lines))] if lines else []


def _figure_blocks(facts: Json, drawn: Sequence[Block]) -> list[Block]:
    """The figures, after a list of the paper's own and what stands for each."""
    tables = {table["number"] for table in facts["tables"]}
    figures = [figure for figure in facts["figures"] if figure["name"] not in tables]
    if not figures and not drawn:
        return []
    rows = tuple((Cell(figure["name"]), (Cell(figure["shows"]), Cell(figure["ours"]))) for figure in figures)
    listing = Table("figures", "", "", "figure", "", ("what the paper shows", "what stands here"), rows, words=True)
    return [Heading("Figures"), *([Tables((listing,))] if rows else []), *drawn]


def _open_blocks(facts: Json) -> list[Block]:
    """What was taken where the paper is silent, and where it contradicts itself."""
    arm = facts["arm"]
    keys = "; ".join(f"{key} = {value}" for key, value in arm["keys"].items())
    default = " (the default)" if arm["default"] else ""
    reading = f"{arm['name']}{default}: {arm['why'].rstrip('.')}.{f' It sets {keys}.' if keys else ''}"
    rows = tuple((Cell(choice["what"]), (Cell(str(choice["ours"])), Cell(choice["why"]))) for choice in facts["open"])
    listing = Table("open", "", "", "open", "", ("what we took", "why"), rows, words=True)
    blocks: list[Block] = [Heading("What the paper leaves open, and what we took"), Paragraph(reading, "Reading:")]
    blocks += [Tables((listing,))] if rows else []
    for protocol in facts["protocols"]:
        if protocol["assumed"]:
            blocks += [Paragraph(f"Assumed in the recipe of the {protocol['name']} protocol:"), *_list(protocol["assumed"])]
    if facts["contradicts"]:
        blocks += [Heading("Where the paper does not agree with itself"), *_list(facts["contradicts"])]
    return blocks


def commands(facts: Json) -> list[str]:
    """What to type, each command broken over lines that a page holds."""
    arm = [] if facts["arm"]["default"] else ["--arm", facts["arm"]["name"]]
    only = ["--only", ",".join(facts["only"])] if facts["only"] else []
    whole = ["keras-leuk", "replicate", facts["paper"]["key"], "--data", "DATA", *arm, *only, "--out", "OUT"]
    lines = ["# this page", *_broken(shlex.split(facts.get("again") or shlex.join(whole)))]
    for protocol in facts["protocols"]:
        lines.append(f"# the {protocol['name']} protocol without it")
        for command in protocol["commands"]:
            lines += _broken(shlex.split(command))
    return lines


def _broken(words: Sequence[str], width: int = 88) -> list[str]:
    """A command on lines of a page's width; an option stays with its value."""
    pieces: list[str] = []
    for before, word in zip(["", *words], words, strict=False):
        if before.startswith("--") and not word.startswith("--"):
            pieces[-1] += f" {shlex.quote(word)}"
        else:
            pieces.append(shlex.quote(word))
    lines = [pieces[0]]
    for piece in pieces[1:]:
        if len(lines[-1]) + len(piece) + 3 > width:
            lines[-1] += " \\"
            lines.append(f"  {piece}")
        else:
            lines[-1] += f" {piece}"
    return lines
