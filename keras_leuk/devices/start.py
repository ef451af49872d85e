"""Starting TensorFlow: environment first, then the import, then devices and determinism.

Every module that needs TensorFlow or Keras calls `start` before it imports them. What was decided is kept in
`environment.json` of the run.
"""

from __future__ import annotations

import gc
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from keras_leuk import __version__
from keras_leuk.devices.threads import beside, cores, granted

_started: dict[str, Any] | None = None


def start() -> dict[str, Any]:
    """Imports TensorFlow once, set up for repeatable work.

    - oneDNN is switched on where TensorFlow carries it and leaves it off (x86-64 without AVX-512: 1.6 to 2.4 times as fast);
      a value that the user set is left alone.
    - Operations are deterministic: the same program on the same machine gives the same bits.
    - GPU memory grows as needed instead of being taken whole.

    Returns:
        Facts for `environment.json`: ``onednn`` (the setting and who made it) and ``device``.
    """
    global _started
    if _started is not None:
        return _started
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    given = os.environ.get("TF_ENABLE_ONEDNN_OPTS")
    if given is None and platform.machine().lower() in ("x86_64", "amd64") and sys.platform != "darwin":
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
    onednn = os.environ.get("TF_ENABLE_ONEDNN_OPTS")

    with _quiet_native_log():
        with _nothing_collected():
            import keras  # noqa: F401
            import tensorflow as tf

        if (threads := granted()) is not None:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
        gpus = tf.config.list_physical_devices("GPU")
    tf.get_logger().setLevel("ERROR")
    for gpu in gpus:
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except (RuntimeError, ValueError):
            # Another part of the program used the device first; growth is a courtesy, not a promise.
            break
    tf.config.experimental.enable_op_determinism()
    _started = {
        "onednn": {
            "TF_ENABLE_ONEDNN_OPTS": onednn,
            "set_by": "user" if given is not None else "keras-leuk" if onednn else "nobody",
        },
        "device": device_name(),
    }
    return _started


def preparing() -> int:
    """Threads that prepare pictures: all, unless TensorFlow has been started, which then computes at the same time."""
    if _started is None:
        return cores()
    import tensorflow as tf

    return beside(gpu=bool(tf.config.list_physical_devices("GPU")))


@contextmanager
def _quiet_native_log() -> Iterator[None]:
    """Keeps what TensorFlow's C++ side writes straight to descriptor 2 while it loads away from the user.

    It tells which libraries it looked for and that oneDNN is on, whatever TF_CPP_MIN_LOG_LEVEL says. Shown if loading fails.
    """
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (OSError, ValueError, AttributeError):
        yield
        return
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            yield
        except BaseException:
            log.seek(0)
            os.write(kept, log.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Spares the garbage collector what is loaded: 400,000 objects that last as long as the process.

    Searched while they come into being, they make loading a sixth longer; afterwards they would be most of what each
    `keras.backend.clear_session` looks through, once a network.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if enabled:
            gc.enable()


def device_name() -> str:
    """What TensorFlow computes on, in words: ``2 x NVIDIA A100`` or ``CPU, 8 cores``."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return f"CPU, {os.cpu_count()} cores"
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in gpus]
    return names[0] if len(names) == 1 else f"{len(names)} x {names[0]}"


def strategy() -> Any:
    """How variables are placed: mirrored over several GPUs, else TensorFlow's default."""
    start()
    import tensorflow as tf

    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def versions() -> dict[str, str]:
    """Versions of everything that shapes a number."""
    from importlib.metadata import PackageNotFoundError, version

    # Of the code that runs, installed or not: an address must not depend on how it came here.
    found = {"python": platform.python_version(), "keras-leuk": __version__}
    for package in (
        "tensorflow",
        "keras",
        "numpy",
        "pandas",
        "scikit-learn",
        "scikit-image",
        "scipy",
        "opencv-python-headless",
        "pillow",
        "h5py",
        "matplotlib",
        "seaborn",
    ):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
