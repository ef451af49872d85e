"""Made-up content of replication.json: every paper of the library with invented measured values, without training."""

from __future__ import annotations

import zlib

from pydantic import TypeAdapter

from keras_leuk.papers.library import paper
from keras_leuk.papers.library_facts import PaperFacts
from keras_leuk.papers.replicate_facts import assumed
from keras_leuk.recipe.loading import dotted
from keras_leuk.reporting.page import Picture

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU"
    b"\x00\x00\x00\nIDATx\x9cc`\x00\x00\x00\x02\x00\x01H\xaf\xa4q\x00\x00\x00\x00IEND\xaeB`\x82"
)
SIDES = {"train": (6277, 56), "validation": (1580, 13), "test": (2133, 68)}


def drawn(facts, out, progress=None):
    """A stand-in for the figures: a picture of one pixel for each protocol."""
    (out / "figures").mkdir(exist_ok=True)
    blocks = []
    for protocol in facts["protocols"]:
        name = f"figure-9-{protocol['name']}"
        (out / "figures" / f"{name}.png").write_bytes(PNG)
        (out / "figures" / f"{name}.csv").write_text("x,y\n1,2\n")
        blocks.append(Picture(name, f"Figure 9, {protocol['name']} protocol", "A made-up picture of one pixel for the tests."))
    return blocks


def nothing(reason="the runs beside it are not finished"):
    """A MEASURED without a value."""
    empty = dict.fromkeys(("value", "low", "high", "subjects", "unit", "sd", "difference"))
    return empty | {"n": 0, "runs": 0, "reason": reason, "verdict": "not measured", "weights": "none", "extra": {}}


def reading(value, side="test", *, published=None, decimals=2, unit="fraction", runs=1, weights="imagenet", width=0.03):
    """A MEASURED around a value; the verdict is worked out as replication.json says it is."""
    n, subjects = SIDES.get(side, SIDES["test"])
    found = {"value": value, "low": value - width, "high": value + 0.8 * width, "n": n, "subjects": subjects, "unit": "subject"}
    found |= {"runs": runs, "sd": 0.0123 if runs > 1 else None, "difference": None, "reason": None, "verdict": "no number"}
    if published is not None:
        half = 10**-decimals / 2 / (100 if unit == "percent" else 1)
        inside = published + half >= found["low"] and published - half <= found["high"]
        found |= {"difference": value - published, "verdict": "within" if inside else "outside"}
    return found | {"weights": weights, "extra": {}}


def invented(cell, protocol, runs):
    """A measured value beside a published cell: the same for the same cell, near it, and lower under the honest protocol."""
    if cell.ours is None:
        return nothing("nothing of ours stands beside it")
    luck = zlib.crc32(f"{cell.row}{cell.column}{protocol}".encode()) % 1000 / 1000
    if cell.unit == "count":
        value = 11_182_668.0 if cell.measure == "parameters" else 24.0
        found = reading(value, cell.side) | {"low": None, "high": None, "n": 0, "unit": None, "subjects": None}
        same = cell.value is not None and float(cell.value) == value
        return found | {"difference": value - float(cell.value), "verdict": "equal" if same else "differs"}
    published = float(cell.fraction) if cell.fraction is not None else None
    start = published if published is not None else 0.85
    shift = 0.06 * (luck - 0.55) - (0.08 if protocol == "honest" else 0.0)
    value = min(max(start + (0.02 * luck if cell.unit == "loss" else shift), 0.01), 0.99)
    return reading(value, cell.side, published=published, decimals=cell.decimals, unit=cell.unit, runs=runs)


def fabricate_facts(
    key, *, measured=True, protocols=("paper", "honest"), trimmed=(), the_papers=False, runs=None, arithmetic=None
):
    """The content of replication.json for a paper.

    Args:
        measured: whether the runs finished; runs: seeds by protocol; arithmetic: (table, row, column) → (verdict, words).
    """
    found = paper(key)
    facts = TypeAdapter(PaperFacts).dump_python(found.facts, mode="json")
    told = [_protocol(found, name, measured, trimmed, (runs or {}).get(name, 1)) for name in protocols]
    tables = [_table(table, told, measured, arithmetic or {}) for table in found.tables]
    several = len(facts["data"]["images"]) > 2
    positive = None if several else "ALL"
    classes = dict.fromkeys(facts["data"]["images"], 60) if several else {"HEM": 2507, "ALL": 5440}
    wanted = sum(facts["data"]["images"].values())
    here = wanted if the_papers else 7947
    return {
        "schema": 1,
        "paper": {name: facts[name] for name in ("key", "title", "authors", "year", "venue", "doi", "bibtex")}
        | {"data": facts["data"]["name"]},
        "data": {
            "name": f"C-NMC 2019 ({here:,} images)",
            "the_papers": the_papers,
            "words": "the paper's data" if the_papers else "not the paper's data",
            "images": here,
            "classes": classes,
            "positive": positive,
            "subjects": 101,
            "checks": [
                {
                    "what": "images",
                    "paper": f"{wanted:,}",
                    "here": f"{here:,}",
                    "agrees": here == wanted,
                    "words": "" if here == wanted else f"{abs(here - wanted):,} {'fewer' if here < wanted else 'more'}",
                },
                {"what": "subjects", "paper": str(facts["data"]["subjects"]), "here": "101", "agrees": the_papers, "words": ""},
            ],
            "stand_ins": [{"published": "BLA", "here": "IG", "words": "IG stands where BLA stands"}] if several else [],
        },
        "arm": {
            name: value
            for name, value in next(arm for arm in facts["arms"] if arm["default"]).items()
            if name in ("name", "default", "why", "keys")
        },
        "only": [],
        "sets": [],
        "protocols": told,
        "tables": tables,
        "beyond": [_beyond(one, measured) for one in told],
        "figures": [{name: result.get(name) for name in ("name", "shows", "ours", "figure")} for result in facts["results"]],
        "stated": facts["stated"],
        "open": facts["open"],
        "contradicts": facts["contradicts"],
        "reading": {one["name"]: _counts(tables, one["name"]) for one in told},
    }


def _protocol(found, name, measured, trimmed, seeds):
    protocol = found.protocol(name)
    cells = [cell for grid in protocol.grids for cell in grid.cells()]
    axes = {}
    for cell in cells:
        for axis, value in cell.items():
            axes.setdefault(axis, [])
            axes[axis] += [value] if value not in axes[axis] else []
    state = "finished" if measured else "missing"
    runs = [
        {
            "id": f"{name[0]}{number}",
            "values": dict(cell),
            "title": ", ".join(map(str, cell.values())),
            "folder": f"grids/{name}/cells/{number}" if measured else None,
            "state": state,
            "error": None,
            "weights": "imagenet",
        }
        for number, cell in enumerate(cells)
    ]
    first = {axis: str(values[0]) for axis, values in axes.items() if axis != "seed"}
    choice = {
        "setting": first,
        "words": "chosen among 4 settings: largest validation accuracy",
        "bias": 0.01,
        "validation": reading(0.873, "validation", runs=seeds),
        "test": reading(0.801, runs=seeds),
    }
    return {
        "name": name,
        "meaning": protocol.meaning,
        "recipe": dotted(protocol.recipe()) | (dict(cells[0]) if cells else {}),
        "assumed": assumed(protocol.recipe_file),
        "split": f"Split {'by image' if name == 'paper' else 'by subject, no subject on two sides'}: train 6,277 images."
        if measured
        else "",
        "sides": {side: {"n": n, "classes": {"HEM": n // 3, "ALL": n - n // 3}, "subjects": k} for side, (n, k) in SIDES.items()},
        "checked": ["subjects on two sides: 68"] if name == "paper" else ["subjects on two sides: none"],
        "linked": [],
        "selection": "validation",
        "trimmed": list(trimmed),
        "adapted": [],
        "notes": [],
        "weights": ["vgg16: ImageNet"],
        "warnings": ["68 of 73 subjects stand on more than one side."] if name == "paper" else [],
        "commands": [protocol.command()],
        "runs": runs,
        "axes": axes,
        "choice": choice if measured and name == "honest" else None,
    }


def _table(table, protocols, measured, arithmetic):
    judged = table.facts.kind in ("results", "cited")
    rows = {name: {} for name in table.row_names}
    for cell in table.cells:
        verdict, words = arithmetic.get((table.name, cell.row, cell.column), ("not judged", ""))
        told = {}
        for one in protocols if judged else ():
            seeds = one["choice"]["test"]["runs"] if one["choice"] is not None else 1
            told[one["name"]] = invented(cell, one["name"], seeds) if measured else nothing()
        rows[cell.row][cell.column] = {
            "printed": cell.printed,
            "value": float(cell.value) if cell.value is not None else None,
            "decimals": cell.decimals,
            "unit": cell.unit,
            "measure": cell.measure,
            "average": cell.average,
            "side": cell.side,
            "class": cell.class_name,
            "arithmetic": {"verdict": verdict, "words": words},
            "runs": {name: ["p0"] if cell.ours is not None else [] for name in told},
            "measured": told,
        }
    names = ("header", "measure", "average", "unit", "definition")
    return {
        "name": table.name,
        "number": table.number,
        "kind": table.facts.kind,
        "caption": table.caption,
        "side": table.facts.side,
        "basis": table.facts.basis,
        "images": table.facts.images,
        "header": list(table.header),
        "key": list(table.facts.key),
        "columns": [{n: getattr(column, n) for n in names} for column in table.facts.columns if column.measure is not None],
        "rows": [
            {
                "name": name,
                "printed": list(printed),
                "note": table.facts.rows[name].note if name in table.facts.rows else None,
                "cells": rows[name],
            }
            for name, printed in zip(table.row_names, table.rows, strict=True)
        ],
    }


def _beyond(protocol, measured):
    names = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "macro_f1", "roc_auc")
    rows = []
    for number, run in enumerate(protocol["runs"] if measured else ()):
        row = {"setting": run["title"], "runs": [run["id"]], "weights": "imagenet"}
        row["train"] = {"accuracy": reading(0.9 + number % 7 / 100, "train")}
        row |= {
            side: {name: reading(0.8 + (number + k) % 11 / 100, side) for k, name in enumerate(names)}
            for side in ("validation", "test")
        }
        rows.append(row)
    return {"protocol": protocol["name"], "rows": rows}


def _counts(tables, protocol):
    found = {}
    for table in tables:
        for row in table["rows"]:
            for cell in row["cells"].values():
                if protocol in cell["measured"]:
                    impossible = cell["arithmetic"]["verdict"] == "not attainable"
                    verdict = "not attainable" if impossible else cell["measured"][protocol]["verdict"]
                    found[verdict] = found.get(verdict, 0) + 1
    return dict(sorted(found.items()))
