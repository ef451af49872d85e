from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

import keras_leuk.images  # noqa: F401
from keras_leuk.data.cells import ALL, HEM, draw_cell, draw_subject
from keras_leuk.images.decode import decode
from keras_leuk.images.preprocessing import (
    Preparation,
    background,
    crop_cell,
    crop_center,
    enhance,
    find_cell,
    prepare,
    resize,
)
from keras_leuk.recipe.data import Images
from keras_leuk.store.address import address

INTERPOLATIONS = ["nearest", "bilinear", "bicubic", "lanczos", "area"]
CONTRASTS = ["stretch", "equalize", "adaptive"]
CREAM, RED, VIOLET, LILAC = (255, 230, 200), (195, 165, 150), (80, 40, 120), (190, 150, 190)

pictures = arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3)))
levels = st.tuples(*[st.integers(0, 255)] * 3)


def disc(pixels: np.ndarray, x: int, y: int, radius: int, colour: tuple[int, int, int]) -> np.ndarray:
    return cv2.circle(pixels, (x, y), radius, colour, -1)


def plain(height: int, width: int, colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def smear() -> np.ndarray:
    """A stained cell with pale cytoplasm between larger red cells that touch it."""
    pixels = plain(200, 200, CREAM)
    disc(pixels, 45, 100, 38, RED)
    disc(pixels, 150, 40, 38, RED)
    disc(pixels, 150, 160, 38, RED)
    disc(pixels, 110, 100, 30, LILAC)
    return disc(pixels, 113, 100, 18, VIOLET)


def cell(number: int = 0, size: int = 450) -> np.ndarray:
    return draw_cell(1, draw_subject(1, str(number), ALL if number % 2 else HEM), number, size)


# --- the whole of it ----------------------------------------------------------------------------------------------------


def test_opencv_starts_no_threads_of_its_own() -> None:
    assert cv2.getNumThreads() == 1
    assert not cv2.ocl.useOpenCL()


def test_the_recipe_makes_the_preparation() -> None:
    assert Preparation.of(Images(), 64) == Preparation(64)
    assert Preparation.of(Images(crop="cell"), 64).crop_margin == 0.1
    assert Preparation.of(Images(crop="cell", crop_margin=0.0), 64).crop_margin == 0.0
    made = Preparation.of(Images(crop="center", crop_size=0.5, contrast="stretch", interpolation="area"), 64)
    assert made == Preparation(64, "area", "center", 0.5, None, "stretch")
    assert Preparation(**made.as_json()) == made


def test_whatever_changes_the_square_changes_the_address() -> None:
    different = [
        Preparation(64),
        Preparation(65),
        Preparation(64, "area"),
        Preparation(64, crop="center"),
        Preparation(64, crop="center", crop_size=1),
        Preparation(64, crop="center", crop_size=1.0),
        Preparation(64, crop="cell", crop_margin=0.1),
        Preparation(64, crop="cell", crop_margin=0.2),
        *(Preparation(64, contrast=contrast) for contrast in CONTRASTS),
    ]
    assert len({address(preparation.facts()) for preparation in different}) == len(different)


@settings(max_examples=150, deadline=None)
@given(
    pictures,
    st.integers(1, 24),
    st.sampled_from(INTERPOLATIONS),
    st.one_of(
        st.just(("none", None, None)),
        st.tuples(st.just("center"), st.none() | st.integers(1, 60) | st.floats(0.01, 1.0), st.none()),
        st.tuples(st.just("cell"), st.none(), st.none() | st.floats(0.0, 2.0)),
    ),
    st.sampled_from(["none", *CONTRASTS]),
)
def test_every_picture_becomes_a_square_and_stays_as_it_was(pixels, size, interpolation, crop, contrast) -> None:
    preparation = Preparation(size, interpolation, *crop, contrast)
    before = pixels.copy()
    found = prepare(pixels, preparation)
    assert found.shape == (size, size, 3)
    assert found.dtype == np.uint8
    assert (pixels == before).all()
    out = np.empty((size, size, 3), np.uint8)
    assert prepare(pixels, preparation, out) is out
    assert (out == found).all()


# --- centre crop --------------------------------------------------------------------------------------------------------


def test_the_centre_crop_takes_pixels_or_a_share() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 31, 3), np.uint8)
    assert (crop_center(pixels) == pixels[:, 5:25]).all()
    assert (crop_center(pixels, 1.0) == crop_center(pixels)).all()
    assert (crop_center(pixels, 10) == pixels[5:15, 10:20]).all()
    assert (crop_center(pixels, 0.5) == crop_center(pixels, 10)).all()
    assert crop_center(pixels, 1).shape == (1, 1, 3)
    assert crop_center(pixels, 0.001).shape == (1, 1, 3)


def test_a_centre_crop_beyond_the_picture_shows_its_background() -> None:
    pixels = disc(plain(40, 60, CREAM), 30, 20, 8, VIOLET)
    found = crop_center(pixels, 100)
    assert found.shape == (100, 100, 3)
    assert (found[30:70, 20:80] == pixels).all()
    assert (found[:30] == CREAM).all()
    assert (found[70:] == CREAM).all()


# --- cell crop ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ground", [(0, 0, 0), (6, 3, 5), CREAM, (255, 255, 255)])
def test_the_cell_is_found_among_smaller_things(ground: tuple[int, int, int]) -> None:
    pixels = plain(120, 160, ground)
    disc(pixels, 20, 20, 6, VIOLET)
    disc(pixels, 100, 60, 20, VIOLET)
    left, top, width, height = find_cell(pixels) or pytest.fail("nothing found")
    assert (left, top, width, height) == pytest.approx((80, 40, 41, 41), abs=2)
    found = crop_cell(pixels, 0.25)
    assert found.shape[0] == found.shape[1] == round(width * 1.5)
    assert found[len(found) // 2, len(found) // 2].tolist() == list(VIOLET)


def test_red_cells_are_not_taken_for_the_cell_nor_for_a_part_of_it() -> None:
    left, top, width, height = find_cell(smear()) or pytest.fail("nothing found")
    assert (left, top, left + width, top + height) == pytest.approx((80, 70, 141, 131), abs=3)


def test_a_grey_picture_has_a_cell_too() -> None:
    pixels = disc(plain(100, 100, (240, 240, 240)), 40, 50, 15, (90, 90, 90))
    assert find_cell(pixels) == pytest.approx((25, 35, 31, 31), abs=1)


def test_a_cell_at_the_border_is_filled_up_with_background() -> None:
    pixels = disc(plain(80, 100, CREAM), 5, 40, 20, VIOLET)
    found = crop_cell(pixels, 0.5)
    assert found.shape[0] == found.shape[1]
    assert (found[:, 0] == CREAM).all()


@given(levels, st.integers(1, 30), st.integers(1, 30))
@settings(deadline=None)
def test_background_alone_stays_whole_and_becomes_a_square(ground: tuple[int, int, int], height: int, width: int) -> None:
    found = crop_cell(plain(height, width, ground))
    side = max(height, width)
    assert (found == plain(side, side, ground)).all()


def test_where_there_is_no_cell_the_whole_picture_is_kept() -> None:
    pixels = plain(30, 50, CREAM)
    pixels[:, :10] = (254, 230, 200)
    assert crop_cell(plain(30, 50, CREAM)).shape == (50, 50, 3)
    assert background(pixels) == CREAM


def test_a_cropped_cell_is_the_same_wherever_it_lay() -> None:
    small = cell(1, 120)
    here, there = plain(300, 300, (0, 0, 0)), plain(400, 350, (0, 0, 0))
    here[40:160, 50:170], there[200:320, 110:230] = small, small
    assert (crop_cell(here) == crop_cell(there)).all()


@pytest.mark.real
def test_real_cells_are_cropped_closely(cnmc_sample: Path) -> None:
    for path in sorted(cnmc_sample.rglob("*.bmp"))[::30]:
        pixels = decode(path.read_bytes(), path)
        rows, columns = np.nonzero(pixels.max(axis=2))
        found = find_cell(pixels)
        assert found is not None
        # Nearly all that is not black; C-NMC's masks now and then leave a crumb apart from the cell, or a very dark edge.
        assert found[2] >= 0.9 * np.ptp(columns)
        assert found[3] >= 0.9 * np.ptp(rows)


@pytest.mark.real
def test_real_smears_are_cropped_around_the_stained_cell(samples: Path) -> None:
    """The cells of PBC lie in the middle of their pictures, among red cells."""
    distances, sides = [], []
    for path in sorted((samples / "data" / "pbc8-sample").rglob("*.jpg"))[::10]:
        pixels = decode(path.read_bytes(), path)
        left, top, width, height = find_cell(pixels) or pytest.fail(f"nothing found in {path}")
        distances.append(max(abs(left + width / 2 - pixels.shape[1] / 2), abs(top + height / 2 - pixels.shape[0] / 2)))
        sides.append(max(width, height))
    assert np.mean(np.array(distances) < 40) >= 0.9
    assert np.mean(np.array(sides) < 250) >= 0.95


# --- contrast -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("contrast", CONTRASTS)
def test_a_cell_on_black_stays_on_black(contrast: str) -> None:
    pixels = cell(1, 200)
    black = (pixels == 0).all(axis=2)
    assert 0.2 < black.mean() < 0.9
    found = enhance(pixels, contrast)
    assert (found[black] == 0).all()
    spread = [np.ptp(np.percentile(cv2.cvtColor(p, cv2.COLOR_RGB2LAB)[..., 0][~black], (5, 95))) for p in (pixels, found)]
    assert spread[1] > 1.2 * spread[0]


@pytest.mark.parametrize("contrast", ["stretch", "equalize"])
def test_black_is_not_counted(contrast: str) -> None:
    pixels = cell(1, 200)
    wider = np.zeros((300, 260, 3), np.uint8)
    wider[40:240, 30:230] = pixels
    assert (enhance(wider, contrast)[40:240, 30:230] == enhance(pixels, contrast)).all()


@pytest.mark.parametrize("contrast", CONTRASTS)
def test_the_colour_is_kept(contrast: str) -> None:
    pixels = np.clip(cell(1, 200).astype(int) + 60, 1, 255).astype(np.uint8)
    before, after = (cv2.cvtColor(p, cv2.COLOR_RGB2LAB).astype(int)[..., 1:] for p in (pixels, enhance(pixels, contrast)))
    assert np.median(np.abs(before - after)) <= 1


@given(levels, st.sampled_from(CONTRASTS))
def test_what_has_no_contrast_gets_at_most_a_step(level: tuple[int, int, int], contrast: str) -> None:
    found = enhance(plain(9, 12, level), contrast)
    assert (found == found[0, 0]).all()
    if contrast != "adaptive":  # CLAHE shares clipped counts out among all levels, even of a constant
        assert (found == plain(9, 12, level)).all()


def test_equalising_without_black_is_opencvs() -> None:
    pixels = np.random.default_rng(1).integers(1, 256, (64, 80, 3), np.uint8)
    for contrast, apply in (("equalize", cv2.equalizeHist), ("adaptive", cv2.createCLAHE(2.0, (8, 8)).apply)):
        lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)
        lab[..., 0] = apply(np.ascontiguousarray(lab[..., 0]))
        assert (enhance(pixels, contrast) == cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)).all()


def test_stretching_reaches_from_black_to_white() -> None:
    ramp = np.repeat(np.linspace(60, 180, 101).astype(np.uint8)[None, :, None], 3, axis=2).repeat(9, axis=0)
    found = enhance(ramp, "stretch").astype(int)
    assert found[:, :2].max() <= 3
    assert found[:, -2:].min() >= 250
    assert (np.diff(found[0, :, 0]) >= 0).all()


# --- resizing -----------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(levels, st.integers(1, 60), st.integers(1, 60), st.integers(1, 40), st.sampled_from(INTERPOLATIONS))
def test_a_constant_picture_stays_constant(level, height: int, width: int, size: int, interpolation: str) -> None:
    assert (resize(plain(height, width, level), size, interpolation) == plain(size, size, level)).all()


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_the_same_size_is_unchanged(interpolation: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
    assert resize(pixels, 9, interpolation) is pixels


@settings(max_examples=60, deadline=None)
@given(pictures, st.integers(1, 50))
def test_nearest_is_pillows(pixels: np.ndarray, size: int) -> None:
    expected = np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.NEAREST))
    assert (resize(pixels, size, "nearest") == expected).all()


@pytest.mark.parametrize(
    ("interpolation", "theirs"), [("bilinear", "BILINEAR"), ("bicubic", "BICUBIC"), ("lanczos", "LANCZOS"), ("area", "BOX")]
)
@pytest.mark.parametrize("shape", [(450, 450), (363, 360), (301, 447), (900, 700), (150, 170)])
def test_resizing_cells_is_close_to_pillows(shape: tuple[int, int], interpolation: str, theirs: str) -> None:
    pixels = cv2.resize(cell(3), shape[::-1], interpolation=cv2.INTER_AREA)
    found = resize(pixels, 224, interpolation).astype(int)
    expected = np.asarray(Image.fromarray(pixels).resize((224, 224), Image.Resampling[theirs])).astype(int)
    inside = expected.max(axis=2) > 0
    assert np.abs(found - expected)[inside].mean() < 1.5


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos", "area"])
@pytest.mark.parametrize("side", [64, 67, 90])
def test_what_shrinks_is_averaged(interpolation: str, side: int) -> None:
    checkers = (np.indices((side, side)).sum(axis=0)[..., None] % 2 * np.full(3, 255)).astype(np.uint8)
    assert np.abs(resize(checkers, 16, interpolation).astype(int) - 127).mean() < 12


def test_each_axis_shrinks_by_its_own_factor() -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (20, 70, 3), np.uint8)
    reduced = cv2.resize(pixels, (70 // 3, 20), interpolation=cv2.INTER_AREA)
    assert (resize(pixels, 20, "bicubic") == cv2.resize(reduced, (20, 20), interpolation=cv2.INTER_CUBIC)).all()
    halves = pixels[:, :40].reshape(20, 20, 2, 3).astype(float).mean(axis=2)
    assert np.abs(resize(pixels[:, :40], 20, "bilinear") - halves).max() <= 0.5
