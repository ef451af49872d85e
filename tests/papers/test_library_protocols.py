from __future__ import annotations

import importlib
import inspect
import re
import shlex
from typing import Any

import pytest

from keras_leuk.cli.grid import grid
from keras_leuk.errors import UsageError
from keras_leuk.grid.plan import Axis
from keras_leuk.models import backbones, heads
from keras_leuk.papers.library import Paper, papers
from keras_leuk.papers.library import paper as one
from keras_leuk.papers.protocol import Grid, Protocol, settings
from keras_leuk.recipe import load
from keras_leuk.recipe.loading import dotted
from keras_leuk.training.preflight import check

grid_command = importlib.import_module("keras_leuk.cli.grid")

PROTOCOLS = [(f"{paper.key}-{protocol.name}", protocol) for paper in papers() for protocol in paper.protocols]
ARMS = [(f"{name}-{arm.name}", protocol, arm.name) for name, protocol in PROTOCOLS for arm in protocol.arms]
GRIDS = [(f"{name}-{lists.name}", protocol, lists) for name, protocol in PROTOCOLS for lists in protocol.grids]
ORIGIN = re.compile(r"#.*\b(stated|assumed|ours|by arithmetic)\b")


@pytest.mark.parametrize(("protocol", "arm"), [case[1:] for case in ARMS], ids=[case[0] for case in ARMS])
def test_every_arm_is_a_recipe_that_can_be_trained(protocol: Protocol, arm: str) -> None:
    recipe = protocol.recipe(arm)
    check(recipe)
    chosen = protocol.arm(arm)
    known = dotted(protocol.recipe()) | dotted(load("default"))
    for key in chosen.keys:
        assert any(leaf == key or leaf.startswith(f"{key}.") for leaf in known), key
    assert (dotted(recipe) == dotted(protocol.recipe())) == chosen.default


@pytest.mark.parametrize("protocol", [case[1] for case in PROTOCOLS], ids=[case[0] for case in PROTOCOLS])
def test_each_protocol_has_one_default_arm_which_is_its_recipe(protocol: Protocol) -> None:
    assert [arm.default for arm in protocol.arms].count(True) == 1
    assert protocol.recipe() == protocol.recipe(protocol.arm().name) == load(str(protocol.recipe_file))
    assert protocol.recipe().name == f"{protocol.recipe_file.parents[1].name}-{protocol.name}"


@pytest.mark.parametrize("paper", papers(), ids=lambda paper: paper.key)
def test_honest_protocol_keeps_its_promise(paper: Paper) -> None:
    recipe = paper.protocol("honest").recipe()
    # The bone marrow set names no people; there the strategy is by subject as soon as somebody's table does.
    assert recipe.split.strategy == ("auto" if paper.key == "badruzzaman2024" else "official")
    assert recipe.split.link_subjects in ("audited", "equal")
    assert recipe.split.validation > 0
    assert recipe.split.seed is not None
    assert recipe.training.monitor == "validation"
    assert recipe.data.parts is None
    for arm in paper.protocol("honest").arms:
        assert not any(key.startswith(("split.", "data.")) or key == "training.monitor" for key in arm.keys), arm.name


@pytest.mark.parametrize("paper", papers(), ids=lambda paper: paper.key)
def test_protocols_differ_in_split_and_choice_only(paper: Paper) -> None:
    ours, theirs = (dotted(paper.protocol(name).recipe()) for name in ("honest", "paper"))
    differ = {key for key in ours if ours[key] != theirs.get(key)} | set(theirs) - set(ours)
    allowed = ("split.", "data.parts", "name", "training.monitor", "training.early_stopping.restore_best")
    assert all(key.startswith(allowed) for key in differ), differ


@pytest.mark.parametrize("paper", papers(), ids=lambda paper: paper.key)
def test_every_value_of_the_paper_s_recipe_says_where_it_is_from(paper: Paper) -> None:
    parents: list[tuple[int, bool]] = []
    for line in paper.protocol("paper").recipe_file.read_text().splitlines():
        if not line.strip() or line.lstrip().startswith("#") or line.startswith("name:"):
            continue
        depth = len(line) - len(line.lstrip())
        parents = [parent for parent in parents if parent[0] < depth]
        told = bool(ORIGIN.search(line)) or any(parent[1] for parent in parents)
        if line.split("#")[0].rstrip().endswith(":"):
            parents.append((depth, told))
        else:
            assert told, line


def read_by_the_command_line(words: list[str]) -> tuple[str, list[Axis], dict[str, Any], list[str]]:
    given = grid.make_context("grid", words).params
    own = {name: given.pop(name) for name in inspect.signature(grid.callback).parameters if name in given}
    axes, fixed, sets = grid_command._asked(given, own["sets"])
    return own["recipe"], axes, fixed, sets


@pytest.mark.parametrize(("protocol", "lists"), [case[1:] for case in GRIDS], ids=[case[0] for case in GRIDS])
def test_commands_mean_what_the_grids_hold(protocol: Protocol, lists: Grid) -> None:
    first = {key: values[0] for key, values in lists.lists}
    # A list of one member is no axis of the command line, but for epochs.
    varied = {key: values for key, values in lists.lists if len(values) > 1 or key == "training.epochs"}
    for arm in protocol.arms:
        if any(key in arm.keys for key in first):
            continue
        tool, command, *words = shlex.split(protocol.command(lists.name, arm.name))
        assert (tool, command) == ("keras-leuk", "grid")
        recipe, axes, fixed, sets = read_by_the_command_line(words)
        assert {axis.key: axis.values for axis in axes} == varied
        found = load(recipe, flags={**fixed, **{axis.key: axis.values[0] for axis in axes}}, sets=sets)
        assert found == load(str(protocol.recipe_file), flags=first, sets=settings(arm))


@pytest.mark.parametrize(("protocol", "lists"), [case[1:] for case in GRIDS], ids=[case[0] for case in GRIDS])
def test_every_cell_can_be_trained(protocol: Protocol, lists: Grid) -> None:
    assert len(lists.cells()) == len({str(cell) for cell in lists.cells()})
    for cell in lists.cells():
        recipe = load(str(protocol.recipe_file), flags=cell)
        check(recipe)
        backbone = backbones.find(recipe.model.backbone)
        assert recipe.model.weights == "random" or backbone.has_imagenet
        heads.find(recipe.model.head)
    assert lists.meaning
    assert [axis.key for axis in lists.axes] == [key for key, _ in lists.lists]


@pytest.mark.parametrize("paper", papers(), ids=lambda paper: paper.key)
def test_every_published_row_has_its_cell_in_a_grid(paper: Paper) -> None:
    protocol = paper.protocol("paper")
    base = dotted(protocol.recipe())
    cells = [{**base, **cell} for lists in protocol.grids for cell in lists.cells()]
    asked = [cell for table in paper.tables for cell in table.cells if cell.ours is not None]
    assert asked
    for cell in asked:
        assert any(all(run.get(key) == value for key, value in cell.ours.items()) for run in cells), (cell.row, cell.ours)


def test_fata2023_has_the_paper_s_32_cells() -> None:
    (lists,) = one("fata2023").protocol("paper").grids
    epochs = {cell["training.epochs"] for cell in lists.cells()}
    assert (len(lists.cells()), sorted(epochs)) == (32, [10, 20, 30, 40, 50, 60, 80, 100])


def test_head_of_an_arm_is_that_of_the_registry_but_for_its_pooling() -> None:
    for key, arm, pooling in (("mantri2024", "average-pooling", "avg"), ("fata2023", "flattened", "flatten")):
        head = one(key).protocol("paper").recipe(arm).model.head
        named = heads.find(key)
        assert head == named.model_copy(update={"pooling": pooling})
        assert named.pooling != pooling


def test_unknown_names_are_told_the_nearest() -> None:
    protocol = one("mantri2024").protocol("paper")
    with pytest.raises(UsageError, match="no such arm of protocol paper: 'frozn'; did you mean 'frozen'"):
        protocol.recipe("frozn")
    with pytest.raises(UsageError, match="no such grid of protocol paper: 'plain'"):
        protocol.command("plain")
    with pytest.raises(UsageError, match="no such protocol of mantri2024: 'honset'; did you mean 'honest'"):
        one("mantri2024").protocol("honset")
    with pytest.raises(UsageError, match=r"arm 'average-pooling' sets model\.head, which grid 'paper-plain' varies"):
        protocol.command("paper-plain", "average-pooling")
    with pytest.raises(UsageError, match="no such arm of protocol honest: 'test-curves'"):
        one("fata2023").protocol("honest").recipe("test-curves")


def test_train_command_takes_an_arm() -> None:
    words = shlex.split(one("vijesh2024").protocol("paper").train_command("fine-tuned"))
    assert words[:2] == ["keras-leuk", "train"]
    assert words[3:] == ["--set", "model.fine_tune=all", "--set", "training.augment.views=null"]
    recipe = load(words[2], sets=[words[4], words[6]])
    assert recipe == one("vijesh2024").protocol("paper").recipe("fine-tuned")
