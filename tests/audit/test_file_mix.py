from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from keras_leuk.audit.file_mix import LISTED, OTHERS, file_mix

CLASSES = ("HEM", "ALL")
FILE = st.tuples(
    st.sampled_from(CLASSES),
    st.sampled_from(["BMP", "JPEG"]),
    st.sampled_from(["RGB", "L"]),
    st.integers(1, 30),
    st.integers(1, 3),
)


def table(rows):
    """Files as (label, format, mode, width, quality index)."""
    return pd.DataFrame(
        {
            "image": [f"{i}.{'bmp' if row[1] == 'BMP' else 'jpg'}" for i, row in enumerate(rows)],
            "label": [row[0] for row in rows],
            "format": [row[1] for row in rows],
            "mode": [row[2] for row in rows],
            "file_size": np.array([100.0 + i for i in range(len(rows))]),
            "width": np.array([float(row[3]) for row in rows]),
            "height": np.array([7.0 for _ in rows]),
            "quality": np.array([float(90 + row[4]) if row[1] == "JPEG" else np.nan for row in rows]),
        }
    )


def kind(mix, name):
    return next(one for one in mix["kinds"] if one["kind"] == name)


def test_one_kind_of_file_says_nothing():
    mix = file_mix(table([("ALL", "BMP", "RGB", 450, 1)] * 3 + [("HEM", "BMP", "RGB", 450, 1)]), CLASSES)
    assert [(one["kind"], one["distinct"], one["uneven"], one["words"]) for one in mix["kinds"]] == [
        ("format", 1, False, None),
        ("mode", 1, False, None),
        ("size", 1, False, None),
    ]
    assert kind(mix, "size")["values"] == [{"value": "450 × 7", "images": 4, "classes": {"HEM": 1, "ALL": 3}}]
    assert mix["bytes"] == {"total": 406, "min": 100, "median": 101.5, "max": 103}
    assert mix["misnamed"] == {"n": 0, "first": []}


def test_a_class_in_another_format_is_said():
    mix = file_mix(
        table([("ALL", "JPEG", "RGB", 9, 1)] * 6 + [("ALL", "BMP", "RGB", 9, 1)] * 4 + [("HEM", "BMP", "RGB", 9, 1)] * 5), CLASSES
    )
    found = kind(mix, "format")
    assert found["uneven"]
    assert found["words"] == "formats are not mixed alike in the classes: BMP in 5 of 5 images of HEM but 4 of 10 images of ALL"
    assert [(row["value"], row["images"]) for row in found["values"]] == [("BMP", 9), ("JPEG", 6)]
    assert kind(mix, "quality")["words"].endswith("no JPEG in 5 of 5 images of HEM but 4 of 10 images of ALL")


def test_equal_shares_are_about_alike():
    rows = [(label, "JPEG", "RGB", width, 1) for label in CLASSES for width in (8, 9) for _ in range(10)]
    found = kind(file_mix(table(rows), CLASSES), "size")
    assert not found["uneven"]
    assert "in all classes about alike" in found["words"]


def test_many_sizes_are_counted_together():
    rows = [(CLASSES[i % 2], "JPEG", "RGB", i, 1) for i in range(40)] + [("ALL", "JPEG", "RGB", 39, 1)]
    found = kind(file_mix(table(rows), CLASSES), "size")
    assert found["distinct"] == 40
    values = [row["value"] for row in found["values"]]
    assert (values[0], values[LISTED:]) == ("39 × 7", [OTHERS])


def test_a_class_without_a_readable_image_has_no_share():
    mix = file_mix(table([("ALL", "BMP", "RGB", 8, 1), ("ALL", "BMP", "RGB", 9, 1)]), CLASSES)
    assert not kind(mix, "size")["uneven"]


def test_names_that_lie_about_the_format():
    files = table([("ALL", "JPEG", "RGB", 8, 1)] * 3).assign(image=["a.bmp", "b.jpeg", "c.JPG"], format=["JPEG", "JPEG", "MPO"])
    assert file_mix(files, CLASSES)["misnamed"] == {"n": 1, "first": ["a.bmp (JPEG)"]}


@given(st.lists(FILE, min_size=1, max_size=60))
def test_every_image_is_counted_once_in_each_kind(rows):
    files = table(rows)
    for one in file_mix(files, CLASSES)["kinds"]:
        assert sum(row["images"] for row in one["values"]) == len(rows)
        for name in CLASSES:
            assert sum(row["classes"][name] for row in one["values"]) == sum(row[0] == name for row in rows)
        assert len(one["values"]) <= LISTED + 1
        assert (one["words"] is None) == (one["distinct"] == 1)
