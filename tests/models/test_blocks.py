from __future__ import annotations

import pytest

from keras_leuk.devices.start import start
from keras_leuk.errors import RecipeError
from keras_leuk.models.blocks import blocks, trained_layers


def names(constructor: str) -> list[str]:
    start()
    import keras

    keras.backend.clear_session()
    build = getattr(keras.applications, constructor)
    return [layer.name for layer in build(include_top=False, weights=None, input_shape=(96, 96, 3)).layers]


@pytest.mark.parametrize(
    ("constructor", "count", "last"),
    [
        # Blocks as the papers count them: Simonyan and Zisserman 2014; He et al. 2015; Howard et al. 2017; Sandler et al. 2018;
        # Szegedy et al. 2015; Chollet 2016; Tan and Le 2019.
        ("VGG16", 5, "block5_conv1"),
        ("ResNet50", 16, "conv5_block3_1_conv"),
        ("MobileNet", 13, "conv_dw_13"),
        ("MobileNetV2", 17, "block_16_expand"),
        ("InceptionV3", 11, None),
        ("Xception", 14, "block14_sepconv1"),
        ("EfficientNetB0", 16, "block7a_expand_conv"),
    ],
)
def test_blocks_are_those_of_the_architecture(constructor: str, count: int, last: str | None) -> None:
    layers = names(constructor)
    numbers = blocks(layers)
    assert max(numbers) == count
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(count + 1))
    trained = layers[len(layers) - trained_layers(layers, "blocks:1") :]
    if last is not None:
        assert trained[0] == last
    assert trained_layers(layers, f"blocks:{count}") < len(layers)
    with pytest.raises(RecipeError, match=f"{count} of the backbone"):
        trained_layers(layers, f"blocks:{count + 1}")


def test_layers_are_counted_from_the_end_or_named() -> None:
    layers = ["input", "block1_conv1", "block1_pool", "block2_conv1", "block2_pool"]
    assert trained_layers(layers, "none") == 0
    assert trained_layers(layers, "all") == 5
    assert trained_layers(layers, 2) == 2
    assert trained_layers(layers, 99) == 5
    assert trained_layers(layers, "from:block1_pool") == 3
    assert trained_layers(layers, "blocks:1") == 2
    with pytest.raises(RecipeError, match="'block2_conv1'"):
        trained_layers(layers, "from:block2_conv")
