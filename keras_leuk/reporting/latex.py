"""Tables as LaTeX, in the booktabs style: no vertical rules, three horizontal ones.

The file is to be read in by a document (`\\input{grid}`) that uses the package booktabs; any LaTeX since 2018 reads its UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from keras_leuk.reporting.page import Cell, Table

INLINE = 3
"""With more columns intervals stand below their values, so that the table fits a page."""

FLOATS = 12
"""Tables after which the page is cleared: LaTeX holds back only so many."""

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "−": r"\ensuremath{-}",
    "χ": r"\ensuremath{\chi}",
    "²": r"\textsuperscript{2}",
    "±": r"\ensuremath{\pm}",
    "×": r"\ensuremath{\times}",
    "≥": r"\ensuremath{\geq}",
    "≤": r"\ensuremath{\leq}",
    "→": r"\ensuremath{\to}",
}


def escape_latex(text: str) -> str:
    """Text that LaTeX sets as it is, on one line."""
    plain = " ".join(text.split())
    # Two hyphens would be set as one dash, which nobody typed.
    hyphens = {place for place in range(len(plain)) if plain.startswith("--", place)}
    return "".join("-{}" if place in hyphens else _ESCAPES.get(sign, sign) for place, sign in enumerate(plain))


def latex_tables(tables: Sequence[Table], heading: str) -> str:
    """All tables, each a float of its own, ending in a newline.

    Args:
        heading: what the file is, for its first line.
    """
    blocks = [f"% {' '.join(heading.split())}\n% In the preamble: \\usepackage{{booktabs}} and \\usepackage[T1]{{fontenc}}."]
    for number, table in enumerate(tables):
        if number and number % FLOATS == 0:
            blocks.append(r"\clearpage")
        blocks.append(latex_table(table))
    return "\n\n".join(blocks) + "\n"


def latex_table(table: Table) -> str:
    """One table as a float with caption and label."""
    stacked = len(table.columns) > INLINE
    side = "l" if table.words else "r"
    lines = [
        r"\begin{table}[tbp]",
        r"  \centering",
        rf"  \caption[{escape_latex(table.title)}]{{\textbf{{{escape_latex(table.title)}.}} {escape_latex(table.caption)}}}",
        rf"  \label{{tab:{_label(table.name)}}}",
        *([r"  \footnotesize", r"  \setlength{\tabcolsep}{3pt}"] if stacked else [r"  \small"]),
        r"  \vspace{4pt}\par",
        # A table that is wider than the text reaches into both margins alike.
        r"  \makebox[\linewidth][c]{%",
        rf"  \begin{{tabular}}{{l{side * len(table.columns)}}}",
        r"    \toprule",
        *_head(table),
        r"    \midrule",
    ]
    for label, cells in table.rows:
        lines += _row(label, cells, stacked)
    lines += [r"    \bottomrule", r"  \end{tabular}}", r"\end{table}"]
    return "\n".join(lines)


def _head(table: Table) -> list[str]:
    n = len(table.columns)
    names = [escape_latex(name) for name in table.columns]
    if n > INLINE and not table.across:
        # Names of measures are longer than their numbers: a word a line.
        names = [_stacked(name) for name in table.columns]
    names = [escape_latex(table.corner), *names]
    over = [rf"     & \multicolumn{{{n}}}{{c}}{{{escape_latex(table.across)}}} \\", rf"    \cmidrule(l){{2-{n + 1}}}"]
    return (over if table.across else []) + [f"    {' & '.join(names)} \\\\"]


def _row(label: Cell, cells: Sequence[Cell], stacked: bool) -> list[str]:
    values, spreads = [escape_latex(label.text)], [""]
    for cell in cells:
        text, spread = escape_latex(cell.text), escape_latex(cell.spread)
        whole = text if stacked or not spread else f"{text} {spread}"
        values.append(rf"\textbf{{{whole}}}" if cell.best else whole)
        spreads.append(rf"\scriptsize {spread}" if spread else "")
    if not stacked or not any(spreads):
        return [f"    {' & '.join(values)} \\\\"]
    return [f"    {' & '.join(values)} \\\\*[-1pt]", f"    {' & '.join(spreads)} \\\\[2pt]"]


def _stacked(name: str) -> str:
    words = r" \\ ".join(escape_latex(word) for word in name.split())
    return rf"\shortstack[r]{{{words}}}"


def _label(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9:-]+", "-", name)
