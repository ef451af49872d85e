"""Layouts, the values in the tables, LaTeX and the terminal; every number against grid.csv itself."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pandas as pd
import pytest
from grids import BACKBONE, EPOCHS, OPTIMIZER, PAPER, RATE, SIZES, SMALL, fabricate_grid, read, tables_of
from hypothesis import given
from hypothesis import strategies as st

from keras_leuk.reporting.grid_choice import choices_of
from keras_leuk.reporting.grid_figures import FIGURES
from keras_leuk.reporting.grid_layout import layout_of
from keras_leuk.reporting.grid_reading import read_grid
from keras_leuk.reporting.grid_tables import grid_table_lines
from keras_leuk.reporting.latex import escape_latex, latex_tables


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    """A grid of the papers' shape."""
    return fabricate_grid(tmp_path_factory.mktemp("grids"), SMALL, histories=False)


def test_tables_have_the_shape_of_the_papers(paper):
    """Against a pivot of grid.csv: epochs down, optimizers across, a table a backbone and measure."""
    tables = tables_of(paper)
    sides = {"test": ["accuracy", "precision", "recall", "f1", "macro_f1", "weighted_f1", "roc_auc"]}
    sides |= {"validation": ["accuracy"], "train": ["accuracy"]}
    names = {"precision": "precision of ALL", "recall": "recall of ALL", "f1": "F1 of ALL", "macro_f1": "macro F1"}
    names |= {"weighted_f1": "weighted F1", "roc_auc": "ROC AUC"}
    wanted = [
        (side, measure, backbone) for side, measures in sides.items() for measure in measures for backbone in SMALL[BACKBONE]
    ]
    assert len(tables) == len(wanted)
    for side, measure, backbone in wanted:
        title = f"{'Training' if side == 'train' else side.capitalize()} {names.get(measure, measure)}: {backbone}"
        table = next(t for t in tables.values() if t.title == title)
        cells = read(paper).query(f"`{BACKBONE}` == '{backbone}'")
        pivot = cells.pivot(index=EPOCHS, columns=OPTIMIZER, values=f"{side}_{measure}")
        assert (table.corner, table.across, table.columns) == ("epochs", "optimizer", ("adam", "sgd"))
        assert [label.text for label, _ in table.rows] == ["2", "4", "10"]
        for label, row in table.rows:
            for optimizer, cell in zip(table.columns, row, strict=True):
                value = pivot.loc[int(label.text), optimizer]
                assert cell.text == f"{value:.3f}"
                assert cell.best == (value == pivot.to_numpy().max())
                assert re.fullmatch(r"\(0\.\d{3}–[01]\.\d{3}\)", cell.spread)
        n, subjects = SIZES[side]
        assert f"n = {n} images ({subjects} subjects)" in table.caption
        for words in (
            "Data: C-NMC 2019 (made up).",
            "Split: by subject.",
            "95 % interval, bootstrap over subjects (2,000 resamples)",
        ):
            assert words in table.caption
        assert "Bold: the largest value of this table, which alone does not make it better" in table.caption


def check_latex(text):
    """Environments and braces are balanced, and every row has as many fields as its tabular has columns."""
    assert re.search(r"(?<!\\)[#$_^~]", re.sub(r"(?m)^%.*|\\label\{[^}]*\}", "", text)) is None
    plain = re.sub(r"\\[{}\\&%]", "", re.sub(r"(?m)^% .*$", "", text))
    assert plain.count("{") == plain.count("}")
    assert not re.search(r"[^\x00-\x7f]", text)
    begun = re.findall(r"\\(begin|end)\{(\w+)\}", text)
    for (first, name), (last, same) in zip(begun[::4], begun[3::4], strict=True):
        assert (first, last, name, same) == ("begin", "end", "table", "table")
    labels = re.findall(r"\\label\{([^}]*)\}", text)
    assert len(set(labels)) == len(labels)
    for columns, body in re.findall(r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end\{tabular\}", text, re.DOTALL):
        for line in body.splitlines():
            if line.rstrip().endswith((r"\\", "pt]")):
                spanned = sum(int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d+)\}", line))
                assert len(re.findall(r"(?<!\\)&", line)) + 1 + spanned == len(columns), line
    return labels


def test_the_latex_file_is_sound(paper):
    text = latex_tables(list(tables_of(paper).values()), "tables")
    assert len(check_latex(text)) == 18
    assert text.count(r"\toprule") == text.count(r"\midrule") == text.count(r"\bottomrule") == 18
    assert r"\clearpage" in text
    for table in tables_of(paper).values():
        best = [cell for _, row in table.rows for cell in row if cell.best]
        assert all(rf"\textbf{{{cell.text} {cell.spread.replace('–', '--')}}}" in text for cell in best)


def test_latex_with_many_columns_and_gaps(tmp_path):
    """Intervals then stand in a row of their own, under their values."""
    path = fabricate_grid(
        tmp_path, {OPTIMIZER: list("abcdef"), EPOCHS: [2, 4]}, states={"b-4": "failed", "d-2": "missing"}, histories=False
    )
    text = latex_tables(list(tables_of(path).values()), "tables")
    check_latex(text)
    rows = [line.split(" & ") for line in text.splitlines() if line.startswith(("    2 &", "    4 &", "     & \\scriptsize"))][:4]
    assert [rows[0][4], rows[1][4], rows[2][2], rows[3][2]] == ["--", "", "failed", ""]
    data = read(path).set_index("cell").loc["e-4"]
    assert rows[2][5].removeprefix(r"\textbf{").startswith(f"{data['test_accuracy']:.3f}")
    assert f"({data['test_accuracy_low']:.3f}--{data['test_accuracy_high']:.3f})" in rows[3][5]


@given(st.text(max_size=30))
def test_any_name_is_sound_latex(name):
    escaped = escape_latex(name)
    plain = re.sub(r"\\[{}&%$#_]", "", escaped)
    assert plain.count("{") == plain.count("}")
    assert not re.search(r"(?<!\\)[&%$#_~^]", escaped)
    assert "\n" not in escaped


def test_names_that_are_latex_stay_names(tmp_path):
    varied = {"model.head": ["a_b|<i>&%", "$x$ {y} #~^\\"], RATE: [0.1, 0.2]}
    path = fabricate_grid(tmp_path, varied, classes=("no", "A_L*L"), histories=False, data="50 % of <C_NMC> & more")
    text = latex_tables(list(tables_of(path).values()), "two\nlines")
    check_latex(text)
    assert r"50 \% of \textless{}C\_NMC\textgreater{} \& more" in text
    assert "% two lines\n" in text


def test_seeds_are_averaged(tmp_path):
    varied = {OPTIMIZER: ["adam", "sgd"], EPOCHS: [5, 10], "seed": [0, 1, 2, 3, 4]}
    path = fabricate_grid(tmp_path, varied, states={"adam-5-3": "failed", "sgd-10-0": "missing"}, histories=False)
    table = tables_of(path)["test-accuracy"]
    data = read(path)
    for label, row in table.rows:
        for optimizer, cell in zip(table.columns, row, strict=True):
            values = data[(data[EPOCHS] == int(label.text)) & (data[OPTIMIZER] == optimizer)]["test_accuracy"].dropna()
            assert cell.text == f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"
            assert cell.spread == ("" if len(values) == 5 else "(4 of 5)")
    assert "Mean ± standard deviation over 5 seeds; the interval of each run is in grid.csv." in table.caption
    ((_, choice),) = choices_of(read_grid(path))
    assert (len(choice.candidates), choice.left_out) == (2, 2)


def test_only_learning_rates(tmp_path):
    """One key: its values down, measures across; no plane, so no heat map."""
    path = fabricate_grid(tmp_path, {RATE: [1e-5, 1e-3, 0.1]}, histories=False)
    grid = read_grid(path)
    choices = [choice for _, choice in choices_of(grid)]
    assert [drawing.name for draw in FIGURES.values() for drawing in draw(grid, choices)] == ["accuracy", "time"]
    tables = tables_of(path)
    accuracy, others = tables["accuracy"], tables["other-measures-on-the-test-side"]
    assert accuracy.columns == ("training", "validation", "test")
    assert others.columns == ("precision of ALL", "recall of ALL", "F1 of ALL", "macro F1", "weighted F1", "ROC AUC")
    assert [label.text for label, _ in accuracy.rows] == ["1e-05", "0.001", "0.1"]
    data = read(path)
    for place, side in enumerate(("train", "validation", "test")):
        column = data[f"{side}_accuracy"]
        assert [row[place].best for _, row in accuracy.rows] == list(column == column.max())
    assert "n = 388 images (45 subjects); validation side: n = 131 images (14 subjects); test side" in accuracy.caption
    assert check_latex(latex_tables(list(tables.values()), "x")) == ["tab:accuracy", "tab:other-measures-on-the-test-side"]


HEADS, SIZE = "model.head", "images.size"


@pytest.mark.parametrize(
    ("varied", "rows", "columns", "panels"),
    [
        (PAPER, EPOCHS, OPTIMIZER, ["vgg16", "resnet50"]),
        ({EPOCHS: [1, 2], OPTIMIZER: ["adam", "sgd"]}, EPOCHS, OPTIMIZER, [""]),
        ({BACKBONE: ["a", "b"], OPTIMIZER: ["x", "y", "z"]}, BACKBONE, OPTIMIZER, [""]),
        ({BACKBONE: ["a", "b"], EPOCHS: [1, 2]}, EPOCHS, BACKBONE, [""]),
        ({BACKBONE: ["a", "b"], HEADS: ["x", "y"], EPOCHS: [1, 2]}, EPOCHS, HEADS, ["a", "b"]),
        ({RATE: [0.1, 0.2, 0.3], SIZE: [64, 96]}, RATE, SIZE, [""]),
        ({SIZE: [64, 96], RATE: [0.1, 0.2, 0.3], EPOCHS: [1, 2]}, EPOCHS, SIZE, [f"learning rate {r}" for r in (0.1, 0.2, 0.3)]),
        ({EPOCHS: [1, 2], BACKBONE: list("abcdefghij")}, BACKBONE, EPOCHS, [""]),
        ({RATE: [i / 100 for i in range(1, 12)], BACKBONE: list("abcdefghij")}, RATE, None, list("abcdefghij")),
        ({RATE: [0.1, 0.2], "seed": [0, 1]}, RATE, None, [""]),
        ({"seed": [0, 1]}, None, None, [""]),
        ({"split.fold": ["1", "2"], OPTIMIZER: ["x", "y"]}, OPTIMIZER, None, [""]),
        ({EPOCHS: [7], OPTIMIZER: ["x", "y"]}, OPTIMIZER, None, [""]),
        ({SIZE: [96, 64, 128], EPOCHS: [1, 2], BACKBONE: ["a", "b"]}, EPOCHS, SIZE, ["a", "b"]),
    ],
)
def test_layouts(tmp_path, varied, rows, columns, panels):
    layout = layout_of(read_grid(fabricate_grid(tmp_path, varied, histories=False)))
    assert (layout.rows and layout.rows.key, layout.columns and layout.columns.key) == (rows, columns)
    assert [panel.title for panel in layout.panels] == panels
    if rows:
        assert list(layout.rows.values) == [str(value) for value in varied[rows]]
    planned = len(list(itertools.product(*varied.values())))
    assert sum(len(cells) for panel in layout.panels for cells in panel.places.values()) == planned


def test_it_is_said_when_seeds_have_splits_of_their_own(tmp_path):
    path = fabricate_grid(tmp_path, {OPTIMIZER: ["adam", "sgd"], "seed": [0, 1]})
    for cell in ("adam-0", "adam-1", "sgd-0", "sgd-1"):
        (path / "cells" / cell / "split.csv").write_text("image,split\na,test\n")
    assert not read_grid(path).resplit
    for cell in ("adam-1", "sgd-1"):
        (path / "cells" / cell / "split.csv").write_text("image,split\na,train\n")
    assert read_grid(path).resplit
    assert "over 2 seeds, each with a split of its own;" in tables_of(path)["accuracy"].caption
    apart = fabricate_grid(tmp_path / "apart", {"split.strategy": ["subject", "random"]})
    for cell in ("subject", "random"):
        (apart / "cells" / cell / "split.csv").write_text(cell)
    assert not read_grid(apart).resplit


def test_all_equal_is_nothing_to_mark(tmp_path):
    path = fabricate_grid(tmp_path, {OPTIMIZER: ["adam", "sgd"], EPOCHS: [1, 2]}, histories=False)
    read(path).assign(test_accuracy=0.75).to_csv(path / "grid.csv", index=False)
    table = tables_of(path)["test-accuracy"]
    assert not any(cell.best for _, row in table.rows for cell in row)
    assert "Bold" not in table.caption


def test_only_seeds_are_one_setting(tmp_path):
    path = fabricate_grid(tmp_path, {"seed": [3, 4, 5]}, histories=False)
    ((label, row),) = tables_of(path)["accuracy"].rows
    assert label.text == "mean of 3 seeds"
    values = read(path)["test_accuracy"]
    assert row[2].text == f"{values.mean():.3f} ± {values.std():.3f}"
    assert "one setting; accuracy: validation" in " ".join(grid_table_lines(path))


def test_values_may_be_spelt_as_a_csv_spells_them(tmp_path):
    """Numbers, truths, nothing and objects come back from a CSV in other words than JSON has for them."""
    varied = {RATE: [1e-4, 0.001], "training.augment.horizontal_flip": [True, False], "model.head": ["x", {"pooling": "max"}]}
    varied |= {"training.optimizer.weight_decay": [None, 0.5]}
    path = fabricate_grid(tmp_path, varied, histories=False)
    table = pd.read_csv(path / "grid.csv", dtype=str, keep_default_na=False)
    table[RATE] = table[RATE].map({"0.0001": "1e-4", "0.001": "1.0E-03"})
    table["model.head"] = table["model.head"].map({"x": "x", '{"pooling": "max"}': "{'pooling': 'max'}"})
    table.to_csv(path / "grid.csv", index=False)
    grid = read_grid(path)
    assert {key: tuple(grid.table[key].unique()) for key in varied} == {
        RATE: ("0.0001", "0.001"),
        "training.augment.horizontal_flip": ("true", "false"),
        "model.head": ("x", '{"pooling": "max"}'),
        "training.optimizer.weight_decay": ("null", "0.5"),
    }


def test_lines_for_a_terminal(paper):
    lines = grid_table_lines(paper, 100)
    assert max(map(len, lines)) <= 100
    text = "\n".join(lines)
    assert text.startswith("Test accuracy: vgg16")
    shown = [table for table in tables_of(paper).values() if table.name.startswith("test-accuracy")]
    for cell in (cell for table in shown for _, row in table.rows for cell in row):
        assert f"{cell.text} {cell.spread}{'*' if cell.best else ' '}" in text
    data = read(paper)
    order = ["validation_accuracy", "validation_log_loss", "epochs_run"]
    best = data.sort_values(order, ascending=[False, True, True], kind="stable").iloc[0]
    name = f"{best[BACKBONE]}, {best[OPTIMIZER]}, epochs {best[EPOCHS]}"
    flat = " ".join(text.split())
    assert f"chosen by validation of 12 settings: {name}; accuracy: validation {best['validation_accuracy']:.3f}" in flat
    narrow = "\n".join(grid_table_lines(paper, 50))
    assert "–0." not in narrow.split("chosen by")[0]
    assert "grid.md has them" in " ".join(narrow.split())
    assert "…" not in narrow
