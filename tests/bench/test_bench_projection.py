"""The projection of a paper's grid, against a count by hand."""

from __future__ import annotations

from typing import Any

import pytest

from keras_leuk.bench.projection import ASSUMED, MEASURED, PAPER, PROJECTED, Grid, grid_of, project, slower
from keras_leuk.grid.estimate import CELL_SECONDS, START_SECONDS
from keras_leuk.models.backbones import BACKBONES
from keras_leuk.papers.library import paper
from keras_leuk.papers.replicate_costs import costs_of


def stage(name: str, backbone: str | None, size: int = 224, **rates: float) -> dict[str, Any]:
    return {"stage": name, "backbone": backbone, "size": size, "ways": {way: {"value": rate} for way, rate in rates.items()}}


GRID = Grid("p", images=1000, training=800, testing=200, backbones=("vgg16", "resnet50"), variants=3, budgets=(2, 5), size=224)


def test_the_grid_is_the_papers() -> None:
    grid = grid_of(paper(PAPER))
    assert grid == Grid("fata2023", 10661, 8528, 2133, ("vgg16", "resnet50"), 2, (10, 20, 30, 40, 50, 60, 80, 100), 224)
    assert grid.cells == 32


def test_both_ways_by_hand_where_all_is_measured() -> None:
    stages = [
        stage("decode", None, ours=500.0, bare=900.0),
        stage("extract", "vgg16", ours=10.0, notebook=5.0),
        stage("extract", "resnet50", ours=20.0, notebook=16.0),
        stage("head", "vgg16", ours=4000.0),
        stage("head", "resnet50", ours=2000.0),
    ]
    found = project(GRID, stages)
    # vgg16: 1000 images once at 10/s; 3 optimizers × 5 epochs × 800 rows at 4000/s. resnet50: at 20/s, at 2000/s.
    ours = 1000 / 500 + 1000 / 10 + 3 * 5 * 800 / 4000 + 1000 / 20 + 3 * 5 * 800 / 2000 + 12 * CELL_SECONDS + 6 * START_SECONDS
    # Each optimizer: 2 + 5 epochs of 800 images, and two tests of 200.
    notebook = 3 * (7 * 800 + 2 * 200) * (1 / 5 + 1 / 16)
    assert found["ours_seconds"] == pytest.approx(ours)
    assert found["notebook_seconds"] == pytest.approx(notebook)
    assert found["ratio"] == pytest.approx(notebook / ours)
    assert found["networks"] == {"vgg16": MEASURED, "resnet50": MEASURED}
    assert {part["basis"] for part in found["parts"]} == {MEASURED, ASSUMED}


def test_a_network_that_was_not_measured_costs_what_the_reference_says() -> None:
    # MobileNet takes twice as long inside Model.fit as on the reference machine: so does every other network.
    rate = 1000 / (2 * costs_of("mobilenet").forward_ms)
    stages = [
        stage("decode", None, ours=500.0),
        stage("extract", "mobilenet", ours=100.0, notebook=rate),
        stage("head", "mobilenet", ours=3000.0),
    ]
    assert slower(stages[1]) == pytest.approx(2.0)
    found = project(GRID, stages)
    parts = {part["what"]: part for part in found["parts"]}
    vgg = parts["vgg16: features of 1,000 images, once"]
    assert vgg["seconds"] == pytest.approx(2 * costs_of("vgg16").forward_ms)
    assert vgg["basis"] == PROJECTED
    # ResNet-50 has twice MobileNet's features, and VGG16 half of them: never quicker than measured.
    assert parts["resnet50: 3 × 5 epochs of the head"]["seconds"] == pytest.approx(
        3 * 5 * 800 / (3000 * BACKBONES["mobilenet"].features / BACKBONES["resnet50"].features)
    )
    assert parts["vgg16: 3 × 5 epochs of the head"]["seconds"] == pytest.approx(3 * 5 * 800 / 3000)
    assert found["networks"] == {"vgg16": PROJECTED, "resnet50": PROJECTED}


def test_another_size_counts_by_its_pixels() -> None:
    stages = [
        stage("decode", None, 112, ours=800.0),
        stage("extract", "vgg16", 112, ours=40.0, notebook=20.0),
        stage("head", "vgg16", 112, ours=4000.0),
    ]
    found = project(GRID, stages)
    parts = {part["what"]: part for part in found["parts"]}
    assert parts["images decoded, once"]["seconds"] == pytest.approx(1000 / 200)
    assert parts["vgg16: features of 1,000 images, once"]["seconds"] == pytest.approx(1000 / 10)
    assert parts["vgg16: features of 1,000 images, once"]["basis"] == PROJECTED
    assert slower(stages[1]) == pytest.approx(1000 / 20 / (costs_of("vgg16").forward_ms / 4))


@pytest.mark.parametrize("missing", ["decode", "extract", "head"])
def test_without_a_measured_network_nothing_is_projected(missing: str) -> None:
    stages = [
        stage("decode", None, ours=1.0),
        stage("extract", "vgg16", ours=1.0, notebook=1.0),
        stage("head", "vgg16", ours=1.0),
    ]
    assert project(GRID, stages) is not None
    assert project(GRID, [one for one in stages if one["stage"] != missing]) is None
