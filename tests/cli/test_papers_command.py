from __future__ import annotations

import json
import re
import subprocess
import sys
from decimal import Decimal

import click
import pytest
from click.testing import CliRunner, Result

from keras_leuk.cli.papers import papers as command
from keras_leuk.errors import DataError, UsageError
from keras_leuk.papers import library


def run(*words: str) -> Result:
    return CliRunner().invoke(command, words)


def test_papers_are_listed() -> None:
    for words in ((), ("list",)):
        result = run(*words)
        assert result.exit_code == 0
        for key in ("fata2023", "vijesh2024", "mantri2024", "mulya2023", "badruzzaman2024"):
            assert key in result.stdout
        assert result.stdout.splitlines()[-1] == "next: keras-leuk papers show badruzzaman2024"


def test_listing_as_json() -> None:
    for words in (("--json",), ("list", "--json")):
        found = {paper["key"]: paper for paper in json.loads(run(*words).stdout)["papers"]}
        assert found["fata2023"]["doi"] == "10.18280/ria.370306"
        assert found["mantri2024"]["doi"] is None
        assert "flattened" in found["fata2023"]["arms"]
        assert "Table V" in found["mantri2024"]["tables"]


@pytest.mark.parametrize("paper", library.papers(), ids=lambda paper: paper.key)
def test_page_of_a_paper_can_be_read_from_a_file(paper: library.Paper) -> None:
    text = run("show", paper.key).stdout
    assert "\x1b" not in text
    assert "…" not in text
    rows = [line for line in text.splitlines() if line.startswith("│")]
    for table in paper.tables:
        assert f"{table.number}. {table.caption}" in text
        for cell in table.cells:
            assert any(re.search(rf"│ +{re.escape(cell.printed)} ", row) for row in rows), (table.name, cell.printed)
    for protocol in paper.protocols:
        for grid in protocol.grids:
            assert protocol.command(grid.name) in text
    for arm in paper.arms:
        assert arm.name in text
    for line in (*paper.facts.stated, *paper.facts.contradicts, paper.facts.cost):
        assert line in text
    # Commands and sentences stand on one line each; tables keep to the width that is theirs.
    assert max(map(len, rows)) <= 150


def test_paper_as_json() -> None:
    found = json.loads(run("show", "fata2023", "--json").stdout)
    assert found["protocols"]["paper"]["grids"][0]["cells"] == 32
    assert found["protocols"]["paper"]["arms"]["preprocessed"] == ["images.rescale=backbone"]
    table = next(table for table in found["tables"] if table["name"] == "table1")
    assert table["rows"][-1] == ["100", "93.80", "92.75"]
    cell = next(cell for cell in table["cells"] if (cell["row"], cell["column"]) == ("100", "Adam (%)"))
    assert (cell["printed"], Decimal(cell["value"]), cell["decimals"], cell["side"], cell["images"]) == (
        "93.80",
        Decimal("93.80"),
        2,
        "train",
        8528,
    )
    assert cell["ours"] == {"model.backbone": "vgg16", "training.epochs": 100, "training.optimizer.name": "adam"}
    assert [choice["what"] for choice in found["open"]]


def test_output_is_the_same_every_time() -> None:
    assert run("show", "vijesh2024").stdout == run("show", "vijesh2024").stdout
    assert run("show", "vijesh2024", "--json").stdout == run("show", "vijesh2024", "--json").stdout


def test_unknown_paper_is_one_line() -> None:
    result = run("show", "mantri")
    assert isinstance(result.exception, UsageError)
    assert str(result.exception).startswith("no such paper: 'mantri'; did you mean 'mantri2024'?")
    assert result.exception.exit_code == 2


def test_installation_without_papers_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> None:
        raise DataError("the papers are missing")

    monkeypatch.setattr(library, "experiments", nowhere)
    result = run()
    assert isinstance(result.exception, DataError)
    assert result.exception.exit_code == 1


def test_neither_help_nor_pages_import_tensorflow_or_scikit_learn() -> None:
    code = """
import sys
from keras_leuk.cli.papers import papers
for words in (["--help"], ["show", "--help"], ["list"], ["show", "mulya2023"]):
    papers(words, standalone_mode=False)
print(sorted({"tensorflow", "keras", "sklearn"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_command_is_a_group_with_json_everywhere() -> None:
    assert isinstance(command, click.Group)
    for part in (command, *command.commands.values()):
        assert any(param.name == "as_json" for param in part.params)
