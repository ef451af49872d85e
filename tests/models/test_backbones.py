"""Registry facts against Keras itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from keras_leuk.errors import RecipeError
from keras_leuk.models.assembly import build, last_feature_map
from keras_leuk.models.backbones import BACKBONES, PREPROCESSING, Backbone, _by_name, find, markdown
from keras_leuk.recipe.model import Head

EXPECTED = {
    "mobilenet", "mobilenetv2", "efficientnetb0", "efficientnetb3", "efficientnetv2s", "efficientnetv2m", "vgg16", "vgg19",
    "resnet50", "resnet101", "inceptionv3", "xception", "densenet121", "resnet18", "resnext50",
}  # fmt: skip
OURS = {"resnet18", "resnext50"}
ROOT = Path(__file__).parents[2]


def test_the_registry_holds_what_is_promised() -> None:
    assert set(BACKBONES) == EXPECTED


@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=str)
def test_every_record_is_whole(backbone: Backbone) -> None:
    assert backbone.preprocessing in PREPROCESSING
    if backbone.name in OURS:
        assert backbone.torch_weights
        assert backbone.weights_file is backbone.weights_url is backbone.weights_md5 is None
    else:
        assert backbone.weights_file is not None
        assert backbone.weights_url is not None
        assert backbone.weights_file.endswith(".h5")
        assert backbone.weights_url.endswith(backbone.weights_file)
    assert 32 <= backbone.minimum_size <= backbone.default_size
    assert backbone.weights_md5 is None or len(backbone.weights_md5) == 32
    assert backbone.description
    assert "arXiv" in backbone.paper


def test_names_are_forgiving_but_not_guessed() -> None:
    assert find("EfficientNet-B3").name == find("efficientnet_b3").name == "efficientnetb3"
    with pytest.raises(RecipeError, match="did you mean 'mobilenet'"):
        find("mobilnet")


def test_two_records_of_one_name_are_refused() -> None:
    record = BACKBONES["vgg16"]
    with pytest.raises(ValueError, match="two backbones"):
        _by_name((record, record))


def test_the_document_is_the_registry() -> None:
    assert (ROOT / "docs" / "backbones.md").read_text(encoding="utf-8") == markdown(), "run: keras-leuk backbones --markdown"


def test_facts_say_whether_keras_has_a_file() -> None:
    assert BACKBONES["vgg16"].facts()["has_imagenet"] is True
    assert BACKBONES["resnet18"].facts()["has_imagenet"] is False
    assert {name for name, record in BACKBONES.items() if not record.has_imagenet} == OURS


@pytest.mark.filterwarnings("ignore:.input_shape. is undefined:UserWarning")  # MobileNet, of a size without weights of its own
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_facts_are_those_of_the_network(name: str) -> None:
    """Of the flat graph at the smallest size; for class maps, its last feature map can be had by name."""
    from keras_leuk.devices.start import start

    start()
    import keras

    record = BACKBONES[name]
    size = record.minimum_size
    classifier = build(record, Head(), size=size, classes=2, seed=0, weights=None)
    layers = classifier.backbone_layers
    assert sum(layer.count_params() for layer in layers) == record.parameters
    assert classifier.trunk.output_shape == (None, record.features)
    names = [layer.name for layer in layers]
    last = last_feature_map(classifier)
    feature_map = classifier.model.get_layer(last).output
    assert len(feature_map.shape) == 4
    assert feature_map.shape[-1] == record.features
    assert classifier.model.get_layer("pooling").input is feature_map
    assert len(classifier.model.get_layer(record.last_convolution).output.shape) == 4
    behind = layers[names.index(record.last_convolution) + 1 :]
    assert not any(isinstance(layer, keras.layers.Conv2D) for layer in behind)
    if name not in OURS:
        with pytest.raises(ValueError, match="at least"):
            getattr(keras.applications, record.constructor)(include_top=False, weights=None, input_shape=(size - 1, size - 1, 3))


@pytest.mark.parametrize("name", sorted(EXPECTED - OURS))
def test_weight_files_and_hashes_are_keras_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Keras would fetch for weights="imagenet", seen at the moment it asks for it."""
    from keras_leuk.devices.start import start

    start()
    import keras
    from keras.src.utils import file_utils

    class AskedError(Exception):
        pass

    def ask(fname: str, origin: str, **settings: object) -> str:
        raise AskedError(fname, origin, settings.get("file_hash"))

    monkeypatch.setattr(file_utils, "get_file", ask)
    record = BACKBONES[name]
    size = record.default_size if name.startswith("mobilenet") else record.minimum_size
    with pytest.raises(AskedError) as caught:
        getattr(keras.applications, record.constructor)(include_top=False, weights="imagenet", input_shape=(size, size, 3))
    assert caught.value.args == (record.weights_file, record.weights_url, record.weights_md5)
