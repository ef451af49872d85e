"""Heads of scikit-learn: whole runs on the backbone's, on hand-made and on joined features."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from keras_leuk.cli.train import free_folder, recipe_keys
from keras_leuk.errors import RecipeError, RunError
from keras_leuk.evaluation.metrics import write_metrics
from keras_leuk.images import handmade
from keras_leuk.models import weights
from keras_leuk.models.classical import Classical
from keras_leuk.models.heads import CLASSICAL
from keras_leuk.recipe import load
from keras_leuk.reporting.report import write_report
from keras_leuk.runs.folder import RunFolder
from keras_leuk.training import classical_predictor, materials, network
from keras_leuk.training.inference import predict_images
from keras_leuk.training.preflight import HAND_SIZE, check
from keras_leuk.training.run import train

COLUMNS = ["output_0", "output_1", "probability_HEM", "probability_ALL"]
HAND = {"model__head": "sklearn:logistic", "model__features": "hand"}


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures take longer than everything else here, and are the same for every head."""
    monkeypatch.setattr("keras_leuk.training.results.write_report", lambda run, progress, figures: None)


@pytest.mark.parametrize(
    ("head", "features"),
    [*((head, "hand") for head in CLASSICAL), ("sklearn:logistic", "cnn"), ("sklearn:svm", "both"), ("sklearn:forest", "both")],
)
def test_every_head_sees_every_kind_of_features(
    head: str, features: str, tiny_recipe, cache: Path, tmp_path: Path, tiny: Path, no_figures: None
) -> None:
    recipe = tiny_recipe(model__head=head, model__features=features)
    run = train(recipe, tmp_path / "run", cache=cache).run
    table = pd.read_csv(run.predictions)
    assert len(table) == 75
    np.testing.assert_allclose(table[["probability_HEM", "probability_ALL"]].sum(axis=1), 1, atol=1e-12)
    assert table["probability_ALL"].std() > 0.01
    history = pd.read_csv(run.history)
    assert list(history) == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]
    assert history["epoch"].tolist() == [1]
    for side, prefix in (("train", ""), ("validation", "val_")):
        part = table[table["split"] == side]
        chance = np.where(part["true"] == "ALL", part["probability_ALL"], part["probability_HEM"])
        assert history[f"{prefix}loss"][0] == pytest.approx(-np.log(np.maximum(chance, 1e-7)).mean())
        assert history[f"{prefix}accuracy"][0] == pytest.approx((part["true"] == part["predicted"]).mean())
    # In another order: the very probabilities of the run.
    rows = table.set_index("image")
    images = list(rows.index[::-2])
    found = predict_images(run, [tiny / image for image in images]).table
    assert (found[COLUMNS].to_numpy() == rows.loc[images, COLUMNS].to_numpy()).all()
    widths = {"cnn": 1024, "hand": len(handmade.NAMES), "both": 1024 + len(handmade.NAMES)}
    assert Classical.load(run.classifier).arrays["mean"].shape == (widths[features],)
    # Made again from what the run left: the same bytes.
    again = train(load(str(run.recipe)), tmp_path / "again", cache=cache).run
    for name in ("predictions.csv", "history.csv", "metrics.json", "split.csv", "recipe.yaml", "predictions.json"):
        assert (again.path / name).read_bytes() == (run.path / name).read_bytes(), name


@pytest.fixture(scope="module")
def hand(tiny_recipe, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run on hand-made features, for which nobody may build a backbone or look for weights."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("hand-made features need no backbone")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(materials, "resolve", refuse)
        patch.setattr(network, "build", refuse)
        patch.setattr(classical_predictor, "build", refuse)
        recipe = tiny_recipe(**HAND, model__weights="imagenet", model__weights_dir="/nowhere", training__balance="class_weight")
        run = train(recipe, tmp_path_factory.mktemp("runs") / "hand", cache=cache).run
        predict_images(run, [Path(recipe.data.path) / pd.read_csv(run.predictions)["image"][0]])
    return run


def test_a_run_on_hand_made_features_is_whole(hand: RunFolder, run_files: set[str], tmp_path: Path) -> None:
    assert {path.name for path in hand.path.iterdir()} == run_files | {"model.classifier.npz"}
    assert hand.read_json(hand.environment)["weights"]["kind"] == "none"
    assert hand.read_json(hand.timing)["images_through_frozen_backbone"] is None
    meaning = hand.read_json(hand.meaning)
    assert (meaning["model"], meaning["selection"]) == ("hand-made features, sklearn:logistic head", "none")
    assert "scikit-learn's logistic regression" in meaning["outputs"]["to_probability"]
    card = hand.read_json(hand.model)
    assert (card["backbone"], card["handmade"]) == (None, {"version": 1, "names": list(handmade.NAMES)})
    assert card["chosen"]["held_out"] == "groups"
    assert hand.read_json(hand.mark)["epochs"] == 1


def test_the_report_names_no_backbone_that_was_not_used(hand: RunFolder, figures: None) -> None:
    write_report(hand)
    report = hand.report.read_text(encoding="utf-8").lower()
    for word in ("mobilenet", "imagenet", "backbone", "random weights", "over the epochs", "| optimizer"):
        assert word not in report, word
    assert "size, shape, colour and texture" in report
    assert "none: fitted at once" in report
    assert (hand.figures / "roc.png").exists()
    assert not (hand.figures / "loss.png").exists()
    # Judged again from the folder alone.
    before = hand.metrics.read_bytes(), hand.report.read_bytes()
    write_metrics(hand)
    write_report(hand)
    assert (hand.metrics.read_bytes(), hand.report.read_bytes()) == before


def test_one_image_alone_and_a_run_whose_end_was_lost(
    hand: RunFolder, tiny: Path, cache: Path, tmp_path: Path, no_figures
) -> None:
    table = pd.read_csv(hand.predictions)
    alone = predict_images(hand, [tiny / table["image"][3]]).table
    assert (alone[COLUMNS].to_numpy()[0] == table.loc[3, COLUMNS].to_numpy(float)).all()
    copy = RunFolder(tmp_path / "copy")
    shutil.copytree(hand.path, copy.path)
    for lost in (copy.mark, copy.model, copy.predictions):
        lost.unlink()
    train(load(str(copy.recipe)), copy.path, cache=cache, resume=True)
    for name in ("predictions.csv", "history.csv", "metrics.json", "model.json"):
        assert (copy.path / name).read_bytes() == (hand.path / name).read_bytes(), name


def test_features_of_another_meaning_are_refused(hand: RunFolder, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handmade, "VERSION", 2)
    with pytest.raises(RunError, match="version 1; this version of keras-leuk measures version 2"):
        predict_images(hand, [next(tiny.rglob("*.bmp"))])


def test_nothing_is_learnt_from_other_sides(
    hand: RunFolder, tiny: Path, tiny_recipe, cache: Path, tmp_path: Path, no_figures
) -> None:
    """Labels of validation and test turned round: the same arrays, and the same probabilities of the training side."""
    split = pd.read_csv(hand.split, dtype=str)
    turned = split["label"].where(split["split"] == "train", split["label"].map({"ALL": "HEM", "HEM": "ALL"}))
    made = []
    for name, labels in (("as-they-are", split["label"]), ("turned", turned)):
        table = pd.DataFrame(
            {"path": [str(tiny / image) for image in split["image"]], "label": labels, "subject": split["subject"]}
        )
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        listed = split.assign(image=table["path"])
        listed.to_csv(tmp_path / f"{name}-split.csv", index=False)
        recipe = tiny_recipe(
            model__head="sklearn:svm",
            model__features="hand",
            data={"path": str(tmp_path / f"{name}.csv"), "classes": ["HEM", "ALL"]},
            split={"file": str(tmp_path / f"{name}-split.csv")},
        )
        made.append(train(recipe, tmp_path / name, cache=cache).run)
    first, second = (Classical.load(run.classifier) for run in made)
    assert first.arrays.keys() == second.arrays.keys()
    assert all((first.arrays[name] == second.arrays[name]).all() for name in first.arrays)
    tables = [pd.read_csv(run.predictions) for run in made]
    assert (tables[0][COLUMNS] == tables[1][COLUMNS]).all(axis=None)
    assert (tables[0]["true"] != tables[1]["true"]).sum() == (split["split"] != "train").sum()


def test_class_weights_are_heard(hand: RunFolder, tiny_recipe, cache: Path, tmp_path: Path, no_figures: None) -> None:
    for head in ("sklearn:logistic", "sklearn:svm", "sklearn:forest"):
        means = []
        for number, given in enumerate(({}, {"balance": "class_weight", "class_weight": {"HEM": 8.0}})):
            recipe = tiny_recipe(model__head=head, model__features="hand", training=given)
            run = train(recipe, tmp_path / f"{head[8:]}-{number}", cache=cache).run
            table = pd.read_csv(run.predictions)
            means.append(table.loc[table["split"] == "test", "probability_HEM"].mean())
        if head != "sklearn:forest":
            assert means[1] > means[0] + 0.05, head
        assert means[1] != means[0]


def test_cross_validation_and_views_at_test_time(tiny_recipe, cache: Path, tmp_path: Path, tiny: Path, no_figures: None) -> None:
    recipe = tiny_recipe(**HAND, split={"strategy": "folds", "folds": 3}, evaluation__test_time_augmentation="dihedral")
    run = train(recipe, tmp_path / "r", cache=cache).run
    table = pd.read_csv(run.predictions, dtype={"fold": str})
    tested = table[table["split"] == "test"]
    assert len(tested) == 75
    assert tested["image"].is_unique
    history = pd.read_csv(run.history)
    assert history["epoch"].tolist() == [1, 1, 1]
    fold = run.fold(str(tested["fold"].iloc[0]))
    mine = pd.read_csv(fold.predictions)
    found = predict_images(fold, [tiny / image for image in mine["image"][:5]]).table
    assert (found[COLUMNS].to_numpy() == mine[COLUMNS].to_numpy()[:5]).all()
    assert "test-time augmentation" in run.read_json(run.meaning)["outputs"]["to_probability"]
    # A lost fold is made again, and the others are left alone.
    kept = run.predictions.read_bytes()
    fold.mark.unlink()
    run.mark.unlink()
    other = next(path for path in run.folds.iterdir() if path != fold.path)
    stamp = (other / "predictions.csv").stat().st_mtime_ns
    train(recipe, run.path, cache=cache, resume=True)
    assert run.predictions.read_bytes() == kept
    assert (other / "predictions.csv").stat().st_mtime_ns == stamp


def test_a_head_learns_from_fixed_views_of_the_training_side(tiny_recipe, cache: Path, tmp_path: Path, no_figures: None) -> None:
    settings = {"model__head": "sklearn:forest"}
    plain = train(tiny_recipe(**settings), tmp_path / "plain", cache=cache).run
    augment = {"horizontal_flip": True, "rotation_range": 90, "views": 2}
    viewed = train(tiny_recipe(**settings, training__augment=augment), tmp_path / "views", cache=cache).run
    first, second = (Classical.load(run.classifier).arrays for run in (plain, viewed))
    assert (first["mean"] != second["mean"]).any()
    assert pd.read_csv(viewed.split)["split"].equals(pd.read_csv(plain.split)["split"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model__head": "sklearn:svm", "model__fine_tune": "all"}, "model.fine_tune.*sklearn:svm.*no backbone"),
        ({"model__features": "hand"}, "model.features: 'hand' needs a scikit-learn head, not linear.*sklearn:svm"),
        ({"model__features": "both", "model__head": {"layers": []}}, "model.features: 'both' needs a scikit-learn head"),
        ({**HAND, "training__augment": {"horizontal_flip": True, "views": 2}}, "augment.views: 2 does not go with.*'hand'"),
        (
            {**HAND, "model__features": "both", "training__augment": {"rotation_range": 9}},
            "augment.rotation_range.*does not go with.*'both'",
        ),
        ({**HAND, "training__balance": "oversample"}, "training.balance.*class_weight"),
        ({**HAND, "training__monitor": "test"}, "training.monitor.*watches nothing"),
        ({**HAND, "training__early_stopping": {"enabled": True}}, "early_stopping.*fitted at once"),
        ({"model__head": "sklearn:swm"}, "did you mean 'sklearn:svm'"),
    ],
)
def test_what_does_not_go_together_is_said(settings: dict[str, Any], message: str, tiny_recipe) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        check(tiny_recipe(**settings))
    assert "\n" not in str(caught.value)


def test_flags_say_the_same_as_keys() -> None:
    given = recipe_keys({"head": "sklearn:svm", "features": "hand"})
    assert given == {"model.head": "sklearn:svm", "model.features": "hand"}
    recipe = load(flags=given)
    assert check(recipe).size == HAND_SIZE == 224
    assert free_folder(recipe).name.startswith("demo-hand")
    with pytest.raises(RecipeError, match=r"model\.features.*hand"):
        load(flags={"model.features": "hands"})


def test_no_weights_have_no_facts_to_hide() -> None:
    assert json.dumps(weights.NO_WEIGHTS.facts()) == '{"kind": "none", "sha256": null, "seed": null}'
