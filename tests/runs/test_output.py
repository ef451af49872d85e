"""A folder for the output of many runs is made, taken up, or left alone."""

import os
from pathlib import Path

import pytest

from keras_leuk.errors import RunError, UsageError
from keras_leuk.runs.output import make_output, replacing


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


def fill(out: Path, *names: str) -> None:
    with replacing(out, "all.json", lambda earlier: [*(earlier / "figures").glob("a*"), earlier / "pictures"]) as made:
        for name in (*names, "all.json"):
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_text(name)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_folder_is_replaced_but_for_what_is_not_its_own(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    fill(out, "page.md", "figures/a1.png", "pictures/1.png")
    (out / "figures" / "mine.png").touch()
    (out / "notes.txt").touch()
    fill(out, "page.md", "figures/a2.png")
    assert files(out) == ["all.json", "figures/a2.png", "figures/mine.png", "notes.txt", "page.md"]
    assert files(tmp_path) == [f"deep/out/{name}" for name in files(out)]


def test_what_fails_leaves_the_earlier_folder_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "out"
    fill(out, "page.md", "pictures/1.png")

    (tmp_path / "in the way").touch()
    with pytest.raises(RunError, match="cannot be written: File exists"):
        fill(out, "page.md", "pictures/2.png", "../in the way/below")
    assert files(tmp_path) == ["in the way", "out/all.json", "out/page.md", "out/pictures/1.png"]
    assert (out / "page.md").read_text() == "page.md"


def test_a_folder_that_no_mark_names_loses_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "pictures").mkdir(parents=True)
    (out / "pictures" / "holiday.png").touch()
    fill(out, "page.md")
    assert files(out) == ["all.json", "page.md", "pictures/holiday.png"]
