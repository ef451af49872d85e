from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from keras_leuk.errors import LeukError, RunError, UsageError
from keras_leuk.runs.folder import RunFolder, clear, open_for_reading, writing


def test_an_empty_attempt_leaves_nothing_behind(tmp_path: Path) -> None:
    out = tmp_path / "runs" / "deep" / "x"
    with pytest.raises(LeukError), writing(out, resume=False, overwrite=False):
        raise LeukError("bad data")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_there_stays(tmp_path: Path) -> None:
    with pytest.raises(LeukError), writing(tmp_path, resume=False, overwrite=False):
        raise LeukError("bad data")
    assert tmp_path.is_dir()
    assert list(tmp_path.iterdir()) == []


def _begun(path: Path, *, finished: bool) -> RunFolder:
    with writing(path, resume=False, overwrite=False) as run:
        run.recipe.write_text("seed: 0\n")
        if finished:
            run.finish({"schema": 1})
    return RunFolder(path)


def test_a_finished_run_is_not_written_into_unless_told(tmp_path: Path) -> None:
    run = _begun(tmp_path / "r", finished=True)
    for resume in (False, True):
        with pytest.raises(RunError, match="finished run"), writing(run.path, resume=resume, overwrite=False):
            pass
    with writing(run.path, resume=False, overwrite=True):
        assert run.finished
        clear(run)
        assert not run.finished
        assert not run.started


def test_an_unfinished_run_needs_resume_or_overwrite(tmp_path: Path) -> None:
    run = _begun(tmp_path / "r", finished=False)
    with pytest.raises(RunError, match="--resume"), writing(run.path, resume=False, overwrite=False):
        pass
    with writing(run.path, resume=True, overwrite=False):
        assert run.started


@pytest.mark.parametrize("overwrite", [False, True])
def test_foreign_files_are_never_touched(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(RunError, match=r"thesis\.tex"), writing(tmp_path, resume=False, overwrite=overwrite):
        pass
    assert (tmp_path / "thesis.tex").read_text() == "x"


def test_two_processes_do_not_write_one_run(tmp_path: Path) -> None:
    code = (
        "from keras_leuk.runs.folder import writing\nfrom pathlib import Path\n"
        f"with writing(Path({str(tmp_path)!r}), resume=False, overwrite=False): pass"
    )
    with writing(tmp_path, resume=False, overwrite=False):
        answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "another process" in answer.stderr
    assert answer.returncode != 0


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match="--out"), writing(tmp_path / "file" / "run", resume=False, overwrite=False):
        pass
    if os.geteuid() != 0:
        tmp_path.chmod(0o500)
        with pytest.raises(RunError, match="--out"), writing(tmp_path / "run", resume=False, overwrite=False):
            pass
        tmp_path.chmod(0o700)


def test_only_finished_runs_are_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not found"):
        open_for_reading(tmp_path / "nowhere")
    with pytest.raises(RunError, match="not a run folder"):
        open_for_reading(tmp_path)
    unfinished = _begun(tmp_path / "u", finished=False)
    with pytest.raises(RunError, match="unfinished"):
        open_for_reading(unfinished.path)
    assert open_for_reading(_begun(tmp_path / "f", finished=True).path).finished


def test_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    run = _begun(tmp_path / "f", finished=True)
    run.metrics.write_text("{")
    with pytest.raises(RunError, match=r"metrics\.json cannot be read"):
        run.read_json(run.metrics)
    with pytest.raises(RunError, match=r"has no model\.json"):
        run.read_json(run.model)
