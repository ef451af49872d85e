from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_leuk.data.by_group import assign, draw_by_group
from keras_leuk.errors import DataError
from keras_leuk.recipe.randomness import generator

SHARES = {"training": 0.6, "validation": 0.2, "test": 0.2}


def drawn(group, label, shares=SHARES, seed=0):
    return draw_by_group(group, label, shares, generator(seed, "test"))


@st.composite
def pure(draw):
    """Groups of one class each; 3 to 12 a class, 1 to 30 images a group."""
    group, label = [], []
    for c in "AB"[: draw(st.integers(1, 2))]:
        for g, size in enumerate(draw(st.lists(st.integers(1, 30), min_size=3, max_size=12))):
            group += [f"{c}{g}"] * size
            label += [c] * size
    return group, label


@given(pure(), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_groups_stay_whole_and_every_side_gets_every_class(cells, seed):
    group, label = cells
    sides = drawn(group, label, seed=seed)
    by_group = defaultdict(set)
    for g, side in zip(group, sides, strict=True):
        by_group[g].add(side)
    assert all(len(on) == 1 for on in by_group.values())
    assert {(c, side) for c, side in zip(label, sides, strict=True)} == {(c, side) for c in set(label) for side in SHARES}
    assert drawn(group, label, seed=seed) == sides


@given(st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_shares_are_close_where_groups_are_small(seed):
    rng = np.random.default_rng(seed)
    group = [f"{c}{g}" for c in "AB" for g in range(30) for _ in range(rng.integers(5, 25))]
    label = [g[0] for g in group]
    count = Counter(zip(label, drawn(group, label, seed=seed), strict=True))
    for c in "AB":
        for side, share in SHARES.items():
            assert count[c, side] / label.count(c) == pytest.approx(share, abs=0.02)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("XYZ")), min_size=1, max_size=60), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_groups_of_several_classes_are_whole_or_refused(cells, seed):
    group, label = zip(*cells, strict=True)
    try:
        sides = drawn(group, label, seed=seed)
    except DataError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert "are needed, one each for" in refusal or "no way was found" in refusal
        return
    assert len(set(zip(group, sides, strict=True))) == len(set(group))
    assert len(set(zip(label, sides, strict=True))) == 3 * len(set(label))


def test_mixed_groups_are_completed():
    # Each class stands in just three groups: a and b must part, and the large pure ones must share the third side.
    group = ["a"] * 2 + ["b"] * 2 + ["c"] * 100 + ["d"] * 100
    label = ["X", "Y"] * 2 + ["X"] * 100 + ["Y"] * 100
    sides = dict(zip(group, drawn(group, label), strict=True))
    assert sides["a"] != sides["b"]
    assert sides["c"] == sides["d"]
    assert len(set(sides.values())) == 3


def test_different_seeds_give_different_splits_and_the_order_of_images_gives_none():
    group = [f"{c}{g}" for c in "AB" for g in range(20) for _ in range(3)]
    label = [g[0] for g in group]
    assert drawn(group, label, seed=0) != drawn(group, label, seed=1)
    assert drawn(group[::-1], label[::-1]) == drawn(group, label)[::-1]


@pytest.mark.parametrize(
    ("group", "label", "line"),
    [
        (
            "aabb",
            "XXYY",
            "class 'X' has images of 1 subject only .linked ones count as one.; 3 are needed, one each for training, valid",
        ),
        ("abcd", "XXXY", "class 'Y' has images of 1 subject only"),
        ("aaabbb", "XYZXYZ", "class 'X' has images of 2 subjects only"),
    ],
)
def test_too_few_groups(group, label, line):
    with pytest.raises(DataError, match=line):
        drawn(list(group), list(label))


def test_impossible_with_mixed_groups():
    # Each pair of three groups shares a class, and each class has two groups: two sides cannot both be complete.
    group = list("abbcca")
    label = list("XXYYZZ")
    with pytest.raises(DataError, match="no way was found to give every side"):
        drawn(group, label, {"training": 0.5, "test": 0.5})


def test_assign_parts_equal_groups_exactly():
    side = assign(np.full((10, 1), 7), np.full(5, 0.2), generator(0, "test"))
    assert Counter(side.tolist()) == dict.fromkeys(range(5), 2)
