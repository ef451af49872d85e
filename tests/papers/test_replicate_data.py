from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from keras_leuk.errors import DataError, UsageError
from keras_leuk.papers.library import paper
from keras_leuk.papers.replicate_data import DataFacts, demo_for, look


def plant(root: Path, counts: Mapping[str, int]) -> Path:
    """A folder a class, of empty files: nothing opens an image."""
    for name, number in counts.items():
        (root / name).mkdir(parents=True)
        for i in range(number):
            (root / name / f"{name}_{i}.png").touch()
    return root


def seen(key: str, data: Path | str, cache: Path, **stand_ins: str) -> DataFacts:
    return look(paper(key), {"data.path": str(data)}, stand_ins, cache)


def told(facts: DataFacts) -> dict[str, tuple[str, str, str]]:
    return {check.what: (check.paper, check.here, check.words) for check in facts.checks}


def test_other_data_are_told_line_by_line(tiny: Path, cache: Path) -> None:
    facts = seen("fata2023", tiny, cache)
    assert facts.images == 75
    assert (facts.subjects, facts.positive, facts.demo, facts.the_papers) == (12, "ALL", False, False)
    assert facts.parts == {"training", "preliminary"}
    # The paper used the training part, so that is what is compared: 60 of the 75 images, 9 of the 12 subjects.
    training = facts.classes_in(["training"])
    assert sum(training.values()) == 60
    assert told(facts) == {
        "images": ("10,661", "60", "10,601 fewer"),
        "images of ALL": ("7,272", f"{training['ALL']}", f"{7272 - training['ALL']:,} fewer"),
        "images of HEM": ("3,389", f"{training['HEM']}", f"{3389 - training['HEM']:,} fewer"),
        "subjects": ("73", "9", "64 fewer"),
    }


def test_a_paper_that_used_all_parts_is_compared_with_all(tiny: Path, cache: Path) -> None:
    facts = seen("mulya2023", tiny, cache)
    assert told(facts)["images"] == ("12,528", "75", "12,453 fewer")
    assert told(facts)["subjects"] == ("101", "12", "89 fewer")


def test_images_of_parts_add_up(tiny: Path, cache: Path) -> None:
    facts = seen("fata2023", tiny, cache)
    parts = [facts.classes_in([part]) for part in ("training", "preliminary")]
    assert facts.classes == {name: parts[0][name] + parts[1][name] for name in facts.classes}
    assert facts.classes_in(None) == facts.classes_in(["training", "preliminary"]) == facts.classes
    assert facts.classes_in(["training", "test"]) == facts.classes  # the data have no such part, so nothing is left out
    assert list(facts.classes) == ["HEM", "ALL"]  # label order


def test_data_without_parts_and_subjects(tmp_path: Path, cache: Path) -> None:
    facts = seen("fata2023", plant(tmp_path / "cells", {"all": 7, "hem": 5, "smudge": 3}), cache)
    assert facts.subjects is None
    assert facts.parts == frozenset()
    checks = told(facts)
    assert checks["images"] == ("10,661", "15", "10,646 fewer")
    assert checks["images of ALL"] == ("7,272", "7", "7,265 fewer")  # capitals do not matter
    assert checks["images of smudge"] == ("none", "3", "no such class in the paper")
    assert checks["subjects"] == ("73", "unknown", "the data name no subjects")


def test_the_papers_own_data_agree_in_every_line(tmp_path: Path, cache: Path) -> None:
    counts = paper("fata2023").facts.data.images
    rows = ["path,label,subject"]
    rows += [f"{name}_{i}.png,{name},S{i % 73 if name == 'ALL' else i % 20}" for name, n in counts.items() for i in range(n)]
    table = tmp_path / "cells.csv"
    table.write_text("\n".join([*rows, ""]))
    for line in rows[1:]:
        (tmp_path / line.partition(",")[0]).touch()
    facts = seen("fata2023", table, cache)
    assert all(check.agrees and check.words == "the same" for check in facts.checks)
    assert facts.the_papers


def test_a_stand_in_is_compared_and_found_under_the_published_name(tmp_path: Path, cache: Path) -> None:
    data = plant(tmp_path / "cells", {"IG": 4, "MON": 6})
    facts = seen("badruzzaman2024", data, cache, BLA="IG")
    assert (facts.class_of("BLA"), facts.class_of("mon"), facts.class_of("PLM")) == ("IG", "MON", None)
    assert facts.stand_ins == {"BLA": "IG"}
    checks = told(facts)
    assert checks["images of BLA (here IG)"] == ("11,973", "4", "11,969 fewer")
    assert checks["images of PLM"] == ("7,629", "none", "no such class here")
    assert "images of IG" not in checks  # it is no stranger: it stands for BLA


def test_wrong_stand_ins_are_refused_with_the_nearest(tmp_path: Path, cache: Path) -> None:
    data = plant(tmp_path / "cells", {"IG": 4, "MON": 6})
    with pytest.raises(UsageError, match="--stand-in 'BLAS' is no class of badruzzaman2024; did you mean 'B"):
        seen("badruzzaman2024", data, cache, BLAS="IG")
    with pytest.raises(UsageError, match="--stand-in 'MONO' is no class of the data; did you mean 'MON'"):
        seen("badruzzaman2024", data, cache, BLA="MONO")


def test_data_that_cannot_be_read_are_refused(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no images found"):
        seen("fata2023", tmp_path / "empty", cache)
    with pytest.raises(UsageError, match="nowhere"):
        seen("fata2023", tmp_path / "nowhere", cache)


def test_demo_means_as_many_classes_as_the_paper_has() -> None:
    assert demo_for(paper("badruzzaman2024"), "demo") == "demo:leukocytes"
    assert demo_for(paper("fata2023"), "demo") == "demo"
    assert demo_for(paper("badruzzaman2024"), "cells") == "cells"


def test_the_demo_is_never_the_papers() -> None:
    made_up = DataFacts("demo", True, {"HEM": 1, "ALL": 1}, "ALL", 2, (), {}, {"": {"HEM": 1, "ALL": 1}})
    assert not made_up.checks
    assert not made_up.the_papers


@pytest.mark.parametrize(
    ("name", "classes", "expected"),
    [
        ("C-NMC 2019", {"HEM": 10, "ALL": 20}, True),
        ("C-NMC 2019 (400 of 12,528 images)", {"HEM": 10, "ALL": 20}, True),
        ("images", {"HEM": 10, "ALL": 20}, False),
        ("C-NMC 2019", {"Benign": 10, "ALL": 20}, False),
    ],
)
def test_a_part_of_the_papers_data_is_known_by_name_and_classes(name: str, classes: dict[str, int], expected: bool) -> None:
    data = DataFacts(name, False, classes, None, None, (), {}, {})
    assert data.part_of(paper("fata2023")) is expected
    assert not replace(data, demo=True).part_of(paper("fata2023"))
