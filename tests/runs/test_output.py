"""A folder for the output of many runs is made, taken up, or left alone."""

import os
from pathlib import Path

import pytest

from keras_leuk.errors import RunError, UsageError
from keras_leuk.runs.output import make_output


def test_a_new_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    make_output(out, (out / "ours.json",), "a grid's")
    assert out.is_dir()
    assert not list(out.iterdir())
    make_output(out, (out / "ours.json",), "a grid's")  # an empty one is anybody's


def test_one_of_ours_is_taken_up_whatever_else_lies_in_it(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("dear")
    (tmp_path / "cells").mkdir()
    make_output(tmp_path, (tmp_path / "ours.json", tmp_path / "cells"), "a grid's")
    assert (tmp_path / "notes.txt").read_text() == "dear"


def test_a_strangers_folder_is_refused_with_what_lies_in_it(tmp_path: Path) -> None:
    for name in "abcd":
        (tmp_path / f"{name}.txt").touch()
    with pytest.raises(RunError, match=r"holds files that are not a grid's: a\.txt, b\.txt, c\.txt$"):
        make_output(tmp_path, (tmp_path / "ours.json",), "a grid's")


def test_a_file_is_no_folder_nor_is_what_lies_below_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("dear")
    for out in (tmp_path / "a.txt", tmp_path / "a.txt" / "below"):
        with pytest.raises(UsageError, match="is a file; name a folder"):
            make_output(out, (), "a grid's")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RunError, match="cannot be made: Permission denied"):
        make_output(tmp_path / "out", (), "a grid's")
