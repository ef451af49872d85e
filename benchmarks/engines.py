"""Speed of extracting features as ratios, measured side by side on this machine.

    python benchmarks/engines.py [--backbones mobilenet,vgg16] [--size 224] [--images 96] [--repeats 3]

Images a second, batch 32, float32, of the same network with the same images:

- ours: `training.features.extract` with `--engine auto`: read from the image cache on disk, through the backbone, written to the
  feature store and synchronised; from the first image to the last. What comes before it (tracing, converting, compiling) is the
  column "begin", in seconds.
- as installed: `Model.predict` on pictures in memory, in a process without any of our settings, up to its last batch (what it
  waits for after that: `measured.to_the_last_batch`). oneDNN off: the same with TF_ENABLE_ONEDNN_OPTS=0, which is TensorFlow's
  own choice on a processor without AVX-512.
- bare, in memory, nothing written: TensorFlow's graph with oneDNN; the graph compiled by XLA (on 8 images, once before the
  turns, because it may be very slow); OpenVINO with its own choice of streams (PERFORMANCE_HINT=THROUGHPUT) on batches of 32.

All take turns, so that a machine whose speed drifts favours none; ratios are of the same turn. Everything is compiled and run
once before. Weights are random: speed does not depend on them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from keras_leuk.data.demo import make_demo
from keras_leuk.data.read import read
from keras_leuk.devices.start import start, versions
from keras_leuk.devices.threads import cores
from keras_leuk.images.cache import Pictures, ingest
from keras_leuk.images.preprocessing import Preparation
from keras_leuk.models.assembly import build
from keras_leuk.models.backbones import find
from keras_leuk.models.weights import resolve
from keras_leuk.progress import Advance, Progress
from keras_leuk.recipe.loading import validate
from keras_leuk.recipe.model import Head
from keras_leuk.training import features
from keras_leuk.training.engine_choice import choose, processor
from keras_leuk.training.engine_openvino import converted
from keras_leuk.training.engine_trial import graph, timed
from keras_leuk.training.forward import BATCH, Forward
from keras_leuk.training.preflight import check

BACKBONES = "mobilenet,efficientnetb3,vgg16,resnet50"
BARE = ("TensorFlow", "XLA", "OpenVINO")

PREDICTING = """
import sys, time
import numpy as np
from keras_leuk.models.backbones import find
import keras
from keras_leuk.models import assembly
# The network is built by our own code so that it is the very same; none of our settings is made.
assembly.start = lambda: None
from keras_leuk.models.weights import resolve
from keras_leuk.recipe.model import Head
record = find(sys.argv[1])
pictures = np.load(sys.argv[2])
model = assembly.build(record, Head(), size=pictures.shape[1], classes=2, seed=0, weights=resolve("random", record)).trunk
model.predict(pictures[:64], batch_size=32, verbose=0)
print("ready", flush=True)
sys.path.insert(0, sys.argv[3])
from measured import to_the_last_batch
timed = to_the_last_batch(lambda **more: model.predict(pictures, batch_size=32, verbose=0, **more))
for line in sys.stdin:
    print(timed(), flush=True)
"""


class Clock(Progress):
    """Notes when the last stage began."""

    began = 0.0

    @contextmanager
    def stage(self, name: str, total: int, unit: str, start: int = 0) -> Iterator[Advance]:
        self.began = time.perf_counter()
        yield lambda n=1, **facts: None


class Predict:
    """`Model.predict` in a process of its own, with or without a setting of oneDNN."""

    def __init__(self, backbone: str, file: Path, onednn: str | None):
        environment = {name: value for name, value in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
        environment |= {"TF_CPP_MIN_LOG_LEVEL": "3"} | ({"TF_ENABLE_ONEDNN_OPTS": onednn} if onednn is not None else {})
        self.process = subprocess.Popen(
            [sys.executable, "-c", PREDICTING, backbone, str(file), str(Path(__file__).parent)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self._line()

    def __call__(self) -> float:
        """Seconds of one `Model.predict` up to its last batch."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return float(self._line())

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("Model.predict could not be run")
        return line

    def close(self) -> None:
        """Ends the process."""
        self.process.communicate()


def main() -> None:
    """Prints the table, a row a backbone."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbones", default=BACKBONES)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--images", type=int, default=96)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    device, found = start()["device"], versions()
    print(f"{device} ({processor()}), {cores()} threads; TensorFlow {found['tensorflow']}, Keras {found['keras']}")
    print(f"{options.size} px, batch {BATCH}, {options.images} images, float32; median (least-most) of {options.repeats} turns\n")
    with tempfile.TemporaryDirectory() as folder:
        pictures = _pictures(Path(folder), options)
        rows = [_measured(name, pictures, Path(folder), options) for name in options.backbones.split(",")]
    _print("Images a second", rows, ("ours", "as installed", "oneDNN off", *BARE), "begin")
    _print("Ours, times as fast as", rows, ("/ as installed", "/ oneDNN off", "/ fastest bare"), "engine")


def _pictures(folder: Path, options: argparse.Namespace) -> Pictures:
    table = read(str(make_demo(folder, cells=options.images, subjects=12)), "cnmc")
    rows = table.labelled[table.labelled["part"] == "training"]
    return ingest([table.root / name for name in rows["image"]], preparation=Preparation(options.size), cache=folder)


def _measured(name: str, pictures: Pictures, folder: Path, options: argparse.Namespace) -> dict[str, str]:
    backbone, weights = find(name), resolve("random", find(name))
    recipe = validate({"model": {"backbone": name}, "images": {"size": options.size}})
    engine = choose(recipe, check(recipe), folder, Progress())
    classifier = build(backbone, Head(), size=options.size, classes=2, seed=0, weights=weights)
    held = pictures.store.rows()[pictures.row_numbers()]
    np.save(folder / "pictures.npy", held)
    begins: list[float] = []

    def ours() -> float:
        clock, began = Clock(), time.perf_counter()
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            features.extract(
                classifier,
                pictures,
                backbone=backbone,
                weights=weights,
                pooling="avg",
                mixed_precision="off",
                cache=Path(cache),
                progress=clock,
                engine=engine,
            )
        begins.append(clock.began - began)
        return (time.perf_counter() - clock.began) / len(held)

    predicts = [Predict(name, folder / "pictures.npy", setting) for setting in (None, "0")]
    plain, openvino = Forward(classifier.trunk), _openvino(classifier.trunk)
    xla = timed(graph(classifier.trunk, xla=True), held[: BATCH // 4])["image_seconds"]
    everything = np.arange(len(held))
    columns: dict[str, Callable[[], float]] = {
        "ours": ours,
        "as installed": lambda: predicts[0]() / len(held),
        "oneDNN off": lambda: predicts[1]() / len(held),
        "TensorFlow": lambda: _seconds(lambda: plain.all(held, everything)) / len(held),
        "XLA": lambda: xla,
        "OpenVINO": lambda: _seconds(lambda: openvino(held)) / len(held),
    }
    plain(held[:BATCH]), openvino(held[:BATCH])
    turns = [{column: 1 / work() for column, work in columns.items()} for _ in range(options.repeats)]
    for predict in predicts:
        predict.close()
    for turn in turns:
        turn["/ as installed"] = turn["ours"] / turn["as installed"]
        turn["/ oneDNN off"] = turn["ours"] / turn["oneDNN off"]
        turn["/ fastest bare"] = turn["ours"] / max(turn[column] for column in BARE)
    told = {column: _spread([turn[column] for turn in turns]) for column in turns[0]}
    return {"backbone": name, **told, "begin": f"{_spread(begins)} s", "engine": engine}


def _openvino(trunk: Any) -> Callable[[np.ndarray], np.ndarray]:
    """OpenVINO as its own documents recommend it for throughput, on batches of 32."""
    import openvino

    settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_NUM_THREADS": cores()}
    compiled = openvino.Core().compile_model(converted(trunk, count=BATCH), "CPU", settings)
    queue = openvino.AsyncInferQueue(compiled)

    def run(held: np.ndarray) -> np.ndarray:
        outputs = np.empty((len(held), *trunk.output.shape[1:]), np.float32)

        def take(request: Any, begin: int) -> None:
            outputs[begin : begin + BATCH] = request.get_output_tensor(0).data

        queue.set_callback(take)
        for begin in range(0, len(held), BATCH):
            queue.start_async({0: held[begin : begin + BATCH]}, begin)
        queue.wait_all()
        return outputs

    return run


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.3g} ({min(values):.3g}-{max(values):.3g})"


def _print(title: str, rows: list[dict[str, str]], columns: tuple[str, ...], last: str) -> None:
    print(f"| {title} | {' | '.join((*columns, last))} |")
    print(f"| --- {'| ---: ' * len(columns)}| --- |")
    for row in rows:
        print(f"| {row['backbone']} | {' | '.join(row[column] for column in (*columns, last))} |")
    print()


if __name__ == "__main__":
    main()
