"""From the command line to the first training step, and what takes the time on the way.

    python benchmarks/cold_start.py [--recipe default] [--images 64] [--repeats 3] [--set KEY=VALUE ...] [--csv FILE]

Each measurement is a process of its own, which does what `keras-leuk train` does, in its order, and ends after the first step. It
is done twice with one cache folder: from nothing, and once more. Times are wall time and begin before the process is started.
Weights are random unless --set model.weights says otherwise.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from measured import append, spread

STAGES = {
    "imports": "Python, and ours but TensorFlow",
    "tensorflow": "TensorFlow and Keras",
    "data": "table, image cache, split",
    "model": "building the network",
    "features": "images through the frozen backbone, compiling it included",
    "tracing": "compiling the training step and the evaluation",
    "step": "the first step",
}


def main() -> None:
    """Prints the stages from nothing and with a filled cache; appends one CSV row a stage where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--images", type=int, default=64, help="generated training images")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any key of the recipe")
    parser.add_argument("--csv", type=Path, help="append the measurements here")
    parser.add_argument("--measure", nargs=2, metavar=("BEGAN", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options, float(options.measure[0]), Path(options.measure[1]))))
        return
    runs: dict[str, list[dict[str, float]]] = {"from nothing": [], "with a filled cache": []}
    for _ in range(options.repeats):
        with tempfile.TemporaryDirectory() as folder:
            generate(Path(folder), options.images)
            for kind in runs:
                runs[kind].append(once(options, folder))
    print(f"recipe {options.recipe} {' '.join(options.set)}, {options.images} training images, {options.repeats} processes each")
    print(f"\n| seconds, median (range) | {' | '.join(runs)} |\n| --- | --- | --- |")
    for stage in (*STAGES, "total"):
        cells = " | ".join(spread([run[stage] for run in found]) for found in runs.values())
        print(f"| {stage}: {STAGES.get(stage, 'from the command to the end of the first step')} | {cells} |")
    if options.csv:
        write(options, runs)


def generate(folder: Path, images: int) -> None:
    """The demo's cells, drawn before any clock runs."""
    from keras_leuk.data.demo import make_demo

    made = make_demo(folder / "demo", cells=images, subjects=12)
    (folder / "data.txt").write_text(str(made), encoding="utf-8")


def once(options: argparse.Namespace, folder: str) -> dict[str, float]:
    """One process."""
    sets = [word for key in options.set for word in ("--set", key)]
    command = [sys.executable, __file__, "--recipe", options.recipe, *sets, "--measure", str(time.monotonic()), folder]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, float] = json.loads(answer.splitlines()[-1])
    return found


def measure(options: argparse.Namespace, began: float, folder: Path) -> dict[str, float]:
    """One start, in this process; `began` is the time of `time.monotonic` before it was started."""
    laps = [began]

    def lap() -> None:
        laps.append(time.monotonic())

    from keras_leuk.progress import Progress, Recorder
    from keras_leuk.recipe import load
    from keras_leuk.training import epochs, results, single
    from keras_leuk.training.fit import compile_model
    from keras_leuk.training.network import build_network
    from keras_leuk.training.run import assemble

    lap()
    from keras_leuk.devices.start import start

    start()
    import keras

    assert keras.__version__
    lap()
    asked = load(
        options.recipe,
        flags={"data.path": (folder / "data.txt").read_text(encoding="utf-8"), "model.weights": "random"},
        sets=options.set,
    )
    recorder = Recorder()
    materials, splits, recipe = assemble(asked, folder / "cache", recorder)
    context = results.Context(recipe, materials, folder / "cache", (), recorder, 1e9, time.perf_counter())
    lap()
    classifier = build_network(context)
    lap()
    course = single.prepare(classifier, context, splits[0])
    lap()
    # One step a look, and the first look ends it.
    epochs.HEARD = 1

    class Ends(Progress):
        def check(self) -> None:
            raise KeyboardInterrupt

    compile_model(course.trained, recipe.training, course.plan[0])
    first = epochs.epochs_of(course.trained, course.train, course.watched)
    lap()
    try:
        first.train(1, Ends())
    except KeyboardInterrupt:
        lap()
    seconds = [after - before for before, after in pairwise(laps)]
    return dict(zip(STAGES, seconds, strict=True)) | {"total": laps[-1] - laps[0]}


def write(options: argparse.Namespace, runs: dict[str, list[dict[str, float]]]) -> None:
    """One row a process."""
    rows = [{"recipe": options.recipe, "cache": kind, **run} for kind, found in runs.items() for run in found]
    append(options.csv, rows)


if __name__ == "__main__":
    main()
