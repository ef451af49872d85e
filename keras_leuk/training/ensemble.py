"""Several finished runs judged as one: averaged probabilities on the images that all of them predicted.

Needs run folders and nothing else, neither images nor TensorFlow. Members must have split the same images in the same way: an
image that one member trained on may not be another's test image.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from keras_leuk.errors import RunError, UsageError
from keras_leuk.evaluation.metrics import write_metrics
from keras_leuk.evaluation.predictions import (
    DECISION,
    Predictions,
    output_columns,
    probability_columns,
    write_predictions,
)
from keras_leuk.evaluation.reading import read_predictions
from keras_leuk.progress import Progress
from keras_leuk.reporting.report import write_report
from keras_leuk.runs.atomic import write_json
from keras_leuk.runs.folder import RunFolder, clear, open_for_reading, writing


@dataclass(frozen=True)
class Ensemble:
    """What a finished ensemble leaves behind.

    Attributes:
        run: its folder.
        weights: of the members, summing to 1.
        metrics: the content of metrics.json.
    """

    run: RunFolder
    weights: tuple[float, ...]
    metrics: dict[str, Any]


def ensemble(
    members: Sequence[Path],
    out: Path,
    *,
    weights: str | Sequence[float] = "equal",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Ensemble:
    """Averages the probabilities of finished runs and judges the mean like a run.

    Args:
        members: two or more run folders.
        out: folder of the result, laid out like a run's.
        weights: ``equal``; one number a member; or ``validation``: those with the smallest log loss on the validation side.
        overwrite: replace an ensemble or run in `out`.

    Raises:
        UsageError: fewer than two members, a member twice, or weights that do not fit.
        RunError: members that did not split the same images in the same way, or no validation side to find weights on.
    """
    if len(members) < 2:
        raise UsageError(f"an ensemble needs two or more runs; {len(members)} given")
    runs = [open_for_reading(Path(member)) for member in members]
    places = [run.path.resolve() for run in runs]
    for place in places:
        if places.count(place) > 1:
            raise UsageError(f"{place} is named twice")
    if Path(out).resolve() in places:
        raise UsageError(f"--out {out} is one of the runs; choose another folder")
    found = [read_predictions(run) for run in runs]
    tables = _aligned(runs, found)
    chances = np.stack([table[probability_columns(found[0].classes)].to_numpy() for table in tables])
    shares = _shares(weights, len(runs), chances, tables[0], found[0])
    mean = np.tensordot(shares, chances, 1)
    with writing(out, resume=False, overwrite=overwrite) as run:
        clear(run)
        write_json(
            run.ensemble,
            {
                "schema": 1,
                "members": [{"run": str(place), "weight": share} for place, share in zip(places, shares.tolist(), strict=True)],
                "weights": weights if isinstance(weights, str) else "given",
            },
        )
        shutil.copyfile(runs[0].split, run.split)
        write_predictions(run.predictions, _frame(tables[0], mean, found[0].classes))
        write_json(run.meaning, _meaning(runs, weights, shares))
        metrics = write_metrics(run)
        write_report(run, progress)
        run.finish({"schema": 1, "epochs": None, "best_epoch": None, "stopped_early": None, "test_n": metrics["test"]["n"]})
    return Ensemble(run, tuple(shares.tolist()), metrics)


def _aligned(runs: Sequence[RunFolder], found: Sequence[Predictions]) -> list[pd.DataFrame]:
    """The members' rows in the order of the first one's."""
    first, table = found[0], found[0].table
    keys = ["image", "fold", "split"]
    aligned = []
    for run, predictions in zip(runs, found, strict=True):
        if predictions.classes != first.classes or predictions.positive != first.positive:
            raise RunError(f"{run.path} has the classes {', '.join(predictions.classes)}; {runs[0].path} has others")
        fingerprints = [(r.read_json(r.environment).get("data") or {}).get("fingerprint") for r in (runs[0], run)]
        if fingerprints[0] != fingerprints[1]:
            raise RunError(f"{run.path} was made of other images, labels or subjects than {runs[0].path}")
        joined = table[keys].merge(predictions.table, on=keys, how="left", validate="one_to_one", indicator=True)
        strange = joined.loc[joined["_merge"] != "both", "image"]
        if len(strange) or len(predictions.table) != len(table):
            example = f", such as {strange.iloc[0]}" if len(strange) else ""
            raise RunError(
                f"{run.path} and {runs[0].path} split their images differently{example}; train both with one split "
                f"(--split {runs[0].split})"
            )
        aligned.append(joined.drop(columns="_merge"))
    return aligned


def _shares(
    weights: str | Sequence[float], count: int, chances: np.ndarray, table: pd.DataFrame, first: Predictions
) -> np.ndarray:
    """Weights of the members, float64 (members,), summing to 1."""
    if weights == "equal":
        return np.full(count, 1 / count)
    if weights == "validation":
        return _best(chances, table, first)
    given = np.array([float(weight) for weight in weights], np.float64)
    if len(given) != count or not np.isfinite(given).all() or (given < 0).any() or given.sum() == 0:
        raise UsageError(f"--weights needs one number from 0 on for each of {count} runs; received {list(weights)!r}")
    shares: np.ndarray = given / given.sum()
    return shares


def _best(chances: np.ndarray, table: pd.DataFrame, first: Predictions) -> np.ndarray:
    """Weights with the smallest mean log loss on the validation side: a convex problem with one minimum."""
    rows = (table["split"] == "validation").to_numpy()
    if not rows.any():
        raise RunError("the runs have no validation side to find weights on; give numbers, or equal")
    truth = first.labels(table[rows])
    own = np.clip(chances[:, rows][:, np.arange(len(truth)), truth], 1e-12, 1)

    def loss(shares: np.ndarray) -> tuple[float, np.ndarray]:
        mean = shares @ own
        return float(-np.log(mean).mean()), -(own / mean).mean(axis=1)

    count = len(chances)
    answer = minimize(
        loss,
        np.full(count, 1 / count),
        jac=True,
        method="SLSQP",
        bounds=[(0, 1)] * count,
        constraints={"type": "eq", "fun": lambda shares: shares.sum() - 1},
    )
    shares = np.clip(answer.x, 0, 1).round(6)
    best: np.ndarray = shares / shares.sum()
    return best


def _frame(table: pd.DataFrame, mean: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    frame = table[["image", "subject", "fold", "split", "true"]].copy()
    frame["predicted"] = [classes[i] for i in mean.argmax(axis=1)]
    for column, values in zip(output_columns(len(classes)), mean.T, strict=True):
        frame[column] = values
    for column, values in zip(probability_columns(classes), mean.T, strict=True):
        frame[column] = values
    return frame


def _meaning(runs: Sequence[RunFolder], weights: str | Sequence[float], shares: np.ndarray) -> dict[str, Any]:
    """predictions.json: the first member's, with what is the ensemble's own."""
    told = [run.read_json(run.meaning) for run in runs]
    how = {"equal": "all alike", "validation": "with the weights of the smallest log loss on the validation side"}
    kind = how.get(weights, "with given weights") if isinstance(weights, str) else "with given weights"
    members = "; ".join(f"{share:.3g} x {facts['model']}" for share, facts in zip(shares, told, strict=True))
    selections = [facts["selection"] for facts in told]
    chosen = next((choice for choice in ("test", "validation") if choice in selections), "none")
    if weights == "validation" and chosen == "none":
        chosen = "validation"
    return told[0] | {
        "outputs": {
            "activation": "softmax",
            "units": len(told[0]["classes"]),
            "to_probability": f"outputs and probabilities are means of the probabilities of {len(runs)} runs, {kind}",
        },
        "decision": DECISION,
        "selection": chosen,
        "model": f"ensemble of {len(runs)} runs: {members}",
        "warnings": list(dict.fromkeys(line for facts in told for line in facts["warnings"])),
    }
