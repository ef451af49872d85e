"""Figures of a replication show the numbers of the run folders and of the published tables, and nothing else."""

from __future__ import annotations

import filecmp
import json
import math
import re

import numpy as np
import pandas as pd
import pytest
from drawn_texts import texts_apart
from matplotlib.text import Text
from replicated import fabricate_replication

from keras_leuk.evaluation.predictions import output_columns
from keras_leuk.evaluation.reading import read_predictions
from keras_leuk.papers.library import paper
from keras_leuk.progress import Progress
from keras_leuk.reporting import replication_figures
from keras_leuk.reporting.page import Paragraph, Picture
from keras_leuk.reporting.replication_cells import protocol_of
from keras_leuk.reporting.replication_figures import KINDS, draw_figures, slug
from keras_leuk.reporting.replication_sheet import Wanted, sheet
from keras_leuk.reporting.style import TEXT
from keras_leuk.runs.folder import RunFolder

TWELVE = dict.fromkeys(("BAS", "BLA", "EOS", "HAC", "LYT", "MMZ", "MON", "MYB", "NGB", "NGS", "PLM", "PMO"), 40)

DRAWN = {}
"""Each figure once, for all tests that look at it."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Small replications by paper, made once: folder and facts."""
    known = {}

    def make(key):
        if key not in known:
            out = tmp_path_factory.mktemp(key)
            options = {"classes": TWELVE | {"BAS": 12, "NGS": 60}} if key == "badruzzaman2024" else {"scale": 0.02}
            names = ("paper", "honest") if key in ("mulya2023", "mantri2024") else ("paper",)
            known[key] = out, fabricate_replication(out, key, names=names, the_papers=key != "mulya2023", **options)
        return known[key]

    return make


def wanted(made, key, name, protocol="paper"):
    out, facts = made(key)
    figure = next(figure for figure in facts["figures"] if figure["name"] == name)
    told = next(told for told in facts["protocols"] if told["name"] == protocol)
    return Wanted(facts, protocol_of(told, out), figure, f"{slug(name)}-{protocol}", replication_figures.Reader())


def drawing(made, key, name, protocol="paper"):
    if (key, name, protocol) not in DRAWN:
        one = wanted(made, key, name, protocol)
        found = KINDS[one.spec["kind"]](one)
        assert isinstance(found, list), found
        assert len(found) == 1
        DRAWN[key, name, protocol] = found[0]
    return DRAWN[key, name, protocol]


def runs_of(made, key, protocol="paper"):
    out, facts = made(key)
    told = next(told for told in facts["protocols"] if told["name"] == protocol)
    return [(run["values"], RunFolder(out / run["folder"]), run["id"]) for run in told["runs"]]


def accuracy_of(folder, side):
    facts = json.loads(folder.metrics.read_text())[side]["accuracy"]
    return facts["value"], facts["low"], facts["high"]


@pytest.mark.parametrize(
    ("key", "name", "protocol"),
    [
        ("fata2023", "Figure 7", "paper"),
        ("fata2023", "Figure 9", "paper"),
        ("mulya2023", "Beside Table 1", "honest"),
        ("mantri2024", "Fig. 4", "honest"),
        ("vijesh2024", "Beside Figures 5 to 7", "paper"),
        ("vijesh2024", "Beside Figure 7", "paper"),
        ("badruzzaman2024", "Figure 3", "paper"),
        ("badruzzaman2024", "Beside Table 3", "paper"),
        ("badruzzaman2024", "Beside Table 4", "paper"),
    ],
)
def test_every_kind_can_be_read_at_print_size(made, key, name, protocol):
    figure = drawing(made, key, name, protocol).figure
    width, height = figure.get_size_inches()
    assert width <= 7.0
    assert height < 9.7
    _in_view(figure)
    texts_apart(figure, along=2.0)
    assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text() and text.get_visible()) >= TEXT


def _in_view(figure):
    """Leaves out ticks beyond the ends of an axis, which matplotlib keeps without drawing them."""
    figure.draw_without_rendering()
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        inside = [place for place in axis.get_majorticklocs() if low <= place <= high]
        if len(inside) < len(axis.get_majorticklocs()):
            axis.set_ticks(inside)


def test_words_of_a_sheet_stay_on_it():
    figure = sheet(5, 2, "a title of many words " * 8, "notes\n" + "that go on and on " * 12)
    figure.add_subplot()
    texts_apart(figure, along=2.0)
    heading = figure.texts[0]
    assert heading.get_text().replace("\n", " ") == ("a title of many words " * 8).strip()


def test_curves_are_the_history_of_the_longest_run(made):
    table = drawing(made, "fata2023", "Figure 7").table
    for optimizer in ("adam", "rmsprop"):
        mine = table[table["panel"] == optimizer]
        runs = [
            (v, f)
            for v, f, _ in runs_of(made, "fata2023")
            if (v["model.backbone"], v["training.optimizer.name"]) == ("vgg16", optimizer)
        ]
        history = pd.read_csv(max(runs, key=lambda run: run[0]["training.epochs"])[1].history)
        for measure in ("accuracy", "loss"):
            curve = mine[(mine["kind"] == "curve") & (mine["measure"] == measure)]
            assert curve["side"].unique().tolist() == ["train"]
            assert curve["epoch"].tolist() == history["epoch"].tolist() == list(range(1, 101))
            assert curve["value"].tolist() == history[measure].tolist()
        read = mine[mine["kind"] == "reading"].set_index("epoch")["value"].to_dict()
        assert read == {v["training.epochs"]: accuracy_of(folder, "test")[0] for v, folder in runs}
        column = {"adam": "Adam (%)", "rmsprop": "RMSprop (%)"}[optimizer]
        printed = mine[mine["kind"] == "published"].set_index("epoch")["value"].to_dict()
        cells = [cell for cell in paper("fata2023").table("table1").cells if cell.column == column]
        assert printed == pytest.approx({int(cell.row): float(cell.fraction) for cell in cells})


def test_curves_of_all_figures_of_a_protocol_have_the_same_ends_of_axes(made):
    limits = [[axes.get_ylim() for axes in drawing(made, "fata2023", name).figure.axes] for name in ("Figure 7", "Figure 8")]
    assert limits[0] == limits[1]
    least = min(pd.read_csv(folder.history)["accuracy"].min() for _, folder, _ in runs_of(made, "fata2023"))
    assert limits[0][0][0] <= least


def test_kept_epoch_and_early_stop_are_those_of_the_mark(made):
    for _, folder, _ in runs_of(made, "mantri2024"):
        mark = json.loads(folder.mark.read_text())
        if "efficientnetb3-40" in folder.path.name:
            break
    table = drawing(made, "mantri2024", "Fig. 4").table
    assert table[table["kind"] == "kept"]["epoch"].tolist() == [mark["best_epoch"]]
    stopped = table[table["kind"] == "stopped"]
    assert stopped["epoch"].tolist() == ([mark["epochs"]] if mark["stopped_early"] else [])
    # Of the prose only accuracies are drawn, each on its own side, and neither precision nor recall.
    assert dict(table[table["kind"] == "published"][["side", "value"]].to_numpy().tolist()) == {"train": 1.0, "test": 0.9687}


def test_the_gap_is_the_difference_of_what_is_drawn_last(made):
    shown = drawing(made, "mulya2023", "Figure 4")
    table = shown.table[shown.table["kind"] == "curve"]
    last = table.groupby(["measure", "side"])["value"].last()
    gaps = [axes.get_title("right") for axes in shown.figure.axes]
    accuracy, loss = (last[("accuracy", "train")] - last[("accuracy", "test")], last[("loss", "test")] - last[("loss", "train")])
    assert gaps == [f"gap {accuracy:.3f}", f"gap {loss:.3f}"]


def test_several_seeds_are_thin_lines_and_a_mean_as_far_as_all_go(made):
    shown = drawing(made, "mantri2024", "Fig. 5", "honest")
    folders = [
        f
        for v, f, _ in runs_of(made, "mantri2024", "honest")
        if v["model.backbone"] == "efficientnetb3" and "model.head" not in v
    ]
    histories = [pd.read_csv(folder.history) for folder in folders]
    assert shown.table[shown.table["kind"] == "curve"]["line"].nunique() == len(histories) == 3
    together = min(len(history) for history in histories)
    expected = np.mean([history["val_loss"][:together] for history in histories], axis=0)
    drawn = [np.asarray(line.get_ydata(), float) for line in shown.figure.axes[0].get_lines()]
    assert any(len(line) == together and np.allclose(line, expected) for line in drawn)


def test_one_loss_that_runs_away_does_not_flatten_the_others(tmp_path):
    facts = fabricate_replication(tmp_path, "vijesh2024", names=("paper",), scale=0.02)
    folder = RunFolder(tmp_path / facts["protocols"][0]["runs"][0]["folder"])
    history = pd.read_csv(folder.history)
    folder.history.write_text(history.assign(val_loss=history["val_loss"] * 1e6).to_csv(index=False))
    figure = next(figure for figure in facts["figures"] if figure["name"] == "Beside Figure 7")
    one = Wanted(facts, protocol_of(facts["protocols"][0], tmp_path), figure, "x", replication_figures.Reader())
    found = KINDS["curves"](one)
    assert max(axes.get_ylim()[1] for axes in found[0].figure.axes) < 10
    assert "The axis ends before the largest losses do." in " ".join(text.get_text() for text in found[0].figure.texts).replace(
        "\n", " "
    )


def test_matrices_and_units_are_counted_from_the_predictions(made):
    table = drawing(made, "vijesh2024", "Figure 5").table
    for values, folder, _ in runs_of(made, "vijesh2024"):
        network = values["model.backbone"]
        mine = table[table["matrix"].str.startswith(network)]
        if network not in ("vgg16", "vgg19"):
            assert mine.empty
            continue
        rows = read_predictions(folder).side("validation")
        counts = {(true, predicted): n for true, predicted, n in mine[["true", "predicted", "count"]].to_numpy().tolist()}
        expected = rows.groupby(["true", "predicted"]).size().to_dict()
        assert {pair: n for pair, n in counts.items() if n} == expected
        # The paper's class 1 is ALL: it stands first.
        assert mine["true"].tolist() == ["ALL", "ALL", "HEM", "HEM"]
        said = rows[output_columns(2)].to_numpy() > 0.5
        true = np.stack([rows["true"] == "HEM", rows["true"] == "ALL"], axis=1)
        units = [int((a & b).sum()) for a, b in ((said, true), (said, ~true), (~said, true), (~said, ~true))]
        assert mine[["units_tp", "units_fp", "units_fn", "units_tn"]].iloc[0].tolist() == units
        assert sum(units) == 2 * len(rows)


def test_what_the_printed_numbers_allow_stands_beside_and_is_named_so(made):
    shown = drawing(made, "mantri2024", "Fig. 3")
    implied = shown.table[shown.table["matrix"] == "allowed by printed values"]
    assert implied["count"].tolist() == [767, 30, 19, 784]
    assert "not one that was seen" in shown.words
    assert shown.table["matrix"].nunique() == 2
    assert drawing(made, "mantri2024", "Fig. 6").table["matrix"].nunique() == 1


def test_seeds_are_not_added_up(made):
    shown = drawing(made, "mantri2024", "Fig. 6", "honest")
    folder = next(f for v, f, _ in runs_of(made, "mantri2024", "honest") if (v["model.backbone"], v["seed"]) == ("mobilenet", 0))
    assert shown.table["count"].sum() == len(read_predictions(folder).side("test"))
    assert "One of 3 runs is shown (seed 0)" in shown.words


def test_a_series_has_the_values_and_intervals_of_its_runs(made):
    table = drawing(made, "fata2023", "Figure 9").table
    for values, folder, id_ in runs_of(made, "fata2023"):
        row = table[table["run"] == id_].iloc[0]
        assert row["line"] == f"{values['model.backbone']}, {values['training.optimizer.name']}"
        assert (row["x"], row["value"], row["low"], row["high"]) == (values["training.epochs"], *accuracy_of(folder, "test"))
    printed = table[table["kind"] == "published"]
    assert sorted(zip(printed["line"], printed["x"], printed["value"], strict=True)) == [
        ("resnet50, rmsprop", 80, 0.82),
        ("vgg16, adam", 10, 0.84),
        ("vgg16, adam", 20, 0.85),
        ("vgg16, adam", 100, 0.87),
        ("vgg16, rmsprop", 10, 0.84),
        ("vgg16, rmsprop", 20, 0.86),
    ]
    bands = table[table["kind"] == "range"]
    assert bands[["low", "high"]].to_numpy().tolist() == [[0.84, 0.87], [0.80, 0.82]]


def test_nothing_of_a_series_lies_outside_its_axes(made):
    shown = drawing(made, "fata2023", "Figure 9")
    low, high = shown.figure.axes[0].get_ylim()
    seen = shown.table[["value", "low", "high"]].to_numpy(float)
    assert low <= np.nanmin(seen)
    assert high >= np.nanmax(seen)


def test_a_point_of_several_seeds_is_their_mean_with_the_interval_of_the_mean(tmp_path):
    facts = fabricate_replication(tmp_path, "fata2023", names=("honest",), scale=0.02, epochs=10)
    figure = next(figure for figure in facts["figures"] if figure["name"] == "Figure 9")
    one = Wanted(facts, protocol_of(facts["protocols"][0], tmp_path), figure, "x", replication_figures.Reader())
    (shown,) = KINDS["series"](one)
    for _, mine in shown.table.groupby("line"):
        runs, mean = mine[mine["kind"] == "run"], mine[mine["kind"] == "mean"]
        if len(runs):
            assert len(runs) == 5
            assert mean["value"].item() == pytest.approx(runs["value"].mean())
            # A mean over five runs is surer than one of them.
            assert (mean["high"] - mean["low"]).item() < (runs["high"] - runs["low"]).mean()
    assert "because ours were cut." in shown.words
    assert "85 % for VGG16 / Adam / 20" in shown.words


def test_a_scatter_has_both_measures_of_the_class_and_the_printed_pair(made):
    table = drawing(made, "badruzzaman2024", "Beside Table 4").table
    for values, folder, id_ in runs_of(made, "badruzzaman2024"):
        rows = read_predictions(folder).side("test")
        said, true = rows["predicted"] == "BLA", rows["true"] == "BLA"
        row = table[table["run"] == id_].iloc[0]
        assert row["mark"] == values["model.backbone"]
        assert row["x"] == pytest.approx(1 - (said & true).sum() / said.sum())
        assert row["y"] == pytest.approx(1 - (said & true).sum() / true.sum())
        assert row["x_low"] <= row["x"] <= row["x_high"]
    printed = table[table["kind"] == "published"].set_index("mark")
    assert printed.loc["resnet18", ["x", "y"]].tolist() == pytest.approx([0.2120, 0.1988])
    assert len(printed) == 5


def test_a_class_that_stands_in_for_the_paper_s_is_named(made):
    one = wanted(made, "badruzzaman2024", "Beside Table 4")
    told = {**one.facts, "data": {**one.facts["data"], "stand_ins": [{"published": "BLA", "here": "LYT", "words": ""}]}}
    (shown,) = KINDS["scatter"](Wanted(told, one.protocol, one.figure, one.name, one.reader))
    assert "LYT stands where BLA stands in the paper." in shown.words
    assert "of LYT" in shown.figure.axes[0].get_xlabel()
    told["data"]["stand_ins"][0]["here"] = "XYZ"
    assert KINDS["scatter"](Wanted(told, one.protocol, one.figure, one.name, one.reader)) == "the data have no class BLA"


def test_classes_are_those_of_the_split_and_what_an_epoch_draws(made):
    out, facts = made("badruzzaman2024")
    table = drawing(made, "badruzzaman2024", "Figure 3").table
    for side, told in facts["protocols"][0]["sides"].items():
        assert table[table["side"] == side].set_index("class")["images"].to_dict() == told["classes"]
    train = table[table["side"] == "train"]
    assert train["drawn_in_an_epoch"].unique().tolist() == [train["images"].max()]
    assert table[table["side"] != "train"]["drawn_in_an_epoch"].isna().all()
    plain = {**facts["protocols"][0], "recipe": {**facts["protocols"][0]["recipe"], "training.balance": "none"}}
    one = wanted(made, "badruzzaman2024", "Figure 3")
    (shown,) = KINDS["classes"](Wanted(facts, protocol_of(plain, out), one.figure, one.name, one.reader))
    assert "drawn_in_an_epoch" not in shown.table
    assert len(shown.figure.axes) == 1


def test_sides_stand_beside_what_the_paper_printed_for_training_alone(made):
    shown = drawing(made, "mulya2023", "Beside Table 1")
    for values, folder, id_ in runs_of(made, "mulya2023"):
        mine = shown.table[shown.table["row"] == str(values["seed"])]
        for side in ("train", "test"):
            row = mine[(mine["run"] == id_) & (mine["side"] == side)].iloc[0]
            assert (row["value"], row["low"], row["high"]) == accuracy_of(folder, side)
        assert mine[mine["kind"] == "published"][["side", "value"]].to_numpy().tolist() == [
            ["train", {0: 0.978, 1: 0.996, 2: 0.995}[values["seed"]]]
        ]
    assert "validation" not in set(shown.table["side"])


def test_every_figure_says_whose_data_and_which_protocol(made):
    out, facts = made("mulya2023")
    facts = {**facts, "figures": [figure for figure in facts["figures"] if figure["name"] not in ("Figure 5", "Figure 6")]}
    pictures = draw_figures(facts, out)
    assert [picture.name for picture in pictures if isinstance(picture, Picture)] == [
        f"{name}-{protocol}" for name in ("figure-4", "beside-table-1") for protocol in ("paper", "honest")
    ]
    for picture in pictures:
        assert re.match(r"(Figure \d|Beside Table 1), protocol (paper|honest): ", picture.title)
        assert picture.title.endswith("generated cells, not the paper's data")
        assert picture.words.startswith(picture.title)
        assert re.search(r"\d\.\d{3}", picture.words)
        assert (out / "figures" / f"{picture.name}.png").read_bytes().startswith(b"\x89PNG")
        assert len(pd.read_csv(out / "figures" / f"{picture.name}.csv"))
    assert "not the paper" not in wanted(made, "fata2023", "Figure 7").title


def test_the_same_runs_give_the_same_bytes_and_no_other_files(made, tmp_path):
    out, facts = made("mulya2023")
    facts = {**facts, "figures": [figure for figure in facts["figures"] if figure["name"] == "Beside Table 1"]}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "grids").symlink_to(out / "grids")
        draw_figures(facts, tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "one" / "figures").iterdir())
    assert len(names) == 4
    assert filecmp.cmpfiles(tmp_path / "one" / "figures", tmp_path / "two" / "figures", names, shallow=False)[0] == names


def test_figures_of_an_earlier_and_larger_replication_are_taken_away(made, tmp_path):
    """Regression: they stayed, and would have been taken for this one's."""
    out, facts = made("mulya2023")
    (tmp_path / "grids").symlink_to(out / "grids")
    facts = {**facts, "figures": [figure for figure in facts["figures"] if figure["name"] == "Beside Table 1"]}
    draw_figures(facts, tmp_path)
    (tmp_path / "figures" / "mine.png").write_text("dear")
    draw_figures({**facts, "protocols": facts["protocols"][:1]}, tmp_path)
    left = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert left == ["beside-table-1-paper.csv", "beside-table-1-paper.png", "mine.png"]


def test_what_did_not_finish_is_left_out_and_said(tmp_path):
    facts = fabricate_replication(tmp_path, "mulya2023", names=("paper",), scale=0.02, drop=("p1",))
    facts["figures"] = [figure for figure in facts["figures"] if figure["name"] in ("Figure 4", "Beside Table 1")]
    blocks = draw_figures(facts, tmp_path, Progress())
    assert isinstance(blocks[0], Paragraph)
    assert blocks[0] == Paragraph("not drawn: none of its runs finished.", "Figure 4, protocol paper:")
    assert not (tmp_path / "figures" / "figure-4-paper.png").exists()
    assert blocks[-1].words.endswith("1 of 3 runs did not finish.")
    assert pd.read_csv(tmp_path / "figures" / "beside-table-1-paper.csv")["row"].unique().tolist() == [1, 2]


def test_a_cell_selects_runs_by_their_values_and_by_what_all_share(made):
    protocol = wanted(made, "mantri2024", "Fig. 3").protocol
    found = protocol.matching({"model.backbone": "efficientnetb3", "model.head": "mantri2024"})
    assert [run.values.get("model.head") for run in found] == [None]
    assert len(protocol.matching({"model.backbone": "efficientnetb3"})) == 3
    assert protocol.matching({"model.backbone": "alexnet"}) == []
    # An arm takes the head apart, and the recipe names its parts only.
    apart = {key: value for key, value in protocol.facts["recipe"].items() if key != "model.head"} | {"model.head.pooling": "avg"}
    bare = protocol_of({**protocol.facts, "recipe": apart}, made("mantri2024")[0])
    cell = {"model.backbone": "efficientnetb3", "model.head": "mantri2024"}
    assert [run.id for run in bare.matching(cell)] == [run.id for run in found]


def test_a_run_that_reads_no_epochs_has_no_curves(tmp_path):
    facts = fabricate_replication(tmp_path, "mulya2023", names=("paper",), scale=0.02)
    for run in facts["protocols"][0]["runs"]:
        RunFolder(tmp_path / run["folder"]).history.unlink()
    blocks = draw_figures(facts, tmp_path)
    assert [type(block) for block in blocks] == [Paragraph, Paragraph, Paragraph, Picture]
    assert blocks[0].text == "not drawn: its runs have no epochs."


def test_folds_of_a_cross_validation_are_lines_of_their_own(tmp_path):
    facts = fabricate_replication(tmp_path, "mulya2023", names=("paper",), scale=0.02)
    folder = RunFolder(tmp_path / facts["protocols"][0]["runs"][0]["folder"])
    history = pd.read_csv(folder.history)
    pd.concat([history.assign(fold=fold) for fold in (1, 2, 3)]).to_csv(folder.history, index=False)
    for fold in ("1", "2", "3"):
        folder.fold(fold).path.mkdir(parents=True)
        folder.fold(fold).finish(
            {"schema": 1, "epochs": len(history), "best_epoch": 4 + int(fold), "stopped_early": True, "test_n": 1}
        )
    figure = facts["figures"][1]
    one = Wanted(facts, protocol_of(facts["protocols"][0], tmp_path), figure, "x", replication_figures.Reader())
    (shown,) = KINDS["curves"](one)
    assert shown.table[shown.table["kind"] == "curve"]["line"].nunique() == 3
    assert sorted(set(shown.table[shown.table["kind"] == "kept"]["epoch"])) == [5, 6, 7]
    assert math.isclose(shown.table[shown.table["kind"] == "stopped"]["value"].iloc[0], history["accuracy"].iloc[-1])
