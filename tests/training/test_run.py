"""Whole runs on a tiny generated set: what is written, what is shared, what is the same."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from keras_leuk.errors import DataError, LeukError, RecipeError, RunError
from keras_leuk.evaluation.metrics import write_metrics
from keras_leuk.models.assembly import build
from keras_leuk.models.backbones import BACKBONES
from keras_leuk.progress import Recorder
from keras_leuk.recipe import load, resolved_yaml
from keras_leuk.recipe.model import Head
from keras_leuk.reporting.figures import NAMES
from keras_leuk.runs.folder import RunFolder
from keras_leuk.training.inference import predict_images
from keras_leuk.training.run import continued, train

REGIMES: dict[str, dict[str, Any]] = {
    "frozen": {
        "model__head": {"layers": [{"type": "standardize"}, {"type": "dense", "units": 8}, {"type": "dropout", "rate": 0.3}]}
    },
    "fine-tuned": {
        "model__fine_tune": "all",
        "training__augment": {"rotation_range": 40, "horizontal_flip": True, "channel_shift_range": 20, "mixup": 0.2},
        "training__balance": "oversample",
        "images__contrast": "stretch",
        "evaluation__test_time_augmentation": 2,
    },
}


def assert_same(a: Path, b: Path) -> None:
    for name in ("history.csv", "predictions.csv", "metrics.json", "split.csv", "recipe.yaml"):
        assert (a / name).read_bytes() == (b / name).read_bytes(), name


@pytest.fixture(scope="module", params=REGIMES)
def finished(request: pytest.FixtureRequest, tiny_recipe, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    out = tmp_path_factory.mktemp("runs") / request.param
    return train(tiny_recipe(**REGIMES[request.param]), out, cache=cache).run


def test_a_run_leaves_what_is_promised(finished: RunFolder, run_files: set[str]) -> None:
    assert {p.name for p in finished.path.iterdir()} == run_files | {"model.weights.h5"}
    table = pd.read_csv(finished.predictions)
    assert set(table["split"]) == {"train", "validation", "test"}
    assert len(table) == 75
    np.testing.assert_allclose(table[["probability_HEM", "probability_ALL"]].sum(axis=1), 1, atol=1e-12)
    meaning = json.loads(finished.meaning.read_text())
    assert (meaning["positive"], meaning["classes"]) == ("ALL", ["HEM", "ALL"])
    assert any("RANDOM WEIGHTS" in line for line in meaning["warnings"])
    assert "RANDOM WEIGHTS" in finished.report.read_text()
    environment = json.loads(finished.environment.read_text())
    assert len(environment["data"]["fingerprint"]) == 64
    assert environment["onednn"]["set_by"] in ("keras-leuk", "user", "nobody")
    history = pd.read_csv(finished.history)
    assert list(history) == ["epoch", "learning_rate", "loss", "accuracy", "val_loss", "val_accuracy"]


def test_a_run_draws_its_figures(figures: None, tiny_recipe, cache: Path, tmp_path: Path) -> None:
    run = train(tiny_recipe(training__epochs=1), tmp_path / "run", cache=cache).run
    assert {path.stem for path in run.figures.glob("*.png")} == set(NAMES)
    assert all(f"](figures/{name}.png)" in run.report.read_text() for name in NAMES)


def test_no_subject_stands_on_two_sides(finished: RunFolder) -> None:
    rows = pd.read_csv(finished.split, dtype=str)
    assert rows.groupby("subject")["split"].nunique().max() == 1
    assert rows["pixels"].str.len().eq(64).all()


def test_the_saved_recipe_makes_the_same_run_again(finished: RunFolder, cache: Path, tmp_path: Path) -> None:
    again = train(load(str(finished.recipe)), tmp_path / "again", cache=cache)
    assert_same(finished.path, again.run.path)


def test_metrics_come_from_the_run_folder_alone(finished: RunFolder, tmp_path: Path) -> None:
    copy = RunFolder(tmp_path / "copy")
    shutil.copytree(finished.path, copy.path)
    copy.metrics.unlink()
    write_metrics(copy)
    assert copy.metrics.read_bytes() == finished.metrics.read_bytes()


def test_predict_gives_a_picture_the_bits_of_training(finished: RunFolder, tiny: Path) -> None:
    rows = pd.read_csv(finished.predictions).set_index("image")
    images = list(rows.index[::3])
    found = predict_images(finished, [tiny / image for image in images]).table
    for column in ("output_0", "output_1", "probability_HEM", "probability_ALL"):
        expected = rows.loc[images, column].to_numpy()
        if column.startswith("output"):
            assert (found[column].to_numpy(np.float32) == expected.astype(np.float32)).all()
        else:
            np.testing.assert_allclose(found[column], expected, rtol=0, atol=1e-15)
    assert found["predicted"].tolist() == rows.loc[images, "predicted"].tolist()


def test_a_second_run_computes_no_feature_again(tiny_recipe, cache: Path, tmp_path: Path) -> None:
    frozen = tiny_recipe(images__size=40)
    first = train(frozen, tmp_path / "a", cache=cache)
    assert first.run.read_json(first.run.timing)["images_through_frozen_backbone"] == 75
    for number, change in enumerate(
        (
            {"training__optimizer": "rmsprop"},
            {"seed": 5},
            {"split__strategy": "random"},
            {"model__head": {"layers": [{"type": "dense", "units": 4}]}},
        )
    ):
        run = train(tiny_recipe(images__size=40, **change), tmp_path / f"b{number}", cache=cache).run
        timing = run.read_json(run.timing)
        assert (timing["images_through_frozen_backbone"], timing["images_decoded"]) == (0, 0)


def test_a_frozen_backbone_does_not_move_and_a_trained_one_does(tiny_recipe, cache: Path, tmp_path: Path) -> None:
    def weights(run: RunFolder) -> dict[str, np.ndarray]:
        model = build(BACKBONES["mobilenet"], Head(), size=32, classes=2, seed=9, weights=None).model
        model.load_weights(str(run.weights))
        return {f"{layer.name}/{number}": value for layer in model.layers for number, value in enumerate(layer.get_weights())}

    def moved(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> set[str]:
        return {name for name in a if not (a[name] == b[name]).all()}

    short = weights(train(tiny_recipe(training__epochs=1), tmp_path / "short", cache=cache).run)
    long = weights(train(tiny_recipe(training__epochs=3), tmp_path / "long", cache=cache).run)
    assert "output/1" in moved(short, long) <= {"output/0", "output/1"}
    some = weights(
        train(tiny_recipe(training__epochs=1, model__fine_tune=6, model__weights_seed=0), tmp_path / "some", cache=cache).run
    )
    # Kernel, and all of gamma, beta, moving mean and variance: what is trained is trained whole, and nothing below it moves.
    last = {"conv_dw_13_bn/0", "conv_dw_13_bn/1", "conv_dw_13_bn/2", "conv_dw_13_bn/3", "conv_pw_13/0"}
    last |= {f"conv_pw_13_bn/{number}" for number in range(4)}
    found = moved(short, some) - {"output/0", "output/1"}
    assert {"conv_pw_13/0", "conv_pw_13_bn/2", "conv_pw_13_bn/3"} <= found <= last


def test_only_the_demo_goes_on_without_imagenet_weights(
    cache: Path, tmp_path: Path, tiny: Path, tiny_recipe, monkeypatch
) -> None:
    from keras_leuk.data import demo, read
    from keras_leuk.models import weights

    def unreachable(backbone: object) -> Path:
        raise weights.WeightsOutOfReachError("ImageNet weights for mobilenet are out of reach")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(weights, "_download", unreachable)
    monkeypatch.setattr(demo, "make_demo", lambda *a, **k: tiny)
    monkeypatch.setattr(read, "make_demo", lambda *a, **k: tiny, raising=False)
    with pytest.raises(weights.WeightsOutOfReachError):
        train(tiny_recipe(model__weights="imagenet"), tmp_path / "a", cache=cache)
    recorder = Recorder()
    run = train(tiny_recipe(model__weights="imagenet", data__path="demo"), tmp_path / "b", cache=cache, progress=recorder).run
    assert any("goes on with random weights" in line for line in recorder.warnings)
    assert "RANDOM WEIGHTS" in run.report.read_text()
    saved = load(str(run.recipe))
    assert (saved.model.weights, saved.model.head) == ("random", "linear-standardized")
    again = train(saved, tmp_path / "c", cache=cache).run
    assert_same(run.path, again.path)
    assert run.meaning.read_bytes() == again.meaning.read_bytes()


def test_monitoring_the_test_set_is_said_everywhere(tiny_recipe, cache: Path, tmp_path: Path) -> None:
    recorder = Recorder()
    run = train(tiny_recipe(training__monitor="test", split__validation=0), tmp_path / "r", cache=cache, progress=recorder).run
    assert "test_loss" in pd.read_csv(run.history)
    meaning = json.loads(run.meaning.read_text())
    assert meaning["selection"] == "test"
    assert any("TEST SET WAS WATCHED" in line for line in meaning["warnings"])
    assert "TEST SET WAS WATCHED" in run.report.read_text()
    assert json.loads(run.metrics.read_text())["validation"]["n"] == 0


def test_without_validation_there_is_no_early_stopping(tiny_recipe, cache: Path, tmp_path: Path) -> None:
    run = train(tiny_recipe(split__validation=0, training__epochs=3), tmp_path / "r", cache=cache).run
    history = pd.read_csv(run.history)
    assert list(history) == ["epoch", "learning_rate", "loss", "accuracy"]
    assert len(history) == 3
    with pytest.raises(RecipeError, match="needs a validation side"):
        train(tiny_recipe(split__validation=0, training__early_stopping={"enabled": True}), tmp_path / "s", cache=cache)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"model__head": {"output": {"activation": "sigmoid", "units": "one"}}, "training__loss": "binary_crossentropy"},
        {
            "model__head": {"output": {"activation": "sigmoid"}},
            "training__loss": "binary_crossentropy",
            "training__balance": "class_weight",
        },
        {
            "model__head": {"pooling": "flatten", "layers": [{"type": "batch_normalization"}]},
            "training__balance": "class_weight",
            "training__class_weight": {"HEM": 2.0},
        },
        {"training__loss": "binary_crossentropy", "model__head": {"pooling": "max"}, "training__mixed_precision": "bfloat16"},
    ],
    ids=["one sigmoid", "two sigmoids", "flatten", "softmax with binary loss"],
)
def test_heads_and_losses_go_together(settings: dict[str, Any], tiny_recipe, cache: Path, tmp_path: Path) -> None:
    run = train(tiny_recipe(training__epochs=2, **settings), tmp_path / "r", cache=cache).run
    table = pd.read_csv(run.predictions)
    np.testing.assert_allclose(table[["probability_HEM", "probability_ALL"]].sum(axis=1), 1, atol=1e-12)
    if "output_1" not in table:
        np.testing.assert_allclose(table["probability_ALL"], table["output_0"].astype(np.float32), atol=1e-7)
    labels = (table["probability_ALL"] > table["probability_HEM"]).map({True: "ALL", False: "HEM"})
    assert (labels == table["predicted"]).all()


def test_cross_validation_tests_each_image_once(tiny_recipe, cache: Path, tmp_path: Path) -> None:
    run = train(tiny_recipe(split__strategy="folds", training__epochs=2), tmp_path / "r", cache=cache).run
    table = pd.read_csv(run.predictions, dtype={"fold": str})
    tested = table[table["split"] == "test"]
    assert len(tested) == 60
    assert tested["image"].is_unique
    assert set(table["fold"]) == {"0", "1", "2"}
    assert set(pd.read_csv(run.history, dtype={"fold": str})["fold"]) == {"0", "1", "2"}
    for fold in ("0", "1", "2"):
        assert run.fold(fold).finished
        part = pd.read_csv(run.fold(fold).predictions, dtype={"fold": str})
        pd.testing.assert_frame_equal(part, table[table["fold"] == fold].reset_index(drop=True))
    with pytest.raises(RunError, match="cross-validation"):
        predict_images(run, [])
    one = train(tiny_recipe(split__strategy="folds", split__fold="1", training__epochs=2), tmp_path / "one", cache=cache).run
    assert (one.predictions).read_bytes() == run.fold("1").predictions.read_bytes()


def test_a_split_can_be_reused_and_is_checked(tiny_recipe, cache: Path, tmp_path: Path) -> None:
    first = train(tiny_recipe(), tmp_path / "a", cache=cache).run
    again = train(tiny_recipe(seed=3, split__file=str(first.split)), tmp_path / "b", cache=cache).run
    assert (pd.read_csv(first.split)["split"] == pd.read_csv(again.split)["split"]).all()
    rows = pd.read_csv(first.split, dtype=str, keep_default_na=False)
    rows.loc[rows["split"].eq("test").idxmax(), "split"] = "train"
    rows.to_csv(tmp_path / "leak.csv", index=False)
    with pytest.raises(DataError, match="subject"):
        train(tiny_recipe(split__file=str(tmp_path / "leak.csv")), tmp_path / "c", cache=cache)
    assert not (tmp_path / "c").exists()


def test_unreadable_images_are_left_out_only_when_told(tiny: Path, tiny_recipe, cache: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(tiny, data)
    victim = next(data.rglob("UID_*.bmp"))
    victim.write_bytes(victim.read_bytes()[:500])
    with pytest.raises(DataError, match=victim.name):
        train(tiny_recipe(data__path=str(data)), tmp_path / "a", cache=cache)
    assert not (tmp_path / "a").exists()
    run = train(tiny_recipe(data__path=str(data), data__unreadable="skip", training__epochs=1), tmp_path / "b", cache=cache).run
    assert any(victim.name in line for line in json.loads(run.meaning.read_text())["warnings"])
    assert len(pd.read_csv(run.predictions)) == 74


def test_resume_needs_the_same_recipe(tiny_recipe, cache: Path, tmp_path: Path) -> None:
    out = tmp_path / "r"
    done = train(tiny_recipe(), out, cache=cache).run
    done.mark.unlink()
    with pytest.raises(RunError, match=r"training\.epochs was 4, now 5"):
        train(tiny_recipe(training__epochs=5), out, cache=cache, resume=True)
    with pytest.raises(RunError, match="unfinished run"):
        train(tiny_recipe(), out, cache=cache)
    before = done.predictions.read_bytes()
    train(continued(out), out, cache=cache, resume=True)
    assert done.predictions.read_bytes() == before


def test_a_bad_run_leaves_nothing(tiny_recipe, cache: Path, tmp_path: Path) -> None:
    for settings in (
        {"data__positive": "AML"},
        {"data__path": str(tmp_path / "nowhere")},
        {"model__backbone": "vgg61"},
        {"images__size": 8},
    ):
        with pytest.raises(LeukError) as caught:
            train(tiny_recipe(**settings), tmp_path / "runs" / "x", cache=cache)
        assert caught.value.exit_code == 2
        assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_replacement_that_fails_leaves_the_old_run(tiny_recipe, cache: Path, tmp_path: Path) -> None:
    out = tmp_path / "r"
    train(tiny_recipe(training__epochs=1), out, cache=cache)
    before = {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()}
    (tmp_path / "w.h5").write_bytes(b"no weights")
    for settings in ({"data__path": str(tmp_path / "nowhere")}, {"model__weights": str(tmp_path / "w.h5")}):
        with pytest.raises(LeukError):
            train(tiny_recipe(**settings), out, cache=cache, overwrite=True)
        assert {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()} == before
    with pytest.raises(LeukError, match="does not fit mobilenet"):
        train(tiny_recipe(model__weights=str(tmp_path / "w.h5"), split__strategy="folds"), tmp_path / "new", cache=cache)
    assert not (tmp_path / "new").exists()
    train(tiny_recipe(training__epochs=2), out, cache=cache, overwrite=True)
    assert len(pd.read_csv(out / "history.csv")) == 2


SCRIPT = """
import sys
from pathlib import Path
from keras_leuk.recipe import load
from keras_leuk.training.run import train
train(load(sys.argv[1]), Path(sys.argv[2]), cache=Path(sys.argv[3]), resume=Path(sys.argv[2]).exists(), checkpoint_seconds=0)
"""


@pytest.mark.parametrize(
    ("regime", "epochs", "times"),
    [
        ("frozen", 30, 1),
        pytest.param("frozen", 60, 3, marks=pytest.mark.slow),
        pytest.param("fine-tuned", 8, 3, marks=pytest.mark.slow),
    ],
)
def test_a_run_killed_again_and_again_ends_like_an_undisturbed_one(
    regime: str, epochs: int, times: int, tiny_recipe, cache: Path, tmp_path: Path
) -> None:
    recipe = tiny_recipe(training__epochs=epochs, training__early_stopping={"patience": epochs}, **REGIMES[regime])
    undisturbed = train(recipe, tmp_path / "undisturbed", cache=cache).run
    path, out = tmp_path / "recipe.yaml", tmp_path / "killed"
    path.write_text(resolved_yaml(recipe))
    arguments = [sys.executable, "-c", SCRIPT, str(path), str(out), str(cache)]
    moments, killed = random.Random(0), 0
    state = out / "checkpoint" / "state.npz"
    for _ in range(times):
        before = state.stat().st_mtime_ns if state.exists() else None
        with subprocess.Popen(arguments, stderr=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + 120
            # Not before it has gone beyond where the last one was killed; then at any moment, in a step or in a checkpoint.
            while process.poll() is None and time.monotonic() < deadline:
                if state.exists() and state.stat().st_mtime_ns != before:
                    break
                time.sleep(0.005)
            time.sleep(moments.uniform(0, 0.6))
            process.send_signal(signal.SIGKILL)
        killed += process.returncode == -signal.SIGKILL
    assert killed == times
    assert not RunFolder(out).finished
    subprocess.run(arguments, check=True, capture_output=True)
    assert RunFolder(out).finished
    assert_same(undisturbed.path, out)
    assert not (out / "checkpoint").exists()


MIRRORED = """
import sys
from pathlib import Path
from keras_leuk.devices.start import start
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import keras_leuk.training.single as single
mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
single.strategy = lambda: mirrored
from keras_leuk.recipe import load
from keras_leuk.training.run import train
train(load(sys.argv[1]), Path(sys.argv[2]), cache=Path(sys.argv[3]))
"""


@pytest.mark.slow
def test_two_devices_train_like_one(tiny_recipe, cache: Path, tmp_path: Path) -> None:
    """Two logical CPUs stand in for two GPUs: the loss of each epoch is the same within float32."""
    recipe = tiny_recipe(model__head={"layers": [{"type": "standardize"}]})
    one = train(recipe, tmp_path / "one", cache=cache).run
    (tmp_path / "recipe.yaml").write_text(resolved_yaml(recipe))
    arguments = [str(tmp_path / "recipe.yaml"), str(tmp_path / "two"), str(cache)]
    subprocess.run([sys.executable, "-c", MIRRORED, *arguments], check=True, capture_output=True)
    pd.testing.assert_frame_equal(pd.read_csv(one.history), pd.read_csv(tmp_path / "two" / "history.csv"), rtol=1e-4)
