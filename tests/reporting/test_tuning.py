"""The page of a search, from its tables alone: what it says, and figures in which nothing is clipped."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from keras_leuk.errors import RunError
from keras_leuk.reporting import tuning
from keras_leuk.reporting.searched import read_search
from keras_leuk.reporting.style import COLUMN, PAGE, Caption
from keras_leuk.reporting.tuning import write_tuning
from keras_leuk.reporting.tuning_figures import history_figure, history_table, slice_figure

RATE = {"key": "training.learning_rate.initial", "short": "learning_rate.initial", "space": "log:1e-05..0.1", "scale": "log"}
RATE |= {"low": 1e-5, "high": 0.1, "step": None}
BATCH = {"key": "training.batch_size", "short": "batch_size", "space": "16..64/16", "scale": "linear", "low": 16, "high": 64}
BATCH |= {"step": 16}
SMOOTH = {"key": "training.label_smoothing", "short": "label_smoothing", "space": "0.0..0.3", "scale": "linear", "low": 0.0}
SMOOTH |= {"high": 0.3, "step": None}
NAME = {"key": "training.optimizer.name", "short": "optimizer.name", "space": "adam|sgd|none", "scale": "choices"}
NAME |= {"choices": ["adam", "sgd", "none"]}
HEADS = ["linear", "mantri2024-plain", '{"pooling": "max", "layers": []}', "sklearn:logistic", "NA", "a_rather|long*name"]
HEAD = {"key": "model.head", "short": "head", "space": "|".join(HEADS), "scale": "choices", "choices": HEADS}
NARROW = {**RATE, "key": "training.head_first.learning_rate", "short": "head_first.learning_rate", "low": 2e-4, "high": 9e-4}
SPACES = {
    "one": [RATE],
    "two": [NAME, RATE],
    "four": [BATCH, RATE, SMOOTH, NAME],
    "six": [BATCH, RATE, SMOOTH, NAME, HEAD, NARROW],
}
FIVE = ("loss", "accuracy", "balanced_accuracy", "macro_f1", "roc_auc")


def fabricate(
    out: Path,
    space: list[dict[str, Any]],
    *,
    objective: str = "loss",
    finished: int = 14,
    pruned: int = 5,
    failed: int = 2,
    spread: float = 1.0,
    **changes: Any,
) -> Path:
    """Writes tune.csv and tune.json of a made-up search and returns its folder."""
    out.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    total = finished + pruned + failed
    states = np.array(["complete"] * finished + ["pruned"] * pruned + ["failed"] * failed, dtype=object)
    states[1:] = generator.permutation(states[1:])
    table = pd.DataFrame({"number": np.arange(total), "state": states})
    for part in space:
        table[part["key"]] = _drawn(part, generator, total)
    done = states == "complete"
    values = 0.3 + spread * generator.random(total) if objective == "loss" else 0.6 + 0.3 * generator.random(total)
    table["objective"] = np.where(done, values, np.nan)
    table["reported"] = np.where(states == "failed", np.nan, values)
    for name, value in (("best_epoch", 4.0), ("epochs", 9.0)):
        table[name] = np.where(done, value, np.nan)
    for name in FIVE:
        table[f"validation_{name}"] = table["objective"]
    table["run"] = [f"trials/{number:04d}-x" if ready else "" for number, ready in enumerate(done)]
    table["error"] = np.where(states == "failed", "the loss became inf in epoch 1, batch 2", "")
    table.to_csv(out / "tune.csv", index=False, lineterminator="\n")
    (out / "tune.json").write_text(json.dumps(_summary(table, space, objective) | changes))
    return out


def _drawn(part: dict[str, Any], generator: np.random.Generator, total: int) -> Any:
    if part["scale"] == "choices":
        return generator.choice(np.array(part["choices"], dtype=object), total)
    if part["scale"] == "log":
        return np.exp(generator.uniform(np.log(part["low"]), np.log(part["high"]), total))
    if part["step"]:
        return generator.choice(np.arange(part["low"], part["high"] + 1, part["step"]), total)
    return generator.uniform(part["low"], part["high"], total)


def _summary(table: pd.DataFrame, space: list[dict[str, Any]], objective: str) -> dict[str, Any]:
    done = table[table["state"] == "complete"]
    best = done.loc[done["objective"].idxmin() if objective == "loss" else done["objective"].idxmax()]
    number = {"value": float(best["objective"]), "low": float(best["objective"]) - 0.1, "high": float(best["objective"]) + 0.12}
    side = {"n": 131, "subjects": 14, **dict.fromkeys(FIVE, number)}
    values = {part["key"]: best[part["key"]] for part in space}
    return {
        "schema": 1,
        "study": "tune",
        "objective": {
            "name": objective,
            "direction": "minimize" if objective == "loss" else "maximize",
            "after_epoch": "val_loss" if objective == "loss" else "val_accuracy",
        },
        "space": space,
        "seed": 3,
        "trials": {state: int((table["state"] == state).sum()) for state in ("complete", "pruned", "failed")},
        "data": "demo (generated cells)",
        "classes": ["HEM", "ALL"],
        "positive": "ALL",
        "split": {"strategy": "subject", "seed": 3, "description": "Split by subject, no subject on two sides."},
        "interval": {"units": "subjects", "resamples": 2000, "confidence": 0.95},
        "warnings": ["RANDOM WEIGHTS: mobilenet started from random weights"],
        "importance": {part["key"]: 1 / len(space) for part in space} if len(space) > 1 else None,
        "importance_reason": None if len(space) > 1 else "only one key was searched",
        "winner": {
            "number": int(best["number"]),
            "run": f"trials/{best['number']:04d}-x",
            "model": "mobilenet, ImageNet weights, frozen, linear head",
            "values": {key: value.item() if isinstance(value, np.generic) else value for key, value in values.items()},
            "best_epoch": 4,
            "epochs": 9,
            "validation": side,
            "test": {**side, "n": 129, "subjects": 20, "accuracy": {"value": 0.123, "low": 0.1, "high": 0.2}},
        },
        "sampler": "tpe",
        "pruner": "median",
    }


def check(figure: Any, words: list[str]) -> None:
    width, height = figure.get_size_inches()
    assert width in (COLUMN, PAGE)
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= -0.01, (box.extents, width, height)
    title, caption = figure.texts[:2]
    (legend,) = figure.legends
    assert not legend.get_window_extent().overlaps(caption.get_window_extent())
    for axes in figure.axes:
        for other in (caption, title, legend):
            assert not axes.get_tightbbox().overlaps(other.get_window_extent()), other
        assert axes.get_window_extent().height > 60
        labels = [text.get_window_extent() for text in axes.get_xticklabels() if text.get_text() and text.get_rotation() == 0]
        inside = [label for label in labels if axes.get_window_extent().x0 - 20 < label.x0 < axes.get_window_extent().x1]
        assert not any(a.overlaps(b) for a, b in pairwise(inside)), axes.get_xlabel()
    said = " ".join(" ".join(text.get_text() for text in figure.findobj(Text)).split())
    for word in words:
        assert word in said, word


@pytest.mark.parametrize("kind", SPACES)
@pytest.mark.parametrize("objective", ["loss", "roc_auc"])
def test_figures_say_what_they_show_and_are_not_clipped(tmp_path: Path, kind: str, objective: str) -> None:
    searched = read_search(fabricate(tmp_path, SPACES[kind], objective=objective, spread=20.0 if kind == "two" else 1.0))
    caption = Caption(
        "demo", "mobilenet", "validation", 131, 14, "strategy 'subject', seed 3", "HEM, ALL (positive)", "Trials: 14."
    )
    common = ["n = 131 images, 14 subjects", "strategy 'subject'", "HEM, ALL (positive)", "finished", "pruned", "failed"]
    common += [f"winner: trial {searched.winner['number']}", searched.measure]
    history = history_table(searched.trials, searched.smaller_is_better)
    check(history_figure(history, searched.winner["number"], searched.measure, caption), [*common, "best so far"])
    sliced = slice_figure(searched.trials, searched.space, searched.winner["number"], searched.measure, caption)
    check(sliced, [*common, *(part["short"] for part in searched.space)])
    shown = [axes for axes in sliced.axes if axes.axison]
    assert len(shown) == len(searched.space)
    for axes, part in zip(shown, searched.space, strict=True):
        points = sum(len(line.get_xdata()) for line in axes.lines)
        assert points == len(searched.trials), part["key"]
        assert (axes.get_xscale() == "log") == (part["scale"] == "log")
        assert (axes.get_yscale() == "log") == (kind == "two" and objective == "loss")


def test_the_best_so_far_is_that_of_finished_trials() -> None:
    trials = pd.DataFrame(
        {
            "number": range(6),
            "state": ["pruned", "complete", "complete", "failed", "complete", "pruned"],
            "objective": [np.nan, 3.0, 5.0, np.nan, 2.0, np.nan],
        }
    )
    for smaller, expected in ((True, [None, 3, 3, 3, 2, 2]), (False, [None, 3, 5, 5, 5, 5])):
        best = history_table(trials, smaller)["best_so_far"]
        assert [None if pd.isna(value) else value for value in best] == expected


def test_the_page_says_what_was_chosen_and_how_far_to_trust_it(tmp_path: Path) -> None:
    out = fabricate(tmp_path, SPACES["four"])
    page = write_tuning(out).read_text(encoding="utf-8")
    searched = read_search(out)
    best = searched.trials.loc[searched.trials["objective"].idxmin()]
    assert page.startswith(f"# Search on demo (generated cells): trial {best['number']} of 21\n")
    assert page.index("best of 19 trials and therefore too good") < page.index("RANDOM WEIGHTS") < page.index("## What")
    assert "validation (n = 131, 14 subjects), best of 19 | test (n = 129, 20 subjects) |" in page
    # The winner's test figure, once, with its interval.
    assert page.count("0.123 (0.100–0.200)") == page.count("0.123") == 1
    assert "95 % interval, bootstrap percentiles of 2,000 resamples of subjects" in page
    assert "14 finished, 5 pruned, 2 failed" in page
    assert "## The best 10 of 14 finished trials" in page
    cells = [line.split("|")[1].strip() for line in page.split("## The best")[1].splitlines() if line.startswith("| ")]
    listed = [int(cell) for cell in cells if cell.isdigit()]
    done = searched.trials[searched.trials["state"] == "complete"].sort_values("objective")
    assert listed == done["number"].head(10).tolist()
    inside = int((done["objective"] <= best["objective"] + 0.12).sum())
    assert f"{inside} of 14 finished trials lie inside the interval" in page
    assert page.count("the loss became inf in epoch 1, batch 2") == 2
    assert "training.learning\\_rate.initial | log:1e-05..0.1 |" in page
    for name in ("figures/history.png", "figures/slices.png", "figures/history.csv"):
        assert f"({name})" in page
        assert (out / name).is_file()


def test_the_same_tables_give_the_same_bytes(tmp_path: Path) -> None:
    names = ("tune.md", "figures/history.png", "figures/slices.png", "figures/history.csv")
    out = fabricate(tmp_path, SPACES["six"])
    write_tuning(out)
    before = [(out / name).read_bytes() for name in names]
    write_tuning(out)
    assert [(out / name).read_bytes() for name in names] == before


def test_one_finished_trial_and_no_test_side(tmp_path: Path) -> None:
    out = fabricate(tmp_path, SPACES["one"], finished=1, pruned=0, failed=0)
    summary = json.loads((out / "tune.json").read_text())
    del summary["winner"]["test"]
    undefined = {"value": None, "low": None, "high": None, "reason": "one class"}
    summary["winner"]["validation"] |= {"subjects": None, "roc_auc": undefined, "loss": {"value": 0.5, "low": None, "high": None}}
    (out / "tune.json").write_text(json.dumps(summary))
    page = write_tuning(out).read_text(encoding="utf-8")
    assert "too good, and there is no test side beside it." in page
    assert "No importance: only one key was searched." in page
    assert "| ROC AUC | undefined |" in page
    assert "subjects unknown" in page
    assert "lie inside the interval" not in page
    assert "Failed" not in page


def test_names_are_names_and_no_markup(tmp_path: Path) -> None:
    out = fabricate(tmp_path, [HEAD, RATE])
    page = write_tuning(out).read_text(encoding="utf-8")
    assert "a\\_rather\\|long\\*name" in page
    assert read_search(out).trials["model.head"].isin(HEADS).all(), "NA is a name"


@pytest.mark.parametrize("harm", ["tune.csv", "tune.json", "half", "columns"])
def test_what_is_missing_or_broken_is_one_line(tmp_path: Path, harm: str) -> None:
    out = fabricate(tmp_path, SPACES["one"])
    if harm == "half":
        (out / "tune.json").write_text('{"space": [')
    elif harm == "columns":
        (out / "tune.csv").write_text("number,state,objective\nx,complete,1.0\n")
    else:
        (out / harm).unlink()
    with pytest.raises(RunError, match=harm if harm.startswith("tune") else "cannot be read") as caught:
        write_tuning(out)
    assert "\n" not in str(caught.value)
    assert not (out / "tune.md").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = fabricate(tmp_path, SPACES["one"])

    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tuning, "write_text", refuse)
    with pytest.raises(RunError, match=r"cannot be written into .*Permission denied"):
        write_tuning(out)
