"""What this machine would compute on, and what to install where a GPU is there but out of TensorFlow's reach."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from typing import Any

from keras_leuk.devices.start import start, versions


def describe() -> dict[str, Any]:
    """Facts about the devices.

    Returns:
        ``uses`` (what a run would use), ``gpus`` (what TensorFlow sees: name, compute capability), ``hardware`` (GPUs that the
        system reports), ``advice`` (None, or one line that says what to install), ``cpu`` (cores, instruction sets),
        ``onednn`` and ``versions``.
    """
    facts = start()
    import tensorflow as tf

    gpus = []
    for gpu in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(gpu)
        capability = details.get("compute_capability")
        gpus.append(
            {
                "name": details.get("device_name", gpu.name),
                "compute_capability": ".".join(map(str, capability)) if capability else None,
            }
        )
    hardware = gpu_hardware()
    return {
        "uses": facts["device"],
        "gpus": gpus,
        "hardware": hardware,
        "advice": advice(
            sees=len(gpus),
            hardware=hardware,
            system=sys.platform,
            cuda_build=bool(tf.test.is_built_with_cuda()),
        ),
        "cpu": {"cores": os.cpu_count(), "machine": platform.machine(), "avx512": _has_avx512()},
        "onednn": facts["onednn"],
        "versions": versions(),
    }


def gpu_hardware() -> list[str]:
    """Names of the GPUs that the system itself reports (NVIDIA's tool, or Apple silicon)."""
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return ["Apple silicon GPU"]
    tool = shutil.which("nvidia-smi")
    if tool:
        try:
            answer = subprocess.run(
                [tool, "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True, timeout=10
            )
        except (OSError, subprocess.TimeoutExpired):
            return []
        return [line.strip() for line in answer.stdout.splitlines() if line.strip()] if answer.returncode == 0 else []
    return []


def advice(*, sees: int, hardware: list[str], system: str, cuda_build: bool) -> str | None:
    """What to install, in one line; None where nothing is left to gain."""
    if sees or not hardware:
        return None
    if system == "darwin":
        return f"a Metal GPU is here but TensorFlow does not see it; install the extra: {_install('metal')} (Python 3.11 or 3.12)"
    why = "TensorFlow finds no CUDA libraries" if cuda_build else "this TensorFlow was built without CUDA"
    return f"{hardware[0]} is here but {why}; install the extra: {_install('cuda')}"


def _install(extra: str) -> str:
    return f"pip install 'keras-leuk[{extra}]', or in a clone pip install -e '.[{extra}]'"


def _has_avx512() -> bool | None:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return "avx512f" in file.read()
    except OSError:
        return None
