"""Shift between parts: found where planted, not taken for a shift of classes, and honest about few subjects."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from made_images import made
from scipy.stats import brunnermunzel

from keras_leuk.audit.parts import partitions
from keras_leuk.audit.shift import shift

TWO, THREE = ("hem", "ALL"), ("A", "B", "C")


def parted(table, column, names, by="subject"):
    """Whole subjects (or images) go to the parts in turn."""
    code = pd.factorize(table[by])[0] if by else np.arange(len(table))
    return table.assign(**{column: [names[c // 2 % len(names)] for c in code]})


def one(section, name, pair=0, partition=0):
    return next(entry for entry in section["partitions"][partition]["pairs"][pair]["descriptors"] if entry["name"] == name)


def test_a_planted_shift_is_found_and_nothing_else():
    images = parted(made(1), "split", ("train", "test"))
    images["red"] += 4.0 * (images["split"] == "test")
    section = shift(images, TWO, "ALL").as_json()
    assert one(section, "red")["low"] > 0.75
    others = [entry for entry in section["partitions"][0]["pairs"][0]["descriptors"] if entry["name"] != "red"]
    assert all(entry["p_holm"] > 0.05 for entry in others)
    (line,) = section["warnings"]
    assert line.startswith("Within the same class, test differs from train: mean red larger, effect 0.9")
    assert line.endswith("40 medians of subjects compared.")
    assert section["strong"] == [line]
    assert section["tests"] == {"descriptors": 13, "mix": 1}


def test_another_mix_of_classes_is_no_shift_of_a_descriptor():
    def by_class(table, generator):
        return generator.normal(size=len(table)) + 5 * (table["label"] == "ALL")

    images = made(0, subjects=60, cell_area=by_class)
    code = images["subject"].str[1:].astype(int)
    images["split"] = np.where((code % 2 == 1) & (code % 10 < 9) | (code % 10 == 0), "test", "train")
    section = shift(images, TWO, "ALL").as_json()
    entry = one(section, "cell_area")
    assert entry["low"] < 0.5 < entry["high"]
    (mix,) = section["partitions"][0]["pairs"][0]["mix"]
    # Both sides need not be equal: the side named second is test.
    assert (mix["class"], mix["low"] > 0.2) == ("ALL", True)
    assert mix["difference"] == pytest.approx(mix["share_second"] - mix["share_first"])
    assert section["warnings"][0].startswith("ALL: ")


def test_medians_of_one_class_are_compared_by_brunner_and_munzel():
    images = parted(made(2, classes=("A",)), "split", ("train", "test"))
    entry = one(shift(images, ("A", "B"), None).as_json(), "green")
    median = images.groupby(["split", "subject"])["green"].median()
    reference = brunnermunzel(median["train"], median["test"])
    assert (entry["auc"] - 0.5) / entry["error"] == pytest.approx(abs(reference.statistic) * np.sign(entry["auc"] - 0.5))
    assert entry["units"] == 40


def test_subjects_on_both_sides_are_one_draw_each():
    images = parted(made(3), "split", ("train", "test"), by=None)
    both = one(shift(images, TWO, "ALL").as_json(), "blue")
    apart = one(shift(images.assign(group=images["group"] + images["split"]), TWO, "ALL").as_json(), "blue")
    assert both["auc"] == apart["auc"]
    assert both["error"] < apart["error"]


def test_what_is_missing_or_constant_in_a_part():
    def only_train(table, generator):
        return np.where(pd.factorize(table["subject"])[0] // 2 % 2 == 0, generator.normal(size=len(table)), np.nan)

    images = parted(made(0, width=450, quality=only_train), "split", ("train", "test"))
    section = shift(images, TWO, "ALL").as_json()
    assert (one(section, "width")["state"], one(section, "width")["auc"]) == ("constant", None)
    quality = one(section, "quality")
    assert (quality["state"], quality["reason"]) == ("missing", "missing in the whole second part")
    assert quality["missing_second"] == (images["split"] == "test").sum()
    assert one(section, "quality_missing")["low"] > 0.75
    assert any("no JPEG quality larger, effect 1.00" in line for line in section["strong"])


def test_images_are_compared_where_subjects_are_unknown():
    images = parted(made(0, known=False), "part", ("training", "test"), by=None)
    section = shift(images, TWO, "ALL").as_json()
    assert (section["unit"], one(section, "red")["units"]) == ("image", len(images))


def test_few_subjects_have_no_interval_but_a_reason():
    images = parted(made(0, subjects=6), "split", ("train", "test"))
    images["split"] = np.where(images["subject"] == "S0", "test", "train")
    entry = one(shift(images, TWO, "ALL").as_json(), "red")
    assert entry["low"] is None
    assert "only one group" in entry["reason"]


def test_another_data_set_has_its_own_people_and_perhaps_its_own_classes():
    mine, other = made(0), made(1, sharpness=lambda t, g: g.normal(size=len(t)) + 9)
    section = shift(mine, TWO, "ALL", {"theirs": other}, "ours").as_json()
    (partition,) = section["partitions"]
    assert [part["name"] for part in partition["parts"]] == ["ours", "theirs"]
    assert section["subjects"] == 80
    assert one(section, "sharpness")["units"] == 80
    assert one(section, "sharpness")["low"] > 0.75
    stranger = made(1, classes=("C", "ALL"))
    pair = shift(mine, TWO, "ALL", {"theirs": stranger}).as_json()["partitions"][0]["pairs"][0]
    assert (pair["classes"], pair["note"]) == (
        ["ALL"],
        "left out, because only one of these data and theirs has the class: C, hem",
    )
    alien = shift(mine, TWO, "ALL", {"theirs": made(1, classes=("C", "D"))}).as_json()
    assert alien["partitions"][0]["pairs"][0]["classes"] == []
    assert "no class in common" in alien["notes"][0]
    assert alien["tests"]["mix"] == 0


def test_which_parts_are_compared():
    images = made(0)
    assert partitions(images, {}, "mine") == []
    images = parted(parted(images, "fold", tuple("1234567")), "part", ("training", "test", "validation", None))
    part, fold = partitions(images, {}, "mine")
    assert [pair.names for pair in part.pairs()] == [("training", "validation"), ("training", "test"), ("validation", "test")]
    pairs = list(fold.pairs())
    assert [pair.names for pair in pairs] == [(f"fold {n}", "the rest") for n in range(1, 8)]
    assert all(len(pair.first) + len(pair.second) == len(images) for pair in pairs)
    twice = partitions(images, {"mine": images}, "mine")[-1]
    assert list(twice.parts) == ["mine (this)", "mine"]


def test_nothing_to_compare_is_said_and_the_same_comes_out_twice():
    section = shift(made(0), TWO, "ALL").as_json()
    assert section["notes"] == ["The data have no split, parts or folds to compare."]
    images = parted(made(5, classes=THREE, quality=np.nan), "fold", ("0", "1", "2"))
    first, second = (json.dumps(shift(images, THREE, None).as_json(), allow_nan=False) for _ in range(2))
    assert first == second
    assert len(json.loads(first)["partitions"][0]["pairs"][0]["mix"]) == 3
