"""The search space: how it is written, which keys it may name, and whether the recipe takes its values."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import FixedTrial

from keras_leuk.errors import RecipeError, UsageError
from keras_leuk.recipe import Recipe
from keras_leuk.recipe.loading import dotted, validate
from keras_leuk.tuning.keys import number_types, short_names, with_values
from keras_leuk.tuning.space import Choices, Range, check_space
from keras_leuk.tuning.spelling import make_space, read_texts

RATE = "training.learning_rate.initial"
LAYERS = [{"type": "dense", "units": 64}, {"type": "dropout", "rate": 0.5}]
SPELT = validate({"model": {"head": {"layers": LAYERS}}})


def part(key: str, text: Any, recipe: Recipe | None = None) -> Choices | Range:
    (only,) = make_space(recipe or Recipe(), {key: text}).parts
    return only


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        (RATE, "log:1e-5..1e-2", Range(RATE, 1e-5, 1e-2, None, True, False)),
        (RATE, "1..2", Range(RATE, 1.0, 2.0, None, False, False)),
        ("training.batch_size", "16..64/16", Range("training.batch_size", 16, 64, 16, False, True)),
        ("training.batch_size", " log: 8 .. 1e3 ", Range("training.batch_size", 8, 1000, None, True, True)),
        ("model.head.layers.1.rate", "0.1..0.6/0.1", Range("model.head.layers.1.rate", 0.1, 0.6, 0.1, False, False)),
        ("model.head.layers.0.units", "16..256", Range("model.head.layers.0.units", 16, 256, None, False, True)),
        ("model.fine_tune", "1..9", Range("model.fine_tune", 1, 9, None, False, True)),
        ("images.crop_size", "100..300", Range("images.crop_size", 100, 300, None, False, True)),
        ("images.crop_size", "0.5..1", Range("images.crop_size", 0.5, 1.0, None, False, False)),
        ("training.class_weight.ALL", "0.5..2", Range("training.class_weight.ALL", 0.5, 2.0, None, False, False)),
        (
            "training.learning_rate.plateau.patience",
            "2..9",
            Range("training.learning_rate.plateau.patience", 2, 9, None, False, True),
        ),
        ("training.augment.rotation_range", "0..90", Range("training.augment.rotation_range", 0.0, 90.0, None, False, False)),
        ("model.weights", "../a.h5|../b.h5", Choices("model.weights", ("../a.h5", "../b.h5"), ("../a.h5", "../b.h5"))),
        (RATE, "1e-3|0.01", Choices(RATE, (0.001, 0.01), ("0.001", "0.01"))),
        (
            "training.augment.horizontal_flip",
            "true|false",
            Choices("training.augment.horizontal_flip", (True, False), ("true", "false")),
        ),
        ("model.batch_norm", "auto | inference", Choices("model.batch_norm", ("auto", "inference"), ("auto", "inference"))),
        (
            "training.augment.zoom_range",
            "[0.8, 1.2]|0.1",
            Choices("training.augment.zoom_range", ([0.8, 1.2], 0.1), ("[0.8, 1.2]", "0.1")),
        ),
    ],
)
def test_what_is_written_is_what_is_meant(key: str, text: str, expected: Choices | Range) -> None:
    found = part(key, text, SPELT)
    assert found == expected
    if isinstance(found, Range):
        assert [type(end) for end in (found.low, found.high)] == [type(found.low)] * 2 == [int if found.whole else float] * 2


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("training.batchsize", "8|16", r"no such key; did you mean 'batch_size'"),
        ("optimizer.name", "adam|sgd", r"no such key"),
        ("model.head.pooling", "avg|max", r"model\.head is 'linear', which has no keys"),
        ("training.batch_size.x", "1|2", r"has no keys"),
        ("seed", "0..9", "cannot be searched: it is no setting"),
        ("split.test", "0.1..0.3", "different images"),
        ("data.classes", "[A, B]|[B, A]", "different images"),
        ("training.monitor", "validation|test", "judged on validation"),
        ("evaluation.confidence", "0.9|0.95", "not what it learns"),
        ("resources.cpus", "1..4", "shape no number"),
        ("training.batch_size", "64", "a single value belongs in --set"),
        ("training.batch_size", "8..8", "a single value belongs in --set"),
        ("training.batch_size", "64..8", r"the lower end comes first: 8\.\.64"),
        ("training.batch_size", "8..64.5", "takes whole numbers"),
        ("training.batch_size", "8..60/16", r"did you mean 8\.\.56/16"),
        ("training.batch_size", "8..16/0", "step must be above 0"),
        ("training.batch_size", "8..16/9", "at most the distance"),
        ("training.batch_size", "log:8..64/8", "exclude each other"),
        ("training.batch_size", "log:0..64", "above 0"),
        ("training.batch_size", "8..1e999", "too large"),
        ("training.batch_size", "8|", "an empty choice"),
        ("training.batch_size", "8|8.0|8", "'8' is named twice"),
        ("training.batch_size", "8..", "expected choices"),
        ("training.batch_size", "log:8", "expected choices"),
        ("training.optimizer.name", "0..1", "takes no numbers"),
        ("training.optimizer.name", ["adam"], "one choice is no search"),
        ("training.optimizer.name", "adam|{", "is not YAML"),
    ],
)
def test_what_cannot_be_meant_is_one_line(key: str, text: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        make_space(Recipe(), {key: text})
    assert "\n" not in str(caught.value)
    assert key.split(".")[0] in str(caught.value)


def test_layers_are_counted() -> None:
    with pytest.raises(RecipeError, match=r"'2' is not a place in the list \(valid: 0 to 1\)"):
        make_space(SPELT, {"model.head.layers.2.rate": "0.1..0.2"})
    with pytest.raises(RecipeError, match=r"no such key; did you mean 'units'"):
        make_space(SPELT, {"model.head.layers.0.unit": "8|16"})
    changed = with_values(SPELT, {"model.head.layers.1.rate": 0.25, "model.head.layers.0.units": 8})
    assert [changed.model.head.layers[1].rate, changed.model.head.layers[0].units] == [0.25, 8]
    assert SPELT.model.head.layers[1].rate == 0.5


@given(
    st.floats(1e-300, 1e300),
    st.floats(1e-300, 1e300),
    st.booleans(),
)
def test_every_range_reads_back(a: float, b: float, log: bool) -> None:
    low, high = sorted((a, b))
    if low == high:
        return
    found = part("training.label_smoothing", f"{'log:' if log else ''}{low!r}..{high!r}")
    assert (found.low, found.high, found.log, found.whole) == (low, high, log, False)
    assert part("training.label_smoothing", found.text) == found


@given(st.integers(-1000, 1000), st.integers(1, 50), st.integers(1, 40))
def test_every_stepped_range_reads_back_and_ends_on_a_step(low: int, step: int, steps: int) -> None:
    found = part("training.epochs", f"{low}..{low + steps * step}/{step}")
    assert part("training.epochs", found.text) == found
    probes = found.probes()
    assert (probes[0], probes[-1]) == (low, low + steps * step)
    assert probes == tuple(range(low, low + steps * step + 1, step)) if steps < 32 else len(probes) == 2


@given(
    st.lists(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans()), min_size=2, unique_by=str)
)
def test_every_list_of_choices_keeps_its_values(values: list[Any]) -> None:
    found = part("training.batch_size", values)
    assert found.values == tuple(values)
    assert len(set(found.labels)) == len(values)
    for value, label in zip(found.values, found.labels, strict=True):
        assert found.suggest(FixedTrial({"training.batch_size": label})) == (value, label)


def test_every_key_with_a_number_is_known_as_such() -> None:
    """Against the values themselves: a number in the default recipe stands at a key that takes numbers."""
    for key, value in dotted(Recipe()).items():
        types = number_types(Recipe(), key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        assert types, key
        assert isinstance(value, int) or float in types, key
    assert number_types(Recipe(), "training.optimizer.name") == set()
    assert number_types(Recipe(), "training.augment.horizontal_flip") == set()
    assert number_types(Recipe(), "training.head_first.epochs") == {int}


def test_a_recipe_takes_other_values_and_keeps_the_rest() -> None:
    changed = with_values(Recipe(), {RATE: 0.5, "training.learning_rate.plateau.patience": 3})
    kept, now = dotted(Recipe()), dotted(changed)
    assert {key for key in now if kept.get(key) != now[key]} == {
        RATE,
        *(f"training.learning_rate.plateau.{name}" for name in ("factor", "patience", "min_delta")),
        "training.learning_rate.plateau.minimum",
    }
    with pytest.raises(RecipeError, match=r"training\.batch_size: -1"):
        with_values(Recipe(), {"training.batch_size": -1})


def test_short_names_tell_keys_apart() -> None:
    assert short_names([RATE, "seed"]) == {RATE: "learning_rate.initial", "seed": "seed"}
    assert short_names(["a.x", "b.x", "c.y"]) == {"a.x": "a.x", "b.x": "b.x", "c.y": "y"}


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"training.batch_size": "0..64"}, "training.batch_size=0: training.batch_size: 0 is not valid"),
        ({"training.batch_size": "16|many"}, "training.batch_size=many: "),
        ({"model.backbone": "mobilenet|vgg61"}, "did you mean 'vgg19'"),
        ({"training.label_smoothing": "0.5..1.0"}, "training.label_smoothing=1.0: "),
        ({"training.augment.gaussian_blur": "3..7", "model.fine_tune": "all|blocks:1"}, "gaussian_blur=4: .*odd side"),
        ({"training.augment.gaussian_blur": "3|5"}, "^the search space: .*needs a fine-tuned backbone"),
        ({"training.optimizer.momentum": "0.1..0.9", "training.optimizer.name": "adam|sgd"}, "name=adam: .*momentum belongs to"),
        ({"training.head_first.epochs": "1..3"}, "^the search space: training.head_first: .*needs a fine-tuned backbone"),
    ],
)
def test_values_that_the_recipe_never_takes_are_refused(texts: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        check_space(Recipe(), make_space(Recipe(), texts))
    assert "\n" not in str(caught.value)


def test_a_value_needs_one_combination_that_takes_it() -> None:
    texts = {"model.fine_tune": "none|all", "training.augment.gaussian_blur": "3|5|0"}
    recipe = check_space(Recipe(), make_space(Recipe(), texts))
    assert (recipe.model.fine_tune, recipe.training.augment.gaussian_blur) == ("none", 0), "the first that is valid"
    with pytest.raises(UsageError, match=r"fine_tune=none: "):
        check_space(Recipe(), make_space(Recipe(), texts | {"training.augment.gaussian_blur": "3|5"}))


def test_words_replace_a_file(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text("search:\n  training.batch_size: 8..32/8\n  model.head:\n  - linear\n  - {pooling: max}\n")
    found = read_texts(["training.batch_size=16|32", f"{RATE} = log:1e-4..1e-2"], str(file))
    assert found == {"training.batch_size": "16|32", "model.head": ["linear", {"pooling": "max"}], RATE: "log:1e-4..1e-2"}
    space = make_space(Recipe(), found)
    assert list(space.texts) == sorted(found)
    assert check_space(Recipe(), space).model.head == "linear"
    assert space.texts["model.head"] == 'linear|{"pooling": "max"}'


@pytest.mark.parametrize(
    ("words", "text", "told"),
    [
        (["training.batch_size"], None, "expected KEY=SPACE"),
        (["=8|16"], None, "expected KEY=SPACE"),
        (["a=1|2", "a=1|3"], None, "--search a is given twice"),
        ([], "search: [1, 2]", "must hold `search:`"),
        ([], "search: {}", "must hold `search:`"),
        ([], "training.batch_size: 1|2", "must hold `search:`"),
        ([], "search: {a: 1|2}\nother: 3", "must hold `search:`"),
        ([], "search: {training.batch_size: 3}", "training.batch_size is 3; expected"),
        ([], "search: {", "is not valid YAML \\(line 1\\)"),
        ([], "absent", "no such file"),
    ],
)
def test_unreadable_spaces(tmp_path: Path, words: list[str], text: str | None, told: str) -> None:
    file = tmp_path / "space.yaml"
    if text not in (None, "absent"):
        file.write_text(str(text))
    with pytest.raises(UsageError, match=told) as caught:
        read_texts(words, None if text is None else str(file))
    assert "\n" not in str(caught.value)


def test_nothing_to_search() -> None:
    with pytest.raises(UsageError, match="nothing to search; give --search"):
        make_space(Recipe(), {})


def test_large_ranges_are_tried_at_their_ends_alone() -> None:
    assert part("training.epochs", "1..1000").probes() == (1, 1000)
    assert part("training.epochs", "1..5").probes() == (1, 2, 3, 4, 5)
    assert part(RATE, "log:1e-5..1e-2").probes() == (1e-5, 1e-2)
    steps = part("training.label_smoothing", "0.1..0.3/0.1").probes()
    assert [math.isclose(a, b) for a, b in zip(steps, (0.1, 0.2, 0.3), strict=True)] == [True] * 3
