from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from simulated_cells import simulated

from keras_leuk.audit import recognition, split_optimism
from keras_leuk.audit.subjects import TABLE, subjects


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    for module in (recognition, split_optimism):
        monkeypatch.setattr(module, "RESAMPLES", 200)
    monkeypatch.setattr(split_optimism, "OFTEN", 2)


def audit(images, features, same=None, classes=("HEM", "ALL")):
    positive = classes[-1] if len(classes) == 2 else None
    return subjects(images, features, "made-up features", same or list(images["image"]), classes, positive)


def strict(found):
    return json.loads(json.dumps(found.as_json(), allow_nan=False))


def test_a_marked_cohort_is_told_in_numbers_and_words():
    images, features, _ = simulated(apart=0.5, subject_sd=1.0, width=20)
    found = strict(audit(images, features))
    # Between-subject variance 1 beside 1 within.
    assert found["variance"]["share"]["low"] < 0.5 < found["variance"]["share"]["high"]
    assert found["variance"]["images"] == found["images"] == len(images)
    assert found["recognition"]["all"]["accuracy"]["low"] > found["recognition"]["all"]["chance"]
    assert found["optimism"]["differences"]["random_minus_by_subject"]["low"] > 0
    assert found["warnings"][0].startswith("a random split flatters: the AUC for ALL of the same classifier is ")
    assert "each of 40 subjects is of one class" in found["notes"][-1]
    assert found["reason"] is None


def test_unknown_subjects_take_one_line_and_a_part_of_them_is_left_out(tmp_path):
    images, features, _ = simulated(20, 8)
    nobody = audit(images.assign(subject=None, group=images["image"]), features)
    assert strict(nobody)["reason"] == "no image names its subject"
    nobody.write_tables(tmp_path)
    assert list(tmp_path.iterdir()) == []
    some = images.assign(subject=images["subject"].where(images.index % 3 > 0, None))
    found = audit(some, features)
    assert found.known == (images.index % 3 > 0).sum() == found.optimism["images"]
    assert any(f"{len(images) - found.known} of {len(images)} images name no subject" in note for note in found.notes)


def test_few_subjects_give_reasons_and_no_numbers():
    images, features, _ = simulated(4, 10)
    found = strict(audit(images, features))
    assert found["variance"]["share"]["reason"] == "every class has fewer than 5 subjects"
    assert found["recognition"]["all"]["accuracy"]["value"] is None
    assert found["optimism"]["designs"]["by_subject"]["value"] is None
    assert sum("cannot be estimated" in note for note in found["notes"]) == 3
    single, features, _ = simulated(30, 10)
    single = single.groupby("subject", sort=False).head(1)
    alone = strict(audit(single.reset_index(drop=True), features[single.index]))
    assert alone["variance"]["share"]["reason"].startswith("each subject has a single cell")


def test_a_class_of_few_subjects_is_left_out_of_the_variance_alone():
    images, features, _ = simulated(24, 8)
    keep = ~((images["label"] == "ALL") & ~images["subject"].isin(["s1", "s3", "s5"]))
    found = audit(images[keep].reset_index(drop=True), features[keep])
    assert found.variance["classes"] == ["HEM"]
    assert found.variance["left_out"] == [{"class": "ALL", "subjects": 3}]
    assert found.variance["share"]["value"] is not None
    assert found.optimism["designs"]["random"]["value"] is None


def test_copies_count_once_in_the_variance():
    images, features, _ = simulated(20, 8)
    twice = pd.concat([images, images.assign(image="copy-" + images["image"])], ignore_index=True)
    copied = audit(twice, np.tile(features, (2, 1)), [*images["image"], *images["image"]])
    single = audit(images, features)
    assert copied.variance["share"] == pytest.approx(single.variance["share"], abs=1e-9)
    assert copied.variance["copies"] == copied.optimism["copies"] == len(images)


def test_subjects_of_several_classes_are_named():
    images, features, _ = simulated(20, 8)
    first = images.index[images["subject"] == "s3"][0]
    images.loc[first, "label"] = "HEM"
    found = audit(images, features)
    total = int((images["subject"] == "s3").sum())
    assert found.purity["of_several"] == [{"subject": "s3", "classes": {"HEM": 1, "ALL": total - 1}}]
    assert f"1 of 20 subjects are of several classes: s3 (1 HEM, {total - 1} ALL)" in found.warnings
    assert found.purity["outside_main_class"] == 1
    mixed = audit(images.assign(label=np.where(images.index % 2, "ALL", "HEM")), features)
    assert not any("several classes" in line for line in mixed.warnings)
    assert any("20 of 20 subjects are of several classes" in line for line in mixed.notes)


def test_linked_subjects_count_as_one():
    images, features, _ = simulated(24, 8)
    joined = images.assign(group=images["group"].replace({"s2": "s2+s4", "s4": "s2+s4"}))
    found = audit(joined, features)
    assert (found.subjects, found.people, found.optimism["subjects"]) == (24, 23, 23)
    assert found.table.set_index("subject").loc["s4", "group"] == "s2+s4"


def test_three_classes_are_judged_each_against_the_rest():
    images, features, _ = simulated(30, 8, ("a", "b", "c"), subject_sd=1.0)
    found = strict(audit(images, features, classes=("a", "b", "c")))
    assert found["optimism"]["measure"] == "macro AUC (each class against the rest)"
    assert [one["class"] for one in found["recognition"]["classes"]] == ["a", "b", "c"]
    assert found["optimism"]["designs"]["random"]["value"] > 0.5


def test_the_same_data_give_the_same_bytes(tmp_path):
    images, features, _ = simulated(14, 8)
    texts = []
    for name in ("a", "b"):
        found = audit(images, features)
        (tmp_path / name).mkdir()
        found.write_tables(tmp_path / name)
        texts.append((json.dumps(found.as_json()), (tmp_path / name / TABLE).read_bytes()))
    assert texts[0] == texts[1]
    table = pd.read_csv(tmp_path / "a" / TABLE)
    assert table["subject"].tolist() == [f"s{i}" for i in range(14)]
    assert (table["images"] == table["images_HEM"] + table["images_ALL"]).all()
    assert table["judged"].sum() == found.recognition["all"]["images"]
    assert table["recognised"].sum() / table["judged"].sum() == pytest.approx(found.recognition["all"]["accuracy"]["value"])
