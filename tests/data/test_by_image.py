from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from keras_leuk.data.by_image import apportion, deal_by_image, draw_by_image, share_of
from keras_leuk.errors import DataError
from keras_leuk.recipe.randomness import generator


def drawn(label, shares, seed=0):
    return draw_by_image(label, shares, "training", generator(seed, "test"))


@pytest.mark.parametrize(
    ("share", "total", "number"), [(0.2, 10661, 2133), (0.25, 8, 2), (0.1, 11, 2), (0.07, 100, 7), (0.3, 10, 3), (0.0, 5, 0)]
)
def test_a_share_is_rounded_up(share, total, number):
    assert share_of(share, total) == number


def test_counts_of_fatonah_2023():
    label = ["ALL"] * 7272 + ["HEM"] * 3389
    count = Counter(zip(label, drawn(label, {"test": 0.2}), strict=True))
    assert sum(n for (_, side), n in count.items() if side == "training") == 8528
    # scikit-learn parts the classes the same way.
    _, test = train_test_split(label, test_size=0.2, stratify=label, random_state=0)
    assert Counter(test) == {"ALL": count["ALL", "test"], "HEM": count["HEM", "test"]}


@given(st.lists(st.integers(3, 80), min_size=1, max_size=4), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_classes_in_equal_proportion_on_every_side(sizes, seed):
    label = [str(c) for c, size in enumerate(sizes) for _ in range(size)]
    shares = {"test": 0.3, "validation": 0.25}
    try:
        sides = drawn(label, shares, seed)
    except DataError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert "would have" in refusal
        return
    count = Counter(zip(label, sides, strict=True))
    for side, share in shares.items():
        assert sides.count(side) == share_of(share, len(label))
        for c, size in enumerate(sizes):
            assert count[str(c), side] >= 1
            assert abs(count[str(c), side] - share * size) < 2.5
    assert sides == drawn(label, shares, seed)


def test_different_seeds_differ():
    assert drawn(["a", "b"] * 50, {"test": 0.2}, 0) != drawn(["a", "b"] * 50, {"test": 0.2}, 1)


def test_refusals():
    with pytest.raises(DataError, match="class 'b' has 1 image only; 2 are needed, one each for training, test"):
        drawn(["a"] * 5 + ["b"], {"test": 0.2})
    with pytest.raises(DataError, match="the test side would have 1 of 9 images, but there are 3 classes"):
        drawn(list("aaabbbccc"), {"test": 0.1})
    with pytest.raises(DataError, match="the training side would have 1 of 4 images, but there are 2 classes"):
        drawn(list("aabb"), {"test": 0.7})


@pytest.mark.parametrize(
    ("number", "available", "most", "given_"),
    [
        (10, {"a": 60, "b": 40}, {"a": 60, "b": 40}, {"a": 6, "b": 4}),
        (3, {"a": 50, "b": 50}, {"a": 50, "b": 50}, {"a": 2, "b": 1}),
        (3, {"a": 98, "b": 1, "c": 1}, {"a": 98, "b": 1, "c": 1}, {"a": 1, "b": 1, "c": 1}),
        (9, {"a": 8, "b": 4}, {"a": 6, "b": 3}, {"a": 6, "b": 3}),
        (2, {"a": 97, "b": 3}, {"a": 96, "b": 2}, {"a": 1, "b": 1}),
    ],
)
def test_largest_remainders(number, available, most, given_):
    assert apportion(number, available, most) == given_


@given(st.lists(st.integers(5, 40), min_size=1, max_size=4), st.integers(2, 5))
@settings(max_examples=40, deadline=None)
def test_folds_are_equal(sizes, folds):
    label = [str(c) for c, size in enumerate(sizes) for _ in range(size)]
    names = [str(i) for i in range(folds)]
    dealt = deal_by_image(label, names, generator(0, "test"))
    count = Counter(zip(label, dealt, strict=True))
    for part in [[dealt.count(n) for n in names], *([count[c, n] for n in names] for c in set(label))]:
        assert max(part) - min(part) <= 1


def test_too_few_images_for_the_folds():
    with pytest.raises(DataError, match="class 'b' has 2 images only; 3 are needed, one each for 0, 1, 2"):
        deal_by_image(["a"] * 5 + ["b"] * 2, ["0", "1", "2"], generator(0, "test"))
