"""Numbers in the unit of the paper, verdicts, notes, and tables that HTML and LaTeX can hold."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from replications import drawn, fabricate_facts, nothing, reading

from keras_leuk.papers.library import papers
from keras_leuk.reporting import replication
from keras_leuk.reporting.html import html_page
from keras_leuk.reporting.latex_longtable import longtables
from keras_leuk.reporting.latex_page import latex_page
from keras_leuk.reporting.page import (
    Cell,
    Code,
    Heading,
    Paragraph,
    Picture,
    Points,
    Table,
    Tables,
    markdown_page,
    markdown_table,
)
from keras_leuk.reporting.replication_methods import paragraphs
from keras_leuk.reporting.replication_numbers import decimals, measured_entry, published_entry, sentence, shown, signed
from keras_leuk.reporting.replication_run import beyond_blocks
from keras_leuk.reporting.replication_tables import beside_table, compared_table, table_notes

KEYS = [one.key for one in papers()]


def published(printed="0.76", unit="fraction", verdict="not judged"):
    places = len(printed.partition(".")[2])
    return {"printed": printed, "unit": unit, "decimals": places, "arithmetic": {"verdict": verdict, "words": "why"}}


def blocks_of(facts, out, pictures=()):
    return replication.page(facts, list(pictures), paragraphs(facts, out), None)


def table_of(facts, name):
    return next(table for table in facts["tables"] if table["name"] == name)


@pytest.mark.parametrize(
    ("printed", "unit", "value", "difference", "wanted"),
    [
        ("0.76", "fraction", 0.8125, 0.0525, ("0.812", "(0.782–0.837)", "+0.052 within")),
        ("87", "percent", 0.8125, -0.0575, ("81.2", "(78.2–83.7)", "−5.8 within")),
        ("87.00", "percent", 0.8125, -0.0575, ("81.25", "(78.25–83.65)", "−5.75 within")),
        ("0.70455", "fraction", 0.7, 0.00001, ("0.7000", "(0.6700–0.7240)", "0.0000 within")),
        ("0.0137", "loss", 0.05, 0.0363, ("0.0500", "(0.0200–0.0740)", "+0.0363 within")),
    ],
)
def test_values_stand_in_the_papers_unit(printed, unit, value, difference, wanted):
    one = reading(value) | {"difference": difference, "verdict": "within"}
    cell = measured_entry(one, published(printed, unit))
    assert (cell.text, cell.spread, *cell.lines) == wanted
    assert cell.mark == "within"


def test_counts_missing_values_and_sizes():
    count = reading(11182668.0) | {"low": None, "high": None, "difference": 0.0, "verdict": "equal"}
    assert measured_entry(count, published("11182668", "count")).lines == ("equal",)
    more = count | {"value": 11184012.0, "difference": 1344.0, "verdict": "differs"}
    assert measured_entry(more, published("11182668", "count")) == Cell("11184012", lines=("+1,344 differs",), mark="outside")
    assert (
        measured_entry(nothing(), published())
        == measured_entry(None, published())
        == Cell("–", lines=("not measured",), mark="none")
    )
    sized = measured_entry(reading(0.8, runs=5), published(), with_size=True)
    assert (sized.text, sized.lines[0]) == ("0.800 ± 0.012", "n = 2,133, 68 subjects")
    assert published_entry(published("87.00", "percent", "not attainable")) == Cell(
        "87.00", lines=("not attainable",), mark="impossible"
    )


@given(st.floats(0, 1), st.integers(0, 6), st.sampled_from(["percent", "fraction"]))
def test_a_shown_value_is_within_half_its_last_digit(value, printed, unit):
    places = decimals(unit, printed)
    assert places <= printed + 1
    scale = 100 if unit == "percent" else 1
    assert abs(float(shown(value, unit, places)) - scale * value) <= 0.5000001 * 10**-places


@given(st.floats(-1, 1), st.integers(1, 4))
def test_a_difference_has_the_sign_of_what_it_shows(value, places):
    text = signed(value, "fraction", places)
    number = float(text.replace("−", "-"))
    assert abs(number - value) <= 0.5000001 * 10**-places
    assert (text[0] in "+−") == (number != 0)


def test_a_sentence_tells_all_that_is_known():
    assert (
        sentence(reading(0.8, runs=3)) == "0.800 ± 0.012 (95 % interval 0.770 to 0.824; n = 2,133, 68 subjects; mean over 3 runs)"
    )
    bare = reading(0.8) | {"low": None, "high": None, "n": 0}
    assert sentence(bare, "percent", 1) == "80.0 %"
    assert sentence(nothing("no runs")) == "not measured (no runs)"


def test_sizes_stand_in_the_caption_or_where_they_differ_in_the_cells():
    facts = fabricate_facts("fata2023")
    same = compared_table(facts, table_of(facts, "table3"))
    assert "Measured on our test side: paper protocol, n = 2,133, 68 subjects; honest protocol, n = 2,133" in same.caption
    assert not any("n =" in line for _, cells in same.rows for cell in cells for line in cell.lines)
    table_of(facts, "table3")["rows"][0]["cells"]["Recall"]["measured"]["honest"] |= {"n": 440, "subjects": None}
    mixed = compared_table(facts, table_of(facts, "table3"))
    assert "paper protocol, n = 2,133, 68 subjects; honest protocol, n in each cell" in mixed.caption
    assert mixed.rows[0][1][2].lines[0] == "n = 440"
    assert mixed.rows[1][1][2].lines[0] == "n = 2,133, 68 subjects"
    empty = fabricate_facts("fata2023", measured=False)
    assert compared_table(empty, table_of(empty, "table3")).caption.endswith("Nothing was measured beside it.")


def test_notes_say_what_the_table_cannot():
    place = ("table3", "30", "F1-Score")
    facts = fabricate_facts("fata2023", arithmetic={place: ("not attainable", "no matrix gives it")})
    table = table_of(facts, "table3")
    table["rows"][0]["cells"]["Recall"]["measured"]["paper"] |= {"weights": "random"}
    table["rows"][1]["cells"]["Recall"]["measured"]["paper"] |= {"reason": "on the test side"}
    facts["data"]["stand_ins"] = [{"published": "A", "here": "B", "words": "B stands where A stands"}]
    notes = table_notes(facts, table)
    assert notes == (
        "Every column: unweighted mean over the classes.",
        "Totals: the mean of each column; the recalls printed above it have the mean 0.80375.",
        "30, F1-Score: 0.82 is not attainable: no matrix gives it.",
        "Measured (20): on the test side.",
        "No value (Totals): nothing of ours stands beside it.",
        "Paper protocol: random first weights in 10.",
        "B stands where A stands.",
    )
    assert compared_table(facts, table).rows[2][1][6] == Cell("0.82", lines=("not attainable",), mark="impossible")


def test_rows_of_another_side_are_named():
    facts = fabricate_facts("mantri2024")
    assert "Proposed EfficientNetB3 / Training accuracy: train side." in table_notes(facts, table_of(facts, "prose"))


def test_other_definitions_have_a_table_of_their_own():
    facts = fabricate_facts("vijesh2024")
    table = table_of(facts, "table1")
    assert beside_table(facts, table) is None
    for row in table["rows"][:2]:
        row["cells"]["Validation Recall"]["measured"]["paper"]["extra"] = {"recall of ALL by argmax": reading(0.5, "validation")}
    found = beside_table(facts, table)
    assert found.groups == (("recall of ALL by argmax", 2),)
    assert [label.text for label, _ in found.rows] == ["VGG16", "VGG19"]
    assert found.rows[0][1] == (Cell("0.500", "(0.470–0.524)", lines=("n = 1,580, 13 subjects",)), Cell("–"))


def test_beyond_the_paper_every_setting_has_a_row():
    facts = fabricate_facts("badruzzaman2024")
    heading, paper, honest = beyond_blocks(facts)
    table = paper.tables[0]
    assert (heading.text, len(table.rows), len(honest.tables[0].rows)) == ("Beyond the paper", 5, 15)
    assert table.groups == (("train", 1), ("validation", 7), ("test", 7))
    assert "Test n = 2,133, 68 subjects" in table.caption or "test n = 2,133, 68 subjects" in table.caption
    assert "means over the classes" in table.caption
    facts["beyond"][0]["rows"][0]["test"] = {}
    assert beyond_blocks(facts)[1].tables[0].rows[0][1][-1] == Cell("–")


class Page(HTMLParser):
    """Balanced tags; for each table the columns that every row fills."""

    def __init__(self, text):
        super().__init__()
        self.open, self.errors, self.widths, self.spans, self.ids = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        facts = dict(attrs)
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)
        self.ids += [facts["id"]] if "id" in facts else []
        if tag == "table":
            self.widths.append([])
            self.spans = []
        if tag == "tr":
            # What an earlier row reaches down with takes room in this one.
            self.widths[-1].append(sum(span for span, rows in self.spans if rows > 1))
            self.spans = [(span, rows - 1) for span, rows in self.spans if rows > 1]
        if tag in ("td", "th"):
            width = int(facts.get("colspan", 1))
            self.widths[-1][-1] += width
            self.spans += [(width, int(facts["rowspan"]))] if "rowspan" in facts else []

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.errors.append(tag)


@pytest.mark.parametrize("key", KEYS)
def test_the_html_page_is_sound(tmp_path, key):
    facts = fabricate_facts(key)
    text = html_page(blocks_of(facts, tmp_path, drawn(facts, tmp_path)), tmp_path)
    page = Page(text)
    assert (page.open, page.errors) == ([], [])
    assert len(set(page.ids)) == len(page.ids)
    assert all(len(set(widths)) == 1 for widths in page.widths), "rows of one table fill as many columns"
    assert 'class="mark outside"' in text
    assert text.count("<table") == len(page.widths) > 5


@pytest.mark.parametrize("key", KEYS)
def test_the_latex_page_is_sound(tmp_path, key):
    facts = fabricate_facts(key, runs={"honest": 5})
    text = latex_page(blocks_of(facts, tmp_path, drawn(facts, tmp_path)), "references")
    assert not re.search(r"[^\x00-\x7f]", re.sub(r"(?s)\\begin\{verbatim\}.*?\\end\{verbatim\}", "", text))
    plain = re.sub(r"\\[{}\\&%]", "", text)
    assert plain.count("{") == plain.count("}")
    stack = []
    for first, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if first == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert not stack
    cited = {key for keys in re.findall(r"\\cite\{([^}]*)\}", text) for key in keys.split(",")}
    assert {"keras", "tensorflow", facts["paper"]["key"]} <= cited
    assert r"\nocite{*}" in text


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex")
def test_pdflatex_makes_the_hardest_page(tmp_path):
    facts = fabricate_facts("badruzzaman2024", runs={"honest": 5})
    facts["data"]["name"] = r"50 % of <C_NMC> & m#re ^~{x}\\ [y]"
    facts["stated"] = ["[9] begins with a bracket", r"a_b^c \input{x} --- --", "*", "“quoted” é"]
    (tmp_path / "replication.tex").write_text(latex_page(blocks_of(facts, tmp_path), "references"), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "replication.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
    assert done.returncode == 0, done.stdout[-2000:]
    too_wide = [float(width) for width in re.findall(r"Overfull \\hbox \(([\d.]+)pt", done.stdout)]
    assert all(width < 5 for width in too_wide)


WITHIN = Cell("2", "(1–3)", lines=("+1 within",), mark="within")
GROUPED = Table(
    name="t",
    title="T",
    caption="c",
    corner="key",
    across="",
    columns=("where", "published", "ours", "published", "ours"),
    rows=(
        (Cell("[9]"), (Cell("x|y"), Cell("1"), Cell("2", "(1–3)", lines=("+1 within",), mark="within"), Cell("3"), Cell("4"))),
    ),
    groups=(("", 1), ("A", 2), ("B", 2)),
    texts=frozenset([0]),
)


def test_groups_of_columns_in_every_form():
    assert GROUPED.labels == ("where", "A: published", "A: ours", "B: published", "B: ours")
    assert GROUPED.starts == {0, 1, 3}
    lines = markdown_table(GROUPED).splitlines()
    assert lines[2:5] == [
        "| key | where | A: published | A: ours | B: published | B: ours |",
        "| :-- | :-- | --: | --: | --: | --: |",
        r"| \[9\] | x\|y | 1 | 2 (1–3), +1 within | 3 | 4 |",
    ]
    html = html_page([Heading("h", 1), Tables((GROUPED,))], None)
    assert '<th scope="colgroup" colspan="2" class="start">A</th>' in html
    assert '<th scope="col" rowspan="2" class="start text">where</th>' in html
    assert '<td>2 <small>(1–3)</small> <small class="mark within">+1 within</small></td>' in html
    latex = longtables(GROUPED)
    assert r"\multicolumn{2}{c}{A}" in latex
    assert r"\cmidrule(lr){3-4}\cmidrule(lr){5-6}" in latex
    assert (
        r"{}[9] & x\textbar{}y & 1 & \stacked{2 \\[-2pt] \scriptsize (1--3) \\[-2pt] \scriptsize +1 within} & 3 & 4 \\[2pt]"
        in latex
    )


@given(st.integers(1, 12), st.integers(1, 4), st.integers(1, 30))
def test_parts_of_a_wide_table_hold_every_column_once(groups, span, length):
    names = [f"c{number}" for number in range(groups * span)]
    table = Table(
        name="wide",
        title="W",
        caption="",
        corner="k",
        across="",
        columns=tuple(names),
        rows=((Cell("r"), tuple(Cell(f"{name}{'9' * length}") for name in names)),),
        groups=tuple((f"g{number}", span) for number in range(groups)),
    )
    text = longtables(table)
    bodies = re.findall(r"(?s)\\endlastfoot\n(.*?) \\\\\n\\end\{longtable\}", text)
    found = [entry for body in bodies for entry in body.split(" & ")[1:]]
    assert found == [f"{name}{'9' * length}" for name in names]
    assert all(body.startswith("r & ") for body in bodies)
    for columns, head in re.findall(r"\\begin\{longtable\}\{l(r+)\}.*?\n\\toprule\n(.*?) \\\\", text, re.DOTALL):
        assert sum(int(n) for n in re.findall(r"\\multicolumn\{(\d+)\}", head)) == len(columns)


def test_citations_points_code_and_pictures_in_latex():
    blocks = [
        Heading("Title & more", 1),
        Heading("Part"),
        Paragraph("We used Keras [@keras] 3 and TF [@tensorflow; @he2016]. Then [9] 5 %.", "Lead:"),
        Points(("[1] a",), warning=True),
        Points(("n",), notes=True),
        Code("keras-leuk grid --x 1_2"),
        Picture("fig-1", "Fig", "words"),
    ]
    text = latex_page(blocks)
    assert r"\textbf{Lead:} We used Keras~\cite{keras} 3 and TF~\cite{tensorflow,he2016}. Then [9] 5 \%." in text
    assert r"\item {}[1] a" in text
    assert "\\begin{verbatim}\nkeras-leuk grid --x 1_2\n\\end{verbatim}" in text
    assert r"{figures/fig-1.png}" in text
    assert "bibliography" not in text
    assert markdown_page([Points(("n",), notes=True)]) == "- n\n"
