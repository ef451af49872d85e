"""TensorFlow's two paths, timed: ``python -m keras_leuk.training.engine_trial BACKBONE SIZE``.

Prints a line of JSON for each path as soon as it is timed, so that whoever ends this process keeps what there is: `engine`,
`compile_seconds` (of the first pass) and `image_seconds`. Weights are random: speed does not depend on them.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from keras_leuk.devices.start import start

PASSES = 2


def main(backbone: str, size: int) -> None:
    """Times both paths."""
    start()
    import tensorflow as tf

    from keras_leuk.models.assembly import build
    from keras_leuk.models.backbones import find
    from keras_leuk.models.weights import resolve
    from keras_leuk.recipe.model import Head
    from keras_leuk.training.forward import BATCH

    record = find(backbone)
    trunk = build(record, Head(), size=size, classes=2, seed=0, weights=resolve("random", record)).trunk
    # A batch of VGG16 takes six seconds on two cores; what is compared hardly depends on it there.
    count = BATCH if tf.config.list_physical_devices("GPU") else BATCH // 4
    pictures = np.zeros((count, size, size, 3), np.uint8)
    for engine in ("tensorflow", "xla"):
        print(json.dumps({"engine": engine, **timed(graph(trunk, xla=engine == "xla"), pictures)}), flush=True)


def timed(work: Callable[[np.ndarray], object], pictures: np.ndarray) -> dict[str, float]:
    """Seconds of a first pass beyond those of a later one, and the shortest time an image of some later ones."""
    seconds = []
    for _ in range(1 + PASSES):
        began = time.perf_counter()
        work(pictures)
        seconds.append(time.perf_counter() - began)
    later = min(seconds[1:])
    return {"compile_seconds": max(seconds[0] - later, 0.0), "image_seconds": max(later, 1e-9) / len(pictures)}


def graph(trunk: Any, *, xla: bool) -> Callable[[np.ndarray], object]:
    """The network's inference as TensorFlow compiles it, or as XLA does, for whatever number of pictures it is given first."""
    import tensorflow as tf

    call = tf.function(lambda rows: trunk(tf.cast(rows, tf.float32), training=False), jit_compile=True if xla else None)
    return lambda rows: call(tf.constant(rows)).numpy()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
