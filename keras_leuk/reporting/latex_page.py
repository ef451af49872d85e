"""A whole page as one LaTeX document: text, tables that break over pages, figures, citations. pdflatex makes it, then bibtex.

Tables are longtables (`latex_longtable`), which stay where they are told of, however many there are, and break over pages.
"""

from __future__ import annotations

from collections.abc import Sequence

from keras_leuk.reporting.latex import escape_latex
from keras_leuk.reporting.latex_longtable import longtables
from keras_leuk.reporting.page import Block, Code, Heading, Paragraph, Picture, Points, Tables
from keras_leuk.reporting.replication_references import CITATION

_PREAMBLE = r"""\documentclass[10pt,a4paper]{article}
\usepackage[T1]{fontenc}
\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
\usepackage[utf8]{inputenc}
\usepackage[margin=19mm]{geometry}
\usepackage{array,booktabs,longtable,graphicx}
\newcommand{\stacked}[1]{\begin{tabular}[t]{@{}r@{}}#1\end{tabular}}
\AtBeginDocument{\setlength{\LTcapwidth}{\linewidth}}
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt}
\emergencystretch=3em"""


def latex_page(blocks: Sequence[Block], bibliography: str | None = None) -> str:
    """The document, ending in a newline.

    Args:
        blocks: the first is the title; pictures are taken from figures/ beside the document.
        bibliography: name of a .bib file beside the document, without suffix.
    """
    first, *rest = blocks
    title = escape_latex(first.text) if isinstance(first, Heading) else ""
    body = "\n\n".join(_latex(block) for block in (rest if title else blocks))
    ends = [r"\bibliographystyle{unsrt}", rf"\bibliography{{{bibliography}}}"] if bibliography else []
    # Everything in the file is cited: what the text leaves out belongs to the reading list.
    cited = [r"\nocite{*}"] if bibliography else []
    parts = [
        _PREAMBLE,
        r"\begin{document}",
        rf"{{\Large\bfseries\raggedright {title}\par}}" if title else "",
        body,
        *cited,
        *ends,
    ]
    return "\n".join([part for part in parts if part] + [r"\end{document}"]) + "\n"


_SECTIONS = {2: "section*", 3: "subsection*", 4: "subsubsection*"}


def _latex(block: Block) -> str:
    match block:
        case Heading():
            return rf"\{_SECTIONS.get(block.level, 'paragraph*')}{{{escape_latex(block.text)}}}"
        case Paragraph():
            lead = rf"\textbf{{{escape_latex(block.lead)}}} " if block.lead else ""
            return f"{lead}{_cited(block.text)}"
        case Points():
            return _points(block)
        case Code():
            return f"{{\\footnotesize\n\\begin{{verbatim}}\n{block.text}\n\\end{{verbatim}}}}"
        case Tables():
            return "\n\n".join(longtables(table) for table in block.tables)
        case Picture():
            return _picture(block)


def _points(points: Points) -> str:
    # The empty group keeps a bracket at the start of a line from being read as an item's own label.
    items = "\n".join(rf"  \item {{}}{_cited(line)}" for line in points.lines)
    listed = f"\\begin{{itemize}}\\setlength{{\\itemsep}}{{1pt}}\n{items}\n\\end{{itemize}}"
    if points.warning:
        return "\n".join([r"\par\hrule\smallskip\textbf{Read this first}", listed, r"\hrule\par\medskip"])
    return f"{{\\footnotesize\n{listed}}}" if points.notes else listed


def _picture(picture: Picture) -> str:
    return "\n".join(
        [
            rf"\subsubsection*{{{escape_latex(picture.title)}}}",
            r"\begin{center}",
            rf"\includegraphics[width=\linewidth,height=0.75\textheight,keepaspectratio]{{figures/{picture.name}.png}}",
            r"\end{center}",
            rf"{{\footnotesize {escape_latex(picture.words)}\par}}",
        ]
    )


def _cited(text: str) -> str:
    """Text with its citations, `[@a; @b]`, as \\cite, each tied to what it is for."""
    found, place = "", 0
    for match in CITATION.finditer(text):
        keys = match.group(1).replace("; ", ",").replace("@", "")
        found += rf"{_between(text[place : match.start()]).rstrip()}~\cite{{{keys}}}"
        place = match.end()
    return found + _between(text[place:])


def _between(text: str) -> str:
    """Escaped text that keeps a space at its start, which parts it from a citation."""
    return f"{' ' if text.startswith(' ') else ''}{escape_latex(text)}"
