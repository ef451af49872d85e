"""The one place that randomness comes from: (seed, what, index…) → a key → a generator.

No draw depends on how many draws came before it elsewhere, so order of work, resuming and the number of workers change
nothing.
"""

from __future__ import annotations

import hashlib

import numpy as np


def key(seed: int, what: str, *index: int) -> int:
    """A 128-bit key of (seed, what, index…)."""
    text = "/".join([str(seed), what, *(str(int(i)) for i in index)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")


def generator(seed: int, what: str, *index: int) -> np.random.Generator:
    """A NumPy generator (Philox) that depends on (seed, what, index…) alone."""
    return np.random.Generator(np.random.Philox(key=key(seed, what, *index)))


def small_seed(seed: int, what: str, *index: int) -> int:
    """A seed below 2**31, for libraries that take no wider one."""
    return key(seed, what, *index) % 2**31


def uniforms(seed: int, what: str, *index: int, count: int) -> np.ndarray:
    """`count` numbers of [0, 1) that depend on (seed, what, index…) alone, float64.

    For draws too many and too small for a generator each: SHAKE-128 of the key, 8 bytes a number, in a hundredth of the time.
    """
    text = "/".join([str(seed), what, *(str(int(i)) for i in index)])
    words = np.frombuffer(hashlib.shake_128(text.encode()).digest(8 * count), "<u8")
    return (words >> np.uint64(11)) * 2.0**-53
