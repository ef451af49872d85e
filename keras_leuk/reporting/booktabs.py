"""Tables for LaTeX, in the manner of the package booktabs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from keras_leuk.reporting.latex import escape_latex

LONG = 40
"""Rows that fit a page; a longer table becomes a longtable, which breaks over pages."""


def latex(text: str) -> str:
    """Text that LaTeX prints as it is, on one line; the sign of a number becomes a true minus."""
    return re.sub(r"(?<![^\s(])-(?=\d)", "$-$", escape_latex(text))


def booktabs(header: Sequence[str], rows: Sequence[Sequence[object]], caption: str) -> str:
    """A table with its caption above; its first column stands to the left, all others to the right."""
    columns = "l" + "r" * (len(header) - 1)
    lines = [" & ".join(latex(str(cell)) for cell in row) + r" \\" for row in (header, *rows)]
    head = [r"\toprule", lines[0], r"\midrule"]
    told = rf"\caption{{{latex(caption)}}}"
    if len(rows) > LONG:
        ends = [r"\endhead", r"\bottomrule", r"\endlastfoot"]
        return "\n".join([rf"\begin{{longtable}}{{{columns}}}", rf"{told} \\", *head, *ends, *lines[1:], r"\end{longtable}"])
    body = [rf"\begin{{tabular}}{{{columns}}}", *head, *lines[1:], r"\bottomrule", r"\end{tabular}"]
    return "\n".join([r"\begin{table}", r"\centering", told, *body, r"\end{table}"])
