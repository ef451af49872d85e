"""Made-up tables of images, as the audit hands them to its sections."""

from __future__ import annotations

import numpy as np
import pandas as pd

from keras_leuk.audit.descriptors import DESCRIPTORS


def made(seed=0, subjects=40, cells=12, classes=("hem", "ALL"), known=True, **columns):
    """Subjects of one class each, uneven sizes, every descriptor an effect of the subject and noise.

    columns: descriptors to replace, a number for a constant or a function (table, generator) -> values.
    """
    generator = np.random.default_rng(seed)
    size = np.maximum(2, generator.poisson(cells, subjects) + generator.integers(-cells // 3, cells // 3 + 1, subjects))
    who = np.repeat(np.arange(subjects), size)
    n = len(who)
    names = [f"S{w}" for w in who]
    table = pd.DataFrame(
        {
            "image": [f"{w:03}/{i:05}.png" for i, w in enumerate(who)],
            "label": [classes[w % len(classes)] for w in who],
            "subject": pd.Series(names if known else [None] * n, dtype=object),
            "group": names if known else [f"I{i}" for i in range(n)],
            "fold": pd.Series([None] * n, dtype=object),
            "part": pd.Series([None] * n, dtype=object),
            "pixels": [f"{i:064x}" for i in range(n)],
        }
    )
    for name in DESCRIPTORS:
        table[name] = generator.normal(size=subjects)[who] + generator.normal(size=n)
    for name, value in columns.items():
        table[name] = value(table, generator) if callable(value) else float(value)
    return table
