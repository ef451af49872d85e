"""The measurement of a machine on paper, from its numbers alone. Start at `write_bench`; the same numbers give the same bytes.

bench.md, bench.html     the page to read first
figures/                 bench.png, and bench.csv with every turn
bench.json               everything; written last
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from keras_leuk.errors import RunError
from keras_leuk.reporting.bench_figure import bench_figure
from keras_leuk.reporting.bench_page import page
from keras_leuk.reporting.bench_words import OURS, name, percent
from keras_leuk.reporting.html import html_page
from keras_leuk.reporting.page import Picture, markdown_page
from keras_leuk.reporting.style import save
from keras_leuk.runs.atomic import write_json, write_text

MARK = "bench.json"


def write_bench(facts: dict[str, Any], out: Path) -> None:
    """Writes numbers, figure and pages.

    Args:
        facts: as `keras_leuk.bench.run.bench` gives them.
        out: a folder that is there.

    Raises:
        RunError: the folder cannot be written.
    """
    shares = "; ".join(f"{name(stage)} {percent(stage['share']['value'])}" for stage in facts["stages"])
    picture = Picture("bench", "Speed and share of the ceiling", f"A row a stage, with its speed and its share: {shares}.")
    blocks = page(facts, picture)
    try:
        (out / MARK).unlink(missing_ok=True)
        (out / "figures").mkdir(exist_ok=True)
        save(bench_figure(facts), out / "figures" / "bench.png")
        write_text(out / "figures" / "bench.csv", turns_table(facts).to_csv(index=False, lineterminator="\n"))
        write_text(out / "bench.md", markdown_page(blocks))
        write_text(out / "bench.html", html_page(blocks, out))
        write_json(out / MARK, facts)
    except OSError as error:
        raise RunError(f"the page cannot be written into {out}: {error.strerror or error}") from None


def read_bench(out: Path) -> dict[str, Any]:
    """The numbers of a measurement.

    Raises:
        RunError: bench.json is missing or cannot be read.
    """
    try:
        facts: dict[str, Any] = json.loads((out / MARK).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{out} holds no {MARK}; make it with: keras-leuk bench --out {out}") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{out / MARK} cannot be read: {error}") from None
    return facts


def turns_table(facts: dict[str, Any]) -> pd.DataFrame:
    """A row for each way in each turn of each stage."""
    rows = []
    for stage in facts["stages"]:
        for way, number in stage["ways"].items():
            role = "ours" if way == OURS else "ceiling" if way == stage["ceiling"] else "beside"
            for turn, rate in enumerate(number["turns"], 1):
                rows.append(
                    {
                        "stage": stage["stage"],
                        "backbone": stage["backbone"] or "",
                        "size": stage["size"],
                        "way": way,
                        "role": role,
                        "turn": turn,
                        "images": stage["images"],
                        "images_per_second": rate,
                    }
                )
    return pd.DataFrame(rows)
