"""All figures of a run: which are drawn, from what, and what they say in words.

Start from `drawings`. A figure whose data are absent is not drawn; nothing stands in for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from keras_leuk.evaluation.bands import curves_of
from keras_leuk.evaluation.calibration import reliability_table
from keras_leuk.evaluation.predictions import most_confident_mistakes
from keras_leuk.reporting.calibration import reliability_figure
from keras_leuk.reporting.confusion import confusion_figure, confusion_table
from keras_leuk.reporting.contents import Contents
from keras_leuk.reporting.curves import curve_figure, curve_table
from keras_leuk.reporting.discrimination import precision_recall_figure, precision_recall_table, roc_figure, roc_table
from keras_leuk.reporting.history import best_epochs
from keras_leuk.reporting.mistakes import mistakes_figure
from keras_leuk.reporting.style import Caption, with_interval
from keras_leuk.reporting.subjects import distribution_figure, distribution_table, subject_figure, subject_table

NAMES = ("confusion", "accuracy", "loss", "roc", "precision_recall", "reliability", "subjects", "classes", "mistakes")
"""Every figure there is, in the order of the report; files are figures/<name>.png and figures/<name>.csv."""


@dataclass(frozen=True)
class Drawing:
    """A figure with the numbers behind it.

    Attributes:
        name: of `NAMES`.
        title: heading in the report.
        words: what it shows, for those who cannot see it.
    """

    name: str
    title: str
    words: str
    figure: Figure
    table: pd.DataFrame


def drawings(contents: Contents) -> Iterator[Drawing]:
    """The figures that the run has data for, in the order of `NAMES`, one at a time (each is some megabytes)."""
    predictions, side = contents.predictions, contents.judged
    facts = contents.metrics[side]
    rows = predictions.side(side)
    caption = _caption(contents, side)
    counts = facts["confusion_matrix"]["counts"]
    accuracy = f"accuracy {with_interval(facts['accuracy'])}"
    yield Drawing(
        "confusion",
        "Confusion matrix",
        f"Confusion matrix of {caption.n:,} {side} images, {accuracy}; the same counts are in the table above.",
        confusion_figure(counts, predictions.classes, predictions.positive, caption),
        confusion_table(counts, predictions.classes),
    )
    yield from _learning_curves(contents)
    curves = curves_of(predictions, side)
    if curves:
        kind = "subjects" if facts["unit"] == "subject" else "images"
        banded = curves[0].roc_band is not None
        percent = f"{100 * predictions.meaning.confidence:g} %"
        note = f"Band: pointwise {percent} bootstrap interval over {kind}." if banded else ""
        drawn_from = _caption(contents, side, note)
        named = " and ".join(c.label for c in curves) if len(curves) == 1 else f"{len(curves)} classes, each against the rest"
        yield Drawing(
            "roc",
            "ROC curve",
            f"ROC curve of {named}; area {with_interval(facts['roc_auc'])}.",
            roc_figure(curves, facts["roc_auc"], drawn_from),
            roc_table(curves),
        )
        yield Drawing(
            "precision_recall",
            "Precision-recall curve",
            f"Precision-recall curve of {named}; average precision {with_interval(facts['average_precision'])}.",
            precision_recall_figure(curves, facts["average_precision"], drawn_from),
            precision_recall_table(curves),
        )
    probability, predicted = predictions.probabilities(rows), predictions.labels(rows, "predicted")
    reliability = reliability_table(probability, predicted, predictions.labels(rows), predictions.meaning.bins)
    yield Drawing(
        "reliability",
        "Reliability",
        f"Accuracy against confidence in {len(reliability)} bins; expected calibration error {with_interval(facts['ece'])}.",
        reliability_figure(reliability, facts["ece"], caption),
        reliability,
    )
    if facts["per_subject"]["subjects"]:
        mean = facts["per_subject"]["mean"]
        band = "Grey band: interval of the mean." if mean["low"] is not None else ""
        yield Drawing(
            "subjects",
            "Accuracy of each subject",
            f"Accuracy of each of {facts['subjects']} subjects; mean {with_interval(mean)}.",
            subject_figure(facts["per_subject"], _caption(contents, side, band)),
            subject_table(facts["per_subject"]),
        )
    yield _distribution(contents)
    yield from _mistakes(contents, side, caption)


def split_words(contents: Contents) -> str:
    """The split in a few words: its strategy, its seed and what was said of it."""
    meaning = contents.predictions.meaning
    words = f"strategy '{meaning.strategy}'"
    if meaning.split_seed is not None:
        words += f", seed {meaning.split_seed}"
    if contents.predictions.cross_validated:
        words += f", {len(contents.predictions.folds)}-fold cross-validation"
    elif contents.predictions.folds:
        words += f", fold {contents.predictions.folds[0]}"
    return words


def _caption(contents: Contents, side: str, note: str = "") -> Caption:
    meaning, facts = contents.predictions.meaning, contents.metrics[side]
    watched = "The test side was watched during training." if meaning.selection == "test" else ""
    words = " ".join(sentence for sentence in (note, watched) if sentence)
    classes = ", ".join(f"{name} (positive)" if name == meaning.positive else name for name in meaning.classes)
    return Caption(meaning.data, meaning.model, side, facts["n"], facts["subjects"], split_words(contents), classes, words)


def _learning_curves(contents: Contents) -> Iterator[Drawing]:
    history = contents.history
    if history is None or contents.at_once:
        return
    side = "train" if contents.metrics["train"]["n"] else contents.judged
    best = best_epochs(history, contents.predictions.meaning.selection, contents.recipe)
    others = [s for s in ("validation", "test") if contents.metrics[s]["n"] and s != side]
    # In a cross-validation an image is trained on in several folds; it is one image all the same.
    note = " ".join(f"{s.capitalize()}: n = {contents.metrics[s]['images']:,}." for s in others)
    if contents.predictions.cross_validated:
        note += " Every fold has its own part of them."
    caption = replace(_caption(contents, side, note.strip()), n=contents.metrics[side]["images"])
    marked = f"; best epoch {next(iter(best.values()))}" if len(best) == 1 else ""
    for measure in ("accuracy", "loss"):
        table = curve_table(history, measure)
        if table is not None:
            yield Drawing(
                measure,
                f"{measure.capitalize()} over the epochs",
                f"{measure.capitalize()} over {int(history['epoch'].nunique())} epochs{marked}.",
                curve_figure(history, measure, best, caption),
                table,
            )


def _distribution(contents: Contents) -> Drawing:
    predictions, metrics = contents.predictions, contents.metrics
    table = distribution_table(predictions.table, predictions.classes)
    sizes = {}
    for part, images in table.groupby("part", sort=False)["images"].sum().items():
        name = str(part)
        facts = metrics["folds"][name.removeprefix("fold ")] if predictions.cross_validated else metrics[name]
        whom = f", {facts['subjects']:,} subjects" if facts["subjects"] is not None else ""
        sizes[name] = f"n = {images:,}{whom}"
    side = "test" if predictions.cross_validated and metrics["test"]["n"] else contents.judged
    caption = _caption(contents, side)
    words = "; ".join(f"{name}: {size}" for name, size in sizes.items())
    return Drawing(
        "classes", "Classes on each side", f"Images of each class. {words}.", distribution_figure(table, sizes, caption), table
    )


def _mistakes(contents: Contents, side: str, caption: Caption) -> Iterator[Drawing]:
    if not contents.pictures:
        return
    surest = most_confident_mistakes(contents.predictions, side, len(contents.predictions.table))
    shown = surest[surest["image"].isin(list(contents.pictures))].reset_index(drop=True)
    if shown.empty:
        return
    pictures = np.stack([contents.pictures[name] for name in shown["image"]])
    yield Drawing(
        "mistakes",
        "Most confident mistakes",
        f"Pictures of the {len(shown)} most confident mistakes among {len(surest):,} on the {side} side.",
        mistakes_figure(shown, pictures, caption),
        shown[["image", "subject", "fold", "true", "predicted", "confidence"]],
    )
