"""Where the backbone's first weights come from, decided without building anything.

Hospital machines have no internet: a file that is already there is always taken before anything is fetched.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from keras_leuk.errors import UsageError, WeightsError
from keras_leuk.models import torch_weights
from keras_leuk.models.backbones import BACKBONES, Backbone
from keras_leuk.store.address import file_sha256

ENVIRONMENT_VARIABLE = "KERAS_LEUK_WEIGHTS"

_DOWNLOAD_PATIENCE = 20.0
"""Seconds without an answer after which the network counts as out of reach."""


@dataclass(frozen=True)
class Weights:
    """The backbone's first weights.

    Attributes:
        kind: ``imagenet``, ``file`` or ``random``; ``none`` where there is no backbone.
        path: the file; None for random weights.
        sha256: of the file; None for random weights.
        keras_own: whether the file's md5 is the one that Keras states; None where Keras states none, or for random weights.
        seed: of random weights; None for a file.
        note: one line for the user.
    """

    kind: Literal["imagenet", "file", "random", "none"]
    path: Path | None
    sha256: str | None
    keras_own: bool | None
    seed: int | None
    note: str

    def facts(self) -> dict[str, Any]:
        """What shapes the features, for content addresses: not where the file lies, but what is in it."""
        return {"kind": self.kind, "sha256": self.sha256, "seed": self.seed}


NO_WEIGHTS = Weights("none", None, None, None, None, "none: hand-made features need no backbone")


class WeightsOutOfReachError(WeightsError):
    """ImageNet weights are neither on this machine nor to be had from the network."""


def resolve(choice: str, backbone: Backbone, *, weights_dir: str | None = None, seed: int = 0) -> Weights:
    """Finds the weights that a recipe asks for.

    Args:
        choice: ``imagenet``, ``random``, or the path of a weight file: Keras' own (``.h5``), or, for a backbone in torchvision's
            layout, a state dict as ``.safetensors`` or ``.npz``.
        weights_dir: folder with files under Keras' own names, looked at first; then the folder that the environment variable
            names; then Keras' own cache; then Keras downloads.
        seed: of random weights.

    Raises:
        UsageError: the file or the folder does not exist, or Keras has no ImageNet weights for this backbone.
        WeightsError: the file cannot be read, or is of a kind that this backbone cannot load.
        WeightsOutOfReachError: no such file here, and the network cannot be reached.
    """
    if choice == "random":
        return Weights(
            "random", None, None, None, seed, f"random weights (weights seed {seed}): nothing was learnt from ImageNet"
        )
    if choice != "imagenet":
        path = Path(choice).expanduser()
        if not path.is_file():
            raise UsageError(f"model.weights: {choice!r} is neither 'imagenet', 'random' nor a file on this machine")
        _check_kind(path, backbone)
        return _from_file("file", path, backbone)
    if backbone.weights_file is None:
        raise UsageError(
            f"model.weights: Keras has no ImageNet weights for {backbone.name}; name a file that holds torchvision's or timm's "
            f"state dict ({' or '.join(torch_weights.SUFFIXES)}) with --weights FILE, or train from scratch with --weights random"
        )
    if weights_dir is not None and not Path(weights_dir).expanduser().is_dir():
        raise UsageError(f"--weights-dir: folder not found: {weights_dir}")
    for folder in _folders(weights_dir):
        path = folder / backbone.weights_file
        if path.is_file():
            return _from_file("imagenet", path, backbone)
    return _from_file("imagenet", _download(backbone), backbone)


def _check_kind(path: Path, backbone: Backbone) -> None:
    suffix = path.suffix.lower()
    if suffix in torch_weights.PICKLES:
        raise WeightsError(
            f"weight file {path} is a pickle, which may run any code when it is opened, so it is not; "
            f"save its state dict as {' or '.join(torch_weights.SUFFIXES)}"
        )
    if suffix in torch_weights.SUFFIXES and not backbone.torch_weights:
        able = ", ".join(other.name for other in BACKBONES.values() if other.torch_weights)
        raise WeightsError(f"weight file {path} holds torch tensors, which {able} can load; {backbone.name} needs Keras' own .h5")


def _folders(weights_dir: str | None) -> list[Path]:
    folders = [weights_dir, os.environ.get(ENVIRONMENT_VARIABLE)]
    keras_home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    return [Path(folder).expanduser() for folder in folders if folder] + [keras_home / "models"]


def _from_file(kind: Literal["imagenet", "file"], path: Path, backbone: Backbone) -> Weights:
    try:
        sha256 = file_sha256(path)
        with open(path, "rb") as file:
            md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise WeightsError(f"weight file {path} cannot be read: {error.strerror or error}") from None
    own = None if backbone.weights_md5 is None else md5 == backbone.weights_md5
    verdict = {
        True: "its hash is Keras' own",
        False: "its hash is not Keras' own",
        None: "Keras states no hash for this file" if backbone.has_imagenet else "no hash of this file is known",
    }[own]
    return Weights(kind, path, sha256, own, None, f"{kind} weights from {path} (sha256 {sha256[:12]}…; {verdict})")


def _download(backbone: Backbone) -> Path:
    import socket

    from keras_leuk.devices.start import start

    start()
    import keras

    # Keras' download bar would go to standard output, where only the result of the command belongs.
    keras.config.disable_interactive_logging()
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_DOWNLOAD_PATIENCE)
    try:
        # Keras checks the hash where it states one, and keeps the file where it looks for it next time.
        path = keras.utils.get_file(
            backbone.weights_file, backbone.weights_url, cache_subdir="models", file_hash=backbone.weights_md5
        )
    except Exception as error:  # urllib raises URLError, HTTPError, TimeoutError; Keras wraps some of them in Exception
        raise WeightsOutOfReachError(
            f"ImageNet weights for {backbone.name} are not on this machine and cannot be downloaded "
            f"({_reason(error)}); fetch {backbone.weights_url} elsewhere, put {backbone.weights_file} into a folder, and name "
            f"the folder with --weights-dir or {ENVIRONMENT_VARIABLE}; or train from scratch with --weights random"
        ) from None
    finally:
        socket.setdefaulttimeout(before)
    return Path(path)


def _reason(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return text[-1].split(" -- ")[-1][:100] if text else type(error).__name__
