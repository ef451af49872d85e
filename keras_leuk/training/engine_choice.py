"""Which engine computes a run's frozen backbone, where the recipe leaves it open.

OpenVINO, if it is installed and there is no GPU. Else the faster of TensorFlow's two paths, the plain graph and XLA's, by a short
trial in a process of its own (`training.engine_trial`) that is ended after `MOST_SECONDS`; compiling with XLA may take minutes.
The answer is kept in the cache folder, for the processor, its threads, the versions, the backbone and the size.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from keras_leuk.devices.describe import gpu_hardware
from keras_leuk.devices.start import start, versions
from keras_leuk.devices.threads import cores
from keras_leuk.errors import RecipeError
from keras_leuk.progress import Progress
from keras_leuk.recipe import Recipe
from keras_leuk.runs.atomic import write_json
from keras_leuk.store.address import address
from keras_leuk.training.engines import described, openvino_version
from keras_leuk.training.preflight import Parts

FOLDER = "engines"
"""Below the cache folder: a JSON file a trial."""

MOST_SECONDS = 15.0
"""A trial is ended after that; a path that was not timed by then is not taken."""

IMAGES = 10_000
"""Of so many images the time is compared, compilation included, which every process pays: a data set like C-NMC."""

GAIN = 0.9
"""XLA is taken if it needs at most this share of the plain graph's time, so that chance does not choose."""

Trial = dict[str, dict[str, float]]
"""Path (``tensorflow``, ``xla``) → ``compile_seconds``, ``image_seconds``."""


def with_engine(recipe: Recipe, parts: Parts, cache: Path, progress: Progress) -> Recipe:
    """The recipe with its engine chosen; see `choose`."""
    engine = choose(recipe, parts, cache, progress)
    return recipe.model_copy(update={"model": recipe.model.model_copy(update={"engine": engine})})


def choose(recipe: Recipe, parts: Parts, cache: Path, progress: Progress) -> str:
    """The engine that computes the run's frozen backbone; ``tensorflow`` where there is none.

    Args:
        cache: the cache folder, where a trial is kept.

    Raises:
        RecipeError: XLA or OpenVINO was asked for, and there are several devices.
    """
    asked = recipe.model.engine
    if recipe.model.fine_tune != "none" or recipe.model.features == "hand" or recipe.training.mixed_precision != "off":
        return "tensorflow"
    if asked == "tensorflow":
        return asked
    devices = gpus()
    if devices > 1:
        if asked != "auto":
            raise RecipeError("model.engine", asked, f"needs one device; TensorFlow sees {devices}", ["tensorflow", "auto"])
        return "tensorflow"
    if asked != "auto":
        return asked
    if devices == 0 and openvino_version() is not None:
        progress.say(f"engine: {described('openvino')}, installed and quicker than TensorFlow without a GPU (model.engine)")
        return "openvino"
    return _faster(parts, cache, progress, devices)


def gpus() -> int:
    """GPUs that TensorFlow sees. It is only started where the system shows signs of any, or has been started before."""
    signs = any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/kfd").exists()
    if "tensorflow" not in sys.modules and not signs and not gpu_hardware():
        return 0
    start()
    import tensorflow as tf

    return len(tf.config.list_physical_devices("GPU"))


def _faster(parts: Parts, cache: Path, progress: Progress, devices: int) -> str:
    facts = _facts(parts, devices)
    path = Path(cache) / FOLDER / f"{address(facts)}.json"
    trial = _kept(path)
    if trial is None:
        progress.say(f"engine: trying tensorflow and xla on {parts.backbone.name}, at most {MOST_SECONDS:.0f} s, once a machine")
        trial = run_trial(parts.backbone.name, parts.size)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"schema": 1, "facts": facts, "trial": trial})
    engine = faster(trial)
    timed = ", ".join(f"{name} {1 / found['image_seconds']:.3g} images/s" for name, found in trial.items())
    progress.say(f"engine: {engine} ({timed or 'none was timed in time'}; {path})")
    return engine


def faster(trial: Trial) -> str:
    """The path that takes less time for `IMAGES` images, compilation included; ``tensorflow`` unless XLA gains by `GAIN`."""
    seconds = {name: found["compile_seconds"] + IMAGES * found["image_seconds"] for name, found in trial.items()}
    return "xla" if len(seconds) == 2 and seconds["xla"] <= GAIN * seconds["tensorflow"] else "tensorflow"


def run_trial(backbone: str, size: int, most_seconds: float = MOST_SECONDS) -> Trial:
    """Times both paths in a process of its own; what was not timed in time is not in the answer."""
    command = [sys.executable, "-m", "keras_leuk.training.engine_trial", backbone, str(size)]
    try:
        text = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=most_seconds).stdout
    except subprocess.TimeoutExpired as late:
        text = late.stdout or b""
    lines = text.decode("utf-8", "replace").splitlines(keepends=True)
    # A line is cut short if the process was ended while it wrote.
    found = [json.loads(line) for line in lines if line.endswith("\n")]
    return {line.pop("engine"): line for line in found}


def _facts(parts: Parts, devices: int) -> dict[str, Any]:
    """What the speed of TensorFlow's paths depends on."""
    found = versions()
    return {
        "processor": processor(),
        "gpus": gpu_hardware() if devices else [],
        "threads": cores(),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS"),
        "versions": {name: found[name] for name in ("tensorflow", "keras")},
        "backbone": parts.backbone.name,
        "size": parts.size,
        "precision": "float32",
    }


def processor() -> str:
    """The processor's model, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _kept(path: Path) -> Trial | None:
    """An earlier trial; None if there is none that can be read."""
    try:
        trial: Trial = json.loads(path.read_text(encoding="utf-8"))["trial"]
        faster(trial)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return trial
