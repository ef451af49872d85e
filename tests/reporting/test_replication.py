"""The pages of a replication: every printed number in every form, titles that name the data, files that can be made again."""

from __future__ import annotations

import csv
import json
import re
from itertools import product

import pytest
from replications import drawn, fabricate_facts, nothing, reading

from keras_leuk.errors import RunError
from keras_leuk.papers.library import papers
from keras_leuk.progress import Progress
from keras_leuk.reporting import replication
from keras_leuk.reporting.html import html_page
from keras_leuk.reporting.html_style import STYLE
from keras_leuk.reporting.latex import escape_latex
from keras_leuk.reporting.latex_page import latex_page
from keras_leuk.reporting.page import Points, Tables, markdown_page
from keras_leuk.reporting.replication_csv import COLUMNS
from keras_leuk.reporting.replication_methods import paragraphs
from keras_leuk.reporting.replication_words import best_published, data_words, headline, in_short, warnings
from keras_leuk.reporting.tables import escape

KEYS = [one.key for one in papers()]


@pytest.fixture(autouse=True)
def _drawn(monkeypatch):
    monkeypatch.setattr(replication, "draw_figures", drawn)


def written(tmp_path, facts):
    """The folder after a report was written into it, and what the report returned."""
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "replication.json").write_text(json.dumps(facts), encoding="utf-8")
    return replication.write_replication_report(tmp_path, Progress())


def blocks_of(facts, out):
    return replication.page(facts, [], paragraphs(facts, out), None)


def tables_of(blocks):
    return [table for block in blocks if isinstance(block, Tables) for table in block.tables]


@pytest.mark.parametrize(("key", "measured"), list(product(KEYS, (True, False))))
def test_every_printed_string_stands_on_every_page(tmp_path, key, measured):
    facts = fabricate_facts(key, measured=measured)
    blocks = blocks_of(facts, tmp_path)
    forms = {
        "md": (markdown_page(blocks), escape),
        "html": (html_page(blocks, tmp_path), lambda text: text),
        "tex": (latex_page(blocks), escape_latex),
    }
    forms["html"] = (re.sub(r"&#x27;", "'", forms["html"][0].replace("&quot;", '"').replace("&amp;", "&")), forms["html"][1])
    printed = [text for table in facts["tables"] for row in table["rows"] for text in [*row["printed"], *table["header"]]]
    assert len(printed) > 20
    for text, spelt in forms.values():
        assert not [string for string in printed if spelt(string) not in text]


@pytest.mark.parametrize("key", KEYS)
def test_each_published_cell_stands_in_its_own_place(tmp_path, key):
    """Row by row against the CSV files of the library: the published column of each group is the paper's column."""
    facts = fabricate_facts(key)
    shown = {table.name: table for table in tables_of(blocks_of(facts, tmp_path))}
    for table in facts["tables"]:
        found = shown[table["name"]]
        assert len(found.rows) == len(table["rows"])
        for row, (label, cells) in zip(table["rows"], found.rows, strict=True):
            as_printed = [label.text]
            place = 0
            for _, span in found.groups or [("", 1)] * len(found.columns):
                as_printed.append(cells[place].text)
                place += span
            assert as_printed == row["printed"]


@pytest.mark.parametrize("key", KEYS)
def test_titles_say_which_data_and_what_was_trimmed(tmp_path, key):
    facts = fabricate_facts(key, trimmed=("at most 3 of 40 epochs",))
    blocks = blocks_of(facts, tmp_path)
    assert blocks[0].text.endswith("replicated on C-NMC 2019 (7,947 images), not the paper's data, trimmed to a budget")
    titled = [table for table in tables_of(blocks) if table.title]
    assert len(titled) >= len(facts["tables"]) + 3
    assert all(data_words(facts) in table.title for table in titled)
    whole = fabricate_facts(key, the_papers=True)
    assert "not the paper's" not in data_words(whole)
    assert "trimmed" not in replication.title(whole)


def test_data_of_a_demo_are_never_taken_for_the_papers():
    facts = fabricate_facts("fata2023")
    facts["data"] |= {"name": "demo (600 images)", "words": "generated cells"}
    assert data_words(facts) == "demo (600 images), generated cells, not the paper's data"


def test_everything_is_written_and_again_the_same(tmp_path):
    facts = fabricate_facts("fata2023", runs={"honest": 5})
    files = written(tmp_path, facts)
    found = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert set(found) == {*files, "replication.json"}
    assert len(files) == len(set(files))
    assert written(tmp_path, facts) == files
    assert found == {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert not any(str(tmp_path).encode() in content for content in found.values())
    text = found["replication.html"].decode()
    assert "http" not in re.sub(r'base64,[^"]*"|https://keras.io', "", text), "the page asks the network for something"


def test_the_long_tables_hold_every_cell_and_protocol(tmp_path):
    facts = fabricate_facts("badruzzaman2024", runs={"honest": 3})
    written(tmp_path, facts)
    with (tmp_path / "tables" / "table3.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    assert tuple(header) == COLUMNS
    assert len(rows) == 12 * 5 * 2
    wanted = ["table3", "Blast", "ResNet 50 (%)", "77.42", "not judged", "honest"]
    row = dict(zip(header, next(row for row in rows if row[:6] == wanted), strict=True))
    table = next(table for table in facts["tables"] if table["name"] == "table3")
    one = table["rows"][1]["cells"]["ResNet 50 (%)"]["measured"]["honest"]
    assert float(row["measured"]) == one["value"]
    assert (row["n"], row["subjects"], row["runs"]) == ("2133", "68", "3")
    assert float(row["low"]) == one["low"] < one["value"] < one["high"] == float(row["high"])
    assert (row["verdict"], row["weights"]) == (one["verdict"], "imagenet")


def test_in_short_counts_what_the_tables_show(tmp_path):
    facts = fabricate_facts("fata2023")
    lines = in_short(facts)
    for name, line in zip(("paper", "honest"), lines, strict=False):
        verdicts = [
            cell["measured"][name]["verdict"]
            for table in facts["tables"]
            for row in table["rows"]
            for cell in row["cells"].values()
            if name in cell["measured"]
        ]
        assert f"{verdicts.count('outside'):,} outside our interval" in line
        assert f"{verdicts.count('not measured'):,} not measured" in line
    assert "which took no part in the choice: 0.801 (95 % interval 0.771 to 0.825; n = 2,133, 68 subjects)" in lines[-1]
    assert "on C-NMC 2019 (7,947 images), not the paper's data. The best test value of all settings" in lines[-1]
    facts["protocols"][1] |= {"selection": "test"}
    assert "took no part" not in in_short(facts)[-1]


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("fata2023", ("Table 3", "100", "F1-Score", "0.84")),
        ("mantri2024", ("Table V", "Proposed EfficientNetB3", "Accuracy (%)", "96.87")),
        ("vijesh2024", ("Table 1", "ResNet101", "Validation Accuracy", "0.7636")),
        ("mulya2023", ("Table 1", "Fold 2", "Accuracy", "0.996")),
        ("badruzzaman2024", ("Table 2", "ResNet 18", "Accuracy (%)", "78.11")),
    ],
)
def test_the_headline_is_the_papers_best_value(key, wanted):
    table, row, column, cell = best_published(fabricate_facts(key))
    assert (table["number"], row["name"], column, cell["printed"]) == wanted


def test_the_headline_tells_difference_and_arithmetic():
    place = ("table3", "100", "F1-Score")
    facts = fabricate_facts("fata2023", arithmetic={place: ("not attainable", "no matrix gives it")}, protocols=("paper",))
    *_, cell = best_published(facts)
    cell["measured"]["paper"] = reading(0.790, published=0.84)
    assert headline(facts) == [
        "Best published F1-Score of Table 3 (test side): 0.84 (Epoch 100) (not attainable by arithmetic). Paper protocol: 0.790 "
        "(95 % interval 0.760 to 0.814; n = 2,133, 68 subjects), −0.050 from the published, which is outside our interval."
    ]
    cell["measured"]["paper"] = nothing()
    assert "Paper protocol: not measured (the runs beside it are not finished)." in headline(facts)[0]


def test_warnings_name_trimming_random_weights_gaps_and_data():
    facts = fabricate_facts("vijesh2024", trimmed=("seeds 0 of 0 to 4",))
    protocol = facts["protocols"][0]
    protocol["runs"][0]["weights"] = "random"
    protocol["runs"][1] |= {"state": "failed", "folder": None, "error": "out of memory"}
    lines = "\n".join(warnings(facts))
    assert "images: 2,714 fewer; subjects: 73 in the paper, 101 here" in lines
    assert "Paper protocol, trimmed to a budget: seeds 0 of 0 to 4." in lines
    assert "1 of 6 runs began from random weights (vgg16), where the recipe asks for imagenet" in lines
    assert "of 7 runs 1 failed" in lines
    assert "Protocols are changed" not in lines
    facts["sets"] = ["split.strategy=subject", "images.size=96"]
    assert "Protocols are changed as was asked for: split.strategy=subject; images.size=96." in warnings(facts)
    random = fabricate_facts("badruzzaman2024", the_papers=True)
    for run in random["protocols"][0]["runs"]:
        run["weights"] = "random"
    random["data"]["stand_ins"] = []
    assert not [line for line in warnings(random) if "random weights" in line], "the paper's own random weights are no warning"


def test_warnings_that_several_splits_share_stand_once():
    """Regression: three seeds filled the head of the page with three long lists of the same kind."""
    facts = fabricate_facts("mulya2023")
    facts["protocols"][0]["warnings"] = [
        "RANDOM WEIGHTS: vgg16 started from random weights",
        "cells of one subject stand on both sides (60 of 82 subjects: 1, 2); metrics may be too high",
        "THE TEST SET WAS WATCHED",
        "cells of one subject stand on both sides (63 of 82 subjects: 1, 5); metrics may be too high",
        "cells of one subject stand on both sides (59 of 82 subjects: H2); metrics may be too high",
    ]
    told = [line.removeprefix("Paper protocol: ") for line in warnings(facts) if "stand on both" in line or "WATCHED" in line]
    assert told == [
        "cells of one subject stand on both sides (60 of 82 subjects: 1, 2); metrics may be too high "
        "(and likewise, with other numbers, in 2 more of its splits)",
        "THE TEST SET WAS WATCHED",
    ]
    assert not any("RANDOM WEIGHTS" in line for line in warnings(facts))


def test_one_protocol_and_no_results_make_a_page(tmp_path):
    facts = fabricate_facts("mulya2023", measured=False, protocols=("honest",))
    facts |= {"figures": [], "open": [], "contradicts": [], "stated": [], "beyond": []}
    text = markdown_page(blocks_of(facts, tmp_path))
    assert "## Beyond the paper" not in text
    assert "No run of it has finished" in text
    assert ": paper" not in text
    assert "paper protocol" not in text
    written(tmp_path / "out", facts)


def test_bad_input_is_one_line(tmp_path):
    with pytest.raises(RunError, match=r"has no replication.json; keras-leuk replicate writes it"):
        replication.write_replication_report(tmp_path, Progress())
    for content, words in (("{", "cannot be read"), ('{"schema": 7}', "schema is 7"), ("[]", "schema is None")):
        (tmp_path / "replication.json").write_text(content)
        with pytest.raises(RunError, match=words) as caught:
            replication.read_facts(tmp_path)
        assert "\n" not in str(caught.value)


def test_colours_of_verdicts_have_contrast():
    """WCAG 2.1, 1.4.3: 4.5 to 1, on the page's ground and on its stripes, in light, dark and print."""

    def light(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    schemes = [dict(re.findall(r"--([\w-]+): (#\w{6})", rule)) for rule in re.findall(r":root \{([^}]*)\}", STYLE)]
    assert len(schemes) == 3
    for colours, name, ground in product(schemes, ("within", "outside", "impossible"), ("ground", "soft")):
        high, low = sorted((light(colours[name]), light(colours[ground])), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, (name, ground, colours)


def test_commands_are_for_a_shell(tmp_path):
    facts = fabricate_facts("mantri2024")
    facts["only"] = ["VGG16", "adam max"]
    lines = replication.commands(facts)
    assert lines[1] == "keras-leuk replicate mantri2024 --data DATA --only 'VGG16,adam max' --out OUT"
    assert max(map(len, lines)) <= 120
    joined = "\n".join(lines).replace(" \\\n ", "")
    for protocol in facts["protocols"]:
        assert all(command in joined for command in protocol["commands"])
    assert Points not in {type(block) for block in blocks_of(facts, tmp_path)[:2]}
