import csv
import time
from collections import Counter

import pytest
from trees import plant, records

from keras_leuk.data import cnmc
from keras_leuk.data.read import read
from keras_leuk.errors import DataError

TRAINING = [
    "fold_0/all/UID_1_1_1_all.bmp",
    "fold_0/hem/UID_H1_1_1_hem.bmp",
    "fold_1/all/UID_2_1_1_all.bmp",
    "fold_2/hem/UID_h3_4_1_hem.bmp",
]
PRELIM = "C-NMC_test_prelim_phase_data"
LABELS = f"{PRELIM}_labels.csv"
LINES = "Patient_ID,new_names,labels\nUID_57_29_1_all.bmp,1.bmp,1\nUID_H30_2_1_hem.bmp,10.bmp,0\nUID_58_1_1_all.bmp,2.bmp,1\n"
TCIA = {name: f"C-NMC_training_data/{name}" for name in TRAINING}
KAGGLE = {name: f"C-NMC_Leukemia/training_data/{name}" for name in TRAINING}


def with_labels_at(root, where, lines=LINES):
    (root / where).parent.mkdir(parents=True, exist_ok=True)
    (root / where).write_text(lines)
    return root


@pytest.mark.parametrize(
    "tree",
    [
        list(TCIA.values()),
        list(KAGGLE.values()),
        [f"a/b/c/{name}" for name in TCIA.values()],
        [f"C-NMC_training_data/fold_0/{name}" for name in TRAINING],
        [name.replace(".bmp", ".png") for name in TCIA.values()],
        [name.replace(".bmp", ".JPG").replace("_hem.", "_HEM.") for name in TCIA.values()],
    ],
    ids=["tcia", "kaggle", "wrapped", "twice", "png", "upper"],
)
def test_training_layouts(tmp_path, tree):
    table = read(str(plant(tmp_path, tree)))
    assert (table.reader, table.name) == ("cnmc", "C-NMC 2019")
    assert (table.classes, table.positive) == (("HEM", "ALL"), "ALL")
    assert Counter(table.rows["label"]) == {"ALL": 2, "HEM": 2}
    assert list(table.rows["subject"]) == ["1", "H1", "2", "h3"]
    assert list(table.rows["fold"]) == ["0", "0", "1", "2"]
    assert set(table.rows["part"]) == {"training"}
    assert table.has_subjects
    assert table.has_folds
    assert not table.has_parts
    assert table.warnings == ()


def test_flattened_copy_has_no_folds(tmp_path):
    table = read(str(plant(tmp_path, ["all/UID_1_1_1_all.bmp", "hem/UID_H1_1_1_hem.bmp"])))
    assert records(table.rows, "fold", "part", "label") == {
        "UID_1_1_1_all.bmp": (None, "training", "ALL"),
        "UID_H1_1_1_hem.bmp": (None, "training", "HEM"),
    }


def test_one_fold_folder_alone_keeps_its_name(tmp_path):
    table = read(str(plant(tmp_path / "fold_1", ["all/UID_1_1_1_all.bmp", "hem/UID_H1_1_1_hem.bmp"])))
    assert set(table.rows["fold"]) == {"1"}


@pytest.mark.parametrize("at", [f"{PRELIM}/{LABELS}", f"{PRELIM}/{PRELIM}/{LABELS}", LABELS])
@pytest.mark.parametrize("suffix", ["bmp", "png"])
def test_preliminary_is_joined_by_name(tmp_path, at, suffix):
    plant(tmp_path, [*TCIA.values(), *(f"{PRELIM}/{PRELIM}/{i}.{suffix}" for i in (1, 2, 10))])
    table = read(str(with_labels_at(tmp_path, at)))
    found = records(table.rows[table.rows["part"] == "preliminary"], "label", "subject", "fold")
    assert found == {f"1.{suffix}": ("ALL", "57", None), f"2.{suffix}": ("ALL", "58", None), f"10.{suffix}": ("HEM", "H30", None)}
    assert not table.warnings
    assert table.notes == ()
    assert Counter(table.labelled["part"]) == {"training": 4, "preliminary": 3}


def test_preliminary_in_kaggles_folders_and_final_without_labels(tmp_path):
    final = [f"C-NMC_Leukemia/testing_data/C-NMC_test_final_phase_data/{i}.bmp" for i in (1, 2)]
    prelim = [f"C-NMC_Leukemia/validation_data/{PRELIM}/{i}.bmp" for i in (1, 2, 10)]
    plant(tmp_path, [*KAGGLE.values(), *prelim, *final])
    table = read(str(with_labels_at(tmp_path, f"C-NMC_Leukemia/validation_data/{LABELS}")))
    assert Counter(table.rows["part"]) == {"training": 4, "preliminary": 3, "final": 2}
    assert table.rows[table.rows["part"] == "final"]["label"].isna().all()
    assert len(table.labelled) == 7
    assert "final part: 2 of 2 images have no label and are left out" in table.notes


@pytest.mark.parametrize("inner", [PRELIM, f"{PRELIM}/{PRELIM}"])
def test_preliminary_folder_alone(tmp_path, inner):
    plant(tmp_path, [f"{inner}/{i}.bmp" for i in (1, 2, 10)])
    with_labels_at(tmp_path, f"{PRELIM}/{LABELS}" if inner != PRELIM else LABELS)
    table = read(str(tmp_path / inner))
    assert Counter(table.labelled["label"]) == {"ALL": 2, "HEM": 1}


def test_preliminary_images_under_their_full_names(tmp_path):
    plant(tmp_path, [f"{PRELIM}/UID_57_29_1_all.bmp", f"{PRELIM}/UID_H30_2_1_hem.bmp"])
    table = read(str(with_labels_at(tmp_path, LABELS)))
    assert set(table.rows["part"]) == {"preliminary"}
    assert table.notes[-1] == "1 of 3 labelled preliminary images are not there"


def test_preliminary_images_that_are_not_there(tmp_path):
    plant(tmp_path, [*TCIA.values(), f"{PRELIM}/2.bmp"])
    assert read(str(with_labels_at(tmp_path, LABELS))).notes[-1] == "2 of 3 labelled preliminary images are not there"


def test_label_file_without_any_image_warns(tmp_path):
    plant(tmp_path, TCIA.values())
    table = read(str(with_labels_at(tmp_path, f"{PRELIM}/{LABELS}")))
    assert table.warnings == (f"{PRELIM}/{LABELS} labels 3 preliminary images, but none of them is there",)


def test_images_without_label_file_stay_unlabelled_with_a_warning(tmp_path):
    table = read(str(plant(tmp_path, [*TCIA.values(), f"{PRELIM}/1.bmp", f"{PRELIM}/2.bmp"])))
    assert "no label file" in table.warnings[0]
    assert "2 preliminary images" in table.warnings[0]
    assert len(table.labelled) == 4
    assert len(table.rows) == 6


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (LINES.replace("2.bmp", "3.bmp"), rf"1 preliminary images have no line in {LABELS}; the first is 2"),
        (LINES.replace("labels\n", "label\n"), "has no column labels; found: Patient_ID, new_names, label"),
        (LINES.replace("2.bmp,1", "2.bmp,ALL"), f"{LABELS} line 4: labels must be 1 .ALL. or 0 .HEM.: 'ALL'"),
        (LINES.replace("2.bmp,1", "2.bmp,0"), "line 4: labels says HEM, but Patient_ID is UID_58_1_1_all.bmp"),
        (LINES.replace("UID_58_1_1_all", "58"), "line 4: Patient_ID is not a C-NMC cell name"),
        (LINES + "UID_59_1_1_all.bmp,1.bmp,1\n", "line 5: 1 is UID_59_1_1_all, but UID_57_29_1_all in .* line 2"),
        ("", "is empty"),
    ],
)
def test_label_file_refusals(tmp_path, lines, line):
    plant(tmp_path, [*TCIA.values(), *(f"{PRELIM}/{i}.bmp" for i in (1, 2, 10))])
    with pytest.raises(DataError, match=line):
        read(str(with_labels_at(tmp_path, LABELS, lines)))


def test_the_name_is_the_label_and_a_folder_that_disagrees_is_a_warning(tmp_path):
    table = read(str(plant(tmp_path, [*TCIA.values(), "C-NMC_training_data/fold_0/all/UID_H9_1_1_hem.bmp"])))
    assert records(table.rows, "label")["UID_H9_1_1_hem.bmp"] == ("HEM",)
    assert table.warnings == (
        "1 cells lie in a folder of the other class; the label is that of the name: "
        "C-NMC_training_data/fold_0/all/UID_H9_1_1_hem.bmp",
    )


def test_the_same_cell_in_two_folders_is_refused(tmp_path):
    plant(tmp_path, [*TCIA.values(), f"copy/{TRAINING[0]}"])
    with pytest.raises(DataError, match=rf"lies in two places: C-NMC_training_data/{TRAINING[0]} and copy/{TRAINING[0]}"):
        read(str(tmp_path))


def test_numbers_start_again_in_each_phase(tmp_path):
    plant(tmp_path, [*TCIA.values(), f"{PRELIM}/1.bmp", "C-NMC_test_final_phase_data/1.bmp"])
    assert len(read(str(with_labels_at(tmp_path, LABELS))).rows) == 6


def test_junk_is_not_data(tmp_path):
    junk = ["._UID_1_1_1_all.bmp", ".DS_Store", "Thumbs.db", "__MACOSX/fold_0/all/UID_1_1_1_all.bmp", ".trash/UID_1_1_1_all.bmp"]
    table = read(str(plant(tmp_path, [*TCIA.values(), *junk])))
    assert len(table.rows) == 4
    assert not table.warnings


def test_strangers_and_folders_of_a_users_own_split_are_told(tmp_path):
    tree = ["train/all/UID_1_1_1_all.bmp", "test/hem/UID_H1_1_1_hem.bmp", "test/hem/UID_H1_1_1_hem_flipped.bmp"]
    table = read(str(plant(tmp_path, tree)))
    assert table.warnings == ("1 images are not named like C-NMC cells and were left out: test/hem/UID_H1_1_1_hem_flipped.bmp",)
    assert "folders test, train are not taken as a split" in table.notes[-1]


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path):
    plant(tmp_path / "real", TRAINING)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "circle").symlink_to(tmp_path / "real")
    assert len(read(str(tmp_path / "data")).rows) == 4


def test_does_not_look_like_other_data(tmp_path):
    assert not cnmc.looks_like(plant(tmp_path / "a", ["validation_data/cat/1.png", "all/1.png", "hem/2.png"]))
    assert not cnmc.looks_like(tmp_path / "missing")


@pytest.mark.real
def test_the_whole_official_tree(tmp_path, samples):
    with open(samples / "data" / "cnmc-official-files.tsv", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            training = f"C-NMC_training_data/fold_{row['fold']}/{row['label']}"
            folder = tmp_path / (training if row["split"] == "train" else f"{PRELIM}/{PRELIM}")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / row["name"]).touch()
    (tmp_path / PRELIM / LABELS).write_bytes((samples / "data" / "cnmc-official-prelim-labels.csv").read_bytes())
    start = time.perf_counter()
    table = read(str(tmp_path))
    assert time.perf_counter() - start < 5
    training = table.rows[table.rows["part"] == "training"]
    assert Counter(training["label"]) == {"ALL": 7272, "HEM": 3389}
    assert Counter(training["fold"]) == {"0": 3527, "1": 3581, "2": 3553}
    assert training.groupby("label")["subject"].nunique().to_dict() == {"ALL": 47, "HEM": 26}
    assert (training.groupby("subject")["fold"].nunique() == 1).all()
    preliminary = table.rows[table.rows["part"] == "preliminary"]
    assert Counter(preliminary["label"]) == {"ALL": 1219, "HEM": 648}
    assert preliminary["subject"].nunique() == 28
    assert not table.warnings


@pytest.mark.real
def test_the_real_sample(cnmc_sample):
    table = read(str(cnmc_sample))
    assert table.rows.groupby("part")["subject"].agg(["size", "nunique"]).to_dict("index") == {
        "training": {"size": 548, "nunique": 57},
        "preliminary": {"size": 100, "nunique": 22},
    }
    assert Counter(table.labelled["label"]) == {"ALL": 284 + 63, "HEM": 264 + 37}
