"""The bare forward pass of each engine, on batches that lie in memory: nothing is read, padded or kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_leuk.bench.reading import BATCH
from keras_leuk.bench.turns import Span, Way, timing


def tensorflow_alone(trunk: Any, resident: np.ndarray, xla: bool) -> Way:
    """TensorFlow's graph on tensors.

    Args:
        resident: uint8 pictures (n, size, size, 3); with fewer than a batch they come again.
    """
    import tensorflow as tf

    held = [tf.constant(batch) for batch in batches(resident, BATCH)]

    @tf.function(jit_compile=xla)  # type: ignore[untyped-decorator]
    def forward(batch: Any) -> Any:
        return trunk(tf.cast(batch, tf.float32), training=False)

    def way(images: int) -> Span:
        with timing() as watch:
            for step in range(images // BATCH):
                features = forward(held[step % len(held)])
            # The values of the last batch are there when all are done, on a GPU, too.
            features.numpy()
        return watch.span(images)

    return way


def openvino_alone(trunk: Any, resident: np.ndarray, threads: int) -> Way:
    """OpenVINO's own queue of asynchronous requests, with its own settings for throughput."""
    import openvino

    from keras_leuk.training.engine_openvino import REQUEST, converted

    settings: dict[str, Any] = {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": threads,
    }
    queue = openvino.AsyncInferQueue(openvino.Core().compile_model(converted(trunk), "CPU", settings))
    held = list(batches(resident, REQUEST))

    def way(images: int) -> Span:
        with timing() as watch:
            for step in range(images // REQUEST):
                queue.start_async({0: held[step % len(held)]}, share_inputs=True)
            queue.wait_all()
        return watch.span(images)

    return way


def batches(resident: np.ndarray, size: int) -> list[np.ndarray]:
    """Batches of one size; the last one begins again with the first pictures."""
    return [np.take(resident, np.arange(first, first + size), axis=0, mode="wrap") for first in range(0, len(resident), size)]
