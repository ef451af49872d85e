"""The flat graph against Keras' own models and preprocessing."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from keras_leuk.devices.start import start
from keras_leuk.errors import WeightsError
from keras_leuk.models.assembly import build, needs_statistics, rescaling, standardize
from keras_leuk.models.backbones import BACKBONES, PREPROCESSING
from keras_leuk.models.weights import Weights, resolve
from keras_leuk.recipe.model import Dense, Dropout, Head, Output, Regularizer, Standardize
from keras_leuk.store.address import address
from keras_leuk.training import features

# Noise, and a dark bluish ramp: as different as two pictures can be, so that features that ignore the picture are noticed.
PICTURES = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3)).astype(np.float32)
PICTURES[1] = np.linspace(0, 1, 96)[:, None, None] * np.array([30, 10, 220], np.float32)
# One of each preprocessing and of each family with peculiarities of its own.
KINDS = ["mobilenet", "efficientnetb0", "efficientnetv2s", "vgg16", "resnet50", "densenet121", "inceptionv3"]


def _module(name: str):
    import keras

    modules = {"efficientnetb": "efficientnet", "efficientnetv2": "efficientnet_v2", "vgg16": "vgg16", "resnet": "resnet"}
    modules |= {"densenet": "densenet", "mobilenet": "mobilenet", "inceptionv3": "inception_v3"}
    return getattr(keras.applications, next(m for start_, m in modules.items() if name.startswith(start_)))


def _random(name: str, seed: int = 0) -> Weights:
    return resolve("random", BACKBONES[name], seed=seed)


def _legacy_file(model, path: Path) -> Path:
    """Weights in the layout of Keras' own ImageNet files, none of them at its default.

    The moving statistics of the batch normalisation are those of random pictures: with fresh ones the signal dies on its way
    through a deep network, and whatever is done to the input, the features stay the same.
    """
    import keras
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    rng = np.random.default_rng(5)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.set_weights([rng.uniform(0.1, 0.3, w.shape).astype(w.dtype) for w in layer.get_weights()])
            layer.finalize_state()
        elif isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
            scales = [v for v in (layer.gamma, layer.beta) if v is not None]
            for variable in scales:
                variable.assign(np.asarray(variable) + rng.uniform(-0.1, 0.1, variable.shape))
    model(rng.integers(0, 256, (8, *model.input.shape[1:])).astype(np.float32), training=True)
    with h5py.File(path, "w") as file:
        save_weights_to_hdf5_group(file, model)
    return path


@pytest.mark.filterwarnings("ignore:.input_shape. is undefined:UserWarning")  # MobileNet, of a size without weights of its own
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(kind, marks=pytest.mark.slow) if kind in ("densenet121", "efficientnetv2s", "inceptionv3") else kind
        for kind in KINDS
    ],
)
def test_a_weight_file_gives_keras_own_features(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras' constructor with weights="imagenet" and our graph, fed from one file: the same features.

    This is also the load test that Keras 3.11 fails for EfficientNet (keras-team/keras#21529).
    """
    start()
    import keras
    from keras.src.utils import file_utils

    record = BACKBONES[name]
    constructor = getattr(keras.applications, record.constructor)
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    file = _legacy_file(constructor(include_top=False, weights=None, input_shape=(96, 96, 3)), tmp_path / record.weights_file)
    monkeypatch.setattr(file_utils, "get_file", lambda *a, **k: str(file))
    theirs = constructor(include_top=False, weights="imagenet", input_shape=(96, 96, 3), pooling="avg")
    expected = theirs(_module(name).preprocess_input(PICTURES.copy()), training=False).numpy()
    ours = build(record, Head(), size=96, classes=2, seed=0, weights=resolve("imagenet", record, weights_dir=str(tmp_path)))
    found = ours.trunk(PICTURES, training=False).numpy()
    between = np.ptp(expected, axis=0).max()
    assert between > 0.01 * np.abs(expected).max(), "the features must depend on the picture, or nothing is tested"
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-3 * between)


def test_the_scale_that_goes_with_a_name_is_part_of_the_address(tmp_path: Path) -> None:
    """The same bytes under Keras' own name and under another give other features, so they need other addresses."""
    record = BACKBONES["efficientnetb0"]
    start()
    import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    body = keras.applications.EfficientNetB0(include_top=False, weights=None, input_shape=(64, 64, 3))
    own = _legacy_file(body, tmp_path / record.weights_file)
    (tmp_path / "other.h5").write_bytes(own.read_bytes())
    found, addresses = [], set()
    for file in (own, tmp_path / "other.h5"):
        weights = resolve(str(file), record)
        classifier = build(record, Head(), size=64, classes=2, seed=0, weights=weights)
        found.append(classifier.trunk(PICTURES[:, :64, :64], training=False).numpy())
        addresses.add(address(features.facts(record, weights, "avg", "off", "images")))
    assert np.abs(found[0] - found[1]).max() > 0.05 * np.ptp(found[0], axis=0).max()
    assert len(addresses) == 2


@pytest.mark.parametrize("name", ["vgg16", "densenet121", "mobilenet"])
def test_preprocessing_in_the_graph_is_keras_own(name: str) -> None:
    start()
    import keras

    classifier = build(BACKBONES[name], Head(), size=96, classes=2, seed=0, weights=_random(name))
    entry = classifier.backbone_layers[0]
    fed = keras.Model(classifier.model.input, entry.input)(PICTURES).numpy()
    np.testing.assert_allclose(fed, _module(name).preprocess_input(PICTURES.copy()), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "rescale", "factor"),
    [
        ("vgg16", "1/255", 1 / 255),
        ("vgg16", "none", 1.0),
        ("mobilenet", "1/255", 1 / 255),
        ("mobilenet", "none", 1.0),
        ("densenet121", "1/255", 1 / 255),
        ("efficientnetb0", "1/255", 1 / 255),
        ("efficientnetb0", "none", 1.0),
        ("efficientnetb0", "backbone", 1.0),
        ("efficientnetb0", "1/255+backbone", 1 / 255),
    ],
)
def test_a_rescale_policy_takes_the_place_of_the_backbones_own(name: str, rescale: str, factor: float) -> None:
    """What the backbone's first layer is fed. One that holds its preprocessing is fed 0..1 all the same."""
    start()
    import keras

    classifier = build(BACKBONES[name], Head(), size=96, classes=2, seed=0, weights=None, rescale=rescale)
    fed = keras.Model(classifier.model.input, classifier.backbone_layers[0].input)(PICTURES).numpy()
    np.testing.assert_allclose(fed, PICTURES * factor, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", ["vgg16", "densenet121", "mobilenet"])
def test_a_backbone_can_be_fed_its_own_preprocessing_of_0_to_1(name: str) -> None:
    """The mistake that a backbone with its preprocessing inside makes easy, staged with any other."""
    start()
    import keras

    classifier = build(BACKBONES[name], Head(), size=96, classes=2, seed=0, weights=None, rescale="1/255+backbone")
    fed = keras.Model(classifier.model.input, classifier.backbone_layers[0].input)(PICTURES).numpy()
    np.testing.assert_allclose(fed, _module(name).preprocess_input(PICTURES / np.float32(255)), rtol=1e-5, atol=1e-4)
    if name == "mobilenet":
        assert fed.max() - fed.min() < 0.01


def test_the_rescale_policy_is_part_of_the_address_and_has_words() -> None:
    record = BACKBONES["efficientnetb0"]
    policies = ("backbone", "1/255", "none", "1/255+backbone")
    found = [features.facts(record, _random("efficientnetb0"), "avg", "off", "images", policy) for policy in policies]
    assert len({address(facts) for facts in found}) == 4
    assert features.facts(record, _random("efficientnetb0"), "avg", "off", "images") == found[0]
    assert rescaling(record, "1/255") == "x / 255; then the backbone's own"
    assert rescaling(BACKBONES["mobilenet"], "none") == "as it is (0..255)"
    assert rescaling(BACKBONES["mobilenet"], "backbone") == PREPROCESSING["tf"]
    assert rescaling(record, "1/255+backbone") == rescaling(record, "1/255")
    assert rescaling(BACKBONES["mobilenet"], "1/255+backbone") == f"x / 255; then, as if that were 0..255: {PREPROCESSING['tf']}"


def test_the_graph_is_flat_and_every_record_names_a_layer_of_it() -> None:
    for name in ("mobilenet", "inceptionv3", "efficientnetb0"):
        record = BACKBONES[name]
        classifier = build(record, Head(), size=96, classes=3, seed=0, weights=_random(name))
        assert classifier.model.get_layer(record.last_convolution).output.shape[-1] > 0
        assert not any(hasattr(layer, "layers") for layer in classifier.model.layers)
        assert classifier.model.output_shape == (None, 3)


@pytest.mark.parametrize(("pooling", "shape"), [("avg", (1024,)), ("max", (1024,)), ("flatten", (3, 3, 1024))])
def test_trunk_and_head_together_are_the_model(pooling: str, shape: tuple[int, ...]) -> None:
    head = Head(pooling=pooling, layers=(Dense(units=5, kernel_regularizer=Regularizer(l2=0.01)), Dropout(rate=0.5)))  # type: ignore[arg-type]
    classifier = build(BACKBONES["mobilenet"], head, size=96, classes=2, seed=0, weights=_random("mobilenet"))
    features = classifier.trunk(PICTURES, training=False)
    assert tuple(features.shape[1:]) == shape
    whole = classifier.model(PICTURES, training=False).numpy()
    np.testing.assert_allclose(classifier.head(features, training=False).numpy(), whole, atol=1e-6)
    assert len(classifier.head.losses) == 1


def test_the_same_seeds_build_the_same_network() -> None:
    def first(seed: int, weights_seed: int) -> list[np.ndarray]:
        classifier = build(
            BACKBONES["mobilenet"], Head(), size=64, classes=2, seed=seed, weights=_random("mobilenet", weights_seed)
        )
        return classifier.model.get_weights()

    a, b, other_head, other_body = first(1, 0), first(1, 0), first(2, 0), first(1, 1)
    assert all((x == y).all() for x, y in zip(a, b, strict=True))
    assert (a[0] == other_head[0]).all()
    assert not (a[-2] == other_head[-2]).all()
    assert not (a[0] == other_body[0]).all()
    assert (a[-2] == other_body[-2]).all()


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_mixed_precision_ends_in_float32(precision: str) -> None:
    import keras

    classifier = build(
        BACKBONES["mobilenet"], Head(), size=64, classes=2, seed=0, weights=_random("mobilenet"), mixed_precision=precision
    )
    assert classifier.model.output.dtype == "float32"
    assert classifier.trunk.output.dtype == "float32"
    assert classifier.model.get_layer("conv_pw_13").compute_dtype == precision
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(("fine_tune", "trained"), [("none", 0), ("all", 85), (10, 10), (10_000, 85)])
def test_fine_tuning_trains_the_last_layers(fine_tune: str | int, trained: int) -> None:
    import keras

    settings = {"size": 64, "classes": 2, "seed": 0, "weights": _random("mobilenet"), "fine_tune": fine_tune}
    classifier = build(BACKBONES["mobilenet"], Head(), **settings, batch_norm="train")
    flags = [layer.trainable for layer in classifier.backbone_layers]
    assert len(flags) == 85
    assert flags == [False] * (85 - trained) + [True] * trained
    # Without being told otherwise, batch normalisation stays as it is.
    kept = build(BACKBONES["mobilenet"], Head(), **settings).backbone_layers
    norms = [isinstance(layer, keras.layers.BatchNormalization) for layer in kept]
    assert [layer.trainable for layer in kept] == [flag and not norm for flag, norm in zip(flags, norms, strict=True)]
    assert classifier.head.trainable_variables


def test_standardize_takes_given_statistics() -> None:
    head = Head(layers=(Standardize(),), output=Output())
    assert needs_statistics(head)
    classifier = build(BACKBONES["mobilenet"], head, size=64, classes=2, seed=0, weights=_random("mobilenet"))
    mean, variance = np.linspace(-1, 1, 1024), np.linspace(0.5, 2, 1024)
    standardize(classifier, mean, variance)
    import keras

    layer = classifier.head.get_layer("standardize_0")
    row = np.random.default_rng(0).normal(size=(3, 1024)).astype(np.float32)
    found = keras.ops.convert_to_numpy(layer(row))
    np.testing.assert_allclose(found, (row - mean) / np.sqrt(variance), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("content", ["text", "other"])
def test_a_file_of_another_model_is_one_line(content: str, tmp_path: Path) -> None:
    start()
    import keras

    path = tmp_path / "some.h5"
    if content == "text":
        path.write_bytes(b"no weights at all")
    else:
        keras.backend.clear_session()
        body = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(64, 64, 3))
        _legacy_file(body, path)
    record = BACKBONES["mobilenet"]
    with pytest.raises(WeightsError, match="does not fit mobilenet") as caught:
        build(record, Head(), size=64, classes=2, seed=0, weights=resolve(str(path), record))
    assert "\n" not in str(caught.value)


@pytest.mark.real
def test_real_imagenet_weights_give_keras_own_features(imagenet: Path) -> None:
    start()
    import keras

    for name, module in (
        ("mobilenet", "mobilenet"),
        ("mobilenetv2", "mobilenet_v2"),
        ("vgg16", "vgg16"),
        ("xception", "xception"),
    ):
        record = BACKBONES[name]
        weights = resolve("imagenet", record, weights_dir=str(imagenet))
        keras.backend.clear_session()
        theirs = getattr(keras.applications, record.constructor)(
            include_top=False, weights=str(weights.path), input_shape=(96, 96, 3), pooling="avg"
        )
        expected = theirs(getattr(keras.applications, module).preprocess_input(PICTURES.copy()), training=False).numpy()
        ours = build(record, Head(), size=96, classes=2, seed=0, weights=weights)
        np.testing.assert_allclose(ours.trunk(PICTURES, training=False).numpy(), expected, rtol=1e-3, atol=1e-4)
