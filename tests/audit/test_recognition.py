from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_cells import simulated

from keras_leuk.audit.recognition import dealt, recognise


def judged(subject_sd, copies=False, told=True, **others):
    images, features, _ = simulated(subject_sd=subject_sd, **others)
    labels = (images["label"] == "ALL").to_numpy().astype(int)
    subject = np.unique(images["group"], return_inverse=True)[1]
    cell = np.arange(len(labels))
    if copies:
        labels, subject, features = np.tile(labels, 2), np.tile(subject, 2), np.tile(features, (2, 1))
        cell = np.tile(cell, 2) if told else np.arange(2 * len(cell))
    return recognise(features, labels, subject, cell, ("HEM", "ALL"))


def test_a_subject_with_a_look_of_its_own_is_recognised_and_one_without_is_not():
    marked, plain = judged(4.0).all, judged(0.0).all
    assert marked["accuracy"]["low"] > 0.9
    assert plain["accuracy"]["value"] < 0.15
    assert plain["chance"] == pytest.approx(0.07, abs=0.04)
    assert plain["images"] == marked["images"]


def test_copies_of_a_cell_do_not_recognise_their_owner():
    told, untold = (judged(0.0, copies=True, told=told, width=100).all["accuracy"]["value"] for told in (True, False))
    assert told < 0.15
    assert untold > 0.4


def test_an_accuracy_is_the_share_of_hits_and_chance_that_of_the_largest_subject():
    found = judged(0.8, subjects=14)
    assert found.all["accuracy"]["value"] == pytest.approx(np.nanmean(found.hit))
    assert found.all["images"] == sum(one["images"] for one in found.classes) == np.isfinite(found.hit).sum()
    pooled = sum(one["chance"] * one["images"] for one in found.classes) / found.all["images"]
    assert found.all["chance"] == pytest.approx(pooled)


def test_too_few_subjects_and_subjects_of_one_cell_are_said():
    features = np.random.default_rng(0).normal(size=(21, 3))
    labels = np.repeat([0, 1], [12, 9])
    subject = np.r_[np.repeat(np.arange(6), 2), 6, 7, np.repeat(np.arange(8, 12), 2)[:7]]
    found = recognise(features, labels, subject, np.arange(21), ("HEM", "ALL"))
    assert found.classes[0]["accuracy"]["value"] is not None
    assert found.classes[1]["accuracy"] == {
        "value": None,
        "low": None,
        "high": None,
        "reason": "3 subjects of ALL have two cells or more; 5 are needed",
    }
    assert found.classes[1]["left_out"] == 3
    assert found.all["images"] == 12
    nobody = recognise(features, labels, np.arange(21), np.arange(21), ("HEM", "ALL"))
    assert nobody.all["accuracy"]["reason"] == "no class has enough subjects"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 12)), min_size=2, max_size=40), st.integers(0, 9))
def test_a_cell_stays_in_a_fold_and_two_own_cells_do_not(pairs, seed):
    subject, number = np.array(pairs).T
    own = subject * 100 + number
    fold = dealt(subject, own, seed)
    for cell in np.unique(own):
        assert len(set(fold[own == cell])) == 1
    for who in np.unique(subject):
        assert len(set(fold[subject == who])) == min(5, len(set(own[subject == who])))
