"""One published number and what was measured beside it, as entries of a table.

Values come as fractions and are shown in the unit of the paper, with one decimal more than printed, at most four (percent: two).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras_leuk.reporting.page import Cell

Json = Mapping[str, Any]

MARKS = {"within": "within", "equal": "within", "outside": "outside", "differs": "outside"}
"""Verdict → class of the HTML page; the word stands beside it."""

IMPOSSIBLE = "not attainable"
UNMEASURED = "not measured"

_MOST = {"percent": 2, "fraction": 4, "loss": 4, "count": 0}


def decimals(unit: str, printed: int) -> int:
    """Decimals of a measured value beside a published one with `printed` decimals."""
    return min(printed + 1, _MOST[unit])


def shown(value: float, unit: str, places: int) -> str:
    """A value in the unit of the paper: 0.8125 is ``81.25`` in percent. A mean of counts keeps one decimal."""
    if unit == "count":
        return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"
    return f"{100 * value if unit == 'percent' else value:.{places}f}"


def signed(value: float, unit: str, places: int) -> str:
    """A difference with its sign; one that rounds to nothing has none."""
    text = f"{abs(value):,.0f}" if unit == "count" and float(value).is_integer() else shown(abs(value), unit, places)
    return text if not text.strip("0.") else f"{'−' if value < 0 else '+'}{text}"


def interval(measured: Json, unit: str, places: int) -> str:
    """``(79.1–83.0)``, or '' where there is none."""
    if measured["low"] is None or measured["high"] is None:
        return ""
    return f"({shown(measured['low'], unit, places)}–{shown(measured['high'], unit, places)})"


def size(measured: Json) -> str:
    """``n = 2,133, 68 subjects``."""
    subjects = measured["subjects"]
    known = "" if subjects is None else f", {subjects:,} subject{'' if subjects == 1 else 's'}"
    return f"n = {measured['n']:,}{known}"


def published_entry(cell: Json) -> Cell:
    """The printed string exactly as printed, and whether arithmetic allows it."""
    if cell["arithmetic"]["verdict"] == IMPOSSIBLE:
        return Cell(cell["printed"], lines=(IMPOSSIBLE,), mark="impossible")
    return Cell(cell["printed"])


def measured_entry(measured: Json | None, cell: Json, *, with_size: bool = False) -> Cell:
    """What was measured beside a published cell.

    Args:
        measured: a MEASURED of replication.json; None where the protocol has none for this cell.
        cell: the published cell, whose unit and decimals are taken.
        with_size: whether the number of images and subjects belongs into the cell.
    """
    if measured is None or measured["value"] is None:
        return Cell("–", lines=(UNMEASURED if measured is None else str(measured["verdict"]),), mark="none")
    unit, places = cell["unit"], decimals(cell["unit"], cell["decimals"])
    lines = [size(measured)] if with_size else []
    difference = "" if not measured["difference"] else f"{signed(measured['difference'], unit, places)} "
    lines.append(f"{difference}{_WORDS.get(measured['verdict'], measured['verdict'])}")
    mark = MARKS.get(measured["verdict"], "none")
    return Cell(value_words(measured, unit, places), interval(measured, unit, places), lines=tuple(lines), mark=mark)


_WORDS = {"no number": "no plain number beside it"}


def value_words(measured: Json, unit: str, places: int) -> str:
    """``81.2``, or ``81.2 ± 0.4`` over several runs."""
    spread = "" if measured["sd"] is None else f" ± {shown(measured['sd'], unit, places)}"
    return f"{shown(measured['value'], unit, places)}{spread}"


def plain_entry(measured: Json | None, *, with_size: bool = False) -> Cell:
    """A measured value that stands beside no published one, as a fraction with three decimals."""
    if measured is None or measured["value"] is None:
        return Cell("–")
    lines = (size(measured),) if with_size else ()
    return Cell(value_words(measured, "fraction", 3), interval(measured, "fraction", 3), lines=lines)


def sentence(measured: Json, unit: str = "fraction", places: int = 3) -> str:
    """``0.812 (95 % interval 0.790 to 0.830; n = 2,133, 68 subjects)`` with what else is known, for running text."""
    if measured["value"] is None:
        return f"not measured ({measured['reason']})" if measured["reason"] else "not measured"
    percent = " %" if unit == "percent" else ""
    known = [size(measured)] if measured["n"] else []
    if measured["low"] is not None and measured["high"] is not None:
        ends = " to ".join(shown(measured[end], unit, places) for end in ("low", "high"))
        known.insert(0, f"95 % interval {ends}")
    if measured["runs"] > 1:
        known.append(f"mean over {measured['runs']} runs")
    return f"{value_words(measured, unit, places)}{percent}" + (f" ({'; '.join(known)})" if known else "")


def capital(text: str) -> str:
    """Text whose first letter is large."""
    return text[:1].upper() + text[1:]


def short(key: str) -> str:
    """The word of a dotted key that says what it is: ``training.optimizer.name`` is ``optimizer``."""
    return key.removesuffix(".name").rpartition(".")[2]
