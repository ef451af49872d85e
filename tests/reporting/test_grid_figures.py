"""Figures of a grid show the numbers of their tables, on as many pages as they need."""

from __future__ import annotations

import pandas as pd
import pytest
from grids import BACKBONE, EPOCHS, OPTIMIZER, RATE, fabricate_grid, read

from keras_leuk.reporting.grid_choice import choices_of
from keras_leuk.reporting.grid_curves import curve_limits, multiples
from keras_leuk.reporting.grid_figures import FIGURES
from keras_leuk.reporting.grid_layout import layout_of
from keras_leuk.reporting.grid_maps import colour_limits
from keras_leuk.reporting.grid_reading import read_grid


def test_the_longest_finished_budget_stands_for_a_setting(tmp_path):
    states = {"adam-9": "failed", "sgd-9": "failed", "sgd-5": "missing", "sgd-2": "failed"}
    grid = read_grid(fabricate_grid(tmp_path, {OPTIMIZER: ["adam", "sgd"], EPOCHS: [2, 9, 5]}, states=states))
    adam, sgd = multiples(grid, layout_of(grid))
    assert (adam.title, adam.history["epoch"].max(), adam.best) == ("adam", 5, 2)
    assert (sgd.title, sgd.history, sgd.state) == ("sgd", None, "failed")


def test_colours_do_not_blow_up_nothing():
    assert colour_limits(pd.DataFrame({"accuracy": [0.70, float("nan"), 0.90]})) == (0.70, 0.90)
    least, most = colour_limits(pd.DataFrame({"accuracy": [0.80, 0.81]}))
    assert (least, most) == (pytest.approx(0.78), pytest.approx(0.83))


def test_one_loss_that_runs_away_does_not_flatten_the_others():
    table = pd.DataFrame(
        {"setting": ["a", "b", "c"], "run": "r", "epoch": 1, "loss": [0.5, 0.7, 900.0], "val_loss": [0.6, 0.8, 800.0]}
    )
    low, high, cut = curve_limits(table, "loss")
    assert (low, cut) == (0.0, True)
    assert high == pytest.approx(1.04 * 3 * 0.8)
    assert curve_limits(table[:2], "loss") == (0.0, pytest.approx(1.04 * 0.8), False)


def test_folds_of_a_cross_validation_are_runs_of_their_own(tmp_path):
    path = fabricate_grid(tmp_path, {OPTIMIZER: ["adam", "sgd"]})
    for cell in ("adam", "sgd"):
        file = path / "cells" / cell / "history.csv"
        history = pd.read_csv(file)
        pd.concat([history.assign(fold=fold) for fold in (1, 2, 3)]).to_csv(file, index=False)
    adam, _ = multiples(read_grid(path), layout_of(read_grid(path)))
    assert adam.history["run"].unique().tolist() == ["adam/1", "adam/2", "adam/3"]
    assert adam.best is None


def test_figures_that_do_not_fit_a_page_have_several(tmp_path):
    varied = {BACKBONE: ["a", "b", "c", "d", "e"], OPTIMIZER: [f"o{i}" for i in range(6)], EPOCHS: [1, 3]}
    grid = read_grid(fabricate_grid(tmp_path, varied, histories=False))
    drawn = list(FIGURES["accuracy"](grid, [choice for _, choice in choices_of(grid)]))
    assert [drawing.name for drawing in drawn] == ["accuracy_1", "accuracy_2"]
    assert [drawing.table["panel"].nunique() for drawing in drawn] == [4, 1]
    assert drawn[0].figure.axes[0].get_ylim() == drawn[1].figure.axes[0].get_ylim()
    for drawing in drawn:
        width, height = drawing.figure.get_size_inches()
        assert (width, height < 9.7) == (7.0, True)


def test_the_line_figure_shows_what_its_table_says(tmp_path):
    path = fabricate_grid(tmp_path, {OPTIMIZER: ["adam", "sgd"], RATE: [1e-4, 1e-3, 1e-2]}, histories=False)
    grid = read_grid(path)
    drawing = next(FIGURES["accuracy"](grid, [choice for _, choice in choices_of(grid)]))
    data = read(path)
    for side, axes in zip(("validation", "test"), drawing.figure.axes, strict=True):
        lines = {line.get_label(): line for line in axes.get_lines()}
        for optimizer in ("adam", "sgd"):
            mine = data[data[OPTIMIZER] == optimizer]
            assert list(lines[optimizer].get_xdata()) == list(mine[RATE])
            assert list(lines[optimizer].get_ydata()) == list(mine[f"{side}_accuracy"])
        bars = sorted(float(end) for bar in axes.collections for segment in bar.get_segments() for end in segment[:, 1])
        assert bars == pytest.approx(sorted([*data[f"{side}_accuracy_low"], *data[f"{side}_accuracy_high"]]))
        assert axes.get_xscale() == "log"
