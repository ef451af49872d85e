from __future__ import annotations

import hashlib
import urllib.error
from dataclasses import replace
from pathlib import Path

import pytest

from keras_leuk.errors import UsageError, WeightsError
from keras_leuk.models.backbones import BACKBONES
from keras_leuk.models.weights import ENVIRONMENT_VARIABLE, WeightsOutOfReachError, resolve

VGG = BACKBONES["vgg16"]


@pytest.fixture(autouse=True)
def _no_cache_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)


def _put(folder: Path, content: bytes = b"weights") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / VGG.weights_file).write_bytes(content)
    return folder / VGG.weights_file


def test_folders_are_looked_at_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras = _put(tmp_path / "keras" / "models", b"keras")
    assert resolve("imagenet", VGG).path == keras
    variable = _put(tmp_path / "variable", b"variable")
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path / "variable"))
    assert resolve("imagenet", VGG).path == variable
    given = _put(tmp_path / "given", b"given")
    found = resolve("imagenet", VGG, weights_dir=str(tmp_path / "given"))
    assert found.path == given
    assert found.sha256 == hashlib.sha256(b"given").hexdigest()


def test_it_says_whose_hash_it_is(tmp_path: Path) -> None:
    _put(tmp_path)
    assert "is not Keras' own" in resolve("imagenet", VGG, weights_dir=str(tmp_path)).note
    own = replace(VGG, weights_md5=hashlib.md5(b"weights").hexdigest())
    assert resolve("imagenet", own, weights_dir=str(tmp_path)).keras_own is True
    assert "states no hash" in resolve("imagenet", replace(VGG, weights_md5=None), weights_dir=str(tmp_path)).note


def test_random_weights_depend_on_their_seed_alone() -> None:
    assert resolve("random", VGG, seed=3).facts() == {"kind": "random", "sha256": None, "seed": 3}


def test_what_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.h5"):
        resolve("nowhere.h5", VGG)
    with pytest.raises(UsageError, match="folder not found"):
        resolve("imagenet", VGG, weights_dir=str(tmp_path / "nowhere"))


def test_out_of_reach_names_file_address_and_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    from keras_leuk.devices.start import start

    start()
    import keras

    def fail(*args: object, **settings: object) -> str:
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(keras.utils, "get_file", fail)
    with pytest.raises(WeightsOutOfReachError) as caught:
        resolve("imagenet", VGG)
    line = str(caught.value)
    assert "\n" not in line
    for part in (VGG.weights_file, VGG.weights_url, "--weights-dir", "Name or service not known"):
        assert part in line


def test_a_folder_is_no_weight_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        resolve(str(tmp_path), VGG)
    assert issubclass(WeightsOutOfReachError, WeightsError)
