"""Generated cells of 160 pixels; the real ones are in tests/images/test_duplicate_search.py and in benchmarks/."""

import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from keras_leuk.data.cells import ALL, HEM, draw_cell, draw_subject
from keras_leuk.images import likeness
from keras_leuk.images.likeness import ORIENTATIONS, SIDE, THRESHOLD, agreement, cut, describe, orient, oriented


@pytest.fixture(scope="module")
def cells() -> list[np.ndarray]:
    """Eight cells of two people."""
    people = [draw_subject(0, "1", ALL), draw_subject(0, "H1", HEM)]
    return [draw_cell(0, person, number, 160) for person in people for number in range(4)]


def jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "JPEG", quality=quality)
    return np.asarray(Image.open(held))


def resized(pixels: np.ndarray, size: int) -> np.ndarray:
    return cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA)


def moved(pixels: np.ndarray) -> np.ndarray:
    """Photographed again: turned by 2 degrees, 3 pixels further, a little out of focus."""
    matrix = cv2.getRotationMatrix2D((80, 80), 2, 1.01)
    matrix[:, 2] += 3
    return cv2.GaussianBlur(cv2.warpAffine(pixels, matrix, (160, 160)), (0, 0), 0.7)


SAME = {
    "re-encoded": lambda pixels: jpeg(pixels, 90),
    "paler": lambda pixels: np.clip(pixels * 1.05, 0, 255).astype(np.uint8),
    "darker": lambda pixels: (pixels * 0.95).astype(np.uint8),
    "smaller": lambda pixels: resized(pixels, 120),
    "there and back": lambda pixels: resized(resized(pixels, 158), 160),
    "photographed again": moved,
    "in a wider frame": lambda pixels: np.pad(pixels, ((10, 50), (40, 20), (0, 0))),
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_the_same_cell_agrees_and_is_a_candidate(cells, change):
    for pixels in cells:
        one, other = cut(pixels), cut(change(pixels))
        assert agreement(one.square, other.square) > THRESHOLD + 0.1
        assert np.linalg.norm(describe(one.square) - describe(other.square)) < likeness.RADIUS


@pytest.mark.parametrize("turn", range(8), ids=ORIENTATIONS)
def test_a_turned_cell_agrees_when_it_is_laid_so(cells, turn):
    pixels = cells[0]
    other = np.rot90(pixels, turn % 4)
    other = other[:, ::-1] if turn >= 4 else other
    one, two = cut(pixels), cut(np.ascontiguousarray(other))
    assert agreement(orient(one.square, turn), two.square) > 0.9
    assert np.linalg.norm(oriented(describe(one.square)[None], turn)[0] - describe(two.square)) < 0.3
    for wrong in set(range(8)) - {turn}:
        assert agreement(orient(one.square, wrong), two.square) < THRESHOLD


def test_other_cells_do_not_agree(cells):
    squares = [cut(pixels).square for pixels in cells]
    worst = max(agreement(a, b) for i, a in enumerate(squares) for b in squares[:i])
    assert worst < THRESHOLD


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 7), st.integers(0, 7))
def test_agreement_is_the_same_in_either_order(cells, i, j):
    one, other = cut(cells[i]).square, cut(cells[j]).square
    assert agreement(one, other) == agreement(other, one)


def test_the_cell_is_cut_out_of_black_and_nothing_else(cells):
    found = cut(np.pad(cells[0], ((30, 0), (0, 11), (0, 0))))
    left, top, width, height = found.box
    assert found.square.shape == (SIDE, SIDE)
    assert found.mask is not None
    assert found.mask.shape == (height, width)
    assert found.size == max(width, height)
    bright = cells[0].max(axis=2) >= 16
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    assert (top - 30, left) == (rows[0], columns[0])
    assert (height, width) == (np.ptp(rows) + 1, np.ptp(columns) + 1)
    smear = np.full((60, 80, 3), 230, np.uint8)
    smear[20:40, 20:40] = (120, 30, 140)
    whole = cut(smear)
    assert whole.mask is None
    assert whole.box == (0, 0, 80, 60)
    assert whole.square.min() > 0


def test_specks_beside_the_cell_are_left_out(cells):
    pixels = np.pad(cells[0], ((0, 60), (0, 60), (0, 0)))
    pixels[200:206, 200:206] = 200
    assert cut(pixels).box == cut(cells[0]).box


@pytest.mark.parametrize("level", [0, 200])
def test_a_picture_without_texture_has_no_descriptor(level):
    square = cut(np.full((50, 50, 3), level, np.uint8)).square
    assert not describe(square).any()
    assert agreement(square, square) == -1.0


def test_descriptors_are_unit_vectors(cells):
    assert np.allclose([np.linalg.norm(describe(cut(pixels).square)) for pixels in cells], 1, atol=1e-5)


def test_a_burnt_out_field_is_the_same_though_it_cannot_be_laid_over():
    rng = np.random.default_rng(5)
    field = np.clip(cv2.GaussianBlur(rng.normal(250, 90, (224, 224, 3)), (0, 0), 4) * 3 - 500, 0, 255)
    one, other = (cut(np.clip(np.rint(field * factor), 0, 255).astype(np.uint8)) for factor in (1.0, 1.05))
    assert one.mask is None
    assert agreement(one.square, other.square) > 0.9
