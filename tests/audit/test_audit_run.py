"""A whole audit of a small set with planted faults, and what later trainings know of it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from keras_leuk.audit.folder import filling
from keras_leuk.audit.request import Request
from keras_leuk.audit.run import audit
from keras_leuk.data.read import read
from keras_leuk.errors import RecipeError, RunError, UsageError
from keras_leuk.progress import Recorder
from keras_leuk.training.materials import gather, knowledge_of
from keras_leuk.training.run import make_splits


@pytest.fixture(scope="module")
def faulty(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny set, where cells of two pairs of subjects stand under another's name, one of them under the other class, too."""
    folder = Path(shutil.copytree(tiny, tmp_path_factory.mktemp("faulty") / "data"))
    table = read(str(folder)).rows
    table = table[table["part"] == "training"]
    sick, well = (list(dict.fromkeys(table["subject"][table["label"] == label])) for label in ("ALL", "HEM"))

    def first(subject: str) -> Path:
        return folder / table["image"][table["subject"] == subject].iloc[0]

    # The same file under another subject's name: equal pixels.
    shutil.copy(first(sick[0]), first(sick[1]).with_name(f"UID_{sick[1]}_90_1_all.bmp"))
    # The same cell, mirrored, under another subject's name.
    mirrored = Image.open(first(sick[2])).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    mirrored.save(first(sick[3]).with_name(f"UID_{sick[3]}_91_1_all.bmp"))
    # The same cell, a little darker, under the other class.
    darker = np.asarray(Image.open(first(well[0]))) * 0.95
    Image.fromarray(darker.astype(np.uint8)).save(first(sick[0]).with_name(f"UID_{sick[0]}_92_1_all.bmp"))
    (first(well[1]).with_name(f"UID_{well[1]}_93_1_hem.bmp")).write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def done(faulty: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict]:
    """(audit folder, cache, content of audit.json)."""
    root = tmp_path_factory.mktemp("audited")
    content = audit(Request(str(faulty), split="random", features="hand"), root / "audit", cache=root / "cache")
    return root / "audit", root / "cache", content


def test_the_folder_holds_everything(done):
    folder, _, content = done
    assert json.loads((folder / "audit.json").read_text()) == content
    assert {"inventory", "duplicates", "leaks", "shortcuts", "shift", "subjects", "suspicious"} <= content.keys()
    names = {path.name for path in folder.iterdir()}
    assert {"report.html", "report.md", "images.csv", "duplicates.csv", "linked_subjects.csv", "suspicious.csv"} <= names
    for group in content["duplicates"]["groups"]:
        assert (folder / "pictures" / f"{group['name']}.jpg").is_file()
    page = (folder / "report.html").read_text()
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert 'src="data:image/png' in page
    assert len(pd.read_csv(folder / "images.csv")) == content["data"]["images"] == 78


def test_every_planted_fault_is_named(done):
    _, _, content = done
    same, leaking = content["duplicates"], content["leaks"]
    assert (len(same["groups"]), same["equal"]) == (3, 1)
    assert same["confirmed"]["mirrored"] == 1
    (conflict,) = leaking["conflicts"]
    assert any(image["image"].endswith("_92_1_all.bmp") for image in conflict["images"])
    assert same["groups"][0]["labels"] == ["ALL", "HEM"]
    split, *own = leaking["divisions"]
    assert split["name"] == "split random, seed 0"
    assert split["subjects"]["shared"]
    assert {one["name"] for one in own} == {"the data's own parts", "the data's own folds"}
    assert leaking["found"]
    assert [line for line in content["inventory"]["unreadable"] if "_93_1_hem" in json.dumps(line)]


def test_a_training_knows_what_the_audit_found(done, faulty, tiny_recipe):
    _, cache, content = done
    told = Recorder()
    materials = gather(tiny_recipe(data__path=str(faulty), data__unreadable="skip"), cache=cache, progress=told)
    knowledge = knowledge_of(materials, told)
    assert len(knowledge.cells) == 2
    (split,) = make_splits(materials, told)
    assert split.link_subjects == "audited"
    assert {link.group for link in split.linked} <= set(content["duplicates"]["linked"])
    assert any("one cell under two classes" in line for line in told.warnings)


def test_a_recipe_may_ask_for_the_search(faulty, tiny_recipe, tmp_path):
    settings = {"data__path": str(faulty), "data__unreadable": "skip"}
    for which, cells in (("known", None), ("audited", 2)):
        recipe = tiny_recipe(**settings, split__link_subjects=which)
        materials = gather(recipe, cache=tmp_path, progress=Recorder())
        found = knowledge_of(materials, Recorder()).cells
        assert (None if found is None else len(found)) == cells


def test_two_audits_are_the_same_to_the_byte(done, faulty, tmp_path):
    folder, cache, _ = done
    audit(Request(str(faulty), split="random", features="hand"), tmp_path / "again", cache=cache)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "timing.json":
            assert (tmp_path / "again" / path.relative_to(folder)).read_bytes() == path.read_bytes(), path.name


def test_wrong_names_leave_nothing_behind(tiny, tmp_path):
    for request, error in (
        (Request(None), UsageError),
        (Request(str(tmp_path / "nowhere")), UsageError),
        (Request(str(tiny), split="halves"), RecipeError),
        (Request(str(tiny), features="mobilnet"), RecipeError),
        (Request(None, run=tmp_path), RunError),
    ):
        with pytest.raises(error):
            audit(request, tmp_path / "out", cache=tmp_path / "cache")
    assert not list(tmp_path.iterdir())


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("1")
    with pytest.raises(RunError, match=r"holds files that are not an audit's \(chapter\.txt\)"), filling(tmp_path / "thesis"):
        pass
    with pytest.raises(ZeroDivisionError), filling(tmp_path / "thesis", overwrite=True):
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.rglob("*")] == ["thesis", "chapter.txt"]


def test_what_somebody_put_beside_an_audit_stays(tmp_path):
    out = tmp_path / "audit"
    for turn in ("first", "second"):
        with filling(out) as folder:
            (folder / "pictures").mkdir()
            (folder / "pictures" / f"{turn}.jpg").write_text(turn)
            (folder / "audit.json").write_text(turn)
        (out / "my notes.txt").write_text("mine")
    assert sorted(path.name for path in out.rglob("*") if path.is_file()) == ["audit.json", "my notes.txt", "second.jpg"]
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("1")
    with filling(tmp_path / "thesis", overwrite=True) as folder:
        (folder / "audit.json").write_text("{}")
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "1"
