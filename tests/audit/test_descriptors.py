"""What of a table of images is measured, constant or missing."""

from __future__ import annotations

import numpy as np
from made_images import made

from keras_leuk.audit.descriptors import DESCRIPTORS, columns, sizes


def test_constant_and_missing_descriptors_say_so():
    found = {one.name: one for one in columns(made(width=450, quality=np.nan))}
    assert list(found) == list(DESCRIPTORS)
    assert (found["width"].state, found["width"].reason) == ("constant", "the same in all images that have it: 450")
    assert (found["quality"].state, found["quality"].facts()["n"]) == ("missing", 0)
    assert (found["red"].state, found["red"].reason) == ("measured", None)


def test_one_more_column_for_each_way_of_being_missing():
    def sometimes(table, generator):
        return np.where(np.arange(len(table)) % 3 == 0, np.nan, generator.normal(size=len(table)))

    table = made(quality=sometimes, blockiness=sometimes, cell_area=lambda t, g: np.where(np.arange(len(t)) < 5, np.inf, 1.0))
    extra = columns(table)[len(DESCRIPTORS) :]
    assert [(one.name, one.meaning) for one in extra] == [
        ("quality_missing", "1 where missing: JPEG quality, 8×8 blocks"),
        ("cell_area_missing", "1 where missing: cell area"),
    ]
    assert extra[0].values.sum() == table["quality"].isna().sum()
    assert {one.kind for one in extra} == {"shortcut"}


def test_subjects_count_only_where_every_image_names_one():
    table = made(subjects=10)
    assert sizes(table) == {"n": len(table), "subjects": 10, "unnamed": 0, "groups": 10}
    table.loc[3, "subject"] = None
    assert sizes(table)["subjects"] is None
    assert sizes(table)["unnamed"] == 1
