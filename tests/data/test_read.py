import os
import sys
from types import SimpleNamespace

import pytest
from trees import plant

from keras_leuk.data.read import READERS, read
from keras_leuk.errors import DataError, RecipeError, UsageError

CELLS = ["fold_0/all/UID_1_1_1_all.bmp", "fold_0/hem/UID_H1_1_1_hem.bmp"]


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_every_reader_says_what_it_is(reader, tmp_path):
    assert READERS[reader.name] is reader
    assert reader.description
    assert "\n" not in reader.description
    assert reader.looks_like(tmp_path) is False


def test_a_missing_path_names_the_nearest(tmp_path):
    plant(tmp_path, ["cnmc-sample/", ".cnmc-sampl/", "other/"])
    with pytest.raises(UsageError, match=rf"data not found: {tmp_path}/cnmc-sampel; did you mean {tmp_path}/cnmc-sample\?"):
        read(f"{tmp_path}/cnmc-sampel")
    with pytest.raises(UsageError, match=rf"data not found: {tmp_path}/zzz$"):
        read(f"{tmp_path}/zzz")
    with pytest.raises(UsageError, match=r"data not found: /no/such/place$"):
        read("/no/such/place")


def test_refusals(tmp_path):
    with pytest.raises(RecipeError, match=r"data.reader: 'cnmcc' is not a reader; did you mean 'cnmc'"):
        read(str(tmp_path), reader="cnmcc")
    with pytest.raises(RecipeError, match=r"data.path: .* must be 'demo' for reader 'demo'"):
        read(str(tmp_path), reader="demo")
    with pytest.raises(RecipeError, match=r"data.reader: 'folders' does not read the generated cells"):
        read("demo", reader="folders")
    with pytest.raises(DataError, match=r"data must be a folder, or a table that ends in .csv or .tsv"):
        read(str(plant(tmp_path, ["x.png"]) / "x.png"))
    with pytest.raises(DataError, match="folder cannot be read"):
        read(str(tmp_path / "x.png"), reader="cnmc")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_closed_folder(tmp_path):
    plant(tmp_path, CELLS)
    (tmp_path / "fold_0").chmod(0)
    try:
        with pytest.raises(DataError, match=r"folder cannot be read: .*fold_0"):
            read(str(tmp_path))
    finally:
        (tmp_path / "fold_0").chmod(0o755)


def test_the_demo_is_made_in_the_cache_and_read_as_cnmc(tmp_path, monkeypatch):
    asked = []

    def make_demo(cache_dir, progress):
        asked.append(cache_dir)
        return plant(tmp_path / "made", CELLS)

    monkeypatch.setitem(sys.modules, "keras_leuk.data.demo", SimpleNamespace(make_demo=make_demo))
    table = read("demo", cache_dir=tmp_path / "cache")
    assert (table.name, table.reader, table.classes) == ("demo", "demo", ("HEM", "ALL"))
    monkeypatch.setenv("KERAS_LEUK_CACHE", str(tmp_path / "named"))
    read("demo", reader="demo")
    assert asked == [tmp_path / "cache", tmp_path / "named"]


def test_a_folder_called_demo(tmp_path, monkeypatch):
    plant(tmp_path / "demo", ["a/1.png", "b/1.png"])
    monkeypatch.chdir(tmp_path)
    assert read("./demo").reader == "folders"


def test_home_and_the_current_folder(tmp_path, monkeypatch):
    plant(tmp_path / "cells", CELLS)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(read("~/cells").rows) == 2
    monkeypatch.chdir(tmp_path / "cells")
    assert len(read(".").rows) == 2
