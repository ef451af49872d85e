"""The backbone registry: one frozen record each, pure data, no TensorFlow.

Adding a backbone is adding one `Backbone(...)` to `BACKBONES`: the command line and validation find it by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from keras_leuk.errors import RecipeError

Preprocessing = Literal["caffe", "tf", "torch", "inside"]

PREPROCESSING = {
    "caffe": "BGR minus the ImageNet mean, in our graph",
    "tf": "scaled to -1..1, in our graph",
    "torch": "scaled to 0..1, minus mean, over standard deviation, in our graph",
    "inside": "the backbone's own first layers; it is fed 0..255",
}

KERAS = "keras.applications"
OURS = "keras_leuk.models.resnets"

_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/"


@dataclass(frozen=True)
class Backbone:
    """What has to be known of a backbone without building it.

    Attributes:
        name: as typed by the user.
        constructor: name in `module`.
        preprocessing: what its weights expect, and where it happens (see `PREPROCESSING`).
        features: channels of the last feature map.
        parameters: without the top; moving statistics of batch normalisation count, as in Keras' ``count_params``.
        default_size, minimum_size: side of the square input in pixels.
        weights_file: Keras' own file name for the ImageNet weights without top; None where Keras has none.
        weights_url: where Keras fetches them; None where Keras has none.
        weights_md5: Keras' own hash of the file; None where Keras states none.
        last_convolution: layer of the last convolutional feature map, for class maps. Where the last convolutions are
            parallel branches with generated names, the layer that joins them.
        description: one line.
        paper: source.
        imagenet_scale: EfficientNet (first version) only: per-channel standard deviations by whose root Keras divides again
            after its Normalization layer when it loads ImageNet weights (tensorflow/tensorflow#49930).
        module: where its constructor lives.
        torch_weights: whether a state dict of torchvision or timm can be read (`models.torch_weights`).
    """

    name: str
    constructor: str
    preprocessing: Preprocessing
    features: int
    parameters: int
    default_size: int
    minimum_size: int
    weights_file: str | None
    weights_url: str | None
    weights_md5: str | None
    last_convolution: str
    description: str
    paper: str
    imagenet_scale: tuple[float, float, float] | None = None
    module: str = KERAS
    torch_weights: bool = False

    @property
    def has_imagenet(self) -> bool:
        """Whether there is an ImageNet file that Keras fetches."""
        return self.weights_file is not None

    def facts(self) -> dict[str, Any]:
        """The record as plain values."""
        return asdict(self) | {"has_imagenet": self.has_imagenet}


def _classic(folder: str, stem: str) -> tuple[str, str]:
    file = f"{stem}_weights_tf_dim_ordering_tf_kernels_notop.h5"
    return file, f"{_KERAS}{folder}/{file}"


def _efficientnet(level: str, md5: str, features: int, parameters: int, size: int) -> Backbone:
    file = f"efficientnet{level}_notop.h5"
    return Backbone(
        name=f"efficientnet{level}",
        constructor=f"EfficientNet{level.upper()}",
        preprocessing="inside",
        features=features,
        parameters=parameters,
        default_size=size,
        minimum_size=32,
        weights_file=file,
        weights_url=f"https://storage.googleapis.com/keras-applications/{file}",
        weights_md5=md5,
        last_convolution="top_conv",
        description=f"EfficientNet {level.upper()}: depth, width and resolution scaled together",
        paper="Tan & Le 2019, arXiv:1905.11946",
        imagenet_scale=(0.229, 0.224, 0.225),
    )


def _efficientnetv2(level: str, md5: str, parameters: int, size: int) -> Backbone:
    file = f"efficientnetv2-{level}_notop.h5"
    return Backbone(
        name=f"efficientnetv2{level}",
        constructor=f"EfficientNetV2{level.upper()}",
        preprocessing="inside",
        features=1280,
        parameters=parameters,
        default_size=size,
        minimum_size=32,
        weights_file=file,
        weights_url=f"{_KERAS}efficientnet_v2/{file}",
        weights_md5=md5,
        last_convolution="top_conv",
        description=f"EfficientNetV2 {level.upper()}: fused blocks, faster to train",
        paper="Tan & Le 2021, arXiv:2104.00298",
    )


def _vgg(depth: int, md5: str, parameters: int, last: str) -> Backbone:
    file, url = _classic(f"vgg{depth}", f"vgg{depth}")
    return Backbone(
        name=f"vgg{depth}",
        constructor=f"VGG{depth}",
        preprocessing="caffe",
        features=512,
        parameters=parameters,
        default_size=224,
        minimum_size=32,
        weights_file=file,
        weights_url=url,
        weights_md5=md5,
        last_convolution=last,
        description=f"VGG with {depth} weight layers: plain 3x3 convolutions, large and slow",
        paper="Simonyan & Zisserman 2014, arXiv:1409.1556",
    )


def _resnet(depth: int, md5: str, parameters: int) -> Backbone:
    file, url = _classic("resnet", f"resnet{depth}")
    return Backbone(
        name=f"resnet{depth}",
        constructor=f"ResNet{depth}",
        preprocessing="caffe",
        features=2048,
        parameters=parameters,
        default_size=224,
        minimum_size=32,
        weights_file=file,
        weights_url=url,
        weights_md5=md5,
        last_convolution="conv5_block3_3_conv",
        description=f"ResNet with {depth} layers: residual bottleneck blocks",
        paper="He et al. 2015, arXiv:1512.03385",
    )


def _torch(name: str, features: int, parameters: int, last: str, description: str, paper: str) -> Backbone:
    return Backbone(
        name=name,
        constructor=name,
        preprocessing="torch",
        features=features,
        parameters=parameters,
        default_size=224,
        minimum_size=32,
        weights_file=None,
        weights_url=None,
        weights_md5=None,
        last_convolution=last,
        description=description,
        paper=paper,
        module=OURS,
        torch_weights=True,
    )


def _records() -> tuple[Backbone, ...]:
    inception_file, inception_url = _classic("inception_v3", "inception_v3")
    xception_file, xception_url = _classic("xception", "xception")
    densenet_file, densenet_url = _classic("densenet", "densenet121")
    return (
        Backbone(
            name="mobilenet",
            constructor="MobileNet",
            preprocessing="tf",
            features=1024,
            parameters=3_228_864,
            default_size=224,
            minimum_size=32,
            weights_file="mobilenet_1_0_224_tf_no_top.h5",
            weights_url=f"{_KERAS}mobilenet/mobilenet_1_0_224_tf_no_top.h5",
            weights_md5=None,
            last_convolution="conv_pw_13",
            description="MobileNet: depthwise separable convolutions, small and fast",
            paper="Howard et al. 2017, arXiv:1704.04861",
        ),
        Backbone(
            name="mobilenetv2",
            constructor="MobileNetV2",
            preprocessing="tf",
            features=1280,
            parameters=2_257_984,
            default_size=224,
            minimum_size=32,
            weights_file="mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
            weights_url=f"{_KERAS}mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
            weights_md5=None,
            last_convolution="Conv_1",
            description="MobileNetV2: inverted residuals, small and fast",
            paper="Sandler et al. 2018, arXiv:1801.04381",
        ),
        _efficientnet("b0", "50bc09e76180e00e4465e1a485ddc09d", 1280, 4_049_571, 224),
        _efficientnet("b3", "af6d107764bb5b1abb91932881670226", 1536, 10_783_535, 300),
        _efficientnetv2("s", "af0682fb74e8c54910f2d4393339c070", 20_331_360, 384),
        _efficientnetv2("m", "1b8dc055df72dde80d614482840fe342", 53_150_388, 480),
        _vgg(16, "6d6bbae143d832006294945121d1f1fc", 14_714_688, "block5_conv3"),
        _vgg(19, "253f8cb515780f3b799900260a226db6", 20_024_384, "block5_conv4"),
        _torch(
            "resnet18",
            512,
            11_186_112,
            "layer4_1_conv2",
            "ResNet with 18 layers: residual blocks of two 3x3 convolutions, in torchvision's layout",
            "He et al. 2015, arXiv:1512.03385",
        ),
        _resnet(50, "4d473c1dd8becc155b73f8504c6f6626", 23_587_712),
        _resnet(101, "88cf7a10940856eca736dc7b7e228a21", 42_658_176),
        _torch(
            "resnext50",
            2048,
            23_048_128,
            "layer4_2_conv3",
            "ResNeXt with 50 layers (32x4d): bottlenecks of 32 groups, in torchvision's layout",
            "Xie et al. 2016, arXiv:1611.05431",
        ),
        Backbone(
            name="inceptionv3",
            constructor="InceptionV3",
            preprocessing="tf",
            features=2048,
            parameters=21_802_784,
            default_size=299,
            minimum_size=75,
            weights_file=inception_file,
            weights_url=inception_url,
            weights_md5="bcbd6486424b2319ff4ef7d526e38f63",
            last_convolution="mixed10",
            description="Inception v3: parallel branches of factorised convolutions",
            paper="Szegedy et al. 2015, arXiv:1512.00567",
        ),
        Backbone(
            name="xception",
            constructor="Xception",
            preprocessing="tf",
            features=2048,
            parameters=20_861_480,
            default_size=299,
            minimum_size=71,
            weights_file=xception_file,
            weights_url=xception_url,
            weights_md5="b0042744bf5b25fce3cb969f33bebb97",
            last_convolution="block14_sepconv2",
            description="Xception: Inception carried through to depthwise separable convolutions",
            paper="Chollet 2016, arXiv:1610.02357",
        ),
        Backbone(
            name="densenet121",
            constructor="DenseNet121",
            preprocessing="torch",
            features=1024,
            parameters=7_037_504,
            default_size=224,
            minimum_size=32,
            weights_file=densenet_file,
            weights_url=densenet_url,
            weights_md5="30ee3e1110167f948a6b9946edeeb738",
            last_convolution="conv5_block16_2_conv",
            description="DenseNet with 121 layers: every layer sees all before it",
            paper="Huang et al. 2016, arXiv:1608.06993",
        ),
    )


def _by_name(records: tuple[Backbone, ...]) -> Mapping[str, Backbone]:
    table: dict[str, Backbone] = {}
    for record in records:
        if record.name in table:
            raise ValueError(f"two backbones are called {record.name!r}")
        table[record.name] = record
    return table


BACKBONES: Mapping[str, Backbone] = _by_name(_records())


_DOCUMENT = """# Backbones

<!-- Made by `keras-leuk backbones --markdown`; tests/models/test_backbones.py compares. Do not edit. -->

All of them end in a feature map; pooling and head come after it. Sides are in pixels of a square picture: the one that is
taken where none is asked for, and the least that the network takes. Parameters are without the top and with the moving statistics
of batch normalisation, which are not trained. Every network is fed 0..255 RGB; its preprocessing is part of the graph:

{preprocessing}

{table}

{torch} are built in torchvision's layout. Keras has no ImageNet weights for them; `--weights FILE` takes a state dict
of torchvision or timm, saved as `.safetensors` or, with `numpy.savez`, as `.npz`. Pickles (`.pth`) are not opened. For all
others a file is Keras' own `.h5`.
"""


def markdown() -> str:
    """docs/backbones.md: what the registry holds, as a table."""
    columns = ("name", "input", "least", "features", "parameters", "preprocessing", "ImageNet file", "last convolution", "source")
    right = {"input", "least", "features", "parameters"}
    rows = [
        (
            f"`{b.name}`",
            str(b.default_size),
            str(b.minimum_size),
            f"{b.features:,}",
            f"{b.parameters:,}",
            b.preprocessing,
            f"`{b.weights_file}`" if b.weights_file is not None else "none; `--weights FILE`",
            f"`{b.last_convolution}`",
            b.paper,
        )
        for b in BACKBONES.values()
    ]
    lines = [columns, tuple("--:" if column in right else "---" for column in columns), *rows]
    return _DOCUMENT.format(
        preprocessing="\n".join(f"- `{mode}`: {meaning}." for mode, meaning in PREPROCESSING.items()),
        table="\n".join(f"| {' | '.join(cells)} |" for cells in lines),
        torch=" and ".join(f"`{b.name}`" for b in BACKBONES.values() if b.torch_weights),
    )


def find(name: str) -> Backbone:
    """The record of a backbone; upper case, hyphens and underscores are forgiven.

    Raises:
        RecipeError: there is none of that name.
    """
    plain = name.lower().replace("-", "").replace("_", "")
    if plain not in BACKBONES:
        raise RecipeError("model.backbone", name, "is not a backbone", BACKBONES)
    return BACKBONES[plain]
