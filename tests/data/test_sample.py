from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trees import cohort, labelled

from keras_leuk.data.linked import cnmc_links, is_cnmc, known_links
from keras_leuk.data.read import read
from keras_leuk.data.sample import in_order, sample
from keras_leuk.data.table import make_table
from keras_leuk.errors import RecipeError
from keras_leuk.models.weights import WeightsOutOfReachError, resolve
from keras_leuk.progress import Recorder
from keras_leuk.training import materials
from keras_leuk.training.materials import gather, read_table

PEOPLE = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", None]),
        st.sampled_from(["ALL", "ALL", "ALL", "HEM", "AML"]),
        st.sampled_from(["training", "training", "test", None]),
    ),
    min_size=2,
    max_size=120,
)


def table_of(rows, unlabelled=()):
    records = [*rows.drop(columns="pixels").to_dict("records"), *({"image": name} for name in unlabelled)]
    return make_table(records, root=Path("."), name="cells", reader="table")


def rows_of(people):
    return labelled([(who, label) for who, label, _ in people], part=[part for *_, part in people])


# --- shares -------------------------------------------------------------------------------------------------------------


@given(PEOPLE)
@settings(max_examples=150, deadline=None)
def test_every_beginning_keeps_the_shares(people):
    """Tijdeman (1980): with k strata the deviation is at most 1 - 1 / (2 k - 2), whatever the size of the sample."""
    rows = rows_of(people)
    order = in_order(rows)
    assert sorted(order) == list(range(len(rows)))
    strata = list(zip(rows["part"], rows["label"], strict=True))
    size, had = Counter(strata), Counter()
    most = 1 - Fraction(1, max(2 * len(size) - 2, 1))
    for number, place in enumerate(order, start=1):
        had[strata[place]] += 1
        for stratum, n in size.items():
            assert abs(had[stratum] - Fraction(number * n, len(rows))) <= most


@pytest.mark.parametrize("number", [7, 30, 31, 149])
def test_two_classes_get_what_largest_remainders_give(number):
    rows = labelled([("a", "ALL")] * 100 + [("b", "HEM")] * 50)
    wish = Fraction(number * 100, 150)
    assert Counter(rows["label"].iloc[in_order(rows)[:number]])["ALL"] == round(wish)


def test_the_alabama_paradox_is_not_repeated():
    """Of these classes, largest remainders give the fourth 3 of 25 images, and 2 of 26."""
    sizes = {"a": 1500, "b": 1500, "c": 900, "d": 500, "e": 500, "f": 200}
    wish = [{name: Fraction(number * n, sum(sizes.values())) for name, n in sizes.items()} for number in (25, 26)]

    def largest_remainders(shares, number):
        given_ = {name: int(share) for name, share in shares.items()}
        behind = sorted(shares, key=lambda name: given_[name] - shares[name])
        return given_ | {name: given_[name] + 1 for name in behind[: number - sum(given_.values())]}

    assert [largest_remainders(shares, number)["d"] for shares, number in zip(wish, (25, 26), strict=True)] == [3, 2]
    rows = labelled([(None, name) for name, n in sizes.items() for _ in range(n)])
    order = in_order(rows)
    counts = [Counter(rows["label"].iloc[order[:number]])["d"] for number in range(1, 60)]
    assert counts == sorted(counts)


# --- subjects -----------------------------------------------------------------------------------------------------------


@given(PEOPLE)
@settings(max_examples=60, deadline=None)
def test_subjects_take_turns(people):
    """Nobody in a class and part has two images more than somebody else there who has any left."""
    rows = rows_of(people)
    key = list(zip(rows["part"], rows["label"], rows["subject"], strict=True))
    size, had = Counter(key), Counter()
    for place in in_order(rows):
        had[key[place]] += 1
        own = had[key[place]]
        rivals = [other for other in size if other[:2] == key[place][:2]]
        assert all(own - had[other] <= 1 or had[other] == size[other] for other in rivals)


def test_every_subject_keeps_some_where_there_is_room():
    rows = labelled([("rare", "ALL"), *[("often", "ALL")] * 500, *[(f"h{i % 9}", "HEM") for i in range(501)]])
    chosen = rows.iloc[in_order(rows)[:20]]
    assert set(chosen["subject"]) == set(rows["subject"])


# --- the table ----------------------------------------------------------------------------------------------------------


@given(PEOPLE, st.data())
@settings(max_examples=60, deadline=None)
def test_a_larger_sample_holds_a_smaller_one(people, data):
    rows = rows_of(people)
    if rows["label"].nunique() < 2:
        return
    small = data.draw(st.integers(2, len(rows)))
    large = data.draw(st.integers(small, len(rows)))
    table = table_of(rows)
    try:
        inner = sample(table, small)
    except RecipeError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert "leaves no image of class" in refusal
        return
    outer = sample(table, large)
    assert len(inner.labelled) == small
    assert set(inner.rows["image"]) <= set(outer.rows["image"])
    assert inner.classes == outer.classes == table.classes


def test_a_sample_as_large_as_the_data_changes_nothing():
    table = table_of(cohort())
    for number in (None, 100, 101, 10**9):
        assert sample(table, number) is table


def test_its_name_says_how_many_and_unlabelled_images_stay():
    table = table_of(labelled([(None, "ALL"), (None, "HEM")] * 600), unlabelled=["x.png", "y.png"])
    smaller = sample(table, 40)
    assert smaller.name == "cells (40 of 1,200 images)"
    assert (len(smaller.labelled), len(smaller.rows)) == (40, 42)


def test_where_the_images_lie_and_their_order_decide_nothing():
    rows = cohort()
    moved = rows.assign(image=[f"else/where/{name}" for name in rows["image"]]).iloc[::-1]
    names = [set(sample(table_of(found), 30).rows["image"]) for found in (rows, moved)]
    assert {f"else/where/{name}" for name in names[0]} == names[1]


def test_a_class_must_not_vanish():
    table = table_of(labelled([("a", "ALL")] * 90 + [("b", "HEM")] * 10))
    with pytest.raises(RecipeError) as caught:
        sample(table, 3)
    assert str(caught.value) == "data.sample: 3 leaves no image of class HEM; 6 images are the fewest with every class"
    assert caught.value.exit_code == 2
    assert set(sample(table, 6).labelled["label"]) == {"ALL", "HEM"}


# --- C-NMC --------------------------------------------------------------------------------------------------------------


def test_a_sample_of_the_whole_set_is_still_cnmc(whole_table):
    few = sample(whole_table, 400)
    assert few.name == "C-NMC 2019 (400 of 12,528 images)"
    assert is_cnmc(few)
    assert known_links(few) == cnmc_links()
    assert few.labelled["subject"].nunique() == 101
    counts = few.labelled.groupby(["part", "label"]).size().to_dict()
    shares = {("training", "ALL"): 7272, ("training", "HEM"): 3389, ("preliminary", "ALL"): 1219, ("preliminary", "HEM"): 648}
    for stratum, n in shares.items():
        assert counts[stratum] == pytest.approx(400 * n / 12528, abs=1)


@pytest.mark.real
def test_a_sample_of_the_real_sample_is_still_cnmc(cnmc_sample):
    few = sample(read(str(cnmc_sample)), 100)
    assert is_cnmc(few)
    assert known_links(few) == cnmc_links()


# --- a run's materials --------------------------------------------------------------------------------------------------


def test_parts_come_first(tiny_recipe, cache):
    table = read_table(tiny_recipe(data__parts=["training"], data__sample=20), cache)
    assert table.name == "C-NMC 2019 (20 of 60 images)"
    assert set(table.labelled["part"]) == {"training"}


def test_only_the_sample_is_decoded(tiny_recipe, tmp_path):
    small, large, whole = (
        gather(tiny_recipe(data__sample=number), cache=tmp_path, progress=Recorder()) for number in (20, 30, None)
    )
    assert [found.pictures.decoded for found in (small, large, whole)] == [20, 10, 45]
    assert [len(found.rows) for found in (small, large, whole)] == [20, 30, 75]
    assert len({found.fingerprint for found in (small, large, whole)}) == 3
    assert [found.table.name for found in (small, whole)] == ["C-NMC 2019 (20 of 75 images)", "C-NMC 2019"]


def test_a_sampled_demo_is_still_the_demo(tiny_recipe, tiny, tmp_path, monkeypatch):
    """Where ImageNet's weights are out of reach, it goes on with random ones."""

    def no_weights(choice, *args, **settings):
        if choice == "imagenet":
            raise WeightsOutOfReachError("out of reach")
        return resolve(choice, *args, **settings)

    monkeypatch.setattr(materials, "read", lambda *args, **settings: replace(read(str(tiny)), name="demo", reader="demo"))
    monkeypatch.setattr(materials, "resolve", no_weights)
    heard = Recorder()
    found = gather(tiny_recipe(data__sample=20, model__weights="imagenet"), cache=tmp_path, progress=heard)
    assert found.table.name == "demo (20 of 75 images)"
    assert any("The demo goes on with random weights" in line for line in heard.warnings)
