"""A grid with everything shared, against a notebook that trains every cell by itself, as ratios.

    python benchmarks/grid.py [--backbone vgg16] [--size 224] [--images 96] [--epochs 1,2,4] [--repeats 3] [--csv FILE]

1. A scaled-down grid, really run both ways in one go: two optimizers and some numbers of epochs, the frozen backbone and the head
   of fata2023, generated cells. Ours is the command, from nothing to tables and figures: a process that starts, decodes,
   extracts, trains in further processes, evaluates with intervals and draws. The notebook way has every image in memory, a fresh
   model with the frozen backbone inside for each cell, one `Model.fit` with validation each, and one accuracy at the end.
2. What the full grid of fata2023 takes either way on 10,661 images (8,528 to train on), 2 optimizers and 8 numbers of epochs for
   one backbone, from unit costs that are measured here: a training step and a validation step of the notebook's model, a forward
   pass, an epoch of the head on stored features of 8,528 images, evaluating and drawing a cell of 10,661 images, starting a
   process.

Both use the same TensorFlow with oneDNN on. Weights are random: speed does not depend on them.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measured import append, spread

from keras_leuk.data.demo import make_demo
from keras_leuk.data.read import read
from keras_leuk.devices.start import start, versions
from keras_leuk.evaluation.metrics import write_metrics
from keras_leuk.images.cache import ingest
from keras_leuk.images.pipeline import Feed
from keras_leuk.images.preprocessing import Preparation
from keras_leuk.models.assembly import build
from keras_leuk.models.backbones import find
from keras_leuk.models.heads import find as find_head
from keras_leuk.models.weights import resolve
from keras_leuk.progress import Progress
from keras_leuk.recipe.loading import validate
from keras_leuk.reporting.report import write_report
from keras_leuk.runs.folder import RunFolder
from keras_leuk.training.fit import fit
from keras_leuk.training.forward import Forward

OPTIMIZERS = ("adam", "rmsprop")

BUDGETS = (10, 20, 30, 40, 50, 60, 80, 100)
"""Numbers of epochs of fata2023, Tables 1 to 6."""

TRAINING, TESTING = 8528, 2133
"""Images of fata2023's split."""

BATCH = 32


def main() -> None:
    """Prints both comparisons, and appends a CSV row where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="vgg16")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--images", type=int, default=96)
    parser.add_argument("--epochs", default="1,2,4")
    parser.add_argument("--repeats", type=int, default=3, help="of the unit costs")
    parser.add_argument("--csv", type=Path, help="append the measurements here")
    options = parser.parse_args()
    budgets = [int(part) for part in options.epochs.split(",")]
    print(f"{start()['device']}; TensorFlow {versions()['tensorflow']}, Keras {versions()['keras']}, oneDNN {start()['onednn']}")
    print(f"{options.backbone}, {options.size} px, batch {BATCH}, float32, head fata2023\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = make_demo(folder / "data", cells=options.images, subjects=12)
        ours = command(data, folder, options, budgets)
        pictures, targets = in_memory(data, folder, options)
        theirs = notebook(pictures, targets, options, budgets)
        cells, epochs = len(OPTIMIZERS) * len(budgets), len(OPTIMIZERS) * sum(budgets)
        print(f"1. {cells} cells, {epochs} epochs in all, {len(pictures)} images, both run from nothing")
        print(f"   keras-leuk grid:    {ours:.0f} s, with metrics, intervals, figures and tables of every cell")
        print(f"   the notebook way:   {theirs:.0f} s, with one accuracy a cell")
        print(f"   ratio:              {theirs / ours:.3g}\n")
        ratio = projected(pictures, targets, folder, options)
    row = {"backbone": options.backbone, "ours_s": ours, "theirs_s": theirs, "ratio": theirs / ours, "projected_ratio": ratio}
    append(options.csv, [row])


def command(data: Path, folder: Path, options: argparse.Namespace, budgets: list[int]) -> float:
    """Seconds of our grid, as a user runs it, with an empty cache."""
    words = ["--data", str(data), "--backbones", options.backbone, "--weights", "random", "--head", "fata2023"]
    words += ["--optimizers", ",".join(OPTIMIZERS), "--epochs", ",".join(map(str, budgets)), "--image-sizes", str(options.size)]
    words += ["--batch-size", str(BATCH), "--splits", "random", "--set", "training.early_stopping.enabled=false"]
    words += ["--learning-rates", "1e-4", "--out", str(folder / "grid"), "--cache-dir", str(folder / "cache")]
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "keras_leuk", "grid", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return time.perf_counter() - began


def in_memory(data: Path, folder: Path, options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """All labelled images as float32 (n, size, size, 3), and one-hot labels; not timed."""
    table = read(str(data), "cnmc")
    rows = table.labelled
    found = ingest(
        [table.root / image for image in rows["image"]], preparation=Preparation(options.size), cache=folder / "images"
    )
    labels = np.array([table.classes.index(label) for label in rows["label"]])
    return np.asarray(found.store.rows()[found.row_numbers()], np.float32), np.eye(2, dtype=np.float32)[labels]


def model_of_notebook(options: argparse.Namespace, optimizer: str) -> Any:
    """The frozen backbone with its head in one model, compiled."""
    import keras

    record = find(options.backbone)
    built = build(record, find_head("fata2023"), size=options.size, classes=2, seed=0, weights=resolve("random", record)).model
    plain = keras.Model(built.input, built.output)
    make = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}[optimizer]
    plain.compile(optimizer=make(1e-4), loss="binary_crossentropy", metrics=["accuracy"], jit_compile=False)
    return plain


def notebook(pictures: np.ndarray, targets: np.ndarray, options: argparse.Namespace, budgets: list[int]) -> float:
    """Seconds of one `Model.fit` a cell."""
    cut = round(0.8 * len(pictures))
    began = time.perf_counter()
    for optimizer in OPTIMIZERS:
        for epochs in budgets:
            model = model_of_notebook(options, optimizer)
            validation = (pictures[cut:], targets[cut:])
            model.fit(pictures[:cut], targets[:cut], batch_size=BATCH, epochs=epochs, verbose=0, validation_data=validation)
            model.evaluate(*validation, verbose=0)
    return time.perf_counter() - began


def timed(work: Any, repeats: int) -> list[float]:
    """Seconds of each call after a first one, which compiles."""
    work()
    found = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return found


def projected(pictures: np.ndarray, targets: np.ndarray, folder: Path, options: argparse.Namespace) -> float:
    """The full grid from unit costs, measured turn by turn."""
    some = slice(0, 2 * BATCH)
    model = model_of_notebook(options, "adam")
    classifier = build(
        find(options.backbone),
        find_head("fata2023"),
        size=options.size,
        classes=2,
        seed=0,
        weights=resolve("random", find(options.backbone)),
    )
    forward = Forward(classifier.trunk)
    batch = pictures[:BATCH].astype(np.uint8)
    images = len(pictures[some])
    training_step, validation_step, extraction = [], [], []
    for repeat in range(options.repeats):
        warm = 1 if repeat else 0
        fitted = timed(lambda: model.fit(pictures[some], targets[some], batch_size=BATCH, verbose=0), 1)
        judged = timed(lambda: model.evaluate(pictures[some], targets[some], batch_size=BATCH, verbose=0), 1)
        passed = timed(lambda: forward(batch), 1 + warm)
        training_step.append(fitted[-1] / images)
        validation_step.append(judged[-1] / images)
        extraction.append(passed[-1] / BATCH)
    head_epoch = epoch_on_features(classifier, options.repeats)
    cell = cell_of_full_size(folder, options.repeats)
    process = timed(lambda: subprocess.run([sys.executable, "-c", "import keras_leuk.devices.start as s; s.start()"]), 1)
    print(f"2. unit costs, median (range) of {options.repeats}")
    print(f"   notebook, an image in training:       {spread([1e3 * value for value in training_step])} ms")
    print(f"   notebook, an image in validation:     {spread([1e3 * value for value in validation_step])} ms")
    print(f"   ours, an image through the backbone:  {spread([1e3 * value for value in extraction])} ms")
    print(f"   ours, an epoch of the head:           {spread(head_epoch)} s ({TRAINING} images, and {TESTING} watched)")
    print(f"   ours, a cell's metrics and figures:   {spread(cell)} s ({TRAINING + TESTING} images)")
    print(f"   ours, a process that starts:          {spread(process)} s")
    middle = statistics.median
    epochs = len(OPTIMIZERS) * sum(BUDGETS)
    theirs = epochs * (TRAINING * middle(training_step) + TESTING * middle(validation_step))
    ours = (TRAINING + TESTING) * middle(extraction) + len(OPTIMIZERS) * max(BUDGETS) * middle(head_epoch)
    ours += len(OPTIMIZERS) * (len(BUDGETS) * middle(cell) + middle(process)) + middle(process)
    print(f"   fata2023's grid on one backbone: {len(OPTIMIZERS)} optimizers, {len(BUDGETS)} numbers of epochs, {epochs} epochs")
    print(f"   notebook way: {theirs / 86400:.3g} days; ours, one process at a time: {ours / 3600:.3g} hours")
    print(f"   ratio:        {theirs / ours:.3g}")
    return theirs / ours


def epoch_on_features(classifier: Any, repeats: int) -> list[float]:
    """Seconds of an epoch of the head on stored features as many as the paper's images, by our own loop."""
    rows = np.random.default_rng(0).normal(size=(TRAINING + TESTING, *classifier.head.input_shape[1:])).astype(np.float32)
    targets = np.eye(2, dtype=np.float32)[np.arange(len(rows)) % 2]
    train = Feed(rows, np.arange(TRAINING), targets[:TRAINING], batch_size=BATCH, shuffle_seed=0)
    watched = Feed(rows, np.arange(TRAINING, len(rows)), targets[TRAINING:], batch_size=BATCH)
    training = validate({"training": {"epochs": 1 + repeats, "batch_size": BATCH, "early_stopping": {"enabled": False}}}).training

    class Stopwatch(Progress):
        """Notes when each epoch ends."""

        def __init__(self) -> None:
            self.ends: list[float] = []

        def check(self) -> None:
            pass

        def stage(self, name: str, total: int, unit: str, start: int = 0) -> Any:
            from contextlib import contextmanager

            @contextmanager
            def noted() -> Any:
                yield lambda n=1, **facts: self.ends.append(time.perf_counter())

            return noted()

    watch = Stopwatch()
    fit(classifier.head, train, {"val": watched}, training=training, seed=0, checkpoint=None, progress=watch)
    return [b - a for a, b in zip(watch.ends, watch.ends[1:], strict=False)]


def cell_of_full_size(folder: Path, repeats: int) -> list[float]:
    """Seconds for metrics with intervals and all figures of a cell with as many predictions as the paper has images."""
    run = RunFolder(next((folder / "grid" / "cells").iterdir()))
    table = pd.read_csv(run.predictions, dtype=str, keep_default_na=False)
    times = -(-(TRAINING + TESTING) // len(table))
    copies = [table.assign(image=table["image"] + f"-{n}", subject=table["subject"] + f"-{n}") for n in range(times)]
    pd.concat(copies).head(TRAINING + TESTING).sort_values("split", kind="stable").to_csv(run.predictions, index=False)

    def judge() -> None:
        write_metrics(run)
        write_report(run, Progress())

    return timed(judge, repeats)


if __name__ == "__main__":
    main()
