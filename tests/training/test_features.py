from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from keras_leuk.errors import RecipeError
from keras_leuk.images.pipeline import Feed
from keras_leuk.models.backbones import BACKBONES
from keras_leuk.progress import Progress, Recorder
from keras_leuk.recipe import Recipe
from keras_leuk.training.features import OTHER, STATISTICS_BYTES, Features, _both, _checked, open_store, statistics
from keras_leuk.training.materials import gather
from keras_leuk.training.network import build_network, features_of_sides, stored_features
from keras_leuk.training.results import Context


@given(arrays(np.float32, (13, 4), elements=st.floats(-100, 100, width=32)), st.integers(1, 20))
def test_statistics_in_blocks_are_numpys(rows: np.ndarray, block: int) -> None:
    index = np.array([0, 3, 3, 7, 12])
    mean, variance = statistics(rows, index, block)
    part = rows[index].astype(np.float64)
    np.testing.assert_allclose(mean, part.mean(axis=0), atol=1e-9)
    expected = part.var(axis=0)
    np.testing.assert_allclose(variance, np.where(variance == 1.0, 1.0, expected), atol=1e-8)


def test_tiny_features_keep_their_own_scale() -> None:
    rows = np.random.default_rng(0).normal(0, 1e-6, (500, 3)).astype(np.float32)
    _, variance = statistics(rows, np.arange(500))
    np.testing.assert_allclose(variance, 1e-12, rtol=0.2)


def test_a_channel_that_never_varies_becomes_zero_not_infinite() -> None:
    mean, variance = statistics(np.full((4, 2), 7, np.float32), np.arange(4))
    assert mean.tolist() == [7, 7]
    assert variance.tolist() == [1, 1]


def extracted(recipe: Recipe, cache: Path, folder: Path) -> Features:
    """Features of a recipe's images, kept in a folder of their own."""
    context = context_of(recipe, cache, folder)
    return stored_features(build_network(context), context)


def context_of(recipe: Recipe, cache: Path, folder: Path) -> Context:
    materials = gather(recipe, cache=cache, progress=Progress())
    return Context(recipe, replace(materials, cache=folder), folder, (), Recorder(), 0.0, 0.0)


@pytest.fixture(scope="module")
def whole(tiny_recipe: Callable[..., Recipe], cache: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Features]:
    """Features of the tiny set, by engine, in one folder."""
    folder = tmp_path_factory.mktemp("whole")
    return {engine: extracted(tiny_recipe(model__engine=engine), cache, folder) for engine in ("tensorflow", "openvino")}


def test_both_poolings_are_stored_in_one_pass_with_the_bits_of_their_own(
    whole: dict[str, Features], tiny_recipe: Callable[..., Recipe], cache: Path, tmp_path: Path
) -> None:
    def of(pooling: str, folder: Path) -> Features:
        return extracted(tiny_recipe(model__engine="tensorflow", model__head={"pooling": pooling}), cache, folder)

    first = whole["tensorflow"]
    together = {"avg": first, "max": of("max", first.store.path.parents[1])}
    assert first.computed > 0
    assert together["max"].computed == 0
    assert together["max"].store.address != first.store.address
    alone = {pooling: of(pooling, tmp_path) for pooling in ("max", "avg")}
    assert [alone[pooling].computed for pooling in ("max", "avg")] == [first.computed, 0]
    for pooling in OTHER:
        np.testing.assert_array_equal(
            together[pooling].store.rows()[together[pooling].index], alone[pooling].store.rows()[alone[pooling].index]
        )


def test_an_engines_features_are_a_store_of_their_own_and_teach_the_same(
    whole: dict[str, Features], tiny_recipe: Callable[..., Recipe], cache: Path
) -> None:
    assert whole["tensorflow"].store.address != whole["openvino"].store.address
    assert "engine" not in whole["tensorflow"].store.facts
    plain, other = (features.store.rows()[features.index].astype(np.float64) for features in whole.values())
    assert (np.linalg.norm(other - plain, axis=1) <= 1e-4 * np.linalg.norm(plain, axis=1)).all()
    labels = gather(tiny_recipe(), cache=cache, progress=Progress()).rows["label"].to_numpy()
    assert abs(right(plain, labels) - right(other, labels)) <= 1


def right(rows: np.ndarray, labels: np.ndarray) -> int:
    """How many images of a third a linear head on the others names rightly."""
    trained = np.arange(len(rows)) % 3 != 0
    head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(rows[trained], labels[trained])
    return int((head.predict(rows[~trained]) == labels[~trained]).sum())


def test_images_that_stand_on_no_side_pass_no_backbone(
    whole: dict[str, Features], tiny_recipe: Callable[..., Recipe], cache: Path, tmp_path: Path
) -> None:
    context = context_of(tiny_recipe(model__engine="openvino"), cache, tmp_path)
    pixels = context.materials.pictures.pixels
    used = np.arange(len(pixels)) % 4 != 1
    found = features_of_sides(build_network(context), context, used)
    assert found.computed == len({key for key, side in zip(pixels, used, strict=True) if side})
    expected = whole["openvino"].store.rows()[whole["openvino"].index[used]]
    np.testing.assert_array_equal(found.store.rows()[found.index[used]], expected)
    with pytest.raises(IndexError):
        found.store.rows()[found.index[~used]]


@given(arrays(np.float32, (5, 2, 3), elements=st.floats(-60000, 60000, width=32)))
def test_features_in_half_the_room_are_read_as_float32(block: np.ndarray) -> None:
    keys = [f"{number:064x}" for number in range(len(block))]
    with TemporaryDirectory() as folder:
        store = open_store(Path(folder), {"made": "up"}, block.shape[1:], "float16")
        assert store.address != open_store(Path(folder), {"made": "up"}, block.shape[1:]).address
        with store.appending() as append:
            append(keys, block)
        assert (store.path / "rows.bin").stat().st_size == block.nbytes / 2
        rows = store.rows()
        expected = block.astype(np.float16).astype(np.float32)
        assert rows.dtype == rows[:].dtype == rows[0].dtype == np.float32
        for index in (slice(None), [4, 0, 1], [2]):
            np.testing.assert_array_equal(rows[index], expected[index])
        one = np.empty(block.shape[1:], np.float32)
        rows.read(3, one)
        np.testing.assert_array_equal(one, expected[3])
        with pytest.raises(IndexError):
            rows.read(5, one)


def test_features_that_float16_cannot_hold_are_not_stored(
    tiny_recipe: Callable[..., Recipe], cache: Path, tmp_path: Path
) -> None:
    # A random MobileNet's are near 1e-20.
    with pytest.raises(RecipeError, match=r"cannot hold the features of mobilenet: they are near .*valid: float32"):
        extracted(tiny_recipe(model__features_dtype="float16"), cache, tmp_path)
    assert not any(file.stat().st_size for file in tmp_path.rglob("rows.bin"))


@pytest.mark.parametrize(
    ("value", "why"),
    [(70000.0, "the largest is 7e+04, it ends at 65,504"), (1e-7, "they are near 1e-07"), (np.inf, "the largest is inf")],
)
def test_what_float16_cannot_hold_is_refused_in_one_line(value: float, why: str) -> None:
    written: list[int] = []
    append = _checked(lambda keys, block: written.append(len(keys)), "float16", BACKBONES["vgg16"])
    append(["a"], np.full((1, 4), 1000.0, np.float32))
    block = np.full((2, 4), value, np.float32)
    with pytest.raises(RecipeError, match=r"model.features_dtype: 'float16' cannot hold the features of vgg16") as raised:
        append(["b", "c"], block)
    assert why in str(raised.value)
    assert raised.value.exit_code == 2
    assert written == [1]


def test_the_other_pooling_is_left_out_where_its_type_cannot_hold_it(tmp_path: Path) -> None:
    beside, asked = open_store(tmp_path, {}, (4,), "float16"), []
    with _both(beside, lambda keys, block: asked.append(block), "float16", BACKBONES["vgg16"]) as append:
        for number, largest in enumerate((2.0, 70000.0, 3.0)):
            append([f"{number:064x}"], np.concatenate([np.ones((1, 4)), np.full((1, 4), largest)], axis=1).astype(np.float32))
    assert len(asked) == 3
    assert beside.rows()[:][:, 0].tolist() == [2, 3]
    assert list(beside.positions()) == [f"{number:064x}" for number in (0, 2)]


@given(arrays(np.float32, (3, 5), elements=st.floats(1, 60000, width=32)))
def test_what_float16_holds_well_is_stored(block: np.ndarray) -> None:
    written: list[np.ndarray] = []
    _checked(lambda keys, rows: written.append(rows), "float16", BACKBONES["vgg16"])(["a", "b", "c"], block)
    assert written[0] is block


def test_feature_maps_are_never_held_at_once(tmp_path: Path) -> None:
    count, batch = 4096, 32
    store = open_store(tmp_path, {"made": "up"}, (7, 7, 512))
    with open(store.path / "rows.bin", "wb") as file:
        file.truncate(count * store.row_bytes)  # 411 MB that take no room
    (store.path / "keys.txt").write_text("".join(f"{number:064x}\n" for number in range(count)))
    rows, index = store.rows(), np.arange(count)
    feed = Feed(rows, index, np.zeros((count, 1), np.float32), batch_size=batch, shuffle_seed=0)
    feed.epoch = 1
    tracemalloc.start()
    try:
        assert sum(len(shown[0]) for shown in feed.batches()) == count
        fed = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        statistics(rows, index[:600])
        counted = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert fed < 3 * batch * store.row_bytes
    # A block, and in double precision the same, its distance from the mean, and the squares of it.
    assert counted < 8 * STATISTICS_BYTES < count * store.row_bytes / 3
