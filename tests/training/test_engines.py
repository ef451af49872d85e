"""The engines of the forward pass: they agree, whatever an image's company, and every backbone passes through each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_leuk.errors import LeukError
from keras_leuk.images.cache import read_picture
from keras_leuk.images.preprocessing import Preparation
from keras_leuk.models.assembly import build
from keras_leuk.models.backbones import BACKBONES
from keras_leuk.models.weights import resolve
from keras_leuk.progress import Recorder
from keras_leuk.recipe import Recipe
from keras_leuk.recipe.model import Head
from keras_leuk.training import engines
from keras_leuk.training.engine_openvino import OpenVinoForward, converted
from keras_leuk.training.engines import engine_facts, make_forward, require, usable
from keras_leuk.training.forward import BATCH, Forward

ALLOWED = 1e-4
"""Relative error of an image's features."""

EXPLODING = ("efficientnetv2m",)
"""With random weights and the first statistics of batch normalisation, features grow from block to block, at full size to 1e6,
and rounding with them: TensorFlow's compiled graph then differs from the same model called as it is by most of its norm."""

QUICK = ("mobilenet", "vgg16", "resnet18")
"""Separable and plain convolutions, and a preprocessing of each kind; the others take a minute together (mark slow)."""


def trunk(name: str, size: int | None = None, pooling: str = "avg") -> Any:
    record = BACKBONES[name]
    side = size or record.minimum_size
    return build(record, Head(pooling=pooling), size=side, classes=2, seed=0, weights=resolve("random", record)).trunk


def pictures(count: int, size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), np.uint8)


def relative_errors(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Of each image: norm of the difference over the norm, in double precision, because features of random weights are tiny."""
    found, expected = (rows.reshape(len(rows), -1).astype(np.float64) for rows in (found, expected))
    assert (np.linalg.norm(expected, axis=1) > 0).all()
    return np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)


@pytest.fixture(scope="module")
def small() -> Any:
    return trunk("mobilenet")


@pytest.fixture(scope="module")
def by_openvino(small: Any) -> OpenVinoForward:
    return OpenVinoForward(small)


def largest_error(model: Any, engine: str, rows: np.ndarray | None = None) -> float:
    """Of an engine's features, against those of the Keras model called as it is."""
    rows = pictures(4, model.input.shape[1]) if rows is None else rows
    plain = np.asarray(model(rows.astype(np.float32), training=False))
    return float(relative_errors(make_forward(model, engine)(rows), plain).max())


def normalized(model: Any, rows: np.ndarray) -> None:
    """Gives batch normalisation the statistics of these pictures, as training would."""
    import keras

    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum, layer.trainable = 0.0, True
    model(rows.astype(np.float32), training=True)


@pytest.mark.parametrize("name", QUICK)
def test_openvinos_features_are_kerass(name: str) -> None:
    assert largest_error(trunk(name), "openvino") <= ALLOWED


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(BACKBONES) - set(QUICK)))
def test_openvinos_features_are_kerass_with_every_other_backbone(name: str) -> None:
    assert largest_error(trunk(name), "openvino") <= ALLOWED


@pytest.mark.product
@pytest.mark.parametrize("name", sorted(BACKBONES))
def test_openvinos_features_are_kerass_at_full_size(name: str) -> None:
    model = trunk(name, BACKBONES[name].default_size)
    if name in EXPLODING:
        normalized(model, pictures(4, model.input.shape[1]))
    assert largest_error(model, "openvino") <= ALLOWED


@pytest.mark.real
@pytest.mark.parametrize("name", ["mobilenet", "vgg16"])
def test_openvinos_features_of_real_cells_by_real_weights_are_kerass(name: str, imagenet: Path, cnmc_sample: Path) -> None:
    record, files = BACKBONES[name], sorted(cnmc_sample.rglob("*.bmp"))[::80]
    weights = resolve("imagenet", record, weights_dir=str(imagenet))
    model = build(record, Head(), size=64, classes=2, seed=0, weights=weights).trunk
    cells = np.stack([read_picture(file, Preparation(64))[1] for file in files])
    assert len(cells) >= 8
    assert largest_error(model, "openvino", cells) <= ALLOWED


def test_a_feature_map_that_is_flattened_agrees_too() -> None:
    assert largest_error(trunk("vgg16", 64, "flatten"), "openvino") <= ALLOWED


def test_xlas_features_are_kerass(small: Any) -> None:
    assert largest_error(small, "xla") <= ALLOWED


def test_an_image_has_the_same_bits_in_any_company(by_openvino: OpenVinoForward) -> None:
    count = 2 * BATCH + 7
    rows = pictures(count, 32)
    together = by_openvino.all(rows, np.arange(count))
    assert together.shape == (count, 1024)
    assert together.dtype == np.float32
    order = np.random.default_rng(1).permutation(count)
    np.testing.assert_array_equal(by_openvino.all(rows, order), together[order])
    np.testing.assert_array_equal(by_openvino.all(rows, np.array([5, 5, 40])), together[[5, 5, 40]])
    for number in (0, 3, 40, count - 1):
        np.testing.assert_array_equal(by_openvino(rows[number : number + 1])[0], together[number])


@pytest.mark.parametrize("streams", [1, 3])
def test_an_image_has_the_same_bits_in_any_number_of_streams(streams: int, small: Any, by_openvino: OpenVinoForward) -> None:
    rows = pictures(21, 32)
    np.testing.assert_array_equal(OpenVinoForward(small, streams=streams)(rows), by_openvino(rows))


def test_blocks_are_whole_batches_and_a_remainder(small: Any, by_openvino: OpenVinoForward) -> None:
    rows = pictures(BATCH + 5, 32)
    for forward in (by_openvino, Forward(small)):
        assert [len(block) for block in forward.blocks(rows, np.arange(len(rows)))] == [BATCH, 5]
        assert list(forward.blocks(rows, np.arange(0))) == []
        assert forward.all(rows, np.arange(0)).shape == (0, 1024)


def test_whoever_stops_early_leaves_the_pass_in_order(by_openvino: OpenVinoForward) -> None:
    rows = pictures(3 * BATCH, 32)
    expected = by_openvino(rows[:BATCH])
    for block in by_openvino.blocks(rows, np.arange(len(rows))):
        np.testing.assert_array_equal(block, expected)
        break
    np.testing.assert_array_equal(by_openvino(rows[:BATCH]), expected)


def test_what_reading_raises_is_heard(by_openvino: OpenVinoForward, small: Any) -> None:
    rows = pictures(BATCH, 32)
    for forward in (by_openvino, Forward(small)):
        with pytest.raises(IndexError):
            list(forward.blocks(rows, np.array([0, BATCH + 1])))


def test_openvino_computes_in_float32_and_takes_bytes(small: Any) -> None:
    model = converted(small)
    assert [str(port.get_element_type()) for port in model.inputs] == ["<Type: 'uint8_t'>"]
    assert [str(port.get_element_type()) for port in model.outputs] == ["<Type: 'float32'>"]
    kinds = {node.get_output_element_type(0).get_type_name() for node in model.get_ops() if node.get_type_name() == "Constant"}
    assert "f32" in kinds
    assert not kinds & {"f16", "bf16"}


def test_what_openvino_cannot_take_is_one_line(monkeypatch: pytest.MonkeyPatch, small: Any) -> None:
    monkeypatch.setattr("keras_leuk.training.engine_openvino._traced", lambda model, dtype, count: (b"no graph", "nothing"))
    with pytest.raises(LeukError, match=r"OpenVINO cannot take trunk: .*use --engine tensorflow") as raised:
        converted(small)
    assert "\n" not in str(raised.value)


def test_an_engine_that_is_not_installed_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "openvino_version", lambda: None)
    with pytest.raises(LeukError, match=r"pip install 'keras-leuk\[openvino\]'"):
        require("openvino")
    heard = Recorder()
    assert usable("openvino", heard) == "tensorflow"
    assert "last digits" in heard.warnings[0]
    assert usable("xla", heard) == "xla"
    assert len(heard.warnings) == 1


def test_an_engine_is_part_of_an_address_but_for_the_first_one() -> None:
    assert engine_facts("tensorflow") == {}
    assert engine_facts("xla") == {"engine": {"name": "xla"}}
    assert engine_facts("openvino")["engine"]["version"] == engines.openvino_version()


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"model__engine": "openvino", "model__fine_tune": "all"}, "model.engine"),
        ({"model__engine": "xla", "training__mixed_precision": "bfloat16"}, "model.engine"),
        ({"model__features_dtype": "float16", "model__fine_tune": "all"}, "model.features_dtype"),
    ],
)
def test_what_does_not_go_together_is_one_line(settings: dict[str, str], key: str, tiny_recipe: Callable[..., Recipe]) -> None:
    from keras_leuk.errors import RecipeError
    from keras_leuk.training.preflight import check

    with pytest.raises(RecipeError, match="valid: ") as raised:
        check(tiny_recipe(**settings))
    assert raised.value.key == key
