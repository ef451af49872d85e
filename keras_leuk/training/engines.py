"""The engines of the forward pass: what they are called, whether they are here, and how a pass is made.

``tensorflow`` is TensorFlow's graph as it is, ``xla`` the same graph compiled by XLA, ``openvino`` the same network run by
OpenVINO. All compute in float32; their features agree to a relative error of 1e-4 an image and better
(tests/training/test_engines.py). Fine-tuned networks, mixed precision and several devices are TensorFlow's.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from keras_leuk.errors import LeukError
from keras_leuk.progress import Progress
from keras_leuk.training.forward import Forward, ForwardPass

ENGINES = ("tensorflow", "xla", "openvino")

INSTALL = "pip install 'keras-leuk[openvino]'"


def make_forward(model: Any, engine: str = "tensorflow", dtype: Any = "uint8") -> ForwardPass:
    """A forward pass.

    Args:
        model: Keras model with one input and one output; in float32 for any other engine than ``tensorflow``.
        engine: one of `ENGINES`.
        dtype: of the rows it will be fed (uint8 pictures, float32 features).

    Raises:
        LeukError: the engine is not installed, or cannot take the model.
    """
    if engine == "openvino":
        require(engine)
        from keras_leuk.training.engine_openvino import OpenVinoForward

        try:
            return OpenVinoForward(model, dtype)
        except ImportError as error:
            raise LeukError(f"OpenVINO is installed but does not load ({error}); take --engine tensorflow") from None
    if engine not in ENGINES:
        raise ValueError(f"{engine!r} is no engine: {', '.join(ENGINES)}")
    return Forward(model, dtype, xla=engine == "xla")


def openvino_version() -> str | None:
    """Its version; None where it is not installed."""
    try:
        return version("openvino")
    except PackageNotFoundError:
        return None


def require(engine: str) -> None:
    """Makes sure that an engine is here.

    Raises:
        LeukError: it is not installed; the line says what to type.
    """
    if engine == "openvino" and openvino_version() is None:
        raise LeukError(f"model.engine: 'openvino' is not installed; install it with: {INSTALL}, or take --engine tensorflow")


def engine_facts(engine: str) -> dict[str, Any]:
    """What of an engine shapes a feature, for content addresses; ``tensorflow`` leaves the address that features had before."""
    if engine == "tensorflow":
        return {}
    return {"engine": {"name": engine} | ({"version": openvino_version()} if engine == "openvino" else {})}


def described(engine: str) -> str:
    """Name and, where it is a package of its own, version."""
    return f"openvino {openvino_version()}" if engine == "openvino" else engine


def usable(engine: str, progress: Progress) -> str:
    """The engine of a finished run; ``tensorflow``, with a warning, where it is not installed."""
    if engine == "openvino" and openvino_version() is None:
        progress.warn(
            "the run's features were computed by openvino, which is not installed; tensorflow computes them now, and results may "
            f"differ in the last digits ({INSTALL})"
        )
        return "tensorflow"
    return engine
