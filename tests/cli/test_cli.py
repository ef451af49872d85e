"""The command line as a user meets it: one clear line, the right exit code, nothing half-written."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from keras_leuk.cli.main import COMMANDS, main
from keras_leuk.data.demo import make_demo
from keras_leuk.runs.folder import RunFolder

FAST = [
    "--backbone",
    "mobilenet",
    "--weights",
    "random",
    "--image-size",
    "32",
    "--epochs",
    "2",
    "--set",
    "evaluation.resamples=100",
]


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo(tmp_path_factory.mktemp("cells"), cells=60, subjects=9, size=48)


@pytest.fixture(scope="module")
def run(cells: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    out = tmp_path_factory.mktemp("cli") / "run"
    assert main(["train", "--data", str(cells), *FAST, "--out", str(out)]) == 0
    return RunFolder(out)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _modules(code: str) -> set[str]:
    answer = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(' '.join(sys.modules), file=sys.stderr)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(answer.stderr.split())


def test_help_imports_neither_tensorflow_nor_anything_slow() -> None:
    loaded = _modules("from keras_leuk.cli.main import main; main(['--help'])")
    assert not loaded & {"tensorflow", "keras", "numpy", "pandas", "pydantic", "rich", "sklearn", "matplotlib"}


def test_help_of_every_command_imports_no_tensorflow() -> None:
    loaded = _modules(f"from keras_leuk.cli.main import main\nfor c in {list(COMMANDS)}: assert main([c, '--help']) == 0")
    assert not loaded & {"tensorflow", "keras"}


def test_evaluate_imports_no_tensorflow(run: RunFolder) -> None:
    loaded = _modules(f"from keras_leuk.cli.main import main; assert main(['evaluate', {str(run.path)!r}]) == 0")
    assert not loaded & {"tensorflow", "keras"}
    assert "sklearn" in loaded or "numpy" in loaded


def test_a_wrong_recipe_is_found_before_tensorflow_is_imported() -> None:
    loaded = _modules("from keras_leuk.cli.main import main; assert main(['train', '--backbone', 'vgg61']) == 2")
    assert not loaded & {"tensorflow", "keras"}


def test_train_says_where_the_result_lies_and_what_comes_next(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(run.path)]) == 0
    captured = capsys.readouterr()
    assert "as it was, to the byte" in captured.out
    assert f"keras-leuk predict {run.path}" in captured.out
    assert "RANDOM WEIGHTS" in captured.out


def test_json_is_one_object_and_nothing_else(run: RunFolder, cells: Path, capfd: pytest.CaptureFixture[str]) -> None:
    picture = next(cells.rglob("*.bmp"))
    for arguments, key in (
        (["evaluate", str(run.path)], "metrics"),
        (["predict", str(run.path), str(picture)], "images"),
        (["train", "--resume", "--out", str(run.path)], "metrics"),
        (["backbones"], "backbones"),
        (["recipes"], "recipes"),
        (["recipes", "show", "default"], "model"),
        (["devices"], "uses"),
        (["cache"], "stores"),
    ):
        capfd.readouterr()
        assert main([*arguments, "--json"]) == 0
        found = json.loads(capfd.readouterr().out)
        assert key in found
        assert key != "metrics" or any("RANDOM WEIGHTS" in line for line in found["warnings"])


def test_an_error_under_json_is_an_object_too(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--backbone", "vgg61", "--json"]) == 2
    captured = capfd.readouterr()
    assert json.loads(captured.out)["exit_code"] == 2
    assert captured.err.count("\n") == 1


def test_predict_writes_a_row_an_image(run: RunFolder, cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = cells / "C-NMC_training_data" / "fold_0"
    assert main(["predict", str(run.path), str(folder), "--out", str(tmp_path / "p.csv")]) == 0
    table = pd.read_csv(tmp_path / "p.csv")
    assert len(table) == len(list(folder.rglob("*.bmp")))
    assert set(table["predicted"]) <= {"HEM", "ALL"}
    assert list(table) == ["image", "predicted", "output_0", "output_1", "probability_HEM", "probability_ALL"]
    capsys.readouterr()
    assert main(["predict", str(run.path), str(table["image"][0])]) == 0
    assert capsys.readouterr().out.splitlines()[0] == ",".join(table)


def test_predict_stops_at_a_damaged_image_or_lists_it(
    run: RunFolder, cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = next(cells.rglob("*.bmp"))
    shutil.copy(good, tmp_path / "good.bmp")
    (tmp_path / "bad.bmp").write_bytes(good.read_bytes()[:200])
    out = tmp_path / "p.csv"
    assert main(["predict", str(run.path), str(tmp_path), "--out", str(out)]) == 1
    assert not out.exists()
    assert "bad.bmp" in capsys.readouterr().err
    assert main(["predict", str(run.path), str(tmp_path), "--out", str(out), "--skip-unreadable"]) == 0
    assert len(pd.read_csv(out)) == 1


def _tree(root: Path, cells: Path, classes: dict[str, int]) -> Path:
    pictures = sorted(cells.rglob("UID*.bmp"))
    for name, count in classes.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            shutil.copy(pictures[number], root / name / f"{name}-{number}.bmp")
    return root


def _table(path: Path) -> Path:
    path.write_text("path,label\nnowhere.bmp,ALL\n")
    return path


BAD = {
    "wrong path": (lambda here, cells: ["--data", "nowhere"], 2, "nowhere"),
    "empty folder": (lambda here, cells: ["--data", str(_tree(here / "empty", cells, {"a": 0}).parent / "empty")], 1, "empty"),
    "one class": (lambda here, cells: ["--data", str(_tree(here / "one", cells, {"ALL": 4}))], 1, "only one class"),
    "label without images": (
        lambda here, cells: ["--data", str(_tree(here / "gap", cells, {"ALL": 4, "HEM": 0, "AML": 3}))],
        1,
        "HEM",
    ),
    "listed image not there": (lambda here, cells: ["--data", str(_table(here / "t.csv"))], 1, "nowhere.bmp"),
    "unknown backbone": (lambda here, cells: ["--data", str(cells), "--backbone", "mobilnet"], 2, "'mobilenet'"),
    "image size 8": (lambda here, cells: ["--data", str(cells), "--image-size", "8"], 2, "images.size: 8"),
    "missing weights file": (lambda here, cells: ["--data", str(cells), "--weights", "w.h5"], 2, "w.h5"),
    "weights folder": (lambda here, cells: ["--data", str(cells), "--weights", "imagenet", "--weights-dir", "nodir"], 2, "nodir"),
    "unknown split": (lambda here, cells: ["--data", str(cells), "--split", "subjects"], 2, "'subject'"),
    "split that the data lack": (lambda here, cells: ["--data", str(cells), "--split", "table"], 2, "split.strategy"),
    "unknown fold": (lambda here, cells: ["--data", str(cells), "--split", "folds", "--set", "split.fold=7"], 2, "'7'"),
    "unknown positive class": (lambda here, cells: ["--data", str(cells), "--set", "data.positive=AML"], 2, "'AML'"),
    "not a number": (lambda here, cells: ["--epochs", "many"], 2, "many"),
    "unknown option": (lambda here, cells: ["--epoch", "3"], 2, "--epochs"),
    "unknown recipe": (lambda here, cells: ["defalt"], 2, "'default'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_leaves_nothing(
    case: str, elsewhere: Path, cells: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments, code, part = BAD[case]
    given = arguments(elsewhere, cells)
    before = sorted(elsewhere.rglob("*"))
    flags = [] if given[0] == "defalt" else ["--out", "out"]
    settings = [word for word in FAST if True]
    for name in ("--backbone", "--weights", "--image-size", "--epochs"):
        if name in given:
            place = settings.index(name)
            del settings[place : place + 2]
    assert main(["train", *settings, *given, *flags]) == code
    captured = capfd.readouterr()
    errors = [line for line in captured.err.splitlines() if line.startswith("keras-leuk:")]
    assert len(errors) == 1, captured.err
    assert part in errors[0]
    assert "Traceback" not in captured.err
    assert sorted(elsewhere.rglob("*")) == before


@pytest.mark.parametrize("damage", ["truncated", "text"])
def test_a_damaged_image_names_its_path(damage: str, elsewhere: Path, cells: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(cells, elsewhere / "data")
    victim = sorted((elsewhere / "data").rglob("UID*.bmp"))[5]
    victim.write_bytes(victim.read_bytes()[:1000] if damage == "truncated" else b"not an image")
    assert main(["train", "--data", "data", *FAST, "--out", "out"]) == 1
    error = capfd.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("keras-leuk: unreadable image")
    assert victim.name in error
    assert not (elsewhere / "out").exists()


def test_an_out_that_cannot_be_written(elsewhere: Path, cells: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (elsewhere / "file").write_text("x")
    assert main(["train", "--data", str(cells), *FAST, "--out", "file/run"]) == 1
    assert "--out file/run cannot be made" in capfd.readouterr().err
    assert (elsewhere / "file").read_text() == "x"


def test_imagenet_weights_out_of_reach(
    elsewhere: Path, cells: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user's data stop; the demo goes on with random weights and says so (tests/training)."""
    from keras_leuk.models import weights

    def unreachable(backbone: object) -> Path:
        raise weights.WeightsOutOfReachError("ImageNet weights for mobilenet are not on this machine; --weights-dir")

    monkeypatch.setenv("KERAS_HOME", str(elsewhere / "keras"))
    monkeypatch.setattr(weights, "_download", unreachable)
    assert main(["train", "--data", str(cells), "--backbone", "mobilenet", "--out", "out"]) == 1
    assert "--weights-dir" in capfd.readouterr().err
    assert not (elsewhere / "out").exists()


def test_a_finished_run_is_not_replaced_unless_told(run: RunFolder, cells: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = run.mark.stat().st_mtime_ns
    assert main(["train", "--data", str(cells), *FAST, "--out", str(run.path)]) == 1
    assert "--overwrite" in capfd.readouterr().err
    assert run.mark.stat().st_mtime_ns == before


def test_unknown_command_and_unfinished_run(elsewhere: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["trian"]) == 2
    assert "did you mean 'train'" in capfd.readouterr().err
    assert main(["evaluate", "nowhere"]) == 2
    assert main(["evaluate", "."]) == 1
    assert main(["predict", ".", "x.bmp"]) == 1
    assert main(["train", "--resume"]) == 2
    assert main(["train", "--resume", "--overwrite", "--out", "x"]) == 2


def test_debug_shows_the_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--backbone", "vgg61", "--debug"]) == 2
    assert "Traceback" in capfd.readouterr().err


def test_debug_is_taken_by_every_command(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes", "show", "default", "--debug"]) == 0


def test_what_comes_next_after_a_cross_validation_works(elsewhere: Path, cells: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--data", str(cells), *FAST, "--split", "folds", "--out", "cv"]) == 0
    for arguments in (["evaluate", "cv"], ["train", "--resume", "--out", "cv"]):
        capfd.readouterr()
        assert main(arguments) == 0
        assert "keras-leuk predict cv/folds/0 " in capfd.readouterr().out
    assert main(["predict", "cv/folds/0", str(next(cells.rglob("*.bmp")))]) == 0


def test_unknown_subjects_are_said_everywhere_once(elsewhere: Path, cells: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = _tree(elsewhere / "data", cells, {"ALL": 12, "HEM": 12})
    assert main(["train", "--data", str(data), *FAST, "--out", "r"]) == 0
    captured = capfd.readouterr()
    assert captured.err.count("subjects are unknown: images of one person may") == 1
    assert captured.out.count("subjects are unknown: images of one person may") == 1
    report = Path("r/report.md").read_text().lower()
    assert report.count("subjects are unknown") == 1


def test_runs_without_out_are_numbered(elsewhere: Path, cells: Path) -> None:
    for _ in range(2):
        assert main(["train", "--data", str(cells), *FAST, "--set", "name=mine"]) == 0
    assert sorted(p.name for p in (elsewhere / "runs").iterdir()) == ["mine", "mine-2"]


def test_a_split_file_is_taken_for_split(run: RunFolder, cells: Path, elsewhere: Path) -> None:
    assert main(["train", "--data", str(cells), *FAST, "--seed", "4", "--split", str(run.split), "--out", "again"]) == 0
    assert (pd.read_csv(run.split)["split"] == pd.read_csv("again/split.csv")["split"]).all()


def test_cache_is_told_and_cleared(cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = tmp_path / "cache"
    assert main(["train", "--data", str(cells), *FAST, "--out", str(tmp_path / "r"), "--cache-dir", str(there)]) == 0
    capsys.readouterr()
    assert main(["cache", "--cache-dir", str(there)]) == 0
    out = capsys.readouterr().out
    assert "images" in out
    assert "features" in out
    assert main(["cache", "--clear", "--cache-dir", str(there)]) == 0
    assert not list(there.glob("*/*"))


@pytest.mark.parametrize("wait", [0.5, 3.0])
def test_ctrl_c_ends_cleanly_and_the_run_can_go_on(wait: float, cells: Path, tmp_path: Path, run: RunFolder) -> None:
    """Sent while TensorFlow is being set up, and in the middle of training."""
    out = tmp_path / "r"
    long = ["20000" if word == "2" else word for word in FAST] + ["--set", "training.early_stopping.enabled=false"]
    command = [sys.executable, "-m", "keras_leuk", "train", "--data", str(cells), *long, "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        deadline = time.monotonic() + 120
        while not (out / "environment.json").exists() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        time.sleep(wait)
        process.send_signal(signal.SIGINT)
        try:
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "continue with: keras-leuk train --resume --out" in errors
    assert errors.strip().endswith("keras-leuk: interrupted")
    assert "Traceback" not in errors
    assert (out / "recipe.yaml").exists()
    assert not (out / "complete.json").exists()
    assert not (out / ".lock").exists()


def test_a_ctrl_c_that_was_swallowed_is_heard_at_the_next_step() -> None:
    from keras_leuk.cli.terminal import Terminal

    terminal = Terminal()
    with terminal.hearing_interrupts():
        with contextlib.suppress(KeyboardInterrupt):  # as Python does in a destructor
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            terminal.check()
