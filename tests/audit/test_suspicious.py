from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_cells import simulated

from keras_leuk.audit import contamination
from keras_leuk.audit.suspicious import COLUMNS, SHOWN, TABLE, confident, suspicious

CLASSES = ("HEM", "ALL")


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(contamination, "RESAMPLES", 60)


def audit(images, features, same=None, classes=CLASSES):
    positive = classes[-1] if len(classes) == 2 else None
    return suspicious(images, features, "made-up features", same or list(images["image"]), classes, positive)


@pytest.mark.parametrize("classes", [CLASSES, ("a", "b", "c")])
def test_flipped_labels_are_found_and_counted(classes):
    images, features, wrong = simulated(40, 25, classes, apart=5.0, flips=0.06, seed=1)
    found = audit(images, features, classes=classes)
    listed = images["image"].isin(found.table["image"]).to_numpy()
    assert wrong[listed].mean() > 0.9
    assert listed[wrong].mean() > 0.6
    # Asked for as many as there are, the ranking by probability knows nearly all.
    assert found.beyond_doubt["low"] < wrong.sum() < found.beyond_doubt["high"]
    assert found.within_chance is False
    assert "labels contradict a model of other subjects" in found.warnings[0]


@pytest.mark.parametrize(("apart", "most"), [(5.0, 0.005), (1.5, 0.25)])
def test_without_a_wrong_label_the_list_is_short_or_said_to_be_the_models_doubt(apart, most):
    images, features, _ = simulated(40, 25, apart=apart, seed=2)
    found = audit(images, features)
    assert len(found.table) <= most * len(images)
    assert found.within_chance is True
    assert found.warnings == ()
    assert "no more than its own doubt explains" in found.notes[0]


def test_a_whole_subject_under_the_wrong_label_is_named():
    images, features, _ = simulated(30, 12, apart=9.0)
    mine = images["subject"] == "s4"
    found = audit(images.assign(label=images["label"].mask(mine, "ALL")), features)
    assert found.concentrated[0]["subject"] == "s4"
    assert found.concentrated[0]["images"] == mine.sum()
    assert found.mostly_listed[0]["subject"] == "s4"
    assert any("a whole subject labelled wrongly, or only unlike the others?" in note for note in found.notes)


def test_a_copy_under_another_subjects_name_does_not_vouch_for_its_label():
    images, features, _ = simulated(30, 10, apart=5.0, width=200, seed=3)
    at, other = 0, int(np.flatnonzero(images["subject"] == "s2")[0])
    images.loc[[at, other], "label"] = "ALL"
    features[other] = features[at]
    same = list(images["image"])
    same[other] = same[at]
    told, untold = (audit(images, features, names).table.set_index("image") for names in (same, None))
    assert images["image"][at] in told.index
    loose = untold["probability_of_label"].get(images["image"][at], 1.0)
    assert told.loc[images["image"][at], "probability_of_label"] < loose


def test_a_hand_worked_confident_joint():
    chances = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.3, 0.7], [0.1, 0.9], [0.8, 0.2]])
    labels = np.array([0, 0, 0, 1, 1, 1])
    # Thresholds: (0.9 + 0.7 + 0.2) / 3 = 0.6 of the first class, (0.7 + 0.9 + 0.2) / 3 = 0.6 of the second.
    listed, suggested, thresholds = confident(chances, labels)
    np.testing.assert_allclose(thresholds, [0.6, 0.6])
    assert np.flatnonzero(listed).tolist() == [2, 5]
    assert suggested[listed].tolist() == [1, 0]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 4))
def test_the_list_is_the_definition_of_the_confident_joint(seed, classes):
    draw = np.random.default_rng(seed)
    chances = draw.dirichlet(np.ones(classes), size=20)
    labels = np.r_[np.arange(classes), draw.integers(classes, size=20 - classes)]
    listed, suggested, thresholds = confident(chances, labels)
    for row, label, is_listed, said in zip(chances, labels, listed, suggested, strict=True):
        over = [k for k in range(classes) if row[k] >= thresholds[k]]
        counted = max(over, key=lambda k: row[k]) if over else None
        assert is_listed == (counted is not None and counted != label)
        if counted is not None:
            assert said == counted


def test_the_table_is_in_order_and_the_page_gets_its_beginning(tmp_path):
    images, features, _ = simulated(40, 25, apart=2.0, flips=0.1)
    images.loc[::7, "subject"] = None
    found = audit(images, features)
    found.write_tables(tmp_path)
    table = pd.read_csv(tmp_path / TABLE)
    assert tuple(table.columns) == COLUMNS
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    assert table["probability_of_label"].is_monotonic_increasing
    assert (table["probability_of_suggested"] > table["probability_of_label"]).all()
    assert (table["label"] != table["suggested"]).all()
    section = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert section["listed"] == len(table) > SHOWN == len(section["shown"])
    assert [row["image"] for row in section["shown"]] == found.thumbnails == table["image"][:SHOWN].tolist()
    assert {row["image"]: row["picture"] for row in section["shown"]} == found.pictures()
    assert section["shown"][0]["picture"] == "pictures/suspicious-01.png"
    assert {type(row["subject"]) for row in section["shown"]} <= {str, type(None)}
    assert json.dumps(section) == json.dumps(json.loads(json.dumps(audit(images, features).as_json())))


def test_unknown_subjects_are_other_images():
    images, features, _ = simulated(30, 8, apart=5.0, flips=0.1)
    found = audit(images.assign(subject=None, group=images["image"]), features)
    assert found.known_subjects is False
    assert found.concentrated == ()
    assert "a model of other images" in found.warnings[0]


def test_a_class_of_one_subject_cannot_be_questioned(tmp_path):
    images, features, _ = simulated(2, 10)
    found = audit(images, features)
    assert found.reason == "HEM, ALL: fewer than two subjects, so no model of other subjects knows the class"
    assert found.thumbnails == []
    found.write_tables(tmp_path)
    assert (tmp_path / TABLE).read_text() == ",".join(COLUMNS) + "\n"
    json.dumps(found.as_json(), allow_nan=False)
