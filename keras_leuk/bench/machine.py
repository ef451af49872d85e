"""What was measured on: facts without which a speed means nothing."""

from __future__ import annotations

import os
import platform
from typing import Any

from keras_leuk.devices.describe import describe
from keras_leuk.devices.memory import available
from keras_leuk.devices.threads import cores
from keras_leuk.training.engine_choice import processor


def machine() -> dict[str, Any]:
    """Facts of `devices.describe`, the processor's name, threads in use, free memory and the work of others at this moment."""
    before = load()  # starting TensorFlow is work, too
    return {
        **describe(),
        "processor": processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "threads": cores(),
        "free_memory_bytes": available(),
        "load": before,
    }


def load() -> float | None:
    """Processes that wanted a core over the last minute; None where the system does not tell (Windows)."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None
