"""What an interrupted run needs to end as if it had not been interrupted.

After an epoch: all variables of the trained network, all of the optimiser's, the early-stopping counters, the history so far and
the best epoch's weights. Order of images, flips and dropout need no keeping: they are functions of (seed, epoch).

    checkpoint/state.npz        the last kept epoch, whole or not there
    checkpoint/best-0007.npz    weights of the best epoch so far, written before a state that names them
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from keras_leuk.errors import RunError
from keras_leuk.runs.atomic import replacing
from keras_leuk.training.optimizers import ARITHMETIC


@dataclass
class State:
    """Where training stands after `epoch` epochs.

    Attributes:
        epoch: epochs done.
        history: one dictionary an epoch.
        best_epoch: epoch (from 1) with the best monitored value; 0 before the first.
        best_value: that value.
        waited: epochs since then.
        stopped: early stopping has ended the run.
        rate_factor, plateau_best, plateau_waited: how far a plateau has lowered the rate, the lowest watched loss, epochs since.
    """

    epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_value: float | None = None
    waited: int = 0
    stopped: bool = False
    rate_factor: float = 1.0
    plateau_best: float | None = None
    plateau_waited: int = 0


class Checkpoint:
    """Reads and writes the checkpoint of one run.

    Args:
        folder: made when the first state is written.
        recipe: text of the resolved recipe; a state of another recipe is refused.
    """

    def __init__(self, folder: Path, recipe: str):
        self.folder, self.recipe = Path(folder), recipe

    def save(
        self, state: State, variables: Sequence[np.ndarray], optimizer: Sequence[np.ndarray], best: Sequence[np.ndarray] | None
    ) -> None:
        """Keeps a state; `best` are the best epoch's weights (None where none are wanted)."""
        self.folder.mkdir(exist_ok=True)
        best_file = self._best(state.best_epoch)
        if best is not None and not best_file.exists():
            with replacing(best_file) as temporary, open(temporary, "wb") as file:
                np.savez(file, allow_pickle=False, **_numbered("v", best))
        facts = {"state": asdict(state), "recipe": self.recipe, "best": best is not None, "arithmetic": ARITHMETIC}
        text = json.dumps(facts)
        with replacing(self.folder / "state.npz") as temporary, open(temporary, "wb") as file:
            np.savez(file, allow_pickle=False, facts=np.array(text), **_numbered("v", variables), **_numbered("o", optimizer))
        for old in self.folder.glob("best-*.npz"):
            if old != best_file:
                old.unlink()

    def load(self) -> tuple[State, list[np.ndarray], list[np.ndarray], list[np.ndarray] | None] | None:
        """The last state with variables, optimiser and best weights; None where none was kept.

        Raises:
            RunError: the checkpoint belongs to another recipe, is damaged, or its training led to other numbers than ours would.
        """
        path = self.folder / "state.npz"
        if not path.exists():
            return None
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as kept:
                facts: dict[str, Any] = json.loads(str(kept["facts"]))
                variables, optimizer = _in_order(kept, "v"), _in_order(kept, "o")
            state = State(**facts["state"])
            best = None
            if facts["best"]:
                with open(self._best(state.best_epoch), "rb") as file, np.load(file, allow_pickle=False) as kept:
                    best = _in_order(kept, "v")
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise RunError(f"checkpoint {path} cannot be read ({error}); start afresh with --overwrite") from None
        if facts["recipe"] != self.recipe:
            raise RunError(f"checkpoint {path} belongs to another recipe; start afresh with --overwrite")
        if facts.get("arithmetic") != ARITHMETIC:
            raise RunError(f"checkpoint {path} is of a version that trains otherwise; start afresh with --overwrite")
        return state, variables, optimizer, best

    def epoch(self) -> int:
        """The epoch of the last state; 0 where there is none, or none that can be read."""
        try:
            with open(self.folder / "state.npz", "rb") as file, np.load(file, allow_pickle=False) as kept:
                return int(json.loads(str(kept["facts"]))["state"]["epoch"])
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            return 0

    def remove(self) -> None:
        """Clears the folder, once the run is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _best(self, epoch: int) -> Path:
        return self.folder / f"best-{epoch:04d}.npz"


def _numbered(prefix: str, arrays: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    return {f"{prefix}{number:05d}": np.asarray(array) for number, array in enumerate(arrays)}


def _in_order(kept: Any, prefix: str) -> list[np.ndarray]:
    names = sorted(name for name in kept.files if name[0] == prefix and name[1:].isdigit())
    return [kept[name] for name in names]
