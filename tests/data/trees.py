"""Small trees of empty files: the readers never open an image."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd


def plant(root: Path, names: Iterable[str]) -> Path:
    """Empty files below `root`; a name that ends in '/' makes an empty folder."""
    for name in names:
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return root


def records(table_rows: pd.DataFrame, *columns: str) -> dict[str, tuple[str | None, ...]]:
    """File name without folders → the values of some columns."""
    return {row["image"].rpartition("/")[2]: tuple(row[c] for c in columns) for row in table_rows.to_dict("records")}


def labelled(images: Iterable[tuple[str | None, str]], **columns: list[str | None]) -> pd.DataFrame:
    """Rows for splits: (subject, label) each; pixels differ and nothing else is known unless given."""
    images = list(images)
    rows = {
        "image": [f"{i}.png" for i in range(len(images))],
        "label": [label for _, label in images],
        "subject": [subject for subject, _ in images],
        "fold": [None] * len(images),
        "part": [None] * len(images),
        "pixels": [f"hash{i}" for i in range(len(images))],
    }
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in {**rows, **columns}.items()})


def cohort(subjects: int = 20, cells: int = 5, **columns: list[str | None]) -> pd.DataFrame:
    """Subjects s0, s1, … by turns ALL and HEM, each with the same number of cells."""
    images = [(f"s{s}", "ALL" if s % 2 else "HEM") for s in range(subjects) for _ in range(cells)]
    return labelled(images, **columns)
