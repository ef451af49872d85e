"""The page of a machine, from made-up numbers."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from benched import facts, stage
from drawn_texts import texts_apart

from keras_leuk.bench.turns import OURS
from keras_leuk.errors import RunError
from keras_leuk.reporting.bench import MARK, read_bench, write_bench
from keras_leuk.reporting.bench_figure import bench_figure
from keras_leuk.reporting.bench_page import not_measured
from keras_leuk.reporting.bench_words import duration, feeding, limit, projected, speed, warnings


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bench")
    write_bench(facts(), out)
    return out


def contents(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def test_the_same_numbers_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_bench(read_bench(folder), tmp_path)
    assert contents(tmp_path) == contents(folder)
    assert set(contents(folder)) == {MARK, "bench.md", "bench.html", "figures/bench.png", "figures/bench.csv"}


def test_the_page_says_what_was_measured_and_what_was_not(folder: Path) -> None:
    text = (folder / "bench.md").read_text()
    row = next(line for line in text.splitlines() if line.startswith("| decode"))
    assert "900 (810–990)" in row
    assert "60 % (60–60)" in row
    assert "224 × 3" in row
    assert "GPU: not measured: no GPU." in text
    assert "fine-tune, vgg16: not measured, it needs about 54 s" in text
    assert "keras-leuk bench --out here" in text
    assert "measured here" in text
    assert "projected" in text
    assert "assumed" in text
    assert "Measured only once" in text
    assert "extract, vgg16" in next(line for line in text.splitlines() if "Measured only once" in line)
    assert "/tmp" not in text


def test_the_html_stands_alone(folder: Path) -> None:
    html = (folder / "bench.html").read_text()
    assert "data:image/png;base64," in html
    assert not re.search(r'(?:src|href)="https?:', html)


def test_a_column_of_words_has_its_head_above_it(folder: Path) -> None:
    """Regression: it stood to the right, the words to the left."""
    assert '<th scope="col" class="text">the ceiling</th>' in (folder / "bench.html").read_text(encoding="utf-8")


def test_the_numbers_of_the_figure_are_all_turns(folder: Path) -> None:
    with (folder / "figures" / "bench.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * (2 + 2 + 3 + 3 + 2 + 3) + 3
    ours = [float(row["images_per_second"]) for row in rows if row["stage"] == "decode" and row["role"] == "ours"]
    assert sorted(ours) == pytest.approx([810, 900, 990])
    assert {row["role"] for row in rows if row["way"] == "notebook"} == {"beside"}


@pytest.mark.parametrize("few", [False, True])
def test_no_words_of_the_figure_meet(few: bool) -> None:
    found = facts(load=3.0, processor="Intel(R) Core(TM) i9-14900KF with a rather long name @ 3.20GHz")
    if few:
        found["stages"] = found["stages"][:1]
    said = " ".join(text for text, _ in texts_apart(bench_figure(found)))
    assert "decode" in said
    assert "60 %" in said
    assert "load 3.0" in said


@pytest.mark.parametrize(
    ("ours", "bare", "words"),
    [
        (
            (95.0, 2.0),
            (100.0, 2.0),
            "95 % of its ceiling; decoding and resizing themselves take the time, with all 2 threads at work",
        ),
        ((95.0, 0.5), (100.0, 0.9), "with 0.9 of 2 threads at work"),
        ((60.0, 1.9), (100.0, 2.0), "with all 2 threads at work, the other 40 % of the time goes into hashing"),
        ((60.0, 1.0), (100.0, 2.0), "with 1.0 of 2 threads at work, the other 40 % of the time is waiting in hashing"),
    ],
)
def test_what_limits_a_stage_follows_from_the_numbers(ours: tuple[float, float], bare: tuple[float, float], words: str) -> None:
    assert words in limit(stage("decode", None, 64, **{OURS: ours, "bare": bare}), facts())


def test_on_a_busy_machine_waiting_is_not_blamed() -> None:
    slow = stage("decode", None, 64, **{OURS: (60.0, 1.0), "bare": (100.0, 1.1)})
    assert "the limit cannot be told" in limit(slow, facts(load=4.0))
    assert "load 4.0 on 2 cores" in warnings(facts(load=4.0))[0]
    assert not any("load" in line for line in warnings(facts(load=None)))


def test_a_gpu_is_not_judged_by_processor_time() -> None:
    gpu = {"gpus": [{"name": "A GPU", "compute_capability": "9.0"}], "uses": "A GPU"}
    network = stage("extract", "vgg16", 64, **{OURS: (60.0, 0.2), "bare": (100.0, 0.2)})
    assert "threads" not in limit(network, facts(**gpu))
    assert not any("no GPU" in line for line in not_measured(facts(**gpu)))


def test_the_plan_to_feed_a_network() -> None:
    (line,) = feeding(facts())
    assert line.startswith("Augmentation alone makes 131 times as many images/s as the steps of mobilenet take, so pictures wait")


def test_the_projection_names_what_was_not_measured() -> None:
    said = projected(facts())
    assert "(32 cells, 10,661 images)" in said
    assert "vgg16 was measured here, resnet50 was not." in said
    none = facts()
    none["projection"] = None
    assert projected(none) == ""


def test_a_page_without_projection_and_networks(tmp_path: Path) -> None:
    found = facts()
    found["stages"], found["projection"], found["not_measured"] = found["stages"][:2], None, []
    write_bench(found, tmp_path)
    text = (tmp_path / "bench.md").read_text()
    assert "What it means" not in text
    assert "plain Keras" not in text


@pytest.mark.parametrize(
    ("seconds", "words"), [(4.25, "4.2 s"), (60, "60 s"), (600, "10 min"), (7200, "2.0 h"), (86_400 * 19.4, "19.4 days")]
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(("value", "words"), [(12345.6, "12,346"), (99.96, "100.0"), (12.34, "12.3"), (1.234, "1.23")])
def test_speeds_have_three_digits(value: float, words: str) -> None:
    assert speed(value) == words


@pytest.mark.parametrize(("text", "words"), [(None, "keras-leuk bench --out"), ("{", "cannot be read")])
def test_a_folder_without_numbers_costs_one_line(text: str | None, words: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / MARK).write_text(text)
    with pytest.raises(RunError, match=words):
        read_bench(tmp_path)


def test_numbers_survive_json(folder: Path) -> None:
    def same(one: Any) -> Any:
        return json.loads(json.dumps(one))

    assert read_bench(folder) == same(facts())
