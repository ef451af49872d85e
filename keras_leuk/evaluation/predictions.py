"""The seam: what `predictions.csv` and `predictions.json` hold, in memory and on disk.

Training calls `write_predictions`; everything that judges a run starts from `Predictions`, which
`keras_leuk.evaluation.reading.read_predictions` makes and checks. Rows are never sorted, dropped or changed here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from keras_leuk.errors import RunError
from keras_leuk.runs.atomic import replacing

SIDES = ("train", "validation", "test")
TEXT_COLUMNS = ("image", "subject", "fold", "split", "true", "predicted")
DECISION = "largest probability; the first class in a tie"


@dataclass(frozen=True)
class Meaning:
    """What the columns of predictions.csv mean, and how its numbers are to be made (predictions.json).

    Attributes:
        classes: class names in label order.
        positive: the positive class; None exactly where there are more than two classes.
        units: number of raw outputs of the network.
        activation: of the output layer, 'softmax' or 'sigmoid'.
        to_probability: one sentence, how raw outputs became probabilities.
        strategy, split_seed, description: how the sides were made.
        selection: what early stopping watched: 'validation', 'test' or 'none'.
        resamples, confidence, seed: settings of the bootstrap.
        bins: number of equal-width bins of the calibration error.
        data, model: short titles.
        linked: subjects that hold the same cells, one line a pair.
        checked: what was looked for on two sides of the split and what was found, one line each.
        warnings: what a reader must not miss, one line each.
    """

    classes: tuple[str, ...]
    positive: str | None
    units: int
    activation: str = "softmax"
    to_probability: str = ""
    strategy: str = "unknown"
    split_seed: int | None = None
    description: str = ""
    selection: str = "none"
    resamples: int = 2000
    confidence: float = 0.95
    seed: int = 0
    bins: int = 15
    data: str = "unnamed data"
    model: str = "unnamed model"
    linked: tuple[str, ...] = ()
    checked: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Predictions:
    """Checked predictions of one run.

    Attributes:
        table: one row an image (in a cross-validation one row an image and fold), columns as `column_names` gives them;
            text columns hold str ('' where unknown), all others float64.
        meaning: what the columns mean.
    """

    table: pd.DataFrame
    meaning: Meaning

    @property
    def classes(self) -> tuple[str, ...]:
        return self.meaning.classes

    @property
    def positive(self) -> str | None:
        return self.meaning.positive

    @property
    def folds(self) -> tuple[str, ...]:
        """Names of the folds in natural order ('2' before '10'); empty where the split has none."""
        return tuple(sorted({fold for fold in self.table["fold"] if fold}, key=_natural))

    @property
    def cross_validated(self) -> bool:
        """Whether several folds' models are pooled here; the run of a single fold is an ordinary run."""
        return len(self.folds) > 1

    def side(self, name: str) -> pd.DataFrame:
        """The rows of one side, in file order with a fresh index; possibly none.

        Raises:
            ValueError: `name` is not one of `SIDES`.
        """
        if name not in SIDES:
            raise ValueError(f"a side is one of {', '.join(SIDES)}. Received: {name!r}")
        return self.table[self.table["split"] == name].reset_index(drop=True)

    def labels(self, rows: pd.DataFrame, column: str = "true") -> npt.NDArray[np.intp]:
        """Class indices (len(rows),) of the names in `column` ('true' or 'predicted')."""
        index = {name: i for i, name in enumerate(self.classes)}
        return np.fromiter((index[name] for name in rows[column]), dtype=np.intp, count=len(rows))

    def probabilities(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Probabilities (len(rows), classes) in label order."""
        return rows[probability_columns(self.classes)].to_numpy(dtype=np.float64)


def probability_columns(classes: Sequence[str]) -> list[str]:
    """Names of the probability columns, in label order."""
    return [f"probability_{name}" for name in classes]


def output_columns(units: int) -> list[str]:
    """Names of the columns of raw outputs."""
    return [f"output_{i}" for i in range(units)]


def column_names(classes: Sequence[str], units: int) -> list[str]:
    """All columns of predictions.csv, in order."""
    return [*TEXT_COLUMNS, *output_columns(units), *probability_columns(classes)]


def write_predictions(path: Path, frame: pd.DataFrame) -> None:
    """Writes predictions.csv, whole or not at all, every number in its shortest exact form.

    A float32 column is written with the fewest digits that read back as the same float32 (0.1, not 0.10000000149011612);
    a float64 column likewise for float64. None and NaN in a text column are written as ''.

    Args:
        path: the file to write or replace.
        frame: the columns that `column_names` gives, probabilities in label order; outputs and probabilities of a float
            type.

    Raises:
        RunError: a column is missing or unknown, an output or a probability is not finite, or the disk refuses.
    """
    units = sum(bool(re.fullmatch(r"output_\d+", str(column))) for column in frame.columns)
    classes = [str(column).removeprefix("probability_") for column in frame.columns if str(column).startswith("probability_")]
    names = column_names(classes, units)
    missing = [name for name in names if name not in frame.columns]
    unknown = [str(name) for name in frame.columns if name not in names]
    if missing or unknown or not units or not classes:
        raise RunError(
            f"predictions need the columns {', '.join(TEXT_COLUMNS)}, output_0 ... and probability_<class> ...; "
            f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}"
        )
    texts: dict[str, Any] = {}
    for name in names:
        column = frame[name]
        texts[name] = _text_of_names(column) if name in TEXT_COLUMNS else _text_of_numbers(name, column)
    try:
        with replacing(path) as temporary:
            pd.DataFrame(texts, columns=names, dtype=object).to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror or error}") from None


def most_confident_mistakes(predictions: Predictions, side: str, n: int) -> pd.DataFrame:
    """The n wrong rows of a side whose predicted class got the largest probability, surest first.

    Ties are broken by fold and image name, so that the choice does not depend on the order of rows.

    Returns:
        the rows with a further column 'confidence' (probability of the predicted class) and a fresh index; fewer than n
        (possibly none) where fewer are wrong.
    """
    rows = predictions.side(side)
    probability = predictions.probabilities(rows)
    rows["confidence"] = probability[np.arange(len(rows)), predictions.labels(rows, "predicted")]
    wrong = rows[rows["true"] != rows["predicted"]]
    ordered = wrong.sort_values(["confidence", "fold", "image"], ascending=[False, True, True], kind="stable")
    return ordered.head(max(n, 0)).reset_index(drop=True)


def _text_of_names(column: pd.Series) -> list[str]:
    return ["" if value is None or value is pd.NA or value != value else str(value) for value in column]


def _text_of_numbers(name: str, column: pd.Series) -> npt.NDArray[np.object_]:
    values = column.to_numpy()
    if values.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        # bfloat16 and float16 are exact in float32; integers and objects become float64.
        values = values.astype(np.float32 if values.dtype.itemsize == 2 else np.float64)
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise RunError(f"{name} is not a finite number in {bad} of {len(values)} predictions: did the training diverge?")
    # Through str, numpy prints the shortest digits that are unique for the column's own type.
    return values.astype(str).astype(object)


def _natural(text: str) -> tuple[tuple[int, int, str], ...]:
    return tuple((0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in re.split(r"(\d+)", text) if piece)
