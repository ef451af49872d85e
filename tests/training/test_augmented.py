"""Runs with augmentation, balance and views: who sees changed pictures, and who does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from keras_leuk.errors import RecipeError
from keras_leuk.images.cache import read_picture
from keras_leuk.images.pipeline import Augmenter, Feed
from keras_leuk.images.preprocessing import Preparation
from keras_leuk.progress import Recorder
from keras_leuk.recipe.augment import Augment
from keras_leuk.recipe.model import Head
from keras_leuk.runs.folder import RunFolder
from keras_leuk.training import single
from keras_leuk.training.inference import predict_images
from keras_leuk.training.preflight import check
from keras_leuk.training.run import train

STRONG = {"rotation_range": 90, "zoom_range": 0.3, "channel_shift_range": 40, "horizontal_flip": True}
# Features of a random MobileNet are near 1e-10: every image would get the same probability, and no test here could fail.
LIVELY = {"model__backbone": "vgg16", "training__epochs": 2, "training__learning_rate": 1e-4}
FROZEN = {**LIVELY, "model__head": {"layers": [{"type": "standardize"}]}}
FINE_TUNED = {**LIVELY, "model__fine_tune": "all"}


@pytest.fixture
def feeds(monkeypatch: pytest.MonkeyPatch) -> dict[str, Feed]:
    """The feeds of a run, by side."""
    made: dict[str, Feed] = {}
    real = single._feed

    def spy(context: Any, inputs: Any, split: Any, side: str) -> Feed:
        made[side] = real(context, inputs, split, side)
        return made[side]

    monkeypatch.setattr(single, "_feed", spy)
    return made


def shown(feed: Feed) -> np.ndarray:
    """The inputs of one epoch, in the order of the side's table."""
    inputs = np.concatenate([batch[0] for batch in feed.batches()])
    return inputs[np.argsort(feed.order(feed.epoch)[0], kind="stable")]


def test_only_the_training_side_is_augmented(tiny_recipe, cache: Path, tmp_path: Path, feeds: dict[str, Feed]) -> None:
    recipe = tiny_recipe(**FINE_TUNED, training__augment=STRONG, training__monitor="test", training__balance="oversample")
    train(recipe, tmp_path / "r", cache=cache)
    assert set(feeds) == {"train", "validation", "test"}
    for side in ("validation", "test"):
        feed = feeds[side]
        for epoch in (1, 2):
            feed.epoch = epoch
            assert (shown(feed) == feed.rows[feed.index[0]]).all(), side
    training = feeds["train"]
    training.epoch = 1
    pictures = np.concatenate([batch[0] for batch in training.batches()])
    stored = {row.tobytes() for row in training.rows[training.index[0]]}
    assert sum(picture.tobytes() in stored for picture in pictures) == 0
    # Over-sampled on the training side alone: as many of each class in an epoch, and no image of another side among them.
    targets = np.concatenate([batch[1] for batch in training.batches()]).sum(axis=0)
    assert targets[0] == targets[1]
    assert len(feeds["validation"]) + len(feeds["test"]) + len(np.unique(training.order(1)[0])) == 75


def test_predictions_are_made_of_untouched_pictures(tiny_recipe, cache: Path, tmp_path: Path) -> None:
    """The history's last validation loss, which sees no augmentation, is that of predictions.csv, on the training side, too."""
    recipe = tiny_recipe(**FINE_TUNED, training__augment=STRONG, training__early_stopping={"enabled": False})
    run = train(recipe, tmp_path / "r", cache=cache).run
    table = pd.read_csv(run.predictions)
    validation = table[table["split"] == "validation"]
    chance = np.where(validation["true"] == "ALL", validation["probability_ALL"], validation["probability_HEM"])
    assert chance.std() > 0.001
    assert -np.log(chance).mean() == pytest.approx(pd.read_csv(run.history)["val_loss"].iloc[-1], abs=1e-4)


VIEWS = {**FROZEN, "training__augment": {**STRONG, "views": 3}, "training__epochs": 7}


def test_a_frozen_backbone_trains_on_fixed_views(tiny_recipe, cache: Path, tmp_path: Path, feeds: dict[str, Feed]) -> None:
    told = Recorder()
    run = train(tiny_recipe(**VIEWS), tmp_path / "r", cache=cache, progress=told).run
    training = feeds["train"]
    seen = []
    for epoch in range(1, 8):
        training.epoch = epoch
        seen.append(shown(training))
    assert (seen[0] == seen[3]).all()
    assert (seen[0] == seen[6]).all()
    assert (seen[1] == seen[4]).all()
    assert (seen[0] != seen[1]).any()
    assert (feeds["validation"].rows[feeds["validation"].index[0]] == shown(feeds["validation"])).all()
    report = run.report.read_text(encoding="utf-8")
    assert "3 FIXED augmented views" in report
    assert "rotation\\_range 90" in report
    count = int((pd.read_csv(run.split)["split"] == "train").sum())
    assert run.read_json(run.timing)["images_through_frozen_backbone"] >= 3 * count
    again = train(tiny_recipe(**VIEWS, training__optimizer="rmsprop"), tmp_path / "again", cache=cache).run
    assert again.read_json(again.timing)["images_through_frozen_backbone"] == 0


def test_a_view_is_the_feature_of_the_drawn_picture(
    tiny_recipe, cache: Path, tmp_path: Path, tiny: Path, feeds: dict[str, Feed]
) -> None:
    """What a frozen backbone trains on in epoch 2 is what it makes of the picture that fine-tuning would show in epoch 2."""
    run = train(tiny_recipe(**VIEWS), tmp_path / "frozen", cache=cache).run
    views = feeds["train"]
    views.epoch = 2
    expected = shown(views)
    split = pd.read_csv(run.split)
    rows = split[split["split"] == "train"]
    pictures = np.stack([read_picture(tiny / name, Preparation(32))[1] for name in rows["image"]])
    augmenter = Augmenter(Augment(**STRONG), 0, list(rows["pixels"]), pictures.shape[1:])
    places = np.arange(len(rows))
    drawn, _ = augmenter.batch(pictures, places, places, np.zeros_like(places), epoch=2)

    from keras_leuk.models.assembly import build
    from keras_leuk.models.backbones import find
    from keras_leuk.models.weights import resolve
    from keras_leuk.training.forward import Forward

    backbone = find("vgg16")
    trunk = build(backbone, Head(), size=32, classes=2, seed=0, weights=resolve("random", backbone, seed=0)).trunk
    made = Forward(trunk).all(drawn, np.arange(len(drawn)))
    np.testing.assert_allclose(made, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("regime", "views"), [("frozen", 3), pytest.param("fine-tuned", "dihedral", marks=pytest.mark.slow)])
def test_views_are_averaged_at_test_time(regime: str, views: Any, tiny_recipe, cache: Path, tmp_path: Path, tiny: Path) -> None:
    augment = {**STRONG, "views": 2} if regime == "frozen" else STRONG
    settings = {"training__augment": augment} | (FINE_TUNED if regime == "fine-tuned" else FROZEN)
    plain = train(tiny_recipe(**settings), tmp_path / "plain", cache=cache).run
    recipe = tiny_recipe(**settings, evaluation__test_time_augmentation=views)
    run = train(recipe, tmp_path / "views", cache=cache).run
    # Training is the same; what is predicted is not.
    assert run.history.read_bytes() == plain.history.read_bytes()
    table = pd.read_csv(run.predictions)
    columns = ["probability_HEM", "probability_ALL"]
    assert np.abs(table[columns].to_numpy() - pd.read_csv(plain.predictions)[columns].to_numpy()).max() > 1e-3
    np.testing.assert_allclose(table[columns].sum(axis=1), 1, atol=1e-12)
    assert "test-time augmentation" in run.read_json(run.meaning)["outputs"]["to_probability"]
    assert "test-time augmentation" in run.report.read_text(encoding="utf-8")
    again = predict_images(run, [tiny / name for name in table["image"][:9]]).table
    assert (again[columns].to_numpy() == table[columns].to_numpy()[:9]).all()


def test_dihedral_views_do_not_care_how_a_cell_lies(tiny_recipe, cache: Path, tmp_path: Path, tiny: Path) -> None:
    from PIL import Image

    run = train(tiny_recipe(**FROZEN, evaluation__test_time_augmentation="dihedral"), tmp_path / "run", cache=cache).run
    name = pd.read_csv(run.predictions)["image"][0]
    for number, turn in enumerate((Image.Transpose.ROTATE_90, Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.TRANSPOSE)):
        with Image.open(tiny / name) as picture:
            picture.transpose(turn).save(tmp_path / f"{number}.bmp")
    table = predict_images(run, [tiny / name, *(tmp_path / f"{number}.bmp" for number in range(3))]).table
    assert pd.read_csv(run.predictions)["probability_ALL"].std() > 0.05
    # Turning and resizing do not commute to the last grey level.
    assert np.ptp(table["probability_ALL"].to_numpy()) < 0.02
    assert RunFolder(run.path).read_json(run.model)["views"] == {"kind": "dihedral"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"training__augment": {"horizontal_flip": True}}, "training.augment.horizontal_flip.*fine-tuned.*views"),
        ({"training__augment": {"mixup": 0.2, "views": 2}}, "mixup.*fine-tuned"),
        ({"training__augment": {"views": 2}}, "views.*operation"),
        ({"model__fine_tune": "all", "training__augment": {"views": 2, "horizontal_flip": True}}, "views.*frozen"),
    ],
)
def test_what_does_not_go_together_is_said(settings: dict[str, Any], message: str, tiny_recipe) -> None:
    with pytest.raises(RecipeError, match=message):
        check(tiny_recipe(**settings))


def test_the_report_names_what_was_done_to_the_pictures(tiny_recipe, cache: Path, tmp_path: Path) -> None:
    images = {"size": 32, "crop": "center", "crop_size": 0.9, "contrast": "stretch", "rescale": "1/255"}
    recipe = tiny_recipe(training__epochs=1, images=images, training__balance="oversample")
    report = train(recipe, tmp_path / "r", cache=cache).run.report.read_text(encoding="utf-8")
    for words in ("crop center (size 0.9)", "contrast stretch", "1/255 in place of", "oversample: every epoch"):
        assert words in report
    plain = train(tiny_recipe(training__epochs=1), tmp_path / "p", cache=cache).run.report.read_text(encoding="utf-8")
    for words in ("augmentation", "image preparation", "balance (training side)"):
        assert words not in plain
