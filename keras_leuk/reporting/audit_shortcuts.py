"""What the page of an audit shows of shortcuts: what trivial descriptors tell of the class, alone and together.

Made from the section of audit.json, nothing else. Start at `draw`, then `blocks`.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd

from keras_leuk.reporting.audit_maps import LEVEL, audit_caption, forest_figure, map_figure
from keras_leuk.reporting.page import Block, Cell, Heading, Paragraph, Picture, Points, Table, Tables
from keras_leuk.reporting.style import save
from keras_leuk.runs.atomic import write_bytes

Json = dict[str, Any]
Row = tuple[Cell, tuple[Cell, ...]]

FIGURE = "shortcuts"

MACRO = "mean"
"""Column of the mean over classes."""

_KINDS = {"shortcut": "File, name and picture around the cell", "cell": "The cell, without its texture"}
_SETS = {"all": "all descriptors", "shortcuts": "file, name and picture only", "cell": "area, colour, sharpness of the cell only"}
_TOGETHER = "Together, cross-validated by subjects"
_COLUMNS = ["block", "descriptor", "label", "class", "n", "groups", "auc", "low", "high", "p", "p_holm", "any_shape", "reason"]


def blocks(section: Json, folder: Path) -> list[Block]:
    """Shortcuts on the page.

    Args:
        section: 'shortcuts' of audit.json.
        folder: the audit folder, after `draw`.
    """
    methods, tests = section["methods"], section["tests"]
    found: list[Block] = [Heading("Shortcuts"), Paragraph(_question(section))]
    lines = (*section["warnings"], *section["notes"]) or ("No trivial descriptor tells the classes after Holm's correction.",)
    found.append(Points(lines))
    if beside := _beside(section):
        found.append(Paragraph(beside))
    found += [Tables((_together_table(section),)), Tables((_alone_table(section),))]
    if _drawable(section):
        found.append(Picture(FIGURE, "What trivial descriptors tell of the class", _words(section)))
    found.append(Paragraph(f"{methods['alone']} {methods['together']}", "How."))
    corrected = f"{methods['holm']} Tests: {tests['alone']} alone, {tests['together']} together."
    found.append(Paragraph(f"Any shape: {methods['any_shape']} {corrected}"))
    return found


def draw(section: Json, folder: Path, data: str) -> None:
    """Draws figures/shortcuts.png and .csv: with two classes each area with its interval, with more a map.

    Args:
        section: 'shortcuts' of audit.json; folder: the audit folder; data: name of the data for the caption.

    Raises:
        OSError: a figure cannot be written.
    """
    if not _drawable(section):
        return
    table = shortcuts_table(section)
    count, positive = section["tests"]["alone"], section["positive"]
    if positive is not None:
        note = (
            f"Circles: AUC for {positive} of the value as it is, or of a cross-validated classifier (together), filled where "
            f"p < {LEVEL:g} after Holm correction ({count} tests alone); lines: {_percent(section)} intervals. "
            "Diamonds: cross-validated tree of the one value, which need not rise or fall. Below 0.5: larger in the other class."
        )
        title = "What trivial descriptors tell of the class"
        shown = table.rename(columns={"any_shape": "other"})
        figure = forest_figure(title, f"AUC for {positive}", shown, audit_caption(data, section, note))
    else:
        note = (
            "AUC of each class against the rest, of the value as it is or of a cross-validated classifier (last rows); "
            f"bold with a star where p < {LEVEL:g} after Holm correction ({count} tests alone). Below 0.5: smaller in the class. "
            "Intervals: in the CSV."
        )
        figure = map_figure(
            "What trivial descriptors tell of each class", "AUC", _map(table, section), audit_caption(data, section, note)
        )
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    save(figure, figures / f"{FIGURE}.png")
    write_bytes(figures / f"{FIGURE}.csv", lambda part: table.to_csv(part, index=False, lineterminator="\n", encoding="utf-8"))


def shortcuts_table(section: Json) -> pd.DataFrame:
    """The numbers in the figure: block, descriptor, label, class, n, groups, auc, low, high, p, p_holm, any_shape (area of the
    cross-validated tree of one value), reason; one row a descriptor and class, then those together, the model last."""
    rows: list[Json] = []
    for kind, block in _KINDS.items():
        for one in section["descriptors"]:
            if one["kind"] != kind:
                continue
            head = {"block": block, "descriptor": one["name"], "label": one["label"]}
            rows += [{**head, **entry, "any_shape": (entry["any_shape"] or {}).get("auc")} for entry in one["against"]] or [
                {**head, "class": section["positive"], "n": one["n"], "reason": one["reason"]}
            ]
    for one in section["together"]:
        head = {"block": _TOGETHER, "descriptor": "+".join(one["descriptors"]) or None, "label": _SETS[one["name"]]}
        entries = [*one["against"], *([{**one["macro"], "class": MACRO}] if one["macro"] else [])]
        rows += [{**head, **entry} for entry in entries] or [
            {**head, "class": section["positive"] or MACRO, "reason": one["reason"]}
        ]
    if model := section["model"]:
        rows.append({"block": "For comparison", "descriptor": None, "label": f"{model['name']}, {model['side']}", **model})
        rows[-1]["class"] = section["positive"] or MACRO
    table = pd.DataFrame(rows).reindex(columns=_COLUMNS)
    numbers = ["auc", "low", "high", "p", "p_holm", "any_shape"]
    return table.astype(dict.fromkeys(numbers, "float64")).astype({"n": "Int64", "groups": "Int64"})


def _map(table: pd.DataFrame, section: Json) -> pd.DataFrame:
    """What `map_figure` takes: classes in label order, the mean last, descriptors in the order of the table."""
    shown = table[table["auc"].notna()].rename(columns={"label": "row", "class": "column"})
    columns = [*section["classes"], MACRO]
    rows = list(dict.fromkeys(shown["row"]))
    place = shown["row"].map(rows.index) * len(columns) + shown["column"].map(columns.index)
    return shown.iloc[place.argsort(kind="stable")].reset_index(drop=True)


def _drawable(section: Json) -> bool:
    return any(one["against"] for one in section["descriptors"])


def _percent(section: Json) -> str:
    return f"{100 * section['confidence']:g} %"


def _question(section: Json) -> str:
    known = section["subjects"] is not None
    units = "linked subjects count as one" if known else "images count as independent, because subjects are not all known"
    return (
        "How well do things tell the class that no pathologist looks at? Traits of the file, its name and the picture around the "
        "cell are shortcuts: a model that uses them has learnt how the data were gathered. The cell's size, colour and sharpness "
        "may be biology, but need no texture; a model should be better than they are. In parentheses: "
        f"{_percent(section)} intervals; {units}."
    )


def _beside(section: Json) -> str:
    area = next((one for one in section["descriptors"] if one["name"] == "cell_area"), None)
    texts = []
    if area is not None and area["against"]:
        best = area["against"][0]
        texts.append(
            f"The cell's area alone: AUC {_number(best)} for {best['class']}{'' if section['positive'] else ' against the rest'}."
        )
    if model := section["model"]:
        texts.append(f"The model {model['name']} on its {model['side']} side: AUC {_number(model)}, n = {model['n']:,}.")
    return " ".join(texts)


def _number(area: Json) -> str:
    return f"{_text(area['auc'])} {_spread(area)}".strip()


def _text(value: float | None, digits: int = 2) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def _spread(area: Json) -> str:
    return "" if area.get("low") is None else f"({area['low']:.2f}–{area['high']:.2f})"


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _area_cell(area: Json | None) -> Cell:
    return Cell("–") if area is None or area["auc"] is None else Cell(_text(area["auc"]), _spread(area), number=area["auc"])


def _p_cell(value: float | None) -> Cell:
    return Cell(_p(value), best=value is not None and value < LEVEL, number=value)


def _together_table(section: Json) -> Table:
    several = section["positive"] is None
    rows: list[Row] = []
    for one in section["together"]:
        area = one["macro"] or (one["against"][0] if one["against"] else None)
        if area is None:
            rows.append((Cell(_SETS[one["name"]]), (Cell("–"), Cell("–"), Cell("–"), Cell(str(len(one["descriptors"]))))))
            continue
        cells = (_area_cell(area), _p_cell(area["p_holm"]), Cell(f"{area['n']:,}"), Cell(str(len(one["descriptors"]))))
        rows.append((Cell(_SETS[one["name"]]), cells))
    if model := section["model"]:
        rows.append(
            (Cell(f"{model['name']} ({model['side']} side)"), (_area_cell(model), Cell("–"), Cell(f"{model['n']:,}"), Cell("–")))
        )
    reasons = dict.fromkeys(one["reason"] for one in section["together"] if one["reason"])
    folds = next((f"{one['folds']} folds. " for one in section["together"] if one["folds"]), "")
    whose = "Mean over the classes, each against the rest. " if several else ""
    caption = f"{whose}{folds}{' '.join(f'{reason}.' for reason in reasons)}".strip()
    return Table(
        "shortcuts-together", "All together.", caption, "what is seen", "", ("AUC", "p (Holm)", "n", "descriptors"), tuple(rows)
    )


def _alone_table(section: Json) -> Table:
    """Each descriptor with the class that it tells best."""
    several = section["positive"] is None
    rows: list[Row] = []
    for one in section["descriptors"]:
        lead = [Cell("–")] if several else []
        if not one["against"]:
            rows.append(
                (Cell(one["label"]), (*lead, Cell("–", one["reason"] or ""), Cell("–"), Cell("–"), Cell(f"{one['n']:,}")))
            )
            continue
        best = one["against"][0]
        lead = [Cell(best["class"])] if several else []
        shape = best["any_shape"]
        cells = (*lead, _area_cell(best), _p_cell(best["p_holm"]), _area_cell(shape), Cell(f"{best['n']:,}", number=best["n"]))
        rows.append((Cell(one["label"]), cells))
    columns = (*(("class",) if several else ()), "AUC", "p (Holm)", "any shape", "n")
    whose = "The class that each descriptor tells best, against the rest; all are in the figure's CSV." if several else ""
    below = f"AUC for {section['positive']}. Below 0.5: smaller in it." if not several else "Below 0.5: smaller in the class."
    caption = f"{whose} {below} n: images that have a value.".strip()
    return Table("shortcuts-alone", "Each descriptor alone.", caption, "descriptor", "", columns, tuple(rows))


def _words(section: Json) -> str:
    told = [one for one in section["descriptors"] if one["against"]]
    values = [entry["auc"] for one in told for entry in one["against"] if entry["auc"] is not None]
    whom = f"for {section['positive']}" if section["positive"] else "of each class against the rest"
    ends = f"{min(values):.2f} to {max(values):.2f}" if values else "undefined"
    return f"AUC {whom} of {len(told)} descriptors alone ({ends}), and of classifiers that see several."
