"""The figures of each paper name runs, tables and classes that there are."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from keras_leuk.errors import DataError
from keras_leuk.papers.library import Paper, paper, papers, read_paper
from keras_leuk.papers.library_facts import Result
from keras_leuk.papers.library_figure_facts import (
    ClassesFigure,
    ConfusionFigure,
    CurvesFigure,
    FigureFacts,
    ScatterFigure,
    SeriesFigure,
    SidesFigure,
)
from keras_leuk.papers.library_json import whole
from keras_leuk.papers.protocol import Protocol
from keras_leuk.recipe.loading import dotted
from keras_leuk.reporting.replication_figures import KINDS

FIGURES = [(found, result) for found in papers() for result in found.facts.results if result.figure is not None]
NAMES = [f"{found.key}-{result.name}" for found, result in FIGURES]
KEYS_OF = {CurvesFigure: ("panels",), SeriesFigure: ("x",), ScatterFigure: ("marks",), SidesFigure: ("rows",)}


def cells(figure: Any) -> list[dict[str, Any]]:
    """The cells that a figure selects runs by."""
    found = [*getattr(figure, "cells", ()), *getattr(figure, "ranges", {}).values()]
    return [dict(cell) for cell in [*found, getattr(figure, "cell", {})]]


def settings(protocol: Protocol) -> list[dict[str, Any]]:
    """Every run of a protocol's grids as dotted keys over the recipe's own."""
    recipe = dotted(protocol.recipe())
    return [recipe | cell for grid in protocol.grids for cell in grid.cells()]


@pytest.mark.parametrize("found", papers(), ids=lambda found: found.key)
def test_every_figure_of_a_paper_has_a_counterpart(found: Paper) -> None:
    figures = [result for result in found.facts.results if result.name.startswith("Fig")]
    assert figures
    for result in found.facts.results:
        assert (result.figure is not None) == (not result.name.startswith("Table")), result.name
    assert len({result.name for result in found.facts.results}) == len(found.facts.results)


@pytest.mark.parametrize(("found", "result"), FIGURES, ids=NAMES)
def test_its_cells_are_runs_of_both_protocols(found: Paper, result: Result) -> None:
    for protocol in found.protocols:
        runs = settings(protocol)
        for cell in cells(result.figure):
            assert any(cell.items() <= run.items() for run in runs), (protocol.name, cell)


@pytest.mark.parametrize(("found", "result"), FIGURES, ids=NAMES)
def test_its_keys_are_varied_by_a_grid(found: Paper, result: Result) -> None:
    figure = result.figure
    keys = [getattr(figure, name) for name in KEYS_OF.get(type(figure), ())] + [*getattr(figure, "lines", ())]
    for protocol in found.protocols:
        varied = {key for grid in protocol.grids for key, values in grid.lists}
        assert {key for key in keys if key is not None} <= varied, protocol.name


@pytest.mark.parametrize(("found", "result"), FIGURES, ids=NAMES)
def test_its_tables_hold_what_it_draws(found: Paper, result: Result) -> None:
    figure = result.figure
    name = getattr(figure, "ends", None) or getattr(figure, "points", None)
    if name is None:
        return
    table = found.table(name)
    measures = {cell.measure for cell in table.cells if cell.ours is not None}
    wanted = {figure.x, figure.y} if isinstance(figure, ScatterFigure) else {getattr(figure, "measure", "accuracy")}
    assert wanted <= measures
    for row in getattr(figure, "ranges", ()):
        assert [cell.value for cell in table.cells if cell.row == row] == [None]
    if isinstance(figure, ScatterFigure):
        assert figure.of_class in found.facts.data.images
        assert {cell.class_name for cell in table.cells} == {figure.of_class}


def test_the_matrix_beside_figure_3_of_mantri2024_gives_what_is_printed() -> None:
    figure = next(result.figure for result in paper("mantri2024").facts.results if result.name == "Fig. 3")
    assert isinstance(figure, ConfusionFigure)
    tp, fp, fn, tn = figure.implied or (0, 0, 0, 0)
    assert sum((tp, fp, fn, tn)) == 1600
    prose = {cell.row.split(" / ")[1]: cell.printed for cell in paper("mantri2024").table("prose").cells}
    assert f"{100 * tp / (tp + fp):.2f}" == prose["Precision"]
    assert f"{100 * tp / (tp + fn):.2f}" == prose["Recall"]
    assert f"{200 * tp / (2 * tp + fp + fn):.1f}" == prose["F1-Score"]


def test_the_network_beside_table_3_of_badruzzaman2024_is_the_one_that_the_paper_puts_first() -> None:
    found = paper("badruzzaman2024")
    figure = next(result.figure for result in found.facts.results if result.name == "Beside Table 3")
    assert isinstance(figure, ConfusionFigure)
    accuracies = [cell for cell in found.table("table2").cells if cell.measure == "accuracy"]
    assert max(accuracies, key=lambda cell: cell.value or 0).ours == figure.cells[0]


def test_every_kind_can_be_drawn_and_is_used() -> None:
    kinds = {type(result.figure) for _, result in FIGURES}
    assert kinds == {ClassesFigure, ConfusionFigure, CurvesFigure, ScatterFigure, SeriesFigure, SidesFigure}
    assert {result.figure.kind for _, result in FIGURES if result.figure is not None} == set(KINDS)


def test_figures_are_part_of_a_paper_as_json() -> None:
    told = {result["name"]: result["figure"] for result in whole(paper("fata2023"))["results"]}
    assert told["Table 1"] is None
    assert told["Figure 9"]["ranges"]["VGG16 / both / all (range)"] == {"model.backbone": "vgg16"}
    for result in paper("fata2023").facts.results:
        if result.figure is not None:
            assert TypeAdapter(FigureFacts).validate_python(told[result.name]) == result.figure


@pytest.mark.parametrize(
    ("key", "before", "after", "said"),
    [
        ("fata2023", "kind: series", "kind: serie", r"results\.9\.figure: input tag 'serie' found using 'kind' does not match"),
        ("fata2023", "panels: training.optimizer.name", "panel: training.optimizer.name", r"figure\.curves\.panel: no such key"),
        ("fata2023", "side: test\n    points: prose\n", "side: test\n", r"figure\.series: ranges: need points"),
        ("mantri2024", "[767, 19, 30, 784]", "[767, 19, 30, -784]", r"figure\.confusion: implied: four counts beside one cell"),
        ("mantri2024", "[767, 19, 30, 784]", "[767, 19, 30]", r"figure\.confusion\.implied\.3: field required"),
        ("badruzzaman2024", "x: false_detection_rate", "x: false_discovery_rate", r"figure\.scatter\.x: input should be"),
        ("badruzzaman2024", "measures: [loss]", "measures: [loss, loss]", r"figure\.curves: measures: at least one, each once"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, key: str, before: str, after: str, said: str) -> None:
    folder = Path(shutil.copytree(paper(key).folder, tmp_path / key))
    text = (folder / "paper.yaml").read_text()
    assert before in text
    (folder / "paper.yaml").write_text(text.replace(before, after, 1))
    with pytest.raises(DataError, match=said) as caught:
        read_paper(folder)
    assert "\n" not in str(caught.value)
