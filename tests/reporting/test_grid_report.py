"""grid.md, grid.html and what write_grid_report returns, for the shapes that grids come in."""

from __future__ import annotations

import itertools
import json
import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pandas as pd
import pytest
from grids import EPOCHS, OPTIMIZER, RATE, SIZES, SMALL, fabricate_grid, read, tables_of

from keras_leuk.errors import RunError
from keras_leuk.progress import Progress
from keras_leuk.reporting.grid_choice import choices_of
from keras_leuk.reporting.grid_figures import FIGURES
from keras_leuk.reporting.grid_reading import read_grid
from keras_leuk.reporting.grid_report import page, write_grid_report
from keras_leuk.reporting.grid_tables import grid_table_lines, table_groups
from keras_leuk.reporting.html import html_page
from keras_leuk.reporting.html_style import STYLE
from keras_leuk.reporting.page import markdown_page


@pytest.fixture(scope="session")
def paper(tmp_path_factory):
    """The grid of the papers' shape with its report, and what the report returned."""
    path = fabricate_grid(tmp_path_factory.mktemp("grids") / "paper", SMALL, warnings=["Weights are <random> & made up."])
    return path, write_grid_report(path, Progress())


def files(path):
    return {
        p.relative_to(path).as_posix(): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file() and "cells" not in p.parts
    }


def written(path, all_cells=True):
    """The page as Markdown, without the figures, which take most of the time."""
    grid = read_grid(path)
    return markdown_page(page(grid, choices_of(grid), table_groups(grid), [], all_cells))


def test_everything_is_written_and_again_the_same(paper):
    path, summary = paper
    found = files(path)
    figures = ["accuracy", "curves_accuracy", "curves_loss", "heat_map", "time"]
    assert summary["files"] == ["grid.md", "grid.html", "grid.tex", *(f"figures/{name}.png" for name in figures)]
    assert set(found) == {*summary["files"], *(f"figures/{name}.csv" for name in figures), "grid.csv", "grid.json"}
    assert all(found[f"figures/{name}.png"].startswith(b"\x89PNG") for name in figures)
    (path / "figures" / "heat_map_2.png").write_bytes(b"of an earlier, larger grid")
    (path / "figures" / "mine.png").write_bytes(b"of the user")
    assert write_grid_report(path, Progress()) == summary
    assert files(path) == found | {"figures/mine.png": b"of the user"}
    json.dumps(summary, allow_nan=False)


def test_the_summary_names_what_validation_chose(paper):
    path, summary = paper
    table = read(path)
    order = ["validation_accuracy", "validation_log_loss", "epochs_run"]
    best = table.sort_values(order, ascending=[False, True, True], kind="stable").iloc[0]
    winner = summary["winner"]
    assert winner["cells"] == [best["cell"]]
    assert winner["runs"] == [f"cells/{best['cell']}"]
    assert winner["setting"] == {key: str(best[key]) for key in SMALL}
    assert winner["test"]["accuracy"] == best["test_accuracy"]
    assert (winner["test"]["low"], winner["test"]["high"]) == (best["test_accuracy_low"], best["test_accuracy_high"])
    assert (winner["validation"]["images"], winner["validation"]["subjects"]) == (131, 14)
    assert summary["selection_bias"] == pytest.approx(table["test_accuracy"].max() - best["test_accuracy"])
    assert summary["cells"] == {"finished": 12, "failed": 0, "missing": 0}
    text = (path / "grid.md").read_text(encoding="utf-8")
    inside = (table["validation_accuracy"] >= best["validation_accuracy_low"]).sum() - 1
    assert "of 12 settings" in text
    assert f"Of the other 11, {inside} lie within this interval" in text
    assert "This is the figure to quote" in text
    assert f"{best['test_accuracy']:.3f} (95 % interval {best['test_accuracy_low']:.3f}" in text.replace("\\", "")
    if summary["selection_bias"] > 0.0005:
        assert f"up to {summary['selection_bias']:.3f} would have been selection bias" in text


class Page(HTMLParser):
    """What a browser and a screen reader need: balanced tags, ids, links, words for pictures, scopes for headers."""

    VOID = ("meta", "link", "img", "br")

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.images, self.heads, self.text, self.errors = [], [], [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        facts = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        if "id" in facts:
            self.ids.append(facts["id"])
        if tag in ("a", "link"):
            self.links.append(facts["href"])
        if tag == "img":
            self.images.append(facts)
        if tag == "th":
            self.heads.append(facts)
        self.links += [facts[key] for key in ("aria-labelledby",) if key in facts]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.errors.append(tag)

    def handle_data(self, data):
        self.text.append(data)


def test_the_html_page_stands_alone(paper):
    path, _ = paper
    text = (path / "grid.html").read_text(encoding="utf-8")
    seen = Page(text)
    assert (seen.open, seen.errors) == ([], [])
    assert len(set(seen.ids)) == len(seen.ids)
    for link in seen.links:
        if link.startswith(("figures/", "cells/")):
            assert (path / unquote(link)).exists() or link.endswith("report.md")
        else:
            assert link.removeprefix("#") in [*seen.ids, "data:,"]
    assert "http" not in re.sub(r'base64,[^"]*"', "", text), "the page asks the network for something"
    assert len(seen.images) == 5
    for image in seen.images:
        assert len(image["alt"]) > 20
        assert image["src"].startswith("data:image/png;base64,")
        assert int(image["width"]) == 1400
    assert all(head.get("scope") in ("col", "colgroup", "row") for head in seen.heads)
    for words in ("prefers-color-scheme: dark", "@media print", 'lang="en"', "aria-sort", "width=device-width"):
        assert words in text
    assert "Weights are <random> & made up." in "".join(seen.text)
    assert text.count("report.md") == 12


def test_colours_of_the_html_page_have_contrast():
    """WCAG 2.1, 1.4.3: 4.5 to 1 for text, on the page's ground and on its stripes, in light and in dark."""

    def light(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    schemes = [dict(re.findall(r"--([\w-]+): (#\w{6})", rule)) for rule in re.findall(r":root \{([^}]*)\}", STYLE)]
    assert len(schemes) == 3
    for colours in schemes:
        for text, ground in itertools.product(("text", "quiet", "link"), ("ground", "soft", "warn")):
            high, low = sorted((light(colours[text]), light(colours[ground])), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground, colours)


def test_names_that_are_markup_stay_names(tmp_path):
    varied = {"model.head": ["a_b|<i>&%", "$x$ {y} #~^\\"], RATE: [0.1, 0.2]}
    path = fabricate_grid(tmp_path, varied, classes=("<b>no</b>", "A_L*L"), histories=False, data="50 % of <C_NMC> & more")
    grid = read_grid(path)
    blocks = page(grid, choices_of(grid), table_groups(grid), [], True)
    seen = Page(html_page(blocks, path))
    assert (seen.open, seen.errors) == ([], [])
    for name in (*varied["model.head"], "<b>no</b>", "50 % of <C_NMC> & more"):
        assert name in "".join(seen.text)
    for line in markdown_page(blocks).splitlines():
        if line.startswith("| learning rate") and "head" in line:
            assert len(re.findall(r"(?<!\\)\|", line)) == 4


def test_cells_that_failed_or_are_missing(tmp_path):
    path = fabricate_grid(tmp_path, SMALL, states={"vgg16-sgd-10": "failed", "vgg16-sgd-4": "missing"}, histories=False)
    rows = {label.text: [cell.text for cell in row] for label, row in tables_of(path)["test-accuracy-vgg16"].rows}
    assert (rows["10"][1], rows["4"][1]) == ("failed", "–")
    text = written(path)
    assert r"loss is not a number \| after step 3" in text
    assert "12: 10 finished, 1 failed, 1 missing" in text
    assert "Of 12 cells 1 failed and 1 is missing" in text
    assert "2 settings took no part, because a cell failed, is missing or has no value." in text
    listed = written(path, all_cells=False)
    assert "2 cells that are not finished" in listed
    assert "All 12 cells are in grid.csv and in grid.html" in listed
    heat = next(FIGURES["heat_map"](read_grid(path), []))
    assert list(heat.table.loc[heat.table["accuracy"].isna(), "state"]) == ["missing", "failed"] * 2


def test_without_validation_nobody_wins(tmp_path):
    path = fabricate_grid(tmp_path, SMALL, sides={"train": SIZES["train"], "test": SIZES["test"]}, histories=False)
    text = written(path)
    assert "**No winner is named:** the runs have no validation images" in text
    assert "Validation accuracy" not in text
    grid = read_grid(path)
    choices = [choice for _, choice in choices_of(grid)]
    assert next(FIGURES["accuracy"](grid, choices)).table["side"].unique().tolist() == ["test"]
    assert "no winner is named: the runs have no validation images" in " ".join(grid_table_lines(path))


def test_a_test_side_that_training_watched_is_never_called_honest(tmp_path):
    warning = "THE TEST SET WAS WATCHED: training was monitored on it (training.monitor: test), so test figures are too high"
    path = fabricate_grid(tmp_path, SMALL, histories=False, warnings=[warning])
    text = written(path)
    assert "Training itself watched the test side, so this figure is too good" in text
    assert "This is the figure to quote" not in text
    tested = [table for table in tables_of(path).values() if table.name.startswith("test")]
    assert all("The test side was watched during training." in table.caption for table in tested)
    assert "watched" not in tables_of(path)["validation-accuracy-vgg16"].caption


def test_nothing_finished(tmp_path):
    path = fabricate_grid(tmp_path, {RATE: [0.1, 0.2]}, states={"0.1": "failed", "0.2": "missing"})
    summary = write_grid_report(path, Progress())
    assert summary["winner"] is None
    assert summary["files"] == ["grid.md", "grid.html", "grid.tex"]
    assert "No winner is named:** no cell has finished." in (path / "grid.md").read_text()
    assert grid_table_lines(path) == ["no cell has finished: there is nothing to table"]


def test_more_than_two_classes(tmp_path):
    classes = ("basophil", "eosinophil", "monocyte")
    path = fabricate_grid(tmp_path, SMALL, classes=classes, sides=SIZES | {"test": (129, None)}, histories=False)
    titles = [group.title for group in table_groups(read_grid(path))]
    assert "Test macro precision" in titles
    assert "Test macro F1" in titles
    assert "Test ROC AUC (macro, one against the rest)" in titles
    assert not any(title.startswith("Test F1") for title in titles)
    text = written(path)
    assert "n = 129 images (subjects unknown)" in text
    assert "Subjects are unknown: cells of one person may be on several sides" in text


def test_splits_are_never_compared(tmp_path):
    varied = {"split.strategy": ["subject", "random"], OPTIMIZER: ["adam", "sgd"], EPOCHS: [10, 20]}
    path = fabricate_grid(tmp_path / "both", varied, histories=False)
    text = written(path)
    assert text.count("**Winner:**") == 2
    assert "Their values cannot be compared" in text
    tables = tables_of(path)
    assert "Split: by subject." in tables["test-accuracy-split-subject"].caption
    assert "Split: random, by image." in tables["test-accuracy-split-random"].caption
    alone = fabricate_grid(tmp_path / "alone", {"split.strategy": ["subject", "random"]}, histories=False)
    table = tables_of(alone)["accuracy"]
    assert [label.text for label, _ in table.rows] == ["subject", "random"]
    assert not any(cell.best for _, row in table.rows for cell in row)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda path: (path / "grid.csv").unlink(), r"has no grid.csv: is it a grid folder"),
        (lambda path: (path / "grid.json").unlink(), r"has no grid.json: is it a grid folder"),
        (lambda path: (path / "grid.json").write_text("{"), r"grid.json cannot be read"),
        (
            lambda path: (path / "grid.json").write_text('{"schema": 2}'),
            r"has schema 2; this version of keras-leuk reads schema 1",
        ),
        (lambda path: edit(path, "state", "done"), r"cell 0.1: unknown state 'done'.*finished, failed, missing"),
        (lambda path: edit(path, "test_accuracy", "good"), r"cell 0.1: test_accuracy is not a number. Received: 'good'"),
        (lambda path: edit(path, RATE, "0.7"), r"cell 0.1: .*initial is '0.7', which is none of grid.json's: 0.1, 0.2"),
        (lambda path: edit(path, "cell", "0.2"), r"lists the cell 0.2 twice"),
        (lambda path: drop(path, "test_n"), r"lacks the column test_n"),
        (lambda path: drop(path, RATE), r"lacks the column .*initial that grid.json names as varied"),
        (lambda path: (path / "figures").write_text("a file"), r"the report cannot be written into"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, change, words):
    path = fabricate_grid(tmp_path, {RATE: [0.1, 0.2]}, histories=False)
    change(path)
    with pytest.raises(RunError, match=words) as found:
        write_grid_report(path, Progress())
    assert "\n" not in str(found.value)
    assert not (path / "grid.md").exists()


def edit(path, column, value):
    table = pd.read_csv(path / "grid.csv", dtype=str, keep_default_na=False)
    table.loc[0, column] = value
    table.to_csv(path / "grid.csv", index=False)


def drop(path, column):
    pd.read_csv(path / "grid.csv", dtype=str, keep_default_na=False).drop(columns=column).to_csv(path / "grid.csv", index=False)


def test_progress_is_told(tmp_path):
    said = []

    class Listener(Progress):
        def stage(self, name, total, unit, start=0):
            said.append(f"{name} {total} {unit}")
            return super().stage(name, total, unit, start)

    write_grid_report(fabricate_grid(tmp_path, {OPTIMIZER: ["adam", "sgd"]}, histories=False), Listener())
    assert said == ["drawing 4 kinds of figures"]
