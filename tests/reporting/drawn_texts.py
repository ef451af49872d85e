"""Whether the words of a figure can be read."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.text import Text


def texts_apart(figure: Figure, along: float = 1.0) -> list[tuple[str, Any]]:
    """Asserts that no word is clipped by the figure's edge or lies on another one.

    Args:
        along: pixels by which lines may touch.

    Returns:
        each text with its box.
    """
    figure.draw_without_rendering()
    page, boxes = figure.bbox, []
    for text in figure.findobj(Text):
        if text.get_text() and text.get_visible():
            box = text.get_window_extent()
            boxes.append((text.get_text(), box))
            assert box.x0 >= page.x0 - 1
            assert box.x1 <= page.x1 + 1
            assert box.y0 >= page.y0 - 1
            assert box.y1 <= page.y1 + 1
    for i, (one, a) in enumerate(boxes):
        for other, b in boxes[i + 1 :]:
            across, touching = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
            assert across < 1 or touching < along, (one, other)
    return boxes
