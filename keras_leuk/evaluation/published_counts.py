"""Whole numbers of a run folder that papers print beside their measures: epochs trained and parameters of the network."""

from __future__ import annotations

import re

import h5py

from keras_leuk.errors import RunError
from keras_leuk.runs.folder import RunFolder

_NUMBERED = re.compile(r"_\d+$")

_UNLEARNT = {"normalization": 0, "seed_generator": 0}
"""Layers in model.weights.h5 of whose variables none, or only the first so many, are learnt."""

_RUNNING = {"batch_normalization": 2}
"""How many variables at the end are running statistics (mean and variance)."""


def count(run: RunFolder, measure: str) -> tuple[float | None, str | None]:
    """One of ``epochs`` and ``parameters`` of a finished run, or None and why in one clause."""
    return _epochs(run) if measure == "epochs" else _parameters(run)


def _epochs(run: RunFolder) -> tuple[float | None, str | None]:
    """Epochs trained, as in complete.json; of a cross-validation the mean over its folds."""
    if run.ensemble.is_file():
        return None, "an ensemble is not trained"
    found = [_trained_epochs(fold) for fold in _folds(run) or [run]]
    known = [epochs for epochs in found if epochs is not None]
    if len(known) < len(found):
        return None, "a head of scikit-learn is fitted at once, without epochs" if _classical(run) else "the epochs are not known"
    return sum(known) / len(known), f"mean over {len(known)} folds" if len(known) > 1 else None


def _trained_epochs(run: RunFolder) -> int | None:
    """None where there are none: complete.json counts the one fit of a scikit-learn head as an epoch."""
    epochs = run.read_json(run.mark).get("epochs")
    return None if epochs is None or run.classifier.is_file() else int(epochs)


def _parameters(run: RunFolder) -> tuple[float | None, str | None]:
    if run.ensemble.is_file():
        return None, "an ensemble has no network of its own"
    if _classical(run):
        return None, "the head is one of scikit-learn's, whose parameters are not a network's"
    one = next(iter(_folds(run)), run)
    if not one.weights.is_file():
        return None, f"the run folder has no {one.weights.name}"
    return float(parameters(one)), None


def parameters(run: RunFolder) -> int:
    """Learnt numbers of a whole network: all but running statistics of batch normalisation and given statistics of normalisation.

    That is Keras' ``trainable`` count where every layer is trained, and torch's ``sum(p.numel() for p in m.parameters())``,
    whichever layers this run trained.

    Raises:
        RunError: a file of weights cannot be read.
    """
    sizes: dict[str, dict[int, int]] = {}

    def look(name: str, item: object) -> None:
        owner, _, number = name.rpartition("/vars/")
        # model.save_weights leaves the optimiser's moments of a compiled model in the file.
        if isinstance(item, h5py.Dataset) and owner and not owner.startswith("optimizer"):
            sizes.setdefault(owner, {})[int(number)] = int(item.size)

    total = 0
    for path in [run.weights, *([run.backbone] if run.backbone.is_file() else [])]:
        sizes.clear()
        try:
            with h5py.File(path, "r") as file:
                file.visititems(look)
        except (OSError, ValueError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise RunError(f"{path} cannot be read: {reason}") from None
        total += sum(sum(_learnt(owner, [of[number] for number in sorted(of)])) for owner, of in sizes.items())
    return total


def _learnt(owner: str, sizes: list[int]) -> list[int]:
    """The sizes of a layer's learnt variables; Keras stores them before the others."""
    kind = _NUMBERED.sub("", owner.rpartition("/")[2])
    return sizes[: _UNLEARNT.get(kind, len(sizes) - _RUNNING.get(kind, 0))]


def _folds(run: RunFolder) -> list[RunFolder]:
    """The runs of a cross-validation's folds, none where it is no cross-validation."""
    return [RunFolder(path) for path in sorted(run.folds.iterdir())] if run.folds.is_dir() else []


def _classical(run: RunFolder) -> bool:
    return any(one.classifier.is_file() for one in (run, *_folds(run)))
