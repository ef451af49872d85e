"""The forward pass by OpenVINO: quicker than TensorFlow on processors without a GPU, in float32 all the same.

The Keras model is traced with its weights as constants and handed over as a TensorFlow graph; preprocessing stays in it, and
pictures travel as bytes. `openvino.convert_model` would do the same in Python, takes several times as long, and reports its use
to a server; `Core.read_model` does neither.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from keras_leuk.devices.start import start
from keras_leuk.devices.threads import cores
from keras_leuk.errors import LeukError
from keras_leuk.training.forward import BATCH, ForwardPass, Rows, padded, read_ahead

REQUEST = 4
"""Images an inference request: small ones keep activations in the processor's cache; the bits are those of any number."""

MOST_STREAMS = 8
"""Requests computed at a time, at most: each stream holds activations of its own (some 150 MB for VGG16)."""


class OpenVinoForward(ForwardPass):
    """A pass whose weights are those that the model had when it was made.

    Requests of one fixed shape run side by side in streams of one thread or more. No image sees another, and no sum is parted
    among threads, so an image has the same bits in any company, order and number of streams. Whoever takes `blocks` takes them
    to the end, or lets go of them, before the pass is used again.

    Args:
        model: Keras model in float32 with one input and one output.
        dtype: of the rows it will be fed (uint8 pictures, float32 features).
        streams: requests that are computed at a time (None: one a core, at most `MOST_STREAMS`).

    Raises:
        LeukError: OpenVINO cannot take the model.
    """

    def __init__(self, model: Any, dtype: Any = "uint8", *, streams: int | None = None):
        import openvino

        self.output_shape = tuple(model.output.shape[1:])
        threads = cores()
        settings: dict[str, Any] = {
            # Processors with bfloat16 instructions would use it unasked.
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": streams or min(threads, MOST_STREAMS),
            # Processes of a grid would all be pinned to the same cores.
            "ENABLE_CPU_PINNING": False,
        }
        compiled = openvino.Core().compile_model(converted(model, dtype), "CPU", settings)
        # One more than is computed, so that no stream waits for whoever takes the results.
        count = int(compiled.get_property("NUM_STREAMS")) + 1
        self._requests = [compiled.create_infer_request() for _ in range(count)]

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        return np.concatenate(list(self._inferred(_requests_of(rows))))[: len(rows)]

    def blocks(self, rows: Rows, index: np.ndarray) -> Iterator[np.ndarray]:
        outputs = self._inferred(part for batch in read_ahead(rows, index) for part in _requests_of(batch))
        for begin in range(0, len(index), BATCH):
            count = min(BATCH, len(index) - begin)
            yield np.concatenate([next(outputs) for _ in range(-(-count // REQUEST))])[:count]

    def _inferred(self, parts: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Outputs of parts of `REQUEST` rows, in their order."""
        idle, running = list(self._requests), deque[Any]()
        try:
            for part in parts:
                if not idle:
                    yield _finished(running[0])
                    idle.append(running.popleft())
                request = idle.pop()
                request.start_async({0: part})
                running.append(request)
            while running:
                yield _finished(running[0])
                running.popleft()
        finally:
            # Whoever stops taking results early leaves requests behind that the next call would find at work.
            for request in running:
                request.wait()


def _finished(request: Any) -> np.ndarray:
    request.wait()
    outputs: np.ndarray = request.get_output_tensor(0).data.copy()
    return outputs


def _requests_of(rows: np.ndarray) -> Iterator[np.ndarray]:
    for begin in range(0, len(rows), REQUEST):
        yield padded(rows[begin : begin + REQUEST], REQUEST)


def converted(model: Any, dtype: Any = "uint8", count: int = REQUEST) -> Any:
    """A Keras model as an `openvino.Model` that eats so many rows of a type.

    Raises:
        LeukError: it holds something that OpenVINO does not know.
    """
    import openvino

    graph, output = _traced(model, dtype, count)
    try:
        # The reader wants a file. Its suffix says what it is.
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.pb"
            file.write_bytes(graph)
            found = openvino.Core().read_model(file)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise LeukError(
            f"OpenVINO cannot take {model.name}: {lines[-1][:160] if lines else 'no reason given'}; use --engine tensorflow"
        ) from None
    if len(found.inputs) != 1:
        raise LeukError(f"OpenVINO sees {len(found.inputs)} inputs in {model.name}, not one; use --engine tensorflow")
    # Whatever nobody consumes passes for an output, such as the inputs that a swish keeps for its gradient.
    wanted = [result for result in found.get_results() if output in result.input(0).get_source_output().get_names()]
    return openvino.Model(wanted, found.get_parameters())


def _traced(model: Any, dtype: Any, count: int) -> tuple[bytes, str]:
    """The model's inference as a serialised TensorFlow graph without variables, and the name of its output."""
    start()
    import tensorflow as tf

    trained, fixed = ([variable.numpy() for variable in of] for of in (model.trainable_variables, model.non_trainable_variables))

    def call(rows: Any) -> Any:
        constants = ([tf.constant(value) for value in values] for values in (trained, fixed))
        outputs, _ = model.stateless_call(*constants, tf.cast(rows, tf.float32), training=False)
        return tf.cast(outputs, tf.float32)

    signature = [tf.TensorSpec((count, *model.input.shape[1:]), tf.as_dtype(dtype), name="rows")]
    function = tf.function(call, signature).get_concrete_function()
    return function.graph.as_graph_def().SerializeToString(), function.outputs[0].name
