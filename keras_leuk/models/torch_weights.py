"""First weights from a state dict of torchvision or timm, in a .safetensors or .npz file.

Neither torch nor pickle: both kinds of file hold nothing but names, shapes and numbers. torchvision and timm use the same
names for these networks; ``fc.*`` (the top) and ``num_batches_tracked`` (a counter) are left out.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_leuk.errors import WeightsError
from keras_leuk.models.resnets import torch_name

SUFFIXES = (".safetensors", ".npz")

PICKLES = (".pth", ".pt", ".bin", ".ckpt", ".pkl", ".pickle", ".tar")
"""Suffixes under which torch saves pickles. Loading one may run any code, so it is not done."""

_SHOWN = 3
"""How many names of a list an error shows."""

_KERNEL_TO_KERAS = (2, 3, 1, 0)
"""Torch keeps kernels as (filters, channels / groups, height, width), Keras as (height, width, channels / groups, filters)."""


@dataclass(frozen=True)
class _Slot:
    """Where a tensor goes.

    Attributes:
        variable: of a Keras layer.
        kernel: whether its axes stand in another order in Keras.
    """

    variable: Any
    kernel: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor in the file."""
        sides = tuple(int(side) for side in self.variable.shape)
        return (sides[3], sides[2], sides[0], sides[1]) if self.kernel else sides


def load(body: Any, path: Path, name: str) -> None:
    """Gives every variable of a network its tensor; nothing is changed unless all of them fit.

    Args:
        body: Keras model whose layers `resnets.torch_name` can name, without its top.
        path: a file with one of `SUFFIXES`.
        name: of the backbone, for errors.

    Raises:
        WeightsError: the file cannot be read, or a tensor is missing, unexpected, of another shape or not of numbers.
    """
    try:
        tensors = _read(path)
    except OSError as error:
        raise WeightsError(f"weight file {path} cannot be read: {error.strerror or error}") from None
    except _UnreadableError as error:
        raise WeightsError(f"weight file {path} is not a whole {path.suffix.lower()} file: {error}") from None
    slots = _slots(body)
    found = {key: value for key, value in tensors.items() if not _is_left_out(key)}
    faults = _faults(slots, found)
    if faults:
        raise WeightsError(f"weight file {path} does not fit {name} without its top: {'; '.join(faults)}")
    for key, slot in slots.items():
        values = found[key].astype(np.float32)
        slot.variable.assign(values.transpose(_KERNEL_TO_KERAS) if slot.kernel else values)


class _UnreadableError(Exception):
    """What is wrong with the file, in one line."""


def _read(path: Path) -> dict[str, np.ndarray]:
    """All tensors of a file by name, as they are stored."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return dict(load_file(path)) if path.suffix.lower() == ".safetensors" else _read_archive(path)
    # NumPy and zipfile raise the later ones for an archive that is damaged or has Python objects in it.
    except (SafetensorError, zipfile.BadZipFile, zlib.error, ValueError, EOFError, KeyError, NotImplementedError) as error:
        text = str(error).strip().splitlines()
        raise _UnreadableError(text[0][:160] if text else type(error).__name__) from None


def _read_archive(path: Path) -> dict[str, np.ndarray]:
    # NumPy leaves a file that it opened itself open where it turns out to be no archive.
    with open(path, "rb") as file:
        if not zipfile.is_zipfile(file):
            raise _UnreadableError("it is no archive of arrays")
        file.seek(0)
        with np.load(file, allow_pickle=False) as archive:
            tensors = {key: archive[key] for key in archive.files}
    for key, value in tensors.items():
        # What is not in NumPy's format comes as plain bytes.
        if not isinstance(value, np.ndarray):
            raise _UnreadableError(f"{key[:100]} is no array")
    return tensors


def _is_left_out(key: str) -> bool:
    return key.startswith("fc.") or key.endswith(".num_batches_tracked")


def _slots(body: Any) -> dict[str, _Slot]:
    import keras

    slots: dict[str, _Slot] = {}
    for layer in body.layers:
        prefix = torch_name(layer.name)
        if isinstance(layer, keras.layers.Conv2D):
            slots[f"{prefix}.weight"] = _Slot(layer.kernel, kernel=True)
        elif isinstance(layer, keras.layers.BatchNormalization):
            slots[f"{prefix}.weight"] = _Slot(layer.gamma, kernel=False)
            slots[f"{prefix}.bias"] = _Slot(layer.beta, kernel=False)
            slots[f"{prefix}.running_mean"] = _Slot(layer.moving_mean, kernel=False)
            slots[f"{prefix}.running_var"] = _Slot(layer.moving_variance, kernel=False)
    return slots


def _faults(slots: Mapping[str, _Slot], found: Mapping[str, np.ndarray]) -> list[str]:
    both = [(key, found[key], slot) for key, slot in slots.items() if key in found]
    shapes = [f"{key} has shape {value.shape}, not {slot.shape}" for key, value, slot in both if value.shape != slot.shape]
    # bfloat16 is no kind of float to NumPy; it has a type of its own.
    types = [f"{key} is {value.dtype}" for key, value, _ in both if value.dtype.kind != "f" and value.dtype.name != "bfloat16"]
    faults = []
    for word, keys in (
        ("missing", [key for key in slots if key not in found]),
        ("unexpected", [key for key in found if key not in slots]),
        ("wrong shape", shapes),
        ("no floating-point numbers", types),
    ):
        if keys:
            faults.append(f"{word}: {_listing(keys)}")
    return faults


def _listing(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return ", ".join(keys[:_SHOWN]) + more
