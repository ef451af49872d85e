from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from keras_leuk.data.groups import KNOWN, SAME_CELL, Knowledge, KnownLink, Link, connected, link_subjects

SUBJECT = st.sampled_from([None, *"ABCDEFG"])
IMAGES = st.lists(st.tuples(SUBJECT, st.sampled_from("0123456789")), min_size=1, max_size=25)


def test_worked_example():
    image = ["1", "2", "3", "4", "5", "6", "7", "8"]
    subject = ["H10", "h3", "51", "75", "78", "51", "9", "9"]
    pixels = ["a", "a", "b", "b", "c", "c", "d", "d"]
    groups = link_subjects(image, subject, pixels)
    assert groups.names == ("h3+H10",) * 2 + ("51+75+78",) * 4 + ("9",) * 2
    assert groups.links == (
        Link("51", "75", (("3", "4"),), "51+75+78"),
        Link("51", "78", (("6", "5"),), "51+75+78"),
        Link("h3", "H10", (("2", "1"),), "h3+H10"),
    )
    assert (groups.links[1].first_image, groups.links[1].second_image) == ("6", "5")


def test_unknown_subjects_are_linked_by_pixels_alone():
    groups = link_subjects(["1", "2", "3", "4"], [None, None, None, "A"], ["p", "p", "q", "r"])
    assert groups.names == ("pixels p", "pixels p", "pixels q", "A")
    assert groups.links == ()


def test_an_image_without_subject_joins_the_subject_of_its_twin():
    assert link_subjects(["1", "2"], ["A", None], ["p", "p"]).names == ("A", "A")


def test_one_picture_under_three_names_makes_two_links():
    links = link_subjects(["1", "2", "3", "4"], ["C", "C", "B", "A"], ["p"] * 4).links
    assert [(link.first, link.second, link.images) for link in links] == [("A", "B", (("4", "3"),)), ("A", "C", (("4", "1"),))]


@given(IMAGES)
def test_groups_are_the_connected_components(images):
    subject, pixels = [s for s, _ in images], [p for _, p in images]
    names = link_subjects([str(i) for i in range(len(images))], subject, pixels).names
    # Slow and plain: spread the smallest number along every shared subject and every shared picture until it rests.
    mark = list(range(len(images)))
    changed = True
    while changed:
        changed = False
        for i in range(len(images)):
            for j in range(len(images)):
                same = pixels[i] == pixels[j] or (subject[i] is not None and subject[i] == subject[j])
                if same and mark[j] > mark[i]:
                    mark[j], changed = mark[i], True
    by_name, by_mark = defaultdict(set), defaultdict(set)
    for i, (name, number) in enumerate(zip(names, mark, strict=True)):
        by_name[name].add(i)
        by_mark[number].add(i)
    assert sorted(map(sorted, by_name.values())) == sorted(map(sorted, by_mark.values()))


@given(IMAGES, st.randoms(use_true_random=False))
def test_names_do_not_depend_on_the_order(images, random):
    order = list(range(len(images)))
    random.shuffle(order)
    straight = link_subjects([str(i) for i in order], *zip(*images, strict=True)).names
    turned = link_subjects([str(i) for i in order], *zip(*(images[i] for i in order), strict=True)).names
    assert turned == tuple(straight[i] for i in order)


def test_images_of_one_cell_link_their_subjects():
    found = link_subjects(["1", "2", "3"], ["B", "A", "C"], ["p", "q", "r"], Knowledge(cells=(("p", "q"), ("r", "elsewhere"))))
    assert found.names == ("A+B", "A+B", "C")
    assert found.links == (Link("A", "B", (("2", "1"),), "A+B", SAME_CELL),)


def test_subjects_known_to_be_linked_are_one_where_both_are_here():
    known = Knowledge((KnownLink("A", "B", "a.bmp", "b.bmp"), KnownLink("A", "Z", "c.bmp", "z.bmp")))
    found = link_subjects(["1", "2", "3"], ["B", "A", "C"], ["p", "q", "r"], known)
    assert found.names == ("A+B", "A+B", "C")
    assert found.links == (Link("A", "B", (("a.bmp", "b.bmp"),), "A+B", KNOWN),)


def test_the_strongest_reason_is_told():
    known = Knowledge((KnownLink("A", "B", "a", "b"),), (("p", "q"),))
    image, subject, pixels = ["1", "2", "3", "4"], ["A", "B", "A", "B"], ["p", "p", "p", "q"]
    (link,) = link_subjects(image, subject, pixels, known).links
    assert (link.why, link.images) == ("equal", (("1", "2"),))
    (link,) = link_subjects(image, subject, pixels, known, equal=False).links
    assert (link.why, link.images[0]) == (SAME_CELL, ("1", "4"))


def test_nothing_links_where_nothing_is_used():
    known = Knowledge((KnownLink("A", "B", "a", "b"),), (("p", "q"),))
    found = link_subjects(["1", "2"], ["A", "B"], ["p", "q"], known.used("none"), equal=False)
    assert found.names == ("A", "B")
    assert found.links == ()
    assert known.used("equal") == Knowledge()
    assert known.used("known") == Knowledge(known.subjects)
    assert known.used("audited") == known


def test_an_image_without_subject_joins_the_subject_whose_cell_it_shows():
    assert link_subjects(["1", "2"], ["A", None], ["p", "q"], Knowledge(cells=(("p", "q"),))).names == ("A", "A")


def test_connected_names_are_shared_along_chains():
    names = connected("abcd", [("a", "b"), ("b", "c")])
    assert names[0] == names[1] == names[2] != names[3]
