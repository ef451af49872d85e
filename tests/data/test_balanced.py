from collections import Counter

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trees import cohort, labelled

from keras_leuk.data.by_image import draw_balanced
from keras_leuk.data.splits import split
from keras_leuk.errors import DataError
from keras_leuk.papers.library import paper
from keras_leuk.recipe.data import Split
from keras_leuk.recipe.randomness import generator

CNMC = [(None, "ALL")] * 7272 + [(None, "HEM")] * 3389


def cut(rows, seed=0, **recipe):
    settings_ = Split(strategy="random", balanced=True, **recipe)
    return split(rows, settings_, seed, sorted(set(rows["label"])))


def counts(result):
    return result.rows.groupby(["split", "label"]).size().to_dict()


def test_counts_of_mantri_2024():
    result = cut(labelled(CNMC), test=0.15, validation=0)
    assert counts(result) == {("test", "ALL"): 800, ("test", "HEM"): 800, ("train", "ALL"): 6472, ("train", "HEM"): 2589}


def test_counts_of_vijesh_2024():
    found = counts(cut(labelled(CNMC), test=0.0412, validation=0.0412))
    assert {key: n for key, n in found.items() if key[0] != "train"} == {
        (side, label): 220 for side in ("validation", "test") for label in ("ALL", "HEM")
    }


@pytest.mark.parametrize(("key", "each"), [("mantri2024", 800), ("vijesh2024", 220)])
def test_the_papers_draw_such_sides_of_the_whole_set(key, each, whole_rows):
    recipe = paper(key).protocol("paper").recipe()
    rows = whole_rows[whole_rows["part"].isin(recipe.data.parts)].reset_index(drop=True)
    found = counts(split(rows, recipe.split, recipe.seed, ("HEM", "ALL")))
    assert {n for (side, _), n in found.items() if side != "train"} == {each}
    assert sum(found.values()) == 10661


def test_it_says_what_it_did():
    result = cut(cohort(subjects=10, cells=10), test=0.1, validation=0.2)
    assert result.description.startswith("Split at random over images, as many of each class on the validation and test sides: ")
    assert result.notes == (
        "split.balanced: the mix of classes on the validation and test sides is even, and not that of the data (ALL 50, HEM 50)",
    )
    assert len(result.warnings) == 1
    assert result.warnings[0].startswith("cells of one subject stand on more than one side")
    assert "as many of each class on the test side: " in cut(cohort(), validation=0).description


@given(st.lists(st.integers(20, 90), min_size=2, max_size=4), st.integers(0, 3))
@settings(max_examples=25, deadline=None)
def test_sides_are_even_whole_and_drawn_by_the_seed(sizes, seed):
    rows = labelled([(None, f"c{c}") for c, size in enumerate(sizes) for _ in range(size)])
    shares = {"test": 0.1, "validation": 0.05}
    result = cut(rows, seed, **shares)
    found = counts(result)
    for side, share in shares.items():
        (each,) = {found[side, f"c{c}"] for c in range(len(sizes))}
        assert 0 <= each - share * len(rows) / len(sizes) < 1
    assert sum(found.values()) == len(rows)
    pd.testing.assert_frame_equal(result.rows, cut(rows, seed, **shares).rows)
    assert not result.rows["split"].equals(cut(rows, seed + 1, **shares).rows["split"])


def test_equal_images_are_drawn_one_by_one_and_warned_of():
    """As without `balanced`: a random split parts them, and says so."""
    rows = labelled([(None, "ALL"), (None, "HEM")] * 20, pixels=[f"p{i // 4}-{i % 2}" for i in range(40)])
    result = cut(rows, test=0.3, validation=0)
    assert counts(result) == {("test", "ALL"): 6, ("test", "HEM"): 6, ("train", "ALL"): 14, ("train", "HEM"): 14}
    assert any("the same image stands on both sides, train and test" in line for line in result.warnings)


def test_a_class_with_too_few_images_is_named():
    rows = labelled([(None, "ALL")] * 90 + [(None, "HEM")] * 10)
    line = (
        "class 'HEM' has 10 images only; as many of each class are needed: 8 for test, 8 for validation, and one at least for "
        "train; give smaller split.test and split.validation, or split.balanced=false"
    )
    with pytest.raises(DataError) as caught:
        cut(rows, test=0.16, validation=0.16)
    assert str(caught.value) == line
    with pytest.raises(DataError, match="class 'b' has 1 image only"):
        draw_balanced(["a", "a", "b"], {"test": 0.5}, "train", generator(0, "test"))


def test_one_image_may_be_left():
    sides = draw_balanced(["a"] * 5 + ["b"] * 3, {"test": 0.5}, "train", generator(0, "test"), advice="")
    assert Counter(zip(["a"] * 5 + ["b"] * 3, sides, strict=True))["b", "train"] == 1
