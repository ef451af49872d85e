from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from keras_leuk.reporting.preview import Row, Shown, _folded, draw_preview, write_preview


def _rows(count: int, file: bool) -> list[Row]:
    pictures = np.random.default_rng(0).integers(0, 256, (max(count, 2), 12, 12, 3), np.uint8)
    draws = tuple(Shown(picture, "turned +3\u00b0\nmirrored \u2194") for picture in pictures[:2])
    wide = np.zeros((10, 20, 3), np.uint8)
    return [Row("a_rather_long_name_of_a_file.bmp", wide if file else None, picture, draws) for picture in pictures[:count]]


@pytest.mark.parametrize("file", [False, True])
@pytest.mark.parametrize("count", [1, 5])
def test_a_sheet_shows_every_picture_and_its_words(count: int, file: bool) -> None:
    figure = draw_preview(_rows(count, file), "Title")
    assert len(figure.axes) == count * (3 + file)
    said = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert sum("mirrored" in words for words in said) == 2 * count
    assert [axes.get_title() for axes in figure.axes if axes.get_title()] == [
        *["in the file"] * file,
        "picture",
        "epoch 1",
        "epoch 2",
    ]
    # Nothing lies outside the page.
    renderer = FigureCanvasAgg(figure).get_renderer()
    page = figure.bbox
    for text in [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]:
        box = text.get_window_extent(renderer)
        assert box.x0 >= page.x0
        assert box.y0 >= page.y0
        assert box.x1 <= page.x1 + 1


def test_the_same_sheet_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        write_preview(tmp_path / name, _rows(2, True), "Title")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.width == 1400


def test_long_names_are_folded_where_a_sign_parts_them() -> None:
    assert _folded("WBC-Benign-240.jpg") == "WBC-Benign-\n240.jpg"
    assert _folded("height_shift_range\n3") == "height_shift_\nrange\n3"
    assert _folded("x" * 20) == "x" * 17 + "\n" + "x" * 3
    assert "".join(_folded("a_b-c " * 12).split("\n")) == "a_b-c " * 12
