"""Hand-made features: known shapes, scikit-image's own numbers, and what must not change them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import ellipse
from skimage.feature import graycomatrix, graycoprops

from keras_leuk.images import handmade
from keras_leuk.images.cache import ingest
from keras_leuk.images.handmade import DISTANCES, FEATURES, NAMES, extract, measure, segment
from keras_leuk.images.preprocessing import Preparation
from keras_leuk.images.views import Dihedral
from keras_leuk.progress import Progress

SIDE = 128


def drawn(rows: float, columns: float, side: int = SIDE, colour: tuple[int, int, int] = (150, 60, 170)) -> np.ndarray:
    """An ellipse with these half axes on black."""
    picture = np.zeros((side, side, 3), np.uint8)
    picture[ellipse(side / 2 - 0.5, side / 2 - 0.5, rows, columns)] = colour
    return picture


def blob(seed: int, side: int = 64) -> np.ndarray:
    """A textured, crooked cell with a hole on black."""
    rng = np.random.default_rng(seed)
    picture = drawn(rng.uniform(8, 28), rng.uniform(8, 28), side)
    inside = picture.any(axis=2)
    picture[inside] = rng.integers(40, 256, (int(inside.sum()), 3))
    cut = rng.integers(0, side, 2)
    picture[cut[0] : cut[0] + 6, cut[1] : cut[1] + 9] = 0
    return picture


def named(picture: np.ndarray) -> dict[str, float]:
    return dict(zip(NAMES, measure(picture).tolist(), strict=True))


def test_names_are_fixed() -> None:
    assert len(NAMES) == len(set(NAMES)) == 33 == len(FEATURES)
    assert NAMES[:7] == ("area", "equivalent_diameter", "perimeter", "eccentricity", "solidity", "extent", "circularity")
    assert NAMES[7:9] == ("red_mean", "red_sd")
    assert NAMES[15:17] == ("contrast_1", "dissimilarity_1")
    # Whoever changes what a feature is counts VERSION up.
    assert handmade.VERSION == 1


def test_a_disc() -> None:
    found = named(drawn(40, 40))
    assert found["area"] == pytest.approx(math.pi * 40**2 / SIDE**2, rel=0.01)
    assert found["equivalent_diameter"] == pytest.approx(80 / SIDE, rel=0.01)
    assert found["perimeter"] == pytest.approx(2 * math.pi * 40 / SIDE, rel=0.06)
    assert found["eccentricity"] == pytest.approx(0, abs=1e-3)
    assert found["circularity"] == pytest.approx(1, abs=0.1)
    assert found["solidity"] == pytest.approx(1, abs=0.02)
    assert found["extent"] == pytest.approx(math.pi / 4, rel=0.02)
    assert [found[f"{name}_mean"] for name in ("red", "green", "blue")] == pytest.approx([150 / 255, 60 / 255, 170 / 255])
    assert [found[f"{name}_sd"] for name in ("red", "green", "blue", "grey")] == [0, 0, 0, 0]
    # A cell of one level holds no texture.
    for distance in DISTANCES:
        assert [found[f"{name}_{distance}"] for name in ("contrast", "dissimilarity", "entropy")] == [0, 0, 0]
        assert [found[f"{name}_{distance}"] for name in ("homogeneity", "asm", "correlation")] == [1, 1, 1]


def test_an_ellipse() -> None:
    found = named(drawn(20, 50))
    assert found["area"] == pytest.approx(math.pi * 20 * 50 / SIDE**2, rel=0.01)
    assert found["eccentricity"] == pytest.approx(math.sqrt(1 - (20 / 50) ** 2), abs=0.01)
    assert found["circularity"] < 0.8


def test_lengths_are_shares_of_the_side() -> None:
    small, large = named(drawn(20, 30)), named(drawn(40, 60, 2 * SIDE))
    for name in ("area", "equivalent_diameter", "perimeter", "eccentricity", "solidity", "extent", "circularity"):
        assert large[name] == pytest.approx(small[name], rel=0.02), name


def test_texture_is_that_of_scikit_image() -> None:
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    board = np.where(np.indices((64, 64)).sum(axis=0) % 2 == 0, 100, 180).astype(np.uint8)
    picture[32:96, 32:96] = board[..., None]
    found = named(picture)
    pairs = graycomatrix(board // 8, list(DISTANCES), [0, math.pi / 4, math.pi / 2, 3 * math.pi / 4], 32, symmetric=True)
    for name, theirs in {"asm": "ASM"}.items() | {(n, n) for n in ("contrast", "dissimilarity", "homogeneity", "correlation")}:
        values = graycoprops(pairs, theirs).mean(axis=1)
        for number, distance in enumerate(DISTANCES):
            assert found[f"{name}_{distance}"] == pytest.approx(values[number], rel=1e-6), (name, distance)
    # At one pixel, sideways neighbours differ by ten of 32 levels and diagonal ones not at all.
    assert found["contrast_1"] == pytest.approx((10**2 + 0 + 10**2 + 0) / 4)
    assert found["correlation_1"] == pytest.approx(0, abs=1e-3)
    assert found["entropy_1"] == pytest.approx(math.log(2), abs=1e-3)


def test_background_is_no_part_of_the_texture() -> None:
    """The picture around the cell may be as large as it likes."""
    close, wide = blob(3, 64), np.zeros((200, 200, 3), np.uint8)
    wide[40:104, 30:94] = close
    texture = [number for number, name in enumerate(NAMES) if name[-1].isdigit() or name.endswith(("_mean", "_sd"))]
    assert (measure(wide)[texture] == measure(close)[texture]).all()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_turns_and_flips_change_nothing(seed: int) -> None:
    picture = blob(seed)
    expected = measure(picture)
    for view in range(1, 8):
        np.testing.assert_allclose(measure(Dihedral().show(picture[None], [""], view)[0]), expected, rtol=1e-5, atol=1e-6)


def test_holes_are_filled_and_only_the_largest_thing_counts() -> None:
    picture = drawn(30, 30)
    whole = segment(picture)
    picture[60:68, 60:68] = 0
    picture[2:6, 2:6] = 255
    assert (segment(picture) == whole).all()


def test_a_bright_background_is_background_too() -> None:
    picture = np.full((SIDE, SIDE, 3), 240, np.uint8)
    picture[ellipse(64, 64, 30, 30)] = (120, 40, 150)
    assert named(picture)["area"] == pytest.approx(math.pi * 30**2 / SIDE**2, rel=0.05)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 255), st.booleans())
def test_every_picture_has_defined_values(height: int, width: int, level: int, noisy: bool) -> None:
    """Nothing but background, a single pixel, a line, a picture full of noise."""
    picture = np.zeros((24, 24, 3), np.uint8)
    picture[5 : 5 + height, 7 : 7 + width] = level
    if noisy:
        picture = np.random.default_rng(height * 1000 + level).integers(0, 256, (24, 24, 3), np.uint8)
    found = measure(picture)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    if not noisy and height * width * level == 0:
        assert not found.any()


def test_features_are_stored_once(tmp_path: Path, tiny_pictures: list[Path]) -> None:
    pictures = ingest(tiny_pictures, preparation=Preparation(48), cache=tmp_path)
    first = extract(pictures, cache=tmp_path, progress=Progress())
    assert first.computed == len(set(pictures.pixels))
    rows = first.store.rows()
    assert rows.shape[1:] == (len(NAMES),)
    for place in (0, 7):
        expected = measure(pictures.store.rows()[int(pictures.row_numbers()[place])])
        assert (rows[int(first.index[place])] == expected).all()
    again = extract(pictures, cache=tmp_path, progress=Progress(), threads=1)
    assert (again.computed, again.store.address) == (0, first.store.address)
    # One thread, in another order, elsewhere: the same rows.
    other = ingest(tiny_pictures[::-1], preparation=Preparation(48), cache=tmp_path / "other")
    turned = extract(other, cache=tmp_path / "other", progress=Progress(), threads=1)
    assert (turned.store.rows()[turned.index[::-1]] == rows[first.index]).all()
    views = extract(pictures, cache=tmp_path, progress=Progress(), places=np.array([3, 5]), kind=Dihedral())
    assert (views.index.shape, views.computed) == ((2, 8), 14)
    np.testing.assert_allclose(
        first.store.rows()[views.index[0]], np.tile(rows[int(first.index[3])], (8, 1)), rtol=1e-5, atol=1e-6
    )


@pytest.fixture(scope="module")
def tiny_pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    from PIL import Image

    folder = tmp_path_factory.mktemp("cells")
    paths = [folder / f"{number}.png" for number in range(9)]
    for number, path in enumerate(paths):
        Image.fromarray(blob(number)).save(path)
    return paths
