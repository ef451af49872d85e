"""What one image costs in each network that a paper uses: measured here, used for projections.

    python benchmarks/unit_costs.py --out keras_leuk/papers/unit_costs.csv
    python benchmarks/unit_costs.py --only mobilenet,vgg16

Random weights, float32, batches of 32 made-up pictures of 224 pixels, all layers trained in the step; each network in a process
of its own. What counts is processor time, over the number of cores for passes and steps, which use them all: other work on the
machine adds little to it. The best of three is taken.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import time
from pathlib import Path

from keras_leuk.models.backbones import BACKBONES

COLUMNS = ("backbone", "forward_ms", "step_ms", "build_s", "compile_forward_s", "compile_step_s")
SIZE, BATCH, REPEATS = 224, 32, 3


def one(name: str) -> dict[str, float]:
    """Costs of one network; times an image in milliseconds, times of building and compiling in seconds."""
    import numpy as np

    from keras_leuk.devices.start import start
    from keras_leuk.devices.threads import cores
    from keras_leuk.images.pipeline import Feed
    from keras_leuk.models import heads
    from keras_leuk.models.assembly import build
    from keras_leuk.models.weights import resolve
    from keras_leuk.recipe.model import Head
    from keras_leuk.recipe.training import Training
    from keras_leuk.training.fit import compile_model, phases
    from keras_leuk.training.forward import Forward

    start()
    backbone, head, training = BACKBONES[name], Head(), Training()
    pictures = np.random.default_rng(0).integers(0, 256, (BATCH, SIZE, SIZE, 3)).astype(np.uint8)

    def timed(work, over: int = 1) -> float:
        began = time.process_time()
        work()
        return (time.process_time() - began) / over

    built: list = []
    weights = resolve("random", backbone)
    building = timed(
        lambda: built.append(
            build(backbone, head, size=SIZE, classes=2, seed=0, weights=weights, fine_tune="all", batch_norm="train")
        )
    )
    classifier = built[0]
    forward = Forward(classifier.trunk)
    first = timed(lambda: forward(pictures))
    seconds = min(timed(lambda: forward(pictures), cores()) for _ in range(REPEATS))
    targets = heads.targets(np.arange(BATCH) % 2, head.output, 2, 1)
    feed = Feed(pictures, np.arange(BATCH), targets, batch_size=BATCH)
    compile_model(classifier.model, training, phases(training, feed.steps)[0])
    data = feed.dataset()
    first_step = timed(lambda: classifier.model.fit(data, epochs=1, verbose=0, shuffle=False))
    step = min(timed(lambda: classifier.model.fit(data, epochs=1, verbose=0, shuffle=False), cores()) for _ in range(REPEATS))
    return {
        "forward_ms": 1000 * seconds / BATCH,
        "step_ms": 1000 * step / BATCH,
        "build_s": building,
        "compile_forward_s": max(first - cores() * seconds, 0.0),
        "compile_step_s": max(first_step - cores() * step, 0.0),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="names of networks, with commas between")
    parser.add_argument("--out", type=Path, help="CSV file; networks that are in it and not measured now stay")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(one(asked.one)))
        return
    known: dict[str, dict[str, str]] = {}
    if asked.out and asked.out.is_file():
        with asked.out.open(encoding="utf-8", newline="") as file:
            known = {row["backbone"]: row for row in csv.DictReader(file)}
    names = asked.only.split(",") if asked.only else list(BACKBONES)
    for name in names:
        answer = subprocess.run([sys.executable, __file__, "--one", name], capture_output=True, text=True, check=True)
        found = json.loads(answer.stdout.splitlines()[-1])
        known[name] = {"backbone": name} | {key: f"{value:.3g}" for key, value in found.items()}
        print(", ".join(f"{key} {value}" for key, value in known[name].items()), flush=True)
        if asked.out:
            with asked.out.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                writer.writeheader()
                writer.writerows(known[name] for name in sorted(known))


if __name__ == "__main__":
    main()
