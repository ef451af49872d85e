import csv
import hashlib
import shutil
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trees import labelled

from keras_leuk.data.groups import NOTHING_KNOWN, Knowledge, KnownLink
from keras_leuk.data.linked import cnmc_links
from keras_leuk.data.read import read
from keras_leuk.data.splits import read_split, split, write_split
from keras_leuk.errors import DataError
from keras_leuk.grid.ground import Ground
from keras_leuk.papers.library import paper
from keras_leuk.progress import Recorder
from keras_leuk.recipe.data import Split
from keras_leuk.training.materials import gather
from keras_leuk.training.run import assemble

ON_C_NMC = ("fata2023", "mantri2024", "mulya2023", "vijesh2024")


def cut(rows, seed=0, fold=None, knowledge=NOTHING_KNOWN, strategy="official", **recipe):
    settings_ = Split(strategy=strategy, **{"drop_linked": True, **recipe})
    return split(rows, settings_, seed, sorted(set(rows["label"])), fold=fold, knowledge=knowledge)


def of(result, side):
    return set(result.rows["image"][result.rows["split"] == side])


def apart(result, column):
    used = result.rows[result.rows["split"] != "unused"]
    return bool((used.groupby(column)["split"].nunique() == 1).all())


def cells(*parts, per=10, subjects=True):
    """Three subjects of each class in each part, such as trainingALL0."""
    rows = [(f"{part}{label}{i % 3}", label, part) for part in parts for label in ("ALL", "HEM") for i in range(per)]
    return labelled([(who if subjects else None, label) for who, label, _ in rows], part=[part for *_, part in rows])


def own(rows, who):
    return set(rows["image"][rows["subject"] == who])


# --- what is left out ---------------------------------------------------------------------------------------------------


def test_whoever_shares_a_picture_with_the_test_side_goes_whole():
    rows = cells("training", "preliminary")
    rows.loc[[0, 20], "pixels"] = "same"
    result = cut(rows, validation=0)
    assert of(result, "unused") == own(rows, "trainingALL0")
    assert of(result, "test") == set(rows["image"][20:])
    assert result.warnings == (
        "split.drop_linked: 4 images of 1 subject (trainingALL0) are linked to the test side, and not trained or validated on",
    )
    assert result.description == (
        "Split as C-NMC has it, training part to train and preliminary part to test, without 4 images of 1 subject linked to the "
        "test side (trainingALL0): train 16 images of 5 subjects, test 20 images of 6 subjects, unused 4 images of 1 subject."
    )
    assert "preliminaryALL0+trainingALL0" in result.notes[-1]


def test_without_the_key_they_stay_and_are_warned_of():
    rows = cells("training", "preliminary")
    rows.loc[[0, 20], "pixels"] = "same"
    result = cut(rows, validation=0, drop_linked=False)
    assert of(result, "unused") == set()
    assert len(result.warnings) == 1
    assert "subjects that hold the same cells stand on both sides" in result.warnings[0]


@pytest.mark.parametrize(
    ("which", "gone"),
    [
        ("none", {"0.png"}),
        ("equal", {"trainingALL0"}),
        ("known", {"trainingALL0", "trainingALL1"}),
        ("audited", {"trainingALL0", "trainingALL1", "trainingHEM0"}),
        ("auto", {"trainingALL0", "trainingALL1", "trainingHEM0"}),
    ],
)
def test_what_counts_as_linked(which, gone):
    rows = cells("training", "preliminary")
    rows.loc[[0, 20], "pixels"] = "same"
    knowledge = Knowledge(
        (KnownLink("trainingALL1", "preliminaryALL1", "x.bmp", "y.bmp"),),
        ((rows["pixels"][10], rows["pixels"][30]),),
    )
    result = cut(rows, validation=0, knowledge=knowledge, link_subjects=which)
    expected = set(rows["image"][rows["subject"].isin(gone) | rows["image"].isin(gone)])
    assert of(result, "unused") == expected
    # What somebody does not want to count as linked is still told.
    left = [line for line in result.warnings if "stand on both sides" in line or "stands on both sides" in line]
    assert bool(left) == (which in ("none", "equal", "known"))


def test_a_chain_of_subjects_goes_as_a_whole():
    rows = cells("training", "preliminary")
    rows.loc[[0, 1], "pixels"] = "one"  # trainingALL0 and trainingALL1
    rows.loc[[4, 20], "pixels"] = "two"  # trainingALL1 and preliminaryALL0
    assert of(cut(rows, validation=0), "unused") == own(rows, "trainingALL0") | own(rows, "trainingALL1")


def test_nothing_linked_nothing_said():
    result = cut(cells("training", "preliminary"), validation=0)
    assert (of(result, "unused"), result.warnings) == (set(), ())
    assert "without" not in result.description


def test_images_of_nobody_known_go_one_by_one():
    rows = cells("training", "test", subjects=False)
    rows.loc[[0, 20, 21], "pixels"] = "same"
    result = cut(rows, strategy="table", validation=0)
    assert of(result, "unused") == {"0.png"}
    (warning,) = result.warnings
    assert warning == "split.drop_linked: 1 image is linked to the test side, and not trained or validated on"


def test_the_datas_own_validation_part_is_cleared_too():
    rows = cells("training", "validation", "test")
    rows.loc[[0, 20, 40], "pixels"] = "same"
    result = cut(rows, strategy="table")
    assert of(result, "unused") == own(rows, "trainingALL0") | own(rows, "validationALL0")
    assert of(result, "validation") == set(rows["image"][20:40]) - own(rows, "validationALL0")


def test_validation_is_carved_from_what_is_left():
    rows = cells("training", "preliminary", per=30)
    rows.loc[[0, 60], "pixels"] = "same"
    result = cut(rows, validation=0.4)
    assert of(result, "unused") == own(rows, "trainingALL0")
    assert {len(set(side["subject"])) for _, side in result.rows.groupby("split")} >= {2}
    assert apart(result, "group")


def test_each_fold_leaves_out_its_own():
    rows = cells("training", per=12)
    rows["fold"] = [who[-1] for who in rows["subject"]]
    rows.loc[[0, 1], "pixels"] = "same"  # of fold 0 and fold 1
    gone = {fold: of(cut(rows, strategy="folds", fold=fold, validation=0), "unused") for fold in "012"}
    assert gone == {"0": own(rows, "trainingALL1"), "1": own(rows, "trainingALL0"), "2": set()}


def test_a_reused_split_is_cleared_and_then_stays(tmp_path):
    rows = cells("training", "preliminary")
    rows.loc[[0, 20], "pixels"] = "same"
    file = tmp_path / "split.csv"
    write_split(file, cut(rows, validation=0.5, drop_linked=False).rows)
    first = cut(rows, file=str(file))
    assert of(first, "unused") == own(rows, "trainingALL0")
    write_split(file, first.rows)
    again = cut(rows, file=str(file))
    assert list(again.rows["split"]) == list(first.rows["split"]) == list(read_split(file)["split"])
    assert not any("drop_linked" in line for line in again.warnings)


def test_nothing_left_to_train_on():
    rows = cells("training", "preliminary")
    rows["subject"] = [who.replace("preliminary", "training") for who in rows["subject"]]
    with pytest.raises(DataError, match=r"all 20 images to train on are linked to the test side .*split.drop_linked=false"):
        cut(rows)


@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 60), st.booleans()), min_size=20, max_size=90))
@settings(max_examples=50, deadline=None)
def test_nothing_is_on_two_sides_and_no_more_is_left_out_than_needed(people):
    rows = labelled(
        [(f"s{who}", "ALL" if who % 2 else "HEM") for who, *_ in people],
        pixels=[f"p{picture}" for _, picture, _ in people],
        part=["preliminary" if test else "training" for *_, test in people],
    )
    if rows["part"].nunique() < 2:
        return
    try:
        result = cut(rows, validation=0)
    except DataError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert "linked to the test side" in refusal
        return
    for column in ("subject", "group", "pixels"):
        assert apart(result, column)
    assert of(result, "test") == set(rows["image"][rows["part"] == "preliminary"])
    tested = set(result.rows["group"][result.rows["split"] == "test"])
    assert set(result.rows["group"][result.rows["split"] == "unused"]) <= tested
    assert not any("both sides" in line for line in result.warnings)


# --- a run --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def linked_tree(tiny, tmp_path_factory):
    """The tiny set, in which one preliminary picture is one of the training part."""
    root = tmp_path_factory.mktemp("linked") / "tree"
    shutil.copytree(tiny, root)
    rows = read(str(root)).labelled
    first, second = (rows[(rows["part"] == part) & (rows["label"] == "ALL")].iloc[0] for part in ("training", "preliminary"))
    shutil.copyfile(root / first["image"], root / second["image"])
    return root, first["subject"]


def test_a_run_and_a_grid_stand_on_what_is_left(linked_tree, tiny_recipe, cache):
    root, who = linked_tree
    recipe = tiny_recipe(data__path=str(root), split__strategy="official", split__drop_linked=True)
    heard = Recorder()
    _, (result,), resolved = assemble(recipe, cache, heard)
    assert set(result.rows["subject"][result.rows["split"] == "unused"]) == {who}
    assert any(line.startswith("split.drop_linked:") and f"({who})" in line for line in heard.warnings)
    assert not any("both sides" in line for line in heard.warnings)
    assert resolved.split.drop_linked is True
    ground = Ground(cache, Recorder())
    kept = recipe.model_copy(update={"split": recipe.split.model_copy(update={"drop_linked": False})})
    one, other = (ground.facts(ground.resolve(asked)) for asked in (recipe, kept))
    assert one["data"] == other["data"]
    assert one["split"] != other["split"]
    (again,) = ground.splits(ground.resolve(recipe))
    assert list(again.rows["split"]) == list(result.rows["split"])


# --- C-NMC --------------------------------------------------------------------------------------------------------------


def test_the_paper_s_split_of_the_whole_set(whole_rows):
    recipe = paper("fata2023").protocol("paper").recipe()
    rows = whole_rows[whole_rows["part"].isin(recipe.data.parts)].reset_index(drop=True)
    result = split(rows, recipe.split, recipe.seed, ("HEM", "ALL"))
    assert Counter(result.rows["split"]) == {"train": 8528, "test": 2133}


@pytest.mark.parametrize("key", ON_C_NMC)
def test_the_honest_split_of_the_whole_set(key, whole_rows, whole_knowledge):
    recipe = paper(key).protocol("honest").recipe()
    result = split(whole_rows, recipe.split, recipe.seed, ("HEM", "ALL"), knowledge=whole_knowledge)
    sides = Counter(result.rows["split"])
    # The training part holds 51, 75 and 78, and the preliminary part 55.
    assert (sides["test"], sides["unused"], sides["train"] + sides["validation"]) == (1867, 1074, 9587)
    assert set(result.rows["subject"][result.rows["split"] == "unused"]) == {"51", "75", "78"}
    assert apart(result, "subject")
    assert apart(result, "group")
    assert result.warnings == (
        "split.drop_linked: 1074 images of 3 subjects (51, 75, 78) are linked to the test side, and not trained or validated on",
    )
    assert all(line.endswith("none") for line in result.checked)


@pytest.fixture(scope="module")
def real_rows(cnmc_sample, tiny_recipe, cache):
    recipe = tiny_recipe(data__path=str(cnmc_sample), images__size=32)
    return gather(recipe, cache=cache, progress=Recorder()).rows


@pytest.fixture(scope="module")
def real_knowledge(samples, real_rows):
    """The links that come with the package, and the pairs of cells that the owner of the sample found."""
    pixels = dict(zip((name.rpartition("/")[2] for name in real_rows["image"]), real_rows["pixels"], strict=True))
    with open(samples / "data" / "cnmc-near-duplicates.tsv", newline="", encoding="utf-8") as file:
        pairs = [(pixels[row["file_a"]], pixels[row["file_b"]]) for row in csv.DictReader(file, delimiter="\t")]
    return Knowledge(cnmc_links(), tuple((one, other) for one, other in pairs if one != other))


@pytest.mark.real
@pytest.mark.parametrize("key", ON_C_NMC)
def test_the_honest_split_of_the_real_sample(key, real_rows, real_knowledge, cnmc_sample):
    recipe = paper(key).protocol("honest").recipe()
    result = split(real_rows, recipe.split, recipe.seed, ("HEM", "ALL"), knowledge=real_knowledge)
    for column in ("subject", "group", "pixels"):
        assert apart(result, column)
    used = result.rows[result.rows["split"] != "unused"]
    content = [hashlib.sha256((cnmc_sample / name).read_bytes()).hexdigest() for name in used["image"]]
    assert (used.assign(content=content).groupby("content")["split"].nunique() == 1).all()
    (warning,) = result.warnings
    assert warning.startswith("split.drop_linked: ")
    assert "(51, 75, 78)" in warning
    assert of(result, "test") == set(real_rows["image"][real_rows["part"] == "preliminary"])


@pytest.mark.real
def test_the_real_sample_leaked_before(real_rows, real_knowledge):
    recipe = paper("fata2023").protocol("honest").recipe()
    kept = recipe.split.model_copy(update={"drop_linked": False})
    (warning,) = split(real_rows, kept, recipe.seed, ("HEM", "ALL"), knowledge=real_knowledge).warnings
    assert "(51+55+75+78)" in warning
