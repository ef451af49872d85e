"""State dicts of torch against a forward pass in NumPy that knows torch's layout and nothing of our network."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from keras_leuk.devices.start import start
from keras_leuk.errors import UsageError, WeightsError
from keras_leuk.models import resnets, torch_weights
from keras_leuk.models.assembly import build
from keras_leuk.models.backbones import BACKBONES
from keras_leuk.models.weights import resolve
from keras_leuk.recipe.model import Head

State = dict[str, np.ndarray]
# Blocks of each stage, and (filters, side, channels / groups) of the convolutions of a block with `planes` channels.
BLOCKS = {"resnet18": (2, 2, 2, 2), "resnext50": (3, 4, 6, 3)}
TENSORS = {"resnet18": 122, "resnext50": 320}
"""Entries of torchvision's state dicts, fc and counters with them."""


def _state(name: str, seed: int = 0) -> State:
    """Random tensors in torchvision's names and shapes, none at its default."""
    rng = np.random.default_rng(seed)
    state: State = {}

    def convolution(key: str, out: int, into: int, side: int) -> None:
        state[f"{key}.weight"] = rng.normal(0, (2 / (into * side * side)) ** 0.5, (out, into, side, side)).astype(np.float32)

    def normalization(key: str, channels: int, scale: float = 1.0) -> None:
        state[f"{key}.weight"] = (scale * rng.uniform(0.5, 1.5, channels)).astype(np.float32)
        state[f"{key}.bias"] = rng.normal(0, 0.1, channels).astype(np.float32)
        state[f"{key}.running_mean"] = rng.normal(0, 0.1, channels).astype(np.float32)
        state[f"{key}.running_var"] = rng.uniform(0.5, 1.5, channels).astype(np.float32)
        state[f"{key}.num_batches_tracked"] = np.array(7, np.int64)

    convolution("conv1", 64, 3, 7)
    normalization("bn1", 64)
    channels = 64
    for stage, count in enumerate(BLOCKS[name]):
        planes = 64 * 2**stage
        for block in range(count):
            key = f"layer{stage + 1}.{block}"
            if name == "resnet18":
                out, steps = planes, [(planes, channels, 3), (planes, planes, 3)]
            else:
                out, width = 4 * planes, 2 * planes
                steps = [(width, channels, 1), (width, width // 32, 3), (out, width, 1)]
            for number, step in enumerate(steps, 1):
                convolution(f"{key}.conv{number}", *step)
                # A small last scale keeps sums of many blocks near 1.
                normalization(f"{key}.bn{number}", step[0], 0.3 if number == len(steps) else 1.0)
            if block == 0 and (stage > 0 or out != channels):
                convolution(f"{key}.downsample.0", out, channels, 1)
                normalization(f"{key}.downsample.1", out, 0.5)
            channels = out
    state["fc.weight"] = rng.normal(size=(1000, channels)).astype(np.float32)
    state["fc.bias"] = rng.normal(size=1000).astype(np.float32)
    return state


def _conv(x: np.ndarray, kernel: np.ndarray, stride: int = 1) -> np.ndarray:
    """torch.nn.functional.conv2d with padding side // 2; groups follow from the shapes. Axes: n, channels, height, width."""
    side, groups = kernel.shape[2], x.shape[1] // kernel.shape[1]
    pad = side // 2
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (side, side), axis=(2, 3))[:, :, ::stride, ::stride]
    parts = [
        np.tensordot(part, own, axes=([1, 4, 5], [1, 2, 3]))
        for part, own in zip(np.split(windows, groups, axis=1), np.split(kernel, groups), strict=True)
    ]
    return np.concatenate(parts, axis=-1).transpose(0, 3, 1, 2)


def _features(state: Mapping[str, np.ndarray], pictures: np.ndarray) -> np.ndarray:
    """What torchvision's ResNet gives its average pooling, in double precision.

    Args:
        pictures: (n, height, width, 3), 0..255.
    """

    def norm(x: np.ndarray, key: str) -> np.ndarray:
        mean, var, scale, bias = (
            state[f"{key}.{part}"].astype(np.float64)[:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / np.sqrt(var + 1e-5) * scale + bias

    def conv(x: np.ndarray, key: str, stride: int = 1) -> np.ndarray:
        return _conv(x, state[f"{key}.weight"].astype(np.float64), stride)

    x = (pictures / 255.0 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    x = np.maximum(norm(conv(x.transpose(0, 3, 1, 2), "conv1", 2), "bn1"), 0)
    x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    x = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))[:, :, ::2, ::2].max(axis=(4, 5))
    for stage in range(1, 5):
        block = 0
        while f"layer{stage}.{block}.conv1.weight" in state:
            key = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            last = 3 if f"{key}.conv3.weight" in state else 2
            y = x
            for number in range(1, last + 1):
                # V1.5: the stride is on the first 3x3 convolution, which is the second of a bottleneck.
                y = norm(conv(y, f"{key}.conv{number}", stride if number == last - 1 else 1), f"{key}.bn{number}")
                y = np.maximum(y, 0) if number < last else y
            if f"{key}.downsample.0.weight" in state:
                x = norm(conv(x, f"{key}.downsample.0", stride), f"{key}.downsample.1")
            x = np.maximum(x + y, 0)
            block += 1
    return x


@pytest.fixture(scope="module")
def state18() -> State:
    return _state("resnet18")


@pytest.fixture(scope="module")
def body18():
    """A ResNet-18 that tests load weights into."""
    start()
    import keras

    return resnets.resnet18(keras.Input((32, 32, 3)))


@pytest.mark.parametrize(("name", "side", "suffix"), [("resnet18", 65, ".safetensors"), ("resnext50", 64, ".npz")])
def test_a_state_dict_gives_torchs_features(name: str, side: int, suffix: str, tmp_path: Path) -> None:
    """The whole feature map, of an odd side, too: "same" padding and ours differ at even ones."""
    state = _state(name)
    assert len(state) == TENSORS[name]
    path = tmp_path / f"model{suffix}"
    save_file(state, path) if suffix == ".safetensors" else np.savez(path, **state)
    pictures = np.random.default_rng(3).integers(0, 256, (2, side, side, 3)).astype(np.float32)
    record = BACKBONES[name]
    weights = resolve(str(path), record)
    assert weights.sha256 is not None
    classifier = build(record, Head(pooling="flatten"), size=side, classes=2, seed=0, weights=weights)
    found = classifier.trunk(pictures, training=False).numpy().transpose(0, 3, 1, 2)
    expected = _features(state, pictures)
    assert found.shape == expected.shape
    assert 0.1 < expected.std() < 10
    assert np.abs(expected[0] - expected[1]).max() > 0.1, "the features must depend on the picture, or nothing is tested"
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_every_tensor_goes_to_its_layer(body18, state18: State, tmp_path: Path) -> None:
    """Half precision, as some files have it, in an archive without top and counters, as timm's feature extractors have it."""
    state = {k: v.astype(np.float16) for k, v in state18.items() if not k.startswith("fc.") and "num_batches" not in k}
    np.savez(tmp_path / "half.npz", **state)
    torch_weights.load(body18, tmp_path / "half.npz", "resnet18")
    kernel = body18.get_layer("layer2_0_downsample_conv").kernel
    np.testing.assert_array_equal(np.asarray(kernel)[0, 0], state["layer2.0.downsample.0.weight"][:, :, 0, 0].T)
    layer = body18.get_layer("layer4_1_bn2")
    for variable, part in (
        (layer.gamma, "weight"),
        (layer.beta, "bias"),
        (layer.moving_mean, "running_mean"),
        (layer.moving_variance, "running_var"),
    ):
        np.testing.assert_array_equal(np.asarray(variable), state[f"layer4.1.bn2.{part}"])


def test_bfloat16_is_taken(body18, state18: State, tmp_path: Path) -> None:
    start()
    import ml_dtypes

    save_file({key: value.astype(ml_dtypes.bfloat16) for key, value in state18.items()}, tmp_path / "brain.safetensors")
    torch_weights.load(body18, tmp_path / "brain.safetensors", "resnet18")
    found = np.asarray(body18.get_layer("bn1").gamma)
    np.testing.assert_array_equal(found, state18["bn1.weight"].astype(ml_dtypes.bfloat16).astype(np.float32))


def _without(state: State) -> State:
    return {key: value for key, value in state.items() if not key.startswith("layer4.1.bn")}


FAULTS: dict[str, tuple[Callable[[State], State], str]] = {
    "missing": (_without, "missing: layer4.1.bn1.weight, layer4.1.bn1.bias, layer4.1.bn1.running_mean and 5 more"),
    "unexpected": (lambda s: s | {"layer5.0.conv1.weight": s["bn1.bias"]}, "unexpected: layer5.0.conv1.weight"),
    "wrong shape": (
        lambda s: s | {"conv1.weight": s["conv1.weight"].transpose(2, 3, 1, 0)},
        "wrong shape: conv1.weight has shape (7, 7, 3, 64), not (64, 3, 7, 7)",
    ),
    "integers": (
        lambda s: s | {"bn1.bias": s["bn1.bias"].astype(np.int64)},
        "no floating-point numbers: bn1.bias is int64",
    ),
    "another prefix": (
        lambda s: {f"backbone.{key}": value for key, value in s.items()},
        "missing: conv1.weight, bn1.weight, bn1.bias and 97 more; unexpected: backbone.conv1.weight, ",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_fit_is_named_in_one_line_and_changes_nothing(fault: str, body18, state18: State, tmp_path: Path) -> None:
    change, words = FAULTS[fault]
    path = tmp_path / "model.npz"
    np.savez(path, **change(dict(state18)))
    before = [np.asarray(variable) for variable in body18.variables]
    with pytest.raises(WeightsError, match="does not fit resnet18 without its top") as caught:
        torch_weights.load(body18, path, "resnet18")
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600
    assert all((a == np.asarray(b)).all() for a, b in zip(before, body18.variables, strict=True))


@pytest.mark.parametrize("suffix", torch_weights.SUFFIXES)
@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text", "pickle"])
def test_a_damaged_file_is_one_line(suffix: str, damage: str, body18, tmp_path: Path) -> None:
    path = tmp_path / f"model{suffix}"
    small = {"conv1.weight": np.arange(600, dtype=np.float32), "bn1.bias": np.ones(3, np.float32)}
    if damage == "pickle":
        # An archive can hold Python objects; a .safetensors file cannot, so it is one in name only.
        np.savez(tmp_path / "objects.npz", **{"conv1.weight": np.array([{}, None], object)})
        path.write_bytes((tmp_path / "objects.npz").read_bytes())
    else:
        save_file(small, path) if suffix == ".safetensors" else np.savez(path, **small)
        whole = path.read_bytes()
        # In the table of names of the one, in the middle of the numbers of the other, which has a checksum for them.
        place = 8 if suffix == ".safetensors" else len(whole) // 2
        flipped = whole[:place] + bytes(255 - byte for byte in whole[place : place + 8]) + whole[place + 8 :]
        path.write_bytes({"cut": whole[:-300], "flipped": flipped, "empty": b"", "text": b"no weights at all"}[damage])
    with pytest.raises(WeightsError, match=f"model{suffix} is not a whole {suffix} file") as caught:
        torch_weights.load(body18, path, "resnet18")
    assert "\n" not in str(caught.value)


def test_an_archive_of_something_else_is_one_line(body18, tmp_path: Path) -> None:
    """A file of `torch.save` is a zip archive, too: under another name it is still not opened."""
    with zipfile.ZipFile(tmp_path / "model.npz", "w") as archive:
        archive.writestr("archive/data.pkl", b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(WeightsError, match=r"archive/data\.pkl is no array"):
        torch_weights.load(body18, tmp_path / "model.npz", "resnet18")


def test_a_file_that_has_gone_is_one_line(body18, tmp_path: Path) -> None:
    for suffix in torch_weights.SUFFIXES:
        with pytest.raises(WeightsError, match="cannot be read: No such file"):
            torch_weights.load(body18, tmp_path / f"gone{suffix}", "resnet18")


def test_kinds_of_files_are_told_by_their_suffix(tmp_path: Path) -> None:
    for name in ("model.pth", "model.safetensors"):
        (tmp_path / name).write_bytes(b"weights")
    with pytest.raises(WeightsError, match=r"is a pickle.*save its state dict as \.safetensors or \.npz"):
        resolve(str(tmp_path / "model.pth"), BACKBONES["resnet18"])
    with pytest.raises(WeightsError, match=r"resnet18, resnext50 can load; mobilenet needs Keras' own \.h5"):
        resolve(str(tmp_path / "model.safetensors"), BACKBONES["mobilenet"])
    with pytest.raises(UsageError, match=r"no ImageNet weights for resnet18.*--weights FILE.*--weights random"):
        resolve("imagenet", BACKBONES["resnet18"])
    assert "no hash of this file is known" in resolve(str(tmp_path / "model.safetensors"), BACKBONES["resnext50"]).note


def test_keras_own_file_is_still_taken(body18, tmp_path: Path) -> None:
    """What `Model.save_weights` writes, for our networks too."""
    path = tmp_path / "body.weights.h5"
    body18.save_weights(str(path))
    record = BACKBONES["resnet18"]
    classifier = build(record, Head(), size=32, classes=2, seed=1, weights=resolve(str(path), record))
    found = {layer.name: layer.get_weights() for layer in classifier.backbone_layers}
    for layer in body18.layers:
        assert all((a == b).all() for a, b in zip(layer.get_weights(), found.get(layer.name, []), strict=True))
