from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_cells import simulated
from sklearn.metrics import roc_auc_score

from keras_leuk.audit import split_optimism
from keras_leuk.audit.split_optimism import FoldedArea, flatter, fold_designs

NAMES = ("HEM", "ALL")


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(split_optimism, "RESAMPLES", 300)
    monkeypatch.setattr(split_optimism, "OFTEN", 2)


def judged(copies=1, **how):
    images, features, _ = simulated(**how)
    labels = np.tile((images["label"] == "ALL").to_numpy().astype(int), copies)
    person = np.tile(np.unique(images["group"], return_inverse=True)[1], copies)
    cell = np.tile(np.arange(len(images)), copies)
    return flatter(np.tile(features, (copies, 1)), labels, cell, person, NAMES, "ALL")


def test_a_random_split_flatters_where_subjects_have_a_look_of_their_own_and_only_there():
    marked = judged(apart=0.0, subject_sd=2.0, per=20, width=30)
    gain = marked["differences"]["random_minus_by_subject"]
    assert gain["low"] > 0.1
    assert marked["designs"]["by_subject"]["low"] < 0.5 < marked["designs"]["by_subject"]["high"]
    plain = judged(apart=1.5, subject_sd=0.0)
    none = plain["differences"]["random_minus_by_subject"]
    assert none["low"] < 0 < none["high"]
    assert abs(none["value"]) < 0.02


def test_copies_let_loose_help_a_classifier_that_knows_nothing():
    found = judged(copies=2, apart=0.0, subject_sd=0.0, subjects=30, per=6, width=120)
    assert found["copies"] == found["images"] // 2
    assert found["differences"]["copies_minus_random"]["low"] > 0
    random = found["designs"]["random"]
    assert random["low"] < 0.5 < random["high"]


def test_without_copies_both_random_designs_are_one():
    found = judged(subjects=12, per=8)
    assert found["designs"]["random"] == found["designs"]["copies_loose"]
    assert found["differences"]["copies_minus_random"]["value"] == 0


def test_too_few_subjects_say_so():
    found = judged(subjects=8)
    assert found["designs"]["random"]["reason"] == "too few subjects (HEM: 4, ALL: 4; 5 a class are needed)"
    assert found["differences"]["random_minus_by_subject"]["value"] is None


@pytest.mark.parametrize("sought", [[1], [0, 1, 2]])
def test_the_area_is_scikit_learns_within_folds_and_weights_are_repetitions(sought):
    draw = np.random.default_rng(0)
    labels, fold = draw.integers(3, size=90), draw.integers(4, size=90)
    chances = draw.dirichlet(np.ones(3), size=90).round(1)
    area = FoldedArea(labels, sought)
    area.add(chances, fold)
    weights = draw.integers(0, 3, size=(5, 90)).astype(float)
    for found, weight in zip(area(weights), weights, strict=True):
        rows = np.repeat(np.arange(90), weight.astype(int))
        of_class = []
        for label in sought:
            member, score = labels[rows] == label, chances[rows, label]
            held = [fold[rows] == number for number in range(4)]
            pairs = [member[h].sum() * (~member[h]).sum() for h in held]
            of_class.append(np.average([roc_auc_score(member[h], score[h]) for h in held], weights=pairs))
        assert found == pytest.approx(np.mean(of_class))
    assert np.isnan(area(np.zeros((1, 90)))[0])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 99), st.integers(0, 2))
def test_no_design_parts_what_it_promises_to_keep_together(seed, time):
    draw = np.random.default_rng(seed)
    person = np.repeat(np.arange(20), 6)
    labels, cell = person % 2, draw.integers(3, size=120) + 10 * person
    cell = np.unique(cell, return_inverse=True)[1]
    found = fold_designs(labels, cell, person, seed, time)
    for names, design in ((cell, "random"), (cell, "by_subject"), (person, "by_subject")):
        assert all(len(set(found[design][names == name])) == 1 for name in np.unique(names))
    assert all(len(set(fold)) == 5 and set(labels[fold == 0]) == {0, 1} for fold in found.values())
