import pandas as pd

from keras_leuk.audit.duplicates import duplicates
from keras_leuk.audit.leaks import leaks
from keras_leuk.data.groups import Knowledge, KnownLink
from keras_leuk.images.duplicates import Found, Pair


def images(**columns: list) -> pd.DataFrame:
    """Six images of three subjects; what is not given is harmless."""
    table = {
        "image": [f"{n}.png" for n in range(6)],
        "label": ["ALL", "ALL", "HEM", "HEM", "HEM", "ALL"],
        "subject": ["1", "1", "H1", "H1", "H2", "3"],
        "fold": [None] * 6,
        "part": [None] * 6,
        "pixels": list("abcdef"),
        **columns,
    }
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in table.items()})


SPLIT = pd.Series(["train", "train", "test", "test", "train", "test"])


def found(*pairs: tuple[str, str, float], orientation: int = 0) -> Found:
    return Found(tuple(Pair(a, b, orientation, agreed) for a, b, agreed in pairs), 6, (9, 1, 1, 1, 1, 1, 1, 1), 0)


def knowledge(seen: Found, *links: KnownLink) -> Knowledge:
    return Knowledge(links, tuple((pair.one, pair.other) for pair in seen.pairs))


def test_a_clean_split_has_none():
    (division,) = leaks(images(), Knowledge(cells=()), [], {"mine": SPLIT}).divisions
    assert (division.name, dict(division.sides), division.leaks) == ("mine", {"train": 3, "test": 3}, False)


def test_every_kind_of_leak_is_named():
    rows = images(subject=["1", "1", "H1", "H1", "H2", "1"], pixels=list("abcacf"))
    seen = found(("b", "f", 0.8))
    result = leaks(rows, knowledge(seen), [], {"mine": SPLIT})
    told = result.as_json()["divisions"][0]
    assert told["subjects"] == {"known": 3, "shared": ["1"]}
    assert told["equal"] == ["0.png = 3.png", "2.png = 4.png"]
    assert told["cells"] == ["1.png ~ 5.png"]
    assert result.found
    assert told["leaks"]


def test_subjects_that_are_linked_elsewhere_leak_too():
    result = leaks(images(), Knowledge((KnownLink("1", "3", "x", "y"),), ()), [], {"mine": SPLIT})
    assert result.as_json()["divisions"][0]["linked"] == ["1+3"]


def test_the_datas_own_divisions_are_looked_at_and_count_where_none_is_asked_about():
    rows = images(fold=["0", "1", "0", "0", "1", "1"], part=["training"] * 6)
    own = leaks(rows, Knowledge(), [])
    assert [one.name for one in own.divisions] == ["the data's own folds"]
    assert own.found
    asked = leaks(rows, Knowledge(), [], {"mine": pd.Series(["train", "train", "test", "test", "test", "test"])})
    assert [one.kind for one in asked.divisions] == ["given", "own"]
    assert not asked.found


def test_a_cell_under_two_classes_is_a_leak_by_itself():
    seen = found(("a", "c", 0.9))
    same = duplicates(images(), seen, knowledge(seen))
    assert [group["labels"] for group in same.conflicts] == [["ALL", "HEM"]]
    assert leaks(images(), knowledge(seen), same.conflicts).found


def test_two_data_sets_share_images_not_subjects():
    others = images(image=[f"o{n}.png" for n in range(6)], pixels=list("auvwxy"))
    seen = found(("b", "u", 0.7))
    told = leaks(images(), knowledge(seen), [], other=("one", "two", others)).as_json()["divisions"][0]
    assert told["name"] == "one and two"
    assert told["subjects"] == {"known": 0, "shared": []}
    assert told["equal"] == ["one: 0.png = two: o0.png"]
    assert told["cells"] == ["one: 1.png ~ two: o1.png"]
    same_name = leaks(images(), knowledge(seen), [], other=("one", "one", others)).as_json()["divisions"][0]
    assert list(same_name["sides"]) == ["one, first", "one, second"]


def test_groups_join_equal_and_similar_images_and_come_in_order_of_weight():
    rows = images(pixels=list("abcddf"))  # 3 and 4 are equal, of H1 and H2
    seen = found(("a", "b", 0.6), ("b", "f", 0.9))  # 0, 1 and 5, of 1 and 3
    same = duplicates(rows, seen, knowledge(seen))
    assert [[image["image"] for image in group["images"]] for group in same.groups] == [
        ["0.png", "1.png", "5.png"],
        ["3.png", "4.png"],
    ]
    assert [(group["equal"], group["agreement"]) for group in same.groups] == [(False, 0.6), (True, 1.0)]
    assert same.linked == ("1+3", "H1+H2")
    assert list(same.links["cells"]) == [1, 1]
    assert same.pairs[["group", "first", "second", "why"]].values.tolist() == [
        ["g1", "0.png", "1.png", "same cell"],
        ["g1", "1.png", "5.png", "same cell"],
        ["g2", "3.png", "4.png", "equal"],
    ]


def test_what_chance_passes_is_bounded_by_the_other_orientations():
    seen = found(("a", "b", 0.6))
    bound = duplicates(images(), seen, knowledge(seen)).false_alarms()
    # Of seven candidates none passed: Clopper and Pearson's upper end is 1 - 0.025 ** (1 / 7).
    assert abs(bound["most"] - (1 - 0.025 ** (1 / 7))) < 1e-12
    turned = found(("a", "b", 0.6), orientation=3)
    assert duplicates(images(), turned, knowledge(turned)).false_alarms()["most"] is None


def test_known_links_of_images_that_are_not_here_are_said_to_be_known():
    table = duplicates(images(), found(), Knowledge((KnownLink("H1", "H2", "x.bmp", "y.bmp"),), ())).links
    assert table.loc[0, ["why", "cells", "first_file"]].tolist() == ["known", 0, "x.bmp"]
