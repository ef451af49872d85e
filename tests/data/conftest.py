"""A folder laid out as the whole of C-NMC 2019, which nobody needs to have."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pandas as pd
import pytest

from keras_leuk.data.groups import Knowledge
from keras_leuk.data.linked import known_links
from keras_leuk.data.official import OfficialCell, official_cells
from keras_leuk.data.read import read
from keras_leuk.data.table import ImageTable

_SIDE = 16
_PIXELS = _SIDE * _SIDE * 3
_HEADER = b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54 + _PIXELS, 0, 0, 54, 40, _SIDE, _SIDE, 1, 24, 0, _PIXELS, 0, 0, 0, 0)


@pytest.fixture(scope="session")
def whole_cnmc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12,528 labelled pictures of one colour each, all different, under their official names."""
    root = tmp_path_factory.mktemp("whole") / "C-NMC_Leukemia"
    phase = root / "C-NMC_test_prelim_phase_data"
    for number, cell in enumerate(official_cells()):
        folder = _folder(root, phase, cell)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / cell.file).write_bytes(_HEADER + number.to_bytes(3, "little") * (_SIDE * _SIDE))
    lines = [f"{cell.name}.bmp,{cell.file},{int(cell.label == 'ALL')}" for cell in official_cells() if cell.number is not None]
    (phase / f"{phase.name}_labels.csv").write_text("\n".join(["Patient_ID,new_names,labels", *lines, ""]))
    return root


def _folder(root: Path, phase: Path, cell: OfficialCell) -> Path:
    if cell.fold is None:
        return phase / phase.name
    return root / "C-NMC_training_data" / f"fold_{cell.fold}" / cell.label.lower()


@pytest.fixture(scope="session")
def whole_table(whole_cnmc: Path) -> ImageTable:
    """The table of that folder."""
    return read(str(whole_cnmc))


@pytest.fixture(scope="session")
def whole_rows(whole_table: ImageTable) -> pd.DataFrame:
    """Its rows as a split takes them."""
    rows = whole_table.labelled
    return rows.assign(pixels=[_hash(whole_table.root / image) for image in rows["image"]])


@pytest.fixture(scope="session")
def whole_knowledge(whole_table: ImageTable) -> Knowledge:
    """What is known of C-NMC's subjects, and a search that found no cell twice among these pictures."""
    return Knowledge(known_links(whole_table), ())


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()[len(_HEADER) :]).hexdigest()
