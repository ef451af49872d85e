"""An extraction that is killed at the worst moment, and begun again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from keras_leuk.progress import Progress, Recorder
from keras_leuk.recipe import Recipe
from keras_leuk.training.features import Features
from keras_leuk.training.forward import BATCH
from keras_leuk.training.materials import gather
from keras_leuk.training.network import build_network, stored_features
from keras_leuk.training.results import Context

KILLED = """
import json, os, signal, sys
from pathlib import Path
from keras_leuk.progress import Progress, Recorder
from keras_leuk.recipe.loading import validate
from keras_leuk.training.materials import gather
from keras_leuk.training.network import build_network, stored_features
from keras_leuk.training.results import Context

recipe, cache, folder = validate(json.loads(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3])
context = Context(recipe, gather(recipe, cache=cache, progress=Progress()), folder, (), Recorder(), 0.0, 0.0)
synced, written = os.fsync, []

def sync(file):
    # A block of each pooling is synchronised before it is named; the third is the second block of what was asked for.
    synced(file)
    written.extend([file] if os.readlink(f"/proc/self/fd/{file}").endswith("rows.bin") else [])
    if len(written) == 3:
        os.kill(os.getpid(), signal.SIGKILL)

os.fsync = sync
stored_features(build_network(context), context)
"""


def extracted(recipe: Recipe, cache: Path, folder: Path) -> Features:
    """Features of a recipe's images, kept in a folder of their own."""
    context = Context(recipe, gather(recipe, cache=cache, progress=Progress()), folder, (), Recorder(), 0.0, 0.0)
    return stored_features(build_network(context), context)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="tells files apart by /proc")
@pytest.mark.parametrize("engine", ["tensorflow", "openvino"])
def test_a_killed_extraction_that_is_begun_again_leaves_the_same_bytes(
    engine: str, tiny_recipe: Callable[..., Recipe], cache: Path, tmp_path: Path
) -> None:
    recipe = tiny_recipe(model__engine=engine)
    gather(recipe, cache=cache, progress=Progress())
    arguments = [json.dumps(recipe.model_dump(mode="json")), str(cache), str(tmp_path / "killed")]
    answer = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
    assert answer.returncode == -signal.SIGKILL
    whole = extracted(recipe, cache, tmp_path / "whole")
    left = tmp_path / "killed" / "features" / whole.store.address
    assert len((left / "keys.txt").read_text().splitlines()) == BATCH
    assert (left / "rows.bin").stat().st_size == 2 * BATCH * whole.store.row_bytes
    begun = extracted(recipe, cache, tmp_path / "killed")
    assert begun.computed == whole.computed - BATCH
    for name in ("rows.bin", "keys.txt", "facts.json"):
        assert (left / name).read_bytes() == (whole.store.path / name).read_bytes()
