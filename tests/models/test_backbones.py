"""Registry facts against Keras itself."""

from __future__ import annotations

import pytest

from keras_leuk.errors import RecipeError
from keras_leuk.models.backbones import BACKBONES, PREPROCESSING, Backbone, _by_name, find

EXPECTED = {
    "mobilenet", "mobilenetv2", "efficientnetb0", "efficientnetb3", "efficientnetv2s", "efficientnetv2m", "vgg16", "vgg19",
    "resnet50", "resnet101", "inceptionv3", "xception", "densenet121",
}  # fmt: skip


def test_the_registry_holds_what_is_promised() -> None:
    assert set(BACKBONES) == EXPECTED


@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=str)
def test_every_record_is_whole(backbone: Backbone) -> None:
    assert backbone.preprocessing in PREPROCESSING
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


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_facts_are_keras_own(name: str) -> None:
    from keras_leuk.devices.start import start

    start()
    import keras

    record = BACKBONES[name]
    keras.backend.clear_session()
    size = record.minimum_size
    body = getattr(keras.applications, record.constructor)(include_top=False, weights=None, input_shape=(size, size, 3))
    assert body.count_params() == record.parameters
    assert body.output_shape[-1] == record.features
    layer = body.get_layer(record.last_convolution)
    assert len(layer.output.shape) == 4
    with pytest.raises(ValueError, match="at least"):
        getattr(keras.applications, record.constructor)(include_top=False, weights=None, input_shape=(size - 1, size - 1, 3))


@pytest.mark.parametrize("name", sorted(EXPECTED))
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
