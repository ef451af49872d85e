from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from keras_leuk.store.fingerprints import Fingerprint, FingerprintTable

PRINT = Fingerprint("b" * 64, 3, 4)


def test_an_unchanged_file_is_known(tmp_path: Path) -> None:
    file = tmp_path / "a.bmp"
    file.write_bytes(b"one")
    table = FingerprintTable(tmp_path / "cache", "pillow 1")
    table.remember({file: (os.stat(file), PRINT)})
    table.close()
    again = FingerprintTable(tmp_path / "cache", "pillow 1")
    assert again.look_up([file]) == {file: PRINT}
    again.close()


def test_a_changed_file_or_another_decoder_is_not(tmp_path: Path) -> None:
    file = tmp_path / "a.bmp"
    file.write_bytes(b"one")
    table = FingerprintTable(tmp_path / "cache", "pillow 1")
    table.remember({file: (os.stat(file), PRINT)})
    other = FingerprintTable(tmp_path / "cache", "pillow 2")
    assert other.look_up([file]) == {}
    os.utime(file, ns=(1, 1))
    assert table.look_up([file]) == {}
    file.unlink()
    assert table.look_up([file]) == {}
    table.close()
    other.close()


def test_a_table_of_an_earlier_version_is_left_alone(tmp_path: Path) -> None:
    base = sqlite3.connect(tmp_path / "fingerprints.sqlite")
    base.execute("CREATE TABLE files (path TEXT, decoder TEXT, sha256 TEXT, pixels TEXT)")
    base.commit()
    base.close()
    file = tmp_path / "a.bmp"
    file.write_bytes(b"one")
    table = FingerprintTable(tmp_path, "pillow 1")
    assert table.look_up([file]) == {}
    table.remember({file: (os.stat(file), PRINT)})
    assert table.look_up([file]) == {file: PRINT}
    table.close()
