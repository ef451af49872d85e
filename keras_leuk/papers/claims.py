"""An arithmetic audit of published numbers: what whole numbers of images can give them, and what cannot.

In the manner of GRIM (Brown and Heathers 2017) and statcheck (Nuijten et al. 2016): nothing is measured, only the printed
numbers are held against each other. Start at `find`, which reads tables of claims, and `audit`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_leuk.errors import UsageError, suggestion
from keras_leuk.papers import claims_classes, claims_means, claims_rows, claims_sizes
from keras_leuk.papers.attainable import DEFINITIONS
from keras_leuk.papers.attainable_boxes import Ints, Printed
from keras_leuk.papers.claims_table import MEASURES, Claim, read_claims
from keras_leuk.papers.library import experiments
from keras_leuk.progress import Progress

Json = dict[str, Any]

LARGEST = 3000
MOST_SEARCHED = 10_000
"""Images above which matrices are not searched: with so many, nearly every printed number is attainable."""

ALONE = 12
"""Rows of a table that are searched one by one where no test set gives them all."""


def find(named: str | None) -> list[tuple[str, list[Claim]]]:
    """The claims of a paper, of a file, or of all papers.

    Args:
        named: the path of a table, the name of a paper, or None for all papers.

    Returns:
        name and claims of each.

    Raises:
        UsageError: neither a file nor a paper; or see `read_claims`.
        DataError: the papers are missing from this installation.
    """
    path = Path(named or "").expanduser()
    if path.is_file() or path.suffix.lower() in (".csv", ".tsv", ".txt"):
        return [(path.stem, read_claims(path))]
    known = {found.parent.name: found for found in sorted(experiments().glob("*/claims.csv"))}
    if named is not None and named not in known:
        raise UsageError(f"{named!r} is neither a table of claims nor a paper{suggestion(named, known)}")
    return [(name, read_claims(known[name])) for name in (known if named is None else [named])]


def audit(papers: Sequence[tuple[str, Sequence[Claim]]], largest: int = LARGEST, progress: Progress | None = None) -> Json:
    """Audits printed numbers table by table.

    Args:
        papers: name and claims of each, as `find` gives them.
        largest: largest test set searched; classes of several are searched to twice that number.

    Returns:
        one JSON object: 'searched' (ranges, definitions) and per paper its tables, in the order of the file.

    Raises:
        UsageError: `largest` cannot be searched.
    """
    if not 2 <= largest <= MOST_SEARCHED:
        raise UsageError(f"--largest {largest} must lie between 2 and {MOST_SEARCHED:,}")
    told = []
    for name, claims in papers:
        (progress or Progress()).say(f"{name}: {len(claims)} printed rows")
        tables: dict[str, list[Claim]] = {}
        for claim in claims:
            tables.setdefault(claim.table, []).append(claim)
        told.append({"paper": name, "tables": [_table(label, rows, largest) for label, rows in tables.items()]})
    return {"searched": {"n": [1, largest], "support": [1, 2 * largest], "definitions": DEFINITIONS}, "papers": told}


def _table(label: str, claims: list[Claim], largest: int) -> Json:
    """Everything of one table."""
    whole = [claim for claim in claims if not claim.mean and not claim.of_class]
    named = sorted({size for claim in whole for size in claim.sizes})
    judged = [claim for claim in whole if _judged(claim)]
    sizes = _searched(whole, largest)
    together = claims_sizes.by_definition(judged, sizes) if _scanned(judged) else []
    focus = [size for size in named if size <= MOST_SEARCHED] or _first_sizes(together)
    rows = [_row(claim, focus) for claim in claims]
    _explain([pair for pair in zip(claims, rows, strict=True) if pair[1]["judged"]], focus)
    if _scanned(judged) and 1 < len(judged) <= ALONE and not focus:
        for claim, row in zip(claims, rows, strict=True):
            row["alone"] = claims_sizes.by_definition([claim], sizes) if claim in judged else []
    return {
        "table": label,
        "n": named,
        "focus": focus,
        "needs_n": [claim.name for claim in judged if not claim.sizes and not focus and "accuracy" not in claim.values],
        "searched": [int(sizes[0]), int(sizes[-1])],
        "too_large": [size for size in named if size > MOST_SEARCHED] if judged else [],
        "accuracy": claims_sizes.by_accuracy(whole, sizes, named),
        "definitions": together,
        "tried": claims_sizes.tried(judged),
        "rows": rows,
        "classes": claims_classes.supports(claims, 2 * largest),
        "means": claims_means.means(claims),
        "same": _same(claims),
    }


def _searched(whole: list[Claim], largest: int) -> Ints:
    """Numbers of images to search: those that all rows which name a range have in common."""
    limits = [claim.search for claim in whole if claim.search]
    if not limits:
        return np.arange(1, largest + 1, dtype=np.int64)
    first, last = max(low for low, _ in limits), min(high for _, high in limits)
    if first > last:
        raise UsageError(f"table {whole[0].table!r}: the ranges of n of its rows have no number in common")
    if last > MOST_SEARCHED:
        raise UsageError(f"table {whole[0].table!r}: n is searched up to {MOST_SEARCHED:,} images, not {last:,}")
    return np.arange(first, last + 1, dtype=np.int64)


def _judged(claim: Claim) -> bool:
    """Whether a row can be held against confusion matrices of two classes."""
    return claim.classes == 2 and any(name in claim.values for name in MEASURES[1:])


def _scanned(claims: list[Claim]) -> bool:
    """Whether all sizes are worth a search: without accuracy a matrix can always be made larger by true negatives."""
    return bool(claims) and all("accuracy" in claim.values for claim in claims)


def _first_sizes(together: list[Json]) -> list[int]:
    """The smallest number of images that some definition gives all rows with."""
    return sorted(found["sizes"][0][0] for found in together if found["sizes"])[:1]


def _row(claim: Claim, focus: list[int]) -> Json:
    """What one row says, and which matrices give it at the numbers of images that it names (or that its table allows)."""
    two_classes = not claim.mean and not claim.of_class and _judged(claim)
    sizes = [size for size in claim.sizes if size <= MOST_SEARCHED] or focus if two_classes else []
    return {
        "row": claim.row,
        "class": claim.of_class,
        "mean": claim.mean,
        "printed": {name: _text(value) for name, value in claim.values.items()} | ({"loss": claim.loss} if claim.loss else {}),
        "n": list(claim.sizes),
        "support": list(claim.support) if claim.support else None,
        "definition": claim.definition,
        "note": claim.note,
        "harmonic": claims_means.harmonic(claim),
        "share": claims_means.share_of_positives(claim) if two_classes else None,
        "judged": bool(sizes),
        "fits": [fit for size in sizes for fit in claims_rows.fits(claim, size)],
        "not_searched": [{"n": size, "definitions": names} for size in sizes if (names := claims_rows.not_searched(claim, size))],
        "left_out": [],
        "other_supports": [],
        "alone": [],
    }


def _text(value: Printed) -> str:
    """As it was printed, with what it is a share of."""
    shown = f"{value.text} %" if value.percent else value.text
    return f"1 - {shown}" if value.complement else shown


def _explain(judged: list[tuple[Claim, Json]], focus: list[int]) -> None:
    """Adds, to rows that do not fit, what would: other class sizes, or one value other than printed.

    A row is explained under every definition if none fits it, else under the one that fits most rows of its table. To fit is to
    do so with all values rounded, or all truncated.
    """
    fitting = {id(row): {fit["definition"] for fit in row["fits"] if fit["mode"] != "either"} for _, row in judged}
    most = Counter(name for names in fitting.values() for name in sorted(names))
    usual, rows = most.most_common(1)[0] if most else ("", 0)
    for claim, row in judged:
        names = [] if row["not_searched"] and not fitting[id(row)] else claims_rows.definitions(claim)
        if fitting[id(row)]:
            names = [usual] if rows * 2 > len(judged) and usual not in fitting[id(row)] else []
        for size in [size for size in claim.sizes if size <= MOST_SEARCHED] or focus:
            row["left_out"] += [told for name in names for told in claims_rows.left_out(claim, size, name)]
            others = [claims_rows.other_supports(claim, size, name) for name in names]
            row["other_supports"] += [told for told in others if told is not None]


def _same(claims: list[Claim]) -> list[list[str]]:
    """Rows of a table with the same printed values, where there are at least three."""
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for claim in claims:
        if not claim.mean and len(claim.values) > 2:
            groups.setdefault(tuple((name, value.text) for name, value in claim.values.items()), []).append(claim.name)
    return [names for names in groups.values() if len(names) > 1]
