"""How much memory is free for processes that are still to be started."""

from __future__ import annotations

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
