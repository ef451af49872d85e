"""A whole measurement, as small as it can be."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_leuk.bench import networks, run
from keras_leuk.bench.heads import MODEL_FIT
from keras_leuk.bench.networks import NOTEBOOK
from keras_leuk.bench.passes import batches, openvino_alone, tensorflow_alone
from keras_leuk.bench.pictures import SIDE, files, generated
from keras_leuk.bench.request import Request
from keras_leuk.bench.run import bench, least
from keras_leuk.bench.turns import OURS
from keras_leuk.errors import LeukError, UsageError
from keras_leuk.images.decode import decode, pixel_hash
from keras_leuk.models.assembly import Classifier
from keras_leuk.models.backbones import BACKBONES, Backbone
from keras_leuk.progress import Progress, Recorder
from keras_leuk.reporting.bench import write_bench


def tiny_network(backbone: Backbone, size: int, fine_tune: str) -> Classifier:
    """One convolution in the place of a backbone, so that compiling takes no time."""
    import keras

    keras.utils.set_random_seed(0)
    inputs, features = keras.Input((size, size, 3)), keras.Input((8,))
    tensor = keras.layers.Conv2D(8, 8, strides=8, activation="relu")(keras.layers.Rescaling(1 / 255)(inputs))
    tensor = keras.layers.GlobalAveragePooling2D()(tensor)
    output = keras.layers.Dense(2, activation="softmax")
    return Classifier(
        keras.Model(inputs, output(tensor)), keras.Model(inputs, tensor), keras.Model(features, output(features)), ()
    )


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All stages, a batch a turn."""
    folder = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "network", tiny_network)
        patch.setattr(run, "MOST", 64)
        patch.setattr(run, "FEW_ROWS", 64)
        patch.setattr(run, "HEAD_SECONDS", 1e9)
        patch.setattr(run, "least", lambda *_: 0.0)  # on a busy machine, too
        patch.setattr("keras_leuk.bench.turns.REPEATS", 2)
        patch.setattr("keras_leuk.bench.pictures.MOST", 32)
        patch.setattr(tempfile, "tempdir", str(folder))
        recorder = Recorder()
        request = Request(("vgg16",), image_size=32, engine="tensorflow", seconds=600)
        found = bench(request, command=["keras-leuk", "bench"], progress=recorder)
    assert list(folder.glob("keras-leuk-bench-*")) == []  # everything temporary of ours is gone
    assert recorder.lines[-1] == "measuring fine-tune vgg16"
    return found


def test_every_stage_has_a_speed_and_a_share(measured: dict[str, Any], tmp_path: Path) -> None:
    assert [stage["stage"] for stage in measured["stages"]] == list(run.STAGES)
    for stage in measured["stages"]:
        own, bare = stage["ways"][OURS], stage["ways"][stage["ceiling"]]
        assert stage["ceiling"] not in (OURS, NOTEBOOK, MODEL_FIT)
        assert 1 <= stage["repeats"] <= 2
        assert len(own["turns"]) == len(bare["turns"]) == stage["repeats"]
        assert 0 < own["low"] <= own["value"] <= own["high"]
        assert stage["share"]["turns"] == pytest.approx(np.divide(own["turns"], bare["turns"]))
        assert own["cores_busy"] > 0
        assert stage["images"] >= 32
    assert measured["not_measured"] == []
    assert measured["projection"]["networks"] == {"vgg16": "projected", "resnet50": "projected"}
    write_bench(measured, tmp_path)
    assert "fine-tune, vgg16" in (tmp_path / "bench.md").read_text()


def test_ceilings_are_what_the_page_says(measured: dict[str, Any]) -> None:
    ways = {stage["stage"]: set(stage["ways"]) - {OURS} for stage in measured["stages"]}
    assert ways["decode"] == {"OpenCV, averaging", "OpenCV, bilinear"}
    assert ways["augment"] == {"OpenCV's warpAffine"}
    assert NOTEBOOK in ways["extract"]
    assert ways["head"] == {"a compiled loop", MODEL_FIT}
    assert ways["fine-tune"] == {"Model.fit on tensors"}


@pytest.mark.parametrize("xla", [False, True])
def test_the_bare_pass_of_tensorflow_takes_so_many_images(xla: bool) -> None:
    trunk = tiny_network(BACKBONES["vgg16"], 32, "none").trunk
    span = tensorflow_alone(trunk, np.zeros((40, 32, 32, 3), np.uint8), xla)(96)
    assert span.images == 96
    assert span.seconds > 0


def test_the_bare_pass_of_openvino_takes_so_many_images() -> None:
    trunk = tiny_network(BACKBONES["vgg16"], 32, "none").trunk
    span = openvino_alone(trunk, np.zeros((40, 32, 32, 3), np.uint8), 1)(96)
    assert span.images == 96
    assert span.seconds > 0


@given(number=st.integers(1, 40), size=st.integers(1, 40))
def test_batches_have_one_size_and_hold_every_picture(number: int, size: int) -> None:
    held = batches(np.arange(number), size)
    assert {len(batch) for batch in held} == {size}
    assert set(np.concatenate(held)) == set(range(number))


@pytest.mark.slow
def test_a_real_network_is_measured_within_its_seconds(tmp_path: Path) -> None:
    began = time.perf_counter()
    found = bench(Request(("mobilenet",), image_size=32, seconds=60))
    assert time.perf_counter() - began < 90
    assert {stage["stage"] for stage in found["stages"]} >= {"decode", "augment", "extract", "head"}


def test_generated_bitmaps_differ_and_are_those_of_cnmc(tmp_path: Path) -> None:
    paths = generated(tmp_path, 16, Progress())
    pictures = [decode(path.read_bytes(), path) for path in paths]
    assert len({pixel_hash(picture) for picture in pictures}) == 16
    assert {picture.shape for picture in pictures} == {(SIDE, SIDE, 3)}


def test_ones_own_images_are_taken_from_all_over_the_table(tiny: Path, tmp_path: Path) -> None:
    found = files(str(tiny), 2.0, tmp_path, Progress())
    assert len(found.paths) == 32
    assert "32 of 75 images" in found.words
    assert "48×48" in found.words
    assert len({path.parent for path in found.paths}) > 2
    assert all(path.is_file() for path in found.paths)


def test_what_a_stage_needs_grows_with_size_and_machine() -> None:
    assert least("fine-tune", "vgg16", 224, 1.0) > least("extract", "vgg16", 224, 1.0) > least("extract", "vgg16", 112, 1.0)
    assert least("fine-tune", "vgg16", 224, 2.0) > 1.5 * least("fine-tune", "vgg16", 224, 1.0)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"backbones": ("mobilnet",)}, "did you mean 'mobilenet'"),
        ({"backbones": ("vgg16", "vgg16")}, "twice"),
        ({"image_size": 8}, "is below the 32 pixels"),
        ({"seconds": 0.5}, "give 2 or more"),
        ({"engine": "onnx"}, "model.engine"),
    ],
)
def test_what_cannot_be_meant_costs_one_line(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Request(**asked)


def test_data_that_cannot_be_read_cost_one_line(tmp_path: Path) -> None:
    with pytest.raises(LeukError, match="nowhere"):
        files(str(tmp_path / "nowhere"), 2.0, tmp_path, Progress())
