"""A resolved recipe as sentences of a methods section: how pictures were prepared, and the network.

Keys are those of ``keras-leuk recipes show default --resolved``; what training did is told by `replication_training`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras_leuk.reporting.replication_references import backbone_key, cited

Tree = Mapping[str, Any]

NETWORKS = {
    "vgg16": "VGG16",
    "vgg19": "VGG19",
    "resnet18": "ResNet-18",
    "resnet50": "ResNet-50",
    "resnet101": "ResNet-101",
    "resnext50": "ResNeXt-50",
    "inceptionv3": "Inception v3",
    "xception": "Xception",
    "densenet121": "DenseNet-121",
    "mobilenet": "MobileNet",
    "mobilenetv2": "MobileNetV2",
    "efficientnetb0": "EfficientNet B0",
    "efficientnetb3": "EfficientNet B3",
    "efficientnetv2s": "EfficientNetV2 S",
    "efficientnetv2m": "EfficientNetV2 M",
}


@dataclass(frozen=True)
class Told:
    """A recipe and what its runs took in its place.

    Attributes:
        tree: the recipe as nested sections.
        varied: dotted key → every value that the runs took, where there are several or another than the recipe's.
        head: layers of the head; None where only its name is known.
        watched: whether the side that early stopping looks at has images.
    """

    tree: Tree
    varied: Mapping[str, Sequence[Any]]
    head: Tree | None
    watched: bool = True

    def get(self, key: str, otherwise: Any = None) -> Any:
        """The recipe's value of a dotted key."""
        value: Any = self.tree
        for part in key.split("."):
            if not isinstance(value, Mapping) or part not in value:
                return otherwise
            value = value[part]
        return otherwise if value is None else value

    def values(self, key: str) -> list[Any]:
        """Every value that the runs took of a key."""
        return list(self.varied[key]) if key in self.varied else [value for value in [self.get(key)] if value is not None]


def nested(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted keys as sections within sections: ``{"a.b": 1}`` is ``{"a": {"b": 1}}``."""
    tree: dict[str, Any] = {}
    for key, value in keys.items():
        *sections, leaf = key.split(".")
        place = tree
        for name in sections:
            below = place.get(name)
            place[name] = below if isinstance(below, dict) else {}
            place = place[name]
        place[leaf] = value
    return tree


def listed(words: Sequence[Any]) -> str:
    """``a, b and c``."""
    texts = [str(word) for word in words]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}" if texts else ""


def preparation(told: Told) -> str:
    """How pictures became the network's input."""
    crop, contrast = told.get("images.crop", "none"), told.get("images.contrast", "none")
    steps = [] if crop == "none" else [f"cropped ({crop})"]
    steps += [] if contrast == "none" else [f"changed in contrast ({contrast})"]
    sizes = told.values("images.size")
    square = f"{listed([f'{size} by {size}' for size in sizes])} pixels" if sizes else "each network's own input size"
    steps.append(f"resized to {square} ({told.get('images.interpolation', 'bilinear')} interpolation)")
    steps.append(_RESCALE.get(str(told.get("images.rescale", "backbone")), f"rescaled ({told.get('images.rescale')})"))
    return f"Images were {listed(steps)}."


_RESCALE = {
    "backbone": "prepared as each network's own preprocessing asks",
    "1/255": "scaled to the range 0 to 1 in place of the networks' own preprocessing",
    "none": "fed as they are, 0 to 255, without the networks' own preprocessing",
    "1/255+backbone": "scaled to 0 to 1 and then prepared as each network's own preprocessing asks, which expects 0 to 255",
}


def network(told: Told, weights: Mapping[str, Sequence[str]]) -> str:
    """Backbones, first weights, head.

    Args:
        weights: backbone → kinds of first weights that its runs had (imagenet, random, file).
    """
    if told.get("model.features") == "hand":
        return f"Hand-made features of each cell went into the head {told.get('model.head')}."
    names = [str(name) for name in told.values("model.backbone")]
    known = {name: [_WEIGHTS.get(kind, kind) for kind in weights.get(name, ())] for name in names}
    kinds = {name: listed(words) or "weights that no run recorded" for name, words in known.items()}
    spelt = {name: f"{NETWORKS.get(name, name)}{cited([backbone_key(name)])}" for name in names}
    source = cited(["deng2009"]) if any("imagenet" in found for found in weights.values()) else ""
    trained = _fine_tuned(told.get("model.fine_tune", "none"))
    if len(set(kinds.values())) == 1:
        each = " each" if len(names) > 1 else ""
        return f"{listed(list(spelt.values()))} began{each} from {kinds[names[0]]}{source} and {trained}. {_head(told)}"
    pairs = [f"{spelt[name]} from {kinds[name]}" for name in names]
    return f"The networks began from different weights: {listed(pairs)}{source}. Each {trained}. {_head(told)}"


_WEIGHTS = {"imagenet": "ImageNet weights", "random": "random weights", "file": "weights of a file"}


def _fine_tuned(value: Any) -> str:
    text = str(value)
    if text == "none":
        return "stayed frozen, so that only the head was trained"
    if text == "all":
        return "was trained as a whole together with the head"
    if text.startswith("blocks:"):
        return f"was trained in its last {text.removeprefix('blocks:')} blocks together with the head"
    if text.startswith("from:"):
        return f"was trained from layer {text.removeprefix('from:')} on together with the head"
    return f"was trained in its last {text} layers together with the head"


def _head(told: Told) -> str:
    named = told.values("model.head")
    if told.head is None or len(named) > 1:
        heads = [name if isinstance(name, str) else "one of layers of its own" for name in named]
        return f"The head{'s were' if len(heads) > 1 else ' was'} {listed(heads)} of keras-leuk."
    return f"The head was {head_words(told.head)}."


def head_words(head: Tree) -> str:
    """Pooling, layers and output of a head."""
    layers = [_POOLING.get(str(head.get("pooling", "avg")), str(head.get("pooling")))]
    layers += [_layer(layer) for layer in head.get("layers") or ()]
    output = head.get("output") or {}
    units = "one unit" if output.get("units") == "one" else "one unit a class"
    layers.append(f"a {output.get('activation', 'softmax')} layer of {units}{_penalties(output)}")
    return listed(layers)


_POOLING = {"avg": "global average pooling", "max": "global maximum pooling", "flatten": "flattening"}


def _layer(layer: Tree) -> str:
    kind = str(layer.get("type"))
    if kind == "dense":
        return f"a dense layer of {layer['units']} units ({layer.get('activation', 'relu')}{_penalties(layer)})"
    if kind == "dropout":
        return f"dropout of {layer['rate']:g}"
    return {"batch_normalization": "batch normalisation", "standardize": "standardisation by the training images"}.get(kind, kind)


def _penalties(layer: Tree) -> str:
    """``, kernel L2 0.016, activity L1 0.006``."""
    told = []
    for part in ("kernel", "bias", "activity"):
        for norm, value in (layer.get(f"{part}_regularizer") or {}).items():
            told += [f", {part} {norm.upper()} {value:g}"] if value else []
    return "".join(told)
