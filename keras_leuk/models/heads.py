"""Heads: what stands on the backbone, as data; and what a network's outputs mean.

Adding a named head is adding one entry to `HEADS`. No TensorFlow here: the layers are built by `keras_leuk.models.assembly`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from keras_leuk.errors import RecipeError
from keras_leuk.recipe.model import BatchNormalization, Dense, Dropout, Head, Output, Regularizer, Standardize


@dataclass(frozen=True)
class NamedHead:
    """A head with a name.

    Attributes:
        head: its layers.
        description: one line.
        source: paper and section, or None.
    """

    head: Head
    description: str
    source: str | None = None


HEADS: Mapping[str, NamedHead] = {
    "linear": NamedHead(Head(), "global average pooling and one softmax layer: a logistic regression on the features"),
    "linear-standardized": NamedHead(
        Head(layers=(Standardize(),)),
        "the same on features standardised by the training images; needed by random weights, whose features are near 1e-6",
    ),
    "mantri2024": NamedHead(
        Head(
            pooling="max",
            layers=(
                BatchNormalization(),
                Dense(
                    units=256,
                    activation="relu",
                    kernel_regularizer=Regularizer(l2=0.016),
                    activity_regularizer=Regularizer(l1=0.006),
                    bias_regularizer=Regularizer(l1=0.006),
                ),
                Dropout(rate=0.2),
            ),
            output=Output(activation="sigmoid"),
        ),
        "batch normalisation, 256 units with L2 on weights and L1 on outputs and biases, dropout 0.2, a sigmoid per class; "
        "maximum pooling is assumed",
        "mantri2024, Table III",
    ),
    "mantri2024-plain": NamedHead(
        Head(
            pooling="max",
            layers=(BatchNormalization(), Dense(units=256, activation="relu"), Dropout(rate=0.2)),
            output=Output(activation="sigmoid"),
        ),
        "the same without L1 and L2, the paper's ablation",
        "mantri2024, Results (94.43 % without L1 and L2)",
    ),
    "fata2023": NamedHead(
        Head(layers=(Dense(units=512, activation="relu"),)),
        "512 units and a softmax; average pooling is assumed",
        "fata2023, section 2.6",
    ),
    "vijesh2024": NamedHead(
        Head(pooling="max", layers=(Dropout(rate=0.5),), output=Output(activation="sigmoid")),
        "maximum pooling, dropout 0.5, a sigmoid per class",
        "vijesh2024, section 4.1.2",
    ),
    "mulya2023": NamedHead(Head(), "a softmax; average pooling is assumed", "mulya2023, section 2"),
    "badruzzaman2024": NamedHead(
        Head(),
        "a softmax on average pooling, as in the stock networks whose parameter counts the paper gives",
        "badruzzaman2024, Table 2",
    ),
}


CLASSICAL: Mapping[str, str] = {
    "sklearn:logistic": "logistic regression",
    "sklearn:svm": "support vector machine",
    "sklearn:forest": "random forest",
}
"""Heads that scikit-learn fits at once, without epochs, and what titles call them; see `keras_leuk.models.classical`."""


def find(choice: str | Head) -> Head:
    """The layers of a head that a recipe names or spells out; of one of scikit-learn, the pooling before it.

    Raises:
        RecipeError: there is no head of that name.
    """
    if isinstance(choice, Head):
        return choice
    if choice in CLASSICAL:
        return Head()
    if choice not in HEADS:
        raise RecipeError("model.head", choice, "is not a head", [*HEADS, *CLASSICAL])
    return HEADS[choice].head


def classical(choice: str | Head) -> str | None:
    """``logistic``, ``svm`` or ``forest`` where the head is one of scikit-learn's, else None."""
    return choice.removeprefix("sklearn:") if isinstance(choice, str) and choice in CLASSICAL else None


def units(output: Output, classes: int) -> int:
    """Units of the last layer."""
    return 1 if output.units == "one" else classes


def targets(labels: np.ndarray, output: Output, classes: int, positive: int | None) -> np.ndarray:
    """What the outputs are compared with.

    Args:
        labels: int (n,), index into the class order.
        positive: index of the positive class (two classes).
    Returns:
        float32: (n, 1) with 1 for the positive class where there is one unit, else one-hot (n, classes).
    """
    if output.units == "one":
        wanted: np.ndarray = (labels == positive).astype(np.float32)[:, None]
    else:
        wanted = np.eye(classes, dtype=np.float32)[labels]
    return wanted


def probabilities(outputs: np.ndarray, output: Output, positive: int | None) -> np.ndarray:
    """From raw outputs to a probability per class.

    Args:
        outputs: (n, units), as the network gives them.
    Returns:
        float64 (n, classes), rows summing to 1: a softmax renormalised in double precision; for one sigmoid unit p and
        1 - p; for a sigmoid per class each unit over the sum of the units.
    """
    values = np.asarray(outputs, np.float64)
    if output.units == "one":
        table = np.empty((len(values), 2))
        table[:, positive if positive is not None else 1] = values[:, 0]
        table[:, 1 - (positive if positive is not None else 1)] = 1.0 - values[:, 0]
        return table
    total = values.sum(axis=1, keepdims=True)
    # All sigmoids can be 0 in float32; nothing then speaks for one class or another.
    return np.where(total > 0, values / np.where(total > 0, total, 1.0), 1.0 / values.shape[1])


def averaged(outputs: np.ndarray, output: Output, positive: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Means over several views of each image (test-time augmentation).

    Args:
        outputs: float32 (n, views, units).

    Returns:
        Mean outputs, float32 (n, units), and mean probabilities, float64 (n, classes): the mean of the probabilities, not the
        probability of the mean output.
    """
    chances = [probabilities(outputs[:, view], output, positive) for view in range(outputs.shape[1])]
    return outputs.mean(axis=1, dtype=np.float64).astype(np.float32), np.mean(chances, axis=0)


def meaning(output: Output, classes: Sequence[str], positive: str | None) -> str:
    """One sentence that says how outputs become probabilities, for the companion of predictions.csv."""
    if output.units == "one":
        return f"output_0 is the sigmoid for {positive}; the other class has 1 - output_0"
    if output.activation == "softmax":
        return "softmax over the classes in their order, renormalised in double precision"
    return f"a sigmoid for each of the {len(classes)} classes in their order, each divided by their sum"
