"""Speed of extracting features as ratios, measured side by side on this machine.

    python benchmarks/engines.py [--backbones mobilenet,vgg16] [--size 224] [--images 128] [--repeats 4] [--isa avx2]

Images a second, batch 32, float32, of the same network with the same images:

- ours: `training.features.extract` with `--engine auto`: read from the image cache on disk, through the backbone, written to the
  feature store and synchronised; from the first image to the last. What comes before it (tracing, converting, compiling) is the
  column "begin", in seconds.
- as installed: `Model.predict` on pictures in memory, in a process without any of our settings. oneDNN off: the same with
  TF_ENABLE_ONEDNN_OPTS=0, which is TensorFlow's own choice on a processor without AVX-512. Both are timed up to the last batch
  and (whole) up to the return of the call, which waits for a thread of tf.data that sleeps 10, 20, 40 ms and so on: up to twice
  as long, at most a minute, so that it says something of calls as short as these only. How long depends on how many images there
  are, so each turn has another number.
- bare, in memory, nothing written: TensorFlow's graph with oneDNN; the graph compiled by XLA (on 8 images, once before the
  turns, because it may be very slow); OpenVINO with its own choice of streams (PERFORMANCE_HINT=THROUGHPUT) on batches of 32, an
  even number of them by default, because two cores take two at a time.
- arithmetic: operations of one picture (GFLOP), ours a second, and beside it those of a product of two matrices by TensorFlow: a
  network's convolutions, which are such products, can hardly be computed faster.

`--isa avx2` holds every column to the instructions of a processor without AVX-512 (ONEDNN_MAX_CPU_ISA, which TensorFlow with and
without oneDNN and OpenVINO all heed), so that such a machine is measured on one that has them; "oneDNN off" is what is installed
there.

All take turns, so that a machine whose speed drifts favours none; ratios are of the same turn. Everything is compiled and run
once before. Weights are random: speed does not depend on them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from measured import seconds, spread

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

PRODUCT = 4096
"""Side of the matrices whose product is the measure of what arithmetic can be had."""

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
# A whole batch and a part of one, so that no other shape is compiled later.
model.predict(pictures[:48], batch_size=32, verbose=0)
model.predict(pictures[:33], batch_size=32, verbose=0)
print("ready", flush=True)
sys.path.insert(0, sys.argv[3])
from measured import to_the_last_batch
for line in sys.stdin:
    some = pictures[: int(line)]
    timed = to_the_last_batch(lambda **more: model.predict(some, batch_size=32, verbose=0, **more))
    began = time.perf_counter()
    print(timed(), time.perf_counter() - began, flush=True)
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

    def __call__(self, images: int) -> tuple[float, float]:
        """Seconds of one `Model.predict` of so many images up to its last batch, and up to its return."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{images}\n")
        self.process.stdin.flush()
        batches, whole = self._line().split()
        return float(batches), float(whole)

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
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--isa", choices=("avx2", "avx512_core"), help="the newest instructions that may be used")
    options = parser.parse_args()
    if options.isa:
        # No library has looked at it yet, and the processes begun below inherit it.
        os.environ["ONEDNN_MAX_CPU_ISA"] = options.isa.upper()
    device, found = start()["device"], versions()
    print(f"{device} ({processor()}), {cores()} threads; TensorFlow {found['tensorflow']}, Keras {found['keras']}")
    print(f"instructions: {f'up to {options.isa.upper()}' if options.isa else 'as many as the processor has'}")
    print(f"{options.size} px, batch {BATCH}, {options.images} images, float32; median (least-most) of {options.repeats} turns\n")
    with tempfile.TemporaryDirectory() as folder:
        pictures = _pictures(Path(folder), options)
        rows = [_measured(name, pictures, Path(folder), options) for name in options.backbones.split(",")]
    _print("Images a second", rows, ("ours", "as installed", "oneDNN off", *BARE, "begin"))
    _print("Ours, times as fast as", rows, ("/ as installed", "/ oneDNN off", "/ fastest bare", "engine"))
    _print("The whole call", rows, ("as installed, whole", "oneDNN off, whole", "/ as installed, whole", "/ oneDNN off, whole"))
    _print("Arithmetic", rows, ("GFLOP", "GFLOP/s", "product", "share"))


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
        return len(held) / (time.perf_counter() - clock.began)

    predicts = [Predict(name, folder / "pictures.npy", setting) for setting in (None, "0")]
    plain, openvino = Forward(classifier.trunk), _openvino(classifier.trunk)
    xla = 1 / timed(graph(classifier.trunk, xla=True), held[: BATCH // 4])["image_seconds"]
    everything = np.arange(len(held))

    def predicted(predict: Predict, name: str, images: int) -> dict[str, float]:
        batches, whole = predict(images)
        return {name: images / batches, f"{name}, whole": images / whole}

    flops, product = _flops(classifier.trunk), _product()
    plain(held[:BATCH]), openvino(held[:BATCH]), product()
    turns: list[dict[str, float]] = []
    for number in range(options.repeats):
        # Fewer images each turn, down to half: a call's wait doubles from one number to the next that it takes.
        some = round(len(held) * 2 ** (-number / options.repeats))
        turn = {"ours": ours()} | predicted(predicts[0], "as installed", some) | predicted(predicts[1], "oneDNN off", some)
        turn["TensorFlow"] = len(held) / seconds(lambda: plain.all(held, everything))
        turn["XLA"] = xla
        turn["OpenVINO"] = len(held) / seconds(lambda: openvino(held))
        for other in ("as installed", "oneDNN off"):
            turn[f"/ {other}"] = turn["ours"] / turn[other]
            turn[f"/ {other}, whole"] = turn["ours"] / turn[f"{other}, whole"]
        turn["/ fastest bare"] = turn["ours"] / max(turn[column] for column in BARE)
        turn["GFLOP/s"] = turn["ours"] * flops / 1e9
        turn["product"] = 2 * PRODUCT**3 / min(seconds(product) for _ in range(3)) / 1e9
        turn["share"] = turn["GFLOP/s"] / turn["product"]
        turns.append(turn)
    for predict in predicts:
        predict.close()
    told = {column: spread([turn[column] for turn in turns]) for column in turns[0]}
    told |= {"GFLOP": f"{flops / 1e9:.3g}", "begin": f"{spread(begins)} s"}
    return {"backbone": name, **told, "engine": engine}


def _flops(trunk: Any) -> int:
    """Floating-point operations of one picture: two a multiplication, as TensorFlow's profiler counts them."""
    import tensorflow as tf

    signature = tf.TensorSpec((1, *trunk.input.shape[1:]), tf.float32)
    graph = tf.function(lambda rows: trunk(rows, training=False)).get_concrete_function(signature).graph
    wanted = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation() | {"output": "none"}
    return int(tf.compat.v1.profiler.profile(graph, options=wanted).total_float_ops)


def _product() -> Callable[[], object]:
    """A product of two matrices by TensorFlow, which is as fast as arithmetic gets on this machine."""
    import tensorflow as tf

    left = tf.random.stateless_normal((PRODUCT, PRODUCT), seed=(0, 0))
    multiply = tf.function(lambda: tf.linalg.matmul(left, left))
    return lambda: multiply().numpy()


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


def _print(title: str, rows: list[dict[str, str]], columns: tuple[str, ...]) -> None:
    print(f"| {title} | {' | '.join(columns)} |")
    print(f"| --- {'| ---: ' * len(columns)}|")
    for row in rows:
        print(f"| {row['backbone']} | {' | '.join(row[column] for column in columns)} |")
    print()


if __name__ == "__main__":
    main()
