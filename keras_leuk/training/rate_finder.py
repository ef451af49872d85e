"""A learning-rate range test: one short training whose rate rises from step to step (Smith 2017, section 3.3).

The loss first stands still, then falls, then explodes. A good rate lies where it falls fastest; a tenth of the rate with the
lowest loss is the other usual reading. Only the training side is looked at; the weights are thrown away.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from keras_leuk.errors import RecipeError, RunError
from keras_leuk.images.pipeline import Feed
from keras_leuk.models import heads
from keras_leuk.progress import Progress, Recorder
from keras_leuk.recipe import Recipe
from keras_leuk.recipe.training import LearningRate, Training
from keras_leuk.reporting.rates import write_rates
from keras_leuk.training import results, single
from keras_leuk.training.fit import Phase, compile_model
from keras_leuk.training.materials import gather
from keras_leuk.training.preflight import check
from keras_leuk.training.run import make_splits

SMOOTHING = 0.9
"""Share of the running mean that the next loss leaves as it is."""

BLOW_UP = 4.0
"""The test ends when the smoothed loss is this many times the lowest one."""


@dataclass(frozen=True)
class RateTest:
    """What a range test found.

    Attributes:
        curve: one row a step: step, learning_rate, loss, smoothed.
        steepest: rate at which the smoothed loss fell fastest; the suggestion.
        tenth: a tenth of the rate with the lowest smoothed loss.
        picture: the drawn curve, with a CSV of the same name beside it.
    """

    curve: pd.DataFrame
    steepest: float
    tenth: float
    picture: Path


def find_rate(
    recipe: Recipe,
    out: Path,
    *,
    cache: Path,
    lowest: float = 1e-7,
    highest: float = 1.0,
    steps: int = 100,
    progress: Progress | None = None,
) -> RateTest:
    """Tests a recipe's learning rate on its own data, split, network and optimiser.

    Args:
        out: PNG file; the numbers go into a CSV of the same name.
        lowest, highest: first and last rate.
        steps: updates of the weights, at least 20.

    Raises:
        RecipeError: the head is fitted at once and has no rate.
        RunError: the loss never fell.
    """
    check(recipe)
    if heads.classical(recipe.model.head) is not None:
        raise RecipeError("model.head", recipe.model.head, "is fitted at once and has no learning rate")
    recorder = Recorder(progress)
    materials = gather(recipe, cache=cache, progress=recorder)
    splits = make_splits(materials, recorder)
    context = results.Context(materials.recipe, materials, cache, (), recorder, 0.0, time.perf_counter())
    model, train, phase = single.ready(context, splits[0])
    rates = np.geomspace(lowest, highest, steps)
    curve = sweep(model, train, phase, materials.recipe.training, rates, recorder)
    steepest, tenth = suggest(curve)
    title = f"{results.model_title(context)}\n{results.data_title(context)}, training side, n = {len(train.targets):,}"
    write_rates(out, curve, steepest, tenth, title)
    return RateTest(curve, steepest, tenth, Path(out))


def sweep(
    model: Any, train: Feed, phase: Phase, training: Training, rates: Sequence[float] | np.ndarray, progress: Progress
) -> pd.DataFrame:
    """Trains one batch at each rate, until the loss explodes.

    Returns:
        step, learning_rate, loss (of the batch, before its step), smoothed (running mean, corrected for its beginning).
    """
    plain = training.model_copy(
        update={"accumulation_steps": 1, "optimizer": training.optimizer.model_copy(update={"ema": None})}
    )
    compile_model(model, plain, replace(phase, rate=LearningRate(initial=float(rates[0]))))
    rows: list[dict[str, float]] = []
    batches = (batch for epoch in count(1) for batch in _epoch(train, epoch))
    mean, best = 0.0, np.inf
    with progress.stage("testing rates", len(rates), "steps") as advance:
        for step, (rate, batch) in enumerate(zip(rates, batches, strict=False), start=1):
            model.optimizer.learning_rate = float(rate)
            model.reset_metrics()
            loss = float(model.train_on_batch(*batch, return_dict=True)["loss"])
            if not np.isfinite(loss):
                break
            mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
            smoothed = mean / (1 - SMOOTHING**step)
            rows.append({"step": step, "learning_rate": float(rate), "loss": loss, "smoothed": smoothed})
            advance(1, loss=smoothed)
            best = min(best, smoothed)
            if step > 10 and smoothed > BLOW_UP * best:
                break
    return pd.DataFrame(rows, columns=["step", "learning_rate", "loss", "smoothed"])


def _epoch(train: Feed, epoch: int) -> Any:
    train.epoch = epoch
    return train.batches()


def suggest(curve: pd.DataFrame) -> tuple[float, float]:
    """The rate of the steepest fall, and a tenth of that with the lowest loss.

    Raises:
        RunError: too few steps before the loss exploded, or it never fell.
    """
    if len(curve) < 10:
        raise RunError(f"the loss exploded after {len(curve)} steps; begin with a lower rate (--lowest)")
    rates, smoothed = curve["learning_rate"].to_numpy(), curve["smoothed"].to_numpy()
    lowest = int(smoothed.argmin())
    # Slopes of lines through a tenth of the curve to either side: between neighbours there is little but noise, and the first
    # steps are the mean of few batches.
    reach = max(3, len(curve) // 10)
    places = range(reach, max(lowest + 1 - reach // 2, reach + 1))
    slopes = [_slope(np.log(rates), smoothed, place, reach) for place in places]
    if lowest < reach or min(slopes) >= 0:
        raise RunError("the loss never fell: there is no rate to suggest; look at the curve, or test higher rates (--highest)")
    return float(rates[places[int(np.argmin(slopes))]]), float(rates[lowest] / 10)


def _slope(x: np.ndarray, y: np.ndarray, place: int, reach: int) -> float:
    window = slice(max(place - reach, 0), place + reach + 1)
    return float(np.polyfit(x[window], y[window], 1)[0])
