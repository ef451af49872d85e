"""What the folder of a search holds, read once for the figures and the page. Nothing is written here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from keras_leuk.errors import RunError
from keras_leuk.reporting.tables import NAMES


@dataclass(frozen=True)
class Searched:
    """A search, read.

    Attributes:
        trials: tune.csv, one row a trial that has ended; choices are text, all other columns numbers or text.
        summary: tune.json.
    """

    trials: pd.DataFrame
    summary: dict[str, Any]

    @property
    def winner(self) -> dict[str, Any]:
        winner: dict[str, Any] = self.summary["winner"]
        return winner

    @property
    def space(self) -> list[dict[str, Any]]:
        space: list[dict[str, Any]] = self.summary["space"]
        return space

    @property
    def measure(self) -> str:
        """The objective in words."""
        name = self.summary["objective"]["name"]
        return "log loss" if name == "loss" else NAMES[name]

    @property
    def smaller_is_better(self) -> bool:
        return bool(self.summary["objective"]["direction"] == "minimize")

    @property
    def ranked(self) -> pd.DataFrame:
        """Finished trials, best first, the first of equals first."""
        done = self.trials[self.trials["state"] == "complete"]
        return done.sort_values(["objective", "number"], ascending=[self.smaller_is_better, True], kind="stable")

    @property
    def compared(self) -> int:
        """Trials that the winner was chosen from: finished ones and pruned ones, which were judged on validation, too."""
        return int(self.summary["trials"]["complete"] + self.summary["trials"]["pruned"])

    @property
    def counts(self) -> str:
        """'17 finished, 3 pruned'."""
        trials = self.summary["trials"]
        others = [f", {trials[state]} {state}" for state in ("pruned", "failed") if trials[state]]
        return f"{trials['complete']} finished{''.join(others)}"


def read_search(out: Path) -> Searched:
    """The tables of a search.

    Raises:
        RunError: one is missing or cannot be read.
    """
    try:
        summary = json.loads((out / "tune.json").read_text(encoding="utf-8"))
        # A choice may be called "none" or "NA": an empty field stays '', and nothing else is taken for a missing value.
        trials = pd.read_csv(out / "tune.csv", dtype=str, keep_default_na=False)
        choices = {part["key"] for part in summary["space"] if part["scale"] == "choices"}
        for column in trials.columns.difference([*choices, "state", "run", "error"]):
            trials[column] = pd.to_numeric(trials[column])
    except FileNotFoundError as error:
        raise RunError(f"{out} has no {Path(error.filename).name}: is it the folder of a finished search?") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"the tables of the search in {out} cannot be read: {error}") from None
    return Searched(trials, summary)
