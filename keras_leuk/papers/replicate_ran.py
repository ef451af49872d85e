"""A protocol as it was run: its runs, how it differs from what the paper did, and commands that do the same. Start at `ran`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_leuk.grid.layout import GridFolder
from keras_leuk.grid.plan import EPOCHS, Plan
from keras_leuk.papers.protocol import Protocol
from keras_leuk.papers.replicate_request import Study, Wanted
from keras_leuk.papers.replicate_verdicts import Trial, trials


@dataclass(frozen=True)
class Ran:
    """A protocol as it was run.

    Attributes:
        trimmed, adapted, notes: how it differs from what the paper did: cut to the budget; because of the data; left out.
        commands: that do the same without ``replicate``.
    """

    protocol: Protocol
    trials: tuple[Trial, ...]
    trimmed: tuple[str, ...]
    adapted: tuple[str, ...]
    notes: tuple[str, ...]
    commands: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.protocol.name


def ran(
    own: Sequence[tuple[Study, Plan]],
    wanted: Wanted,
    grids: Path,
    errors: Mapping[str, str],
    *,
    trimmed: Sequence[str] = (),
    adapted: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Ran:
    """What the studies of one protocol left.

    Args:
        own: all of one protocol, at least one.
        grids: folder of the grid folders.
        errors: name of a cell → why it failed.
    """
    members: list[Trial] = []
    for study, plan in own:
        members += trials(study, plan, GridFolder(grids / study.name), errors, len(members) + 1)
    commands = tuple(command(study, wanted) for study, _ in own)
    return Ran(own[0][0].protocol, tuple(members), tuple(trimmed), tuple(adapted), tuple(notes), commands)


def command(study: Study, wanted: Wanted) -> str:
    """The command line that runs a study by itself. Files of the paper are named as in a checkout."""
    recipe = study.protocol.recipe_file
    words = ["keras-leuk", "grid", f"experiments/{recipe.parent.parent.name}/recipes/{recipe.name}", "--data", wanted.data]
    for key, value in wanted.flags.items():
        words += ["--set", f"{key}={value}"]
    for key, values in epochs_last(study.lists):
        if key == EPOCHS:
            words += ["--epochs", ",".join(map(str, values))]
        else:
            words += ["--set", f"{key}={'|'.join(map(str, values))}"]
    for text in study.all_sets:
        words += ["--set", text]
    return shlex.join(words)


def epochs_last(lists: Mapping[str, tuple[Any, ...]]) -> list[tuple[str, tuple[Any, ...]]]:
    """Epochs change fastest, so that cells of one path stand together."""
    return sorted(lists.items(), key=lambda pair: pair[0] == EPOCHS)
