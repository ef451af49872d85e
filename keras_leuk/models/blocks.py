"""The blocks of a backbone, and which of its layers are trained.

Keras names the layers of a block alike (``block5_conv1``, ``conv4_block6_2_conv``, ``block_16_expand``); Inception's blocks end
where their branches meet (``mixed7``). Layers without a block's name belong to the block before them, those before the first
block to the stem (block 0).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from keras_leuk.errors import RecipeError

_NAMED = (
    re.compile(r"^(block_?\d+[a-z]?)_"),  # VGG, Xception, MobileNetV2, EfficientNet
    re.compile(r"^(conv\d_block\d+)_"),  # ResNet, DenseNet
    re.compile(r"^(layer\d_\d+)_"),  # our own ResNets, after torchvision
    re.compile(r"^(expanded_conv)_"),  # MobileNetV2's first
)
_MOBILENET = re.compile(r"^conv_(?:dw|pw|pad)_(\d+)")
_MEETING = re.compile(r"^mixed\d+$")


def blocks(names: Sequence[str]) -> list[int]:
    """Number of the block of each layer, 0 for the stem.

    Args:
        names: of all layers of a backbone, in graph order.
    """
    found: list[int] = []
    number, current = 0, ""
    meets = False
    for name in names:
        block = _block(name)
        if block is not None and block != current:
            number, current = number + 1, block
        elif meets:
            number += 1
        found.append(number)
        meets = bool(_MEETING.match(name)) and name != _last_meeting(names)
        if _first_branch(name, names):
            # Inception's first block begins behind the second pooling; its layers have no names of their own.
            meets = True
    return found


def _block(name: str) -> str | None:
    for pattern in _NAMED:
        match = pattern.match(name)
        if match:
            return match[1]
    match = _MOBILENET.match(name)
    return match and f"conv_{match[1]}"


def _last_meeting(names: Sequence[str]) -> str | None:
    return next((name for name in reversed(names) if _MEETING.match(name)), None)


def _first_branch(name: str, names: Sequence[str]) -> bool:
    if not any(_MEETING.match(other) for other in names):
        return False
    poolings = [other for other in names if other.startswith("max_pooling2d")]
    return len(poolings) > 1 and name == poolings[1]


def trained_layers(names: Sequence[str], fine_tune: str | int) -> int:
    """How many of the last layers of a backbone are trained.

    Args:
        names: of all layers, in graph order.
        fine_tune: ``none``, ``all``, a number of layers, ``blocks:N`` or ``from:LAYER``.

    Raises:
        RecipeError: there is no such layer, or there are fewer blocks.
    """
    if fine_tune == "none":
        return 0
    if fine_tune == "all":
        return len(names)
    if isinstance(fine_tune, int):
        return min(fine_tune, len(names))
    kind, _, wanted = fine_tune.partition(":")
    if kind == "from":
        if wanted not in names:
            raise RecipeError("model.fine_tune", fine_tune, "names a layer that the backbone does not have", names)
        return len(names) - list(names).index(wanted)
    numbers = blocks(names)
    if int(wanted) > max(numbers):
        raise RecipeError("model.fine_tune", fine_tune, f"wants more blocks than the {max(numbers)} of the backbone")
    first = max(numbers) - int(wanted) + 1
    return len(names) - numbers.index(first)
