"""How much memory is free for processes that are still to be started, and how much this one has taken."""

from __future__ import annotations

import sys
from pathlib import Path


def available() -> float | None:
    """Bytes that can be used without swapping, by the kernel's own estimate; None where it gives none (macOS)."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return float(line.split()[1]) * 1024
    return None


def peak() -> int | None:
    """Most memory that this process has held at a time (highest resident set), bytes; None where the system does not tell.

    Linux' own figure of the process, because its ``ru_maxrss`` begins with that of whoever started the process.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return None
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024
