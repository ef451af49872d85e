"""Planted shortcuts are found, absent ones are not, and what says nothing is said to say nothing."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest
from made_images import made
from PIL import Image
from sklearn.metrics import roc_auc_score

from keras_leuk.audit.shortcuts import shortcuts
from keras_leuk.data.cells import ALL, HEM, draw_cell, draw_subject

TWO, THREE = ("hem", "ALL"), ("A", "B", "C")


def alone(section, name):
    return next(one for one in section["descriptors"] if one["name"] == name)


def together(section, name):
    return next(one for one in section["together"] if one["name"] == name)


@pytest.fixture(scope="module")
def jpegs():
    """Generated cells whose class says at which quality they were saved: bytes, edges every 8 pixels, quality and mean red."""
    rows = []
    for who in range(20):
        label, kind, quality = ("ALL", ALL, 75) if who % 2 else ("hem", HEM, 95)
        subject = draw_subject(0, f"S{who}", kind)
        for number in range(4):
            file = io.BytesIO()
            Image.fromarray(draw_cell(0, subject, number, 64)).save(file, format="JPEG", quality=quality)
            pixels = np.asarray(Image.open(file)).astype(float)
            steps = np.abs(np.diff(pixels.mean(axis=2), axis=1))
            edges = steps[:, 7::8].mean() / np.delete(steps, np.s_[7::8], axis=1).mean()
            measured = {"file_size": len(file.getvalue()), "blockiness": edges, "quality": quality, "red": pixels[..., 0].mean()}
            name = f"{label}/{who}_{number}.jpg"
            rows.append({"image": name, "label": label, "subject": f"S{who}", "group": f"S{who}", **measured})
    frame = pd.DataFrame(rows)
    for name in ("width", "height", "number", "number_before", "background", "green", "blue", "cell_area", "sharpness"):
        frame[name] = 64.0
    return frame


def test_a_class_saved_at_another_quality_is_a_shortcut(jpegs):
    section = shortcuts(jpegs, TWO, "ALL").as_json()
    for name in ("file_size", "quality", "blockiness"):
        (entry,) = alone(section, name)["against"]
        assert not entry["low"] <= 0.5 <= entry["high"], name
        assert name == "blockiness" or entry["p_holm"] < 0.05
    assert alone(section, "file_size")["against"][0]["auc"] == roc_auc_score(jpegs["label"] == "ALL", jpegs["file_size"])
    assert together(section, "shortcuts")["against"][0]["low"] > 0.5
    assert any(
        "sees only the JPEG quality reaches AUC 1.00 (0.69–1.00) for ALL: smaller in ALL" in line for line in section["strong"]
    )
    assert set(section["strong"]) <= set(section["warnings"])


def test_without_a_shortcut_nothing_is_warned_of():
    section = shortcuts(made(0), TWO, "ALL").as_json()
    assert section["warnings"] == section["strong"] == section["notes"] == []
    assert section["tests"] == {"alone": 26, "together": 3}
    held = [entry["low"] <= 0.5 <= entry["high"] for one in section["descriptors"] for entry in one["against"]]
    assert sum(held) >= 11


def test_constant_and_missing_descriptors_are_no_half():
    section = shortcuts(made(0, width=450, quality=np.nan), TWO, "ALL").as_json()
    for name, state in (("width", "constant"), ("quality", "missing")):
        assert (alone(section, name)["state"], alone(section, name)["against"]) == (state, [])
    assert section["notes"] == [
        "Nothing can be said of width (the same in all images that have it: 450); JPEG quality (missing in all images)."
    ]
    assert "width" not in together(section, "all")["descriptors"]


def test_biology_without_texture_is_a_warning_only_where_it_is_strong():
    def larger(by):
        return lambda table, generator: generator.normal(size=len(table)) + by * (table["label"] == "ALL")

    section = shortcuts(made(0, cell_area=larger(1.6), red=larger(0.5), background=larger(0.5)), TWO, "ALL").as_json()
    size = f"n={section['n']:,}, subjects=40."
    assert section["strong"][0].startswith("A classifier that sees only the cell's area reaches AUC 0.8")
    assert section["strong"][0].endswith(f"for ALL: larger in ALL; {size}")
    assert any("the cell's mean red" in line for line in section["notes"])
    assert any("the picture's background" in line for line in section["warnings"])
    assert not any("background" in line for line in section["strong"])


def test_a_relation_that_rises_and_falls_is_found():
    def wide(table, generator):
        return generator.normal(size=len(table)) * np.where(table["label"] == "ALL", 0.2, 2.0)

    section = shortcuts(made(0, background=wide), TWO, "ALL").as_json()
    (entry,) = alone(section, "background")["against"]
    assert entry["low"] < 0.5 < entry["high"]
    assert entry["differs"]
    assert entry["any_shape"]["low"] > 0.75
    assert "large and small values" in section["strong"][0] or "not by a plain ranking" in section["strong"][0]


def test_that_a_value_is_missing_can_tell_the_class():
    def only_all(table, generator):
        return np.where(table["label"] == "ALL", 90.0, np.nan)

    section = shortcuts(made(0, quality=only_all), TWO, "ALL").as_json()
    assert alone(section, "quality")["state"] == "constant"
    (entry,) = alone(section, "quality_missing")["against"]
    assert (entry["auc"], entry["high"] < 0.5) == (0, True)
    assert any("whether the JPEG quality is missing" in line for line in section["strong"])
    assert together(section, "shortcuts")["against"][0]["auc"] == 1


def test_of_more_classes_each_stands_against_the_rest():
    def one_class(table, generator):
        return generator.normal(size=len(table)) + 2 * (table["label"] == "B")

    images = made(0, classes=THREE, subjects=45, blue=one_class)
    section = shortcuts(images, THREE, None).as_json()
    entries = alone(section, "blue")["against"]
    assert entries[0]["class"] == "B"
    assert {entry["class"] for entry in entries} == set(THREE)
    assert entries[0]["auc"] == pytest.approx(roc_auc_score(images["label"] == "B", images["blue"]))
    one = together(section, "all")
    assert one["macro"]["auc"] == pytest.approx(np.mean([entry["auc"] for entry in one["against"]]))
    assert one["macro"]["n"] == section["n"]
    assert one["macro"]["low"] > 0.5
    assert any("mean blue" in line and "for B against the rest: larger in B" in line for line in section["warnings"])


def test_images_without_subjects_are_their_own_groups():
    def larger(table, generator):
        return generator.normal(size=len(table)) + 3 * (table["label"] == "ALL")

    section = shortcuts(made(0, known=False, file_size=larger), TWO, "ALL").as_json()
    assert (section["subjects"], section["groups"]) == (None, section["n"])
    assert section["strong"][0].endswith("subjects unknown.")


def test_few_groups_have_no_cross_validated_figure_but_a_reason():
    section = shortcuts(made(0, subjects=6), TWO, "ALL").as_json()
    assert together(section, "all")["reason"] == "fewer than 4 groups of hem and ALL: nothing can be cross-validated"
    assert together(section, "all")["against"] == []
    assert alone(section, "red")["against"][0]["any_shape"] is None
    assert alone(section, "red")["against"][0]["low"] is not None
    rare = made(0, classes=THREE, subjects=45)
    rare = rare[(rare["label"] != "C") | rare["subject"].isin(["S2", "S5"])].reset_index(drop=True)
    kept = together(shortcuts(rare, THREE, None).as_json(), "all")
    assert kept["left_out"] == ["C"]
    assert {entry["class"] for entry in kept["against"]} == {"A", "B"}


def test_a_model_stands_beside_and_the_same_comes_out_twice():
    model = {"name": "resnet50", "auc": 0.93, "low": 0.9, "high": 0.95, "n": 1200, "side": "test"}
    first, second = (shortcuts(made(4, quality=np.nan), TWO, "ALL", model).as_json() for _ in range(2))
    assert first["model"] == model
    assert json.dumps(first, allow_nan=False) == json.dumps(second, allow_nan=False)
