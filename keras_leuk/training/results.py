"""What a run writes, and when: recipe, split and environment first, results when they are whole, the mark last."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from keras_leuk.data.read import DEMO
from keras_leuk.data.splits import SplitResult, write_split
from keras_leuk.data.table import ImageTable
from keras_leuk.devices.memory import peak
from keras_leuk.devices.start import start, versions
from keras_leuk.evaluation.metrics import write_metrics
from keras_leuk.evaluation.predictions import DECISION, most_confident_mistakes, write_predictions
from keras_leuk.evaluation.reading import read_predictions
from keras_leuk.models.assembly import Classifier
from keras_leuk.models.heads import CLASSICAL, averaged, classical, meaning
from keras_leuk.progress import Recorder
from keras_leuk.recipe import Recipe
from keras_leuk.recipe.model import Head
from keras_leuk.reporting.report import write_report
from keras_leuk.runs.atomic import link, replacing, write_json, write_text
from keras_leuk.runs.folder import RunFolder
from keras_leuk.store.address import address
from keras_leuk.training.engines import described
from keras_leuk.training.fit import Fit
from keras_leuk.training.materials import Materials
from keras_leuk.training.predictor import ModelCard
from keras_leuk.training.preflight import Parts, split_seed
from keras_leuk.training.split_summary import checked_lines, describe_split, linked_lines, split_warnings
from keras_leuk.training.stopwatch import Stopwatch

MISTAKES = 16
"""Pictures in the grid of the most confident mistakes."""

_THUMBNAIL = 128


@dataclass(frozen=True)
class Context:
    """What every step of a run looks at.

    Attributes:
        recipe: resolved.
        materials: data, pictures, weights.
        cache: folder of shared work.
        command: the command line.
        progress: listens, and keeps what was said.
        checkpoint_seconds: shortest time between two checkpoints.
        started: `time.perf_counter()` at the start of the command.
        resuming: an unfinished run is being continued.
        figures: whether the report is drawn, too.
        backbones: folder where runs with one frozen backbone keep its weights, once for all; None: each has them in its own file.
        stopwatch: counts where the time goes.
    """

    recipe: Recipe
    materials: Materials
    cache: Path
    command: tuple[str, ...]
    progress: Recorder
    checkpoint_seconds: float
    started: float
    resuming: bool = False
    figures: bool = True
    backbones: Path | None = None
    stopwatch: Stopwatch = field(default_factory=Stopwatch)

    @property
    def parts(self) -> Parts:
        return self.materials.parts

    @property
    def table(self) -> ImageTable:
        return self.materials.table


def for_fold(context: Context, recipe: Recipe) -> Context:
    """The same run with the recipe of one of its folds, and a stopwatch of its own."""
    return replace(context, recipe=recipe, started=time.perf_counter(), stopwatch=Stopwatch())


def write_recipe(run: RunFolder, text: str) -> None:
    """Writes recipe.yaml: from here on the folder holds a run."""
    write_text(run.recipe, text)


def write_start(run: RunFolder, context: Context, split: SplitResult) -> None:
    """Writes what is known before training: split.csv and environment.json."""
    write_split(run.split, split.rows)
    write_environment(run, context, [split])


def write_environment(run: RunFolder, context: Context, splits: Sequence[SplitResult]) -> None:
    """Writes environment.json."""
    started = start()
    materials = context.materials
    write_json(
        run.environment,
        {
            "schema": 1,
            "versions": versions(),
            "device": started["device"],
            "onednn": started["onednn"],
            "engine": described(materials.recipe.model.engine),
            "command": " ".join(context.command),
            "data": {
                "name": context.table.name,
                "path": str(context.table.root),
                "reader": context.table.reader,
                "images": len(materials.rows),
                "fingerprint": materials.fingerprint,
                "left_out": [[str(path), reason] for path, reason in materials.pictures.unreadable],
            },
            "weights": materials.weights.facts() | {"note": materials.weights.note, "keras_own": materials.weights.keras_own},
            "linked_subjects": [
                {"first": link.first, "second": link.second, "why": link.why, "images": [list(pair) for pair in link.images]}
                for link in splits[0].linked
            ],
            "warnings": warnings(context, splits),
        },
    )


def warnings(context: Context, splits: Sequence[SplitResult]) -> list[str]:
    """What every output of the run must say, most serious first."""
    watched = (
        ["THE TEST SET WAS WATCHED: training was monitored on it (training.monitor: test), so test figures are too high"]
        if context.recipe.training.monitor == "test"
        else []
    )
    return list(dict.fromkeys([*context.materials.warnings, *watched, *split_warnings(splits)]))


def write_results(
    run: RunFolder,
    context: Context,
    split: SplitResult,
    fitted: Fit,
    card: ModelCard,
    classifier: Classifier,
    outputs: np.ndarray,
) -> dict[str, Any]:
    """Writes everything that training found, metrics and report included."""
    write_history(run, pd.DataFrame(fitted.history))
    _save_weights(run, context, card, classifier)
    write_json(run.model, card.as_json())
    frame = prediction_frame(context, split, outputs)
    write_predictions(run.predictions, frame)
    write_meaning(run, context, [split])
    write_mistakes(run, context)
    return describe(run, context)


def _save_weights(run: RunFolder, context: Context, card: ModelCard, classifier: Classifier) -> None:
    """All weights; of a frozen backbone that other runs have too, a link to the file that they share."""
    shared = context.backbones if card.frozen else None
    if shared is not None:
        known = address(
            {
                "backbone": card.backbone,
                "weights": context.materials.weights.facts(),
                "rescale": card.rescale,
                "keras": versions()["keras"],
                "schema": 1,
            }
        )
        path = shared / f"{card.backbone}-{known[:10]}.weights.h5"
        shared.mkdir(parents=True, exist_ok=True)
        if not path.is_file():
            with replacing(path) as temporary:
                classifier.trunk.save_weights(str(temporary), overwrite=True)
        link(path, run.backbone)
    with replacing(run.weights) as temporary:
        (classifier.model if shared is None else classifier.head).save_weights(str(temporary), overwrite=True)


def describe(run: RunFolder, context: Context) -> dict[str, Any]:
    """Metrics, figures and report, from the tables alone."""
    context.progress.say("evaluating")
    metrics = write_metrics(run)
    write_report(run, context.progress, figures=context.figures)
    return metrics


def write_history(run: RunFolder, history: pd.DataFrame) -> None:
    """Writes history.csv; floats in shortest exact form."""
    write_text(run.history, history.to_csv(index=False, lineterminator="\n"))


def prediction_frame(context: Context, split: SplitResult, outputs: np.ndarray) -> pd.DataFrame:
    """predictions.csv as a table: one row an image that stands on a side, sides in order.

    Args:
        outputs: float32 (n, views, units), a row for each row of the split; of several views (test-time augmentation) both
            outputs and probabilities are averaged.
    """
    table, head = context.table, context.parts.head
    positive = table.classes.index(table.positive) if table.positive else None
    outputs, chance = averaged(outputs, head.output, positive)
    rows = split.rows
    frame = pd.DataFrame(
        {
            "image": rows["image"],
            "subject": rows["subject"].fillna(""),
            "fold": split.fold if split.fold is not None else "",
            "split": rows["split"],
            "true": rows["label"],
            "predicted": [table.classes[i] for i in chance.argmax(axis=1)],
        }
    )
    for unit in range(outputs.shape[1]):
        frame[f"output_{unit}"] = outputs[:, unit]
    for number, name in enumerate(table.classes):
        frame[f"probability_{name}"] = chance[:, number]
    parts = [frame[frame["split"] == side] for side in ("train", "validation", "test")]
    return pd.concat(parts, ignore_index=True)


def write_meaning(run: RunFolder, context: Context, splits: Sequence[SplitResult]) -> None:
    """Writes predictions.json, the companion of predictions.csv."""
    recipe, table = context.recipe, context.table
    validation = any((split.rows["split"] == "validation").any() for split in splits)
    stopping = recipe.training.early_stopping.enabled is not False and classical(recipe.model.head) is None
    watched = recipe.training.monitor == "test" or validation
    write_json(
        run.meaning,
        {
            "schema": 1,
            "classes": list(table.classes),
            "positive": table.positive,
            "outputs": {
                "activation": context.parts.head.output.activation,
                "units": 1 if context.parts.head.output.units == "one" else len(table.classes),
                "to_probability": outputs_words(context) + views_words(recipe),
            },
            "decision": DECISION,
            "split": {"strategy": recipe.split.strategy, "seed": split_seed(recipe), "description": describe_split(splits)},
            "linked_subjects": linked_lines(splits[0]),
            "checked": checked_lines(splits),
            "selection": recipe.training.monitor if stopping and watched else "none",
            "interval": {
                "resamples": recipe.evaluation.resamples,
                "confidence": recipe.evaluation.confidence,
                "seed": recipe.seed,
            },
            "calibration_bins": recipe.evaluation.calibration_bins,
            "data": data_title(context),
            "model": model_title(context),
            "warnings": warnings(context, splits),
        },
    )


def data_title(context: Context) -> str:
    """The data set, as titles name it."""
    name = context.table.name
    return f"{name} (generated cells)" if context.table.reader == DEMO else name


def model_title(context: Context) -> str:
    """Backbone, weights, regime and head, as titles name them."""
    model = context.recipe.model
    regime = _regime(model.fine_tune)
    words = {"imagenet": "ImageNet weights", "random": "random weights", "file": "weights from a file"}
    head = "own head" if isinstance(model.head, Head) else f"{model.head} head"
    if model.features == "hand":
        return f"hand-made features, {head}"
    joined = "with hand-made features, " if model.features == "both" else ""
    return f"{context.parts.backbone.name}, {words[context.materials.weights.kind]}, {regime}, {joined}{head}"


def outputs_words(context: Context) -> str:
    """What predictions.json says of the way from outputs to probabilities."""
    head, table = context.recipe.model.head, context.table
    if isinstance(head, str) and classical(head) is not None:
        return f"the outputs are the probabilities of the classes in their order by scikit-learn's {CLASSICAL[head]} ({head})"
    return meaning(context.parts.head.output, table.classes, table.positive)


def views_words(recipe: Recipe) -> str:
    """What predictions.json says of test-time augmentation; nothing where there is none."""
    wanted = recipe.evaluation.test_time_augmentation
    if wanted == "none":
        return ""
    views = (
        "the 8 turned and mirrored views" if wanted == "dihedral" else f"{wanted} views drawn as in training (seed {recipe.seed})"
    )
    return f"; outputs and probabilities are means over {views} of each image (test-time augmentation)"


def _regime(fine_tune: str | int) -> str:
    """What is trained of the backbone, as titles name it."""
    if isinstance(fine_tune, int):
        return f"last {fine_tune} layers fine-tuned"
    kind, _, which = fine_tune.partition(":")
    words = {
        "none": "frozen",
        "all": "fine-tuned",
        "blocks": f"last {which} blocks fine-tuned",
        "from": f"fine-tuned from {which}",
    }
    return words[kind]


def write_mistakes(run: RunFolder, context: Context) -> None:
    """Keeps small pictures of the most confident mistakes, so that the run folder alone can show them."""
    worst = most_confident_mistakes(read_predictions(run), "test", MISTAKES)
    place = {image: number for number, image in enumerate(context.materials.rows["image"])}
    rows, index = context.materials.pictures.store.rows(), context.materials.pictures.row_numbers()
    side = min(_THUMBNAIL, context.parts.size)
    pictures = [
        np.asarray(Image.fromarray(np.asarray(rows[index[place[image]]])).resize((side, side), Image.Resampling.LANCZOS))
        for image in worst["image"]
    ]
    with replacing(run.mistakes) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(
            file,
            image=np.array(list(worst["image"]), dtype=np.str_),
            picture=np.stack(pictures) if pictures else np.empty((0, side, side, 3), np.uint8),
        )


def write_timing(run: RunFolder, context: Context, fitted: Fit, extracted: int | None) -> None:
    """Writes timing.json: everything that may differ between two equal runs.

    ``stages`` are seconds (see `training.stopwatch.STAGES`) that add up to the ``total``; ``peak_memory_bytes`` is that of the
    process so far.
    """
    pictures, stages = context.materials.pictures, context.stopwatch.seconds(context.started)
    write_json(
        run.timing,
        {
            "schema": 1,
            "seconds": {
                "images": pictures.seconds,
                "training": fitted.seconds,
                "total": sum(stages.values()),
            },
            "stages": stages,
            "peak_memory_bytes": peak(),
            "training_images_per_second": fitted.images_per_second,
            "images_decoded": pictures.decoded,
            "images_through_frozen_backbone": extracted,
        },
    )


def finish(run: RunFolder, metrics: dict[str, Any], fitted: Fit | None) -> None:
    """The completion mark."""
    run.finish(
        {
            "schema": 1,
            "epochs": len(fitted.history) if fitted else None,
            "best_epoch": fitted.best_epoch if fitted else None,
            "stopped_early": fitted.stopped_early if fitted else None,
            "test_n": metrics["test"]["n"],
        }
    )
